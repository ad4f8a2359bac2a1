package planted

import (
	"slices"

	"lockstep/core"
)

// selections are bugs in which endpoint of a placement is picked (R10).
func selections() []Bug {
	return []Bug{
		{Property: "R10", Name: "a new configuration moves the rotation on", Seeds: 20, Tamper: func() Tamper {
			return Tamper{Decide: func(r *core.Router, now core.Time, _ *core.Event, d *core.Decision) {
				if d.Kind == core.NoteAdopted {
					spin(r, now)
				}
			}}
		}},
		{Property: "R10", Name: "weights are ignored", Seeds: 20, Tamper: spec(func(s *core.Spec) {
			for i := range s.Placements {
				for e := range s.Placements[i].Endpoints {
					s.Placements[i].Endpoints[e].Weight = 100
				}
			}
		})},
		{Property: "R10", Name: "the two choices are those of another request", Seeds: 20, Tamper: event(func(_ *core.Router, ev *core.Event) { ev.Request++ })},
		{Property: "R10", Name: "rendezvous hashes something else than the key", Seeds: 20, Tamper: event(func(_ *core.Router, ev *core.Event) { ev.Route.Key++ })},
		{Property: "R10", Name: "first takes the last", Seeds: 20, Tamper: spec(func(s *core.Spec) {
			for i := range s.Placements {
				if p := &s.Placements[i]; p.Select == core.First {
					slices.Reverse(p.Endpoints)
				}
			}
		})},
		{Property: "R10", Name: "a breaker that closes moves the rotation on", Seeds: 20, Tamper: func() Tamper {
			return Tamper{Decide: func(r *core.Router, now core.Time, _ *core.Event, d *core.Decision) {
				if d.Kind == core.NoteClosed {
					spin(r, now)
				}
			}}
		}},
	}
}
