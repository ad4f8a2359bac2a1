package sim

import (
	"fmt"

	"lockstep/core"
)

// What is left of a placement's room, shared out (R5), from the rules: lower
// priorities are shed first, and what a tenant holds may not be more than a
// multiple of what it leaves free.

// unknowns is the tenant that all unknown keys are.
const unknowns = "unknown keys"

// slotHolder is whose share an arrival takes. Where guests are capped, those of a
// tenant are not what it holds at home.
type slotHolder struct {
	tenant any
	guest  bool
}

func holder(row *core.PlacementInfo, ev *core.Event, guest bool) slotHolder {
	h := slotHolder{ev.Route.Key, guest && row.Limit.Guests != 0}
	if ev.Route.Reason == core.ReasonDefault {
		h.tenant = unknowns
	}
	return h
}

// pool is the part of a placement's room that a request shares in, and how many
// hold some of it: all of it, or, where guests are capped, what is for them or
// what is not.
func (c *checker) pool(row *core.PlacementInfo, p *placementModel, guest bool) (room, taken int32) {
	limit, guests := c.limits(row, p)
	switch {
	case row.Limit.Guests == 0 || guests >= limit:
		return limit, p.inFlight
	case guest:
		return guests, p.guests
	}
	return limit - guests, p.inFlight - p.guests
}

// ration is the class with which a request is refused although there is a slot,
// ClassNone when it may have it.
func (c *checker) ration(row *core.PlacementInfo, number int32, ev *core.Event, guest bool) core.Class {
	share := int64(row.Limit.Priorities[min(int(ev.Priority), core.MaxPriorities-1)])
	if (share <= 0 || share >= 100) && row.Limit.TenantShare == 0 {
		return core.ClassNone // nothing is shared out
	}
	p := &c.placements[number]
	if row.Limit.InFlight == 0 && p.limit == nil {
		return core.ClassNone
	}
	room, taken := c.pool(row, p, guest)
	if share > 0 && share < 100 && int64(taken)*100 >= int64(room)*share {
		return core.Shed
	}
	if row.Limit.TenantShare == 0 {
		return core.ClassNone
	}
	holds := int64(p.held[holder(row, ev, guest)])
	if holds == 0 {
		return core.ClassNone
	}
	free, part := int64(max(room-taken, 0))-1, int64(row.Limit.TenantShare)
	if (holds+1)*(100-part) > part*free {
		return core.FairShare
	}
	return core.ClassNone
}

// hold books the slot of an admission for its tenant; drop gives it back.
func (c *checker) hold(a *attemptModel, number int32, ev *core.Event) {
	p := &c.placements[number]
	if p.index < 0 || c.rows[p.index].Limit.TenantShare == 0 {
		return
	}
	if p.held == nil {
		p.held = map[slotHolder]int32{}
	}
	a.tenant = holder(&c.rows[p.index], ev, a.guest)
	p.held[a.tenant]++
}

func (c *checker) drop(a *attemptModel) {
	if a.tenant != (slotHolder{}) {
		c.placements[c.endpoints[a.endpoint].placement].held[a.tenant]--
		a.tenant = slotHolder{}
	}
}

// recount keeps what tenants hold where a new configuration still tells them apart.
func (c *checker) recount() {
	for n := range c.placements {
		if p := &c.placements[n]; p.index < 0 || c.rows[p.index].Limit.TenantShare == 0 {
			p.held = nil
		}
	}
	for i := range c.attempts {
		a := &c.attempts[i]
		if a.gen != 0 && a.tenant != (slotHolder{}) && c.placements[c.endpoints[a.endpoint].placement].held == nil {
			a.tenant = slotHolder{}
		}
	}
}

// compareTenant holds what the router counts for a tenant against what it holds.
func (c *checker) compareTenant(ev *core.Event, number int32, guest bool) {
	p := &c.placements[number]
	if p.index < 0 || c.rows[p.index].Limit.TenantShare == 0 {
		return
	}
	if got, want := c.r.core.TenantInFlight(number, ev.Route, guest), int(p.held[holder(&c.rows[p.index], ev, guest)]); got != want {
		c.fail("R5", number, -1, "limit.tenant_share", fmt.Sprintf("%d slots are counted for a tenant that holds %d", got, want))
	}
}
