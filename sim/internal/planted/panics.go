package planted

import "lockstep/core"

// panics are bugs in R9.
func panics() []Bug {
	return []Bug{
		{Property: "R9", Name: "panic comes, and nobody is told", Seeds: 500, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.NotePanicEntered {
				d.Kind = core.NoteIgnored
			}
		})},
		{Property: "R9", Name: "half of panic_percent is enough", Seeds: 500, Tamper: spec(func(s *core.Spec) {
			for i := range s.Placements {
				s.Placements[i].Panic -= s.Placements[i].Panic / 2
			}
		})},
		{Property: "R9", Name: "a placement that fails in panic serves", Seeds: 2000, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if !decided(ev, d) || d.Kind != core.Reject || d.Rule != 9 {
				return
			}
			if n, ok := among(r, int32(r.Placement(d.Placement).Index), usable); ok {
				admit(r, d, n)
			}
		})},
		{Property: "R9", Name: "a placement in panic refuses although it ignores health", Seeds: 2000, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if decided(ev, d) && d.Kind == core.Forward && r.Endpoint(d.Endpoint).Unhealthy && r.Placement(d.Placement).Panic {
				refuse(r, d, core.NoEndpoint)
				d.Rule = 9
			}
		})},
		{Property: "R9", Name: "the note that panic is over counts wrong", Seeds: 2000, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.NotePanicLeft {
				d.Count--
			}
		})},
	}
}
