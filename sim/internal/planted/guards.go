package planted

import "lockstep/core"

// guards are bugs in push guards (R13).
func guards() []Bug {
	return []Bug{
		{Property: "R13", Name: "every push passes its guards", Guarded: true, Seeds: 100, Tamper: event(func(_ *core.Router, ev *core.Event) {
			ev.Deliberate = ev.Kind == core.Adopt
		})},
		{Property: "R13", Name: "a deliberate push is refused", Guarded: true, Seeds: 500, Tamper: event(func(_ *core.Router, ev *core.Event) {
			ev.Deliberate = false
		})},
		{Property: "R13", Name: "a push lifts the guards that it is held against", Guarded: true, Seeds: 1000, Tamper: event(func(_ *core.Router, ev *core.Event) {
			if ev.Kind == core.Adopt && ev.Config != nil && !ev.Config.Guards().On() {
				ev.Deliberate = true
			}
		})},
		{Property: "R13", Name: "guards let twice as much pass", Guarded: true, Seeds: 500, Tamper: spec(func(s *core.Spec) {
			for _, percent := range []*uint32{&s.Guards.KeysRerouted, &s.Guards.KeysRemoved, &s.Guards.EndpointsRemoved, &s.Guards.LimitLowered} {
				*percent = min(99, 2**percent)
			}
		})},
		{Property: "R13", Name: "removed keys are not counted", Guarded: true, Seeds: 1000, Tamper: spec(func(s *core.Spec) { s.Guards.KeysRemoved = 0 })},
		{Property: "R13", Name: "lowered limits are not counted", Guarded: true, Seeds: 500, Tamper: spec(func(s *core.Spec) { s.Guards.LimitLowered = 0 })},
		{Property: "R13", Name: "the share that a guard names is rounded down", Guarded: true, Seeds: 1000, Tamper: decide(func(_ *core.Router, ev *core.Event, d *core.Decision) {
			if ev.Kind == core.Adopt && d.Cause >= core.CauseKeysRerouted && d.Count%10_000 != 0 {
				d.Count--
			}
		})},
	}
}
