package core

import "testing"

// Rules that meet: queues, retries, limits, caps, shares, panic and adoption at once.

// rig is one router and the requests that it was sent.
type rig struct {
	*testing.T
	r    *Router
	now  Time
	next uint64
	out  []Decision
}

func newRig(t *testing.T, specs ...PlacementSpec) *rig {
	t.Helper()
	g := &rig{T: t, r: New(Options{Seed: 7, Strict: true})}
	g.adopt("1", specs...)
	return g
}

// compile makes a configuration in which each placement has one key, its name.
func (g *rig) compile(version string, specs ...PlacementSpec) *Config {
	g.Helper()
	s := Spec{Version: version, Placements: specs}
	for i := range specs {
		p := &s.Placements[i]
		s.Keys = append(s.Keys, KeySpec{p.Name, p.Name})
		if p.Health == (HealthSpec{}) {
			p.Health.Off = true
		}
		for k := range p.Endpoints {
			p.Endpoints[k].URL = "http://" + p.Name + p.Endpoints[k].Name
		}
	}
	c, err := Compile(s)
	if err != nil {
		g.Fatal(err)
	}
	return c
}

func (g *rig) adopt(version string, specs ...PlacementSpec) {
	g.Helper()
	g.step(Event{Kind: Adopt, Config: g.compile(version, specs...)})
}

func (g *rig) step(ev Event) Decision {
	g.Helper()
	if g.out = g.r.Step(g.now, &ev, g.out[:0]); g.r.Digest() != g.r.DigestByTheSpec() {
		g.Fatalf("after %s the digest is %x, by the spec %x", ev.Kind, g.r.Digest(), g.r.DigestByTheSpec())
	}
	if len(g.out) == 0 {
		return Decision{}
	}
	return g.out[len(g.out)-1]
}

// arrive sends a request of a key; change may alter the event.
func (g *rig) arrive(key string, change ...func(*Event)) Decision {
	g.Helper()
	route, _ := g.r.config.Match(key)
	g.next++
	ev := Event{Kind: Arrive, Route: route, Epoch: g.r.epoch, Request: g.next, Length: -1}
	for _, f := range change {
		f(&ev)
	}
	return g.step(ev)
}

// again matches a waiting request under the configuration in force.
func (g *rig) again(d Decision, key string) Decision {
	g.Helper()
	route, _ := g.r.config.Match(key)
	return g.step(Event{Kind: Arrive, Handle: d.Handle, Route: route, Epoch: g.r.epoch, Request: g.r.slots.at(d.Handle.Slot).request})
}

func (g *rig) end(d Decision) Decision {
	g.Helper()
	return g.step(Event{Kind: Finish, Handle: d.Handle, Status: 200})
}

// fails ends an attempt without an answer.
func (g *rig) fails(d Decision) Decision {
	g.Helper()
	return g.step(Event{Kind: Finish, Handle: d.Handle, Class: ResetBeforeResponse, Sent: true, Replayable: true})
}

// want checks the kind of what was decided, and the class of a refusal.
func (g *rig) want(d Decision, k DecisionKind, c Class) Decision {
	g.Helper()
	if d.Kind != k || d.Class != c {
		g.Fatalf("it is %s %s, want %s %s", d.Kind, d.Class, k, c)
	}
	return d
}

func endpoints(names ...string) (es []EndpointSpec) {
	for _, n := range names {
		es = append(es, EndpointSpec{Name: n})
	}
	return es
}

func queueOf(limit, places int32) LimitSpec {
	return LimitSpec{InFlight: limit, WhenFull: QueueWhenFull, Queue: places, Wait: 5 * Second}
}

