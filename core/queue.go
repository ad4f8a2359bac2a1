package core

// The queue of a full placement (R5): a list through the journeys that wait,
// bounded by the placement's `queue` and each wait by its `wait`. Only requests
// whose home it is wait here.

// MaxQueue bounds the places of one queue, so that one Step stays bounded work.
const MaxQueue = 1024

// QueueOrder is R5: who is next when room appears.
type QueueOrder uint8

// Queue orders. Newest first holds only while more than half of the places are taken.
const (
	FIFO QueueOrder = iota
	NewestFirst
)

// waitList is the queue of one placement.
type waitList struct {
	head, tail uint32 // slots plus 1, 0 for none
	count      int32
}

// behind says whether a request must let others have the room: those who wait,
// unless newest first makes it the next itself.
func (s *placement) behind(l *LimitSpec, ev *Event, guest bool) bool {
	return s.queue.count > 0 && (guest || !ev.turn && !l.newestNext(s.queue.count+1))
}

// newestNext says whether of so many that wait the newest is next.
func (l *LimitSpec) newestNext(count int32) bool {
	return l.Order == NewestFirst && count > l.Queue/2
}

// atFull says what a placement without room for a request does with it: lets it
// wait, or refuses it for want of something; with roomYes it goes on. capped: its
// sound endpoints are at their caps.
func (s *placement) atFull(p *placementConfig, number int32, ev *Event, guest bool, want room, capped bool) (wait bool, refusal room) {
	switch {
	case p.limit.WhenFull == FailOverWhenFull:
		return false, roomYes
	case guest && (p.limit.WhenFull == QueueWhenFull || want != roomFull):
		return false, roomYes // guests do not wait; one without a share goes on, as one over the cap does
	case p.limit.WhenFull == QueueWhenFull && want == roomFull:
		refusal = s.mayQueue(p, number, ev, capped)
		return refusal == roomYes, refusal
	}
	return false, want
}

// mayQueue says whether a home request may wait at a full placement: roomYes, or
// for want of what it is refused.
func (s *placement) mayQueue(p *placementConfig, number int32, ev *Event, capped bool) room {
	switch j := ev.again; {
	case capped && p.sharded:
		return roomFull // a wait for one shard would hold up the keys of others
	case j != nil && j.kind == inQueue && j.queue == number:
		return roomYes // its place is its own
	case s.queue.count >= p.limit.Queue:
		return roomFull
	case p.shares:
		return s.nextShare(p, ev) // what its share would refuse does not wait for it
	}
	return roomYes
}

// arriveQueued puts a new request into a queue.
func (r *Router) arriveQueued(now Time, ev *Event, number int32, out []Decision) []Decision {
	n, ok := r.slots.take()
	if !ok {
		return r.tableFull(now, ev, number, out)
	}
	s := r.slots.at(n)
	s.request, s.gen = ev.Request, r.nextSerial()
	return r.enqueue(now, n, r.begin(now, n, ev), number, out)
}

// enqueue makes slot n wait at the end of a queue.
func (r *Router) enqueue(now Time, n uint32, j *journey, number int32, out []Decision) []Decision {
	p := &r.placements[number]
	j.queue, j.prev, j.next, j.ticket = number, p.queue.tail, 0, 1
	if p.queue.tail != 0 {
		last := r.journey(p.queue.tail - 1)
		last.next, j.ticket = n+1, last.ticket+1
	} else {
		p.queue.head = n + 1
	}
	p.queue.tail = n + 1
	p.queue.count++
	if j.ticket == 0 {
		r.renumber(p, j)
	}
	until := min(now.Add(r.config.placements[p.config].limit.Wait), j.deadline)
	r.hold(n, j, inQueue, until)
	d := note(Queued, 5, now)
	d.Handle, d.Placement, d.Reason = Handle{n, r.slots.at(n).gen}, number, j.route.Reason
	d.Count, d.Until = uint32(p.queue.count), until
	return append(out, d)
}

// renumber gives a queue that has never been empty for 2^32 joins tickets from 1
// on; last, at its tail, is not in the digest yet.
func (r *Router) renumber(p *placement, last *journey) {
	ticket := uint32(0)
	for at := p.queue.head; at != 0; at = r.journey(at - 1).next {
		ticket++
		if j := r.journey(at - 1); j != last {
			j.ticket = ticket
			r.touchJourney(at - 1)
		}
	}
	last.ticket = ticket
}

// unlink takes slot n out of the queue in which it waits.
func (r *Router) unlink(n uint32, j *journey) {
	if j.queue < 0 {
		return
	}
	q := &r.placements[j.queue].queue
	if j.prev != 0 {
		r.journey(j.prev - 1).next = j.next
	} else {
		q.head = j.next
	}
	if j.next != 0 {
		r.journey(j.next - 1).prev = j.prev
	} else {
		q.tail = j.prev
	}
	q.count--
	number := j.queue
	j.queue, j.prev, j.next, j.ticket = -1, 0, 0, 0
	r.freePlacement(number)
}

// turn serves a queue as long as there is room: who is next is evaluated from
// the top. One that has not been matched under the epoch in force keeps the rest
// waiting until it is, or leaves. One whose wait is over now is about to be
// refused, which gives the others their turn.
func (r *Router) turn(now Time, number int32, out []Decision) []Decision {
	for {
		p := &r.placements[number]
		if p.queue.count == 0 {
			return out
		}
		n := r.nextInQueue(p)
		if j := r.journey(n); j.epoch != r.epoch || j.until <= now {
			return out
		}
		var waits bool
		if out, waits = r.decideAgain(now, n, true, out); waits {
			return out
		}
	}
}

func (r *Router) nextInQueue(p *placement) uint32 {
	if p.config >= 0 && r.config.placements[p.config].limit.newestNext(p.queue.count) {
		return p.queue.tail - 1
	}
	return p.queue.head - 1
}

// expire ends a wait that nobody ended before. Whoever it kept waiting has its turn.
func (r *Router) expire(at Time, n uint32, out []Decision) []Decision {
	number := r.journey(n).queue
	out = r.refuse(at, n, QueueTimeout, out)
	return r.turn(at, number, out)
}

// giveUp is a Finish that names a waiting request: its client went away, or the
// edge wants no more of it. It frees the place, says nothing, and whoever it kept
// waiting has its turn.
func (r *Router) giveUp(now Time, n uint32, out []Decision) []Decision {
	number := r.journey(n).queue
	r.endWait(n)
	if number < 0 {
		return out
	}
	return r.turn(now, number, out)
}

// reweighed gives a queue its turn if the placement entered or left panic: what
// it ignores may now be room.
func (r *Router) reweighed(now Time, number int32, was bool, out []Decision) []Decision {
	if s := &r.placements[number]; s.queue.count > 0 && s.panic != was {
		return r.turn(now, number, out)
	}
	return out
}
