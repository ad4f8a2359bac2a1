package driver

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"

	"lockstep/core"
)

// spec is one placement per name, each with one endpoint at http://name:80 and one key, its name.
func spec(version string, names ...string) core.Spec {
	s := core.Spec{Version: version, Default: names[0]}
	for _, n := range names {
		s.Keys = append(s.Keys, core.KeySpec{Key: n, Placement: n})
		s.Placements = append(s.Placements, core.PlacementSpec{
			Name: n, Endpoints: []core.EndpointSpec{{URL: "http://" + n + ":80"}},
		})
	}
	return s
}

func compile(t testing.TB, s core.Spec) *core.Config {
	t.Helper()
	c, err := core.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func adopt(t testing.TB, d *Driver, s core.Spec) *core.Config {
	t.Helper()
	c := compile(t, s)
	if a := d.Adopt(c, core.Epoch{}, core.OriginFile, core.FaultNone); a.Kind != core.Ack {
		t.Fatalf("adopt: %v %v", a.Kind, a.Cause)
	}
	return c
}

// manual returns a driver on a clock that stands still.
func manual() *Driver { return New(Options{Clock: clock.NewMock()}) }

// started returns a running driver inside a synctest bubble, on virtual time,
// and the deliveries so far; read them after synctest.Wait.
func started(t *testing.T) (*Driver, *[]Delivery) {
	d := New(Options{})
	got := new([]Delivery)
	d.Handle(func(x Delivery) { *got = append(*got, x) })
	d.Run(t.Context())
	t.Cleanup(d.Close)
	return d, got
}

func find(t *testing.T, got []Delivery, k core.DecisionKind, placement string) Delivery {
	t.Helper()
	for _, x := range got {
		if x.Kind == k && x.PlacementName == placement {
			return x
		}
	}
	t.Fatalf("no %v of %q was delivered among %d", k, placement, len(got))
	return Delivery{}
}

func TestBeforeTheFirstConfigurationRequestsAreRefused(t *testing.T) {
	d := manual()
	for key, want := range map[string]core.Class{"": core.NoKey, "a": core.NotReady} {
		a := d.Arrive(Arrival{Key: key})
		if a.Kind != core.Reject || a.Class != want || a.Config != nil || a.PlacementIndex != -1 {
			t.Errorf("key %q: %+v, want a reject as %v", key, a, want)
		}
	}
}

func TestAnAdmissionNamesWhereTheRequestGoes(t *testing.T) {
	d := manual()
	c := adopt(t, d, spec("1", "a", "b"))
	a := d.Arrive(Arrival{Key: "b"})
	want := Target{Config: c, PlacementName: "b", URL: "http://b:80", PlacementIndex: 1, EndpointIndex: 1}
	if a.Kind != core.Forward || *a.Target != want {
		t.Errorf("%+v, want a forward to %+v", a, want)
	}
	d.Finish(a.Handle, core.ClassNone, 200, true)
	if c2, epoch := d.Config(); c2 != c || epoch != (core.Epoch{Number: 1}) {
		t.Errorf("in force: %p %v", c2, epoch)
	}
}

func TestARefusalNamesThePlacementThatRefused(t *testing.T) {
	d := manual()
	s := spec("1", "a", "b")
	s.Placements[1].Limit.InFlight = 1
	adopt(t, d, s)
	d.Arrive(Arrival{Key: "b"})
	a := d.Arrive(Arrival{Key: "b"})
	if a.Class != core.LimitReached || a.PlacementName != "b" || a.PlacementIndex != 1 || a.URL != "" {
		t.Errorf("%+v, want a refusal by b", a)
	}
}

func TestProbesReachTheSinkAndTheirReportsTheRouter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, got := started(t)
		s := spec("1", "a")
		s.Placements[0].Health.Fall = 1
		adopt(t, d, s)
		time.Sleep(time.Millisecond) // virtual
		synctest.Wait()
		p := find(t, *got, core.Probe, "a")
		if p.URL != "http://a:80" || p.Config.Placement(p.PlacementIndex).Health.Path != "/health" {
			t.Errorf("the sink cannot send the probe: %+v", p)
		}
		d.Probed(p.Endpoint, p.Token, false)
		synctest.Wait()
		find(t, *got, core.NoteUnhealthy, "a")
	})
}

func TestTheTimerFiresWithoutTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, got := started(t)
		adopt(t, d, spec("1", "a"))
		time.Sleep(time.Minute) // virtual
		synctest.Wait()
		probes := 0
		for _, x := range *got {
			if x.Kind == core.Probe {
				probes++
			}
		}
		if probes < 6 || probes > 8 {
			t.Errorf("%d probes in a minute at one in 10 s", probes)
		}
	})
}

func TestARemovedEndpointKeepsItsNameWhenItsNumberIsGivenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, got := started(t)
		old := adopt(t, d, spec("1", "a", "b"))
		adopt(t, d, spec("2", "a", "c"))
		synctest.Wait()
		x := find(t, *got, core.CloseIdle, "b")
		want := Target{Config: old, PlacementName: "b", URL: "http://b:80", PlacementIndex: 1, EndpointIndex: 1}
		if *x.Target != want {
			t.Errorf("idle connections to close: %+v, want %+v", *x.Target, want)
		}
		if a := d.Arrive(Arrival{Key: "c"}); a.Endpoint != x.Endpoint || a.URL != "http://c:80" {
			t.Errorf("c is number %d at %s; this test means to reuse number %d", a.Endpoint, a.URL, x.Endpoint)
		}
	})
}

