package promise

import (
	"fmt"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/core/loop"
)

// world is two cells and a shared tier, one router and its judge.
type world struct {
	t      testing.TB
	config *core.Config
	router *core.Router
	watch  *Watch
	judge  *Judge
	now    core.Time
	count  uint64
}

// spec is two cells and a shared tier; the first falls back to the others.
func spec() core.Spec {
	s := core.Spec{Version: "v1"}
	for i, name := range []string{"cell-a", "cell-b", "shared"} {
		s.Placements = append(s.Placements, core.PlacementSpec{
			Name: name, Endpoints: []core.EndpointSpec{{Name: "x", URL: fmt.Sprintf("http://10.0.0.%d:80", i)}},
			Breaker: core.BreakerSpec{Failures: 2, Open: 5 * core.Second}, Health: core.HealthSpec{Off: true},
		})
		s.Keys = append(s.Keys, core.KeySpec{Key: "of-" + name, Placement: name})
	}
	s.Placements[0].Fallback = []string{"cell-b", "shared"}
	return s
}

// build starts a router under the promises. change may edit the configuration.
func build(t testing.TB, change func(*core.Spec), must ...Promise) *world {
	t.Helper()
	s := spec()
	if change != nil {
		change(&s)
	}
	c, err := core.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, config: c, router: core.New(core.Options{Seed: 1, Strict: true})}
	w.judge = NewJudge(World{
		Must:   must,
		Region: func(_ uint16, key string) string { return map[string]string{"of-cell-a": "eu"}[key] },
		Labels: map[string]map[string]string{"cell-a": {"region": "eu"}, "cell-b": {"region": "eu", "kind": "cell"}, "shared": {"region": "us"}},
	})
	w.watch = w.judge.Watch(1, w.router)
	w.step(core.Event{Kind: core.Adopt, Config: c}, nil)
	return w
}

// after lets time pass.
func (w *world) after(d core.Duration) { w.now = w.now.Add(d) }

func (w *world) step(ev core.Event, req *loop.Request) *core.Decision {
	out := w.router.Step(w.now, &ev, nil)
	w.watch.Observe(w.now, &ev, req, out)
	if len(out) == 0 {
		return &core.Decision{}
	}
	return &out[len(out)-1]
}

// send sends a request for a key of a placement.
func (w *world) send(home string) core.Handle {
	w.count++
	route, _ := w.config.Match("of-" + home)
	req := &loop.Request{Key: "of-" + home, ID: [2]uint64{w.count, 0}}
	return w.step(core.Event{Kind: core.Arrive, Epoch: w.router.Epoch(), Route: route, Request: w.count}, req).Handle
}

// end ends an attempt 10 ms from now; ClassNone is a good answer.
func (w *world) end(h core.Handle, class core.Class) {
	w.after(10 * core.Millisecond)
	status := uint16(0)
	if class == core.ClassNone {
		status = 200
	}
	w.step(core.Event{Kind: core.Finish, Handle: h, Class: class, Status: status}, nil)
}

// serve sends n requests, one after the other, that all end so.
func (w *world) serve(n int, home string, class core.Class) {
	for range n {
		if h := w.send(home); h.Gen != 0 {
			w.end(h, class)
		}
	}
}

// idle lets the router send its health probes, which pass or fail, until d has passed.
func (w *world) idle(d core.Duration, ok bool) {
	end := w.now.Add(d)
	for w.router.Deadline() < end {
		w.now = w.router.Deadline()
		if p := *w.step(core.Event{Kind: core.Tick}, nil); p.Kind == core.Probe {
			w.step(core.Event{Kind: core.Probed, Endpoint: p.Endpoint, Token: p.Token, OK: ok}, nil)
		}
	}
	w.now = end
}

// push adopts another configuration.
func (w *world) push(change func(*core.Spec)) {
	s := spec()
	s.Version = "v2"
	change(&s)
	c, err := core.Compile(s)
	if err != nil {
		w.t.Fatal(err)
	}
	w.config = c
	w.step(core.Event{Kind: core.Adopt, Config: c}, nil)
}

// breakDown makes cell-a fail until its breaker is open.
func (w *world) breakDown() { w.serve(2, "cell-a", core.ConnectRefused) }

