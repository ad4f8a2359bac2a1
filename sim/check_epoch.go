package sim

import (
	"fmt"
	"slices"

	"lockstep/core"
)

// Configurations and epochs (R12), from the rules.

// verdict is what the rules say of a push.
type verdict struct {
	kind   core.DecisionKind
	cause  core.Cause
	epoch  core.Epoch // in force afterwards
	change bool
	share  uint32 // by which a guard refuses
}

// told is the epoch that the answer names: a refusal names the push's own.
func (v verdict) told(ev *core.Event) core.Epoch {
	if v.kind == core.Nack {
		return ev.Epoch
	}
	return v.epoch
}

func (c *checker) judge(ev *core.Event) verdict {
	refuse := func(cause core.Cause) verdict { return verdict{kind: core.Nack, cause: cause, epoch: c.epoch} }
	switch {
	case ev.Fault == core.FaultNotPersisted:
		return refuse(core.CauseNotPersisted)
	case ev.Fault != core.FaultNone || ev.Config == nil:
		return refuse(core.CauseInvalid)
	}
	equal := c.config != nil && c.config.Digest() == ev.Config.Digest()
	none := core.Epoch{}
	switch {
	case ev.Epoch == none && equal, ev.Epoch == c.epoch && equal:
		return verdict{kind: core.Ack, epoch: c.epoch}
	case ev.Epoch != none && ev.Epoch == c.epoch:
		return refuse(core.CauseEpochConflict)
	case ev.Epoch != none && (ev.Epoch.Term < c.epoch.Term || ev.Epoch.Term == c.epoch.Term && ev.Epoch.Number < c.epoch.Number):
		return refuse(core.CauseStale)
	}
	if guard, share := c.guarded(ev); guard != core.CauseNone {
		v := refuse(guard)
		v.share = share
		return v
	}
	if ev.Epoch == none {
		return verdict{kind: core.Ack, epoch: core.Epoch{Term: c.epoch.Term, Number: c.epoch.Number + 1}, change: true}
	}
	return verdict{kind: core.Ack, epoch: ev.Epoch, change: true}
}

func (c *checker) adopted(ev *core.Event, decisions []core.Decision) {
	want, got := c.judge(ev), &decisions[len(decisions)-1]
	c.checkRestart()
	if got.Kind != want.kind || got.Cause != want.cause || got.Count != want.share {
		rule := "R12"
		if want.share > 0 || got.Cause >= core.CauseKeysRerouted {
			rule = "R13"
		}
		c.fail(rule, -1, -1, "", fmt.Sprintf("a push got %s %s %s, by the rules it is %s %s %s", got.Kind, got.Cause, core.Percent(got.Count), want.kind, want.cause, core.Percent(want.share)))
	}
	if told := want.told(ev); got.Epoch != told {
		c.fail("R12", -1, -1, "", fmt.Sprintf("the answer to a push names epoch %d.%d, by the rules %d.%d", got.Epoch.Term, got.Epoch.Number, told.Term, told.Number))
	}
	after := c.r.core.Epoch()
	if after != want.epoch {
		c.fail("R12", -1, -1, "", fmt.Sprintf("the epoch is %d.%d, by the rules %d.%d", after.Term, after.Number, want.epoch.Term, want.epoch.Number))
	}
	if after.Compare(c.epoch) < 0 {
		c.fail("R12", -1, -1, "", "the epoch went back")
	}
	c.unchanged = !want.change
	c.epoch = after
	if c.r.core.Config() != c.config {
		c.rebuild()
	}
}

// checkRestart judges the first configuration after a crash: it is the last
// that was adopted before (R13).
func (c *checker) checkRestart() {
	if c.past == nil {
		return
	}
	if now := (life{c.r.core.Config(), c.r.core.Epoch()}); now != *c.past {
		c.fail("R13", -1, -1, "", fmt.Sprintf("after a crash it starts with epoch %d.%d, it had last adopted %d.%d", now.epoch.Term, now.epoch.Number, c.past.epoch.Term, c.past.epoch.Number))
	}
	c.past = nil
}

