package core

// Active probes (R8): when they are sent, and what their reports do.

// startProbe sends the probe that was due at `at` and arms the next. The guard
// runs from now, when the probe is really sent.
func (r *Router) startProbe(at, now Time, number int32, out []Decision) []Decision {
	e := &r.endpoints[number]
	s := r.healthSpec(e)
	next := nextProbe(now, s, r.seed, e.id)
	r.counters.Missed += uint64(now.Sub(at) / s.Every)
	r.timers.set(timerHealth, number, next)
	r.touchEndpoint(number)
	if e.health.token != 0 {
		r.counters.Missed++
		return out
	}
	e.health.token = r.nextSerial()
	guard := now.Add(s.Timeout + Second)
	r.timers.set(timerHealthGuard, number, guard)
	d := r.about(Probe, 8, at, number)
	d.Token, d.Until = e.health.token, guard
	return append(out, d)
}

// probed books a probe's report. A report after its guard, or on an endpoint
// that is gone, changes nothing.
func (r *Router) probed(now Time, ev *Event, out []Decision) []Decision {
	if ev.Endpoint < 0 || int(ev.Endpoint) >= len(r.endpoints) || ev.Token == 0 ||
		r.endpoints[ev.Endpoint].health.token != ev.Token {
		return r.ignore(now, 8, CauseLateProbe, out)
	}
	return r.endProbe(now, ev.Endpoint, ev.OK, out)
}

// healthGuard counts a probe that never reported as failed.
func (r *Router) healthGuard(at Time, number int32, out []Decision) []Decision {
	return r.endProbe(at, number, false, out)
}

func (r *Router) endProbe(now Time, number int32, ok bool, out []Decision) []Decision {
	e := &r.endpoints[number]
	e.health.token = 0
	r.timers.set(timerHealthGuard, number, Never)
	r.touchEndpoint(number)
	if !e.health.observe(ok, r.healthSpec(e)) {
		return out
	}
	panicked := r.placements[e.placement].panic
	kind := NoteHealthy
	if e.health.unhealthy {
		kind = NoteUnhealthy
	} else {
		r.warm(now, number, true)
	}
	out = r.weigh(now, e.placement, append(out, r.about(kind, 8, now, number)))
	if kind == NoteHealthy && r.placements[e.placement].queue.count > 0 {
		return r.turn(now, e.placement, out) // the others may all be at their caps
	}
	return r.reweighed(now, e.placement, panicked, out)
}

// healthSpec returns the settings of an endpoint in the configuration; a
// retiring one has neither timer nor token and never asks.
func (r *Router) healthSpec(e *endpoint) *HealthSpec {
	return &r.config.placements[r.placements[e.placement].config].health
}
