package sim

import "lockstep/core"

// Calls that come again: those that wait in a router's queue, and attempts that
// follow a failed one. A further attempt is a call of its own, with draws of its
// own, because the server may still work on the one before.

// hold lets a call wait in its router.
func (w *world) hold(id uint32, c *call, r *router, d *core.Decision) {
	for int(d.Handle.Slot) >= len(r.attempts) {
		r.attempts = append(r.attempts, 0)
	}
	r.attempts[d.Handle.Slot] = id
	c.phase, c.handle = callHeld, d.Handle
	if d.Kind == core.Queued {
		w.tallyQueued(c, r, d)
	}
	if p := w.clients[w.senders[c.sender].client].plan.Patience; p > 0 {
		w.awaitAlone(id, c, p-w.now.Sub(c.arrived), core.ClientGone)
	}
}

func (w *world) tallyQueued(c *call, r *router, d *core.Decision) {
	w.result.Sometimes.add(SawWait)
	all, home := w.counts(c)
	all.Queued++
	if home != nil {
		home.Queued++
	}
	p := &w.window.Placements[r.placements[d.Placement]]
	p.PeakQueue = max(p.PeakQueue, int(d.Count))
}

// awaitAlone is await for a call whose time nobody shares.
func (w *world) awaitAlone(id uint32, c *call, wait core.Duration, class core.Class) {
	c.late, c.alone = class, c.phase == callWaiting
	w.heap.push(w.now.Add(max(0, wait)), evLate, id, c.gen)
}

// lateCall ends a call that has no time left.
func (w *world) lateCall(id, gen uint32) {
	c := &w.calls.slab[id]
	if c.gen != gen || c.phase != callWaiting && c.phase != callHeld {
		return
	}
	if c.class = c.late; c.phase == callWaiting {
		c.sent = true
	}
	w.end(id, c)
}

// told takes what a router decided about a call that waited. It is called
// inside the router's step: the call goes on in an event of its own.
func (w *world) told(r *router, d *core.Decision) {
	id := r.attempts[d.Handle.Slot]
	c := &w.calls.slab[id]
	switch d.Kind {
	case core.Queued:
		w.tallyQueued(c, r, d)
		return
	case core.Forward:
		w.result.Sometimes.add(SawTurn)
		if d.Pin && w.clients[w.senders[c.sender].client].plan.Cookies {
			w.senders[c.sender].cookie = r.core.Identity(d.Endpoint)
		}
		w.admit(c, r, d)
	case core.Reject:
		if d.Class == core.QueueTimeout {
			w.result.Sometimes.add(SawWaitOver)
		}
		c.phase, c.class, c.status = callEnded, d.Class, d.Status
		w.bookRefusal(c, d)
		w.checkCalm(c, d.Class)
	}
	w.heap.push(w.now, evTurn, id, c.gen)
}

// turn goes on with a call that waited.
func (w *world) turn(id, gen uint32) {
	c := &w.calls.slab[id]
	switch {
	case c.gen != gen:
	case c.phase == callWaiting:
		w.dispatch(id, c, &w.routers[c.router])
	case c.phase == callEnded:
		w.answered(id, c, c.class, c.status)
	}
}

// poison reports whether a call's request is its server's end.
func (w *world) poison(c *call) bool { return w.clients[w.senders[c.sender].client].plan.Poison }

// replayable says whether the edge could send the call's request again.
func (w *world) replayable(c *call) bool {
	return w.clients[w.senders[c.sender].client].plan.Length >= 0
}

// ask tells the router of response headers that it may answer with a retry; it
// reports whether the call is over.
func (w *world) ask(id uint32, c *call) bool {
	r := &w.routers[c.router]
	if !r.core.MayComeAgain(c.handle) {
		return false
	}
	c.asked = true
	ev := core.Event{Kind: core.Reply, Handle: c.handle, Status: c.status, Replayable: w.replayable(c)}
	return w.comeAgain(id, r, &ev)
}

// endAgain reports the end of an attempt, or of a wait, of a request that may come again.
func (w *world) endAgain(id uint32, c *call, r *router) {
	ev := w.ending
	ev.Replayable = w.replayable(c)
	held := c.phase == callHeld
	if !held && w.comeAgain(id, r, &ev) {
		return
	}
	c = &w.calls.slab[id]
	if held {
		r.apply(&ev)
		switch c.phase { // a deadline that fired with it came first
		case callEnded:
			return // refused: its turn tells the client
		case callWaiting:
			w.tallyAttempt(c, r) // forwarded, to nobody
		}
	}
	w.tallyFinish(c)
	c.phase = callEnded
	w.answered(id, c, c.class, c.status)
}

// comeAgain feeds a Reply or Finish and carries out the retry that may follow.
func (w *world) comeAgain(id uint32, r *router, ev *core.Event) bool {
	why := r.core.RetryWhy(r.now(), ev)
	if why == core.RetryOutOfBudget {
		w.result.Sometimes.add(SawOutOfBudget)
	}
	ends := ev.Kind == core.Finish || why == core.RetryGranted
	old := &w.calls.slab[id]
	if ends { // before others have their turn
		w.tallyAttempt(old, r)
	}
	d := r.loop.Finish(r.told(ev))
	if d.Kind != core.Retry {
		if ends && ev.Kind == core.Reply { // a deadline that fired with it changed its mind
			w.untallyAttempt(old, r)
		}
		return false
	}
	if !ends {
		w.tallyAttempt(old, r)
	}
	w.result.Sometimes.add(SawRouterRetry)
	all, home := w.counts(old)
	all.Retried++
	if home != nil {
		home.Retried++
	}
	n := w.calls.take()
	old = &w.calls.slab[id]
	again := call{
		root: fold(old.root, uint64(old.attempts)+1), request: old.request, arrived: old.arrived, sender: old.sender,
		count: old.count, key: old.key, home: old.home, router: old.router, window: old.window, line: -1,
		tries: old.tries, attempts: old.attempts + 1, gen: w.calls.slab[n].gen,
	}
	w.calls.slab[n] = again
	w.hold(n, &w.calls.slab[n], r, &d)
	if !r.loop.Recheck(d.Handle) {
		w.resolve(r)
	}
	old.phase = callEnded
	w.calls.live--
	w.calls.release(id)
	return true
}

// inRouter lists the calls that router n has in flight or lets wait, in order of arrival.
func (w *world) inRouter(n uint32) []uint32 {
	return w.listed(func(c *call) bool {
		return c.router == int32(n) && (c.phase == callWaiting || c.phase == callFlowing || c.phase == callHeld)
	})
}

// resolve says anew where the waiting requests belong that the loop cannot
// match, because there are several routes: as the edge does.
func (w *world) resolve(r *router) {
	stale := r.core.AppendStale(nil)
	if len(stale) == 0 {
		return
	}
	config := r.core.Config()
	for _, h := range stale {
		c := &w.calls.slab[r.attempts[h.Slot]]
		p := w.clients[w.senders[c.sender].client].plan
		ev := core.Event{Handle: h, Epoch: r.core.Epoch(), Request: c.request, Via: via(config, p.Route), Split: w.user(c)}
		ev.Route, _ = config.MatchVia(ev.Via, w.keys[c.key], ev.SplitHash())
		w.identify(c)
		r.loop.ComeAgain(&ev, &w.request)
	}
	r.loop.MatchAgain()
}
