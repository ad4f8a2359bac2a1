package core

import (
	"strings"
	"testing"
)

// decide steps r and returns the last decision, the zero one if there is none.
func decide(r *Router, now Time, ev Event) Decision {
	out := r.Step(now, &ev, nil)
	if len(out) == 0 {
		return Decision{}
	}
	return out[len(out)-1]
}

// TestTheOrderOfRefusals is the first sentence of R3: with every reason given
// at once, the first one in the list refuses; each row takes one reason away.
func TestTheOrderOfRefusals(t *testing.T) {
	s := soundSpec()
	s.Placements[0].BodyMax = 10
	c, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	ready, draining, empty := New(Options{}), New(Options{}), New(Options{})
	for _, r := range []*Router{ready, draining} {
		r.Step(0, &Event{Kind: Adopt, Config: c}, nil)
	}
	draining.Step(0, &Event{Kind: Drain, Deadline: 5}, nil)
	empty.Step(0, &Event{Kind: Drain, Deadline: 5}, nil)
	fresh := New(Options{})
	now, other := ready.epoch, Epoch{9, 9}
	for _, x := range []struct {
		name   string
		r      *Router
		route  Route
		epoch  Epoch
		length int64
		class  Class
		rule   uint8
		home   int32
	}{
		{"no key", empty, Route{Placement: -1, Refuse: NoKey}, other, 99, NoKey, 1, -1},
		{"bad request", empty, Route{Placement: -1, Refuse: BadRequest}, other, 99, BadRequest, 16, -1},
		{"drain", empty, Route{Placement: -1, Refuse: UnknownKey}, other, 99, Draining, 14, -1},
		{"not ready", fresh, Route{Placement: -1, Refuse: UnknownKey}, other, 99, NotReady, 13, -1},
		{"another epoch", ready, Route{Placement: -1, Refuse: UnknownKey}, other, 99, Internal, 16, -1},
		{"unknown key", ready, Route{Placement: -1, Refuse: UnknownKey}, now, 99, UnknownKey, 1, -1},
		{"outside the table", ready, Route{Placement: 2}, now, 99, Internal, 16, -1},
		{"below the table", ready, Route{Placement: -1}, now, 99, Internal, 16, -1},
		{"body too large", ready, Route{Placement: 1}, now, 11, BodyTooLarge, 16, 1},
	} {
		d := decide(x.r, 0, Event{Kind: Arrive, Route: x.route, Epoch: x.epoch, Length: x.length})
		want := x.class.Row().Status
		if d.Kind != Reject || d.Class != x.class || d.Rule != x.rule || d.Placement != x.home || d.Status != want || d.Endpoint != -1 {
			t.Errorf("%s: %+v", x.name, d)
		}
	}
	for _, length := range []int64{-1, 0, 10} {
		if d := decide(ready, 0, Event{Kind: Arrive, Route: Route{Placement: 1}, Epoch: now, Length: length}); d.Kind != Forward || d.Rule != 3 {
			t.Errorf("a body of %d: %+v", length, d)
		}
	}
	if d := decide(ready, 0, Event{Kind: Arrive, Route: Route{Placement: 0}, Epoch: now, Length: 1 << 40}); d.Kind != Forward {
		t.Errorf("a body without a limit: %+v", d)
	}
}

func TestTheLastResortIsAGuestOnlyAbroad(t *testing.T) {
	c, err := Compile(soundSpec())
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{Strict: true})
	r.Step(0, &Event{Kind: Adopt, Config: c}, nil)
	for n := range r.endpoints {
		r.endpoints[n].health.unhealthy = true
	}
	arrive := Event{Kind: Arrive, Epoch: r.epoch, Route: Route{Placement: 1}}
	if d := decide(r, 0, arrive); d.Kind != Forward || d.Placement != 1 || r.Placement(1).Guests != 0 {
		t.Errorf("at home: %+v, %d guests", d, r.Placement(1).Guests)
	}
	for _, n := range []int{1, 2} {
		r.endpoints[n].breaker = breaker{state: Open, until: 9}
	}
	if d := decide(r, 0, arrive); d.Kind != Forward || d.Placement != 0 || d.Failover != FailoverCircuitOpen || r.Placement(0).Guests != 1 {
		t.Errorf("abroad: %+v, %d guests", d, r.Placement(0).Guests)
	}
}

