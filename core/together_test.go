package core

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A state machine with every policy at once: queues, retries, shares, adaptive
// limits, caps, panic, shards, cookies, slow start, ratios, routes and splits,
// under pushes, late matches, drains and nonsense.

// together is one such run.
type together struct {
	*rapid.T
	r       *Router
	now     Time
	configs []*Config
	keys    map[uint32]string // of requests, by slot
	live    []Handle
	probes  []Decision
	out     []Decision
	copied  Router
	saw     map[DecisionKind]int
}

func (m *together) n(most int, label string) int      { return rapid.IntRange(0, most).Draw(m.T, label) }
func (m *together) one(in int, label string) bool     { return m.n(in-1, label) == 0 }
func (m *together) of(values []int, label string) int { return values[m.n(len(values)-1, label)] }

// spec draws a configuration of up to three placements and two routes.
func (m *together) spec(version string) Spec {
	names := []string{"a", "b", "c"}[m.n(2, "first"):]
	s := Spec{Version: version}
	for i, name := range names {
		s.Placements = append(s.Placements, m.placement(name))
		s.Keys = append(s.Keys, KeySpec{name, name})
		if i > 0 && m.one(2, "fallback") {
			s.Placements[i-1].Fallback = []string{name}
		}
	}
	if m.one(2, "default") {
		s.Default = names[0]
	}
	if len(names) > 1 && m.one(2, "split") {
		s.Splits = []SplitSpec{{"s", []PartSpec{{names[0], 500_000}, {names[1], 500_000}}}}
		s.Keys = append(s.Keys, KeySpec{"s", "s"})
	}
	if m.one(2, "routes") {
		s.Tables = []TableSpec{{"t", []KeySpec{{"a", names[len(names)-1]}}}}
		s.Routes = []RouteSpec{{Table: "t", Default: names[len(names)-1]}}
	}
	return s
}

func (m *together) placement(name string) PlacementSpec {
	p := PlacementSpec{
		Name: name, Select: Policy(m.n(int(policies)-1, "select")), LastResort: LastResort(m.n(1, "resort")),
		Breaker: BreakerSpec{
			Off: m.one(8, "no breaker"), Failures: uint32(m.n(3, "failures")), Open: 300 * Millisecond, Probes: uint32(m.n(2, "probes")),
			Jitter: uint32(m.n(1, "jitter")) * 200_000, MaxOpenPercent: uint32(m.of([]int{0, 50}, "max open")),
		},
		Health:   HealthSpec{Off: m.one(2, "no health"), Every: 200 * Millisecond, Timeout: 100 * Millisecond, Fall: 1, Rise: 1, StartUnhealthy: m.one(6, "ill")},
		Timeouts: TimeoutSpec{Connect: 100 * Millisecond, ResponseHeader: 100 * Millisecond, Request: 2 * Second, Settle: 50 * Millisecond},
	}
	for k := range 1 + m.n(2, "endpoints") {
		p.Endpoints = append(p.Endpoints, EndpointSpec{URL: fmt.Sprint("http://", name, k+m.n(1, "shift")*3), Limit: uint32(m.of([]int{0, 0, 1, 2}, "cap"))})
	}
	if !p.Breaker.Off && m.one(3, "ratio") {
		p.Breaker.FailureRatio, p.Breaker.Window, p.Breaker.MinRequests = 300_000, Second, 2
	}
	if !p.Breaker.Off && m.one(3, "slow") {
		p.Breaker.SlowRatio, p.Breaker.SlowCall, p.Breaker.MinRequests = 300_000, 20*Millisecond, 2
	}
	p.Limit = m.limit()
	if m.one(2, "panic") {
		p.Panic, p.PanicDo = uint32(m.of([]int{30, 60, 100}, "percent")), PanicMode(m.n(2, "does"))
	}
	if p.Select.Hashing() && m.one(2, "bound") {
		p.Bound = 125
	}
	if m.one(3, "sticky") {
		p.Sticky.Cookie = "c"
	}
	if m.one(3, "slow start") {
		p.SlowStart = Second
	}
	if m.one(3, "shards") {
		p.Shards = 1
	}
	if m.one(2, "retries") {
		p.Retries = RetrySpec{Max: uint32(1 + m.n(3, "max")), On: retryOns - 1, Methods: RetryAny, Floor: uint32(1 + m.n(2, "floor"))}
	}
	return p
}

func (m *together) limit() LimitSpec {
	l := LimitSpec{InFlight: int32(m.n(4, "limit"))}
	if m.one(3, "adaptive") {
		l.Adaptive = AdaptiveSpec{Min: 1, Max: int32(2 + m.n(4, "most")), Window: 50 * Millisecond, Remeasure: 4}
	}
	if l.InFlight == 0 && !l.Adaptive.On() {
		return l
	}
	l.WhenFull = WhenFull(m.n(2, "when full"))
	if m.one(2, "guests") {
		l.Guests = 1
	}
	if l.WhenFull == QueueWhenFull {
		l.Queue, l.Wait, l.Order = int32(1+m.n(4, "queue")), Duration(1+m.n(500, "wait"))*Millisecond, QueueOrder(m.n(1, "order"))
	}
	if m.one(3, "share") {
		l.TenantShare = uint32(m.of([]int{30, 70}, "tenant share"))
	}
	if m.one(3, "priorities") {
		l.Priorities = [MaxPriorities]uint8{100, 50}
	}
	return l
}

