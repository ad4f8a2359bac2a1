package core

import (
	"math"
	"math/bits"
)

// Selection inside a placement (R10): given the admissible endpoints, in the
// order of the configuration, pick one. Picking changes nothing; commit does.

// choose selects one of r.admissible in the placement of v.
func (r *Router) choose(now Time, p *placementConfig, ev *Event, v *verdict) {
	if p.narrows && r.narrow(now, p, ev, v) {
		return
	}
	if p.selection == RoundRobin {
		v.endpoint, v.rotates = r.admissible[r.pickRotation(r.admissible)], len(r.admissible)
	} else {
		v.endpoint = r.admissible[r.pick(now, p, r.admissible, ev)]
	}
}

// pick returns the position in admissible of the endpoint to use.
func (r *Router) pick(now Time, p *placementConfig, admissible []int32, ev *Event) int {
	if len(admissible) == 1 {
		return 0
	}
	switch p.selection {
	case LeastRequest:
		return r.pickLeast(admissible, ev)
	case Rendezvous:
		return r.pickRendezvous(p, admissible, ev.Route.Key)
	case First:
		return 0
	case Ketama:
		return r.pickKetama(p, admissible, ev)
	case Maglev:
		return r.pickMaglev(p, admissible, ev.Route.Key)
	case EWMA:
		return r.pickFastest(now, p, admissible, ev)
	}
	return 0 // round_robin is choose's own: pickRotation
}

// pickRotation is smooth weighted round robin (nginx's): the one whose credit,
// its share of this round included, is largest; ties to the earlier.
func (r *Router) pickRotation(admissible []int32) int {
	endpoints, best, credit := r.endpoints, 0, int64(math.MinInt64)
	for i, n := range admissible {
		e := &endpoints[n]
		c := e.rotation + int64(e.weight)
		// No branch: whose turn it is, a processor cannot guess.
		later := bit(c > credit)
		best += int(later) * (i - best)
		credit = max(credit, c)
	}
	return best
}

// rotate commits a pick of pickRotation.
//
//go:noinline
func (r *Router) rotate(admissible []int32, chosen int32) {
	endpoints, touched, total := r.endpoints, r.touchedEndpoints, int64(0)
	for _, n := range admissible {
		e := &endpoints[n]
		e.rotation += int64(e.weight)
		total += int64(e.weight)
		touched.add(n)
	}
	endpoints[chosen].rotation -= total
}

// pickLeast is the power of two choices (Mitzenmacher 2001): of two distinct
// hashed picks the one with fewer requests for its weight; ties to the earlier.
func (r *Router) pickLeast(admissible []int32, ev *Event) int {
	a, b := r.twoOf(uint64(len(admissible)), ev)
	x, y := &r.endpoints[admissible[a]], &r.endpoints[admissible[b]]
	if (int64(y.inFlight)+1)*int64(x.weight) < (int64(x.inFlight)+1)*int64(y.weight) {
		return int(b)
	}
	return int(a)
}

// twoOf draws two distinct places below n, the smaller first.
func (r *Router) twoOf(n uint64, ev *Event) (uint64, uint64) {
	attempt := uint64(0)
	if ev.again != nil {
		attempt = uint64(ev.again.attempts)
	}
	a := below(draw(r.seed, ev.Request, attempt, purposeChoice), n)
	b := below(draw(r.seed, ev.Request, attempt, purposeSecondChoice), n-1)
	if b >= a {
		b++
	}
	return min(a, b), max(a, b)
}

// pickRendezvous is highest random weight (Thaler, Ravishankar 1998). It takes
// no seed: every router of a fleet sends a key to the same endpoint.
func (r *Router) pickRendezvous(p *placementConfig, admissible []int32, key uint64) int {
	best, bestHash, bestLog, bestWeight := 0, uint64(0), uint64(0), uint64(0)
	for i, n := range admissible {
		e := &r.endpoints[n]
		h := draw(0, key, e.id, purposeRendezvous)
		if !p.weighted {
			if i == 0 || h > bestHash {
				best, bestHash = i, h
			}
			continue
		}
		// Weighted: the smallest -log2(u)/weight wins, compared crosswise.
		l := negLog2(h)
		if i == 0 || l*bestWeight < bestLog*uint64(e.weight) {
			best, bestLog, bestWeight = i, l, uint64(e.weight)
		}
	}
	return best
}

// negLog2 returns -log2((h+1)/2^64) in units of 2^-24, rounded up, by repeated
// squaring: integers only, so that every architecture agrees. At most 64x2^24.
func negLog2(h uint64) uint64 {
	zeros := bits.LeadingZeros64(h | 1)
	x := (h | 1) << zeros // 1.x in 1.63 fixed point
	var frac uint64
	for range 24 {
		hi, lo := bits.Mul64(x, x) // 2.126
		frac <<= 1
		if hi>>63 == 1 {
			frac |= 1
			x = hi
		} else {
			x = hi<<1 | lo>>63
		}
	}
	return uint64(zeros+1)<<24 - frac
}
