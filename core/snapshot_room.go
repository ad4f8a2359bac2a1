package core

// Sections of a snapshot about room. 8 is what placements remember beyond their
// counts, 9 whose share attempts take. One with nothing to say is left out.

// room writes section 8.
func (w *writer) room(r *Router) {
	count := 0
	for i := range r.placements {
		count += int(bit(r.placements[i].moved()))
	}
	if count == 0 {
		return
	}
	w.uint(uint64(entityRoom))
	w.uint(uint64(count))
	for i := range r.placements {
		if p := &r.placements[i]; p.moved() {
			w.uint(uint64(i))
			w.uint(bit(p.panic))
		}
	}
}

// moved reports whether p is not at rest as far as section 8 goes.
func (p *placement) moved() bool { return p.panic }

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
		if !p.moved() {
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
		if int64(n) <= last || n >= uint64(len(r.slots.chunks))<<chunkBits || r.slots.at(uint32(n)).gen == 0 || tenant == 0 {
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