func TestEachPromiseIsKeptAndBrokenByWhatARouterDoes(t *testing.T) {
	limit := func(in, guests int32) func(*core.Spec) {
		return func(s *core.Spec) { s.Placements[1].Limit = core.LimitSpec{InFlight: in, Guests: guests} }
	}
	probe := func(every core.Duration) func(*core.Spec) {
		return func(s *core.Spec) { s.Placements[2].Health = core.HealthSpec{Every: every} }
	}
	probeA := func(s *core.Spec) { s.Placements[0].Health = core.HealthSpec{Every: core.Second} }
	survive := Promise{Kind: SurviveLoss, Lose: Loss{1, OfPlacements}, Share: 999_000, Within: core.Second}
	for _, c := range []struct {
		name   string
		change func(*core.Spec)
		must   Promise
		do     func(*world)
		want   string // state and figures
	}{
		{"a loss survived", nil, survive, func(w *world) {
			w.breakDown()
			w.after(2 * core.Second)
			w.serve(10, "cell-a", core.ClassNone)
		}, "holds: 100% of 10 requests answered"},
		{"a loss not survived", limit(1, 0), survive, func(w *world) {
			w.breakDown()
			w.after(2 * core.Second)
			h := w.send("cell-b")
			w.serve(1, "cell-a", core.ClassNone)
			w.end(h, core.ClassNone)
		}, "broken: 50% of 2 requests answered"},
		{"too soon after a loss", nil, survive, func(w *world) {
			w.breakDown()
			w.serve(10, "cell-a", core.ClassNone)
		}, "not judged: never was any 1 placement down for 1s"},
		{"an endpoint lost, not its placement", func(s *core.Spec) {
			s.Placements[0].Endpoints = append(s.Placements[0].Endpoints, core.EndpointSpec{Name: "y", URL: "http://10.0.0.9:80"})
		}, survive, func(w *world) {
			for range 4 {
				if h := w.send("cell-a"); w.router.Endpoint(0).InFlight > 0 {
					w.end(h, core.ConnectRefused)
				} else {
					w.end(h, core.ClassNone)
				}
			}
			w.after(2 * core.Second)
			w.serve(10, "cell-a", core.ClassNone)
		}, "not judged: never was any 1 placement down for 1s"},
		{"answered", nil, Promise{Kind: Available, Share: 900_000}, func(w *world) {
			w.serve(9, "cell-b", core.ClassNone)
			w.serve(1, "cell-b", core.ResponseTimeout)
		}, "holds: 90% of 10 requests answered"},
		{"not answered", nil, Promise{Kind: Available, Share: 900_001}, func(w *world) {
			w.serve(9, "cell-b", core.ClassNone)
			w.serve(1, "cell-b", core.ResponseTimeout)
		}, "broken: 90% of 10 requests answered"},
		{"what the client gave up does not count", nil, Promise{Kind: Available, Share: million}, func(w *world) {
			w.serve(1, "cell-b", core.ClassNone)
			w.serve(1, "cell-b", core.ClientGone)
		}, "holds: 100% of 1 request answered"},
		{"what names no tenant does not count", nil, Promise{Kind: Available, Share: million}, func(w *world) {
			w.serve(1, "cell-b", core.ClassNone)
			none := core.Route{Placement: -1, Refuse: core.NoKey}
			w.step(core.Event{Kind: core.Arrive, Epoch: w.router.Epoch(), Route: none}, &loop.Request{})
		}, "holds: 100% of 1 request answered"},
		{"of another region", nil, Promise{Kind: Available, Share: million, Region: "eu"}, func(w *world) {
			w.serve(1, "cell-b", core.ResponseTimeout)
		}, "not judged: no such request"},
		{"quick", nil, Promise{Kind: Latency, Latency: 10 * core.Millisecond}, func(w *world) { w.serve(3, "cell-b", core.ClassNone) }, "holds: 100% of 3 requests within 10ms"},
		{"slow", nil, Promise{Kind: Latency, Latency: 9 * core.Millisecond}, func(w *world) { w.serve(3, "cell-b", core.ClassNone) }, "broken: 0% of 3 requests within 9ms"},
		{"home first", limit(2, 1), Promise{Kind: HomeFirst, Share: 1000}, func(w *world) {
			w.breakDown()
			w.send("cell-a")
			w.send("cell-a")
			w.serve(5, "cell-b", core.ClassNone)
		}, "holds: 0% of 5 requests refused at home in cell-b"},
		{"home crowded out", limit(2, 0), Promise{Kind: HomeFirst, Share: 1000}, func(w *world) {
			w.breakDown()
			w.send("cell-a")
			w.send("cell-a")
			w.serve(5, "cell-b", core.ClassNone)
		}, "broken: 100% of 5 requests refused at home in cell-b"},
		{"full of its own", limit(2, 0), Promise{Kind: HomeFirst, Share: 1000}, func(w *world) {
			w.send("cell-b")
			w.send("cell-b")
			w.serve(5, "cell-b", core.ClassNone)
		}, "not judged: no placement had a guest"},
		{"in the region", nil, Promise{Kind: ServedBy, Region: "eu", Labels: map[string]string{"region": "eu"}}, func(w *world) {
			w.breakDown()
			w.serve(1, "cell-a", core.ClassNone)
		}, "holds: 0 of 3 requests were served elsewhere"},
		{"out of the region", func(s *core.Spec) { s.Placements[0].Fallback = []string{"shared"} }, Promise{Kind: ServedBy, Region: "eu", Labels: map[string]string{"region": "eu"}}, func(w *world) {
			w.breakDown()
			w.serve(1, "cell-a", core.ClassNone)
		}, "broken: 1 of 3 requests were served elsewhere"},
		{"no guest", nil, Promise{Kind: NoGuests, Labels: map[string]string{"kind": "cell"}}, func(w *world) { w.serve(2, "cell-b", core.ClassNone) }, "holds: 0 of 2 requests were guests"},
		{"a guest", nil, Promise{Kind: NoGuests, Labels: map[string]string{"kind": "cell"}}, func(w *world) {
			w.breakDown()
			w.serve(1, "cell-a", core.ClassNone)
		}, "broken: 1 of 1 request were guests"},
		{"one test request", nil, Promise{Kind: TestRequests, Most: 1}, func(w *world) {
			w.breakDown()
			w.after(6 * core.Second)
			w.send("cell-a")
			w.send("cell-a")
		}, "holds: 0 of 1 request"},
		{"two test requests", func(s *core.Spec) { s.Placements[0].Breaker.Probes = 2 }, Promise{Kind: TestRequests, Most: 1}, func(w *world) {
			w.breakDown()
			w.after(6 * core.Second)
			w.send("cell-a")
			w.send("cell-a")
		}, "broken: 1 of 2 requests"},
		{"few in flight", nil, Promise{Kind: InFlight, Placement: "cell-b", Most: 2}, func(w *world) {
			w.end(w.send("cell-b"), core.ClassNone)
			w.send("cell-b")
			w.send("cell-b")
		}, "holds: at most 2 at once"},
		{"many in flight", nil, Promise{Kind: InFlight, Placement: "cell-b", Most: 2}, func(w *world) {
			for range 3 {
				w.send("cell-b")
			}
		}, "broken: at most 3 at once"},
		{"few health probes", probe(core.Second), Promise{Kind: HealthProbes, Most: 1}, func(w *world) { w.idle(60*core.Second, true) }, "holds: 61 probes to shared/x in 59.346s"},
		{"many health probes", probe(900 * core.Millisecond), Promise{Kind: HealthProbes, Most: 1}, func(w *world) { w.idle(60*core.Second, true) }, "broken: 68 probes to shared/x in 59.659s"},
		{"failed over in time", nil, Promise{Kind: FailOver, Within: core.Second}, func(w *world) {
			w.breakDown()
			w.after(6 * core.Second)
			w.serve(1, "cell-a", core.ConnectRefused) // the breaker's test request
		}, "holds: 0 of 2 requests"},
		{"failed over late", func(s *core.Spec) { s.Placements[0].Breaker.Off = true }, Promise{Kind: FailOver, Within: core.Second}, func(w *world) {
			w.breakDown()
			w.after(6 * core.Second)
			w.serve(1, "cell-a", core.ConnectRefused)
		}, "broken: 1 of 3 requests"},
		{"one failure among answers", func(s *core.Spec) { s.Placements[0].Breaker.Off = true }, Promise{Kind: FailOver, Within: core.Second}, func(w *world) {
			for range 5 {
				w.serve(1, "cell-a", core.ConnectRefused)
				w.serve(1, "cell-a", core.ClassNone)
				w.after(6 * core.Second)
			}
		}, "holds: 0 of 5 requests"},
		{"home again in time", nil, Promise{Kind: Recover, Within: core.Second}, func(w *world) {
			w.breakDown()
			w.after(6 * core.Second)
			w.serve(200, "cell-a", core.ClassNone)
		}, "holds: 0 of 99 requests were not sent home"},
		{"home again late", func(s *core.Spec) { s.Placements[0].Breaker.Successes = 300 }, Promise{Kind: Recover, Within: core.Second}, func(w *world) {
			w.breakDown()
			w.after(6 * core.Second)
			for range 200 {
				test := w.send("cell-a")
				w.serve(1, "cell-a", core.ClassNone) // fails over beside the test request
				w.end(test, core.ClassNone)
			}
		}, "broken: 50 of 100 requests were not sent home"},
		{"counted from the first failure", nil, survive, func(w *world) {
			w.serve(1, "cell-a", core.ConnectRefused)
			w.after(2 * core.Second)
			w.serve(1, "cell-a", core.ConnectRefused)
			w.serve(10, "cell-a", core.ClassNone)
		}, "holds: 100% of 10 requests answered"},
		{"lost by its health alone", probeA, survive, func(w *world) {
			for !w.router.Endpoint(0).Unhealthy {
				w.idle(10*core.Millisecond, false)
			}
			w.serve(10, "cell-a", core.ClassNone)
		}, "holds: 100% of 10 requests answered"},
		{"two lost, and one came back", func(s *core.Spec) { s.Placements[0].Breaker.Open = 60 * core.Second }, survive, func(w *world) {
			w.breakDown()
			w.serve(2, "cell-b", core.ConnectRefused)
			w.after(6 * core.Second)
			w.serve(1, "cell-b", core.ClassNone)
			w.serve(3, "cell-a", core.ClassNone) // too soon after the change
			w.after(2 * core.Second)
			w.serve(4, "cell-a", core.ClassNone)
		}, "holds: 100% of 4 requests answered"},
		{"a long answer counts once", nil, Promise{Kind: Latency, Latency: core.Second}, func(w *world) {
			h := w.send("cell-b")
			w.after(core.Second)
			for range 2 {
				w.step(core.Event{Kind: core.Reply, Handle: h, Status: 200}, nil)
				w.after(3600 * core.Second)
			}
			w.end(h, core.ClassNone)
		}, "holds: 100% of 1 request within 1s"},
		{"full of its own, more than it may be", limit(4, 0), Promise{Kind: HomeFirst, Share: 1000}, func(w *world) {
			w.breakDown()
			w.send("cell-a")
			w.send("cell-b")
			w.send("cell-b")
			w.push(limit(2, 0))
			w.serve(5, "cell-b", core.ClassNone)
		}, "holds: 0% of 7 requests refused at home in cell-b"},
		{"an answer after the failure of an earlier request", func(s *core.Spec) { s.Placements[1].Breaker.Off = true }, Promise{Kind: FailOver, Within: core.Second}, func(w *world) {
			hung := w.send("cell-b")
			w.after(6 * core.Second)
			w.serve(1, "cell-b", core.ClassNone)
			w.end(hung, core.ResponseTimeout)
			w.serve(1, "cell-b", core.ConnectRefused)
		}, "holds: 0 of 2 requests"},
		{"an answer to a request from before the failures", func(s *core.Spec) { s.Placements[1].Breaker.Off = true }, Promise{Kind: FailOver, Within: core.Second}, func(w *world) {
			slow := w.send("cell-b")
			w.after(core.Second)
			w.serve(1, "cell-b", core.ConnectRefused)
			w.after(2 * core.Second)
			w.end(slow, core.ClassNone)
			w.serve(1, "cell-b", core.ConnectRefused)
		}, "broken: 1 of 2 requests"},
		{"nothing ever failed", nil, Promise{Kind: Recover, Within: core.Second}, func(w *world) { w.serve(300, "cell-a", core.ClassNone) }, "not judged: nothing failed"},
		{"a health page that lies", func(s *core.Spec) {
			probeA(s)
			s.Placements[0].Breaker.Open = 20 * core.Second
		}, Promise{Kind: Recover, Within: 10 * core.Second}, func(w *world) {
			w.breakDown()
			w.idle(6*core.Second, true)
			w.serve(1, "cell-a", core.ClassNone) // elsewhere: the first after the good probe
			w.after(11 * core.Second)
			w.serve(1, "cell-a", core.ClassNone) // elsewhere, and rightly so
			w.after(4 * core.Second)
			w.serve(1, "cell-a", core.ConnectRefused) // the breaker's test request
			w.after(core.Second)
			w.serve(3, "cell-a", core.ClassNone)
		}, "not judged: nothing failed and came back"},
		{"a health page that tells the truth", func(s *core.Spec) {
			probeA(s)
			s.Placements[0].Breaker.Open = 60 * core.Second
		}, Promise{Kind: Recover, Within: 10 * core.Second}, func(w *world) {
			w.breakDown()
			w.idle(6*core.Second, false)
			w.idle(6*core.Second, true)
			w.serve(1, "cell-a", core.ClassNone)
			w.after(11 * core.Second)
			w.serve(1, "cell-a", core.ClassNone)
		}, "broken: 1 of 1 request were"},
		{"failed again after probes brought it back", func(s *core.Spec) {
			probeA(s)
			s.Placements[0].Breaker.Off = true
		}, Promise{Kind: FailOver, Within: 5 * core.Second}, func(w *world) {
			w.serve(1, "cell-a", core.ConnectRefused)
			w.idle(20*core.Second, false)
			w.idle(20*core.Second, true)
			w.serve(1, "cell-a", core.ConnectRefused) // the first of another failure
			w.after(6 * core.Second)
			w.serve(1, "cell-a", core.ConnectRefused)
		}, "broken: 1 of 3 requests"},
		{"home is full", func(s *core.Spec) {
			s.Placements[0].Limit = core.LimitSpec{InFlight: 1, WhenFull: core.FailOverWhenFull}
		}, Promise{Kind: Recover, Within: core.Second}, func(w *world) {
			w.breakDown()
			w.after(6 * core.Second)
			w.serve(1, "cell-a", core.ClassNone)
			w.after(core.Second)
			w.serve(1, "cell-a", core.ClassNone)
			w.after(1200 * core.Millisecond)
			w.send("cell-a")
			w.serve(3, "cell-a", core.ClassNone) // there is no room at home
		}, "holds: 0 of 4 requests were not sent home"},
		{"refused in place of home", func(s *core.Spec) { s.Placements[1].Breaker.Successes = 300 }, Promise{Kind: Recover, Within: core.Second}, func(w *world) {
			w.serve(2, "cell-b", core.ConnectRefused)
			w.after(6 * core.Second)
			for range 200 {
				test := w.send("cell-b")
				w.send("cell-b") // there is nowhere else
				w.end(test, core.ClassNone)
			}
		}, "broken: 99 of 198 requests were not sent home"},
		{"still failing", nil, Promise{Kind: Recover, Within: core.Second}, func(w *world) {
			w.breakDown()
			for range 3 {
				w.after(6 * core.Second)
				w.serve(1, "cell-a", core.ConnectRefused)
				w.serve(200, "cell-a", core.ClassNone)
			}
		}, "not judged: nothing failed and came back"},
	} {
		c.must.Name = "promised"
		w := build(t, c.change, c.must)
		c.do(w)
		v := w.judge.Verdicts()[0]
		if got := v.State.String() + ": " + v.Found; !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if v.State == Broken && v.First.Step == 0 {
			t.Errorf("%s: broken, and nowhere seen", c.name)
		}
	}
}

