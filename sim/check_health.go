package sim

import "lockstep/core"

// Active health (R8), from the rules: at most one probe per endpoint out, and
// so many in a row decide.

func (c *checker) probeSent(d *core.Decision) {
	if int(d.Endpoint) >= len(c.endpoints) {
		return
	}
	e := &c.endpoints[d.Endpoint]
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
		c.expected = append(c.expected, expectation{at, note, n})
	}
}
