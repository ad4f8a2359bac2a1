package fuzz

import (
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// reduceConfig drops placements, keys and settings of a case's configuration as
// long as it still fails. A case with pushes keeps its own: each carries another.
func reduceConfig(c Case, fails func(*Case) bool) Case {
	if len(c.Plan.Pushes) > 0 {
		return c
	}
	try := func(change func(*core.Spec)) {
		smaller := c
		smaller.Plan.Spec = with(&c.Plan.Spec, change)
		if _, err := core.Compile(smaller.Plan.Spec); err == nil && fails(&smaller) {
			c = smaller
		}
	}
	for i := len(c.Plan.Spec.Placements) - 1; i >= 0; i-- {
		try(without(c.Plan.Spec.Placements[i].Name))
	}
	try(func(s *core.Spec) {
		s.Keys = slices.DeleteFunc(slices.Clone(s.Keys), func(k core.KeySpec) bool { return !c.sends(k.Key) })
	})
	for i := range c.Plan.Spec.Placements {
		for _, plain := range settings() {
			try(func(s *core.Spec) { plain(&s.Placements[i]) })
		}
		for e := len(c.Plan.Spec.Placements[i].Endpoints) - 1; e >= 0; e-- {
			try(func(s *core.Spec) {
				s.Placements[i].Endpoints = slices.Delete(slices.Clone(s.Placements[i].Endpoints), e, e+1)
			})
		}
	}
	return c
}

// settings lists what of a placement may go back to its default, one by one.
func settings() []func(*core.PlacementSpec) {
	return []func(*core.PlacementSpec){
		func(p *core.PlacementSpec) { p.Fallback = nil },
		func(p *core.PlacementSpec) { p.Limit = core.LimitSpec{} },
		func(p *core.PlacementSpec) { p.Health = core.HealthSpec{Off: true} },
		func(p *core.PlacementSpec) { p.Timeouts = core.TimeoutSpec{} },
		func(p *core.PlacementSpec) { p.Breaker = core.BreakerSpec{} },
		func(p *core.PlacementSpec) { p.BodyMax = 0 },
	}
}

// without removes a placement and every mention of it.
func without(name string) func(*core.Spec) {
	return func(s *core.Spec) { *s = sim.WithoutPlacement(*s, name) }
}

// sends says whether a client of the case uses a key.
func (c *Case) sends(key string) bool {
	for i := range c.Plan.Clients {
		if slices.Contains(c.Plan.Clients[i].Keys, key) {
			return true
		}
	}
	return false
}
