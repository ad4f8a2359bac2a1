package driver

import (
	"context"

	"lockstep/core"
	"lockstep/core/loop"
)

// Ending says how an attempt ended, when it may be tried again (R11).
type Ending struct {
	Class      core.Class    // ClassNone for a response, whose status decides
	Status     uint16        // the response's; 0 without one
	Sent       bool          // some of the request may have reached the upstream
	Replayable bool          // the request can be sent again, body and all, and no byte of an answer has gone to the client
	RetryAfter core.Duration // what the upstream asked for; 0 for nothing
}

// waiter is where the answer to a waiting request is left. It belongs to a slot
// and is used again.
type waiter struct {
	handle core.Handle
	answer chan Admission // holds one
	stale  chan struct{}  // holds a token while the request must be resolved anew
}

// End ends an attempt as Finish does. If the answer's Kind is Retry, another
// follows: Await its Handle. Otherwise the request is over.
//
// A response is asked about with Ask before any of it goes to the client; End
// grants no retry after one.
func (d *Driver) End(h core.Handle, e Ending) Admission {
	return d.end(&core.Event{
		Kind: core.Finish, Handle: h, Class: e.Class, Status: e.Status, Sent: e.Sent,
		Replayable: e.Replayable, RetryAfter: e.RetryAfter,
	})
}

// Ask reports the headers of a response of 500 and above to a request that may
// be tried again, before any of it goes to the client. If the answer's Kind is
// Retry, the attempt is over: drop the response and Await the Handle. Otherwise
// pass it on, and Finish as ever.
func (d *Driver) Ask(h core.Handle, e Ending) Admission {
	return d.end(&core.Event{
		Kind: core.Reply, Handle: h, Status: e.Status, Replayable: e.Replayable, RetryAfter: e.RetryAfter,
	})
}

func (d *Driver) end(ev *core.Event) (out Admission) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.event = *ev
	out.Decision = d.loop.Finish(&d.event)
	out.Target = &d.targets.none
	if out.Kind == core.Retry {
		out.Target = d.targets.of(&out.Decision)
		d.expect(out.Handle)
		if !d.loop.Recheck(out.Handle) {
			d.resolve(out.Handle)
		}
	}
	return out
}

// Await waits for what becomes of a request that was queued or is to be tried
// again: Forward, to be followed by Finish or End, or Reject. If ctx ends first,
// the request gives up its place and the error is ctx's cause. Every Queued and
// every Retry is awaited once. Without the driver's timer, after Close, only
// other requests' events or ctx end the wait. a is the request's Arrival: where
// there are several routes, its Resolver is asked again after a push.
func (d *Driver) Await(ctx context.Context, h core.Handle, a *Arrival) (Admission, error) {
	d.mu.Lock()
	w := d.waiters[h.Slot]
	d.mu.Unlock()
	for waiting := true; waiting; {
		select {
		case adm := <-w.answer:
			return adm, nil
		case <-w.stale:
			d.comeAgain(h, *a)
		case <-ctx.Done():
			waiting = false
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var late Admission
	select {
	case late = <-w.answer:
	default:
	}
	if late.Kind != core.Reject { // it still waits, or has been forwarded to nobody: either way this ends it
		d.finish = core.Event{Kind: core.Finish, Handle: h, Class: core.ClientGone}
		d.loop.Finish(&d.finish)
	}
	return Admission{}, context.Cause(ctx)
}

// expect makes ready for the answer to a request that waits. The caller holds the lock.
func (d *Driver) expect(h core.Handle) {
	for int(h.Slot) >= len(d.waiters) {
		d.waiters = append(d.waiters, nil)
	}
	w := d.waiters[h.Slot]
	if w == nil {
		w = &waiter{answer: make(chan Admission, 1), stale: make(chan struct{}, 1)}
		d.waiters[h.Slot] = w
	}
	select {
	case <-w.stale: // of an earlier request
	default:
	}
	w.handle = h
}

// resolve tells whoever awaits h to resolve the request anew.
func (d *Driver) resolve(h core.Handle) {
	if int(h.Slot) < len(d.waiters) && d.waiters[h.Slot] != nil {
		select {
		case d.waiters[h.Slot].stale <- struct{}{}:
		default: // it has been told
		}
	}
}

// matchAgain lets every request that waits come again after an adoption. The
// caller holds the lock.
func (d *Driver) matchAgain() {
	d.loop.MatchAgain()
	for _, h := range d.loop.Router().AppendStale(nil) {
		d.resolve(h)
	}
}

// comeAgain resolves a waiting request under the configuration in force, outside
// the lock, and says what came of it.
func (d *Driver) comeAgain(h core.Handle, a Arrival) {
	f, route := d.match(&a, core.RequestHash(a.ID[0], a.ID[1]))
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.epoch != d.loop.Router().Epoch() {
		d.resolve(h) // another push came between
		return
	}
	d.event = core.Event{Kind: core.Arrive, Handle: h, Epoch: f.epoch, Route: route, Via: a.Via, Split: a.Split, Source: a.Source}
	d.loop.ComeAgain(&d.event, &loop.Request{Key: a.Key, ID: a.ID})
	d.matchAgain()
}

// answer hands a decision to the request that waits for it; it reports false
// for all others.
func (t *transport) answer(d *core.Decision) bool {
	switch d.Kind {
	case core.Queued, core.Retry:
		return true // it waits on
	case core.Forward, core.Reject:
	default:
		return false
	}
	if int(d.Handle.Slot) < len(t.waiters) {
		if w := t.waiters[d.Handle.Slot]; w != nil && w.handle == d.Handle {
			w.answer <- Admission{
				Decision: *d, Target: t.targets.of(d), Step: t.loop.Steps(), InForce: t.loop.Router().Epoch(),
				Again: d.Kind == core.Forward && t.loop.Router().MayComeAgain(d.Handle),
			}
			w.handle = core.Handle{}
		}
	}
	return true
}
