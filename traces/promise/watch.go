package promise

import (
	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// Watch follows one router for a Judge. It is a loop.Observer.
type Watch struct {
	judge  *Judge
	number int
	router *core.Router
	step   uint64

	config    *core.Config
	rows      []row      // by placement of config
	endpoints []evidence // by number
	damage    damage     // as the router sees it
	back      core.Time  // when an endpoint last came back
	flights   traces.Flights[flight]
	rooms     []room
	held      []int64 // by promise: InFlight
}

var _ loop.Observer = (*Watch)(nil)

// row is what a Watch must know of a placement of the configuration in force.
type row struct {
	name   string
	limit  int32
	first  int // of its endpoints
	end    int
	number int32
	home   int
	plan   int // placement of the plan's configuration, -1 for none
	fits   uint64
}

// room is a promise of InFlight, with the number of the placement that it names.
type room struct {
	promise int
	number  int32 // -1 where the configuration in force has none
}

// flight is an attempt in flight.
type flight struct {
	endpoint int32
	asked    uint64 // the promises that count its end, one bit each
	booked   bool   // its outcome
	sight    Sight
}

// Observe sees the next step.
func (w *Watch) Observe(now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	w.See(w.router, w.step+1, now, ev, req, decisions)
}

// See sees one step of a recording: r is the router after it. Where steps are
// missing before it, what was in flight is forgotten.
func (w *Watch) See(r *core.Router, step uint64, now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	missing := r != w.router && step != w.step+1
	w.step = step
	w.judge.pass(now)
	if missing {
		w.judge.missed += now.Sub(w.router.Now())
		w.attach(r)
	}
	w.router = r // another file may go on where the one before ends
	if r.Config() != w.config {
		w.renumber()
	}
	// What an outcome says comes before what it does to a breaker.
	switch ev.Kind {
	case core.Reply:
		w.reply(now, ev)
	case core.Finish:
		w.finish(now, ev)
	case core.Probed:
		if n := int(ev.Endpoint); n >= 0 && n < len(w.endpoints) {
			w.endpoints[n].probed(ev.OK, now)
		}
	}
	for i := range decisions {
		w.note(now, &decisions[i])
	}
	if ev.Kind == core.Arrive && ev.Handle.Gen == 0 {
		w.arrive(now, ev, req, &decisions[len(decisions)-1])
	}
	w.count(now)
}

// attach begins with what a router holds.
func (w *Watch) attach(r *core.Router) {
	w.router, w.config, w.endpoints, w.flights = r, nil, nil, traces.Flights[flight]{}
	w.damage, w.back = damage{}, r.Now()
	w.judge.started++
	w.renumber()
	w.count(r.Now())
}

// renumber follows a configuration that was adopted.
func (w *Watch) renumber() {
	w.config, w.rows = w.router.Config(), nil
	w.measure()
	if w.config == nil {
		return
	}
	plan := w.judge.world.Config
	for i := range w.config.Placements() {
		p := w.config.Placement(i)
		r := row{name: p.Name, limit: p.Limit.InFlight, first: p.FirstEP, end: p.EndEP, number: w.router.PlacementNumber(i), plan: -1}
		r.home, r.fits = w.judge.home(p.Name), w.judge.fits(p.Name)
		if plan != nil {
			if at, ok := plan.FindPlacement(p.Name); ok {
				r.plan = at
			}
		}
		w.rows = append(w.rows, r)
	}
	for n := range w.router.Endpoints() {
		v := w.router.Endpoint(int32(n))
		if n == len(w.endpoints) {
			w.endpoints = append(w.endpoints, evidence{})
		}
		if name := w.router.Placement(v.Placement).Name + " " + v.URL; w.endpoints[n].name != name {
			w.endpoints[n] = evidence{name: name, known: w.known(&v), well: core.Never, clock: core.Never}
		}
	}
	w.look(w.router.Now())
	w.sum()
}

// known finds an endpoint in the plan's configuration.
func (w *Watch) known(v *core.EndpointView) int32 {
	c := w.judge.world.Config
	if c == nil || v.URL == "" {
		return -1
	}
	if i, ok := c.FindPlacement(w.router.Placement(v.Placement).Name); ok {
		p := c.Placement(i)
		for e := p.FirstEP; e < p.EndEP; e++ {
			if c.Endpoint(e).URL == v.URL {
				return int32(e)
			}
		}
	}
	return -1
}

// note follows what the router decides about endpoints.
func (w *Watch) note(now core.Time, d *core.Decision) {
	switch d.Kind {
	case core.NoteOpened, core.NoteHalfOpened, core.NoteClosed, core.NoteHealthy, core.NoteUnhealthy:
		w.look(now)
	case core.Probe:
		w.judge.probe(w.sightAt(now, d.Endpoint), w.router.Endpoint(d.Endpoint).URL)
	}
}

// look follows what the router takes out and brings back.
func (w *Watch) look(now core.Time) {
	changed := false
	for n := range w.endpoints {
		v := w.router.Endpoint(int32(n))
		if e := &w.endpoints[n]; v.Index >= 0 && e.look(&v, now) {
			changed = true
			if !e.out {
				w.back = now
			}
		}
	}
	if changed {
		w.sum()
	}
}

// sum counts what is out of the configuration in force.
func (w *Watch) sum() {
	w.damage.sum(w.config, func(i int) bool { return w.endpoint(i).out })
	w.damage.since = w.back
	for i := range w.config.Endpoints() {
		if e := w.endpoint(i); e.out {
			w.damage.since = max(w.damage.since, e.outFrom)
		}
	}
}

// endpoint is the evidence about the endpoint at index i of the configuration.
func (w *Watch) endpoint(i int) *evidence { return &w.endpoints[w.router.EndpointNumber(i)] }

func (w *Watch) sightAt(now core.Time, endpoint int32) Sight {
	e := w.router.Endpoint(endpoint)
	return Sight{Time: now, Step: w.step, Router: w.number, Placement: w.router.Placement(e.Placement).Name, Endpoint: e.Name}
}

// measure finds the placements whose requests in flight are promised to be few.
func (w *Watch) measure() {
	w.rooms = w.rooms[:0]
	for i := range w.judge.ledgers {
		l := &w.judge.ledgers[i]
		if l.Kind != InFlight {
			continue
		}
		number := int32(-1)
		if w.config != nil {
			if at, ok := w.config.FindPlacement(l.Placement); ok {
				number = w.router.PlacementNumber(at)
			}
		}
		w.rooms = append(w.rooms, room{i, number})
	}
}

// count follows how many are in flight where that is promised.
func (w *Watch) count(now core.Time) {
	for _, at := range w.rooms {
		l, n := &w.judge.ledgers[at.promise], int64(0)
		if at.number >= 0 {
			n = int64(w.router.Placement(at.number).InFlight)
		}
		l.held += n - w.held[at.promise]
		if w.held[at.promise] = n; l.held > int64(l.peak) {
			l.peak = uint64(l.held)
			if l.peak > uint64(l.Most) && l.bad == 0 {
				l.bad, l.first = 1, Sight{Time: now, Step: w.step, Router: w.number, Placement: l.Placement}
			}
		}
	}
}
