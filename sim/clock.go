package sim

import (
	"lockstep/core"
	"lockstep/core/loop"
)

// clock is the virtual clock of one router, behind loop.Clock.
type clock struct {
	w      *world
	router uint32
}

// Now returns the world's time.
func (c *clock) Now() core.Time { return c.w.now }

// NewTimer returns a timer that wakes the router through the event heap.
func (c *clock) NewTimer(fire func()) loop.Timer {
	t := &timer{clock: c}
	c.w.routers[c.router].fire = fire
	return t
}

// timer is the one timer of a loop. An earlier arming is left in the heap and
// told from the present one by its count.
type timer struct{ clock *clock }

// Reset arms the timer.
func (t *timer) Reset(at core.Time) {
	r := &t.clock.w.routers[t.clock.router]
	r.armed++
	if at != core.Never {
		t.clock.w.heap.push(max(at, t.clock.w.now), evWake, t.clock.router, r.armed)
	}
}

// Stop disarms the timer.
func (t *timer) Stop() { t.clock.w.routers[t.clock.router].armed++ }