func TestARefusedPushLeavesWhatIsInForce(t *testing.T) {
	d := manual()
	s := spec("1", "a")
	s.Placements[0].Health.Off = true // no probe may fall due meanwhile
	c := compile(t, s)
	d.Adopt(c, core.Epoch{Term: 2, Number: 5}, core.OriginControl, core.FaultNone)
	digest := d.Digest()
	pushes := map[core.Cause]core.Decision{
		core.CauseInvalid:      d.Adopt(nil, core.Epoch{}, core.OriginControl, core.FaultInvalid),
		core.CauseNotPersisted: d.Adopt(nil, core.Epoch{}, core.OriginControl, core.FaultNotPersisted),
		core.CauseStale:        d.Adopt(compile(t, spec("2", "b")), core.Epoch{Term: 2, Number: 4}, core.OriginControl, core.FaultNone),
	}
	for cause, a := range pushes {
		if a.Kind != core.Nack || a.Cause != cause {
			t.Errorf("%v %v, want a nack as %v", a.Kind, a.Cause, cause)
		}
	}
	if got, _ := d.Config(); got != c || d.Digest() != digest {
		t.Error("a refused push changed what is in force")
	}
}

func TestDrainAbortsWhatIsLeftAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, got := started(t)
		adopt(t, d, spec("1", "a"))
		a := d.Arrive(Arrival{Key: "a"})
		d.Drain(d.Now().Add(5 * core.Second))
		if x := d.Arrive(Arrival{Key: "a"}); x.Class != core.Draining {
			t.Errorf("admitted while draining: %+v", x)
		}
		time.Sleep(6 * time.Second) // virtual
		synctest.Wait()
		if x := find(t, *got, core.Abort, "a"); x.Handle != a.Handle {
			t.Errorf("aborted %v, want %v", x.Handle, a.Handle)
		}
	})
}

func TestCloseHandsOverWhatWasDecidedBefore(t *testing.T) {
	d := manual()
	var got []Delivery
	d.Handle(func(x Delivery) { got = append(got, x) })
	d.Run(context.Background())
	adopt(t, d, spec("1", "a"))
	d.Close()
	find(t, got, core.NoteAdopted, "")
	d.Close() // twice is harmless
}

func TestSlowSinksLoseNotesAndNeverCommands(t *testing.T) {
	d := manual()
	adopt(t, d, spec("1", "a")) // nobody drains the queue: Run is not called
	for range maxNotes {
		d.Finish(core.Handle{}, core.ClassNone, 200, true) // an unknown handle: a note
	}
	before := d.Dropped()
	d.Finish(core.Handle{}, core.ClassNone, 200, true)
	if before == 0 || d.Dropped() != before+1 {
		t.Errorf("dropped %d, then %d", before, d.Dropped())
	}
	waiting := len(d.queue.waiting)
	adopt(t, d, spec("2", "b"))
	if d.queue.waiting[waiting].Kind != core.CloseIdle {
		t.Error("a command was dropped")
	}
}

func TestManyGoroutinesAndPushesLeaveNothingInFlight(t *testing.T) {
	d := manual()
	d.Handle(func(Delivery) {})
	d.Run(t.Context())
	configs := []core.Spec{spec("1", "a", "b"), spec("2", "a", "c"), spec("3", "b", "c")}
	adopt(t, d, configs[0])
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				a := d.Arrive(Arrival{Key: string(rune('a' + i%3)), ID: [2]uint64{uint64(g), uint64(i)}})
				if a.Kind != core.Forward {
					t.Errorf("refused as %v", a.Class)
					return
				}
				if want := "http://" + a.PlacementName + ":80"; a.URL != want {
					t.Errorf("placement %s at %s", a.PlacementName, a.URL)
				}
				d.Finish(a.Handle, core.ClassNone, 200, true)
			}
		})
	}
	wg.Go(func() {
		for i := range 50 {
			adopt(t, d, configs[(i+1)%3])
		}
	})
	wg.Wait()
	d.Close()
	d.View(func(r *core.Router) {
		if r.InFlight() != 0 || r.Counters().Ignored != 0 || r.Counters().Bugs != 0 {
			t.Errorf("in flight %d, %+v", r.InFlight(), r.Counters())
		}
	})
}

func TestARequestAllocatesNothing(t *testing.T) {
	d := manual()
	adopt(t, d, spec("1", "a", "b"))
	keys := []string{"a", "b", "nobody"}
	i := 0
	n := testing.AllocsPerRun(1000, func() {
		a := d.Arrive(Arrival{Key: keys[i%3], ID: [2]uint64{1, uint64(i)}})
		d.Reply(a.Handle, 200)
		d.Finish(a.Handle, core.ClassNone, 200, true)
		i++
	})
	if n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}
