package realclock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"

	"lockstep/adapters/realclock"
	"lockstep/core"
)

func TestTimeCountsFromTheOriginOnAnyClock(t *testing.T) {
	mock := clock.NewMock()
	mock.Set(time.Unix(1000, 0))
	c := realclock.New(mock)
	mock.Add(3 * time.Second)
	if c.Now() != core.Time(3*core.Second) || !c.Origin().Equal(time.Unix(1000, 0)) {
		t.Errorf("now %d since %v", c.Now(), c.Origin())
	}
}

// The timer is tested on clock.New inside a bubble, so on the runtime's own
// timers with virtual time.
func TestATimerFiresOnceAtTheTimeOfItsLastReset(t *testing.T) {
	const second = core.Time(core.Second)
	for name, c := range map[string]struct {
		resets []core.Time // all made at 10 s
		stop   bool
		want   core.Time // 0 for never
	}{
		"ahead":                {resets: []core.Time{15 * second}, want: 15 * second},
		"moved forward":        {resets: []core.Time{15 * second, 12 * second}, want: 12 * second},
		"moved back":           {resets: []core.Time{12 * second, 15 * second}, want: 15 * second},
		"in the past":          {resets: []core.Time{2 * second}, want: 10 * second},
		"stopped":              {resets: []core.Time{15 * second}, stop: true},
		"stopped, never armed": {stop: true},
		"never":                {resets: []core.Time{core.Never}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clk := realclock.New(clock.New())
				var fired []core.Time
				timer := clk.NewTimer(func() { fired = append(fired, clk.Now()) })
				time.Sleep(10 * time.Second) // virtual
				for _, at := range c.resets {
					timer.Reset(at)
				}
				if c.stop {
					timer.Stop()
				}
				time.Sleep(time.Minute) // virtual
				synctest.Wait()
				if c.want == 0 && len(fired) != 0 || c.want != 0 && (len(fired) != 1 || fired[0] != c.want) {
					t.Errorf("fired at %v, want %d", fired, c.want)
				}
				timer.Stop()
			})
		})
	}
}
