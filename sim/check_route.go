package sim

import (
	"fmt"

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
	breaker   int32 // CircuitOpen: the first endpoint, in candidate order, that its breaker blocks
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
		c.ruling = c.evaluate(int(ev.Route.Placement))
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
	if d.Kind == core.Reject {
		c.refused(ev, d, &c.ruling)
		return
	}
	c.forwarded(ev, d, &c.ruling)
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
)

func (c *checker) obstacle(n int32, b *core.BreakerSpec) obstacle {
	e := &c.endpoints[n]
	switch {
	case e.state == core.Open && c.now < e.until, e.state == core.HalfOpen && len(e.probes) >= int(b.Probes):
		return byBreaker
	case e.unhealthy:
		return byHealth
	}
	return free
}

// evaluate walks the candidates of a home placement.
func (c *checker) evaluate(home int) ruling {
	out := ruling{resort: -1, placement: c.homes[home], breaker: -1}
	resort := ruling{resort: -1}
	anyHealth := false
	for i, at := range c.rows[home].Candidates {
		row, number := &c.rows[at], c.homes[at]
		usable, broken, sick := c.survey(row)
		guestFull, full := c.room(row, number, i > 0)
		switch {
		case usable && !guestFull && !full:
			out.placement = number
			return out
		case usable && !guestFull && row.Limit.WhenFull == core.RejectWhenFull:
			return ruling{class: core.LimitReached, placement: number, failover: out.failover, resort: -1}
		case !usable && sick >= 0 && row.LastResort == core.UseLastResort && resort.resort < 0 && !guestFull && !full:
			resort = ruling{placement: number, failover: out.failover, resort: sick}
		}
		why := core.FailoverUnhealthy
		switch {
		case usable:
			why = core.FailoverLimit
		case broken >= 0:
			why = core.FailoverCircuitOpen
			if out.breaker < 0 {
				out.breaker = broken
			}
		}
		anyHealth = anyHealth || !usable && sick >= 0 && row.LastResort == core.RefuseLastResort
		if out.failover == core.FailoverNone {
			out.failover = why
		}
	}
	switch {
	case resort.resort >= 0:
		return resort
	case out.breaker >= 0:
		out.class = core.CircuitOpen
	case anyHealth:
		out.class = core.NoEndpoint
	default:
		out.class = core.LimitReached
	}
	out.failover = core.FailoverNone
	return out
}

// survey says whether a placement has an endpoint free to serve, and the first
// that its breaker and that only health blocks (-1 for none).
func (c *checker) survey(row *core.PlacementInfo) (usable bool, broken, sick int32) {
	broken, sick = -1, -1
	for _, n := range c.numbers[row.FirstEP:row.EndEP] {
		switch c.obstacle(n, &row.Breaker) {
		case free:
			return true, -1, -1
		case byBreaker:
			if broken < 0 {
				broken = n
			}
		case byHealth:
			if sick < 0 {
				sick = n
			}
		}
	}
	return false, broken, sick
}

func (c *checker) room(row *core.PlacementInfo, number int32, guest bool) (guestFull, full bool) {
	p := &c.placements[number]
	guestFull = guest && (row.Limit.Guests < 0 || row.Limit.Guests > 0 && p.guests >= row.Limit.Guests)
	return guestFull, row.Limit.InFlight > 0 && p.inFlight >= row.Limit.InFlight
}

func (c *checker) refused(ev *core.Event, d *core.Decision, want *ruling) {
	c.homeRefusal(ev, d)
	c.checkRefusal(ev, d)
	if want.class == d.Class && d.Placement == want.placement && (d.Class != core.LimitReached || d.Failover == want.failover) {
		if want.class == core.CircuitOpen && (d.Endpoint != want.breaker || d.Circuit != c.endpoints[want.breaker].state) {
			c.failEndpoint("R3", want.breaker, "breaker", fmt.Sprintf("a refusal says circuit %s, not that of the first breaker in the way", d.Circuit))
		}
		return
	}
	rule := "R3"
	if d.Class == core.LimitReached || want.class == core.LimitReached {
		rule = "R5"
	}
	c.fail(rule, d.Placement, d.Endpoint, "limit", fmt.Sprintf("a request was refused as %s, by the rules it is %s", d.Class, want.String()))
}

