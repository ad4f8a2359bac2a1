package loop_test

import (
	"slices"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"lockstep/adapters/realclock"
	"lockstep/core"
	"lockstep/core/loop"
)

// rig is a loop on a mock clock. The timer's callback only leaves a token: the
// test is the one that calls Wake, as the driver would under its lock.
type rig struct {
	*testing.T
	*loop.Loop
	mock      *clock.Mock
	fired     chan struct{}
	delivered []core.Decision
	steps     []step
}

// step is what an observer was shown.
type step struct {
	now       core.Time
	kind      core.EventKind
	key       string
	decisions []core.DecisionKind
}

func newRig(t *testing.T) *rig {
	r := &rig{T: t, mock: clock.NewMock(), fired: make(chan struct{}, 16)}
	router := core.New(core.Options{Strict: true})
	r.Loop = loop.New(router, realclock.New(r.mock), r, r, func() { r.fired <- struct{}{} })
	return r
}

func (r *rig) Deliver(d *core.Decision) { r.delivered = append(r.delivered, *d) }

func (r *rig) Observe(now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	s := step{now: now, kind: ev.Kind}
	if req != nil {
		s.key = req.Key
	}
	for i := range decisions {
		s.decisions = append(s.decisions, decisions[i].Kind)
	}
	r.steps = append(r.steps, s)
}

