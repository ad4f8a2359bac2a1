package core_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/sony/gobreaker/v2"
	"pgregory.net/rapid"

	"lockstep/core"
)

// Oracles: breakers that others wrote, under the same requests. Each reads the
// wall clock, which in a synctest bubble is virtual. Where their semantics are
// not ours, a test says how and leaves that out.

// sole is a router with one endpoint, whose breaker is asked and told as a
// library's is. No library has a guard over a test request that never answers, so it is far away.
type sole struct {
	r     *core.Router
	began time.Time
}

func soleConfig(t *rapid.T, b core.BreakerSpec) *core.Config {
	c, err := core.Compile(core.Spec{Version: "1", Default: "p", Placements: []core.PlacementSpec{{
		Name: "p", Breaker: b, Health: core.HealthSpec{Off: true}, Timeouts: core.TimeoutSpec{ResponseHeader: core.MaxDuration},
		Endpoints: []core.EndpointSpec{{URL: "http://a"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newSole(c *core.Config) *sole {
	s := &sole{core.New(core.Options{Strict: true}), time.Now()}
	s.step(core.Event{Kind: core.Adopt, Config: c})
	return s
}

// beside runs one comparison in virtual time; what it says is wrong fails the property.
func beside(t *testing.T, rt *rapid.T, compare func() string) {
	problem := ""
	synctest.Test(t, func(*testing.T) { problem = compare() })
	if problem != "" {
		rt.Fatal(problem)
	}
}

// move is one step of a comparison, drawn before the bubble begins.
type move struct {
	after  time.Duration
	begin  bool // a request, else the end of one in flight
	which  int
	failed bool
}

func moves(rt *rapid.T, most int, ms []int, failures int) (list []move) {
	for range rapid.IntRange(1, most).Draw(rt, "moves") {
		list = append(list, move{
			time.Duration(rapid.SampledFrom(ms).Draw(rt, "ms")) * time.Millisecond, rapid.IntRange(0, 2).Draw(rt, "begin") == 0,
			rapid.IntRange(0, 1<<20).Draw(rt, "which"), rapid.IntRange(0, 9).Draw(rt, "failed") < failures,
		})
	}
	return list
}

func errorOf(failed bool) error {
	if failed {
		return errDown
	}
	return nil
}

func (s *sole) step(ev core.Event) core.Decision {
	last := core.Decision{}
	for _, d := range s.r.Step(core.Time(time.Since(s.began)), &ev, nil) {
		last = d
	}
	return last
}

// allow asks for one request; the handle is zero when it is refused.
func (s *sole) allow() core.Handle {
	return s.step(core.Event{Kind: core.Arrive, Epoch: s.r.Epoch(), Route: core.Route{}}).Handle
}

func (s *sole) done(h core.Handle, failed bool) {
	status := uint16(200)
	if failed {
		status = 500
	}
	s.step(core.Event{Kind: core.Finish, Handle: h, Status: status})
}

func (s *sole) state() core.Circuit { return s.r.Endpoint(0).Breaker }

var errDown = errors.New("down")

// TestTheGobreakerPresetIsGobreaker runs gobreaker with its defaults beside the
// preset, several requests in flight. Ours is ready at the end of the open
// time, gobreaker right after it: no request comes at that very instant. Its
// State moves to half-open as time passes, ours with the request that tests;
// so states are compared after a request.
func TestTheGobreakerPresetIsGobreaker(t *testing.T) {
	names := map[gobreaker.State]core.Circuit{gobreaker.StateClosed: core.Closed, gobreaker.StateOpen: core.Open, gobreaker.StateHalfOpen: core.HalfOpen}
	type flight struct {
		ours   core.Handle
		theirs func(error)
	}
	rapid.Check(t, func(rt *rapid.T) {
		config := soleConfig(rt, core.BreakerSpec{Preset: "gobreaker"})
		list := moves(rt, 200, []int{1, 1, 1, 500, 20_000, 61_000}, 8)
		beside(t, rt, func() string {
			ours, theirs := newSole(config), gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{})
			var out []flight
			for i, m := range list {
				time.Sleep(m.after + time.Nanosecond)
				if !m.begin && len(out) > 0 {
					k := m.which % len(out)
					ours.done(out[k].ours, m.failed)
					out[k].theirs(errorOf(m.failed))
					out = append(out[:k:k], out[k+1:]...)
					continue
				}
				h := ours.allow()
				done, err := theirs.Allow()
				if (h == core.Handle{}) != (err != nil) {
					return fmt.Sprintf("move %d: ours admits: %t, theirs says %v", i, h != core.Handle{}, err)
				}
				if err == nil {
					out = append(out, flight{h, done})
				}
				if got, want := ours.state(), names[theirs.State()]; got != want {
					return fmt.Sprintf("move %d: ours is %s, theirs %s", i, got, want)
				}
			}
			return ""
		})
	})
}

// TestARatioTripsAsFailsafesDoes runs failsafe-go with a failure rate over a time window of ten
// buckets: it judges after each outcome, as we do. It rounds the rate to whole per cents, which up
// to 99 outcomes in a window makes no difference at 50 %. It forgets what ends in an open
// breaker, so requests are one at a time.
func TestARatioTripsAsFailsafesDoes(t *testing.T) {
	names := map[circuitbreaker.State]core.Circuit{circuitbreaker.ClosedState: core.Closed, circuitbreaker.OpenState: core.Open, circuitbreaker.HalfOpenState: core.HalfOpen}
	rapid.Check(t, func(rt *rapid.T) {
		minimum := rapid.Uint32Range(1, 20).Draw(rt, "minimum")
		config := soleConfig(rt, core.BreakerSpec{
			Failures: core.NeverConsecutive, FailureRatio: 500_000, Window: 10 * core.Second, MinRequests: minimum, Open: 5 * core.Second,
		})
		list := moves(rt, 95, []int{0, 1, 300, 999, 1000, 1001, 5000, 9999, 10_000, 30_000}, 5)
		beside(t, rt, func() string {
			ours := newSole(config)
			theirs := circuitbreaker.NewBuilder[any]().WithFailureRateThreshold(0.5, uint(minimum), 10*time.Second).
				WithDelay(5 * time.Second).WithSuccessThreshold(1).Build()
			for i, m := range list {
				time.Sleep(m.after)
				h := ours.allow()
				if admitted := theirs.TryAcquirePermit(); admitted != (h != core.Handle{}) {
					return fmt.Sprintf("request %d: ours admits: %t, theirs: %t", i, h != core.Handle{}, admitted)
				}
				if h == (core.Handle{}) {
					continue
				}
				ours.done(h, m.failed)
				if m.failed {
					theirs.RecordFailure()
				} else {
					theirs.RecordSuccess()
				}
				if got, want := ours.state(), names[theirs.State()]; got != want {
					return fmt.Sprintf("after outcome %d (failed: %t) ours is %s, theirs %s", i, m.failed, got, want)
				}
			}
			return ""
		})
	})
}

// TestARatioTripsAsGobreakersRollingWindow: gobreaker asks ReadyToTrip after a
// failure only, so ours may be earlier, at a good outcome that completes the
// minimum or pushes older ones out; then the comparison ends. Its buckets begin
// with each generation, ours at multiples of their length, so it also ends with the first trip.
func TestARatioTripsAsGobreakersRollingWindow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		minimum := rapid.Uint32Range(1, 20).Draw(rt, "minimum")
		config := soleConfig(rt, core.BreakerSpec{
			Failures: core.NeverConsecutive, FailureRatio: 300_000, Window: 10 * core.Second, MinRequests: minimum,
		})
		list := moves(rt, 100, []int{0, 1, 300, 999, 1000, 1001, 5000, 9999, 10_000}, 3)
		beside(t, rt, func() string {
			ours := newSole(config)
			theirs := gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
				Interval: 10 * time.Second, BucketPeriod: time.Second,
				ReadyToTrip: func(c gobreaker.Counts) bool {
					return c.Requests >= minimum && c.TotalFailures*10 >= c.Requests*3
				},
			})
			for i, m := range list {
				time.Sleep(m.after)
				h := ours.allow()
				done, err := theirs.Allow()
				if err != nil || h == (core.Handle{}) {
					return fmt.Sprintf("request %d: one of them is open already: %v", i, err)
				}
				ours.done(h, m.failed)
				done(errorOf(m.failed))
				trippedOurs, trippedTheirs := ours.state() == core.Open, theirs.State() == gobreaker.StateOpen
				if trippedOurs != trippedTheirs && (m.failed || trippedTheirs) {
					return fmt.Sprintf("outcome %d (failed: %t): ours trips: %t, theirs: %t", i, m.failed, trippedOurs, trippedTheirs)
				}
				if trippedOurs {
					return ""
				}
			}
			return ""
		})
	})
}
