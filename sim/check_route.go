package sim

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"math/bits"
	"slices"

	"lockstep/core"
)

// Which request goes where (R1-R5): the checker evaluates every arrival on its
// own model and compares the decision.

// ruling is what the rules say of one arrival.
type ruling struct {
	class     core.Class // ClassNone: forward
	early     bool       // refused before any candidate was looked at
	placement int32      // number
	failover  core.Failover
	resort    int32 // Forward: the one endpoint that may serve, by last resort; -1 for any admissible one
	chosen    bool  // Forward: by last resort, one of a placement in panic, by its selection
	panicked  bool  // refused because a placement is in panic
	breaker   int32 // CircuitOpen: the first endpoint, in candidate order, that its breaker blocks
	wait      bool  // it waits in placement's queue
	exhausted bool  // no candidate decided
}

// before judges an arrival before the router sees it: where its key, which has
// a number in world.keys or is -1, belongs, and what the ruling will be.
func (c *checker) before(ev *core.Event, key int32) {
	c.now = c.r.now()
	if c.config != nil {
		c.checkRoute(ev, key)
	}
	if c.r.core.Deadline() <= c.now {
		return // what fires first may change the ruling
	}
	c.rule(ev)
	if c.ruling.class != core.ClassNone {
		c.remember()
	}
}

// rule works out the ruling of an arrival.
func (c *checker) rule(ev *core.Event) {
	c.ruled = true
	c.ruling = ruling{class: c.precheck(ev), early: true}
	if c.ruling.class == core.ClassNone {
		c.ruling = c.evaluate(int(ev.Route.Placement), ev)
	}
}

func (c *checker) arrive(ev *core.Event, d *core.Decision) {
	if !c.ruled {
		c.rule(ev)
	}
	if want := c.ruling.class; c.ruling.early {
		if d.Kind != core.Reject || d.Class != want {
			c.fail(ruleOf(want), -1, -1, "", fmt.Sprintf("a request got %s %s, it should be refused as %s", d.Kind, d.Class, want))
		} else if c.config != nil {
			c.checkRefusal(ev, d)
		}
		return
	}
	switch {
	case d.Kind == core.Queued && c.ruling.wait && d.Placement == c.ruling.placement:
		c.queued(c.begins(ev, d), d)
	case d.Kind == core.Queued:
		c.fail("R5", d.Placement, -1, "limit.when_full", "a request waits, by the rules it is "+c.ruling.String())
		c.queued(c.begins(ev, d), d)
	case d.Kind == core.Reject:
		c.refused(ev, d, &c.ruling)
	default:
		c.forwarded(ev, d, &c.ruling)
	}
}

// precheck names what is refused whatever the endpoints are doing.
func (c *checker) precheck(ev *core.Event) core.Class {
	switch {
	case ev.Route.Refuse == core.NoKey:
		return core.NoKey
	case c.draining:
		return core.Draining
	case c.config == nil:
		return core.NotReady
	case ev.Route.Refuse == core.UnknownKey:
		return core.UnknownKey
	}
	if limit := c.rows[ev.Route.Placement].BodyMax; limit > 0 && ev.Length > limit {
		return core.BodyTooLarge
	}
	return core.ClassNone
}

// obstacle is why an endpoint may not take a request.
type obstacle uint8

const (
	free obstacle = iota
	byBreaker
	byHealth
	byCap
	byTrial // the request has tried it
)

func (c *checker) obstacle(n int32, b *core.BreakerSpec) obstacle {
	e := &c.endpoints[n]
	switch {
	case e.state == core.Open && c.now < e.until, e.state == core.HalfOpen && len(e.probes) >= int(b.Probes):
		return byBreaker
	case e.unhealthy && !c.blind(e):
		return byHealth
	case e.full():
		return byCap
	case c.fresh && slices.Contains(c.asking.tried, e.identity):
		return byTrial
	}
	return free
}

// blind reports whether an endpoint's placement ignores health, in panic.
func (c *checker) blind(e *endpointModel) bool {
	p := &c.placements[e.placement]
	return p.panicking && c.rows[p.index].PanicDo == core.PanicAll
}

// stand is how a candidate stands to one request.
type stand struct {
	usable          bool  // an endpoint could serve
	broken, sick    int32 // the first that its breaker and that only health blocks, -1 for none
	sound           bool  // panic passes over endpoints that could serve
	silent          bool  // panic refuses
	roomy           bool  // there is room, caps of endpoints apart
	capped          bool  // its endpoints' caps are what makes it full
	guestFull, full bool
	short           core.Class // with what the want of room refuses
}

