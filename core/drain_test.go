package core

import "testing"

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
