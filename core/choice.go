package core

import "math/bits"

// Choosing among admissible endpoints beyond a plain policy (R10): the client's
// own endpoint, slow start, bounded load, shards. Each narrows the list; then
// the policy picks.

// choice is what a placement has set of it, and the tables that its policy reads.
type choice struct {
	sticky    StickySpec
	slowStart Duration
	decay     Duration
	bound     uint32 // percent
	shards    uint32
	ring      []ringPoint
	table     []uint16 // maglev: place of an endpoint in the placement
}

// choice fills in and checks what a placement says of selection.
func (c *compiler) choice(p *PlacementSpec, path string, out *placementConfig) {
	x := &out.choice
	*x = choice{sticky: p.Sticky, slowStart: p.SlowStart, bound: p.Bound, shards: p.Shards, decay: p.Decay}
	if x.bound != 0 && !p.Select.Hashing() {
		c.fail(path+".bound", "does nothing under "+p.Select.String(), "use it with rendezvous, ketama or maglev, or remove it")
	}
	if x.bound != 0 && (x.bound <= 100 || x.bound > 1000) {
		c.fail(path+".bound", "is outside 101 % to 1000 % of an even share", "use 125%")
	}
	if x.decay != 0 && p.Select != EWMA {
		c.fail(path+".decay", "does nothing under "+p.Select.String(), "use it with ewma, or remove it")
	}
	if p.Select == EWMA {
		c.timeout(&x.decay, 10*Second, path+".decay")
	}
	if x.slowStart != 0 {
		c.duration(x.slowStart, path+".slow_start")
	}
	if x.shards > MaxShards || int(x.shards) > len(p.Endpoints) {
		c.fail(path+".shards", "is above the number of endpoints, or above 16", "use fewer endpoints for each key than there are, such as 2")
	}
	c.sticky(x.sticky, path+".sticky")
	out.sharded = x.shards != 0
	out.narrows = x.sticky.Cookie != "" || x.slowStart != 0 || x.bound != 0
	measured := p.Select == EWMA || out.breaker.SlowRatio != 0 && !out.breaker.Off
	out.timed = measured || p.Limit.Adaptive.On()
	if measured || x.slowStart != 0 || out.breaker.Window != 0 || p.Select == Ketama || p.Select == Maglev {
		c.config.extras = true
	}
}

func (c *compiler) sticky(s StickySpec, path string) {
	if s.Cookie == "" {
		if s.TTL != 0 {
			c.fail(path+".ttl", "does nothing without cookie", "name the cookie")
		}
		return
	}
	for i := 0; i < len(s.Cookie); i++ {
		if !tokenChar(s.Cookie[i]) {
			c.fail(path+".cookie", "is not a cookie's name", "use letters, digits, - and _")
			break
		}
	}
	if len(s.Cookie) > 64 {
		c.fail(path+".cookie", "is longer than 64 characters", "use a shorter name")
	}
	if s.TTL != 0 && (s.TTL < Second || s.TTL > 400*24*3600*Second || s.TTL%Second != 0) {
		c.fail(path+".ttl", "is not a whole number of seconds up to 400 days", "write 1h, or leave it out for the browser's session")
	}
}

// tokenChar accepts what RFC 9110 allows in a token.
func tokenChar(b byte) bool {
	switch {
	case b >= '0' && b <= '9', b >= 'A' && b <= 'Z', b >= 'a' && b <= 'z':
		return true
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		if b == c {
			return true
		}
	}
	return false
}

// Tags of the Config's hash for what this file and window.go added; 1 is config.go's.
const (
	tagRatio uint64 = 70 + iota
	tagBound
	tagDecay
	tagSlowStart
	tagShards
	tagSticky
)