// feed steps the router, and one that was restored from its snapshot, which must
// decide the same.
func (m *together) feed(ev Event) {
	snapshot := m.r.Snapshot(nil)
	back, err := Restore(snapshot, m.r.config, true)
	if err != nil {
		m.Fatal(err)
	}
	twin := ev
	m.out = m.r.Step(m.now, &ev, m.out[:0])
	if other := back.Step(m.now, &twin, nil); !slices.Equal(other, m.out) {
		m.Fatalf("%s: a restored router decides %+v, the original %+v", ev.Kind, other, m.out)
	}
	m.copied.CopyFrom(m.r)
	for _, other := range []*Router{back, &m.copied} {
		if other.Digest() != m.r.Digest() || other.Deadline() != m.r.Deadline() || !bytes.Equal(other.Snapshot(nil), m.r.Snapshot(nil)) {
			m.Fatalf("%s: a restored router or a copy is not the same", ev.Kind)
		}
	}
	if got, want := m.r.Digest(), m.r.DigestByTheSpec(); got != want {
		m.Fatalf("%s: digest %x, by the spec %x", ev.Kind, got, want)
	}
	for _, d := range m.out {
		m.saw[d.Kind]++
		switch d.Kind {
		case Forward, Queued, Retry:
			m.live = append(m.live, d.Handle)
		case Probe:
			m.probes = append(m.probes, d)
		case NoteBug:
			m.Fatal("a bug")
		}
	}
	m.served()
}

// served: nobody waits for whom there is room at home (R5), and no wait is over.
func (m *together) served() {
	for n := range m.r.placements {
		p := &m.r.placements[n]
		if p.queue.count == 0 {
			continue
		}
		slot := m.r.nextInQueue(p)
		if j := m.r.journey(slot); j.until <= m.now {
			m.Fatalf("a wait was over at %d", j.until)
		} else if j.epoch != m.r.epoch {
			continue // it must be matched first
		}
		m.copied.CopyFrom(m.r)
		out, _ := m.copied.decideAgain(m.now, slot, true, nil)
		if d := out[max(len(out)-1, 0):]; len(d) > 0 && d[0].Kind == Forward && d[0].Placement == int32(n) {
			m.Fatalf("there is room at %s for one that waits: %+v", p.name, d)
		}
	}
}

// match is what the edge says of a key under the configuration in force.
func (m *together) match(key string, request uint64) (Route, uint16) {
	via := uint16(0)
	if m.r.config.Routes() > 1 {
		via = uint16(request & 1)
	}
	route, _ := m.r.config.MatchVia(via, key, request)
	return route, via
}

func (m *together) arrive() {
	ev := Event{
		Kind: Arrive, Epoch: m.r.epoch, Request: rapid.Uint64().Draw(m.T, "request"), Length: -1, Priority: uint8(m.n(1, "priority")),
		Method: Method(m.n(2, "method")),
	}
	key := rapid.SampledFrom([]string{"a", "a", "b", "c", "s", "nobody"}).Draw(m.T, "key")
	ev.Route, ev.Via = m.match(key, ev.Request)
	if len(m.r.config.endpoints) > 0 && m.one(3, "prefer") {
		ev.Prefer = m.r.config.endpoints[m.n(len(m.r.config.endpoints)-1, "whom")].id
	}
	m.feed(ev)
	if h := m.out[len(m.out)-1].Handle; h.Gen != 0 {
		m.keys[h.Slot] = key
	}
}

// again matches waiting requests: all in order, or only some, as a slow edge does.
func (m *together) again() {
	for {
		stale := m.r.AppendStale(nil)
		if len(stale) == 0 {
			return
		}
		h := stale[0]
		if m.one(4, "another first") {
			h = stale[m.n(len(stale)-1, "whose")]
		}
		ev := Event{Kind: Arrive, Handle: h, Epoch: m.r.epoch, Request: m.r.slots.at(h.Slot).request}
		ev.Route, ev.Via = m.match(m.keys[h.Slot], ev.Request)
		m.feed(ev)
		if m.one(6, "no more now") {
			return
		}
	}
}

func (m *together) handle() Handle {
	if len(m.live) == 0 {
		return Handle{7, 9}
	}
	i := m.n(len(m.live)-1, "which")
	if _, ok := m.r.Attempt(m.live[i]); !ok && !m.r.MayComeAgain(m.live[i]) {
		defer func() { m.live = append(m.live[:i], m.live[i+1:]...) }()
	}
	return m.live[i]
}