// rebuild takes over a new configuration. Identity, which is placement and URL,
// decides what of the model survives; the numbers are read from the views.
func (c *checker) rebuild() {
	r := c.r.core
	old := c.config
	c.config = r.Config()
	c.truth = c.w.truth(c.config)
	c.rows, c.numbers, c.homes = nil, nil, nil
	for i := range c.config.Placements() {
		c.rows = append(c.rows, c.config.Placement(i))
		c.meant(&c.rows[i])
		c.homes = append(c.homes, r.PlacementNumber(i))
	}
	for i := range c.config.Endpoints() {
		c.numbers = append(c.numbers, r.EndpointNumber(i))
	}
	placements := make([]placementModel, r.Placements())
	for n := range placements {
		v := r.Placement(int32(n))
		p := placementModel{name: v.Name, index: int32(v.Index)}
		if n < len(c.placements) && c.placements[n].name == v.Name {
			p.inFlight, p.guests = c.placements[n].inFlight, c.placements[n].guests
			p.panicking = c.placements[n].panicking && p.index >= 0
			p.held, p.limit = c.placements[n].held, c.placements[n].limit
		}
		placements[n] = p
	}
	endpoints := make([]endpointModel, r.Endpoints())
	for n := range endpoints {
		endpoints[n] = c.carry(int32(n), placements, old)
	}
	c.placements, c.endpoints = placements, endpoints
	c.rotations(old)
	c.weighAll()
	c.recount()
	c.reLimit()
	c.checkConfig()
	c.forgetGrants()
	c.audit()
}

// carry returns the model of endpoint number n under the new configuration.
func (c *checker) carry(n int32, placements []placementModel, old *core.Config) endpointModel {
	v := c.r.core.Endpoint(n)
	if v.Name == "" {
		return endpointModel{}
	}
	home := placements[v.Placement].name
	var info core.EndpointInfo
	if v.Index >= 0 {
		info = c.config.Endpoint(v.Index)
	}
	fresh := endpointModel{url: v.URL, identity: coreIdentity(home, v.URL), home: home, placement: v.Placement, index: int32(v.Index), weight: info.Weight, limit: int32(info.Limit), state: core.Closed}
	if int(n) >= len(c.endpoints) || !c.endpoints[n].is(home, v.URL) {
		if slices.ContainsFunc(c.endpoints, func(e endpointModel) bool { return e.is(home, v.URL) }) {
			c.w.violate(c.r, Violation{Property: "R12", Placement: home, Endpoint: v.URL, Detail: "it stays in the configuration, and has another number than before"})
		}
		fresh.unhealthy = !c.healthOf(v).Off && c.healthOf(v).StartUnhealthy
		c.schedule(&fresh, c.healthOf(v))
		if old != nil {
			fresh.warm(c.now, &c.rows[c.config.Endpoint(v.Index).Placement])
		}
		return fresh
	}
	e := c.endpoints[n]
	back := e.index < 0
	e.placement, e.index, e.weight, e.limit = v.Placement, int32(v.Index), info.Weight, int32(info.Limit)
	if e.index < 0 {
		e.token, e.every = 0, 0
		e.past, e.warming, e.latency = nil, false, 0
		if e.state == core.HalfOpen {
			e.ticket++
			e.probes = nil
		}
		return e
	}
	if c.rows[c.config.Endpoint(v.Index).Placement].Breaker.Off && e.state != core.Closed {
		e.move(core.Closed)
		e.reopened = 0
	}
	c.carryChoice(&e, old, back)
	if c.healthOf(v).Off {
		e.unhealthy, e.streak, e.token = false, 0, 0
	}
	c.schedule(&e, c.healthOf(v))
	return e
}

func (e *endpointModel) is(home, url string) bool { return e.home == home && e.url == url }

func (c *checker) healthOf(v core.EndpointView) *core.HealthSpec {
	return &c.rows[c.config.Endpoint(v.Index).Placement].Health
}