func TestRefusalsOfCandidatesCiteTheirRules(t *testing.T) {
	r := peers(t, First, 1)
	r.config.placements[0].limit.InFlight = 1
	h := send(r, 1, 1).Handle
	if d := send(r, 2, 2); d.Class != LimitReached || d.Rule != 5 || d.Status != 429 {
		t.Errorf("full: %+v", d)
	}
	for range 5 {
		r.Step(0, &Event{Kind: Finish, Handle: h, Status: 500}, nil)
		h = send(r, 1, 1).Handle
	}
	if d := send(r, 2, 2); d.Class != CircuitOpen || d.Rule != 3 || d.Endpoint != 0 || d.Circuit != Open {
		t.Errorf("open: %+v", d)
	}
	r.now = Time(30 * Second)
	if d := send(r, 3, 3); d.Kind != Forward || d.Rule != 6 || !d.Probe || d.Circuit != HalfOpen {
		t.Errorf("probe: %+v", d)
	}
}

func TestTimeNeverGoesBackAndHasAnEnd(t *testing.T) {
	r := peers(t, First, 1)
	r.Step(100, &Event{Kind: Tick}, nil)
	if d := decide(r, 40, Event{Kind: Control}); d.At != 100 || r.Now() != 100 {
		t.Errorf("at 40 after 100: %d, now %d", d.At, r.Now())
	}
	if d := decide(r, -7, Event{Kind: Control}); d.At != 100 {
		t.Errorf("at -7: %d", d.At)
	}
	if d := decide(r, Never, Event{Kind: Control}); d.At != latest || r.Now() != latest {
		t.Errorf("at the end of time: %d", d.At)
	}
}

func TestAnEventOfNoKnownKindIsIgnored(t *testing.T) {
	r := peers(t, First, 1)
	for _, k := range []EventKind{EventNone, eventKinds, 255} {
		if d := decide(r, 0, Event{Kind: k}); d.Kind != NoteIgnored || d.Cause != CauseBadEvent || d.Rule != 16 {
			t.Errorf("kind %d: %+v", k, d)
		}
	}
	if got := r.Counters().Ignored; got != 3 {
		t.Errorf("%d ignored", got)
	}
}

func TestAFullTableRefusesAsLimitWithANote(t *testing.T) {
	r := peers(t, RoundRobin, 1, 1)
	for i := range r.slots.full2 {
		r.slots.full2[i] = ^uint64(0)
	}
	before := r.Digest()
	out := r.Step(0, &Event{Kind: Arrive, Epoch: r.epoch}, nil)
	if len(out) != 2 || out[0].Cause != CauseTableFull || out[0].Rule != 5 || out[1].Kind != Reject || out[1].Status != 429 || out[1].Placement != 0 {
		t.Errorf("%+v", out)
	}
	if r.Digest() != before {
		t.Error("the refusal changed the state")
	}
}

// TestABrokenInvariantPanicsOrIsNoted breaks one by hand.
func TestABrokenInvariantPanicsOrIsNoted(t *testing.T) {
	broken := func(strict bool) (*Router, Handle) {
		r := peers(t, First, 1)
		r.strict = strict
		h := send(r, 1, 1).Handle
		r.endpoints[0].inFlight = 0
		return r, h
	}
	r, h := broken(false)
	out := r.Step(0, &Event{Kind: Finish, Handle: h, Status: 200}, nil)
	if len(out) != 1 || out[0].Kind != NoteBug || out[0].Cause != CauseInvariant || out[0].Rule != 16 || r.Counters().Bugs != 1 {
		t.Errorf("in production: %+v, %d bugs", out, r.Counters().Bugs)
	}
	defer func() {
		if got := recover(); got == nil || !strings.Contains(got.(string), "core: broken invariant: a slot without its count") {
			t.Errorf("strict: %v", got)
		}
	}()
	r, h = broken(true)
	r.Step(0, &Event{Kind: Finish, Handle: h, Status: 200}, nil)
}

