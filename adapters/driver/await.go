package driver

import (
	"context"
	"errors"

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

// errNoWait is a fault of Await's caller.
var errNoWait = errors.New("driver: no Queued or Retry with this handle is left to await; await each once")

// waiter is where the answer to a waiting request is left. It belongs to a slot
// and is used again, once its owner has fetched the answer: a slot may be given
// to another request before that.
type waiter struct {
	owner  core.Handle    // whose Await is to come or under way; zero for nobody
	older  *waiter        // of the same slot, whose owner has not fetched its answer yet
	handle core.Handle    // the owner's until it is answered
	queued core.Time      // since when it is in a queue; core.Never for not yet
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
	why := d.loop.Router().RetryWhy(d.clock.Now(), ev) // it cannot be asked afterwards
	out.Decision = d.loop.Finish(&d.event)
	out.Target, out.Why = &d.targets.none, why
	if out.Kind == core.Retry {
		out.Target, out.Why = d.targets.of(&out.Decision), core.RetryGranted
		d.expect(&out.Decision)
		if !d.loop.Recheck(out.Handle) {
			d.resolve(out.Handle)
		}
	}
	return out
}

// Await waits for what becomes of a request that was queued or is to be tried
// again: Forward, to be followed by Finish or End, or Reject. If ctx ends first,
// the request gives up its place, the error is ctx's cause and only InQueue is set. Every Queued and
// every Retry is awaited once. Without the driver's timer, after Close, only
// other requests' events or ctx end the wait. a is the request's Arrival: where
// there are several routes, its Resolver is asked again after a push.
func (d *Driver) Await(ctx context.Context, h core.Handle, a *Arrival) (Admission, error) {
	d.mu.Lock()
	var w *waiter
	if int(h.Slot) < len(d.waiters) {
		for w = d.waiters[h.Slot]; w != nil && w.owner != h; {
			w = w.older
		}
	}
	d.mu.Unlock()
	if w == nil {
		return Admission{}, errNoWait
	}
	for waiting := true; waiting; {
		select {
		case adm := <-w.answer:
			d.mu.Lock()
			d.leave(w, h.Slot)
			d.mu.Unlock()
			return adm, nil
		case <-w.stale:
			d.comeAgain(h, *a)
		case <-ctx.Done():
			waiting = false
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	gone := Admission{InQueue: w.inQueue(d.clock.Now())}
	var late Admission
	select {
	case late = <-w.answer:
	default:
	}
	if late.Kind != core.Reject { // it still waits, or has been forwarded to nobody: either way this ends it
		d.finish = core.Event{Kind: core.Finish, Handle: h, Class: core.ClientGone}
		d.loop.Finish(&d.finish)
	}
	d.leave(w, h.Slot)
	return gone, context.Cause(ctx)
}

// inQueue is how long the waiter has been in a queue.
func (w *waiter) inQueue(now core.Time) core.Duration {
	if w.queued == core.Never {
		return 0
	}
	return max(0, now.Sub(w.queued))
}

// expect makes ready for the answer to a request that waits since that decision. The caller holds the lock.
func (d *Driver) expect(of *core.Decision) {
	h := of.Handle
	for int(h.Slot) >= len(d.waiters) {
		d.waiters = append(d.waiters, nil)
	}
	w := d.waiters[h.Slot]
	if w == nil || w.owner != (core.Handle{}) {
		w = &waiter{older: w, answer: make(chan Admission, 1), stale: make(chan struct{}, 1)}
		d.waiters[h.Slot] = w
	}
	select {
	case <-w.stale: // of an earlier request
	default:
	}
	w.owner, w.handle, w.queued = h, h, core.Never
	if of.Kind == core.Queued {
		w.queued = of.At
	}
}

// leave gives a waiter back: its owner has fetched the answer, or wants none.
// The caller holds the lock.
func (d *Driver) leave(w *waiter, slot uint32) {
	w.owner, w.handle = core.Handle{}, core.Handle{}
	for at := &d.waiters[slot]; *at != nil; at = &(*at).older {
		if *at == w && (at != &d.waiters[slot] || w.older != nil) {
			*at = w.older
			return
		}
	}
}

// resolve tells whoever awaits h to resolve the request anew.
func (d *Driver) resolve(h core.Handle) {
	if w := (*transport)(d).waiter(h); w != nil {
		select {
		case w.stale <- struct{}{}:
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
		if w := t.waiter(d.Handle); w != nil && d.Kind == core.Queued {
			w.queued = min(w.queued, d.At) // its retry was due; one that changes queues waits on
		}
		return true
	case core.Forward, core.Reject:
	default:
		return false
	}
	if w := t.waiter(d.Handle); w != nil {
		w.answer <- Admission{
			Decision: *d, Target: t.targets.of(d), Step: t.loop.Steps(), InForce: t.loop.Router().Epoch(),
			Again:   d.Kind == core.Forward && t.loop.Router().MayComeAgain(d.Handle),
			InQueue: w.inQueue(d.At),
		}
		w.handle = core.Handle{}
	}
	return true
}

// waiter returns where the answer to h is awaited, nil for nowhere.
func (t *transport) waiter(h core.Handle) *waiter {
	if int(h.Slot) < len(t.waiters) {
		if w := t.waiters[h.Slot]; w != nil && w.handle == h {
			return w
		}
	}
	return nil
}