func (c *checker) standing(row *core.PlacementInfo, number int32, ev *core.Event, guest bool) (x stand) {
	var capped bool
	x.usable, x.broken, x.sick, capped = c.survey(row, ev.Route.Key)
	x.guestFull, x.full = c.room(row, number, guest)
	x.short = core.LimitReached
	if !x.guestFull && !x.full {
		if class := c.ration(row, number, ev, guest); class != core.ClassNone {
			// A guest without a share goes on, as one over the cap does.
			x.short, x.guestFull, x.full = class, guest, !guest
		}
	}
	if !x.guestFull && len(c.journeys) > 0 && (guest || !c.itsTurn && !c.newestFirst(row, number, 1)) && c.waitingAt(number) > 0 {
		x.full = true // nobody overtakes
	}
	x.roomy = !x.guestFull && !x.full
	if c.placements[number].panicking && row.PanicDo != core.PanicAll {
		if x.usable, x.sound = c.onlyTests(row, ev.Route.Key); x.usable {
			x.sound = false
			return x
		}
		if x.silent = row.PanicDo == core.PanicFail; x.silent {
			c.saw(SawPanicRefusal)
		}
		_, x.broken, x.sick = c.blocks(row, ev.Route.Key)
		return x
	}
	if !x.usable && x.broken < 0 && capped {
		x.usable, x.full, x.capped = true, true, true // R3: only its caps are in the way, so it is full
		c.saw(SawCapFull)
	}
	return x
}

// evaluate walks the candidates of a home placement.
func (c *checker) evaluate(home int, ev *core.Event) ruling {
	out := ruling{resort: -1, placement: c.homes[home], breaker: -1}
	resort := ruling{resort: -1}
	anyHealth, resorted, lacking := false, false, core.ClassNone
	for i, at := range c.rows[home].Candidates {
		row, number := &c.rows[at], c.homes[at]
		x := c.standing(row, number, ev, i > 0)
		switch {
		case x.silent:
			return ruling{class: core.NoEndpoint, placement: number, failover: out.failover, resort: -1, panicked: true}
		case x.usable && !x.guestFull && !x.full:
			out.placement = number
			return out
		}
		if x.usable && i == 0 && x.short == core.LimitReached && row.Limit.WhenFull == core.QueueWhenFull {
			if x.short = c.mayWait(row, number, ev, x.capped); x.short == core.ClassNone {
				out.placement, out.wait = number, true
				return out
			}
		}
		switch {
		case x.usable && !x.guestFull && (row.Limit.WhenFull == core.RejectWhenFull || i == 0 && row.Limit.WhenFull == core.QueueWhenFull):
			c.sawShort(x.short)
			return ruling{class: x.short, placement: number, failover: out.failover, resort: -1}
		}
		offers := x.sick >= 0 || x.sound
		if offers && row.LastResort == core.UseLastResort && !resorted && x.roomy {
			resort, resorted = ruling{placement: number, failover: out.failover, resort: x.sick}, true
			if x.sound {
				resort.resort, resort.chosen = -1, true
			}
		} else if offers && row.LastResort == core.UseLastResort && !resorted && lacking == core.ClassNone {
			lacking = x.short // it would be the last resort, if there were room
		}
		why := core.FailoverUnhealthy
		switch {
		case x.usable:
			why = core.FailoverLimit
			if lacking == core.ClassNone {
				lacking = x.short
			}
		case x.broken >= 0:
			why = core.FailoverCircuitOpen
			if out.breaker < 0 {
				out.breaker = x.broken
			}
		}
		anyHealth = anyHealth || !x.usable && offers && row.LastResort == core.RefuseLastResort
		if out.failover == core.FailoverNone {
			out.failover = why
		}
	}
	out.exhausted, resort.exhausted = true, true
	switch {
	case resorted:
		return resort
	case out.breaker >= 0:
		out.class = core.CircuitOpen
	case anyHealth:
		out.class = core.NoEndpoint
	case lacking != core.ClassNone:
		c.sawShort(lacking)
		out.class = lacking
	default:
		out.class = core.LimitReached
	}
	out.failover = core.FailoverNone
	return out
}

// survey says whether a placement has an endpoint free to serve, and if not, the
// first that its breaker and that only health blocks (-1 for none), and whether
// a cap is all that blocks one.
func (c *checker) survey(row *core.PlacementInfo, key uint64) (usable bool, broken, sick int32, capped bool) {
	broken, sick = -1, -1
	tried := false
	for _, n := range c.shardOf(row, key) {
		switch c.obstacle(n, &row.Breaker) {
		case free:
			return true, -1, -1, false
		case byBreaker:
			if broken < 0 {
				broken = n
			}
		case byHealth:
			if sick < 0 && !c.endpoints[n].full() {
				sick = n
			}
		case byCap:
			capped = true
		case byTrial:
			tried = true
		}
	}
	return false, broken, sick, capped && !tried // one that was tried is better than a wait
}

