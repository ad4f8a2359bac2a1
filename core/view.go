package core

// Views: what checkers, explanations, metrics and pages may see of the state.
// Nothing here changes it.

// PlacementView is the state of one placement.
type PlacementView struct {
	Name     string // "" for a free number
	Index    int    // in the current Config, -1 once removed
	InFlight int
	Guests   int
	Queued   int  // requests that wait in its queue (R5)
	Panic    bool // R9
	Limit    int  // in force, 0 for none (R5)
}

// Placements returns the number of placement numbers in use or free; they run from 0.
func (r *Router) Placements() int { return len(r.placements) }

// Placement returns the state of placement number n; a number outside the range gives the zero view with Index -1.
func (r *Router) Placement(n int32) PlacementView {
	if n < 0 || int(n) >= len(r.placements) {
		return PlacementView{Index: -1}
	}
	p := &r.placements[n]
	return PlacementView{
		Name: p.name, Index: int(p.config), InFlight: int(p.inFlight), Guests: int(p.guests), Queued: int(p.queue.count),
		Panic: p.panic, Limit: int(r.limitOf(p)),
	}
}

// PlacementCounts returns InFlight and Guests of Placement(n), for who asks at every step.
func (r *Router) PlacementCounts(n int32) (inFlight, guests int) {
	if n < 0 || int(n) >= len(r.placements) {
		return 0, 0
	}
	return int(r.placements[n].inFlight), int(r.placements[n].guests)
}

// EndpointView is the state of one endpoint.
type EndpointView struct {
	Name, URL string // "" for a free number
	Index     int    // in the current Config, -1 while retiring
	Placement int32  // number of its placement
	InFlight  int
	Breaker   Circuit
	Failures  int // in a row, while closed
	Successes int // good probes so far, while half_open
	Reopened  int // relapses since it last closed
	Until     Time
	Probes    int // half-open probes out
	Unhealthy bool
	Streak    int // active probes in a row against the present health
	Probing   bool
	NextProbe Time
}

// limitOf returns the limit in force of a placement, 0 for none.
func (r *Router) limitOf(p *placement) int32 {
	if p.config < 0 {
		return 0
	}
	limit, _ := p.bounds(&r.config.placements[p.config].limit)
	return limit
}

// TenantInFlight returns how many attempts count in placement number n for the
// tenant of a route, at home or as a guest, 0 where tenants are not told apart (R5).
func (r *Router) TenantInFlight(n int32, route Route, guest bool) int {
	if n < 0 || int(n) >= len(r.placements) || r.placements[n].tenants == nil {
		return 0
	}
	p := &r.placements[n]
	return int(p.tenants.held(tenantOf(&r.config.placements[p.config].limit, &route, guest)))
}

// Endpoints returns the number of endpoint numbers in use or free; they run from 0.
func (r *Router) Endpoints() int { return len(r.endpoints) }

// Endpoint returns the state of endpoint number n; a number outside the range gives the zero view with Index -1.
func (r *Router) Endpoint(n int32) EndpointView {
	if n < 0 || int(n) >= len(r.endpoints) {
		return EndpointView{Index: -1, Placement: -1}
	}
	e := &r.endpoints[n]
	return EndpointView{
		Name: e.name, URL: e.url, Index: int(e.config), Placement: e.placement,
		InFlight: int(e.inFlight), Breaker: e.breaker.state, Failures: int(e.breaker.failures),
		Successes: int(e.breaker.successes), Reopened: int(e.breaker.reopened),
		Until: e.breaker.until, Probes: int(e.breaker.probes), Unhealthy: e.health.unhealthy,
		Streak: int(e.health.streak), Probing: e.health.token != 0, NextProbe: r.timers.get(timerHealth, n),
	}
}

// EndpointNumber returns the number of the endpoint at index i of the current Config.
func (r *Router) EndpointNumber(i int) int32 { return r.numbers.endpoint[i] }

