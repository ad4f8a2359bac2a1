package core

import "math/bits"

// The digest is a wrapping sum over entities, so that one entity can change
// without touching the rest. Slot numbers, tokens, heap order and counters stay
// out: two machines with equal digests decide alike from here on.

// entity separates the kinds of things that the digest sums over.
type entity uint64

const (
	entityRouter entity = 1 + iota
	entityPlacement
	entityEndpoint
	entityAttempt
	entityJourney // a request that may come again
	entityBudget  // of a placement's retries

	entityExtra  entity = 7 // what extra.go keeps of an endpoint
	entityRoom   entity = 8 // panic and adaptive limit of a placement
	entityTenant entity = 9 // attempt that counts for its tenant
)

func mixWord(h, w uint64) uint64 { return finalise(h + w + golden) }

func mixEntity(k entity, id, fields uint64) uint64 {
	return mixWord(mixWord(uint64(k), id), fields)
}

// Digest returns the hash of the whole state: epoch, configuration, drain,
// placements, endpoints and attempts in flight. The cost is that of what
// changed since the last call, and of a look at a word for 64 numbers.
func (r *Router) Digest() uint64 {
	for w, set := range r.touchedEndpoints {
		for ; set != 0; set &= set - 1 {
			r.mixEndpoint(int32(w<<6 + bits.TrailingZeros64(set)))
		}
		r.touchedEndpoints[w] = 0
	}
	for w, set := range r.touchedPlacements {
		for ; set != 0; set &= set - 1 {
			p := &r.placements[w<<6+bits.TrailingZeros64(set)]
			r.sum -= p.mixed
			p.mixed = p.mix()
			r.sum += p.mixed
		}
		r.touchedPlacements[w] = 0
	}
	return r.sum + r.mix()
}

func (r *Router) mixEndpoint(n int32) {
	e := &r.endpoints[n]
	r.sum -= e.mixed
	e.mixed = e.mix(r.timers.get(timerHealth, n), r.timers.get(timerHealthGuard, n))
	if int(n) < len(r.extras) && e.id != 0 {
		e.mixed += r.extras[n].mix(e.id)
	}
	r.sum += e.mixed
}

// marks is a set of numbers, a bit each: a mark is two words read and one
// written, with no branch and no call that a hot function would have to save its
// registers for.
type marks []uint64

// reserve makes room for numbers below n.
func (m *marks) reserve(n int) {
	for len(*m)<<6 < n {
		*m = append(*m, 0)
	}
}

func (m marks) add(n int32) { m[uint32(n)>>6] |= 1 << (uint32(n) & 63) }

func (r *Router) touchEndpoint(n int32)  { r.touchedEndpoints.add(n) }
func (r *Router) touchPlacement(n int32) { r.touchedPlacements.add(n) }

func (r *Router) mix() uint64 {
	h := mixEntity(entityRouter, r.epoch.Term, r.epoch.Number)
	if r.config != nil {
		h = mixWord(h, r.config.digest)
	}
	h = mixWord(h, uint64(r.abortFrom)<<1|bit(r.draining))
	return mixWord(h, uint64(r.timers.get(timerDrain, 0)))
}

func (p *placement) mix() uint64 {
	if p.id == 0 {
		return 0
	}
	h := mixEntity(entityPlacement, p.id, uint64(p.inFlight)<<32|uint64(p.guests)) + p.budget.mix(p.id)
	if a := p.adaptive; a != nil {
		h += a.mix(mixEntity(entityRoom, p.id, bit(p.panic)))
	} else if p.panic {
		h += mixEntity(entityRoom, p.id, 1)
	}
	return h
}

func (e *endpoint) mix(probe, guard Time) uint64 {
	if e.id == 0 {
		return 0
	}
	h := mixEntity(entityEndpoint, e.id, uint64(e.inFlight)<<1|bit(e.config >= 0))
	h = mixWord(h, uint64(e.rotation))
	h = e.breaker.mix(h)
	h = e.health.mix(h)
	return mixWord(mixWord(h, uint64(probe)), uint64(guard))
}
