package planted

import "lockstep/core"

// pushes are bugs in configurations that come, and in what a crash leaves (R12, R13).
func pushes() []Bug {
	return []Bug{
		{Property: "R12", Name: "a stale push is acked", Seeds: 100, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.Nack && d.Cause == core.CauseStale {
				d.Kind, d.Cause = core.Ack, core.CauseNone
			}
		})},
		{Property: "R12", Name: "an older configuration is adopted", Seeds: 100, Tamper: event(func(r *core.Router, ev *core.Event) {
			if none := (core.Epoch{}); ev.Kind == core.Adopt && ev.Config != nil && ev.Epoch != none && ev.Epoch.Compare(r.Epoch()) < 0 {
				ev.Epoch = core.Epoch{Term: r.Epoch().Term, Number: r.Epoch().Number + 1}
			}
		})},
		{Property: "R12", Name: "garbage is refused for the wrong reason", Seeds: 50, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Cause == core.CauseInvalid {
				d.Cause = core.CauseStale
			}
		})},
		{Property: "R12", Name: "a refused push changes the state", Seeds: 20, Tamper: func() Tamper {
			return Tamper{Decide: func(r *core.Router, now core.Time, _ *core.Event, d *core.Decision) {
				if d.Kind == core.Nack {
					r.Step(now, &core.Event{Kind: core.Drain, Deadline: core.Never - 1}, nil)
				}
			}}
		}},
		{Property: "R13", Name: "silence of the control plane drains the router", Seeds: 50, Tamper: func() Tamper {
			return Tamper{Decide: func(r *core.Router, now core.Time, _ *core.Event, d *core.Decision) {
				if d.Kind == core.NoteControl {
					r.Step(now, &core.Event{Kind: core.Drain, Deadline: core.Never - 1}, nil)
				}
			}}
		}},
		{Property: "R13", Name: "a restart goes back to the first configuration", Seeds: 1000, Tamper: func() Tamper {
			var first *core.Config
			return Tamper{Event: func(_ *core.Router, _ core.Time, ev *core.Event) {
				switch {
				case ev.Kind != core.Adopt:
				case first == nil:
					first = ev.Config
				case ev.Origin == core.OriginDisk:
					ev.Config = first
				}
			}}
		}},
	}
}