// A push may replace what is out: what was seen of an endpoint that has left says nothing of others.
func TestAPushChangesWhatIsLost(t *testing.T) {
	w := build(t, nil, Promise{Name: "survives", Kind: SurviveLoss, Lose: Loss{1, OfPlacements}, Share: 999_000, Within: core.Second})
	w.breakDown()
	w.after(2 * core.Second)
	w.serve(3, "cell-a", core.ClassNone)
	w.push(func(s *core.Spec) {
		s.Placements[0].Endpoints = append(s.Placements[0].Endpoints, core.EndpointSpec{Name: "new", URL: "http://10.0.0.7:80"})
	})
	w.serve(5, "cell-a", core.ClassNone) // by the new endpoint: the placement is lost no more
	if v := w.judge.Verdicts()[0]; v.State != Holds || v.All != 3 {
		t.Errorf("%s: %s", v.State, v.Found)
	}
}

func TestWhatWasInFlightAtAGapIsForgotten(t *testing.T) {
	w := build(t, nil, Promise{Name: "answers", Kind: Available, Share: million}, Promise{Name: "few", Kind: InFlight, Placement: "cell-b", Most: 1})
	h := w.send("cell-b")
	other, err := core.Restore(w.router.Snapshot(nil), w.config, true)
	if err != nil {
		t.Fatal(err)
	}
	w.router = other
	ev := core.Event{Kind: core.Finish, Handle: h, Class: core.ResponseTimeout}
	w.watch.See(other, 1000, w.now, &ev, nil, other.Step(w.now, &ev, nil))
	for i, want := range []State{NotJudged, Holds} {
		if v := w.judge.Verdicts()[i]; v.State != want {
			t.Errorf("%s: %s, %s", v.Promise.Name, v.State, v.Found)
		}
	}
}

