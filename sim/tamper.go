package sim

import "lockstep/core"

// Tamper plants a bug in every router of a run, behind the back of the
// checkers, so that tests see them find it. Any of its functions may be nil.
// None is ever set in production.
type Tamper struct {
	// Spec changes a configuration before it is compiled; the checkers judge by
	// the one that was meant. It must keep the names and URLs that there are.
	Spec func(s *core.Spec)
	// Event changes an event before r takes it; the checkers see the true one.
	Event func(r *core.Router, now core.Time, ev *core.Event)
	// Decide changes a decision before anybody sees it. It may feed r events of
	// its own, whose decisions nobody carries out.
	Decide func(r *core.Router, now core.Time, ev *core.Event, d *core.Decision)
}

// told returns what the router is told of an event.
func (r *router) told(ev *core.Event) *core.Event {
	if r.w.tamper.Event == nil {
		return ev
	}
	return r.lied(ev)
}

// lied returns an event changed, and remembers the event itself.
func (r *router) lied(ev *core.Event) *core.Event {
	r.truth, r.lie = ev, *ev
	r.w.tamper.Event(r.core, r.w.now, &r.lie)
	return &r.lie
}

// apply feeds the router an event that nobody waits for.
func (r *router) apply(ev *core.Event) { r.loop.Apply(r.told(ev)) }

// deceive changes what a step decided, and returns the event that it was about.
func (r *router) deceive(now core.Time, ev *core.Event, decisions []core.Decision) *core.Event {
	if ev == &r.lie {
		ev = r.truth
	}
	if change := r.w.tamper.Decide; change != nil {
		for i := range decisions {
			change(r.core, now, ev, &decisions[i])
		}
	}
	return ev
}

// meant is a configuration as it is compiled.
func (t *Tamper) meant(s *core.Spec) core.Spec {
	c := *s
	if t.Spec != nil {
		c = cloneSpec(s)
		t.Spec(&c)
	}
	return c
}
