package planted

import "lockstep/core"

// admissions are bugs in limits (R5), isolation (R15) and classes (R16).
func admissions() []Bug {
	return []Bug{
		{Property: "R5", Name: "one more than the limit is admitted", Seeds: 20, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if !decided(ev, d) || d.Class != core.LimitReached {
				return
			}
			home := ev.Route.Placement
			v, limit := r.Placement(r.PlacementNumber(int(home))), r.Config().Placement(int(home)).Limit
			if n, ok := among(r, home, usable); ok && v.InFlight == int(limit.InFlight) {
				admit(r, d, n)
			}
		})},
		{Property: "R5", Name: "one more guest than the cap is admitted", Seeds: 100, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if !decided(ev, d) || d.Kind == core.Forward && !guest(r, ev, d) {
				return
			}
			for _, c := range r.Config().Placement(int(ev.Route.Placement)).Candidates[1:] {
				if d.Placement == r.PlacementNumber(int(c)) {
					return
				}
				v, limit := r.Placement(r.PlacementNumber(int(c))), r.Config().Placement(int(c)).Limit
				if n, ok := among(r, c, usable); ok && limit.Guests > 0 && v.Guests == int(limit.Guests) && v.InFlight < int(limit.InFlight) {
					admit(r, d, n)
					return
				}
			}
		})},
		{Property: "R5", Name: "a guest is refused although there is room", Seeds: 20, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if guest(r, ev, d) && !d.Probe {
				refuse(r, d, core.LimitReached)
			}
		})},
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
		{Property: "R15", Name: "a home request is refused because of guests", Seeds: 20, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if !decided(ev, d) || d.Kind != core.Forward || d.Probe || guest(r, ev, d) {
				return
			}
			v, limit := r.Placement(d.Placement), r.Config().Placement(int(ev.Route.Placement)).Limit
			if own := v.InFlight - v.Guests; limit.Guests > 0 && v.Guests > 0 && own <= int(limit.InFlight-limit.Guests) {
				refuse(r, d, core.LimitReached)
			}
		})},
		{Property: "R5", Name: "a tenant holds one more than its share", Seeds: 2000, Tamper: overrule(core.FairShare)},
		{Property: "R5", Name: "a priority is admitted beyond its share", Seeds: 2000, Tamper: overrule(core.Shed)},
		{Property: "R5", Name: "unknown keys are tenants of their own", Seeds: 2000, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if n, ok := among(r, max(ev.Route.Placement, 0), usable); decided(ev, d) && d.Class == core.FairShare && ev.Route.Reason == core.ReasonDefault && ok {
				admit(r, d, n)
			}
		})},
		{Property: "R5", Name: "a tenant is refused that holds nothing", Seeds: 2000, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if decided(ev, d) && d.Kind == core.Forward && !d.Probe && !guest(r, ev, d) && r.TenantInFlight(d.Placement, ev.Route) == 1 {
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
		{Property: "R16", Name: "a request without a key is forwarded", Seeds: 20, Tamper: decide(func(r *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.Reject && d.Class == core.NoKey {
				admit(r, d, 0)
			}
		})},
		{Property: "R16", Name: "a full placement answers 503", Seeds: 20, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Class == core.LimitReached {
				d.Status = 503
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