func TestAnotherFileGoesOnWhereTheOneBeforeEnds(t *testing.T) {
	w := build(t, nil, Promise{Name: "answers", Kind: Available, Share: million})
	h := w.send("cell-b")
	other, err := core.Restore(w.router.Snapshot(nil), w.config, true)
	if err != nil {
		t.Fatal(err)
	}
	ev := core.Event{Kind: core.Finish, Handle: h, Class: core.ResponseTimeout}
	w.watch.See(other, w.watch.step+1, w.now, &ev, nil, other.Step(w.now, &ev, nil))
	if v := w.judge.Verdicts()[0]; v.State != Broken || v.All != 1 {
		t.Errorf("%s: %s", v.State, v.Found)
	}
}

func TestWhatIsInFlightIsFollowedThroughPushesAndRestarts(t *testing.T) {
	w := build(t, nil, Promise{Name: "few", Kind: InFlight, Placement: "cell-b", Most: 2})
	w.send("cell-b")
	w.push(func(s *core.Spec) { // placements get other places
		s.Placements = append([]core.PlacementSpec{{Name: "new", Endpoints: []core.EndpointSpec{{Name: "x", URL: "http://10.0.0.9:80"}}}}, s.Placements...)
	})
	w.send("cell-b")
	w.send("shared")
	if v := w.judge.Verdicts()[0]; v.State != Holds || v.Found != "at most 2 at once, on the routers seen" {
		t.Errorf("after a push: %s: %s", v.State, v.Found)
	}
	empty := core.New(core.Options{Seed: 1, Strict: true}) // after a gap, without a configuration yet
	ev := core.Event{Kind: core.Tick}
	w.watch.See(empty, 1000, w.now, &ev, nil, empty.Step(w.now, &ev, nil))
	w.router = empty
	w.step(core.Event{Kind: core.Adopt, Config: w.config}, nil)
	for range 3 {
		w.send("cell-b")
	}
	if v := w.judge.Verdicts()[0]; v.State != Broken || v.Found != "at most 3 at once, on the routers seen" {
		t.Errorf("after a gap: %s: %s", v.State, v.Found)
	}
}

