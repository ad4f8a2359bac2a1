package sim

import (
	"lockstep/core"
	"lockstep/core/loop"
)

// clock is the virtual clock of a router from one start to the next, behind
// loop.Clock. All count from the start of the run, where production counts from
// the start of the process.
type clock struct {
	w      *world
	router uint32
	ahead  core.Duration // Plan.WallClock: how far leaps have moved it since it began
}

// Now returns the world's time, or what a wall clock makes of it. A wall clock
// may go back; the router holds its own time then.
func (c *clock) Now() core.Time { return c.w.now.Add(c.ahead) }

// now returns the router's time, which does not go back with its clock.
func (r *router) now() core.Time { return max(r.clock.Now(), r.core.Now()) }

// NewTimer returns a timer that wakes the router through the event heap.
func (c *clock) NewTimer(fire func()) loop.Timer {
	t := &timer{clock: c}
	c.w.routers[c.router].fire = fire
	return t
}

// timer is the one timer of a loop. An earlier arming is left in the heap and
// told from the present one by its count.
type timer struct{ clock *clock }

// Reset arms the timer. As production's does, it works out the wait and leaves
// that to a clock that only goes forward.
func (t *timer) Reset(at core.Time) {
	r := &t.clock.w.routers[t.clock.router]
	r.armed++
	if at != core.Never {
		t.clock.w.heap.push(max(at.Add(-t.clock.ahead), t.clock.w.now), evWake, t.clock.router, r.armed)
	}
}

// Stop disarms the timer.
func (t *timer) Stop() { t.clock.w.routers[t.clock.router].armed++ }
