package sim

import (
	"lockstep/core"
	"lockstep/core/loop"
)

// A call is one request on its way: from its client through the router to a
// server and back. The edge's half ends with Finish; the server's half may
// outlive it, because a server goes on working for callers that gave up. The
// record is reused when both have ended.

type callPhase uint8

const (
	callFree    callPhase = iota
	callPending           // to be sent: a retry, or held
	callWaiting           // forwarded, no response yet
	callFlowing           // headers came, the body flows
	callEnded             // the edge is done with it
	callHeld              // it waits in the router: queued, or for its retry
)

type call struct {
	root    uint64 // of its draws
	request uint64 // core.Event.Request
	arrived core.Time
	due     core.Time // in a line: overdue from here on

	handle core.Handle
	gen    uint32
	sender uint32
	count  uint64 // the sender's count: with the sender it is the request id

	key, home, placement, endpoint int32
	router, window                 int32
	timeouts                       int32  // in world.timeouts: an attempt keeps those it was forwarded with (R12)
	line, previous, next           int32  // patience; line is -1 for none
	waiting                        int32  // next in the server's line, -1 for none
	incarnation                    uint32 // of the server that works on it

	phase    callPhase
	atServer bool
	guest    bool
	sent     bool
	tries    uint8
	class    core.Class // what evEnd will report
	late     core.Class // what evLate will report
	attempts uint8      // before this one, for the same request
	asked    bool       // the router has been told of its headers
	alone    bool       // its server has been reached, and its time is nobody else's
	status   uint16
}

// calls is the slab of all calls.
type calls struct {
	slab []call
	free []uint32
	live int // calls whose edge half has not ended
}

func (s *calls) take() uint32 {
	s.live++
	if n := len(s.free); n > 0 {
		id := s.free[n-1]
		s.free = s.free[:n-1]
		return id
	}
	s.slab = append(s.slab, call{})
	return uint32(len(s.slab) - 1)
}

// release frees a call once neither half needs it.
func (s *calls) release(id uint32) {
	c := &s.slab[id]
	if c.phase == callEnded && !c.atServer {
		c.phase = callFree
		c.gen++
		s.free = append(s.free, id)
	}
}

// arrive brings a call to a router.
func (w *world) arrive(id uint32) {
	c := &w.calls.slab[id]
	c.arrived, c.window, c.home = w.now, w.windows, -1
	r := w.pickRouter(c)
	if r == nil {
		w.window.Unreached++
		c.phase = callEnded
		w.answered(id, c, core.Internal, 0)
		return
	}
	c.router = int32(r.number)
	p := w.clients[w.senders[c.sender].client].plan
	ev := &w.arrival
	ev.Method, ev.Length, ev.Replayable, ev.Request, ev.Epoch = p.Method, p.Length, p.Length >= 0, c.request, r.core.Epoch()
	ev.Priority = p.Priority
	if ev.Prefer = 0; p.Cookies {
		ev.Prefer = w.senders[c.sender].cookie
	}
	ev.Route = core.Route{Placement: -1, Refuse: core.NoKey}
	ev.Via, ev.Split = 0, 0
	switch {
	case c.key < 0:
	case r.table.single:
		ev.Route = r.table.routes[c.key]
	default:
		ev.Via, ev.Split = via(r.table.config, p.Route), w.user(c)
		ev.Route, _ = r.table.config.MatchVia(ev.Via, w.keys[c.key], ev.SplitHash())
	}
	if r.observer != nil || r.table.again { // nobody else reads it: the epoch is the one in force
		w.identify(c)
	}
	if ev.Route.Placement >= 0 {
		c.home = r.table.homes[ev.Route.Placement]
	}
	if r.check != nil {
		r.check.before(ev, c.key)
	}
	d := r.loop.Arrive(r.told(ev), &w.request)
	w.tallyArrive(c, r, d)
	if d.Pin && p.Cookies {
		w.senders[c.sender].cookie = r.core.Identity(d.Endpoint)
	}
	switch d.Kind {
	case core.Forward:
		w.forward(id, c, r, d)
		return
	case core.Queued:
		w.hold(id, c, r, d)
		return
	}
	c.phase = callEnded
	w.answered(id, c, d.Class, d.Status)
}

// identify fills in what a recorder keeps of a request.
func (w *world) identify(c *call) {
	w.request = loop.Request{ID: [2]uint64{w.senders[c.sender].entity, c.count}}
	if c.key >= 0 {
		w.request.Key = w.keys[c.key]
	}
}

// pickRouter is the balancer in front of the fleet, or the one router that the client insists on.
func (w *world) pickRouter(c *call) *router {
	if n := w.clients[w.senders[c.sender].client].plan.Router; n > 0 {
		if w.routers[n-1].core == nil {
			return nil
		}
		return &w.routers[n-1]
	}
	switch len(w.alive) {
	case 0:
		return nil
	case 1:
		return &w.routers[w.alive[0]]
	}
	return &w.routers[w.alive[below(draw(c.root, drawRouter), uint64(len(w.alive)))]]
}

// forward takes an attempt that the router admitted to the way out.
func (w *world) forward(id uint32, c *call, r *router, d *core.Decision) {
	for int(d.Handle.Slot) >= len(r.attempts) {
		r.attempts = append(r.attempts, 0)
	}
	r.attempts[d.Handle.Slot] = id
	w.admit(c, r, d)
	w.dispatch(id, c, r)
}