// homeRefusal: where guests are capped, the rest of the limit is for home requests alone.
func (c *checker) homeRefusal(ev *core.Event, d *core.Decision) {
	if d.Class != core.LimitReached || d.Placement != c.homes[ev.Route.Placement] {
		return
	}
	limit := &c.rows[ev.Route.Placement].Limit
	p := &c.placements[d.Placement]
	home := p.inFlight - p.guests
	if limit.Guests != 0 && limit.InFlight > 0 && p.guests <= max(limit.Guests, 0) && home < limit.InFlight-max(limit.Guests, 0) {
		c.fail("R15", d.Placement, -1, "limit.guests", fmt.Sprintf("a home request was refused with %d of %d home slots taken", home, limit.InFlight-limit.Guests))
	}
}

func (w ruling) String() string {
	if w.class != core.ClassNone {
		return "refused as " + w.class.String()
	}
	return "forwarded"
}

// forwarded holds an admission against the ruling, then books it.
func (c *checker) forwarded(ev *core.Event, d *core.Decision, want *ruling) {
	if d.Endpoint < 0 || int(d.Endpoint) >= len(c.endpoints) || c.endpoints[d.Endpoint].home == "" {
		c.fail("R4", d.Placement, -1, "", "a request was forwarded to an endpoint that does not exist")
		return
	}
	e, before := &c.endpoints[d.Endpoint], c.w.result.Violated
	if d.Placement != e.placement {
		c.failEndpoint("R4", d.Endpoint, "", fmt.Sprintf("its answer names %q, which did not serve", c.placements[d.Placement].name))
	}
	allowed := want.class == core.ClassNone && want.placement == e.placement && (want.resort < 0 || want.resort == d.Endpoint)
	pick := d.Endpoint
	if allowed && want.resort < 0 {
		pick = c.pick(ev, &c.rows[c.placements[e.placement].index])
	}
	c.admit(d, e, e.placement != c.homes[ev.Route.Placement], want.resort >= 0)
	switch {
	case c.w.result.Violated > before: // a closer rule has said it
	case !allowed:
		c.failEndpoint("R3", d.Endpoint, "fallback", fmt.Sprintf("a request was forwarded here, by the rules it is %s", want.String()))
	case pick != d.Endpoint:
		c.failEndpoint("R10", d.Endpoint, "select", fmt.Sprintf("it was picked, by the rules it is the turn of %s", c.endpoints[pick].url))
	}
	if d.Failover != want.failover || d.Reason != ev.Route.Reason {
		c.failEndpoint("R4", d.Endpoint, "", fmt.Sprintf("its answer says reason %q failover %q, it should say %q and %q", d.Reason, d.Failover, ev.Route.Reason, want.failover))
	}
	if d.Circuit != e.state {
		c.failEndpoint("R4", d.Endpoint, "breaker", fmt.Sprintf("its answer says circuit %s, it is %s", d.Circuit, e.state))
	}
	c.compareCounts(d.Endpoint)
}

// admit checks limits (R5) and the breaker's door (R6), and books the attempt.
func (c *checker) admit(d *core.Decision, e *endpointModel, guest, resort bool) {
	if e.index < 0 {
		c.failEndpoint("R2", d.Endpoint, "", "a request was forwarded to an endpoint that is retiring")
		return
	}
	p := &c.placements[e.placement]
	row := &c.rows[p.index]
	guestFull, full := c.room(row, e.placement, guest)
	if full {
		c.fail("R5", e.placement, d.Endpoint, "limit.in_flight", fmt.Sprintf("%d are in flight, the limit is %d", p.inFlight+1, row.Limit.InFlight))
	}
	if guestFull {
		c.fail("R5", e.placement, d.Endpoint, "limit.guests", fmt.Sprintf("%d guests are in flight, the cap is %d", p.guests+1, row.Limit.Guests))
	}
	p.inFlight++
	e.inFlight++
	p.guests += int32(flag(guest))
	c.passBreaker(d, e, row)
	if e.unhealthy && !resort {
		c.failEndpoint("R2", d.Endpoint, "health", "a request was forwarded to an unhealthy endpoint although others could serve")
	}
	for int(d.Handle.Slot) >= len(c.attempts) {
		c.attempts = append(c.attempts, attemptModel{})
	}
	if a := &c.attempts[d.Handle.Slot]; a.gen != 0 {
		c.failEndpoint("R4", d.Endpoint, "", "an attempt was given a slot that another holds")
	}
	c.attempts[d.Handle.Slot] = attemptModel{gen: d.Handle.Gen, endpoint: d.Endpoint, ticket: e.ticket, guest: guest}
}
