package promise

import (
	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// arrival is one request as it was decided.
type arrival struct {
	sight  Sight
	now    core.Time
	region string
	home   *row // nil when it has none
	served *row // nil when it was refused, or by a placement that has left the configuration
	guest  bool
	d      *core.Decision
}

// spoiled reports whether a request ended for a reason of its client's.
func spoiled(c core.Class) bool {
	switch c {
	case core.NoKey, core.UnknownKey, core.BadRequest, core.BodyTooLarge, core.ClientGone, core.NoRoute, core.Unauthorized,
		core.RequestTimeout, core.HeaderTooLarge, core.URITooLong:
		return true
	}
	return false
}

// arrive holds the decision about a request against every promise.
func (w *Watch) arrive(now core.Time, ev *core.Event, req *loop.Request, d *core.Decision) {
	if d.Kind == core.Reject && spoiled(d.Class) {
		return
	}
	a := arrival{now: now, d: d, sight: Sight{Time: now, Step: w.step, Router: w.number, Key: req.Key, Request: req.ID}}
	if w.judge.regions && w.judge.world.Region != nil {
		a.region = w.judge.world.Region(ev.Via, req.Key)
	}
	if p := ev.Route.Placement; p >= 0 && int(p) < len(w.rows) {
		a.home = &w.rows[p]
		a.sight.Placement = a.home.name
	}
	if d.Kind == core.Forward {
		e, p := w.router.Endpoint(d.Endpoint), w.router.Placement(d.Placement)
		a.sight.Placement, a.sight.Endpoint = p.Name, e.Name
		if p.Index >= 0 {
			a.served = &w.rows[p.Index]
		}
		a.guest = a.served != a.home
	}
	asked := uint64(0)
	for i := range w.judge.ledgers {
		if l := &w.judge.ledgers[i]; l.Region == "" || l.Region == a.region {
			if w.decided(i, l, &a) {
				asked |= 1 << i
			}
		}
	}
	if d.Kind == core.Forward {
		w.flights.Put(d.Handle, flight{d.Endpoint, asked, false, a.sight})
	}
}

// decided holds a decision against promise i, and reports whether the end of
// the request counts as well.
func (w *Watch) decided(i int, l *ledger, a *arrival) (ends bool) {
	forward := a.d.Kind == core.Forward
	switch l.Kind {
	case SurviveLoss, Available, Latency:
		if !w.applies(l, a.now) {
			return false
		}
		if !forward && l.Kind != Latency {
			l.book(false, &a.sight)
		}
		return forward
	case HomeFirst:
		w.crowded(l, a)
	case ServedBy:
		if forward {
			l.book(a.served == nil || a.served.fits>>i&1 == 1, &a.sight)
		}
	case NoGuests:
		if forward && a.served != nil && a.served.fits>>i&1 == 1 {
			l.book(!a.guest, &a.sight)
		}
	case TestRequests:
		if forward && a.d.Probe {
			n := uint64(w.router.Endpoint(a.d.Endpoint).Probes)
			l.peak = max(l.peak, n)
			l.book(n <= uint64(l.Most), &a.sight)
		}
	case FailOver:
		return forward && !a.d.Probe && !w.passed(l, a)
	case Recover:
		if a.home != nil {
			w.returned(l, a)
		}
	}
	return false
}

// applies reports whether what a promise says of the world is so. It must be so
// from a request's begin to its end: what a loss cuts off is not answered for.
func (w *Watch) applies(l *ledger, now core.Time) bool {
	p := w.judge.phase()
	switch {
	case l.Lose.Count == 0:
		return p == nil || w.judge.at == 0 && p.calm()
	case p == nil:
		return w.damage.lost(l.Lose, l.Within, now)
	}
	return p.lost(l.Lose, l.Within, now)
}

// crowded looks for one at home who was refused the slot that a guest holds.
func (w *Watch) crowded(l *ledger, a *arrival) {
	if a.home == nil {
		return
	}
	p, limit := w.router.Placement(a.home.number), int(a.home.limit)
	if p.Guests == 0 {
		return
	}
	refused := a.d.Kind == core.Reject && a.d.Class == core.LimitReached
	l.homes[a.home.home].book(!refused || limit == 0 || p.InFlight < limit || p.InFlight-p.Guests >= limit, &a.sight)
}

// passed holds an ordinary request against how long a plan's trouble has kept
// its endpoint down, and reports whether there is any.
func (w *Watch) passed(l *ledger, a *arrival) bool {
	p, known := w.judge.phase(), w.endpoints[a.d.Endpoint].known
	if p == nil || known < 0 {
		return false
	}
	from := p.down[known]
	if from == core.Never {
		return false
	}
	l.book(a.now <= from.Add(l.Within), &a.sight)
	return true
}

// returned looks for a request that a breaker or health keeps from its home, so
// long after what was wrong there has ended, and for as long again. Room is no
// matter of it.
func (w *Watch) returned(l *ledger, a *arrival) {
	from := core.Never
	if p := w.judge.phase(); p == nil {
		from = w.well(a)
	} else if a.home.plan >= 0 && p.touched != nil && p.touched[a.home.plan] {
		s := &l.clock[a.home.plan]
		if s.phase != p.since {
			*s = start{p.since, a.now}
		}
		from = s.at
	}
	if from != core.Never && a.now >= from.Add(l.Within) && a.now < from.Add(2*l.Within) {
		away := a.guest && a.d.Failover != core.FailoverLimit || a.d.Class == core.CircuitOpen || a.d.Class == core.NoEndpoint
		l.book(!away, &a.sight)
	}
}

// well is when the first request came home after an endpoint there gave its
// first good sign, Never for no such endpoint.
func (w *Watch) well(a *arrival) core.Time {
	from := core.Never
	for i := a.home.first; i < a.home.end; i++ {
		if e := w.endpoint(i); e.well != core.Never {
			if e.clock == core.Never {
				e.clock = a.now
			}
			from = min(from, e.clock)
		}
	}
	return from
}

// reply books the outcome of an answer whose body still flows (R7).
func (w *Watch) reply(now core.Time, ev *core.Event) {
	if f := w.flights.Of(ev.Handle); f != nil && !f.booked {
		w.outcome(now, f, core.ClassNone, ev.Status)
	}
}

// finish ends an attempt.
func (w *Watch) finish(now core.Time, ev *core.Event) {
	f := w.flights.Of(ev.Handle)
	if f == nil {
		return
	}
	if !f.booked || ev.Class.Effect() == core.EffectFailure {
		w.outcome(now, f, ev.Class, ev.Status)
	}
	good := ev.Class == core.ClassNone && ev.Status < 500
	for i := range w.judge.ledgers {
		l := &w.judge.ledgers[i]
		if f.asked>>i&1 == 1 && (l.Kind == SurviveLoss || l.Kind == Available) && !spoiled(ev.Class) && w.applies(l, now) {
			l.book(good, &f.sight)
		}
	}
	w.flights.Drop(ev.Handle)
}

// outcome books what an answer says of its endpoint, and how long it took.
func (w *Watch) outcome(now core.Time, f *flight, class core.Class, status uint16) {
	f.booked = true
	class = traces.Outcome(class, status)
	e := &w.endpoints[f.endpoint]
	for i := range w.judge.ledgers {
		switch l := &w.judge.ledgers[i]; {
		case f.asked>>i&1 == 0:
		case l.Kind == FailOver && class.Effect() == core.EffectFailure:
			l.book(!e.failing || f.sight.Time <= e.since.Add(l.Within), &f.sight)
		case l.Kind == Latency && class == core.ClassNone && w.applies(l, now):
			l.book(now.Sub(f.sight.Time) <= l.Latency, &f.sight)
		}
	}
	switch class.Effect() {
	case core.EffectFailure:
		e.failed(f.sight.Time)
	case core.EffectOK:
		e.answered(f.sight.Time, now)
	}
}
