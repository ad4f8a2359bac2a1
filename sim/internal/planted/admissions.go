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
		{Property: "R15", Name: "a home request is refused because of guests", Seeds: 20, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if !decided(ev, d) || d.Kind != core.Forward || d.Probe || guest(r, ev, d) {
				return
			}
			v, limit := r.Placement(d.Placement), r.Config().Placement(int(ev.Route.Placement)).Limit
			if own := v.InFlight - v.Guests; limit.Guests > 0 && v.Guests > 0 && own <= int(limit.InFlight-limit.Guests) {
				refuse(r, d, core.LimitReached)
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
