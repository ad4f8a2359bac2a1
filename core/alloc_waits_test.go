package core_test

import (
	"testing"

	"lockstep/core"
)

// waitingSpec is the reference with a queue and retries at every placement.
func waitingSpec() core.Spec {
	spec := referenceSpec(100)
	for i := range spec.Placements {
		p := &spec.Placements[i]
		p.Limit = core.LimitSpec{InFlight: 1, WhenFull: core.QueueWhenFull, Queue: 8, Wait: core.Second, Order: core.QueueOrder(i % 2)}
		p.Retries = core.RetrySpec{Max: 2, NoBudget: i%2 == 0, Methods: core.RetryAny}
		p.Breaker = core.BreakerSpec{Off: true}
	}
	return spec
}

// TestRequestsThatWaitAllocateNothing takes requests through queue and back-off,
// all at one placement. The first one makes room for what is kept of them; that
// is not counted.
func TestRequestsThatWaitAllocateNothing(t *testing.T) {
	for _, key := range []string{"tenant-0000003", "tenant-0000004"} {
		c := mustCompile(t, waitingSpec())
		r := adopted(c)
		r.Reserve(nil, 1024)
		out := make([]core.Decision, 0, 1024)
		now := core.Time(core.Second)
		route, _ := c.Match(key)
		arrive := core.Event{Kind: core.Arrive, Epoch: r.Epoch(), Route: route}
		finish := core.Event{Kind: core.Finish}
		kinds := map[core.DecisionKind]int{}
		live := make([]core.Handle, 0, 16) // forwarded and not finished, in order
		step := func(ev *core.Event) {
			out = r.Step(now, ev, out[:0])
			for i := range out {
				if kinds[out[i].Kind]++; out[i].Kind == core.Forward {
					live = append(live, out[i].Handle)
				}
			}
		}
		end := func(class core.Class, status uint16) {
			finish.Handle, finish.Class, finish.Status, finish.Replayable = live[0], class, status, true
			live = live[:copy(live, live[1:])]
			step(&finish)
		}
		round := func() {
			now += core.Time(core.Second)
			for range 3 { // one is forwarded, two wait
				arrive.Request++
				step(&arrive)
			}
			end(core.ConnectRefused, 0) // its retry joins the queue
			for len(live) > 0 {
				now += core.Time(50 * core.Millisecond)
				step(&core.Event{Kind: core.Tick})
				end(core.ClassNone, 200)
			}
			r.Digest()
		}
		round()
		for _, k := range []core.DecisionKind{core.Queued, core.Retry, core.Forward} {
			if kinds[k] == 0 {
				t.Errorf("%s: no %v: this test shows nothing of it", key, k)
			}
		}
		if kinds[core.NoteBug]+kinds[core.NoteIgnored] != 0 {
			t.Errorf("%s: %v", key, kinds)
		}
		if n := testing.AllocsPerRun(200, round); n != 0 {
			t.Errorf("%s: %v allocations in a round of three requests", key, n)
		}
		if r.InFlight() != 0 || r.Waiting() != 0 {
			t.Errorf("%s: %d in flight, %d wait at the end", key, r.InFlight(), r.Waiting())
		}
	}
}

func TestBackOffsAreCountedByHomePieceByPiece(t *testing.T) {
	c := mustCompile(t, waitingSpec())
	r := adopted(c)
	var out []core.Decision
	want := map[int32]int{}
	for i, key := range []string{"tenant-0000003", "tenant-0000004", "tenant-0000005"} {
		route, _ := c.Match(key)
		out = r.Step(0, &core.Event{Kind: core.Arrive, Epoch: r.Epoch(), Route: route, Request: uint64(i)}, out[:0])
		h := out[len(out)-1].Handle
		out = r.Step(0, &core.Event{Kind: core.Arrive, Epoch: r.Epoch(), Route: route, Request: uint64(10 + i)}, out[:0]) // waits in the queue, or is elsewhere
		if i < 2 {
			out = r.Step(0, &core.Event{Kind: core.Finish, Handle: h, Class: core.ConnectRefused, Replayable: true}, out[:0])
			want[r.PlacementNumber(int(route.Placement))]++
		}
	}
	for _, most := range []int{1, 2, 100} {
		counts := make([]int, r.Placements())
		for at, more := uint32(0), true; more; {
			at, more = r.CountBackOffs(at, most, counts)
		}
		for n, got := range counts {
			if got != want[int32(n)] {
				t.Errorf("in pieces of %d: %d at placement %d, want %d", most, got, n, want[int32(n)])
			}
		}
	}
	if counts := make([]int, 0); len(want) > 0 {
		r.CountBackOffs(0, 100, counts) // numbers beyond are left out
	}
}
