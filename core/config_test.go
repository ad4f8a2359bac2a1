package core

import (
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDefaultsAreTheBaselines(t *testing.T) {
	c, err := Compile(soundSpec())
	if err != nil {
		t.Fatal(err)
	}
	want := PlacementInfo{
		Name: "visa", Kind: ReasonDedicated, Candidates: []int32{1, 0}, FirstEP: 1, EndEP: 3,
		Breaker:  BreakerSpec{Failures: 5, Open: 30 * Second, Growth: 1e6, OpenMax: 300 * Second, Probes: 1, Successes: 1, MaxOpenPercent: 100},
		Health:   HealthSpec{Path: "/health", Every: 10 * Second, Timeout: 2 * Second, Fall: 3, Rise: 2},
		Timeouts: TimeoutSpec{Connect: 5 * Second, ResponseHeader: 10 * Second, Request: 30 * Second, BodyIdle: 60 * Second, UpstreamIdle: 90 * Second, Settle: Second},
	}
	if diff := cmp.Diff(want, c.Placement(1)); diff != "" {
		t.Error(diff)
	}
	if got := c.Placement(0).Kind; got != ReasonTier {
		t.Errorf("tier1 is a %v", got)
	}
	ep := []EndpointInfo{{"http://tier1:1", "http://tier1:1", 0, 100, 0}, {"http://visa-b:1", "http://visa-b:1", 1, 100, 0}, {"a", "https://visa-a", 1, 100, 0}}
	for i, want := range ep {
		if got := c.Endpoint(i); got != want {
			t.Errorf("endpoint %d is %+v, want %+v", i, got, want)
		}
	}
	if c.Placements() != 2 || c.Endpoints() != 3 || c.Keys() != 2 || c.Version() != "v1" {
		t.Errorf("%d placements, %d endpoints, %d keys, version %q", c.Placements(), c.Endpoints(), c.Keys(), c.Version())
	}
	if k, p := c.Key(1); k != "visa" || p != 1 {
		t.Errorf("key 1 is %q -> %d", k, p)
	}
	if got := *c.Timeouts(1); got != want.Timeouts {
		t.Errorf("timeouts %+v", got)
	}
	for _, name := range []string{"visa", "tier1", "a", "tier2", "zz"} {
		i, ok := c.FindPlacement(name)
		if ok != (name == "visa" || name == "tier1") || ok && c.Placement(i).Name != name {
			t.Errorf("FindPlacement(%q) = %d %v", name, i, ok)
		}
	}
}

func TestWeightedIsAboutUnequalWeights(t *testing.T) {
	for _, c := range []struct {
		weights []uint32
		want    bool
	}{{[]uint32{0, 100}, false}, {[]uint32{7, 7}, false}, {[]uint32{100, 0, 50}, true}, {[]uint32{5}, false}} {
		r := peers(t, Rendezvous, c.weights...)
		if got := r.config.placements[0].weighted; got != c.want {
			t.Errorf("%v: weighted %v", c.weights, got)
		}
	}
}

// TestEveryFieldCountsInTheDigest changes one field at a time, by reflection,
// so that a field added later cannot be forgotten: equal digests mean the same (R12).
func TestEveryFieldCountsInTheDigest(t *testing.T) {
	compile := func(s Spec) uint64 {
		c, err := Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		return c.Digest()
	}
	seen := map[uint64]string{compile(soundSpec()): "nothing"}
	try := func(what string, change func(*Spec)) {
		s := soundSpec()
		change(&s)
		d := compile(s)
		if other, ok := seen[d]; ok {
			t.Errorf("a change of %s gives the digest of a change of %s", what, other)
		}
		seen[d] = what
	}
	try("version", func(s *Spec) { s.Version = "v2" })
	try("default", func(s *Spec) { s.Default = "visa" })
	try("no default", func(s *Spec) { s.Default = "" })
	try("unknown status", func(s *Spec) { s.UnknownStatus = 404 })
	try("a key", func(s *Spec) { s.Keys[0].Key = "acne" })
	try("a key's placement", func(s *Spec) { s.Keys[0].Placement = "visa" })
	try("a key less", func(s *Spec) { s.Keys = s.Keys[1:] })
	try("an endpoint's name", func(s *Spec) { s.Placements[0].Endpoints[0].Name = "b" })
	try("an endpoint's URL", func(s *Spec) { s.Placements[0].Endpoints[0].URL = "http://visa-c" })
	try("an endpoint's weight", func(s *Spec) { s.Placements[0].Endpoints[0].Weight = 50 })
	try("a fallback", func(s *Spec) { s.Placements[0].Fallback = nil })
	try("kind", func(s *Spec) { s.Placements[0].Kind = ReasonTier })
	try("body_max", func(s *Spec) { s.Placements[0].BodyMax = 1 })
	try("first", func(s *Spec) { s.Placements[0].Select = First })
	try("select", func(s *Spec) { s.Placements[0].Select = LeastRequest })
	try("last_resort", func(s *Spec) { s.Placements[0].LastResort = RefuseLastResort })
	try("in_flight", func(s *Spec) { s.Placements[0].Limit.InFlight = 7 })
	try("guests", func(s *Spec) { s.Placements[0].Limit.Guests = 7 })
	try("guests none", func(s *Spec) { s.Placements[0].Limit.Guests = -1 })
	try("when_full", func(s *Spec) { s.Placements[0].Limit.WhenFull = FailOverWhenFull })
	ratio := func(change func(*BreakerSpec)) func(*Spec) {
		return func(s *Spec) {
			b := &s.Placements[0].Breaker
			b.FailureRatio, b.SlowRatio, b.Window, b.MinRequests, b.SlowCall = 500_000, 600_000, 8*Second, 30, Second
			change(b)
		}
	}
	try("ratios", ratio(func(*BreakerSpec) {}))
	try("failure_ratio", ratio(func(b *BreakerSpec) { b.FailureRatio = 400_000 }))
	try("slow_ratio", ratio(func(b *BreakerSpec) { b.SlowRatio = 500_000 }))
	try("window", ratio(func(b *BreakerSpec) { b.Window = 9 * Second }))
	try("min_requests", ratio(func(b *BreakerSpec) { b.MinRequests = 31 }))
	try("slow_call", ratio(func(b *BreakerSpec) { b.SlowCall = 2 * Second }))
	try("preset", func(s *Spec) { s.Placements[0].Breaker.Preset = "haproxy" })
	try("ketama", func(s *Spec) { s.Placements[0].Select = Ketama })
	try("bound", func(s *Spec) { s.Placements[0].Select, s.Placements[0].Bound = Ketama, 125 })
	try("another bound", func(s *Spec) { s.Placements[0].Select, s.Placements[0].Bound = Ketama, 150 })
	try("maglev", func(s *Spec) { s.Placements[0].Select = Maglev })
	try("ewma", func(s *Spec) { s.Placements[0].Select = EWMA })
	try("decay", func(s *Spec) { s.Placements[0].Select, s.Placements[0].Decay = EWMA, Second })
	try("slow_start", func(s *Spec) { s.Placements[0].SlowStart = Second })
	try("sticky", func(s *Spec) { s.Placements[0].Sticky.Cookie = "c" })
	try("sticky ttl", func(s *Spec) { s.Placements[0].Sticky = StickySpec{"c", Second} })
	try("shards", func(s *Spec) { s.Placements[0].Shards = 1 })
	elsewhere := []string{"FailureRatio", "SlowRatio", "Preset", "Window", "MinRequests", "SlowCall"} // above: each needs another
	for _, part := range []string{"Breaker", "Health", "Timeouts"} {
		of := func(s *Spec) reflect.Value { return reflect.ValueOf(&s.Placements[0]).Elem().FieldByName(part) }
		s := soundSpec()
		for i := range of(&s).NumField() {
			name := of(&s).Type().Field(i).Name
			if slices.Contains(elsewhere, name) {
				continue
			}
			try(part+"."+name, func(s *Spec) {
				switch f := of(s).Field(i); f.Kind() {
				case reflect.Bool:
					f.SetBool(true)
				case reflect.String:
					f.SetString("/other")
				case reflect.Uint32:
					f.SetUint(map[bool]uint64{true: 2e6, false: 7}[name == "Growth"])
				default:
					f.SetInt(int64(31 * Second))
				}
			})
		}
	}
	if len(seen) < 35 {
		t.Errorf("only %d changes tried", len(seen))
	}
}

func TestOrderInTheSpecCarriesNoMeaning(t *testing.T) {
	a, _ := Compile(soundSpec())
	s := soundSpec()
	slices.Reverse(s.Keys)
	slices.Reverse(s.Placements)
	slices.Reverse(s.Placements[1].Endpoints)
	b, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	if a.Digest() != b.Digest() {
		t.Error("another order gives another digest")
	}
	s = soundSpec()
	s.Placements[0].Select = First
	a, _ = Compile(s)
	slices.Reverse(s.Placements[0].Endpoints)
	if b, _ = Compile(s); a.Digest() == b.Digest() {
		t.Error("under first the order of endpoints must count")
	}
}

func TestMatchIsTheTableThenTheDefault(t *testing.T) {
	s := soundSpec()
	c, _ := Compile(s)
	s.Default, s.UnknownStatus = "", 404
	refuses, _ := Compile(s)
	for _, m := range []struct {
		config *Config
		key    string
		want   Route
	}{
		{c, "visa", Route{Hashes{Key: HashString("visa")}, 1, ReasonDedicated, ClassNone}},
		{c, "acme", Route{Hashes{Key: HashString("acme")}, 0, ReasonTier, ClassNone}},
		{c, "other", Route{Hashes{Key: HashString("other")}, 0, ReasonDefault, ClassNone}},
		{c, "", Route{Hashes{Key: 0}, -1, ReasonNone, NoKey}},
		{refuses, "other", Route{Hashes{Key: HashString("other")}, -1, ReasonNone, UnknownKey}},
		{refuses, "visa", Route{Hashes{Key: HashString("visa")}, 1, ReasonDedicated, ClassNone}},
	} {
		got, ok := m.config.Match(m.key)
		if got != m.want || ok != (m.want.Refuse == ClassNone) {
			t.Errorf("Match(%q) = %+v %v, want %+v", m.key, got, ok, m.want)
		}
	}
	if p, status := refuses.Unknown(); p != -1 || status != 404 {
		t.Errorf("Unknown() = %d %d", p, status)
	}
	if p, status := c.Unknown(); p != 0 || status != 421 {
		t.Errorf("Unknown() = %d %d", p, status)
	}
}

// TestTheDigestOfAConfigurationIsPartOfTheFormat pins one. Recordings and epochs
// name configurations by it: another number here is another SPEC version.
func TestTheDigestOfAConfigurationIsPartOfTheFormat(t *testing.T) {
	c, err := Compile(soundSpec())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Digest(), uint64(0x4ea8d211ddb5c646); got != want {
		t.Errorf("the digest is %#x, it was %#x", got, want)
	}
}
