package core

import (
	"cmp"
	"slices"
)

// Optional sections of a snapshot, in order of tag, which is the number of the
// digest's entity; one that would be empty is absent.

// journeys writes section 5: every request that may come again, by slot.
func (w *writer) journeys(r *Router) {
	count := 0
	for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
		count += int(bit(r.slots.at(n).state != slotPlain))
	}
	if count == 0 {
		return
	}
	w.uint(uint64(entityJourney))
	w.uint(uint64(count))
	for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
		if s := r.slots.at(n); s.state != slotPlain {
			w.journey(n, s, r.journey(n))
		}
	}
}

func (w *writer) journey(n uint32, s *slot, j *journey) {
	w.uint(uint64(n))
	w.uint(uint64(j.kind))
	if j.kind != notWaiting {
		w.uint(s.request)
		w.uint(uint64(s.gen))
		w.time(j.until)
	}
	if j.kind == inQueue {
		w.uint(uint64(j.queue))
		w.uint(uint64(j.ticket))
	}
	w.uint(j.route.Key)
	w.uint(uint64(j.route.Placement + 1))
	w.uint(uint64(j.route.Reason))
	w.uint(uint64(j.route.Refuse))
	w.uint(uint64(j.route.Ring))
	w.uint(uint64(j.via))
	w.uint(j.prefer)
	w.uint(j.epoch.Term)
	w.uint(j.epoch.Number)
	w.int(j.length)
	w.time(j.deadline)
	w.uint(uint64(j.account))
	w.uint(uint64(j.priority)<<8 | uint64(j.method)<<2 | bit(j.failed)<<1 | bit(j.retrying))
	w.uint(uint64(j.attempts))
	for i := range min(j.attempts, MaxRetries) {
		w.uint(j.tried[i])
	}
}

// budgets writes section 6: the debts of placements that have one.
func (w *writer) budgets(r *Router) {
	count := 0
	for i := range r.placements {
		count += int(bit(r.placements[i].budget.debt > 0))
	}
	if count == 0 {
		return
	}
	w.uint(uint64(entityBudget))
	w.uint(uint64(count))
	for i := range r.placements {
		if b := &r.placements[i].budget; b.debt > 0 {
			w.uint(uint64(i))
			w.uint(uint64(b.debt))
			w.time(b.at)
		}
	}
}

func (rd *reader) journeys(r *Router) {
	var queued []uint32
	for range rd.uint(uint64(len(rd.b))) {
		n, ok := rd.journey(r)
		if !ok {
			return
		}
		if r.journey(n).kind == inQueue {
			queued = append(queued, n)
		}
	}
	slices.SortFunc(queued, func(a, b uint32) int {
		x, y := r.journey(a), r.journey(b)
		return cmp.Or(cmp.Compare(x.queue, y.queue), cmp.Compare(x.ticket, y.ticket))
	})
	for i, n := range queued {
		j := r.journey(n)
		if i > 0 && r.journey(queued[i-1]).queue == j.queue && r.journey(queued[i-1]).ticket == j.ticket {
			rd.fail("two requests have one place in a queue")
			return
		}
		q := &r.placements[j.queue].queue
		if j.prev = q.tail; q.tail != 0 {
			r.journey(q.tail - 1).next = n + 1
		} else {
			q.head = n + 1
		}
		q.tail = n + 1
		q.count++
	}
	for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
		if r.slots.at(n).state != slotPlain {
			r.touchJourney(n)
		}
	}
}

// journey reads one entry and books it; ok is false after an error.
func (rd *reader) journey(r *Router) (n uint32, ok bool) {
	n = uint32(rd.uint(MaxInFlight - 1))
	kind := waitKind(rd.uint(uint64(overdue)))
	var s slot
	var j journey
	j.queue = -1
	if kind != notWaiting {
		s = slot{request: rd.uint(max64), gen: uint32(rd.uint(max32)), endpoint: -1}
		j.until = rd.time()
	}
	if kind == inQueue {
		j.queue, j.ticket = rd.placementNumber(r), uint32(rd.uint(max32))
	}
	j.route.Key, j.route.Placement = rd.uint(max64), int32(rd.uint(max31))-1
	j.route.Reason, j.route.Refuse = Reason(rd.uint(max8)), Class(rd.uint(max8))
	j.route.Ring = uint32(rd.uint(max32))
	j.via, j.prefer = uint16(rd.uint(1<<16-1)), rd.uint(max64)
	j.epoch = Epoch{rd.uint(max64), rd.uint(max64)}
	j.length, j.deadline = rd.int(), rd.time()
	j.account = rd.placementNumber(r)
	flags := rd.uint(255<<8 | uint64(MethodOther)<<2 | 3)
	j.priority = uint8(flags >> 8)
	if flags &= 255; flags > uint64(MethodOther)<<2|3 {
		rd.fail("a request's method is out of range")
	}
	j.method, j.failed, j.retrying = Method(flags>>2), flags&2 != 0, flags&1 != 0
	j.attempts = uint8(rd.uint(MaxRetries + 1))
	for i := range min(j.attempts, MaxRetries) {
		j.tried[i] = rd.uint(max64)
	}
	if rd.err != nil || !rd.takeJourney(r, n, kind, &s) {
		return 0, false
	}
	*r.journey(n) = j
	p := &r.placements[j.account]
	p.budget.own++
	p.budget.retrying += int32(bit(j.retrying))
	if kind != notWaiting {
		r.hold(n, r.journey(n), kind, j.until)
	}
	return n, true
}

// takeJourney finds or takes the slot of a journey.
func (rd *reader) takeJourney(r *Router, n uint32, kind waitKind, s *slot) bool {
	for int(n>>chunkBits) >= len(r.slots.chunks) {
		r.slots.grow()
	}
	r.growJourneys()
	taken := r.slots.at(n).gen != 0
	switch {
	case kind == notWaiting && (!taken || r.slots.at(n).state != slotPlain):
		rd.fail("a request that may come again has no attempt")
	case kind != notWaiting && (taken || s.gen == 0):
		rd.fail("a request that waits has no slot of its own")
	case kind == notWaiting:
		r.slots.at(n).state = slotJourney
	default:
		*r.slots.at(n) = *s
		r.slots.mark(n)
	}
	return rd.err == nil
}

// placementNumber reads the number of a placement that exists.
func (rd *reader) placementNumber(r *Router) int32 {
	n := int32(rd.uint(max31))
	if int(n) >= len(r.placements) || r.placements[n].id == 0 {
		rd.fail("a request belongs to no placement")
		return 0
	}
	return n
}

func (rd *reader) budgets(r *Router) {
	for range rd.uint(uint64(len(rd.b))) {
		n := rd.placementNumber(r)
		debt, at := int64(rd.uint(1<<62)), rd.time()
		if rd.err != nil {
			return
		}
		if b := &r.placements[n].budget; debt == 0 || b.debt != 0 || at > r.now {
			rd.fail("a budget's debt is impossible")
		} else {
			b.debt, b.at = debt, at
		}
	}
}