// hashChoice folds what is set, each behind its tag.
func (p *placementConfig) hashChoice(f *fold) {
	if b := &p.breaker; b.Window != 0 {
		f.word(tagRatio)
		f.word(uint64(b.FailureRatio)<<32 | uint64(b.SlowRatio))
		f.word(uint64(b.Window))
		f.word(uint64(b.MinRequests))
		f.word(uint64(b.SlowCall))
	}
	x := &p.choice
	for _, t := range [...]struct{ tag, value uint64 }{
		{tagBound, uint64(x.bound)}, {tagDecay, uint64(x.decay)}, {tagSlowStart, uint64(x.slowStart)}, {tagShards, uint64(x.shards)},
	} {
		if t.value != 0 {
			f.word(t.tag)
			f.word(t.value)
		}
	}
	if x.sticky.Cookie != "" {
		f.word(tagSticky)
		f.string(x.sticky.Cookie)
		f.word(uint64(x.sticky.TTL))
	}
}

// narrow shortens r.admissible, never to nothing. It reports true when the
// client's own endpoint is there: then that one serves, and no policy is asked.
func (r *Router) narrow(now Time, p *placementConfig, ev *Event, v *verdict) bool {
	if p.choice.sticky.Cookie != "" {
		for _, n := range r.admissible {
			if ev.Prefer != 0 && r.endpoints[n].id == ev.Prefer {
				v.endpoint = n
				return true
			}
		}
		v.pin = true
	}
	if p.choice.slowStart != 0 {
		r.thin(now, p, ev)
	}
	if p.choice.bound != 0 {
		r.bounded(p, v.placement)
	}
	return false
}

// thin takes endpoints in their slow start out of the list for all but a
// growing share of requests, by key where the policy hashes keys; if that
// leaves none, all stay.
func (r *Router) thin(now Time, p *placementConfig, ev *Event) {
	who, seed := ev.Request, r.seed
	if p.selection.Hashing() {
		who, seed = ev.Route.Key, 0
	}
	kept := 0
	for i, n := range r.admissible {
		x := &r.extras[n]
		if share := rampShare(now, x.warm, p.choice.slowStart); share < 1000 &&
			below(draw(seed, who, r.endpoints[n].id, purposeSlowStart), 1000) >= share {
			continue
		}
		r.admissible[kept], r.admissible[i] = n, r.admissible[kept]
		kept++
	}
	if kept > 0 {
		r.admissible = r.admissible[:kept]
	}
}

// rampShare is the share in thousandths that an endpoint takes of its full
// share: a tenth at first, then in proportion to the time since.
func rampShare(now, warm Time, slowStart Duration) uint64 {
	if warm == 0 || now.Sub(warm-1) >= slowStart {
		return 1000
	}
	return max(100, uint64(now.Sub(warm-1))*1000/uint64(slowStart))
}

// warm begins the slow start of endpoint n, if its placement has one and this is an occasion.
func (r *Router) warm(now Time, n int32, occasion bool) {
	e := &r.endpoints[n]
	if occasion && e.config >= 0 && r.config.placements[r.placements[e.placement].config].choice.slowStart != 0 {
		r.extras[n].warm = now + 1
	}
}

// bounded keeps the endpoints that one request more does not take over bound
// percent of their share, by weight, of what is in flight in the placement.
// The bounds add up to more than that, so one is always left.
func (r *Router) bounded(p *placementConfig, placement int32) {
	var weights uint64
	for _, n := range r.admissible {
		weights += uint64(r.endpoints[n].weight)
	}
	load := (uint64(r.placements[placement].inFlight) + 1) * uint64(p.choice.bound)
	kept := 0
	for i, n := range r.admissible {
		e := &r.endpoints[n]
		limit := (load*uint64(e.weight) + 100*weights - 1) / (100 * weights)
		if uint64(e.inFlight)+1 <= limit {
			r.admissible[kept], r.admissible[i] = n, r.admissible[kept]
			kept++
		}
	}
	if kept > 0 {
		r.admissible = r.admissible[:kept]
	}
}

