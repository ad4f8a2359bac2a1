package sim

import (
	"fmt"
	"slices"

	"lockstep/core"
)

// What narrows a selection (R10), from the rules: shards, the client's own
// endpoint, slow start, bounded load.

// More draws of core's, by their numbers in the specification.
const (
	coreSlowStart    uint64 = 9
	coreShard        uint64 = 10
	coreMaglevTable  uint64 = 11
	coreMaglevLookup uint64 = 12
)

// shardOf lists the numbers of the endpoints that a key may use, in configuration order.
func (c *checker) shardOf(row *core.PlacementInfo, key uint64) []int32 {
	own := c.numbers[row.FirstEP:row.EndEP]
	if row.Shards == 0 {
		return own
	}
	c.saw(SawShard)
	ranked := slices.Clone(own)
	slices.SortStableFunc(ranked, func(a, b int32) int {
		x, y := coreDraw(0, key, c.endpoints[a].identity, coreShard), coreDraw(0, key, c.endpoints[b].identity, coreShard)
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	ranked = ranked[:row.Shards]
	return slices.DeleteFunc(slices.Clone(own), func(n int32) bool { return !slices.Contains(ranked, n) })
}

// warm begins an endpoint's slow start, where its placement has one.
func (e *endpointModel) warm(now core.Time, row *core.PlacementInfo) {
	if row.SlowStart > 0 {
		e.warming, e.warmAt = true, now
	}
}

// narrowed is the list that a policy is asked about; own is the client's own
// endpoint if it is on it, else -1.
func (c *checker) narrowed(ev *core.Event, row *core.PlacementInfo, list []int32) (left []int32, own int32) {
	if row.Sticky.Cookie != "" && ev.Prefer != 0 {
		for _, n := range list {
			if c.endpoints[n].identity == ev.Prefer {
				c.saw(SawSticky)
				return list, n
			}
		}
	}
	if row.SlowStart > 0 {
		ready := func(n int32) bool { return c.ready(ev, row, n) }
		if slices.ContainsFunc(list, ready) {
			list = slices.DeleteFunc(slices.Clone(list), func(n int32) bool { return !ready(n) })
		}
	}
	if row.Bound > 0 {
		list = c.underBound(row, list)
	}
	return list, -1
}

// ready says whether an endpoint in its slow start takes this request.
func (c *checker) ready(ev *core.Event, row *core.PlacementInfo, n int32) bool {
	e := &c.endpoints[n]
	age := c.now.Sub(e.warmAt)
	if !e.warming || age >= row.SlowStart {
		return true
	}
	c.saw(SawSlowStart)
	seed, who := c.r.seed, ev.Request
	switch row.Select {
	case core.Rendezvous, core.Ketama, core.Maglev:
		seed, who = 0, ev.Route.Key
	}
	return below(coreDraw(seed, who, e.identity, coreSlowStart), 1000) < max(100, uint64(age)*1000/uint64(row.SlowStart))
}

// underBound keeps those that one request more does not take over their part.
func (c *checker) underBound(row *core.PlacementInfo, list []int32) (left []int32) {
	weights := uint64(0)
	for _, n := range list {
		weights += uint64(c.endpoints[n].weight)
	}
	total := uint64(c.placements[c.endpoints[list[0]].placement].inFlight) + 1
	for _, n := range list {
		e := &c.endpoints[n]
		part := uint64(row.Bound) * total * uint64(e.weight)
		most := part / (100 * weights)
		if part%(100*weights) > 0 {
			most++
		}
		if uint64(e.inFlight) < most {
			left = append(left, n)
		}
	}
	if len(left) < len(list) {
		c.saw(SawBound)
	}
	if left == nil {
		c.fail("R10", c.endpoints[list[0]].placement, -1, "bound", "the bound leaves no endpoint, which cannot be")
		return list
	}
	return left
}

// clocked takes over the latency of an attempt that ended (R10, ewma).
func (c *checker) clocked(e *endpointModel, a *attemptModel, row *core.PlacementInfo, what core.Effect) {
	d, timed := a.took(c.now)
	if !timed || row.Select != core.EWMA || what == core.EffectExcluded || what == core.EffectFailure && e.latency == 0 {
		return
	}
	sample := min(max(int64(d), 1), 1<<40)
	if what == core.EffectFailure {
		sample = max(sample, e.latency)
	}
	if sample < e.latency {
		age := c.now.Sub(e.latencyAt)
		sample += faded(e.latency, age, row.Decay) - faded(sample, age, row.Decay)
	}
	e.latency, e.latencyAt = sample, c.now
}

// faded is a latency of a while ago: halved for each half-life, and in a line within one.
func faded(v int64, age, half core.Duration) int64 {
	for ; age >= half && v > 0; age -= half {
		v /= 2
	}
	if v == 0 {
		return 0
	}
	// v x age / (2 half) without a product above 64 bits: both factors are cut into two digits.
	const digit = 1 << 20
	whole, rest := age/digit, age%digit
	d := 2 * half
	q, r := int64(0), int64(0)
	for _, part := range [...]int64{int64(whole), int64(rest)} {
		// q, r = (q x d + r) x digit + v x part, divided by d
		hi := r * digit
		q, r = q*digit+hi/int64(d), hi%int64(d)
		pq, pr := mulDiv(v, part, int64(d))
		q, r = q+pq, r+pr
		q, r = q+r/int64(d), r%int64(d)
	}
	return v - q
}

// mulDiv returns the quotient and remainder of a x b by d, by doubling.
func mulDiv(a, b, d int64) (q, r int64) {
	for bit := 62; bit >= 0; bit-- {
		q, r = 2*q, 2*r
		if b>>bit&1 == 1 {
			r += a
		}
		q, r = q+r/d, r%d
	}
	return q, r
}

// quicker is the one of two distinct hashed picks with the smaller latency for its load and weight.
func (c *checker) quicker(row *core.PlacementInfo, list []int32, request uint64) int32 {
	c.saw(SawEWMA)
	one, two := c.twoOf(list, request)
	a, b := &c.endpoints[one], &c.endpoints[two]
	x, y := uint64(faded(a.latency, c.now.Sub(a.latencyAt), row.Decay)), uint64(faded(b.latency, c.now.Sub(b.latencyAt), row.Decay))
	if x == 0 || y == 0 {
		x, y = 1, 1
	}
	left := product(x, uint64(a.inFlight+1), uint64(b.weight))
	right := product(y, uint64(b.inFlight+1), uint64(a.weight))
	if right[0] < left[0] || right[0] == left[0] && right[1] < left[1] {
		return two
	}
	return one
}

// comparePin judges whether a forward asks for the cookie.
func (c *checker) comparePin(d *core.Decision, want bool) {
	if d.Pin != want {
		c.failEndpoint("R10", d.Endpoint, "sticky", fmt.Sprintf("the cookie is set: %t, by the rules: %t", d.Pin, want))
	}
}
