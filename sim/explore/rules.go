package explore

import "lockstep/core"

// The rules, written from SPEC.md and not from core's code: breakers (R6), and
// what a push does (R12).

// book applies one outcome to the breaker of the endpoint that served (R4, R7).
func (w *world) book(a *attempt, effect core.Effect) {
	e := int(a.endpoint)
	p := &w.endpoints[e]
	if !p.current || !a.ticket {
		return
	}
	b := &w.row(e).Breaker
	if b.Off {
		return
	}
	if p.state == core.HalfOpen {
		a.guard = core.Never
		switch effect {
		case core.EffectFailure:
			w.relapse(e, w.now)
		case core.EffectOK:
			if p.successes++; uint32(p.successes) >= b.Successes {
				w.move(e, core.Closed)
				p.reopened = 0
			}
		}
		return
	}
	switch effect {
	case core.EffectOK:
		p.failures = 0
	case core.EffectFailure:
		if p.failures++; uint32(p.failures) >= b.Failures {
			w.trip(e, b)
		}
	}
}

// trip opens a closed breaker, unless so many of its placement are open already.
func (w *world) trip(e int, b *core.BreakerSpec) {
	open, total := 0, 0
	for k := range w.ids {
		if p := &w.endpoints[k]; p.current && w.ids[k].placement == w.ids[e].placement {
			total++
			if p.state != core.Closed {
				open++
			}
		}
	}
	if open >= max(1, total*int(b.MaxOpenPercent)/100) {
		w.endpoints[e].failures = 0
		return
	}
	w.move(e, core.Open)
	w.endpoints[e].until = w.now.Add(b.Open)
}

// relapse opens a half-open breaker again, for longer.
func (w *world) relapse(e int, at core.Time) {
	p := &w.endpoints[e]
	b := &w.row(e).Breaker
	w.move(e, core.Open)
	p.reopened++
	d := b.Open
	for range p.reopened {
		d = min(d/1_000_000*core.Duration(b.Growth)+d%1_000_000*core.Duration(b.Growth)/1_000_000, b.OpenMax)
	}
	p.until = at.Add(d)
}

// move changes a breaker's state: tickets of before stop counting.
func (w *world) move(e int, to core.Circuit) {
	p := &w.endpoints[e]
	p.state, p.failures, p.successes = to, 0, 0
	w.void(e)
}

func (w *world) void(e int) {
	for i := range w.attempts[:w.n] {
		if a := &w.attempts[i]; int(a.endpoint) == e {
			a.ticket, a.guard = false, core.Never
		}
	}
}

// probesOut counts the half-open probes of an endpoint.
func (w *world) probesOut(e int) (n uint32) {
	for i := range w.attempts[:w.n] {
		if a := &w.attempts[i]; int(a.endpoint) == e && a.guard != core.Never {
			n++
		}
	}
	return n
}

// push offers alternative i; it must be adopted.
func (w *world) push(i int) {
	d := w.step(&core.Event{Kind: core.Adopt, Config: w.configs[i], Epoch: epochs[1], Origin: core.OriginControl})
	if d == nil || d.Kind != core.Ack || d.Epoch != epochs[1] {
		w.fail("R12", "a newer configuration was not adopted")
		return
	}
	w.config = int8(i)
	for e := range w.ids {
		p := &w.endpoints[e]
		if !p.current || w.in[i][e] {
			continue
		}
		p.current = false
		p.token, p.guard = 0, core.Never
		if p.state == core.HalfOpen {
			w.void(e)
		}
		w.retire(e)
	}
	w.wake()
}

// retire forgets an endpoint that has left and holds nothing.
func (w *world) retire(e int) {
	p := &w.endpoints[e]
	if p.current {
		return
	}
	for i := range w.attempts[:w.n] {
		if int(w.attempts[i].endpoint) == e {
			return
		}
	}
	*p = endpoint{number: -1, guard: core.Never}
}

// offers makes every push that must leave the state as it is (R12).
func (w *world) offers() {
	other := (int(w.config) + 1) % len(w.configs)
	for _, o := range [...]struct {
		what  string
		event core.Event
		cause core.Cause
	}{
		{"a stale push", core.Event{Config: w.configs[other], Epoch: core.Epoch{Term: 1, Number: 1}}, core.CauseStale},
		{"another configuration of the same epoch", core.Event{Config: w.configs[other], Epoch: w.epoch()}, core.CauseEpochConflict},
		{"a damaged push", core.Event{Fault: core.FaultInvalid, Epoch: core.Epoch{Term: 9}}, core.CauseInvalid},
		{"a push that could not be written", core.Event{Config: w.configs[other], Fault: core.FaultNotPersisted, Epoch: core.Epoch{Term: 9}}, core.CauseNotPersisted},
		{"the same push again", core.Event{Config: w.configs[w.config], Epoch: w.epoch()}, core.CauseNone},
	} {
		if o.cause == core.CauseEpochConflict && len(w.configs) == 1 {
			continue // without a second configuration the epoch conflicts with nothing
		}
		o.event.Kind = core.Adopt
		before := w.router.Digest()
		d := w.step(&o.event)
		switch {
		case w.router.Epoch().Compare(w.epoch()) < 0:
			w.fail("R12", "%s took the epoch back to %d.%d", o.what, w.router.Epoch().Term, w.router.Epoch().Number)
		case w.router.Digest() != before:
			w.fail("R12", "%s changed the state", o.what)
		case d == nil || d.Cause != o.cause:
			w.fail("R12", "%s did not get its answer, %s", o.what, o.cause)
		}
	}
}