// surveyShard is survey over the endpoints of the key's shard alone: those of
// the placement with the largest hashes of key and identity, in configuration
// order. Whatever becomes of them, a key never leaves its shard.
func (r *Router) surveyShard(p *placementConfig, state *placement, now Time, key uint64) survey {
	var best [MaxShards]uint64 // the largest hashes, largest first
	k := int(p.choice.shards)
	for i := p.first; i < p.end; i++ {
		h := draw(0, key, r.config.endpoints[i].id, purposeShard)
		at := k
		for at > 0 && h > best[at-1] {
			at--
		}
		if at < k {
			copy(best[at+1:k], best[at:k-1])
			best[at] = h
		}
	}
	s := survey{breaker: -1, health: -1}
	blind := state.panic && p.panicDo == PanicAll
	r.admissible = r.found[:0]
	for i, left := p.first, k; i < p.end && left > 0; i++ {
		if draw(0, key, r.config.endpoints[i].id, purposeShard) >= best[k-1] {
			r.look(&s, r.numbers.endpoint[i], p, now, blind)
			left--
		}
	}
	r.found, s.admissible = r.admissible, len(r.admissible)
	return s
}

// look enters endpoint n into a survey.
func (r *Router) look(s *survey, n int32, p *placementConfig, now Time, blind bool) {
	switch r.block(&r.endpoints[n], p, now, blind) {
	case BlockNone:
		r.admissible = append(r.admissible, n)
	case BlockBreaker:
		if s.breaker < 0 {
			s.breaker = n
		}
	case BlockHealth:
		if e := &r.endpoints[n]; s.health < 0 && e.inFlight < e.limit {
			s.health = n
		}
	case BlockCap:
		s.capped = true
	}
}

// maxCost is the longest latency that ewma tells apart, 18 minutes.
const maxCost = 1 << 40

// measure books how long an attempt took. A failure never makes an endpoint
// look faster than it was: refusing at once is no virtue.
func (r *Router) measure(now Time, n int32, took Duration, effect Effect) {
	e := &r.endpoints[n]
	p := &r.config.placements[r.placements[e.placement].config]
	if p.selection != EWMA {
		return
	}
	x := &r.extras[n]
	sample := min(max(int64(took), 1), maxCost)
	if effect == EffectFailure {
		if x.cost == 0 {
			return
		}
		sample = max(sample, x.cost)
	}
	if sample < x.cost { // slower counts at once, faster by and by
		since := now.Sub(x.costAt)
		sample += halved(x.cost, since, p.choice.decay) - halved(sample, since, p.choice.decay)
	}
	x.cost, x.costAt = sample, now
	r.touchEndpoint(n)
}

// halved is v after a time: half of it after each half-life, in a straight
// line between. v is at most maxCost.
func halved(v int64, since, half Duration) int64 {
	times := since / half
	if times >= 63 {
		return 0
	}
	v >>= times
	hi, lo := bits.Mul64(uint64(v), uint64(since%half))
	off, _ := bits.Div64(hi, lo, 2*uint64(half))
	return v - int64(off)
}

// pickFastest is peak EWMA (Finagle's) over two distinct hashed picks: the one
// whose latency times (in flight + 1) is smaller for its weight; ties to the
// earlier. Where either has no latency left, those in flight decide alone.
func (r *Router) pickFastest(now Time, p *placementConfig, admissible []int32, ev *Event) int {
	a, b := r.twoOf(uint64(len(admissible)), ev)
	x, y := &r.endpoints[admissible[a]], &r.endpoints[admissible[b]]
	i, j := &r.extras[admissible[a]], &r.extras[admissible[b]]
	ci, cj := halved(i.cost, now.Sub(i.costAt), p.choice.decay), halved(j.cost, now.Sub(j.costAt), p.choice.decay)
	if ci == 0 || cj == 0 {
		ci, cj = 1, 1
	}
	h1, l1 := bits.Mul64(uint64(ci)*(uint64(x.inFlight)+1), uint64(y.weight))
	h2, l2 := bits.Mul64(uint64(cj)*(uint64(y.inFlight)+1), uint64(x.weight))
	if h2 < h1 || h2 == h1 && l2 < l1 {
		return int(b)
	}
	return int(a)
}
