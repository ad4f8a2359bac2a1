package planted

import "lockstep/core"

// relations are bugs that need more than one look at one run: two runs of which
// one shows that something matters which should not, or a count over the whole.
func relations() []Bug {
	return []Bug{
		{Property: "R15", Name: "a breaker that opens moves another component's draws", Seeds: 1000, Alone: true, Tamper: event(func(r *core.Router, ev *core.Event) {
			for n := range r.Endpoints() {
				if e := r.Endpoint(int32(n)); ev.Kind == core.Arrive && e.Breaker == core.Open {
					ev.Request++
				}
			}
		})},
		{Property: "half-open-single-probe", Name: "a router lets out two test requests at once", Seeds: 20, Tamper: spec(func(s *core.Spec) {
			for i := range s.Placements {
				s.Placements[i].Breaker.Probes = 2
			}
		})},
		{Property: "N-1", Name: "a router has half of each limit", Seeds: 1, Tamper: spec(func(s *core.Spec) {
			for i := range s.Placements {
				s.Placements[i].Limit.InFlight /= 2
			}
		})},
		{Property: "invariant", Name: "the core stops when a breaker closes", Seeds: 20, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.NoteClosed {
				panic("planted")
			}
		})},
		{Property: "renamed-keys", Name: "a key's name decides the two choices", Seeds: 200, Alone: true, Tamper: event(func(_ *core.Router, ev *core.Event) {
			ev.Request ^= ev.Route.Key
		})},
		{Property: "renamed-placements", Name: "a placement's name decides the two choices", Seeds: 200, Alone: true, Tamper: event(func(r *core.Router, ev *core.Event) {
			if ev.Kind == core.Arrive && ev.Route.Placement >= 0 {
				ev.Request ^= core.HashString(r.Config().Placement(int(ev.Route.Placement)).Name)
			}
		})},
		{Property: "permuted-lists", Name: "unknown keys go to the placement written first", Seeds: 500, Alone: true, Tamper: spec(func(s *core.Spec) {
			s.Default = s.Placements[0].Name
		})},
		{Property: "split-placement", Name: "one open breaker shuts its whole placement", Seeds: 2000, Alone: true, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			open := func(_ int32, e *core.EndpointView) bool { return e.Breaker == core.Open }
			if d.Kind != core.Forward || d.Probe {
				return
			}
			if _, shut := among(r, int32(r.Placement(d.Placement).Index), open); shut {
				refuse(r, d, core.CircuitOpen)
			}
		})},
		{Property: "unused-placement", Name: "the number of placements decides the two choices", Seeds: 200, Alone: true, Tamper: event(func(r *core.Router, ev *core.Event) {
			if ev.Kind == core.Arrive && r.Config() != nil {
				ev.Request ^= uint64(r.Config().Placements())
			}
		})},
	}
}
