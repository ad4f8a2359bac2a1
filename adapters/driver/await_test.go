package driver

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/core"
)

// queueing is placement a, which has room for one and lets places wait, and which retries once.
func queueing(places int32, wait core.Duration) core.Spec {
	s := spec("1", "a")
	p := &s.Placements[0]
	p.Health = core.HealthSpec{Off: true}
	p.Limit = core.LimitSpec{InFlight: 1, WhenFull: core.QueueWhenFull, Queue: places, Wait: wait}
	p.Retries = core.RetrySpec{Max: 1, Methods: core.RetryAny}
	return s
}

func (d *Driver) mustQueue(t *testing.T, a *Arrival) Admission {
	t.Helper()
	adm := d.Arrive(*a)
	if adm.Kind != core.Queued {
		t.Fatalf("%v, want queued", adm.Kind)
	}
	return adm
}

func TestAnAnswerIsNotLeftToTheNextRequestInTheSameSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := started(t)
		adopt(t, d, queueing(1, 100*core.Millisecond))
		first := d.Arrive(Arrival{Key: "a"})
		old, young := Arrival{Key: "a", ID: [2]uint64{0, 1}}, Arrival{Key: "a", ID: [2]uint64{0, 2}}
		one := d.mustQueue(t, &old)
		time.Sleep(150 * time.Millisecond) // it is refused before its Await has begun
		two := d.mustQueue(t, &young)
		if one.Handle.Slot != two.Handle.Slot {
			t.Fatal("they have different slots: this test shows nothing")
		}
		d.Finish(first.Handle, core.ClassNone, 200, true)
		if adm, err := d.Await(t.Context(), two.Handle, &young); err != nil || adm.Kind != core.Forward || adm.Handle != two.Handle {
			t.Errorf("the second got %v of %v, %v; want its own forward", adm.Kind, adm.Handle, err)
		}
		if adm, err := d.Await(t.Context(), one.Handle, &old); err != nil || adm.Class != core.QueueTimeout {
			t.Errorf("the first got %v %v, %v; want its own refusal", adm.Kind, adm.Class, err)
		}
		d.Finish(two.Handle, core.ClassNone, 200, true)
		for _, h := range []core.Handle{one.Handle, two.Handle, {Slot: 5000, Gen: 1}} {
			if adm, err := d.Await(t.Context(), h, &old); err == nil {
				t.Errorf("%v is awaited once more: %v", h, adm.Kind)
			}
		}
	})
}

func TestTheWaitInAQueueIsToldApartFromBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := started(t)
		adopt(t, d, queueing(2, core.Second))
		first := d.Arrive(Arrival{Key: "a"})
		a := Arrival{Key: "a", ID: [2]uint64{0, 1}}
		retry := d.End(first.Handle, Ending{Class: core.ConnectRefused, Replayable: true})
		if retry.Kind != core.Retry || retry.Why != core.RetryGranted {
			t.Fatalf("%v, %v; want a retry", retry.Kind, retry.Why)
		}
		second := d.Arrive(Arrival{Key: "a"}) // it takes the room, so that the retry has to queue
		go func() {
			time.Sleep(time.Until(d.Origin().Add(time.Duration(retry.Until))) + 70*time.Millisecond)
			d.Finish(second.Handle, core.ClassNone, 200, true)
		}()
		adm, err := d.Await(t.Context(), retry.Handle, &a)
		if err != nil || adm.Kind != core.Forward || adm.InQueue != 70*core.Millisecond {
			t.Errorf("%v after %v in the queue, %v; want 70ms, without its back-off", adm.Kind, time.Duration(adm.InQueue), err)
		}
		waits := d.mustQueue(t, &a)
		ctx, leave := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer leave()
		if gone, err := d.Await(ctx, waits.Handle, &a); !errors.Is(err, context.DeadlineExceeded) || gone.InQueue != 30*core.Millisecond {
			t.Errorf("one that left waited %v, %v", time.Duration(gone.InQueue), err)
		}
		over := d.End(adm.Handle, Ending{Class: core.ConnectRefused, Replayable: true})
		if over.Kind != core.DecisionNone || over.Why != core.RetrySpent {
			t.Errorf("%v, %v; want that it has had its retry", over.Kind, over.Why)
		}
	})
}

func TestARequestThatQueuesOrRetriesAllocatesNothing(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	defer end()
	queue := func(d *Driver) func() {
		a := Arrival{Key: "a"}
		holder := d.Arrive(a).Handle
		return func() {
			a.ID[1]++
			waits := d.Arrive(a)
			d.Finish(holder, core.ClassNone, 200, true)
			adm, err := d.Await(ctx, waits.Handle, &a)
			if waits.Kind != core.Queued || err != nil || adm.Kind != core.Forward {
				t.Fatalf("%v, then %v, %v", waits.Kind, adm.Kind, err)
			}
			holder = adm.Handle
		}
	}
	retry := func(d *Driver) func() {
		a := Arrival{Key: "a"}
		return func() {
			a.ID[1]++
			first := d.Arrive(a)
			waits := d.End(first.Handle, Ending{Class: core.ConnectRefused, Replayable: true})
			adm, err := d.Await(ctx, waits.Handle, &a)
			if waits.Kind != core.Retry || err != nil || adm.Kind != core.Forward {
				t.Fatalf("%v, then %v, %v", waits.Kind, adm.Kind, err)
			}
			asked := d.Ask(adm.Handle, Ending{Status: 503})
			if asked.Kind != core.DecisionNone {
				t.Fatalf("%v", asked.Kind)
			}
			d.Finish(adm.Handle, core.ClassNone, 503, true)
		}
	}
	for name, f := range map[string]func(*Driver) func(){"queue": queue, "retry": retry} {
		d := New(Options{})
		s := queueing(4, 10*core.Second)
		s.Placements[0].Breaker = core.BreakerSpec{Off: true}
		s.Placements[0].Retries.BackOff, s.Placements[0].Retries.NoBudget = core.Millisecond, true
		adopt(t, d, s)
		step := f(d)
		step() // what is kept of such requests is made with the first
		if n := testing.AllocsPerRun(200, step); n != 0 {
			t.Errorf("%s: %v allocations a request", name, n)
		}
		d.Close()
	}
}
