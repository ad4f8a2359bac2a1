package fuzz

import (
	"testing"

	"lockstep/core"
)

func TestAReducedConfigurationStillFailsAndHoldsNothingTheFailureDoesNotNeed(t *testing.T) {
	target := &Target{Name: "herd", Spec: sound()}
	target.Spec.Placements[1].Breaker.Probes = 2
	target.Spec.Placements[1].Timeouts.Connect = core.Second
	f := search(t, target, 100)
	small := f.Smallest()
	spec := &small.Plan.Spec
	if len(f.Case.Plan.Pushes) > 0 {
		t.Fatal("the first finding has a push; choose another seed")
	}
	last := len(spec.Placements) - 1
	// The requests are cell-b's own or come by failover from cell-a; nothing needs the shared tier.
	if spec.Placements[last].Name != "cell-b" || last == 1 && spec.Placements[0].Name != "cell-a" || last > 1 || len(spec.Placements[last].Endpoints) != 1 {
		t.Fatalf("kept %+v", spec)
	}
	if p := &spec.Placements[last]; p.Limit != (core.LimitSpec{}) || p.Timeouts != (core.TimeoutSpec{}) || p.Breaker.Probes != 2 {
		t.Errorf("kept settings %+v", p)
	}
	r := target.run(&small)
	if again := target.judge(&small, &r); again == nil || again.Property != SingleProbe {
		t.Errorf("the reduced case shows %+v", again)
	}
	if len(f.Case.Plan.Spec.Placements) != 3 || len(target.Spec.Placements) != 3 || target.Spec.Placements[0].Fallback[0] != "cell-b" {
		t.Error("reducing has changed the target, or the case that the story is told of")
	}
}
