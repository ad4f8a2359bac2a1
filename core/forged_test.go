package core

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// Snapshots of states that may never have been: Restore refuses them, or the
// router that it makes of them bears whatever comes.

// forger draws from a seed (splitmix64).
type forger uint64

func (f *forger) word() uint64 {
	*f += golden
	return finalise(uint64(*f))
}

func (f *forger) n(most int) int { return int(f.word() % uint64(most+1)) }

// number draws one of any size, small ones and the ends of ranges above all.
func (f *forger) number() uint64 {
	return [...]uint64{f.word() >> f.n(63), uint64(f.n(8)), 0, 1, 1<<62 + uint64(f.n(2)) - 1, uint64(Never), max32, max64, 255, uint64(f.n(2_000_000_000))}[f.n(9)]
}

// forge writes another number into some fields of a snapshot.
func (f *forger) forge(b []byte) []byte {
	for range 1 + f.n(2) {
		for at, left := 0, f.n(len(b)-1); at < len(b); left-- {
			v, n := binary.Uvarint(b[at:])
			if n <= 0 {
				break
			}
			if left <= 0 {
				with := []uint64{f.number(), v + 1, v - 1, v ^ 1<<f.n(7)}[f.n(3)]
				b = append(binary.AppendUvarint(bytes.Clone(b[:at]), with), b[at+n:]...)
				break
			}
			at += n
		}
	}
	return b
}

// event draws what a router may be told: mostly what concerns it.
func (f *forger) event(r *Router, configs []*Config) Event {
	ev := Event{
		Kind: Arrive, Epoch: r.epoch, Request: uint64(f.n(50)), Length: int64(f.n(3)) - 1, Priority: uint8(f.n(8)), Method: Method(f.n(3)),
		Class: [...]Class{ClassNone, ClassNone, ConnectRefused, ResetBeforeResponse, ClientGone, BrokenBody}[f.n(5)], Status: [...]uint16{200, 503, 500}[f.n(2)],
		Sent: f.n(1) == 0, Replayable: f.n(3) > 0, OK: f.n(2) > 0,
	}
	if c := r.config; c != nil {
		ev.Via = uint16(f.n(c.Routes() - 1))
		ev.Route, _ = c.MatchVia(ev.Via, [...]string{"a", "b", "c", "s", "nobody", ""}[f.n(5)], ev.Request)
	}
	var handle Handle
	if n, ok := r.slots.next(uint32(f.n(12))); ok {
		handle = Handle{n, r.slots.at(n).gen}
	}
	switch f.n(15) {
	case 0, 1, 2:
		ev.Kind, ev.Handle = Finish, handle
	case 3, 4:
		ev.Kind, ev.Handle = Reply, handle
	case 5, 6:
		if ev.Kind = Probed; len(r.endpoints) > 0 {
			ev.Endpoint = int32(f.n(len(r.endpoints) - 1))
			ev.Token = r.endpoints[ev.Endpoint].health.token
		}
	case 7:
		ev.Kind, ev.Config, ev.Epoch = Adopt, configs[f.n(len(configs)-1)], Epoch{}
	case 8:
		if ev.Kind = Tick; f.n(9) == 0 {
			ev.Kind, ev.Deadline = Drain, r.now.Add(Duration(f.n(2))*Second)
		}
	case 9, 10:
		if stale := r.AppendStale(nil); len(stale) > 0 {
			ev.Handle, ev.Request = stale[0], r.slots.at(stale[0].Slot).request
		}
	case 11:
		f.spoil(r, &ev, handle)
	}
	return ev
}

// spoil makes fields what no edge sends; handle may be of one that waits.
func (f *forger) spoil(r *Router, ev *Event, handle Handle) {
	ev.Method, ev.Priority, ev.Via, ev.Route.Reason, ev.Length = Method(f.word()), uint8(f.word()), uint16(f.number()), Reason(f.word()), int64(f.number())
	if f.n(1) == 0 {
		ev.Route.Refuse = Class(f.number())
	}
	if f.n(1) == 0 {
		ev.Route.Placement = int32(f.number())
	}
	if handle.Gen != 0 && f.n(2) > 0 {
		ev.Handle, ev.Request = handle, r.slots.at(handle.Slot).request
	}
}

