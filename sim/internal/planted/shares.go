package planted

import "lockstep/core"

// caps are bugs in the caps of endpoints (R2, R3).
func caps() []Bug {
	return []Bug{
		{Property: "R2", Name: "one more than an endpoint's cap is admitted", Seeds: 500, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if !decided(ev, d) || d.Class != core.LimitReached {
				return
			}
			home := r.Placement(r.PlacementNumber(int(ev.Route.Placement)))
			if n, ok := among(r, ev.Route.Placement, atCap(r)); ok && (home.Limit == 0 || home.InFlight < home.Limit) {
				admit(r, d, n)
			}
		})},
		{Property: "R2", Name: "a placement has room although every sound endpoint is at its cap", Seeds: 500, Tamper: spec(func(s *core.Spec) {
			for i := range s.Placements {
				for e := range s.Placements[i].Endpoints {
					s.Placements[i].Endpoints[e].Limit *= 2
				}
			}
		})},
		{Property: "R5", Name: "a placement at its caps is left as unhealthy", Seeds: 500, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if !decided(ev, d) || d.Class != core.LimitReached {
				return
			}
			if _, ok := among(r, ev.Route.Placement, atCap(r)); ok && d.Placement == r.PlacementNumber(int(ev.Route.Placement)) {
				refuse(r, d, core.NoEndpoint)
			}
		})},
	}
}

// shares are bugs in how a placement's room is shared out (R5).
func shares() []Bug {
	return []Bug{
		{Property: "R5", Name: "a tenant holds one more than its share", Seeds: 2000, Tamper: overrule(core.FairShare)},
		{Property: "R5", Name: "a priority is admitted beyond its share", Seeds: 2000, Tamper: overrule(core.Shed)},
		{Property: "R5", Name: "unknown keys are tenants of their own", Seeds: 2000, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if n, ok := among(r, max(ev.Route.Placement, 0), usable); decided(ev, d) && d.Class == core.FairShare && ev.Route.Reason == core.ReasonDefault && ok {
				admit(r, d, n)
			}
		})},
		{Property: "R5", Name: "a tenant is refused that holds nothing", Seeds: 2000, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if decided(ev, d) && d.Kind == core.Forward && !d.Probe && !guest(r, ev, d) && r.TenantInFlight(d.Placement, ev.Route, false) == 1 {
				refuse(r, d, core.FairShare)
			}
		})},
		{Property: "R5", Name: "an adaptive limit moves, and nobody is told", Seeds: 2000, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.NoteLimitChanged {
				d.Kind = core.NoteIgnored
			}
		})},
		{Property: "R5", Name: "an adaptive limit passes its max", Seeds: 2000, Tamper: spec(func(s *core.Spec) {
			for i := range s.Placements {
				s.Placements[i].Limit.Adaptive.Max *= 2
			}
		})},
		{Property: "R5", Name: "a slow answer says nothing to an adaptive limit", Seeds: 2000, Tamper: event(func(_ *core.Router, ev *core.Event) {
			if ev.Kind == core.Finish && ev.Class == core.ResponseTimeout {
				ev.Class = core.ResetBeforeResponse
			}
		})},
	}
}

// overrule admits what is refused with a class although it has a slot free.
func overrule(class core.Class) func() Tamper {
	return decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
		if !decided(ev, d) || d.Class != class {
			return
		}
		if n, ok := among(r, int32(r.Placement(d.Placement).Index), usable); ok {
			admit(r, d, n)
		}
	})
}
