package loop_test

import (
	"testing"

	"lockstep/core"
	"lockstep/core/loop"
)

// still is a clock that a test moves and a transport that keeps nothing.
type still struct {
	now       core.Time
	forwarded core.Handle
}

func (s *still) Now() core.Time             { return s.now }
func (s *still) NewTimer(func()) loop.Timer { return s }
func (s *still) Reset(core.Time)            {}
func (s *still) Stop()                      {}
func (s *still) Deliver(d *core.Decision) {
	if d.Kind == core.Forward {
		s.forwarded = d.Handle
	}
}

func TestARequestThatQueuesAndRetriesAllocatesNothing(t *testing.T) {
	c, err := core.Compile(core.Spec{Version: "1", Default: "p", Placements: []core.PlacementSpec{{
		Name: "p", Health: core.HealthSpec{Off: true}, Breaker: core.BreakerSpec{Off: true}, Endpoints: []core.EndpointSpec{{URL: "http://p:80"}},
		Limit:   core.LimitSpec{InFlight: 1, WhenFull: core.QueueWhenFull, Queue: 4, Wait: core.Second},
		Retries: core.RetrySpec{Max: 1, NoBudget: true},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	s := new(still)
	l := loop.New(core.New(core.Options{Strict: true}), s, s, nil, func() {})
	l.Adopt(&core.Event{Kind: core.Adopt, Config: c})
	l.MatchAgain()
	request, arrive, finish := loop.Request{Key: "k"}, core.Event{}, core.Event{}
	send := func() core.Decision {
		id := arrive.Request + 1
		arrive = core.Event{Kind: core.Arrive, Epoch: l.Router().Epoch(), Request: id}
		arrive.Route, _ = c.MatchVia(0, request.Key, id)
		return *l.Arrive(&arrive, &request)
	}
	end := func(h core.Handle, class core.Class) core.Decision {
		finish = core.Event{Kind: core.Finish, Handle: h, Class: class, Replayable: true}
		if class == core.ClassNone {
			finish.Status = 200
		}
		return l.Finish(&finish)
	}
	step := func() {
		s.now += core.Time(core.Second)
		first, second := send(), send() // the second waits for the first
		retry := end(first.Handle, core.ConnectRefused)
		if second.Kind != core.Queued || retry.Kind != core.Retry || s.forwarded != second.Handle {
			t.Fatalf("%v, %v, forwarded %v", second.Kind, retry.Kind, s.forwarded)
		}
		l.Recheck(retry.Handle)
		end(second.Handle, core.ClassNone)
		s.now = l.Router().Deadline()
		l.Wake()
		end(s.forwarded, core.ClassNone)
	}
	step() // what is kept of such requests is made with the first
	if n := testing.AllocsPerRun(500, step); n != 0 {
		t.Errorf("%v allocations in two requests", n)
	}
	if r := l.Router(); r.InFlight() != 0 || r.Waiting() != 0 || r.Counters() != (core.Counters{}) {
		t.Errorf("%d in flight, %d wait, %+v", r.InFlight(), r.Waiting(), r.Counters())
	}
}