// TestEachInvariantOfASlotIsWatched breaks each count on its own.
func TestEachInvariantOfASlotIsWatched(t *testing.T) {
	for name, plant := range map[string]func(r *Router){
		"placement":    func(r *Router) { r.placements[0].inFlight = 0 },
		"endpoint":     func(r *Router) { r.endpoints[0].inFlight = 0 },
		"guests":       func(r *Router) { r.slots.at(0).guest = true },
		"open breaker": func(r *Router) { r.endpoints[0].breaker.state = Open },
	} {
		r := peers(t, First, 1)
		r.strict = false
		h := send(r, 1, 1).Handle
		plant(r)
		r.Step(0, &Event{Kind: Finish, Handle: h, Status: 200}, nil)
		if r.Counters().Bugs != 1 {
			t.Errorf("%s: %d bugs noted", name, r.Counters().Bugs)
		}
	}
}

func TestSerialsSkipZero(t *testing.T) {
	r := New(Options{})
	r.serial = ^uint32(0) - 1
	if a, b := r.nextSerial(), r.nextSerial(); a != ^uint32(0) || b != 1 {
		t.Errorf("%d then %d", a, b)
	}
}

// TestADrainAbortsInBatches cuts 600 attempts: 256, 256 and 88, a nanosecond apart.
func TestADrainAbortsInBatches(t *testing.T) {
	r := peers(t, First, 1)
	for i := range uint64(600) {
		send(r, i, 0)
	}
	r.Step(0, &Event{Kind: Drain, Deadline: 10}, nil)
	next := uint32(0)
	for i, want := range []int{256, 256, 88} {
		now := Time(10 + i)
		if got := r.Deadline(); got != now {
			t.Fatalf("batch %d is due at %d, want %d", i, got, now)
		}
		out := r.Step(now, &Event{Kind: Tick}, nil)
		aborts := 0
		for _, d := range out {
			if d.Kind == Abort {
				if d.Handle.Slot != next || d.Class != Draining || d.Rule != 14 || d.Endpoint != 0 || d.At != now {
					t.Fatalf("abort %d: %+v", next, d)
				}
				next++
				aborts++
			}
		}
		last := out[len(out)-1]
		if done := last.Kind == NoteDrained; aborts != want || done != (i == 2) || done && last.Count != 88 {
			t.Fatalf("batch %d: %d aborts, then %+v", i, aborts, last)
		}
	}
	if r.Deadline() != Never || r.InFlight() != 600 || !r.Draining() {
		t.Errorf("deadline %d, %d in flight", r.Deadline(), r.InFlight())
	}
	r.Step(20, &Event{Kind: Drain, Deadline: 3}, nil) // a deadline that has passed means now
	out := r.Step(20, &Event{Kind: Tick}, nil)
	if len(out) != 256 || out[0].Handle.Slot != 0 {
		t.Errorf("a second drain begins with %d aborts, the first of slot %d", len(out), out[0].Handle.Slot)
	}
}

func TestABatchThatJustFitsIsTheLast(t *testing.T) {
	r := peers(t, First, 1)
	for i := range uint64(drainBatch) {
		send(r, i, 0)
	}
	r.Step(0, &Event{Kind: Drain, Deadline: 10}, nil)
	out := r.Step(10, &Event{Kind: Tick}, nil)
	if len(out) != drainBatch+1 || out[drainBatch].Kind != NoteDrained || out[drainBatch].Count != drainBatch {
		t.Errorf("%d decisions, the last %+v", len(out), out[len(out)-1])
	}
}