// config is one placement per name, each probed every 10 s.
func config(t *testing.T, version string, names ...string) *core.Config {
	spec := core.Spec{Version: version, Default: names[0]}
	for _, n := range names {
		spec.Keys = append(spec.Keys, core.KeySpec{Key: n, Placement: n})
		spec.Placements = append(spec.Placements, core.PlacementSpec{
			Name: n, Endpoints: []core.EndpointSpec{{URL: "http://" + n + ":80"}},
		})
	}
	c, err := core.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (r *rig) adopt(c *core.Config) core.Decision {
	return r.Adopt(&core.Event{Kind: core.Adopt, Config: c})
}

// advance moves the clock and serves the timer as often as it fires, until
// nothing is armed before the new time.
func (r *rig) advance(d time.Duration) {
	end := r.mock.Now().Add(d)
	for origin := time.Unix(0, 0); ; {
		next := r.Router().Deadline()
		at := origin.Add(time.Duration(next))
		if next == core.Never || at.After(end) {
			break
		}
		r.mock.Set(at)
		<-r.fired // the test hangs here if the loop did not arm its timer
		r.Wake()
	}
	r.mock.Set(end)
}

func (r *rig) kinds() (ks []core.DecisionKind) {
	for i := range r.delivered {
		ks = append(ks, r.delivered[i].Kind)
	}
	return ks
}

func TestTheTimerFiresAtEveryDeadline(t *testing.T) {
	r := newRig(t)
	r.adopt(config(t, "1", "a"))
	r.advance(45 * time.Second)
	for i, s := range r.steps[1:] {
		if s.kind != core.Tick || i > 0 && s.now <= r.steps[i].now {
			t.Errorf("step %d is %+v after %+v, want a later tick", i+1, s, r.steps[i])
		}
	}
	// One at once, then one in each period of 10 s.
	if probes := count(r.kinds(), core.Probe); probes < 5 || probes > 6 {
		t.Errorf("%d probes in 45 s at one in 10 s", probes)
	}
}

func TestAWakeWithNothingDueChangesNothingAndArmsAgain(t *testing.T) {
	r := newRig(t)
	r.adopt(config(t, "1", "a"))
	r.advance(0) // the first probe
	steps, digest := len(r.steps), r.Router().Digest()
	for range 3 {
		r.Wake()
	}
	if len(r.steps) != steps || r.Router().Digest() != digest {
		t.Errorf("an idle wake was recorded or changed the state: %v", r.steps[steps:])
	}
	r.advance(20 * time.Second) // hangs unless the timer is still armed
}

func TestAWakeBeforeTheFirstConfigurationIsHarmless(t *testing.T) {
	r := newRig(t)
	r.Wake()
	if len(r.steps) != 0 {
		t.Errorf("recorded %v", r.steps)
	}
}

func TestALateWakeFiresEverythingThatIsDueEachAsOfItsTime(t *testing.T) {
	r := newRig(t)
	r.adopt(config(t, "1", "a", "b"))
	r.advance(0) // two probes, whose guards lie 3 s ahead
	r.delivered = nil
	r.mock.Set(r.mock.Now().Add(time.Hour))
	<-r.fired
	r.Wake()
	last := r.steps[len(r.steps)-1]
	if last.kind != core.Tick || last.now != core.Time(time.Hour) {
		t.Fatalf("last step %+v, want one tick at 1h", last)
	}
	if n := count(last.decisions, core.Probe); n != 2 {
		t.Errorf("%d probes, want one of each endpoint however late", n)
	}
	if d := r.Router().Deadline(); d <= last.now {
		t.Errorf("deadline %d is still due at %d", d, last.now)
	}
	for i := 1; i < len(r.delivered); i++ {
		if r.delivered[i].At < r.delivered[i-1].At {
			t.Errorf("decisions are out of order: %d after %d", r.delivered[i].At, r.delivered[i-1].At)
		}
	}
}

func TestTheCallersOwnDecisionIsReturnedAndNotDelivered(t *testing.T) {
	r := newRig(t)
	if d := r.adopt(config(t, "1", "a")); d.Kind != core.Ack {
		t.Errorf("adopt returned %v", d.Kind)
	}
	d := r.Arrive(&core.Event{Kind: core.Arrive}, &loop.Request{Key: "a"})
	if d.Kind != core.Forward {
		t.Errorf("arrive returned %v", d.Kind)
	}
	// The arrival's step also fired the first probe, which nobody waits for.
	if want := []core.DecisionKind{core.NoteAdopted, core.Probe}; !slices.Equal(r.kinds(), want) {
		t.Errorf("delivered %v, want %v", r.kinds(), want)
	}
	if want := []core.DecisionKind{core.Probe, core.Forward}; !slices.Equal(r.steps[1].decisions, want) {
		t.Errorf("observed %v, want %v", r.steps[1].decisions, want)
	}
	if r.steps[0].key != "" || r.steps[1].key != "a" {
		t.Errorf("the observer got keys %q and %q", r.steps[0].key, r.steps[1].key)
	}
}

func TestAStaleMatchIsMadeAgainUnderTheEpochInForce(t *testing.T) {
	r := newRig(t)
	old := config(t, "1", "a", "z")
	r.adopt(old)
	before := r.Router().Epoch()
	route, _ := old.Match("z") // index 1 of the old configuration
	r.adopt(config(t, "2", "a", "m", "z"))

	ev := core.Event{Kind: core.Arrive, Route: route, Epoch: before}
	d := r.Arrive(&ev, &loop.Request{Key: "z"})
	if name := r.Router().Placement(d.Placement).Name; d.Kind != core.Forward || name != "z" {
		t.Errorf("%v to %q, want forward to z: index 1 is m by now", d.Kind, name)
	}
	if ev.Epoch != r.Router().Epoch() {
		t.Errorf("recorded under %v, want the epoch in force %v", ev.Epoch, r.Router().Epoch())
	}
}

func TestALateArriveOfSeveralRoutesIsNotGuessedAt(t *testing.T) {
	r := newRig(t)
	spec := func(version string, routes ...core.RouteSpec) *core.Config {
		s := core.Spec{Version: version, Default: "a", Routes: routes, Tables: []core.TableSpec{{Name: "t", Keys: []core.KeySpec{{Key: "k", Placement: "b"}}}}}
		for _, n := range []string{"a", "b"} {
			s.Placements = append(s.Placements, core.PlacementSpec{Name: n, Endpoints: []core.EndpointSpec{{URL: "http://" + n}}})
		}
		c, err := core.Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	two, one := spec("1", core.RouteSpec{Table: "t"}), spec("2")
	for _, c := range []struct {
		before, after *core.Config
		via           uint16
		want          core.Class
	}{{two, one, 1, core.Internal}, {one, two, 0, core.Internal}, {one, spec("3"), 0, core.ClassNone}} {
		r.adopt(c.before)
		route, _ := c.before.MatchVia(c.via, "k", 0)
		ev := core.Event{Kind: core.Arrive, Route: route, Via: c.via, Epoch: r.Router().Epoch()}
		r.adopt(c.after)
		if d := r.Arrive(&ev, &loop.Request{Key: "k"}); d.Class != c.want {
			t.Errorf("by route %d, from %s to %s: %s, want %s", c.via, c.before.Version(), c.after.Version(), d.Class, c.want)
		}
	}
	ev := core.Event{Kind: core.Arrive, Route: core.Route{Placement: -1, Refuse: core.Unauthorized}}
	if d := r.Arrive(&ev, &loop.Request{}); d.Class != core.Unauthorized {
		t.Errorf("what the edge found is lost: %s", d.Class)
	}
}

func TestAStoppedLoopDoesNotFire(t *testing.T) {
	r := newRig(t)
	r.adopt(config(t, "1", "a"))
	r.Stop()
	if at := r.mock.WaitForAllTimers(); !at.Equal(time.Unix(0, 0)) {
		t.Errorf("a timer was still armed for %v", at)
	}
}

// counting counts how often its timer is moved.
type counting struct {
	*realclock.Clock
	loop.Timer
	resets int
}

func (c *counting) NewTimer(fire func()) loop.Timer {
	c.Timer = c.Clock.NewTimer(fire)
	return c
}

func (c *counting) Reset(at core.Time) {
	c.resets++
	c.Timer.Reset(at)
}

func TestTrafficDoesNotMoveTheTimer(t *testing.T) {
	r := newRig(t)
	c := &counting{Clock: realclock.New(r.mock)}
	r.Loop = loop.New(core.New(core.Options{Strict: true}), c, r, r, func() {})
	r.adopt(config(t, "1", "a"))
	for range 100 {
		d := r.Arrive(&core.Event{Kind: core.Arrive}, &loop.Request{Key: "a"})
		r.Apply(&core.Event{Kind: core.Finish, Handle: d.Handle, Status: 200})
	}
	if c.resets != 1 {
		t.Errorf("the timer was moved %d times for 100 requests, want once, by the adoption", c.resets)
	}
}

func count[T comparable](s []T, v T) (n int) {
	for _, x := range s {
		if x == v {
			n++
		}
	}
	return n
}
