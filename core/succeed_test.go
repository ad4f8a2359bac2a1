package core_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"lockstep/core"
)

// successor is what a process that takes over from r restores.
func successor(t interface{ Fatal(...any) }, r *core.Router) *core.Router {
	s, err := core.Restore(r.Snapshot(nil), r.Config(), true)
	if err != nil {
		t.Fatal(err)
	}
	s.Succeed()
	return s
}

func TestASuccessorHasTheEpochBreakersAndHealthAndNoAttempt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(func(r *core.Router, now core.Time, ev *core.Event) []core.Decision { return r.Step(now, ev, nil) })
		t.Repeat(m.actions())
		before := m.r.Snapshot(nil)
		s := successor(t, m.r)
		if !bytes.Equal(m.r.Snapshot(nil), before) {
			t.Fatal("the predecessor has changed")
		}
		if s.InFlight() != 0 || s.Draining() || s.Epoch() != m.r.Epoch() || s.Config() != m.r.Config() || s.Now() != m.r.Now() {
			t.Fatalf("%d in flight, draining %v, epoch %v at %d", s.InFlight(), s.Draining(), s.Epoch(), s.Now())
		}
		if s.Digest() != s.DigestByTheSpec() {
			t.Fatal("its digest is not that of its state")
		}
		// What it restores once more is the same: a recording can begin with it.
		again, err := core.Restore(s.Snapshot(nil), s.Config(), true)
		if err != nil || again.Digest() != s.Digest() {
			t.Fatalf("its snapshot: %v", err)
		}
		for i := range m.r.Config().Endpoints() {
			was, is := m.r.Endpoint(m.r.EndpointNumber(i)), s.Endpoint(s.EndpointNumber(i))
			was.InFlight, was.Probes, was.Probing, was.Placement, is.Placement = 0, 0, false, 0, 0
			if was != is {
				t.Fatalf("endpoint %d was %+v and is %+v", i, was, is)
			}
		}
		for n := range int32(s.Endpoints()) {
			if e := s.Endpoint(n); e.URL != "" && e.Index < 0 {
				t.Fatalf("%s still waits for attempts that nobody has", e.URL)
			}
		}
	})
}

func TestASuccessorOfADrainingRouterAdmits(t *testing.T) {
	m := newMachine(func(r *core.Router, now core.Time, ev *core.Event) []core.Decision { return r.Step(now, ev, nil) })
	m.r.Step(10, &core.Event{Kind: core.Drain, Deadline: 20}, nil)
	s := successor(t, m.r)
	route, _ := s.Config().Match("a")
	out := s.Step(30, &core.Event{Kind: core.Arrive, Epoch: s.Epoch(), Route: route}, nil)
	if len(out) != 1 || out[0].Kind != core.Forward {
		t.Errorf("decided %v, want a forward alone: the drain was the predecessor's", out)
	}
}

func TestAHalfOpenProbeOfThePredecessorDoesNotKeepTheSuccessorFromItsOwn(t *testing.T) {
	m := newMachine(func(r *core.Router, now core.Time, ev *core.Event) []core.Decision { return r.Step(now, ev, nil) })
	route, _ := m.r.Config().Match("b")
	arrive := func(r *core.Router, now core.Time) core.Decision {
		return r.Step(now, &core.Event{Kind: core.Arrive, Epoch: r.Epoch(), Route: route}, nil)[0]
	}
	for range 2 {
		d := arrive(m.r, 1)
		m.r.Step(1, &core.Event{Kind: core.Finish, Handle: d.Handle, Class: core.ConnectRefused}, nil)
	}
	later := core.Time(11 * core.Second)
	m.r.Step(later, &core.Event{Kind: core.Tick}, nil)
	probe := m.r.Step(later, &core.Event{Kind: core.Arrive, Epoch: m.r.Epoch(), Route: route}, nil)
	if last := probe[len(probe)-1]; last.Kind != core.Forward || !last.Probe {
		t.Fatalf("decided %v, want a half-open probe", probe)
	}
	s := successor(t, m.r)
	out := s.Step(later+1, &core.Event{Kind: core.Arrive, Epoch: s.Epoch(), Route: route}, nil)
	if last := out[len(out)-1]; last.Kind != core.Forward || !last.Probe || last.Circuit != core.HalfOpen {
		t.Errorf("decided %v, want the successor's own probe", out)
	}
}
