package core

import "math/bits"

// Sections of a snapshot about room. 8 is what placements remember beyond their
// counts, 9 whose share attempts take. One with nothing to say is left out.

// room writes section 8.
func (w *writer) room(r *Router) {
	count := 0
	for i := range r.placements {
		count += int(bit(r.placements[i].moved(r.config)))
	}
	if count == 0 {
		return
	}
	w.uint(uint64(entityRoom))
	w.uint(uint64(count))
	for i := range r.placements {
		p := &r.placements[i]
		if !p.moved(r.config) {
			continue
		}
		w.uint(uint64(i))
		w.uint(bit(p.panic))
		if a := p.adaptive; a != nil {
			w.uint(uint64(a.limit)<<4 | uint64(a.phase)<<2 | bit(a.busy)<<1 | bit(a.climbing))
			w.uint(uint64(a.base))
			w.time(a.due)
			w.uint(a.sum)
			w.uint(uint64(a.count))
			w.uint(uint64(a.since))
			w.uint(uint64(a.peak))
		}
	}
}

// moved reports whether p is not at rest as far as section 8 goes.
func (p *placement) moved(c *Config) bool {
	return p.panic || p.adaptive != nil && !p.adaptive.atRest(&c.placements[p.config].limit.Adaptive)
}

func (rd *reader) room(r *Router) {
	last := int64(-1)
	count := rd.uint(uint64(len(r.placements)))
	for range count {
		n := int64(rd.uint(uint64(max(len(r.placements)-1, 0))))
		if n <= last || r.placements[n].config < 0 {
			rd.fail("a placement's room is not in the configuration, or out of order")
			return
		}
		last = n
		p := &r.placements[n]
		p.panic = rd.bool()
		if p.adaptive != nil {
			rd.adaptive(r, int32(n))
		}
		if rd.err == nil && !p.moved(r.config) {
			rd.fail("a placement at rest is listed")
			return
		}
	}
	if count == 0 {
		rd.fail("a section is empty")
	}
}

// tenants writes section 9.
func (w *writer) tenants(r *Router) {
	count := 0
	for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
		count += int(bit(r.slots.at(n).tenant != 0))
	}
	if count == 0 {
		return
	}
	w.uint(uint64(entityTenant))
	w.uint(uint64(count))
	for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
		if s := r.slots.at(n); s.tenant != 0 {
			w.uint(uint64(n))
			w.uint(s.tenant)
		}
	}
}

func (rd *reader) tenants(r *Router) {
	last, count := int64(-1), rd.uint(uint64(r.slots.live))
	for range count {
		n, tenant := rd.uint(MaxInFlight-1), rd.uint(max64)
		if rd.err != nil {
			return
		}
		if int64(n) <= last || n >= uint64(len(r.slots.chunks))<<chunkBits || r.slots.at(uint32(n)).gen == 0 || r.slots.at(uint32(n)).state == slotWaiting || tenant == 0 {
			rd.fail("a tenant has no attempt, or they are out of order")
			return
		}
		last = int64(n)
		s := r.slots.at(uint32(n))
		if r.count(s, r.placements[r.endpoints[s.endpoint].placement].tenants, tenant); s.tenant == 0 {
			rd.fail("a tenant is counted that cannot be")
			return
		}
	}
	if count == 0 {
		rd.fail("a section is empty")
	}
}

// adaptive reads a limit over the fresh one that the configuration gives.
func (rd *reader) adaptive(r *Router, n int32) {
	p := &r.placements[n]
	spec := &r.config.placements[p.config].limit.Adaptive
	word := rd.uint(uint64(spec.Max)*limitUnit<<4 | 15)
	a := adaptive{
		limit: int64(word >> 4), phase: phase(word >> 2 & 3), busy: word&2 != 0, climbing: word&1 != 0, base: Duration(rd.uint(uint64(MaxDuration))), due: rd.time(),
		sum: rd.uint(max64), count: uint32(rd.uint(max32)), since: uint32(rd.uint(uint64(spec.Remeasure))), peak: int32(rd.uint(MaxInFlight)),
	}
	overflow, most := bits.Mul64(uint64(a.count), uint64(MaxDuration)) // above 0 the sum has wrapped, and may be any
	if a.limit < int64(spec.Min)*limitUnit || overflow == 0 && a.sum > most || a.phase > phaseMeasuring || a.due == Never && p.inFlight > 0 && a.peak > 0 {
		rd.fail("an adaptive limit is impossible")
		return
	}
	*p.adaptive = a
	r.timers.set(timerLimit, n, a.due)
}
