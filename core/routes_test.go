package core

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// routedSpec has two routes, two tables and a split.
func routedSpec() Spec {
	s := soundSpec()
	s.Splits = []SplitSpec{{"moving", []PartSpec{{"visa", 950_000}, {"tier1", 50_000}}}}
	s.Keys = append(s.Keys, KeySpec{"zeta", "moving"})
	s.Tables = []TableSpec{{"partners", []KeySpec{{"acme", "visa"}, {"beta", "moving"}}}}
	s.Routes = []RouteSpec{{Table: "partners", UnknownStatus: 404}, {Default: "visa"}}
	return s
}

func mustRoute(t testing.TB, s Spec) *Config {
	t.Helper()
	c, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEachRouteMatchesInItsOwnTable(t *testing.T) {
	c := mustRoute(t, routedSpec()) // placements: 0 tier1, 1 visa
	for _, w := range []struct {
		via       uint16
		key       string
		placement int32
		refuse    Class
	}{
		{0, "acme", 0, ClassNone},
		{1, "acme", 1, ClassNone},
		{2, "acme", 0, ClassNone},
		{0, "nobody", 0, ClassNone},
		{1, "nobody", -1, UnknownKey},
		{2, "nobody", 1, ClassNone},
		{1, "", -1, NoKey},
		{3, "acme", -1, ClassNone}, // no such route: the router refuses it
		{65535, "acme", -1, ClassNone},
	} {
		got, ok := c.MatchVia(w.via, w.key, 0)
		if got.Placement != w.placement || got.Refuse != w.refuse || ok != (w.placement >= 0) {
			t.Errorf("key %q by route %d: %+v, %t", w.key, w.via, got, ok)
		}
	}
}

func TestWhatTheEdgeFoundIsRefusedAsSuch(t *testing.T) {
	s := routedSpec()
	s.NoRouteStatus = 421
	r := New(Options{Strict: true})
	r.Step(0, &Event{Kind: Adopt, Config: mustRoute(t, s)}, nil)
	arrive := func(via uint16, refuse Class, epoch Epoch) Decision {
		out := r.Step(1, &Event{Kind: Arrive, Via: via, Epoch: epoch, Route: Route{Placement: -1, Refuse: refuse}}, nil)
		return out[len(out)-1]
	}
	for _, w := range []struct {
		via    uint16
		refuse Class
		status uint16
		class  Class
		rule   uint8
	}{
		{0, NoRoute, 421, NoRoute, 1},
		{0, Unauthorized, 401, Unauthorized, 16},
		{0, URITooLong, 414, URITooLong, 16},
		{0, UnknownKey, 421, UnknownKey, 1},
		{1, UnknownKey, 404, UnknownKey, 1},
		{9, UnknownKey, 500, Internal, 16},
		{9, ClassNone, 500, Internal, 16},
	} {
		d := arrive(w.via, w.refuse, r.Epoch())
		if d.Kind != Reject || d.Status != w.status || d.Class != w.class || d.Rule != w.rule {
			t.Errorf("%s by route %d: %+v", w.refuse, w.via, d)
		}
	}
	if d := arrive(0, NoRoute, Epoch{0, 9}); d.Class != Internal {
		t.Errorf("no_route of another epoch is %s, want internal: routes may have changed", d.Class)
	}
	if d := arrive(0, HeaderTooLarge, Epoch{0, 9}); d.Class != HeaderTooLarge {
		t.Errorf("header_too_large of another epoch is %s: it needs no configuration", d.Class)
	}
}

func TestASplitGivesExactlyItsShares(t *testing.T) {
	c := mustRoute(t, routedSpec())
	const n = 200_000
	visa := 0
	for i := range uint64(n) {
		if r, _ := c.MatchVia(0, "zeta", RequestHash(0, i)); r.Placement == 1 {
			visa++
		}
	}
	// Five standard deviations of a fair draw: sqrt(n * 0.95 * 0.05) * 5.
	if d := visa - n*95/100; d < -490 || d > 490 {
		t.Errorf("%d of %d went to the part of 95%%", visa, n)
	}
}

func TestASplitMovesOnlyWhatItsShareSays(t *testing.T) {
	at := func(tier1 uint32) *Config {
		s := routedSpec()
		s.Splits[0].Parts = []PartSpec{{"visa", million - tier1}, {"tier1", tier1}}
		return mustRoute(t, s)
	}
	rapid.Check(t, func(t *rapid.T) {
		small := rapid.Uint32Range(0, million).Draw(t, "share")
		large := rapid.Uint32Range(small, million).Draw(t, "larger share")
		a, b := at(small), at(large)
		for range 200 {
			h := rapid.Uint64().Draw(t, "hash")
			before, _ := a.MatchVia(0, "zeta", h)
			after, _ := b.MatchVia(0, "zeta", h)
			u := uint32(below(draw(0, h, before.Key, purposeSplit), million))
			if moved := before.Placement != after.Placement; moved != (u >= small && u < large) || moved && after.Placement != 0 {
				t.Fatalf("%d moves from %d to %d when tier1 grows from %d to %d", u, before.Placement, after.Placement, small, large)
			}
		}
	})
}

func TestAPartOfNothingGetsNobodyAndThatOfAllEverybody(t *testing.T) {
	s := routedSpec()
	s.Splits[0].Parts = []PartSpec{{"tier1", 0}, {"visa", million}}
	c := mustRoute(t, s)
	for i := range uint64(10_000) {
		if r, ok := c.MatchVia(0, "zeta", i); !ok || r.Placement != 1 {
			t.Fatalf("hash %d goes to %+v", i, r)
		}
	}
	if got := c.HomeName(-1); got != "tier1 0% visa 100%" {
		t.Errorf("the split is called %q", got)
	}
}

func TestUsersAreDrawnAnewForEachKey(t *testing.T) {
	s := routedSpec()
	s.Splits[0].Parts = []PartSpec{{"visa", 500_000}, {"tier1", 500_000}}
	s.Keys = append(s.Keys, KeySpec{"zeus", "moving"})
	c, same := mustRoute(t, s), 0
	for i := range uint64(10_000) {
		a, _ := c.MatchVia(0, "zeta", i)
		b, _ := c.MatchVia(0, "zeus", i)
		same += int(bit(a.Placement == b.Placement))
	}
	if same < 4750 || same > 5250 {
		t.Errorf("%d of 10000 users are on the same side of both tenants' splits, want about half", same)
	}
}

func TestNamesAndOrderOfSplitsAndTablesCarryNoMeaning(t *testing.T) {
	a := routedSpec()
	a.Splits = append(a.Splits, SplitSpec{"even", []PartSpec{{"visa", 500_000}, {"tier1", 500_000}}})
	a.Tables = append(a.Tables, TableSpec{"extra", []KeySpec{{"k", "even"}}})
	b := routedSpec()
	b.Splits = []SplitSpec{
		{"half", []PartSpec{{"tier1", 500_000}, {"visa", 500_000}}},
		{"other", []PartSpec{{"tier1", 50_000}, {"visa", 950_000}}},
		{"same", []PartSpec{{"visa", 950_000}, {"tier1", 50_000}}},
	}
	b.Keys[2].Placement = "same"
	b.Tables[0].Keys = []KeySpec{{"beta", "other"}, {"acme", "visa"}}
	b.Tables = []TableSpec{{"extra", []KeySpec{{"k", "half"}}}, b.Tables[0]}
	ca, cb := mustRoute(t, a), mustRoute(t, b)
	if ca.Digest() != cb.Digest() || ca.Splits() != 2 {
		t.Errorf("digests %016x and %016x, %d splits", ca.Digest(), cb.Digest(), ca.Splits())
	}
}

func TestEveryPartOfRoutingCountsInTheDigest(t *testing.T) {
	plain := mustRoute(t, routedSpec()).Digest()
	for name, change := range map[string]func(s *Spec){
		"no_route":            func(s *Spec) { s.NoRouteStatus = 421 },
		"a share":             func(s *Spec) { s.Splits[0].Parts[0].Share, s.Splits[0].Parts[1].Share = 940_000, 60_000 },
		"a split":             func(s *Spec) { s.Keys[2].Placement = "visa" },
		"a table's name":      func(s *Spec) { s.Tables[0].Name, s.Routes[0].Table = "p", "p" },
		"a key of a table":    func(s *Spec) { s.Tables[0].Keys[0].Key = "b" },
		"a home in a table":   func(s *Spec) { s.Tables[0].Keys[0].Placement = "tier1" },
		"a route":             func(s *Spec) { s.Routes = s.Routes[:1] },
		"route 0's table":     func(s *Spec) { s.Table = "partners" },
		"a route's table":     func(s *Spec) { s.Routes[0].Table = "" },
		"a route's default":   func(s *Spec) { s.Routes[1].Default = "tier1" },
		"a route's status":    func(s *Spec) { s.Routes[0].UnknownStatus = 410 },
		"the order of routes": func(s *Spec) { s.Routes[0], s.Routes[1] = s.Routes[1], s.Routes[0] },
	} {
		s := routedSpec()
		change(&s)
		if mustRoute(t, s).Digest() == plain {
			t.Errorf("%s does not count in the digest", name)
		}
	}
}

func TestEveryFaultOfRoutingIsNamedWithItsPlaceAndItsCure(t *testing.T) {
	for _, c := range []struct {
		plant func(s *Spec)
		want  string
	}{
		{func(s *Spec) { s.Routes[0].Table = "x" }, `routes[1].table: there is no table named "x"; define it under tables`},
		{func(s *Spec) { s.Routes[1].Default = "viza" }, `routes[2].unknown_key.to: there is no placement named "viza"; did you mean "visa"?`},
		{func(s *Spec) { s.Routes[0].UnknownStatus = 200 }, "routes[1].unknown_key.reject: 200 is not an error status"},
		{func(s *Spec) { s.NoRouteStatus = 302 }, "no_route.reject: 302 is not an error status; use 400 to 599"},
		{func(s *Spec) { s.Routes = make([]RouteSpec, MaxRoutes) }, "routes: there are 1025; use at most 1024"},
		{func(s *Spec) { s.Tables = make([]TableSpec, MaxTables) }, "tables: there are 1025; use at most 1024"},
		{func(s *Spec) { s.Tables[0].Name = "" }, "tables.: the name is empty"},
		{func(s *Spec) { s.Tables = append(s.Tables, s.Tables[0]) }, "tables.partners: is defined twice"},
		{func(s *Spec) { s.Tables[0].Keys[0].Key = "" }, "tables.partners: a key is empty"},
		{func(s *Spec) { s.Tables[0].Keys[1].Key = "acme" }, "tables.partners.acme: is defined twice"},
		{func(s *Spec) { s.Tables[0].Keys[0].Placement = "viza" }, `tables.partners.acme: there is no placement named "viza"; did you mean "visa"?`},
		{func(s *Spec) { s.Keys[2].Placement = "mowing" }, `keys.zeta: there is no placement named "mowing"`},
		{func(s *Spec) { s.Splits[0].Parts[0].Share = 940_000 }, "splits.moving: the shares are 99% in all; make them 100% in all"},
		{func(s *Spec) { s.Splits[0].Parts[0].Share = 4_000_000_000 }, "make them 100% in all"},
		{func(s *Spec) { s.Splits[0].Parts[0].Placement = "tier1" }, "splits.moving.tier1: is there twice"},
		{func(s *Spec) { s.Splits[0].Parts[0].Placement = "viza" }, `splits.moving.viza: there is no placement named "viza"`},
		{func(s *Spec) { s.Splits[0].Parts = nil }, "splits.moving: there are 0 parts; give 1 to 8"},
		{func(s *Spec) { s.Splits[0].Parts = make([]PartSpec, 9) }, "splits.moving: there are 9 parts"},
		{func(s *Spec) { s.Splits = append(s.Splits, s.Splits[0]) }, "splits.moving: is defined twice"},
		{func(s *Spec) { s.Splits[0].Name = "visa" }, "splits.visa: has no name, or that of a placement"},
	} {
		s := routedSpec()
		c.plant(&s)
		if _, err := Compile(s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
}

func TestPercentLosesNothing(t *testing.T) {
	for share, want := range map[uint32]string{0: "0%", 1: "0.0001%", 50_000: "5%", 2_500: "0.25%", 999_990: "99.999%", million: "100%"} {
		if got := Percent(share); got != want {
			t.Errorf("%d is %q, want %q", share, got, want)
		}
	}
}

func TestManyKeysShareOneSplit(t *testing.T) {
	s := routedSpec()
	for i := range 1000 {
		name := fmt.Sprintf("s%d", i)
		s.Splits = append(s.Splits, SplitSpec{name, s.Splits[0].Parts})
		s.Keys = append(s.Keys, KeySpec{fmt.Sprintf("k%d", i), name})
	}
	if c := mustRoute(t, s); c.Splits() != 1 || c.Keys() != 1003 {
		t.Errorf("%d splits of %d keys", c.Splits(), c.Keys())
	}
}

func TestMatchingByARouteAllocatesNothing(t *testing.T) {
	c := mustRoute(t, routedSpec())
	if n := testing.AllocsPerRun(100, func() {
		c.MatchVia(1, "beta", 7)
		c.MatchVia(0, "zeta", 7)
		c.MatchVia(2, "nobody", 7)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
