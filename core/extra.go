package core

// What some policies must know of an endpoint beyond its breaker and health: the
// window of R6, the slow start and the latency of R10. It lies apart from the
// endpoints, so that a configuration that uses none of it pays nothing.

type extra struct {
	window window
	warm   Time   // 1 + when its slow start began; 0 for none
	cost   int64  // ewma: latency in ns, at most maxCost; 0 until one was measured
	costAt Time   // when cost was last measured
	stamp  uint32 // scratch: the selection that marked it
	at     int32  // scratch: its place among the admissible ones of that selection
}

// mix is the part of the digest; what is at rest adds nothing.
func (x *extra) mix(id uint64) uint64 {
	if x.warm == 0 && x.cost == 0 && x.window.total[0] == 0 {
		return 0
	}
	h := mixEntity(entityExtra, id, uint64(x.warm))
	h = mixWord(mixWord(h, uint64(x.cost)), uint64(x.costAt))
	if x.window.total[0] == 0 {
		return h
	}
	h = mixWord(h, uint64(x.window.head))
	for i := range x.window.buckets {
		b := &x.window.buckets[i]
		h = mixWord(mixWord(h, uint64(b.requests)), uint64(b.failures)<<32|uint64(b.slow))
	}
	return h
}

// reserveExtras makes room for n endpoints if c, or what was adopted before, needs it.
func (r *Router) reserveExtras(c *Config, n int) {
	if c.extras || len(r.extras) > 0 {
		r.extras = growTo(r.extras, n)
	}
}

// useExtras gives every endpoint number its extra from the first configuration on that needs one.
func (r *Router) useExtras(c *Config) {
	for c.extras && len(r.extras) < len(r.endpoints) {
		r.extras = append(r.extras, extra{})
	}
}

// keepExtra carries endpoint n's extra from one configuration to the next. What
// is switched off is forgotten. Another trip mode of a closed breaker is a new
// generation: what was counted by another measure says nothing (R6).
func (r *Router) keepExtra(n int32, was, p *placementConfig) {
	if b := &r.endpoints[n].breaker; !sameTripMode(&was.breaker, &p.breaker) && b.state == Closed && !p.breaker.Off {
		b.gen++
		b.failures = 0
	}
	if int(n) >= len(r.extras) {
		return
	}
	x := &r.extras[n]
	if p.breaker.Off || !sameTripMode(&was.breaker, &p.breaker) {
		x.window = window{}
	}
	if p.choice.slowStart == 0 {
		x.warm = 0
	}
	if p.selection != EWMA {
		x.cost, x.costAt = 0, 0
	}
}

// clearExtra forgets what an endpoint that leaves had.
func (r *Router) clearExtra(n int32) {
	if int(n) < len(r.extras) {
		r.extras[n] = extra{}
	}
}

// extras writes section 7: endpoints whose extra is not at rest, then attempts that are timed.
func (w *writer) extras(r *Router) {
	endpoints, attempts := 0, 0
	for n := range r.extras {
		endpoints += int(bit(r.endpoints[n].id != 0 && r.extras[n].mix(1) != 0))
	}
	for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
		attempts += int(bit(r.slots.at(n).began != 0))
	}
	if endpoints+attempts == 0 {
		return
	}
	w.uint(uint64(entityExtra))
	w.uint(uint64(endpoints))
	for n := range r.extras {
		if r.endpoints[n].id != 0 && r.extras[n].mix(1) != 0 {
			w.extra(n, &r.extras[n])
		}
	}
	w.uint(uint64(attempts))
	for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
		if s := r.slots.at(n); s.began != 0 {
			w.uint(uint64(n))
			w.time(s.began)
		}
	}
}

func (w *writer) extra(n int, x *extra) {
	w.uint(uint64(n))
	w.time(x.warm)
	w.uint(uint64(x.cost))
	w.time(x.costAt)
	if x.window.total[0] == 0 {
		w.uint(0)
		return
	}
	w.uint(1)
	w.uint(uint64(x.window.head))
	for i := range x.window.buckets {
		b := &x.window.buckets[i]
		w.uint(uint64(b.requests))
		w.uint(uint64(b.failures))
		w.uint(uint64(b.slow))
	}
}

// extras reads section 7.
func (rd *reader) extras(r *Router) {
	last := -1
	for range rd.uint(uint64(len(rd.b))) {
		if len(r.extras) == 0 {
			rd.fail("it has windows that its configuration does not use")
			return
		}
		n := int(rd.uint(max24))
		if rd.err != nil || n <= last || n >= len(r.endpoints) || r.endpoints[n].id == 0 {
			rd.fail("a window belongs to no endpoint")
			return
		}
		if n >= len(r.extras) {
			rd.fail("it has windows that its configuration does not use")
			return
		}
		last = n
		rd.extra(&r.extras[n], uint64(r.now))
	}
	for range rd.uint(uint64(len(rd.b))) {
		n := uint32(rd.uint(MaxInFlight - 1))
		began := Time(rd.uint(uint64(r.now) + 1))
		if rd.err != nil || n >= uint32(len(r.slots.chunks))<<chunkBits || r.slots.at(n).gen == 0 || r.slots.at(n).state == slotWaiting || r.slots.at(n).began != 0 || began == 0 {
			rd.fail("a time belongs to no attempt")
			return
		}
		s := r.slots.at(n)
		s.began = began
		r.remix(s)
	}
}

// extra reads one extra; nothing in it is later than now.
func (rd *reader) extra(x *extra, now uint64) {
	x.warm = Time(rd.uint(now + 1))
	x.cost = int64(rd.uint(maxCost))
	x.costAt = Time(rd.uint(now))
	if !rd.bool() {
		return
	}
	w := &x.window
	w.head = int64(rd.uint(now))
	for i := range w.buckets {
		b := &w.buckets[i]
		*b = tally{uint32(rd.uint(max32)), uint32(rd.uint(max32)), uint32(rd.uint(max32))}
		if b.failures > b.requests || b.slow > b.requests {
			rd.fail("a window has more failures or slow calls than requests")
		}
		w.total[0] += uint64(b.requests)
		w.total[1] += uint64(b.failures)
		w.total[2] += uint64(b.slow)
	}
	if w.total[0] == 0 {
		rd.fail("a window is written and empty")
	}
}
