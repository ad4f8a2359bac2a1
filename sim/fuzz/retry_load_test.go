package fuzz

import (
	"testing"

	"lockstep/core"
)

func TestRetriesThatMultiplyTheLoadOfWhatFailsAreFound(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*core.PlacementSpec)
		broken bool
	}{
		{"the default budget", func(*core.PlacementSpec) {}, false},
		{"no budget", func(p *core.PlacementSpec) { p.Retries.NoBudget = true }, true},
		{"no budget, of answers alone", func(p *core.PlacementSpec) { p.Retries.NoBudget, p.Retries.On = true, core.On5xx }, true},
		{"a budget of four retries a request", func(p *core.PlacementSpec) { p.Retries.Percent = 400 }, true},
		{"a floor above the load", func(p *core.PlacementSpec) { p.Retries.Floor = 1000 }, true},
		{"no budget, but breakers that open", func(p *core.PlacementSpec) {
			p.Retries.NoBudget, p.Breaker = true, core.BreakerSpec{Failures: 5, Open: 5 * core.Second}
		}, false},
	} {
		target := tight()
		p := &target.Spec.Placements[0]
		p.Breaker = core.BreakerSpec{Off: true}
		p.Retries = core.RetrySpec{Max: 3, On: core.OnConnect | core.On5xx}
		c.change(p)
		f := drillsOf(t, target, RetriesBounded)
		if (f != nil) != c.broken {
			t.Errorf("%s: found %v, want %v", c.name, f, c.broken)
			continue
		}
		if f != nil && (f.Key != "placements.cell-a.retries.budget" || f.Value == "" || len(f.Story) < 3) {
			t.Errorf("%s: key %s %q, a story of %d lines", c.name, f.Key, f.Value, len(f.Story))
		}
	}
}

func TestAPlacementWithoutRetriesHasNoDrillOfThem(t *testing.T) {
	for _, d := range Drills(tight()) {
		if d.Property == RetriesBounded {
			t.Error(d)
		}
	}
}