// TestWhoWaitsBehindAnUnmatchedRequestHasItsTurnWhenThatOneLeaves: after a push
// the head of the queue is slow to be matched again; all slots are free when it
// gives up, or when its wait ends.
func TestWhoWaitsBehindAnUnmatchedRequestHasItsTurnWhenThatOneLeaves(t *testing.T) {
	for name, leave := range map[string]func(g *rig, head Decision){
		"its client left":   func(g *rig, head Decision) { g.step(Event{Kind: Finish, Handle: head.Handle, Class: ClientGone}) },
		"its wait is over":  func(g *rig, _ Decision) { g.now += Time(5*Second - 1); g.step(Event{Kind: Tick}) },
		"it goes elsewhere": func(g *rig, head Decision) { g.again(head, "b") },
	} {
		t.Run(name, func(t *testing.T) {
			b := PlacementSpec{Name: "b", Endpoints: endpoints("1")}
			g := newRig(t, PlacementSpec{Name: "a", Endpoints: endpoints("1"), Limit: queueOf(1, 3)}, b)
			first := g.want(g.arrive("a"), Forward, ClassNone)
			head := g.want(g.arrive("a"), Queued, ClassNone)
			g.now++
			second := g.want(g.arrive("a"), Queued, ClassNone)
			g.adopt("2", PlacementSpec{Name: "a", Endpoints: endpoints("1"), Limit: queueOf(1, 4)}, b)
			g.again(second, "a")
			g.end(first)
			leave(g, head)
			if a, ok := g.r.Attempt(second.Handle); !ok {
				t.Errorf("a request waits with nothing in flight: %+v", a)
			}
		})
	}
}

// TestRoomThatComesWithHealthIsGivenAtOnce: one endpoint is at its cap with a
// long stream, the other is ill and recovers.
func TestRoomThatComesWithHealthIsGivenAtOnce(t *testing.T) {
	limit := queueOf(9, 3)
	es := endpoints("1", "2")
	es[0].Limit, es[1].Limit = 1, 1
	g := newRig(t, PlacementSpec{Name: "a", Endpoints: es, Limit: limit, Health: HealthSpec{Every: Second, Fall: 1, Rise: 1}})
	probes := func(ok ...bool) {
		g.now = g.r.timers.get(timerHealth, 0)
		g.now = max(g.now, g.r.timers.get(timerHealth, 1))
		g.step(Event{Kind: Tick})
		for n, ok := range ok {
			if token := g.r.endpoints[n].health.token; token != 0 {
				g.step(Event{Kind: Probed, Endpoint: int32(n), Token: token, OK: ok})
			}
		}
	}
	g.step(Event{Kind: Tick})
	probes(true, false)
	g.want(g.arrive("a"), Forward, ClassNone)
	waits := g.want(g.arrive("a"), Queued, ClassNone)
	probes(true, true)
	if _, ok := g.r.Attempt(waits.Handle); !ok {
		t.Error("an endpoint is healthy again, and a request waits on")
	}
}

// TestARetryThatComesLateIsGuardedFromWhenItIsSent: the Step that fires a
// back-off comes 20 s late; the half-open probe that follows is not over with it.
func TestARetryThatComesLateIsGuardedFromWhenItIsSent(t *testing.T) {
	g := newRig(t, PlacementSpec{
		Name: "a", Endpoints: endpoints("1"), Breaker: BreakerSpec{Failures: 1, Open: Millisecond}, Retries: RetrySpec{Max: 1, BackOff: 50 * Millisecond},
		Timeouts: TimeoutSpec{Connect: Second, ResponseHeader: Second},
	})
	g.now = 1000
	d := g.want(g.fails(g.arrive("a")), Retry, ClassNone+ResetBeforeResponse)
	if d.Until < Time(2*Millisecond) {
		t.Fatal("the back-off is too short for this test")
	}
	g.now += Time(20 * Second)
	g.step(Event{Kind: Tick})
	if e := g.r.Endpoint(0); e.Breaker != HalfOpen {
		t.Errorf("the breaker is %s, the probe that was just sent has all its time", e.Breaker)
	}
}

