package planted

import "lockstep/core"

// drains are bugs in how a router stops (R14).
func drains() []Bug {
	return []Bug{
		{Property: "R14", Name: "a draining router says that it is not ready", Seeds: 200, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.Reject && d.Class == core.Draining {
				d.Class = core.NotReady
			}
		})},
		{Property: "R14", Name: "a drain forgets all attempts but the first", Seeds: 1000, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.Abort && d.Handle.Slot > 0 {
				d.Kind = core.NoteIgnored
			}
		})},
		{Property: "R14", Name: "drained is noted before the deadline", Seeds: 20, Tamper: decide(func(_ *core.Router, ev *core.Event, d *core.Decision) {
			if ev.Kind == core.Finish && d.Kind == core.NoteIgnored {
				d.Kind = core.NoteDrained
			}
		})},
	}
}
