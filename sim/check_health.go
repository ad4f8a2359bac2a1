package sim

import (
	"slices"

	"lockstep/core"
)

// Active health (R8), from the rules: probes come on their grid, at most one per
// endpoint is out, and so many in a row decide.

// nextDue is the first time after now at which an endpoint is to be probed.
func (c *checker) nextDue(e *endpointModel) core.Time {
	every := uint64(e.every)
	phase := below(coreDraw(c.r.seed, e.identity, 0, coreHealthPhase), every)
	for k := (uint64(c.now) - min(phase, uint64(c.now))) / every; ; k++ {
		jitter := below(coreDraw(c.r.seed, e.identity, k, coreHealthJitter), every/10)
		if at := core.Time(phase + k*every + jitter); at > c.now {
			return at
		}
	}
}

// schedule sets when an endpoint is next probed under a new configuration: at
// once if it was not probed before, at the same time if nothing changed.
func (c *checker) schedule(e *endpointModel, h *core.HealthSpec) {
	was := e.every
	if e.every = h.Every; h.Off {
		e.every = 0
	}
	switch {
	case was == 0:
		e.due = c.now
	case e.every > 0 && e.every != was:
		e.due = c.nextDue(e)
	}
	if e.every > 0 {
		c.nextGuard = min(c.nextGuard, e.due)
	}
}

// fireProbe works out whether an endpoint is to be probed now: a time that
// passes while a probe is out is missed.
func (c *checker) fireProbe(n int32, e *endpointModel) {
	if e.every == 0 {
		return
	}
	if e.due <= c.now {
		if e.token == 0 || e.guard <= e.due {
			c.owed = append(c.owed, dueProbe{n, e.due})
		}
		e.due = c.nextDue(e)
	}
	c.nextGuard = min(c.nextGuard, e.due)
}

// endProbes closes the books of one step.
func (c *checker) endProbes() {
	for _, p := range c.owed {
		c.failEndpoint("R8", p.endpoint, "health.every", "an active probe that was due was not sent")
	}
	c.owed = c.owed[:0]
}

func (c *checker) probeSent(d *core.Decision) {
	if int(d.Endpoint) >= len(c.endpoints) {
		return
	}
	e := &c.endpoints[d.Endpoint]
	if i := slices.Index(c.owed, dueProbe{d.Endpoint, d.At}); i >= 0 {
		c.owed = slices.Delete(c.owed, i, i+1)
	} else {
		c.failEndpoint("R8", d.Endpoint, "health.every", "an active probe was sent that was not due")
	}
	if e.token != 0 {
		c.failEndpoint("R8", d.Endpoint, "health", "a second probe was sent while one is out")
	}
	timeout := c.rows[c.placements[e.placement].index].Health.Timeout
	if d.Until != c.now.Add(timeout+core.Second) {
		c.failEndpoint("R8", d.Endpoint, "health.timeout", "the guard of an active probe is not its timeout and a second")
	}
	e.token, e.guard = d.Token, d.Until
	c.nextGuard = min(c.nextGuard, d.Until)
}

func (c *checker) probed(ev *core.Event) {
	if ev.Endpoint < 0 || int(ev.Endpoint) >= len(c.endpoints) || ev.Token == 0 || c.endpoints[ev.Endpoint].token != ev.Token {
		return
	}
	c.observe(ev.Endpoint, ev.OK, c.now)
}

// observe books a probe's end at that time.
func (c *checker) observe(n int32, ok bool, at core.Time) {
	e := &c.endpoints[n]
	e.token = 0
	if ok == !e.unhealthy {
		e.streak = 0
		return
	}
	h := &c.rows[c.placements[e.placement].index].Health
	need, note := h.Fall, core.NoteUnhealthy
	if e.unhealthy {
		need, note = h.Rise, core.NoteHealthy
	}
	if e.streak++; e.streak >= need {
		e.streak, e.unhealthy = 0, !e.unhealthy
		if !e.unhealthy {
			e.warm(at, &c.rows[c.placements[e.placement].index])
		}
		c.expected = append(c.expected, expectation{at, note, n, core.TripConsecutive})
	}
}
