package core

// Panic (R9): when too few endpoints of a placement are usable, their health
// says more about the probes, or about the network, than about the servers. The
// placement then ignores health, or fails, or hands its requests on, as it says.

// PanicMode is R9: what a placement in panic does.
type PanicMode uint8

// What a placement in panic does.
const (
	PanicAll      PanicMode = iota // ignores health
	PanicFail                      // refuses with 503
	PanicFailOver                  // hands requests on to the next candidate
	panicModes
)

// panicMargin is by how many points of a hundred more endpoints must be usable
// for panic to end than for it to begin.
const panicMargin = 10

// usable reports whether e counts against panic: healthy, its breaker not open.
func (e *endpoint) usable() bool { return !e.health.unhealthy && e.breaker.state != Open }

// weigh enters or leaves panic. It is called after every change of health or
// breaker in the placement.
func (r *Router) weigh(now Time, number int32, out []Decision) []Decision {
	s := &r.placements[number]
	if s.config < 0 {
		return out
	}
	p := &r.config.placements[s.config]
	if p.panicPercent == 0 && !s.panic {
		return out
	}
	usable, total := uint32(0), uint32(p.end-p.first)
	for i := p.first; i < p.end; i++ {
		usable += uint32(bit(r.endpoints[r.numbers.endpoint[i]].usable()))
	}
	kind := NotePanicEntered
	switch {
	case !s.panic && usable*100 < total*p.panicPercent:
	case s.panic && (p.panicPercent == 0 || usable*100 >= total*min(p.panicPercent+panicMargin, 100)):
		kind = NotePanicLeft
	default:
		return out
	}
	s.panic = !s.panic
	r.touchPlacement(number)
	d := note(kind, 9, now)
	d.Placement, d.Count = number, usable
	return append(out, d)
}

// weighAll weighs every placement after an adoption.
func (r *Router) weighAll(now Time, out []Decision) []Decision {
	for n := range r.placements {
		out = r.weigh(now, int32(n), out)
	}
	return out
}

// tests leaves of the admissible endpoints those that would take a half-open
// probe. A placement in panic that passes on its requests still tests its
// breakers, or it would never leave panic. It reports whether it left any out.
func (r *Router) tests(s *survey) (passed bool) {
	n := 0
	for _, e := range r.admissible {
		if r.endpoints[e].breaker.state != Closed {
			r.admissible[n] = e
			n++
		}
	}
	passed = s.admissible > n
	r.admissible, s.admissible = r.admissible[:n], n
	return passed
}

// serveInPanic ends a walk in which every candidate was left and one that is in
// panic has sound endpoints: one of them is selected as if there were no panic.
func (r *Router) serveInPanic(now Time, ev *Event, l *leaving, v *verdict) {
	p := &r.config.placements[r.config.placements[ev.Route.Placement].candidates[l.resortAt-1]]
	if state := &r.placements[l.resortHome]; p.sharded {
		r.surveyShard(p, state, now, ev.Route.Key)
	} else {
		r.survey(p, state, now)
	}
	v.placement, v.spec, v.candidate, v.failover = l.resortHome, p, l.resortAt-1, l.resortWhy
	r.choose(now, p, ev, v)
}

// String returns the name used in configuration.
func (m PanicMode) String() string {
	switch m {
	case PanicAll:
		return "all"
	case PanicFail:
		return "fail"
	case PanicFailOver:
		return "fail_over"
	}
	return "unknown"
}