func (m *together) actions() map[string]func(*rapid.T) {
	ways := []Class{ClassNone, ClassNone, ClassNone, ConnectRefused, ResetBeforeResponse, ResponseTimeout, ClientGone, BrokenBody}
	act := map[string]func(){
		"arrive": m.arrive, "arrive too": m.arrive, "arrive as well": m.arrive,
		"finish": func() {
			m.feed(Event{Kind: Finish, Handle: m.handle(), Class: ways[m.n(len(ways)-1, "way")], Status: uint16(m.of([]int{200, 503}, "status")), Sent: m.one(2, "sent"), Replayable: !m.one(4, "gone")})
		},
		"reply": func() {
			m.feed(Event{Kind: Reply, Handle: m.handle(), Status: uint16(m.of([]int{200, 500, 503}, "status")), Replayable: true})
		},
		"probed": func() {
			if len(m.probes) > 0 {
				d := m.probes[m.n(len(m.probes)-1, "probe")]
				m.feed(Event{Kind: Probed, Endpoint: d.Endpoint, Token: d.Token, OK: !m.one(3, "bad")})
			}
		},
		"pass": func() {
			m.now += Time(m.of([]int{1, 5, 20, 100, 700}, "ms")) * Time(Millisecond)
			m.feed(Event{Kind: Tick})
		},
		"late":  func() { m.now += Time(m.n(400, "ms")) * Time(Millisecond); m.arrive() },
		"again": m.again,
		"push": func() {
			m.feed(Event{Kind: Adopt, Config: m.configs[m.n(len(m.configs)-1, "config")]})
			if !m.one(4, "slow edge") {
				m.again()
			}
		},
		"leave": func() { // before it is matched again
			if stale := m.r.AppendStale(nil); len(stale) > 0 {
				m.feed(Event{Kind: Finish, Handle: stale[m.n(len(stale)-1, "who")], Class: ClientGone})
			}
		},
		"drain": func() {
			if m.one(12, "drain") {
				m.feed(Event{Kind: Drain, Deadline: m.now.Add(300 * Millisecond)})
			}
		},
	}
	out := map[string]func(*rapid.T){}
	for name, f := range act {
		out[name] = func(t *rapid.T) { m.T = t; f() }
	}
	return out
}

func newTogether(t *rapid.T) *together {
	m := &together{T: t, r: New(Options{Seed: 3, Strict: true}), keys: map[uint32]string{}, saw: map[DecisionKind]int{}}
	for i := range 1 + m.n(2, "configs") {
		if c, err := Compile(m.spec(fmt.Sprint(i))); err == nil {
			m.configs = append(m.configs, c)
		}
	}
	if len(m.configs) == 0 {
		t.Skip("two endpoints drew one URL, or a setting does not fit another")
	}
	m.feed(Event{Kind: Adopt, Config: m.configs[0]})
	return m
}

// TestTheMachineOfAllPoliciesForgetsNobody: whatever happens, who can be served is
// served, a snapshot is the state, and in the end nothing is left.
func TestTheMachineOfAllPoliciesForgetsNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newTogether(t)
		t.Repeat(m.actions())
		m.T = t
		var heir Router
		if heir.CopyFrom(m.r); true {
			heir.Succeed()
		}
		if heir.slots.live != 0 || heir.Waiting() != 0 || heir.Digest() != heir.DigestByTheSpec() {
			t.Fatalf("a successor begins with %d slots taken, %d wait", heir.slots.live, heir.Waiting())
		}
		m.now += Time(3600 * Second)
		m.feed(Event{Kind: Tick})
		for n, ok := m.r.slots.next(0); ok; n, ok = m.r.slots.next(n + 1) {
			m.feed(Event{Kind: Finish, Handle: Handle{n, m.r.slots.at(n).gen}, Class: ClientGone})
		}
		for n := range m.r.placements {
			if p := &m.r.placements[n]; p.inFlight != 0 || p.queue.count != 0 || p.budget.own != 0 || p.budget.retrying != 0 {
				t.Fatalf("%s ends with %+v", p.name, p)
			}
		}
		if m.r.slots.live != 0 || m.r.waiting != 0 {
			t.Fatalf("%d slots are taken, %d wait", m.r.slots.live, m.r.waiting)
		}
	})
}

// TestTheMachineOfAllPoliciesDoesEverything: otherwise it would prove little.
func TestTheMachineOfAllPoliciesDoesEverything(t *testing.T) {
	saw := map[DecisionKind]int{}
	runs := rapid.Custom(func(t *rapid.T) *together {
		m := newTogether(t)
		t.Repeat(m.actions())
		return m
	})
	missing := func() (out []DecisionKind) {
		for k := Forward; k < decisionKinds; k++ {
			if saw[k] == 0 && k != Nack && k != NoteControl && k != NoteBug {
				out = append(out, k)
			}
		}
		return out
	}
	for seed := 0; seed < 3000 && len(missing()) > 0; seed++ { // with -short runs are shorter
		for k, n := range runs.Example(seed).saw {
			saw[k] += n
		}
	}
	if left := missing(); len(left) > 0 {
		t.Errorf("no run ever made the decisions %v", left)
	}
}
