package traces_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/core"
	"lockstep/traces"
)

// routedSpec has everything that R1 knows of routes.
func routedSpec() core.Spec {
	place := func(name string) core.PlacementSpec {
		return core.PlacementSpec{Name: name, Endpoints: []core.EndpointSpec{{URL: "http://" + name}}, Edge: "for " + name}
	}
	return core.Spec{
		Version: "1", Default: "b", Edge: "for all", Table: "u", NoRouteStatus: 421,
		Placements: []core.PlacementSpec{place("a"), place("b"), place("c")},
		Splits: []core.SplitSpec{
			{Name: "x", Parts: []core.PartSpec{{Placement: "b", Share: 999_999}, {Placement: "a", Share: 1}}},
			{Name: "y", Parts: []core.PartSpec{{Placement: "c", Share: 1_000_000}, {Placement: "a"}}},
		},
		Keys:   []core.KeySpec{{Key: "k", Placement: "a"}, {Key: "s", Placement: "x"}},
		Tables: []core.TableSpec{{Name: "u", Keys: []core.KeySpec{{Key: "k", Placement: "y"}}}, {Name: "t"}},
		Routes: []core.RouteSpec{{Table: "t", UnknownStatus: 404}, {Default: "c"}},
	}
}

func TestRoutesTablesAndSplitsSurviveARecording(t *testing.T) {
	want := compileSpec(t, routedSpec())
	s := traces.SpecOf(want)
	got := compileSpec(t, s)
	if got.Digest() != want.Digest() {
		t.Errorf("SpecOf makes %016x of %016x", got.Digest(), want.Digest())
	}
	again, err := traces.DecodeSpec(traces.EncodeSpec(&s))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(traces.EncodeSpec(&s), traces.EncodeSpec(&again)); d != "" {
		t.Error(d)
	}
	if c := compileSpec(t, again); c.Digest() != want.Digest() {
		t.Errorf("JSON makes %016x of %016x", c.Digest(), want.Digest())
	}
}

func compileSpec(t *testing.T, s core.Spec) *core.Config {
	t.Helper()
	c, err := core.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAReplayMatchesAsTheRouteAndTheSplitSay(t *testing.T) {
	c := compileSpec(t, routedSpec())
	for via := range uint16(4) {
		for _, key := range []string{"", "k", "s", "?"} {
			for _, split := range []uint64{0, 7} {
				ev := core.Event{Via: via, Split: split, Request: 12345}
				want, _ := c.MatchVia(via, key, ev.SplitHash())
				if got := traces.RouteOf(c, key, &ev); got != want {
					t.Errorf("%q by %d: %+v, want %+v", key, via, got, want)
				}
			}
		}
	}
	for _, class := range []core.Class{core.BadRequest, core.NoRoute, core.Unauthorized, core.URITooLong} {
		ev := core.Event{Route: core.Route{Refuse: class}}
		if got := traces.RouteOf(c, "k", &ev); got.Refuse != class || got.Placement != -1 {
			t.Errorf("%s: %+v", class, got)
		}
	}
}