// admit books an admission.
func (w *world) admit(c *call, r *router, d *core.Decision) {
	c.phase, c.handle = callWaiting, d.Handle
	w.tallyForward(c, r, d)
	c.timeouts = r.table.first + r.indexes[d.Placement]
}

// dispatch sends a call that was admitted on its way.
func (w *world) dispatch(id uint32, c *call, r *router) {
	limits := &w.timeouts[c.timeouts]
	way := w.link(r.number, c.endpoint)
	if way.cut != 0 && way.unanswered(c) || way.loss > 0 && happens(draw(c.root, drawLoss), way.loss) {
		w.dialTimeout(id, c)
		return
	}
	spent := w.now.Sub(c.arrived) // by waits and attempts before
	wait, class := min(limits.ResponseHeader, limits.Request-spent), core.ResponseTimeout
	if p := w.clients[w.senders[c.sender].client].plan.Patience - spent; p+spent > 0 && p < wait {
		wait, class = p, core.ClientGone
	}
	await := w.await
	if spent > 0 {
		await = w.awaitAlone
	}
	if way.cut&outward != 0 {
		await(id, c, wait, class)
		return // sent into nothing
	}
	c.atServer = true
	at := w.now.Add(way.cross(draw(c.root, drawLinkOut)))
	s := &w.servers[w.dir.servers[c.endpoint]]
	if s.model.Workers > 0 || !s.sound || at >= w.nextChange || w.poison(c) {
		await(id, c, wait, class)
		w.heap.push(at, evServerIn, id, 0)
		return
	}
	// Nothing can happen to it on the way there: one event less. Nor on the way
	// back, if no fault begins or ends before: then nobody's patience matters.
	if until := w.workAlone(id, c, s, at); until >= w.nextChange || until.Sub(w.now) >= wait || way.cut != 0 {
		await(id, c, wait, class)
	}
}

// dialTimeout ends a call whose dial nobody answers, or whose client loses patience first.
func (w *world) dialTimeout(id uint32, c *call) {
	c.class = core.ConnectTimeout
	spent := w.now.Sub(c.arrived)
	wait := min(w.timeouts[c.timeouts].Connect, w.timeouts[c.timeouts].Request-spent)
	if p := w.clients[w.senders[c.sender].client].plan.Patience - spent; p+spent > 0 && p < wait {
		wait, c.class = p, core.ClientGone
	}
	w.heap.push(w.now.Add(wait), evEnd, id, c.gen)
}

// headers is the arrival of response headers, or of a refusal or reset in their place.
func (w *world) headers(id uint32) {
	c := &w.calls.slab[id]
	c.atServer = false
	if c.phase != callWaiting {
		w.calls.release(id)
		return
	}
	w.leaveLine(c)
	if c.class != core.ClassNone {
		w.end(id, c)
		return
	}
	if c.status >= 500 && w.ask(id, c) {
		return
	}
	flow, class := w.body(c)
	if flow == 0 && class == core.ClassNone {
		w.end(id, c)
		return
	}
	c.phase, c.class = callFlowing, class
	if settle := w.timeouts[c.timeouts].Settle; flow > settle {
		w.heap.push(w.now.Add(settle), evSettle, id, c.gen)
	}
	w.heap.push(w.now.Add(flow), evEnd, id, c.gen)
}

// settle books the outcome of a response whose body still flows (R7).
func (w *world) settle(id, gen uint32) {
	c := &w.calls.slab[id]
	if c.gen != gen || c.phase != callFlowing || c.asked {
		return
	}
	w.result.Sometimes.add(SawReply)
	w.ev = core.Event{Kind: core.Reply, Handle: c.handle, Status: c.status}
	w.routers[c.router].apply(&w.ev)
}

// endCall ends an attempt as its class says.
func (w *world) endCall(id, gen uint32) {
	c := &w.calls.slab[id]
	if c.gen != gen || c.phase != callWaiting && c.phase != callFlowing {
		return
	}
	if c.phase == callFlowing && c.class == core.ClassNone && w.link(uint32(c.router), c.endpoint).cut&back != 0 {
		c.class = core.BodyTimeout
	}
	w.end(id, c)
}

// abort cuts an attempt that the router gave up in a drain.
func (w *world) abort(id, gen uint32) {
	c := &w.calls.slab[id]
	if c.gen == gen && (c.phase == callWaiting || c.phase == callFlowing) {
		w.leaveLine(c)
		c.class = core.Draining
		w.end(id, c)
	}
}

// end reports an attempt's end to the router and the answer to its client.
func (w *world) end(id uint32, c *call) {
	r := &w.routers[c.router]
	ev := &w.ending
	ev.Handle, ev.Class, ev.Status, ev.Sent = c.handle, c.class, c.status, c.sent
	if ev.Replayable = false; r.core.MayComeAgain(c.handle) {
		w.endAgain(id, c, r)
		return
	}
	w.tallyAttempt(c, r)
	w.tallyFinish(c)
	r.apply(ev)
	c.phase = callEnded
	w.answered(id, c, c.class, c.status)
}