// PlacementNumber returns the number of the placement at index i of the current Config.
func (r *Router) PlacementNumber(i int) int32 { return r.numbers.placement[i] }

// Blocked returns what keeps endpoint n from taking a request at now (R2).
func (r *Router) Blocked(now Time, n int32) Block {
	if n < 0 || int(n) >= len(r.endpoints) || r.endpoints[n].config < 0 {
		return BlockRetiring
	}
	e := &r.endpoints[n]
	home := &r.placements[e.placement]
	p := &r.config.placements[home.config]
	return r.block(e, p, now, home.panic && p.panicDo == PanicAll)
}

// Attempt is one attempt in flight.
type Attempt struct {
	Handle   Handle
	Request  uint64
	Endpoint int32
	Guest    bool // came by failover
	Probe    bool // half-open probe
	Replied  bool // its outcome is booked
	Current  bool // its ticket is of the breaker's present generation
}

// Attempt returns the attempt that h names; ok is false when it has ended, and for a request that waits.
func (r *Router) Attempt(h Handle) (a Attempt, ok bool) {
	s := r.slots.find(h)
	if s == nil || s.state == slotWaiting {
		return Attempt{}, false
	}
	return Attempt{h, s.request, s.endpoint, s.guest, s.probe, s.replied, s.generation == r.endpoints[s.endpoint].breaker.gen}, true
}

// Unknown returns what happens to unknown keys on route 0: the index of the placement
// that takes them, or -1 and the status that refuses them.
func (c *Config) Unknown() (placement int, status uint16) {
	return int(c.routes[0].fallback), c.routes[0].status
}

// Identity returns what makes endpoint n the same endpoint across epochs: the
// hash of placement and URL that Event.Prefer names it by; 0 for a free number.
func (r *Router) Identity(n int32) uint64 {
	if n < 0 || int(n) >= len(r.endpoints) {
		return 0
	}
	return r.endpoints[n].id
}

// EndpointID returns the same of the endpoint at index i of the Config.
func (c *Config) EndpointID(i int) uint64 { return c.endpoints[i].id }

// ChoiceView is what core keeps of one endpoint beyond breaker and health.
type ChoiceView struct {
	Requests, Failures, Slow uint64   // outcomes in the breaker's window as of now
	Share                    uint32   // thousandths of its full share that its slow start allows, 1000 without one
	Latency                  Duration // of ewma, decayed to now; 0 for none
}

// Choice returns that of endpoint n at now; a number that is not in the configuration gives the zero view.
func (r *Router) Choice(now Time, n int32) ChoiceView {
	if n < 0 || int(n) >= len(r.endpoints) || r.endpoints[n].config < 0 {
		return ChoiceView{}
	}
	v := ChoiceView{Share: 1000}
	if int(n) >= len(r.extras) {
		return v
	}
	x := r.extras[n]
	p := &r.config.placements[r.placements[r.endpoints[n].placement].config]
	if p.breaker.Window != 0 {
		x.window.roll(now, p.breaker.Window/windowBuckets)
		v.Requests, v.Failures, v.Slow = x.window.total[0], x.window.total[1], x.window.total[2]
	}
	if p.choice.slowStart != 0 {
		v.Share = uint32(rampShare(now, x.warm, p.choice.slowStart))
	}
	if x.cost > 0 && p.selection == EWMA {
		v.Latency = Duration(halved(x.cost, now.Sub(x.costAt), p.choice.decay))
	}
	return v
}

// InShard reports whether the key with that hash may use the endpoint at index
// e of the Config, which belongs to the placement at index p (R10).
func (c *Config) InShard(p int, key uint64, e int) bool {
	row := &c.placements[p]
	if row.choice.shards == 0 {
		return true
	}
	mine, better := draw(0, key, c.endpoints[e].id, purposeShard), uint32(0)
	for i := row.first; i < row.end; i++ {
		if draw(0, key, c.endpoints[i].id, purposeShard) > mine {
			better++
		}
	}
	return better < row.choice.shards
}
