package sim

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/core"
)

// islands draws a plan whose configuration falls into the components p0, p1
// and q0, q1, with a fault in the first.
func islands(t *rapid.T) Plan {
	p := drawPlan(t)
	p.Pushes = nil
	p.Spec.Default, p.Spec.Keys, p.Spec.Tables, p.Spec.Routes, p.Spec.Splits = "", nil, nil, nil, nil
	var all []core.PlacementSpec
	for _, prefix := range []string{"p", "q"} {
		s := drawSpec(t, prefix)
		for i, place := range s.Placements[:min(2, len(s.Placements))] {
			place.Name = prefix + place.Name[1:]
			place.Fallback = nil
			if i == 1 {
				place.Fallback = []string{prefix + "0"}
			}
			for j := range place.Endpoints {
				place.Endpoints[j].URL += "/" + prefix
			}
			p.Spec.Keys = append(p.Spec.Keys, core.KeySpec{Key: "k" + place.Name, Placement: place.Name})
			all = append(all, place)
		}
	}
	p.Spec.Placements = all
	for i := range p.Faults {
		p.Faults[i].Placement = rapid.SampledFrom([]string{"p0", "q0"}).Draw(t, "island")
	}
	kind := FaultKind(rapid.IntRange(1, int(Crash)-1).Draw(t, "kind"))
	p.Faults = append([]Fault{{Kind: kind, Placement: "p0", At: sec, Until: 5 * sec}}, p.Faults...)
	return p
}

func TestAFaultChangesNothingInAnotherComponent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		violations, ok := CheckRelation(islands(t), WithoutFault, 0, Options{})
		if !ok || len(violations) > 0 {
			t.Fatal(ok, violations)
		}
	})
}

// twoIslands is a fixed plan of two placements that share nothing.
func twoIslands() Plan {
	p := troubled()
	for i := range p.Spec.Placements {
		p.Spec.Placements[i].Fallback = nil
	}
	p.Faults, p.Pushes = []Fault{{Kind: Refuse, Placement: "p0", At: 2 * sec, Until: 6 * sec}}, nil
	return p
}

func TestABreakerThatMovesAnotherComponentIsCaught(t *testing.T) {
	bug := func() Tamper {
		return Tamper{Decide: func(r *core.Router, _ core.Time, _ *core.Event, d *core.Decision) {
			if d.Kind == core.Forward && d.Placement == 1 && r.Endpoint(0).Breaker == core.Open {
				d.Failover = core.FailoverCircuitOpen
			}
		}}
	}
	violations, ok := CheckRelation(twoIslands(), WithoutFault, 0, Options{Tamper: bug})
	if !ok || len(violations) != 1 || violations[0].Property != "R15" || violations[0].Placement != "p1" {
		t.Fatal(ok, violations)
	}
	if violations, ok = CheckRelation(twoIslands(), WithoutFault, 0, Options{}); !ok || len(violations) > 0 {
		t.Fatal("without the bug:", ok, violations)
	}
}

func TestComponentsFollowFallbacksAndSharedServers(t *testing.T) {
	place := func(name, url string, fallback ...string) core.PlacementSpec {
		return core.PlacementSpec{Name: name, Endpoints: []core.EndpointSpec{{URL: url}}, Fallback: fallback}
	}
	got := components([]*core.Spec{{Version: "1", Placements: []core.PlacementSpec{
		place("a", "http://a:1", "c"), place("b", "http://b:1"), place("c", "http://c:1"), place("d", "http://b:1"), place("e", "http://e:1"),
	}}})
	if diff := cmp.Diff([][]string{{"a", "c"}, {"b", "d"}, {"e"}}, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestIsolationSaysWhenItJudgesNothing(t *testing.T) {
	for name, spoil := range map[string]func(f *Fault){
		"a fault of every placement": func(f *Fault) { f.Placement = "" },
		"a fault of a router":        func(f *Fault) { f.Kind = Crash },
		"a fault of nothing":         func(f *Fault) { f.Placement = "nowhere" },
	} {
		p := twoIslands()
		spoil(&p.Faults[0])
		if _, ok := CheckRelation(p, WithoutFault, 0, Options{}); ok {
			t.Errorf("%s was judged", name)
		}
	}
}

func TestWhatConnectsPlacementsBesideFallbacksIsLeftOut(t *testing.T) {
	p := twoIslands()
	p.Faults = append(p.Faults, Fault{Kind: Upgrade, At: 8 * sec, Until: 9 * sec}, Fault{Kind: Drain, At: 15 * sec, Until: 16 * sec}, Fault{Kind: ClockAhead, At: 3 * sec, Until: 4 * sec})
	p.WallClock = true
	p.Clients[0].Retries, p.Clients[0].Retry.Floor = 2, 1
	p.Clients = append(p.Clients, Client{Name: "users", Users: 3})
	if found, ok := CheckRelation(p, WithoutFault, 0, Options{}); !ok || len(found) > 0 {
		t.Errorf("judged %t, found %v", ok, found)
	}
}
