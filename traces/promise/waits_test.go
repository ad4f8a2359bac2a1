package promise

import (
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/core/loop"
)

// A request that waits, or is tried again, is answered or not when that is over.
func TestARequestIsJudgedByItsEndAndNotByItsFirstAttempt(t *testing.T) {
	queue := func(s *core.Spec) {
		s.Placements[1].Limit = core.LimitSpec{InFlight: 1, WhenFull: core.QueueWhenFull, Queue: 1, Wait: core.Second}
	}
	retry := func(s *core.Spec) {
		s.Placements[0].Retries, s.Placements[0].Breaker.Failures = core.RetrySpec{Max: 1, Percent: 100}, 9
	}
	again := func(end core.Class) func(*world) { // a safe request, whose first attempt fails
		return func(w *world) {
			route, _ := w.config.Match("of-cell-a")
			h := w.step(core.Event{Kind: core.Arrive, Epoch: w.router.Epoch(), Route: route, Request: 9, Method: core.MethodSafe, Replayable: true},
				&loop.Request{Key: "of-cell-a", ID: [2]uint64{9, 0}}).Handle
			d := w.step(core.Event{Kind: core.Finish, Handle: h, Class: core.ConnectRefused, Replayable: true}, nil)
			if d.Kind != core.Retry {
				t.Fatalf("it is not tried again: %+v", d)
			}
			again := d.Handle
			w.now = w.router.Deadline()
			if d := w.step(core.Event{Kind: core.Tick}, nil); d.Kind != core.Forward {
				t.Fatalf("it is not sent again: %+v", d)
			}
			w.end(again, end)
		}
	}
	served, all := Promise{Kind: ServedBy, Labels: map[string]string{"kind": "cell"}}, Promise{Kind: Available, Share: million}
	slow := Promise{Kind: Latency, Latency: 500 * core.Millisecond}
	waits := func(d core.Duration) func(*world) {
		return func(w *world) {
			first, second := w.send("cell-b"), w.send("cell-b")
			w.after(d)
			w.end(first, core.ClassNone)
			w.end(second, core.ClassNone)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*core.Spec)
		must   Promise
		do     func(*world)
		want   string
	}{
		{"it waited and was served", queue, all, waits(100 * core.Millisecond), "holds: 100% of 2 requests answered"},
		{"it waited in vain", queue, all, func(w *world) {
			first := w.send("cell-b")
			w.send("cell-b")
			w.now = w.router.Deadline()
			w.step(core.Event{Kind: core.Tick}, nil)
			w.end(first, core.ClassNone)
		}, "broken: 50% of 2 requests answered"},
		{"nobody waits for it any more", queue, all, func(w *world) {
			first, second := w.send("cell-b"), w.send("cell-b")
			w.end(second, core.ClientGone)
			w.end(first, core.ClassNone)
		}, "holds: 100% of 1 request answered"},
		{"its wait is a part of its time", queue, slow, waits(600 * core.Millisecond), "broken: 0% of 2 requests within 500ms"},
		{"where it is served after its wait", queue, served, waits(100 * core.Millisecond), "holds: 0 of 2 requests were served elsewhere"},
		{"tried again and served", retry, all, again(core.ClassNone), "holds: 100% of 1 request answered"},
		{"tried again in vain", retry, all, again(core.ConnectRefused), "broken: 0% of 1 request answered"},
	} {
		w := build(t, c.change, c.must)
		c.do(w)
		if got := w.judge.Verdicts()[0]; !strings.HasPrefix(got.State.String()+": "+got.Found, c.want) {
			t.Errorf("%s: %s: %s, want %s", c.name, got.State, got.Found, c.want)
		}
	}
}