// TestARetryGoesBackToATriedEndpointIfTheOthersAreAtTheirCaps: it neither waits nor is refused.
func TestARetryGoesBackToATriedEndpointIfTheOthersAreAtTheirCaps(t *testing.T) {
	for name, limit := range map[string]LimitSpec{"reject": {InFlight: 9}, "queue": queueOf(9, 3)} {
		t.Run(name, func(t *testing.T) {
			es := endpoints("1", "2")
			es[1].Limit = 1
			g := newRig(t, PlacementSpec{
				Name: "a", Endpoints: es, Limit: limit, Select: First, Retries: RetrySpec{Max: 1},
				Sticky: StickySpec{Cookie: "c"},
			})
			g.want(g.arrive("a", func(ev *Event) { ev.Prefer = g.r.Identity(1) }), Forward, ClassNone)
			d := g.want(g.fails(g.arrive("a")), Retry, ResetBeforeResponse)
			g.now = d.Until
			if got := g.want(g.step(Event{Kind: Tick}), Forward, ClassNone); got.Endpoint != 0 || got.Count != 2 {
				t.Errorf("the retry goes to endpoint %d as attempt %d", got.Endpoint, got.Count)
			}
		})
	}
}

// TestAFullShardHoldsUpNobodyElse: a key's shard is at its caps; it is refused,
// for a place in the queue would make the keys of other shards wait as well.
func TestAFullShardHoldsUpNobodyElse(t *testing.T) {
	es := endpoints("1", "2", "3", "4", "5", "6")
	for i := range es {
		es[i].Limit = 1
	}
	g := newRig(t, PlacementSpec{Name: "a", Endpoints: es, Limit: queueOf(9, 3), Shards: 1})
	as := func(key uint64) func(*Event) { return func(ev *Event) { ev.Route.Key = key } }
	first := g.want(g.arrive("a", as(1)), Forward, ClassNone)
	g.want(g.arrive("a", as(1)), Reject, LimitReached)
	for key := uint64(2); ; key++ {
		if d := g.arrive("a", as(key)); d.Kind == Forward && d.Endpoint != first.Endpoint {
			break
		} else if key > 100 {
			t.Fatal("keys of other shards are not served")
		}
	}
}

// TestAGuestsSlotsAreNotThoseOfItsTenantAtHome: a tenant whose home is split, or
// all unknown keys of two routes, may hold slots as guests and ask for more at
// home; what guests hold moves nothing there (R15).
func TestAGuestsSlotsAreNotThoseOfItsTenantAtHome(t *testing.T) {
	a := PlacementSpec{Name: "a", Endpoints: endpoints("1"), Fallback: []string{"b"}, Limit: LimitSpec{InFlight: 1, WhenFull: FailOverWhenFull}}
	b := PlacementSpec{Name: "b", Endpoints: endpoints("1"), Limit: LimitSpec{InFlight: 8, Guests: 4, TenantShare: 50}}
	g := newRig(t, a, b)
	same := func(ev *Event) { ev.Route.Key = 99 }
	for range 3 { // one at home in a, two guests in b
		g.want(g.arrive("a", same), Forward, ClassNone)
	}
	g.want(g.arrive("b", same), Forward, ClassNone)
	g.want(g.arrive("b", same), Forward, ClassNone)
	back, err := Restore(g.r.Snapshot(nil), g.r.config, true)
	if err != nil || back.Digest() != g.r.Digest() {
		t.Errorf("restored: %v", err)
	}
}

