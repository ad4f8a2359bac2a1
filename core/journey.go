package core

// A journey is what the router keeps of a request that may come again (R5's
// queue, R11): as long as it waits, and between its attempts. A request whose
// placement neither queues nor retries has none, and costs nothing. Journeys lie
// beside the slots, in chunks that are made only when one is needed; a waiting
// request holds a slot of the table, but no room at any placement or endpoint.

// MaxRetries bounds the retries of one request.
const MaxRetries = 4

// waitKind says what a journey is doing.
type waitKind uint8

const (
	notWaiting waitKind = iota // its attempt is in flight
	inQueue                    // in the queue of a full placement (R5)
	inBackOff                  // until its retry is due (R11)
	overdue                    // it must come again first: its retry is due and its match is old, or its queue is not its home's any more
)

// journey is one request that may come again; its slot has the request and the handle.
type journey struct {
	route      Route
	epoch      Epoch // under which route was matched; another than the one in force: stale
	length     int64
	deadline   Time               // of the request as a whole: timeouts.request after it arrived
	until      Time               // waiting: when the wait ends by itself
	tried      [MaxRetries]uint64 // identities of the endpoints of its attempts
	mixed      uint64             // its part of the digest
	account    int32              // number of the placement that was its home when it arrived
	queue      int32              // inQueue: number of the placement
	prev, next uint32             // inQueue: its neighbours' slots plus 1, 0 for none
	ticket     uint32             // inQueue: its place, growing from head to tail
	prefer     uint64             // identity of the endpoint that its sticky cookie names (R10)
	priority   uint8
	via        uint16 // route by which it came, in the configuration of epoch
	kind       waitKind
	attempts   uint8 // forwarded so far
	method     Method
	failed     bool // one of its attempts has counted as a failure (R7)
	retrying   bool // a retry was granted
}

// States of a slot.
const (
	slotPlain   uint8 = iota
	slotJourney       // an attempt in flight, of a journey
	slotWaiting       // a journey that waits: no attempt
)

func (r *Router) journey(n uint32) *journey { return &r.journeys[n>>chunkBits][n&(chunkSize-1)] }

// growJourneys makes room for the journeys of every slot there is.
func (r *Router) growJourneys() {
	for len(r.journeys) < len(r.slots.chunks) {
		r.journeys = append(r.journeys, new([chunkSize]journey))
	}
	r.timers.reserveSlots(len(r.journeys) << chunkBits)
}

// begin gives the request in slot n a journey, on the account of its home (R11).
func (r *Router) begin(now Time, n uint32, ev *Event) *journey {
	if len(r.journeys) < len(r.slots.chunks) {
		r.growJourneys()
	}
	home := r.numbers.placement[ev.Route.Placement]
	c := &r.config.placements[ev.Route.Placement]
	j := r.journey(n)
	*j = journey{
		route: ev.Route, epoch: ev.Epoch, via: ev.Via, prefer: ev.Prefer, priority: ev.Priority, length: ev.Length, method: min(ev.Method, MethodOther),
		deadline: now.Add(c.timeouts.Request), account: home, queue: -1,
	}
	p := &r.placements[home]
	p.budget.own++
	if p.budget.debt > 0 {
		if p.budget.debt = max(0, p.budget.debt-c.retries.share()); p.budget.debt == 0 {
			p.budget.at = 0
		}
	}
	r.touchPlacement(home)
	return j
}

// depart books an attempt of a journey: slot n was forwarded to the endpoint with that identity.
func (r *Router) depart(now Time, n uint32, ev *Event, id uint64) {
	j := ev.again
	if j == nil {
		j = r.begin(now, n, ev)
	} else {
		r.stopWaiting(n, j)
	}
	if j.attempts < MaxRetries {
		j.tried[j.attempts] = id
	}
	j.attempts++
	r.slots.at(n).state = slotJourney
	r.touchJourney(n)
}

// hold makes slot n wait until a time.
func (r *Router) hold(n uint32, j *journey, kind waitKind, until Time) {
	s := r.slots.at(n)
	s.state, s.endpoint = slotWaiting, -1
	j.kind, j.until = kind, until
	r.waiting++
	t := timerQueue
	if kind != inQueue {
		t = timerRetry
	}
	r.timers.set(t, int32(n), until)
	r.touchJourney(n)
}

// stopWaiting ends a wait, whatever comes next.
func (r *Router) stopWaiting(n uint32, j *journey) {
	switch j.kind {
	case inQueue:
		r.unlink(n, j)
		r.timers.set(timerQueue, int32(n), Never)
	case inBackOff, overdue:
		r.timers.set(timerRetry, int32(n), Never)
	default:
		return
	}
	j.kind, j.until = notWaiting, 0
	r.waiting--
}

// endJourney closes the account of the request in slot n.
func (r *Router) endJourney(n uint32) {
	j := r.journey(n)
	r.stopWaiting(n, j)
	home := j.account
	p := &r.placements[home]
	p.budget.own--
	p.budget.retrying -= int32(bit(j.retrying))
	r.touchPlacement(home)
	r.sum -= j.mixed
	*j = journey{}
	r.freePlacement(home)
}

// endWait takes a waiting request out of the table.
func (r *Router) endWait(n uint32) {
	r.endJourney(n)
	r.slots.release(n)
}

