package core

// Section 8 of a snapshot: what placements remember about room beyond their
// counts. It is left out when every one of them is at rest.

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

// sections reads the optional sections that end a snapshot, in ascending order.
func (rd *reader) sections(r *Router) {
	before := uint64(0)
	for rd.err == nil && len(rd.b) > 0 {
		tag := rd.uint(max32)
		if tag <= before {
			rd.fail("bytes are left over, or a section is out of order")
			return
		}
		before = tag
		switch entity(tag) {
		case entityRoom:
			rd.room(r)
		default:
			rd.fail("bytes are left over")
		}
	}
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
		if !p.moved() {
			rd.fail("a placement at rest is listed")
			return
		}
	}
	if count == 0 {
		rd.fail("a section is empty")
	}
}
