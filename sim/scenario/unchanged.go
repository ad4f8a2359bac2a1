package scenario

import (
	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/sim"
)

// ledger keeps what was decided about each request, so that two runs can be
// compared request by request. It is written by the observers of one run.
type ledger map[entry]decided

// entry names a request in a run. A client that resends an id makes a second entry.
type entry struct {
	router  int
	request uint64
	again   int
}

// decided is the part of a decision that a client can see.
type decided struct {
	at        core.Time
	home      string
	kind      core.DecisionKind
	class     core.Class
	status    uint16
	failover  core.Failover
	circuit   core.Circuit
	placement string
	endpoint  string
}

// recorder observes one router of a run into a ledger.
type recorder struct {
	ledger ledger
	router int
	r      *core.Router
}

// watch observes one life of a router.
func (l ledger) watch(router int, r *core.Router) loop.Observer { return &recorder{l, router, r} }

// Observe books the decision about an arriving request.
func (c *recorder) Observe(now core.Time, ev *core.Event, _ *loop.Request, decisions []core.Decision) {
	if ev.Kind != core.Arrive || ev.Handle.Gen != 0 {
		return
	}
	d := &decisions[len(decisions)-1]
	e := entry{router: c.router, request: ev.Request}
	for _, taken := c.ledger[e]; taken; _, taken = c.ledger[e] {
		e.again++
	}
	home := ""
	if config := c.r.Config(); config != nil && ev.Route.Placement >= 0 {
		home = config.Placement(int(ev.Route.Placement)).Name
	}
	c.ledger[e] = decided{
		now, home, d.Kind, d.Class, d.Status, d.Failover, d.Circuit,
		c.r.Placement(d.Placement).Name, c.r.Endpoint(d.Endpoint).URL,
	}
}

// without returns plan with one part of its timeline left out.
func without(plan *sim.Plan, part string) *sim.Plan {
	p := *plan
	p.Recovery = 0
	switch part {
	case "faults":
		p.Faults = nil
	case "pushes":
		p.Pushes = nil
	case "bursts":
		p.Bursts = nil
	}
	return &p
}

// differences counts requests within e's scope that the two runs decided
// differently, and all that were compared.
func differences(a, b ledger, e *Expectation) (different, compared int64) {
	in := func(d decided) bool {
		return e.wantsPlacement(d.home) && e.within(d.at)
	}
	for k, x := range a {
		if !in(x) {
			continue
		}
		compared++
		if y, ok := b[k]; !ok || x != y {
			different++
		}
	}
	for k, y := range b {
		if _, ok := a[k]; !ok && in(y) {
			different++
			compared++
		}
	}
	return different, compared
}