// refuse ends a wait with an answer (Reject) to the request in slot n.
func (r *Router) refuse(now Time, n uint32, class Class, out []Decision) []Decision {
	j := r.journey(n)
	d := note(Reject, ruleOf(class), now)
	d.Handle = Handle{n, r.slots.at(n).gen}
	d.Class, d.Status, d.Reason, d.Placement = class, class.Row().Status, j.route.Reason, j.account
	if j.kind == inQueue {
		d.Placement = j.queue
	}
	r.endWait(n)
	return append(out, d)
}

// comeAgain is an Arrive that names a waiting request: it has been matched
// again, under the epoch in force. Its place in a queue stays its own as long as
// its home is the same.
func (r *Router) comeAgain(now Time, ev *Event, out []Decision) []Decision {
	s := r.slots.find(ev.Handle)
	if s == nil || s.state != slotWaiting {
		return r.ignore(now, 11, CauseUnknownHandle, out)
	}
	n := ev.Handle.Slot
	j := r.journey(n)
	known := r.config != nil && ev.Route.Placement >= 0 && int(ev.Route.Placement) < len(r.config.placements)
	if ev.Epoch != r.epoch || r.config == nil || ev.Request != s.request || ev.Route.Refuse == ClassNone && !known {
		return r.ignore(now, 11, CauseBadRoute, out)
	}
	j.route, j.epoch, j.via, j.prefer = ev.Route, ev.Epoch, ev.Via, ev.Prefer
	if !known {
		j.route.Placement = -1 // whatever number a refusal carries
	}
	r.touchJourney(n)
	if j.kind == inBackOff {
		return out
	}
	if j.kind == overdue {
		out, _ = r.decideAgain(now, n, false, out)
		return out
	}
	queue := j.queue
	home := int32(-1)
	if known {
		home = r.numbers.placement[ev.Route.Placement]
	}
	if home != queue { // it must not be evaluated before those who keep their places
		r.stopWaiting(n, j)
		r.hold(n, j, overdue, j.deadline)
	}
	return r.turn(now, queue, out)
}

// decideAgain evaluates a waiting request from the top (R1-R5) and forwards or
// refuses it, or lets it wait on. turn: it is first in its home's queue.
func (r *Router) decideAgain(now Time, n uint32, turn bool, out []Decision) (_ []Decision, waits bool) {
	s, j := r.slots.at(n), r.journey(n)
	ev := &r.scratch
	ev.Request, ev.Route, ev.Epoch, ev.Length, ev.Method = s.request, j.route, j.epoch, j.length, j.method
	ev.Via, ev.Prefer, ev.Priority = j.via, j.prefer, j.priority
	ev.again, ev.slot, ev.turn = j, n, turn
	if class, home := r.precheck(ev); class != ClassNone {
		d := note(Reject, ruleOf(class), now)
		d.Class, d.Status, d.Reason, d.Handle = class, class.Row().Status, j.route.Reason, Handle{n, s.gen}
		d.Placement = home
		switch class {
		case UnknownKey:
			d.Status = r.config.routes[ev.Via].status
		case NoRoute:
			d.Status = r.config.noRouteStatus
		}
		if class == Internal {
			out = r.ignore(now, 12, CauseBadRoute, out)
		}
		r.endWait(n)
		return append(out, d), false
	}
	var v verdict
	r.evaluate(now, ev, &v)
	switch {
	case v.wait && j.kind == inQueue && j.queue == v.placement:
		return out, true
	case v.wait:
		r.stopWaiting(n, j)
		return r.enqueue(now, n, j, v.placement, out), true
	case v.class != ClassNone:
		d := v.reject(now, ev)
		d.Handle = Handle{n, s.gen}
		r.endWait(n)
		return append(out, d), false
	}
	return r.commit(now, ev, &v, out), false
}

// touchJourney works out a journey's part of the digest again.
func (r *Router) touchJourney(n uint32) {
	j := r.journey(n)
	r.sum -= j.mixed
	j.mixed = r.mixJourney(r.slots.at(n).request, j)
	r.sum += j.mixed
}

func (r *Router) mixJourney(request uint64, j *journey) uint64 {
	h := mixEntity(entityJourney, request, j.route.Key)
	h = mixWord(h, uint64(uint32(j.route.Placement))<<16|uint64(j.route.Reason)<<8|uint64(j.route.Refuse))
	h = mixWord(mixWord(h, uint64(j.via)<<32|uint64(j.route.Ring)), j.prefer)
	h = mixWord(mixWord(h, j.epoch.Term), j.epoch.Number)
	h = mixWord(mixWord(h, uint64(j.length)), uint64(j.deadline))
	h = mixWord(h, uint64(j.until))
	for i := range min(j.attempts, MaxRetries) {
		h = mixWord(h, j.tried[i])
	}
	h = mixWord(h, r.placements[j.account].id)
	if j.kind == inQueue && j.queue >= 0 {
		h = mixWord(h, r.placements[j.queue].id)
	}
	return mixWord(h, uint64(j.ticket)<<32|uint64(j.priority)<<24|uint64(j.attempts)<<16|uint64(j.method)<<8|
		uint64(j.kind)<<2|bit(j.failed)<<1|bit(j.retrying))
}
