package fuzz

import (
	"strings"
	"testing"

	"lockstep/sim"
)

func TestRampsHoldsJoinsAndPushesOfEveryKindAreDrawn(t *testing.T) {
	target := &Target{Name: "sound", Spec: sound()}
	kinds := []string{"ramp", "hold", "join", "garbage", "older than any", "under the epoch in force", "are missing", "once more"}
	drawn := map[string]int{}
	for seed := range uint64(400) {
		c := Generate(NewSeeded(seed), target, seed)
		notes := strings.Join(c.Notes, "\n")
		for i := range c.Plan.Clients {
			if c.Plan.Clients[i].Ramp.Period > 0 {
				notes += " ramp"
			}
			if c.Plan.Clients[i].Hold.For > 0 {
				notes += " hold"
			}
		}
		if len(c.Plan.Joins) > 0 {
			notes += " join"
		}
		for _, kind := range kinds {
			if strings.Contains(notes, kind) {
				drawn[kind]++
			}
		}
		if len(c.Notes) != len(c.Plan.Pushes) {
			t.Fatalf("seed %d: %d notes for %d pushes", seed, len(c.Notes), len(c.Plan.Pushes))
		}
	}
	for _, kind := range kinds {
		if drawn[kind] < 5 {
			t.Errorf("%q is drawn in %d of 400 cases", kind, drawn[kind])
		}
	}
}

func TestEveryKindOfFaultIsDrawn(t *testing.T) {
	target := &Target{Name: "sound", Spec: sound()}
	seen := map[sim.FaultKind]bool{}
	for seed := range uint64(400) {
		for _, f := range Generate(NewSeeded(seed), target, seed).Plan.Faults {
			seen[f.Kind] = true
		}
	}
	for k := sim.Refuse; k <= sim.Silence; k++ {
		if !seen[k] && k != sim.ClockAhead && k != sim.ClockBehind { // routers do not read what these move
			t.Errorf("%s is never drawn", k)
		}
	}
}
