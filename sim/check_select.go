package sim

import (
	"math/bits"

	"lockstep/core"
)

// Selection inside a placement (R10), from the rules: which of the endpoints
// that could serve was to be picked.

// The draws of core, by the numbers that its specification gives them.
const (
	coreChoice uint64 = 1 + iota
	coreSecondChoice
	coreOpenJitter
	coreHealthPhase
	coreHealthJitter
	coreRendezvous
)

// coreDraw is a draw of the router's.
func coreDraw(seed, who, attempt, purpose uint64) uint64 {
	h := finalise(seed + golden)
	for _, word := range [...]uint64{who, attempt, purpose} {
		h = finalise(h + word + golden)
	}
	return h
}

// coreIdentity is the hash that makes an endpoint the same one for ever.
func coreIdentity(placement, url string) uint64 {
	return finalise((hashString(placement) + golden) ^ hashString(url))
}

// pick returns the endpoint of a placement whose turn it is, whether the client
// is to be pinned to it, and books what its pick does to the credits; some
// endpoint is admissible. It runs before the attempt is booked. whole ignores panic.
func (c *checker) pick(ev *core.Event, row *core.PlacementInfo, whole bool) (n int32, pin bool) {
	list := c.admissible[:0]
	tests := c.placements[c.homeOf(row)].panicking && row.PanicDo != core.PanicAll && !whole
	for _, n := range c.shardOf(row, ev.Route.Key) {
		if c.obstacle(n, &row.Breaker) == free && (!tests || c.endpoints[n].state != core.Closed) {
			list = append(list, n)
		}
	}
	c.admissible = list
	list, own := c.narrowed(ev, row, list)
	if own >= 0 {
		return own, false
	}
	return c.turn(ev, row, list), row.Sticky.Cookie != ""
}

// turn is the endpoint that the policy picks.
func (c *checker) turn(ev *core.Event, row *core.PlacementInfo, list []int32) int32 {
	if len(list) == 1 {
		return list[0]
	}
	switch row.Select {
	case core.Ketama:
		return c.onRing(ev, row, list)
	case core.Maglev:
		return c.inTable(row, list, ev.Route.Key)
	case core.EWMA:
		return c.quicker(row, list, ev.Request)
	case core.LeastRequest:
		return c.lessLoaded(list, ev.Request)
	case core.Rendezvous:
		return c.highest(list, ev.Route.Key)
	case core.First:
		return list[0]
	}
	best := c.richest(list)
	for _, n := range list {
		c.endpoints[n].credit += int64(c.endpoints[n].weight)
		c.endpoints[best].credit -= int64(c.endpoints[n].weight)
	}
	return best
}

// richest is the endpoint with the largest credit once each has gained its weight.
func (c *checker) richest(list []int32) int32 {
	best, most, first := list[0], int64(0), c.endpoints[list[0]].weight
	for i, n := range list {
		e := &c.endpoints[n]
		switch credit := e.credit + int64(e.weight); {
		case i == 0 || credit > most:
			best, most = n, credit
		case credit == most:
			c.saw(SawTie)
		}
		if e.weight != first {
			c.saw(SawWeighted)
		}
	}
	return best
}

// lessLoaded is the one of two distinct hashed picks that has less to do for its weight.
func (c *checker) lessLoaded(list []int32, request uint64) int32 {
	c.saw(SawTwoChoices)
	one, two := c.twoOf(list, request)
	a, b := &c.endpoints[one], &c.endpoints[two]
	left, right := uint64(a.inFlight+1)*uint64(b.weight), uint64(b.inFlight+1)*uint64(a.weight)
	if left == right {
		c.saw(SawTie)
	}
	if right < left {
		return two
	}
	return one
}

// twoOf draws two distinct endpoints of a list, the earlier first.
func (c *checker) twoOf(list []int32, request uint64) (one, two int32) {
	all, attempt := uint64(len(list)), uint64(0)
	if c.asking != nil {
		attempt = uint64(c.asking.attempts)
	}
	a := below(coreDraw(c.r.seed, request, attempt, coreChoice), all)
	b := below(coreDraw(c.r.seed, request, attempt, coreSecondChoice), all-1)
	if b >= a {
		b++
	}
	return list[min(a, b)], list[max(a, b)]
}

// highest is the endpoint with the largest hash of key and identity; with
// unequal weights, the one with the smallest -log2 of that hash for its weight.
func (c *checker) highest(list []int32, key uint64) int32 {
	c.saw(SawRendezvous)
	even := true
	for _, n := range list {
		even = even && c.endpoints[n].weight == c.endpoints[list[0]].weight
	}
	best, bestHash := list[0], uint64(0)
	for i, n := range list {
		h := coreDraw(0, key, c.endpoints[n].identity, coreRendezvous)
		better := i == 0 || h > bestHash
		if !even && i > 0 {
			better = depth(h)*uint64(c.endpoints[best].weight) < depth(bestHash)*uint64(c.endpoints[n].weight)
		}
		if better {
			best, bestHash = n, h
		}
	}
	return best
}

// depth is -log2((h+1) / 2^64) in steps of 2^-24. It narrows the binary
// logarithm of h, written as 1.x, one bit at a time: squaring 1.x doubles it.
func depth(h uint64) uint64 {
	if h != 1<<64-1 {
		h++
	}
	whole := uint64(bits.Len64(h) - 1)
	x, fraction := h<<(63-whole), uint64(0)
	for range 24 {
		square, rest := bits.Mul64(x, x)
		fraction *= 2
		if square < 1<<63 {
			x = square<<1 + rest>>63
		} else {
			x, fraction = square, fraction+1
		}
	}
	return 64<<24 - whole<<24 - fraction
}

// rotations clears the credits of a placement whose own endpoints, weights or
// policy are not those of before, and keeps all others.
func (c *checker) rotations(old *core.Config) {
	for i := range c.rows {
		row := &c.rows[i]
		if old != nil && sameSelection(old, c.config, row) {
			continue
		}
		for _, n := range c.numbers[row.FirstEP:row.EndEP] {
			c.endpoints[n].credit = 0
		}
	}
}

func sameSelection(old, now *core.Config, row *core.PlacementInfo) bool {
	i, known := old.FindPlacement(row.Name)
	if !known {
		return false
	}
	was := old.Placement(i)
	if was.Select != row.Select || was.EndEP-was.FirstEP != row.EndEP-row.FirstEP {
		return false
	}
	for k := range row.EndEP - row.FirstEP {
		a, b := old.Endpoint(was.FirstEP+k), now.Endpoint(row.FirstEP+k)
		if a.URL != b.URL || a.Weight != b.Weight {
			return false
		}
	}
	return true
}

// saw books a situation that only a checker can see.
func (c *checker) saw(s Situation) { c.w.result.Sometimes.add(s) }