// TestARequestThatItsShareRefusesDoesNotWait: it would be refused when its turn
// came, and hold a place until then.
func TestARequestThatItsShareRefusesDoesNotWait(t *testing.T) {
	limit := queueOf(2, 3)
	limit.Priorities = [MaxPriorities]uint8{100, 50}
	low := func(ev *Event) { ev.Priority = 1 }
	g := newRig(t, PlacementSpec{Name: "a", Endpoints: endpoints("1"), Limit: limit})
	first := g.arrive("a")
	g.want(g.arrive("a", low), Reject, Shed)
	g.want(g.arrive("a"), Forward, ClassNone)
	g.want(g.arrive("a", low), Reject, Shed)
	waits := g.want(g.arrive("a"), Queued, ClassNone)
	g.want(g.end(first), Forward, ClassNone)
	if _, ok := g.r.Attempt(waits.Handle); !ok {
		t.Error("the critical one waits on")
	}
}

// TestALastResortThatAShareRefusesIsRefusedForThatShare: the only endpoint is ill
// and would serve, but its placement sheds this priority.
func TestALastResortThatAShareRefusesIsRefusedForThatShare(t *testing.T) {
	g := newRig(t, PlacementSpec{
		Name: "a", Endpoints: endpoints("1"), Limit: LimitSpec{InFlight: 2, Priorities: [MaxPriorities]uint8{100, 50}},
		Health: HealthSpec{StartUnhealthy: true, Every: Second},
	})
	g.want(g.arrive("a"), Forward, ClassNone)
	g.want(g.arrive("a", func(ev *Event) { ev.Priority = 1 }), Reject, Shed)
}

// TestTheNewestIsServedBeforeOneThatCannotBe: under newest first the newcomer is
// next; it does not wait for one that has not been matched again.
func TestTheNewestIsServedBeforeOneThatCannotBe(t *testing.T) {
	limit := queueOf(1, 1)
	limit.Order = NewestFirst
	a := PlacementSpec{Name: "a", Endpoints: endpoints("1"), Limit: limit}
	g := newRig(t, a)
	first := g.arrive("a")
	g.want(g.arrive("a"), Queued, ClassNone)
	g.adopt("2", a)
	g.end(first)
	g.want(g.arrive("a"), Forward, ClassNone)
}

// TestTwoWhoseWaitsEndTogetherAreBothTimeouts: the end of the first gives nobody
// a turn whose own time is over.
func TestTwoWhoseWaitsEndTogetherAreBothTimeouts(t *testing.T) {
	a := PlacementSpec{Name: "a", Endpoints: endpoints("1"), Limit: queueOf(1, 2)}
	g := newRig(t, a)
	g.arrive("a")
	one, two := g.arrive("a"), g.arrive("a")
	a.Limit = LimitSpec{InFlight: 1} // who has its turn now is refused as limit
	g.step(Event{Kind: Adopt, Config: g.compile("2", a)})
	g.now = one.Until
	g.r.journey(two.Handle.Slot).epoch, g.r.journey(one.Handle.Slot).epoch = g.r.epoch, Epoch{}
	g.r.touchJourney(one.Handle.Slot)
	g.r.touchJourney(two.Handle.Slot)
	g.step(Event{Kind: Tick})
	for _, d := range g.out {
		if d.Class != QueueTimeout {
			t.Errorf("it got %s %s", d.Kind, d.Class)
		}
	}
}

// TestAQueueThatNeverEmptiesKeepsItsOrderWhenTicketsRunOut also restores it.
func TestAQueueThatNeverEmptiesKeepsItsOrderWhenTicketsRunOut(t *testing.T) {
	g := newRig(t, PlacementSpec{Name: "a", Endpoints: endpoints("1"), Limit: queueOf(1, 5)})
	g.arrive("a")
	first := g.arrive("a")
	g.r.journey(first.Handle.Slot).ticket = 1<<32 - 1
	g.r.touchJourney(first.Handle.Slot)
	g.want(g.arrive("a"), Queued, ClassNone)
	g.want(g.arrive("a"), Queued, ClassNone)
	back, err := Restore(g.r.Snapshot(nil), g.r.config, true)
	if err != nil || back.Digest() != g.r.Digest() || back.placements[0].queue.head != first.Handle.Slot+1 {
		t.Errorf("restored: %v, the head is not the first", err)
	}
}
