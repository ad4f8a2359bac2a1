package realclock

import (
	"time"

	"github.com/benbjohnson/clock"

	"lockstep/core"
	"lockstep/core/loop"
)

// Clock tells the time since its origin. It implements loop.Clock.
type Clock struct {
	clock  clock.Clock
	origin time.Time // wall time of core.Time 0
	start  time.Time // when this clock began
	passed core.Time // since the origin, then
}

// New returns a clock whose origin, core.Time 0, is c's present.
func New(c clock.Clock) *Clock {
	now := c.Now()
	return &Clock{c, now, now, 0}
}

// Since returns a clock that goes on where another process's was: its origin
// lies in the past. How long that is ago only the wall clock knows; from now on
// time is monotonic. Now is at least least, whatever the wall clock says.
func Since(c clock.Clock, origin time.Time, least core.Time) *Clock {
	now := c.Now()
	return &Clock{c, origin, now, max(least, core.Time(now.Round(0).Sub(origin.Round(0))))}
}

// Now returns the time since the origin. The real clock's is monotonic: it
// neither jumps nor repeats when the wall clock is set. A mock may go back; the
// router clamps that.
func (c *Clock) Now() core.Time {
	// Since, not Now: it reads the monotonic clock alone, at half the price.
	return c.passed + core.Time(c.clock.Since(c.start))
}

// Origin returns the wall-clock time of core.Time 0.
func (c *Clock) Origin() time.Time { return c.origin }

// NewTimer returns a stopped timer. fire runs in a goroutine of its own.
func (c *Clock) NewTimer(fire func()) loop.Timer { return &timer{clock: c, fire: fire} }

// timer makes its alarm at the first Reset: clock has no stopped timers.
type timer struct {
	clock *Clock
	fire  func()
	alarm *clock.Timer
}

// Reset implements loop.Timer.
func (t *timer) Reset(at core.Time) {
	wait := time.Duration(max(0, at.Sub(t.clock.Now())))
	if t.alarm == nil {
		t.alarm = t.clock.clock.AfterFunc(wait, t.fire)
		return
	}
	t.alarm.Reset(wait)
}

// Stop implements loop.Timer.
func (t *timer) Stop() {
	if t.alarm != nil {
		t.alarm.Stop()
	}
}
