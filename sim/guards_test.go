package sim

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"lockstep/core"
)

// guardPushes gives the configurations of a plan push guards, marks some pushes
// deliberate and lets some lift the guards; what is drawn comes from the plan's seed.
func guardPushes(p *Plan) {
	percent := func(n uint64) uint32 { return uint32(max(0, int(below(fold(p.Seed, 200+n), 120))-60)) } // half of them are none
	g := core.GuardSpec{KeysRerouted: percent(0), KeysRemoved: percent(1), EndpointsRemoved: percent(2), LimitLowered: percent(3)}
	p.Spec.Guards = g
	p.Pushes = slices.Clone(p.Pushes)
	for i := range p.Pushes {
		x := &p.Pushes[i]
		x.Deliberate = below(fold(p.Seed, uint64(220+i)), 4) == 0
		if x.Spec == nil {
			continue
		}
		s := cloneSpec(x.Spec)
		if x.Spec = &s; below(fold(p.Seed, uint64(210+i)), 4) > 0 {
			s.Guards = g
		}
		if n := len(s.Keys); n > 0 && below(fold(p.Seed, uint64(230+i)), 2) == 0 {
			s.Keys = s.Keys[:below(fold(p.Seed, uint64(240+i)), uint64(n))]
		}
		for k := range s.Placements {
			if l := &s.Placements[k].Limit; l.InFlight > 1 && below(fold(p.Seed, uint64(250+i)), 2) == 0 {
				l.InFlight, l.Guests = l.InFlight/2, min(l.Guests, l.InFlight/2)
			}
		}
	}
}

func TestNoDrawnPlanWithGuardsBreaksASafetyProperty(t *testing.T) {
	var saw Coverage
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		guardPushes(&p)
		r := Run(p, Options{Check: true})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		if r.Violated > 0 {
			t.Fatalf("%d violations, the first: %+v", r.Violated, r.Violations[0])
		}
		saw |= r.Sometimes
	})
	if !saw.Has(SawGuarded) {
		t.Error("no guard ever refused a push")
	}
}