// wander steps a router through events, looks at what it decides, and holds its
// snapshot against it: what Step reaches, Restore takes.
func (f *forger) wander(t interface{ Fatalf(string, ...any) }, r *Router, configs []*Config, steps int) (bugs int) {
	now := r.now
	for range steps {
		if d := r.Deadline(); f.n(3) == 0 && d != Never {
			now = d
		} else {
			now = now.Add([...]Duration{0, 1, Millisecond, 20 * Millisecond, 300 * Millisecond, 3 * Second, 100 * Second}[f.n(6)])
		}
		ev := f.event(r, configs)
		back, err := Restore(r.Snapshot(nil), r.config, false)
		if err != nil {
			t.Fatalf("before %+v: %v", ev, err)
		}
		twin := ev
		out, other := r.Step(now, &ev, nil), back.Step(now, &twin, nil)
		if len(out) != len(other) || r.Digest() != back.Digest() || r.Digest() != r.DigestByTheSpec() || !bytes.Equal(r.Snapshot(nil), back.Snapshot(nil)) {
			t.Fatalf("%+v at %d: a restored router decides %+v, the original %+v; digests %x, %x, by the spec %x", ev, now, other, out, back.Digest(), r.Digest(), r.DigestByTheSpec())
		}
		for i := range out {
			if out[i] != other[i] {
				t.Fatalf("%+v at %d: a restored router decides %+v, the original %+v", ev, now, other[i], out[i])
			}
			bugs += int(bit(out[i].Kind == NoteBug))
		}
		if r.Deadline() < r.now {
			t.Fatalf("%+v at %d: a deadline of %d has passed", ev, now, r.Deadline())
		}
	}
	return bugs
}

// busyMachine is a state in which much is going on.
func busyMachine(seed int) *together {
	return rapid.Custom(func(t *rapid.T) *together {
		m := newTogether(t)
		t.Repeat(m.actions())
		return m
	}).Example(seed)
}

// TestWhateverStepReachesRestoreTakes: also after events that no edge sends.
func TestWhateverStepReachesRestoreTakes(t *testing.T) {
	for seed := range 60 {
		m, f := busyMachine(seed), forger(seed)
		if bugs := f.wander(t, m.r, m.configs, 60); bugs > 0 {
			t.Errorf("seed %d: %d bugs", seed, bugs)
		}
	}
}

// TestAForgedStateIsRefusedOrBorne changes fields of snapshots and goes on.
func TestAForgedStateIsRefusedOrBorne(t *testing.T) {
	taken, forged := 0, 0
	for seed := range 30 {
		m, f := busyMachine(seed), forger(seed)
		whole := m.r.Snapshot(nil)
		for range 120 {
			forged++
			if r, err := Restore(f.forge(whole), m.r.config, false); err == nil {
				taken++
				f.wander(t, r, m.configs, 12)
				r.Succeed()
			}
		}
	}
	if taken < forged/10 || taken == forged {
		t.Errorf("of %d forged snapshots %d are taken", forged, taken)
	}
}

// FuzzRestore holds that no bytes make Restore panic, or a Step of what it took,
// and that what comes of that can be written and restored again.
func FuzzRestore(f *testing.F) {
	var machines []*together
	for seed := range 8 {
		m := busyMachine(seed)
		machines = append(machines, m)
		f.Add(m.r.Snapshot(nil), uint8(seed), uint64(seed))
	}
	f.Add(New(Options{}).Snapshot(nil), uint8(255), uint64(0))
	f.Fuzz(func(t *testing.T, b []byte, which uint8, seed uint64) {
		m := machines[int(which)%len(machines)]
		config := m.r.config
		if which == 255 {
			config = nil
		}
		r, err := Restore(b, config, false)
		if err != nil {
			return
		}
		draw := forger(seed)
		draw.wander(t, r, m.configs, 20)
		r.Succeed()
	})
}