func TestViewsOutsideTheirRangeAreEmpty(t *testing.T) {
	r := busy(t)
	for _, n := range []int32{-1, int32(r.Placements())} {
		if v := r.Placement(n); v != (PlacementView{Index: -1}) {
			t.Errorf("placement %d: %+v", n, v)
		}
	}
	for _, n := range []int32{-1, int32(r.Endpoints())} {
		if v := r.Endpoint(n); v != (EndpointView{Index: -1, Placement: -1}) {
			t.Errorf("endpoint %d: %+v", n, v)
		}
		if b := r.Blocked(r.now, n); b != BlockRetiring {
			t.Errorf("endpoint %d is blocked by %d", n, b)
		}
	}
	if _, ok := r.Attempt(Handle{77, 1}); ok {
		t.Error("an attempt that never was")
	}
}

func TestViewsShowTheState(t *testing.T) {
	r := busy(t)
	for i, want := range []PlacementView{{"tier1", 0, 1, 1}, {"visa", 1, 2, 0}} {
		if got := r.Placement(int32(i)); got != want {
			t.Errorf("placement %d: %+v, want %+v", i, got, want)
		}
	}
	second := Time(Second)
	for i, want := range []EndpointView{
		{Name: "http://t", URL: "http://t", Index: 0, Placement: 0, InFlight: 1, Breaker: Closed, NextProbe: Never},
		{Name: "http://a", URL: "http://a", Index: -1, Placement: 1, InFlight: 1, Breaker: HalfOpen, Until: second + 1, NextProbe: Never},
		{Name: "http://b", URL: "http://b", Index: 1, Placement: 1, InFlight: 1, Breaker: HalfOpen, Until: second + 1, Probes: 1, Probing: true, NextProbe: r.timers.get(timerHealth, 2)},
		{Name: "http://c", URL: "http://c", Index: 2, Placement: 1, Breaker: Open, Until: second + 1, Probing: true, NextProbe: r.timers.get(timerHealth, 3)},
	} {
		if got := r.Endpoint(int32(i)); got != want {
			t.Errorf("endpoint %d:\n got %+v\nwant %+v", i, got, want)
		}
	}
	for n, want := range []Block{BlockNone, BlockRetiring, BlockBreaker, BlockNone} {
		if got := r.Blocked(second+2, int32(n)); got != want {
			t.Errorf("endpoint %d is blocked by %d, want %d", n, got, want)
		}
	}
	if got := r.Blocked(second, 3); got != BlockBreaker {
		t.Errorf("an open endpoint before its time is blocked by %d", got)
	}
	r.endpoints[0].health.unhealthy = true
	if got := r.Blocked(second, 0); got != BlockHealth {
		t.Errorf("an unhealthy endpoint is blocked by %d", got)
	}
	if r.EndpointNumber(2) != 3 || r.PlacementNumber(1) != 1 {
		t.Errorf("numbers %d %d", r.EndpointNumber(2), r.PlacementNumber(1))
	}
	h := Handle{2, r.slots.at(2).gen}
	if a, ok := r.Attempt(h); !ok || a != (Attempt{Handle: h, Endpoint: 2, Probe: true}) {
		t.Errorf("attempt %+v %v", a, ok)
	}
}

func TestNewNumbersAreTheLowestFree(t *testing.T) {
	config := func(names ...string) *Config {
		s := Spec{Version: strings.Join(names, "")}
		for _, n := range names {
			s.Placements = append(s.Placements, PlacementSpec{Name: n, Endpoints: []EndpointSpec{{URL: "http://" + n}}})
		}
		c, err := Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	r := New(Options{Strict: true})
	r.Step(0, &Event{Kind: Adopt, Config: config("a", "b", "c")}, nil)
	r.Step(0, &Event{Kind: Adopt, Config: config("a", "c")}, nil)
	r.Step(0, &Event{Kind: Adopt, Config: config("a", "c", "d", "e")}, nil)
	for n, want := range []string{"a", "d", "c", "e"} {
		if got := r.Endpoint(int32(n)).Name; got != "http://"+want {
			t.Errorf("endpoint %d is %s, want %s", n, got, want)
		}
	}
	if r.Endpoints() != 4 {
		t.Errorf("%d endpoint numbers", r.Endpoints())
	}
}
