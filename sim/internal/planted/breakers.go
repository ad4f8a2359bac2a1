package planted

import "lockstep/core"

// breakers are bugs in what outcomes and active probes do (R6 to R8, liveness).
func breakers() []Bug {
	return append([]Bug{
		{Property: "R6", Name: "a second half-open probe is admitted", Seeds: 20, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			testing := func(_ int32, e *core.EndpointView) bool { return e.Breaker == core.HalfOpen }
			if !decided(ev, d) || d.Kind == core.Forward && d.Probe {
				return
			}
			if n, ok := among(r, ev.Route.Placement, testing); ok && r.Endpoint(n).Probes > 0 {
				admit(r, d, n)
			}
		})},
		{Property: "R6", Name: "an open breaker lets a request through", Seeds: 20, Tamper: func() Tamper {
			return Tamper{Decide: func(r *core.Router, now core.Time, ev *core.Event, d *core.Decision) {
				shut := func(_ int32, e *core.EndpointView) bool { return e.Breaker == core.Open && now < e.Until }
				if !decided(ev, d) {
					return
				}
				if n, ok := among(r, ev.Route.Placement, shut); ok {
					admit(r, d, n)
				}
			}}
		}},
		{Property: "R6", Name: "a breaker opens and nobody is told", Seeds: 20, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.NoteOpened {
				d.Kind = core.NoteIgnored
			}
		})},
		{Property: "R6", Name: "a failed probe closes the breaker", Seeds: 50, Tamper: event(func(r *core.Router, ev *core.Event) {
			if a, ok := r.Attempt(ev.Handle); ev.Kind == core.Finish && ok && a.Probe && a.Current && ev.Class.Effect() == core.EffectFailure {
				ev.Class, ev.Status = core.ClassNone, 200
			}
		})},
		{Property: "R6", Name: "a breaker stays open twice as long", Seeds: 20, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.NoteOpened {
				d.Until += d.Until - d.At
			}
		})},
		{Property: "R6", Name: "the jitter of an open time is drawn wrong", Seeds: 20, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.NoteOpened {
				d.Until++
			}
		})},
		{Property: "R6", Name: "a success elsewhere closes a breaker", Seeds: 20, Tamper: decide(func(r *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.NoteClosed {
				d.Endpoint = (d.Endpoint + 1) % int32(r.Endpoints())
			}
		})},
		{Property: "R7", Name: "a client that went away counts as a failure", Seeds: 100, Tamper: event(func(_ *core.Router, ev *core.Event) {
			if ev.Kind == core.Finish && ev.Class == core.ClientGone {
				ev.Class, ev.Status = core.ClassNone, 500
			}
		})},
		{Property: "R7", Name: "a test request that its client leaves fails", Seeds: 500, Tamper: event(func(r *core.Router, ev *core.Event) {
			if a, ok := r.Attempt(ev.Handle); ev.Kind == core.Finish && ok && a.Probe && a.Current && ev.Class == core.ClientGone {
				ev.Class = core.ConnectRefused
			}
		})},
		{Property: "R7", Name: "a body that breaks after its headers counts as good", Seeds: 50, Tamper: event(func(r *core.Router, ev *core.Event) {
			if a, ok := r.Attempt(ev.Handle); ev.Kind == core.Finish && ok && a.Replied && ev.Class.Effect() == core.EffectFailure {
				ev.Class, ev.Status = core.ClassNone, 200
			}
		})},
		{Property: "R7", Name: "a response with a long body books two outcomes", Seeds: 50, Tamper: event(func(r *core.Router, ev *core.Event) {
			if a, ok := r.Attempt(ev.Handle); ev.Kind == core.Finish && ok && a.Replied && ev.Class == core.ClassNone {
				ev.Class = core.BrokenBody
			}
		})},
	}, probes()...)
}

// probes are bugs in active health.
func probes() []Bug {
	return []Bug{
		{Property: "R8", Name: "a failed probe counts as good", Seeds: 20, Tamper: event(func(_ *core.Router, ev *core.Event) {
			ev.OK = ev.OK || ev.Kind == core.Probed
		})},
		{Property: "R8", Name: "an active probe is given up too early", Seeds: 20, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.Probe {
				d.Until -= core.Time(core.Second)
			}
		})},
		{Property: "R8", Name: "an active probe is sent off its grid", Seeds: 20, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.Probe {
				d.At++
			}
		})},
		{Property: "liveness", Name: "an unhealthy endpoint never recovers", Seeds: 100, Alone: true, Tamper: event(func(r *core.Router, ev *core.Event) {
			if ev.Kind == core.Probed && r.Endpoint(ev.Endpoint).Unhealthy {
				ev.OK = false
			}
		})},
		{Property: "liveness", Name: "a breaker that opened never closes", Seeds: 1000, Alone: true, Tamper: func() Tamper {
			return Tamper{Decide: func(r *core.Router, now core.Time, ev *core.Event, d *core.Decision) {
				if d.Kind == core.Forward && d.Probe {
					// The probe fails at once, whatever the endpoint would have said.
					r.Step(now, &core.Event{Kind: core.Finish, Handle: d.Handle, Class: core.ConnectRefused}, nil)
					refuse(r, d, core.CircuitOpen)
				}
			}}
		}},
	}
}
