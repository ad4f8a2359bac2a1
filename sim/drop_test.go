package sim

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/core"
)

// fifths is five placements of three endpoints, each the fallback of the one before, with two keys each.
func fifths() core.Spec {
	s := core.Spec{Version: "1", Default: "p4"}
	for _, name := range []string{"p0", "p1", "p2", "p3", "p4"} {
		p := core.PlacementSpec{Name: name}
		if n := len(s.Placements); n > 0 {
			s.Placements[n-1].Fallback = []string{name}
		}
		for _, e := range []string{"a", "b", "c"} {
			p.Endpoints = append(p.Endpoints, core.EndpointSpec{URL: "http://" + name + e + ":80"})
		}
		s.Placements = append(s.Placements, p)
		s.Keys = append(s.Keys, core.KeySpec{Key: name, Placement: name}, core.KeySpec{Key: name + "x", Placement: name})
	}
	return s
}

func TestADropTakesFromTheBackAndLeavesTheOriginal(t *testing.T) {
	for _, c := range []struct {
		drop                        Drop
		keys, placements, endpoints int
		compiles                    bool
	}{
		{Drop{}, 10, 5, 15, true},
		{Drop{Keys: 250_000}, 7, 5, 15, true},
		{Drop{Keys: million}, 0, 5, 15, true},
		{Drop{Placements: 1}, 8, 4, 12, true},
		{Drop{Placements: 500_000, Endpoints: 500_000}, 4, 2, 2, true},
		{Drop{Endpoints: million}, 10, 5, 0, false},
		{Drop{Placements: million}, 0, 0, 0, false},
	} {
		s := fifths()
		left := c.drop.From(s)
		endpoints := 0
		for _, p := range left.Placements {
			endpoints += len(p.Endpoints)
		}
		if len(left.Keys) != c.keys || len(left.Placements) != c.placements || endpoints != c.endpoints {
			t.Errorf("%+v leaves %d keys, %d placements, %d endpoints", c.drop, len(left.Keys), len(left.Placements), endpoints)
		}
		if _, err := core.Compile(left); (err == nil) != c.compiles {
			t.Errorf("%+v: compiling says %v", c.drop, err)
		}
		if d := cmp.Diff(fifths(), s); d != "" {
			t.Errorf("%+v changed the original: %s", c.drop, d)
		}
	}
}
