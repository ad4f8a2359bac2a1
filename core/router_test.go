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
	r.slots.low = tableWords
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

// TestADecisionAboutNothingNamesNothing holds that 0, which is a number, never stands for none.
func TestADecisionAboutNothingNamesNothing(t *testing.T) {
	r := New(Options{Strict: true})
	for _, ev := range []Event{
		{Kind: Control}, {Kind: Drain, Deadline: 9}, {Kind: Finish}, {Kind: Probed}, {Kind: Adopt, Fault: FaultInvalid}, {Kind: Arrive},
	} {
		if d := decide(r, 0, ev); d.Kind == DecisionNone || d.Placement != -1 || d.Endpoint != -1 {
			t.Errorf("%v: %+v", ev.Kind, d)
		}
	}
}

func TestReserveMakesRoomForTheNextConfigurationBesideThePresentOne(t *testing.T) {
	r := New(Options{Strict: true})
	adopt(t, r, placements(t, "1", []string{"a", "a1", "a2", "a3"}, []string{"b", "b1"}, []string{"c", "c1"}))
	next := placements(t, "2", []string{"d", "d1", "d2"}, []string{"e", "e1"}, []string{"f", "f1"}, []string{"g", "g1"}, []string{"h", "h1"}, []string{"i", "i1"}, []string{"j", "j1"})
	r.Reserve(next, 0)
	if ps, es := cap(r.placements), cap(r.endpoints); ps < 10 || es < 13 {
		t.Errorf("room for %d placements and %d endpoints, 10 and 13 may exist at once", ps, es)
	}
}
