package core

import "testing"

func TestASuccessorForgetsProbesThatAreOutAndSendsTheNextWhenItIsDue(t *testing.T) {
	r := busy(t)
	probing := 0
	due := r.timers.next()
	for i := range r.endpoints {
		if r.endpoints[i].health.token != 0 {
			probing++
			due = max(due, r.timers.get(timerHealth, int32(i)))
		}
	}
	if probing == 0 {
		t.Fatal("no probe is out")
	}
	var s Router
	s.CopyFrom(r)
	s.Succeed()
	for i := range s.endpoints {
		e := &s.endpoints[i]
		if e.health.token != 0 || s.timers.get(timerHealthGuard, int32(i)) != Never {
			t.Errorf("endpoint %s still waits for a probe of its predecessor", e.url)
		}
	}
	if s.Digest() != s.DigestByTheSpec() {
		t.Error("its digest is not that of its state")
	}
	sent := 0
	for _, d := range s.Step(due, &Event{Kind: Tick}, nil) {
		if d.Kind == NoteUnhealthy {
			t.Errorf("a forgotten probe counted: %v", d)
		}
		if d.Kind == Probe {
			sent++
		}
	}
	if sent == 0 {
		t.Error("no probe was sent when it was due")
	}
}