func TestHealthProbesAreCountedOverWhatWasSeen(t *testing.T) {
	w := build(t, func(s *core.Spec) { s.Placements[2].Health = core.HealthSpec{Every: 500 * core.Millisecond} }, Promise{Name: "lightly", Kind: HealthProbes, Most: 1})
	w.idle(30*core.Second, true)
	other, err := core.Restore(w.router.Snapshot(nil), w.config, true)
	if err != nil {
		t.Fatal(err)
	}
	w.router = other
	w.after(3600 * core.Second) // a gap
	ev := core.Event{Kind: core.Tick}
	w.watch.See(other, 1000, w.now, &ev, nil, other.Step(w.now, &ev, nil))
	if v := w.judge.Verdicts()[0]; v.State != Broken || !strings.HasPrefix(v.Found, "62 probes to shared/x in 29.") {
		t.Errorf("%s: %s", v.State, v.Found)
	}
}

func TestTheLargestShareOfOnePlacementBreaksHomeFirst(t *testing.T) {
	j := NewJudge(World{Must: []Promise{{Kind: HomeFirst, Share: 50_000}}})
	for _, name := range []string{"large", "small", "none"} {
		j.home(name)
	}
	j.ledgers[0].homes[0], j.ledgers[0].homes[1] = tally{all: 1000, bad: 20}, tally{all: 10, bad: 1}
	if v := j.Verdicts()[0]; v.State != Broken || !strings.Contains(v.Found, "small") || v.Allowed() != 0 {
		t.Errorf("%s: %s, %d allowed", v.State, v.Found, v.Allowed())
	}
}