// blocks is survey for a placement of which nothing may serve: the first that
// its breaker and that only health blocks.
func (c *checker) blocks(row *core.PlacementInfo, key uint64) (usable bool, broken, sick int32) {
	broken, sick = -1, -1
	for _, n := range c.shardOf(row, key) {
		switch c.obstacle(n, &row.Breaker) {
		case byBreaker:
			if broken < 0 {
				broken = n
			}
		case byHealth:
			if sick < 0 && !c.endpoints[n].full() {
				sick = n
			}
		}
	}
	return false, broken, sick
}

func (c *checker) room(row *core.PlacementInfo, number int32, guest bool) (guestFull, full bool) {
	p := &c.placements[number]
	limit, guests := c.limits(row, p)
	guestFull = guest && row.Limit.Guests != 0 && p.guests >= guests
	return guestFull, limit > 0 && p.inFlight >= limit
}

func (c *checker) sawShort(class core.Class) {
	switch class {
	case core.Shed:
		c.saw(SawShed)
	case core.FairShare:
		c.saw(SawFairShare)
	}
}

func (w ruling) String() string {
	if w.class != core.ClassNone {
		return "refused as " + w.class.String()
	}
	if w.wait {
		return "to wait"
	}
	return "forwarded"
}

// way is one route of a configuration, by the rules alone.
type way struct {
	homes   []home // parallel to world.keys
	unknown int    // the placement that takes unknown keys, -1 for none
}

// home is where a key belongs: a placement, or parts with their shares in
// parts per million, in order of name; neither: it is not in the table.
type home struct {
	placement int
	parts     []core.PartSpec
	known     bool
}

// way works out a route from its Spec.
func (t *truth) way(table, unknown string, keys []string) way {
	list := t.spec.Keys
	for i := range t.spec.Tables {
		if t.spec.Tables[i].Name == table {
			list = t.spec.Tables[i].Keys
		}
	}
	written := make(map[string]string, len(list))
	for _, k := range list {
		written[k.Key] = k.Placement
	}
	out := way{unknown: -1, homes: make([]home, len(keys))}
	if at, ok := slices.BinarySearch(t.names, unknown); ok {
		out.unknown = at
	}
	for i, k := range keys {
		if name, known := written[k]; known {
			out.homes[i] = t.home(name)
		}
	}
	return out
}

func (t *truth) home(name string) home {
	if at, ok := slices.BinarySearch(t.names, name); ok {
		return home{placement: at, known: true}
	}
	h := home{known: true}
	for i := range t.spec.Splits {
		if t.spec.Splits[i].Name == name {
			h.parts = slices.Clone(t.spec.Splits[i].Parts)
		}
	}
	slices.SortFunc(h.parts, func(a, b core.PartSpec) int { return cmp.Compare(a.Placement, b.Placement) })
	return h
}

// route is where a request with a key belongs (R1).
func (t *truth) route(via int, key int32, ev *core.Event) core.Route {
	name := t.keys[key]
	if name == "" {
		return core.Route{Placement: -1, Refuse: core.NoKey}
	}
	w := &t.ways[via]
	if t.hashes[key] == 0 {
		t.hashes[key] = hashString(name)
	}
	r := core.Route{Hashes: core.Hashes{Key: t.hashes[key]}, Placement: -1, Refuse: core.UnknownKey}
	if t.rings {
		r.Ring = crc32.ChecksumIEEE([]byte(name))
	}
	h := &w.homes[key]
	at := h.placement
	if len(h.parts) > 0 {
		at = t.side(h.parts, r.Key, ev)
	}
	switch {
	case h.known:
		r.Placement, r.Reason, r.Refuse = int32(at), t.reasons[at], core.ClassNone
	case w.unknown >= 0:
		r.Placement, r.Reason, r.Refuse = int32(w.unknown), core.ReasonDefault, core.ClassNone
	}
	return r
}

// side is the part of a split that a request falls into.
func (t *truth) side(parts []core.PartSpec, key uint64, ev *core.Event) int {
	who := ev.Split
	if who == 0 {
		who = ev.Request
	}
	h := mixed(0)
	for _, word := range [...]uint64{who, key, 15} {
		h = mixed(h + word)
	}
	at, sum := share(h), uint64(0)
	for _, p := range parts {
		if sum += uint64(p.Share); at < sum {
			i, _ := slices.BinarySearch(t.names, p.Placement)
			return i
		}
	}
	return -1
}

// mixed is SPEC's finalise of z + golden.
func mixed(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// share is where a hash lies in a million.
func share(h uint64) uint64 {
	hi, _ := bits.Mul64(h, million)
	return hi
}
