package planted

import "lockstep/core"

// choices are bugs in ratio trips (R6) and in what narrows or hashes a
// selection (R10): searched for in a configuration that has them.
func choices() []Bug {
	bugs := []Bug{
		{Property: "R6", Name: "an opened breaker names another count", Seeds: 40, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.NoteOpened && d.Trip != core.TripConsecutive {
				d.Trip = core.TripRatio + core.TripSlow - d.Trip
			}
		})},
		{Property: "R7", Name: "a request that nobody made is in the windows", Alone: true, Seeds: 500, Tamper: func() Tamper {
			return Tamper{Decide: func(r *core.Router, now core.Time, _ *core.Event, d *core.Decision) {
				if d.Kind == core.NoteClosed {
					spin(r, now)
				}
			}}
		}},
		{Property: "R7", Name: "no call is slow", Alone: true, Seeds: 40, Tamper: func() Tamper {
			return Tamper{Decide: func(r *core.Router, now core.Time, ev *core.Event, d *core.Decision) {
				if ev.Kind == core.Arrive && d.Kind == core.Forward && !d.Probe && r.Deadline() > now {
					r.Step(now, &core.Event{Kind: core.Reply, Handle: d.Handle, Status: 200}, nil)
				}
			}}
		}},
		{Property: "R10", Name: "ketama asks for another key's place", Seeds: 20, Tamper: event(func(_ *core.Router, ev *core.Event) { ev.Route.Ring ^= 1 << 31 })},
		{Property: "R10", Name: "the cookie is not read", Seeds: 20, Tamper: event(func(_ *core.Router, ev *core.Event) { ev.Prefer = 0 })},
		{Property: "R10", Name: "the cookie is never set", Seeds: 20, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) { d.Pin = false })},
		{Property: "R10", Name: "a slow start is forgotten", Seeds: 60, Tamper: chooses(func(r *core.Router, now core.Time, p *core.PlacementInfo, n int32) bool {
			return p.SlowStart > 0 && r.Choice(now, n).Share < 1000
		})},
		{Property: "R10", Name: "ewma takes the slower", Seeds: 20, Tamper: chooses(func(r *core.Router, now core.Time, p *core.PlacementInfo, n int32) bool {
			if p.Select != core.EWMA {
				return false
			}
			mine := r.Choice(now, n).Latency
			_, slower := among(r, home(r, n), func(o int32, _ *core.EndpointView) bool { return o != n && r.Choice(now, o).Latency > mine })
			return mine > 0 && !slower
		})},
		{Property: "R10", Name: "the bound is not kept", Seeds: 20, Tamper: chooses(func(r *core.Router, _ core.Time, p *core.PlacementInfo, n int32) bool {
			most := r.Endpoint(n).InFlight
			_, more := among(r, home(r, n), func(_ int32, e *core.EndpointView) bool { return e.InFlight > most })
			return p.Bound > 0 && most > 2 && !more
		})},
		{Property: "R10", Name: "a key leaves its shard", Seeds: 20, Tamper: chooses(func(_ *core.Router, _ core.Time, p *core.PlacementInfo, _ int32) bool { return p.Shards > 0 })},
	}
	for i := range bugs {
		bugs[i].Choice = true
	}
	return bugs
}

// chooses makes a bug that takes the first usable endpoint of the placement that wants it, in place of the one picked.
func chooses(wants func(r *core.Router, now core.Time, p *core.PlacementInfo, n int32) bool) func() Tamper {
	return func() Tamper {
		return Tamper{Decide: func(r *core.Router, now core.Time, ev *core.Event, d *core.Decision) {
			if ev.Kind != core.Arrive || d.Kind != core.Forward || d.Probe {
				return
			}
			index := r.Placement(d.Placement).Index
			p := r.Config().Placement(index)
			n, found := among(r, int32(index), func(n int32, e *core.EndpointView) bool {
				return n != d.Endpoint && usable(n, e) && wants(r, now, &p, n)
			})
			if found {
				pin := d.Pin
				admit(r, d, n)
				d.Pin = pin
			}
		}}
	}
}

// home is the index of the placement of endpoint n.
func home(r *core.Router, n int32) int32 { return int32(r.Placement(r.Endpoint(n).Placement).Index) }
