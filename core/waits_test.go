package core

import (
	"bytes"
	"fmt"
	"testing"
)

// waitsConfig queues at one placement, retries at two, and differs by version.
func waitsConfig(t *testing.T, version int) *Config {
	t.Helper()
	limit := LimitSpec{InFlight: int32(1 + version%3), WhenFull: QueueWhenFull, Queue: 3, Wait: 300 * Millisecond, Order: QueueOrder(version % 2)}
	a := PlacementSpec{
		Name: "a", Endpoints: []EndpointSpec{{URL: "http://a1"}, {URL: "http://a2"}}, Fallback: []string{"b"}, Select: Policy(version % 4),
		Limit: limit, Retries: RetrySpec{Max: 2, On: retryOns - 1, Floor: 1, Methods: RetryMethods(version % 3)},
		Breaker: BreakerSpec{Failures: 3, Open: Second}, Timeouts: TimeoutSpec{Request: 2 * Second},
	}
	b := PlacementSpec{Name: "b", Endpoints: []EndpointSpec{{URL: "http://b1"}}, Limit: LimitSpec{InFlight: 2, Guests: 1}, Retries: RetrySpec{Max: 1, NoBudget: true}}
	s := Spec{Version: fmt.Sprint(version), Placements: []PlacementSpec{a, b}, Keys: []KeySpec{{"k0", "a"}, {"k1", "b"}}}
	switch version {
	case 3: // a is gone, and its key
		s.Placements[1].Fallback, s.Placements, s.Keys = nil, s.Placements[1:], s.Keys[1:]
	case 4: // the keys change places
		s.Keys = []KeySpec{{"k0", "b"}, {"k1", "a"}}
	case 5: // nobody waits any more
		s.Placements[0].Limit, s.Placements[0].Retries = LimitSpec{InFlight: 1}, RetrySpec{}
	}
	c, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// walker feeds a router random events, some of them nonsense.
type walker struct {
	*testing.T
	r       *Router
	now     Time
	state   uint64
	live    []Handle
	keys    map[uint32]string
	out     []Decision
	arrived bool // the last step was a new request's
}

func (w *walker) draw(n uint64) uint64 {
	w.state += golden
	return below(finalise(w.state), n)
}

func (w *walker) step(ev Event) {
	w.arrived = ev.Kind == Arrive && ev.Handle == Handle{}
	w.out = w.r.Step(w.now, &ev, w.out[:0])
	for _, d := range w.out {
		switch d.Kind {
		case Forward, Queued, Retry:
			w.live = append(w.live, d.Handle)
		case NoteBug:
			w.Fatal("a bug")
		}
	}
}

func (w *walker) arrive() {
	key := fmt.Sprint("k", w.draw(2))
	route, _ := w.r.config.Match(key)
	w.step(Event{Kind: Arrive, Route: route, Epoch: w.r.epoch, Request: w.draw(1 << 60), Method: Method(w.draw(3)), Length: -1})
	if h := w.out[len(w.out)-1].Handle; h.Gen != 0 {
		w.keys[h.Slot] = key
	}
}

func (w *walker) handle() Handle {
	if len(w.live) == 0 {
		return Handle{Slot: 7, Gen: 9}
	}
	return w.live[w.draw(uint64(len(w.live)))]
}

func (w *walker) adopt(c *Config) {
	w.step(Event{Kind: Adopt, Config: c})
	if w.draw(4) == 0 {
		return // the loop would match again; a shrunk trace may not
	}
	for range 2 {
		for _, h := range w.r.AppendStale(nil) {
			route, _ := w.r.config.Match(w.keys[h.Slot])
			w.step(Event{Kind: Arrive, Handle: h, Route: route, Epoch: w.r.epoch, Request: w.r.slots.at(h.Slot).request})
		}
	}
	if left := w.r.AppendStale(nil); len(left) > 0 {
		w.Fatalf("%d requests wait unmatched", len(left))
	}
}

func (w *walker) any(configs []*Config) {
	w.arrived, w.out = false, w.out[:0]
	w.now += Time(w.draw(uint64(50 * Millisecond)))
	ways := [...]Class{ClassNone, ConnectRefused, ResetBeforeResponse, ResponseTimeout, BadResponse, ClientGone, BrokenBody, Upstream5xx}
	switch w.draw(12) {
	case 0, 1, 2, 3, 4:
		w.arrive()
	case 5, 6, 7:
		w.step(Event{
			Kind: Finish, Handle: w.handle(), Class: ways[w.draw(uint64(len(ways)))], Status: uint16(100 + w.draw(500)),
			Sent: w.draw(2) == 0, Replayable: w.draw(4) > 0,
		})
	case 8:
		w.step(Event{Kind: Reply, Handle: w.handle(), Status: uint16(400 + w.draw(200)), Replayable: true, RetryAfter: Duration(w.draw(3)) * 600 * Millisecond})
	case 9:
		w.step(Event{Kind: Tick})
	case 10:
		if w.draw(10) == 0 {
			w.adopt(configs[w.draw(uint64(len(configs)))])
		}
	case 11:
		if w.draw(60) == 0 {
			w.step(Event{Kind: Drain, Deadline: w.now.Add(200 * Millisecond)})
		}
	}
}

// check holds the router against itself: what can be worked out twice must agree.
func (w *walker) check(twin *Router) {
	w.Helper()
	r := w.r
	snapshot := r.Snapshot(nil)
	back, err := Restore(snapshot, r.config, true)
	if err != nil {
		w.Fatal(err)
	}
	twin.CopyFrom(r)
	for name, other := range map[string]*Router{"a restored one": back, "a copy": twin} {
		if other.Digest() != r.Digest() || !bytes.Equal(other.Snapshot(nil), snapshot) || other.Deadline() != r.Deadline() {
			w.Fatalf("%s differs", name)
		}
	}
	if got, want := r.Digest(), r.DigestByTheSpec(); got != want {
		w.Fatalf("digest %x, by the spec %x", got, want)
	}
	waiting := 0
	for n := range r.placements {
		p := &r.placements[n]
		count, last := int32(0), uint32(0)
		for at := p.queue.head; at != 0; at = r.journey(at - 1).next {
			j := r.journey(at - 1)
			if j.kind != inQueue || j.queue != int32(n) || j.ticket <= last {
				w.Fatalf("queue %d holds %+v after ticket %d", n, *j, last)
			}
			last = j.ticket
			count++
		}
		waiting += int(count)
		if count != p.queue.count || p.budget.own < p.budget.retrying || p.budget.retrying < 0 {
			w.Fatalf("placement %d: %d in its queue, %+v", n, count, *p)
		}
	}
	if waiting > r.Waiting() {
		w.Fatalf("%d wait in queues, %d in all", waiting, r.Waiting())
	}
}

// TestWhatWaitsSurvivesSnapshotAndCopyAtEveryStep walks routers at random.
func TestWhatWaitsSurvivesSnapshotAndCopyAtEveryStep(t *testing.T) {
	var configs []*Config
	for v := range 6 {
		configs = append(configs, waitsConfig(t, v))
	}
	twin := new(Router)
	saw := map[DecisionKind]int{}
	for seed := range uint64(60) {
		w := &walker{T: t, r: New(Options{Seed: seed, Strict: true}), state: seed, keys: map[uint32]string{}}
		w.adopt(configs[0])
		for range 250 {
			w.any(configs)
			w.check(twin)
			for i := range w.out {
				saw[w.out[i].Kind]++
			}
		}
		heir := new(Router)
		heir.CopyFrom(w.r)
		heir.Succeed()
		if heir.InFlight() != 0 || heir.Waiting() != 0 || heir.slots.live != 0 {
			t.Fatalf("seed %d: a successor begins with %d in flight and %d that wait", seed, heir.InFlight(), heir.Waiting())
		}
		w.now += Time(3600 * Second) // every wait ends by itself
		w.step(Event{Kind: Tick})
		if w.check(twin); w.r.Waiting() > 0 {
			t.Fatalf("seed %d: %d wait for ever", seed, w.r.Waiting())
		}
	}
	if saw[Queued] < 100 || saw[Retry] < 50 {
		t.Errorf("too little has waited: %v", saw)
	}
}

// TestTheBudgetHoldsInEveryWindow is R11's promise, by brute force: in every
// window of time the retries granted are within the floor, the floor a second
// and the share of the requests that were in flight or came.
func TestTheBudgetHoldsInEveryWindow(t *testing.T) {
	c := waitsConfig(t, 0)
	for seed := range uint64(20) {
		w := &walker{T: t, r: New(Options{Seed: seed, Strict: true}), state: seed, keys: map[uint32]string{}}
		w.adopt(c)
		type grant struct {
			at            Time
			came, present int
		}
		var grants []grant
		came := 0
		for range 1500 {
			before := w.r.Budget(w.now, 0).Own
			w.any([]*Config{c})
			for i := range w.out {
				d := &w.out[i]
				if d.Kind == Retry && d.Placement == 0 && w.r.draining == false {
					b := w.r.Budget(w.now, 0)
					grants = append(grants, grant{d.At, came, before})
					if int64(b.Retrying)*1_000_000 > b.Limit {
						t.Fatalf("%d retries at once, of %d requests", b.Retrying, b.Own)
					}
				}
			}
			if last := len(w.out) - 1; last >= 0 && w.arrived && w.keys[w.out[last].Handle.Slot] == "k0" && w.out[last].Kind != Reject {
				came++
			}
			if w.r.draining {
				break
			}
		}
		for i := range grants {
			for j := i; j < len(grants); j++ {
				n, seconds := int64(j-i+1), int64(grants[j].at.Sub(grants[i].at))
				limit := 1_000_000 + seconds/1000 + 200_000*int64(grants[j].came-grants[i].came+grants[j].present)
				if n*1_000_000 > limit {
					t.Fatalf("seed %d: %d retries in %d ns, %d requests came, %d were there", seed, n, seconds, grants[j].came-grants[i].came, grants[j].present)
				}
			}
		}
	}
}
