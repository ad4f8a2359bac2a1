package fuzz

import (
	"strings"
	"testing"

	"lockstep/core"
)

// tight is a configuration whose cell-b has no room for the load of cell-a.
func tight() *Target {
	t := &Target{Name: "tight", Spec: sound(), Facts: Facts{Peak: map[string]Load{
		"cell-a": {PerSecond: 200, Latency: 250 * core.Millisecond},
		"cell-b": {PerSecond: 160, Latency: 250 * core.Millisecond},
		"shared": {PerSecond: 40, Latency: 250 * core.Millisecond},
	}}}
	t.Spec.Placements[0].Fallback = []string{"cell-b"}
	t.Spec.Placements[1].Limit = core.LimitSpec{InFlight: 60}
	return t
}

// first is a trial of so many seeds.
func first(seeds uint64) *Trial { return &Trial{Seeds: seeds, More: always} }

func TestAChangeHoldsOnlyIfWithItNothingIsFound(t *testing.T) {
	target := tight()
	f := TryNMinusOne(target)[0].Finding
	want := map[string]bool{
		"cell-b limit.guests: 17":        false, // it protects those at home, and refuses guests
		"cell-b limit.in_flight: 96":     true,
		"A and cell-a fallback: +shared": true,
	}
	tried := TryChanges(target, f, first(5))
	for _, c := range tried {
		holds, known := want[c.Text]
		if !known || c.Holds != holds || c.Holds != (c.Breaks == "") || c.Price == "" {
			t.Errorf("%+v", c)
		}
		if c.Holds && c.Seeds != 5 {
			t.Errorf("%s holds after %d seeds", c.Text, c.Seeds)
		}
		// What is said to hold is judged again, from nothing.
		for _, n := range TryNMinusOne(target.changed(c.apply)) {
			if c.Holds && n.Finding != nil {
				t.Errorf("%s is said to hold, and breaks %s", c.Text, n.Finding.Sentence)
			}
		}
	}
	if len(tried) != len(want) {
		t.Errorf("%d changes tried, want %d", len(tried), len(want))
	}
	if target.Spec.Placements[1].Limit != tight().Spec.Placements[1].Limit {
		t.Error("trying a change has changed the target")
	}
}

func TestAChangeIsNotSaidToHoldWhenThereWasNoTimeToSee(t *testing.T) {
	target := tight()
	f := TryNMinusOne(target)[0].Finding
	mended := 0
	for _, c := range TryChanges(target, f, &Trial{Seeds: 5, More: func() bool { return false }}) {
		if c.Holds || c.Mends != (c.Untried > 0) || c.Seeds > 0 {
			t.Errorf("%+v", c)
		}
		if c.Mends {
			mended++
		}
	}
	if mended == 0 {
		t.Error("no change was told to mend it")
	}
}

func TestAChangeIsHeldAgainstTheComponentOfEveryPlacementThatItTouches(t *testing.T) {
	target := &Target{Spec: sound()}
	target.Spec.Placements = append(target.Spec.Placements, cell("apart", "10.0.4"), cell("far", "10.0.5"))
	for touched, near := range map[string]bool{"cell-b": false, "apart": true} {
		changed := target.changed(setting(touched, func(p *core.PlacementSpec) { p.Breaker.Failures = 7 }))
		got := target.affected(changed, "cell-a")
		if !got["cell-a"] || !got["shared"] || got["apart"] != near || got["far"] {
			t.Errorf("%s is changed: %v", touched, got)
		}
	}
}

func TestWithASecondWeaknessOnlyBothChangesTogetherHold(t *testing.T) {
	target := tight()
	target.Spec.Placements[2].Breaker.Probes = 2 // a second weakness, of the shared tier
	f := TryNMinusOne(target)[0].Finding
	held := 0
	for _, c := range TryChanges(target, f, first(100)) {
		if pair := strings.HasSuffix(c.Text, "and shared breaker.half_open_probes: 1"); pair != c.Holds {
			t.Errorf("%s: holds %v, %s", c.Text, c.Holds, c.Breaks)
		}
		if c.Holds {
			held++
		}
	}
	if held == 0 {
		t.Error("no pair holds")
	}
}

func TestNoChangeIsTriedForAFaultOfTheRouter(t *testing.T) {
	if c := TryChanges(tight(), &Finding{Property: Invariant}, first(1)); c != nil {
		t.Errorf("tried %+v", c)
	}
}
