package sim

import (
	"fmt"

	"lockstep/core"
)

// What a router decided about an arrival, against the ruling (R2-R5, R15).

func (c *checker) refused(ev *core.Event, d *core.Decision, want *ruling) {
	c.homeRefusal(ev, d)
	c.checkRefusal(ev, d)
	if want.class == d.Class && d.Placement == want.placement && (!lacksRoom(d.Class) || d.Failover == want.failover) {
		if want.class == core.CircuitOpen && (d.Endpoint != want.breaker || d.Circuit != c.endpoints[want.breaker].state) {
			c.failEndpoint("R3", want.breaker, "breaker", fmt.Sprintf("a refusal says circuit %s, not that of the first breaker in the way", d.Circuit))
		}
		return
	}
	rule := "R3"
	if want.panicked || d.Rule == 9 {
		rule = "R9"
	}
	if lacksRoom(d.Class) || lacksRoom(want.class) {
		rule = "R5"
	}
	c.fail(rule, d.Placement, d.Endpoint, "limit", fmt.Sprintf("a request was refused as %s, by the rules it is %s", d.Class, want.String()))
}

// lacksRoom reports whether a class says that only room was missing.
func lacksRoom(c core.Class) bool {
	return c == core.LimitReached || c == core.Shed || c == core.FairShare
}

// homeRefusal: where guests are capped, the rest of the limit is for home requests alone.
func (c *checker) homeRefusal(ev *core.Event, d *core.Decision) {
	if d.Class != core.LimitReached || d.Placement != c.homes[ev.Route.Placement] || len(c.journeys) > 0 && c.waitingAt(d.Placement) > 0 {
		return
	}
	if usable, _, _, _ := c.survey(&c.rows[ev.Route.Placement], ev.Route.Key); !usable {
		return // its endpoints are at their caps, which guests and home share
	}
	p, row := &c.placements[d.Placement], &c.rows[ev.Route.Placement]
	limit, guests := c.limits(row, p)
	home := p.inFlight - p.guests
	if row.Limit.Guests != 0 && limit > 0 && p.guests <= guests && home < limit-guests {
		c.fail("R15", d.Placement, -1, "limit.guests", fmt.Sprintf("a home request was refused with %d of %d home slots taken", home, limit-guests))
	}
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
	pin := false
	if allowed && want.resort < 0 {
		pick, pin = c.pick(ev, &c.rows[c.placements[e.placement].index], want.chosen)
	}
	c.admit(ev, d, e, e.placement != c.homes[ev.Route.Placement], want.resort >= 0)
	c.checkPanic(d, e, want)
	switch {
	case c.w.result.Violated > before: // a closer rule has said it
	case !allowed:
		c.failEndpoint("R3", d.Endpoint, "fallback", fmt.Sprintf("a request was forwarded here, by the rules it is %s", want.String()))
	case pick != d.Endpoint:
		c.failEndpoint("R10", d.Endpoint, "select", fmt.Sprintf("it was picked, by the rules it is the turn of %s", c.endpoints[pick].url))
	}
	if allowed && pick == d.Endpoint {
		c.comparePin(d, pin)
	}
	if d.Failover != want.failover || d.Reason != ev.Route.Reason {
		c.failEndpoint("R4", d.Endpoint, "", fmt.Sprintf("its answer says reason %q failover %q, it should say %q and %q", d.Reason, d.Failover, ev.Route.Reason, want.failover))
	}
	if d.Circuit != e.state {
		c.failEndpoint("R4", d.Endpoint, "breaker", fmt.Sprintf("its answer says circuit %s, it is %s", d.Circuit, e.state))
	}
	c.departs(ev, d)
	if c.asking == nil { // else the router has gone on already
		c.compareCounts(d.Endpoint)
		c.compareTenant(ev, e.placement, e.placement != c.homes[ev.Route.Placement])
	}
}

// admit checks limits (R5) and the breaker's door (R6), and books the attempt.
func (c *checker) admit(ev *core.Event, d *core.Decision, e *endpointModel, guest, resort bool) {
	if e.index < 0 {
		c.failEndpoint("R2", d.Endpoint, "", "a request was forwarded to an endpoint that is retiring")
		return
	}
	p := &c.placements[e.placement]
	row := &c.rows[p.index]
	guestFull, full := c.room(row, e.placement, guest)
	limit, guests := c.limits(row, p)
	if full {
		c.fail("R5", e.placement, d.Endpoint, "limit.in_flight", fmt.Sprintf("%d are in flight, the limit is %d", p.inFlight+1, limit))
	}
	if guestFull {
		c.fail("R5", e.placement, d.Endpoint, "limit.guests", fmt.Sprintf("%d guests are in flight, the cap is %d", p.guests+1, guests))
	}
	if e.full() {
		c.failEndpoint("R2", d.Endpoint, "endpoints", fmt.Sprintf("%d are in flight at it, its cap is %d", e.inFlight+1, e.limit))
	}
	if class := c.ration(row, e.placement, ev, guest); class == core.Shed {
		c.fail("R5", e.placement, d.Endpoint, "limit.priorities", fmt.Sprintf("a request of priority %d was admitted with %d in flight", ev.Priority, p.inFlight))
	} else if class == core.FairShare {
		c.fail("R5", e.placement, d.Endpoint, "limit.tenant_share", fmt.Sprintf("a tenant that holds %d got one more, with %d of %d in flight", p.held[holder(row, ev, guest)], p.inFlight, limit))
	}
	p.inFlight++
	e.inFlight++
	p.guests += int32(flag(guest))
	c.passBreaker(d, e, row)
	if e.unhealthy && !resort && !c.blind(e) {
		c.failEndpoint("R2", d.Endpoint, "health", "a request was forwarded to an unhealthy endpoint although others could serve")
	}
	for int(d.Handle.Slot) >= len(c.attempts) {
		c.attempts = append(c.attempts, attemptModel{})
	}
	if a := &c.attempts[d.Handle.Slot]; a.gen != 0 {
		c.failEndpoint("R4", d.Endpoint, "", "an attempt was given a slot that another holds")
	}
	c.attempts[d.Handle.Slot] = attemptModel{gen: d.Handle.Gen, endpoint: d.Endpoint, ticket: e.ticket, guest: guest, timed: timing(row), admitted: c.sent()}
	c.hold(&c.attempts[d.Handle.Slot], e.placement, ev)
	c.arrivedAt(e.placement)
}
