package core

import (
	"bytes"
	"testing"
)

func TestACopyIsTheSameRouterAndGoesItsOwnWay(t *testing.T) {
	from := busy(t)
	before, digest := from.Snapshot(nil), from.Digest()
	var r Router
	// Into an empty router, into one that held more, and into one that held the same.
	for range 3 {
		r.CopyFrom(from)
		if !bytes.Equal(r.Snapshot(nil), before) || r.Digest() != digest || r.Deadline() != from.Deadline() {
			t.Fatal("the copy is not the same")
		}
		for n := range uint32(8) {
			if s := from.slots.at(n); s.gen != 0 {
				r.Step(r.now, &Event{Kind: Finish, Handle: Handle{n, s.gen}, Status: 500}, nil)
			}
		}
		for range 40 {
			r.Step(r.now+Time(Second), &Event{Kind: Arrive, Epoch: r.epoch, Route: Route{Placement: 1}}, nil)
		}
		r.Step(r.now, &Event{Kind: Adopt, Config: from.config, Epoch: Epoch{Term: 9}}, nil)
		r.Step(r.now, &Event{Kind: Drain, Deadline: r.now + 1}, nil)
		if !bytes.Equal(from.Snapshot(nil), before) || from.Digest() != digest {
			t.Fatal("what happened to the copy happened to the original")
		}
		if r.Digest() != r.DigestByTheSpec() {
			t.Fatal("the copy's digest is not that of its state")
		}
	}
}

func TestACopyOfFewSlotsForgetsTheManyThatWereThere(t *testing.T) {
	from := busy(t)
	var r Router
	r.CopyFrom(from)
	for range 3 * chunkSize {
		r.Step(r.now, &Event{Kind: Arrive, Epoch: r.epoch, Route: Route{Placement: 1}}, nil)
	}
	if len(r.slots.chunks) < 3 {
		t.Fatalf("%d chunks: the table did not grow", len(r.slots.chunks))
	}
	r.CopyFrom(from)
	if !bytes.Equal(r.Snapshot(nil), from.Snapshot(nil)) {
		t.Fatal("the copy is not the same")
	}
	for range 3 * chunkSize {
		r.Step(r.now, &Event{Kind: Arrive, Epoch: r.epoch, Route: Route{Placement: 1}}, nil)
	}
	if r.Digest() != r.DigestByTheSpec() {
		t.Fatal("the copy's digest is not that of its state")
	}
}

func TestCopyingAgainAllocatesNothing(t *testing.T) {
	from := busy(t)
	var r Router
	r.CopyFrom(from)
	if n := testing.AllocsPerRun(100, func() { r.CopyFrom(from) }); n != 0 {
		t.Errorf("a copy allocates %v times", n)
	}
}
