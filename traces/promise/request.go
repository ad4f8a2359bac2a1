package promise

import (
	"cmp"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// arrival is one request as it was decided, when it came or later.
type arrival struct {
	sight  Sight
	now    core.Time
	region string
	home   *row // nil when it has none, or comes later
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
	home := ""
	if a.home != nil {
		home = a.home.name
	}
	w.sent(&a, home)
	asked := uint64(0)
	for i := range w.judge.ledgers {
		l := &w.judge.ledgers[i]
		if l.Region != "" && l.Region != a.region {
			continue
		}
		if w.came(l, &a) || w.attempted(i, l, &a) {
			asked |= 1 << i
		}
	}
	switch d.Kind {
	case core.Forward:
		w.flights.Put(d.Handle, flight{d.Endpoint, now, asked, false, 0, home, a.region, a.sight})
	case core.Queued:
		w.flights.Put(d.Handle, flight{-1, now, asked, false, 0, home, a.region, a.sight})
	}
}

// sent fills in where a request is sent, if it is.
func (w *Watch) sent(a *arrival, home string) {
	if a.d.Kind != core.Forward {
		return
	}
	e, p := w.router.Endpoint(a.d.Endpoint), w.router.Placement(a.d.Placement)
	a.sight.Placement, a.sight.Endpoint = p.Name, e.Name
	if p.Index >= 0 {
		a.served = &w.rows[p.Index]
	}
	a.guest = p.Name != home
}

// later follows a request that waited, for room or to be tried again: it is sent
// after all, or refused.
func (w *Watch) later(now core.Time, d *core.Decision) {
	f := w.flights.Of(d.Handle)
	switch {
	case f == nil:
	case d.Kind == core.Forward:
		a := arrival{now: now, region: f.region, d: d, sight: f.sight}
		w.sent(&a, f.home)
		f.endpoint, f.began, f.booked, f.status, f.sight = d.Endpoint, now, false, 0, a.sight
		for i := range w.judge.ledgers {
			l := &w.judge.ledgers[i]
			if l.Kind == FailOver {
				f.asked &^= 1 << i // it was about the attempt before
			}
			if (l.Region == "" || l.Region == f.region) && w.attempted(i, l, &a) {
				f.asked |= 1 << i
			}
		}
	case d.Kind == core.Reject:
		w.answered(now, f, spoiled(d.Class), false)
		w.flights.Drop(d.Handle)
	}
}

// answered books whether a request was, in the end.
func (w *Watch) answered(now core.Time, f *flight, spoiled, good bool) {
	for i := range w.judge.ledgers {
		l := &w.judge.ledgers[i]
		if f.asked>>i&1 == 1 && (l.Kind == SurviveLoss || l.Kind == Available) && !spoiled && w.applies(l, now) {
			l.book(good, &f.sight)
		}
	}
}

// came holds the arrival of a request against a promise, and reports whether its
// end counts as well.
func (w *Watch) came(l *ledger, a *arrival) (ends bool) {
	refused := a.d.Kind != core.Forward && a.d.Kind != core.Queued
	switch l.Kind {
	case SurviveLoss, Available, Latency:
		if !w.applies(l, a.now) {
			return false
		}
		if refused && l.Kind != Latency {
			l.book(false, &a.sight)
		}
		return !refused
	case HomeFirst:
		w.crowded(l, a)
	case Recover:
		if a.home != nil {
			w.returned(l, a)
		}
	}
	return false
}

// attempted holds one attempt of a request against promise i, and reports whether
// its end counts as well.
func (w *Watch) attempted(i int, l *ledger, a *arrival) (ends bool) {
	if a.d.Kind != core.Forward {
		return false
	}
	switch l.Kind {
	case ServedBy:
		l.book(a.served == nil || a.served.fits>>i&1 == 1, &a.sight)
	case NoGuests:
		if a.served != nil && a.served.fits>>i&1 == 1 {
			l.book(!a.guest, &a.sight)
		}
	case TestRequests:
		if a.d.Probe {
			n := uint64(w.router.Endpoint(a.d.Endpoint).Probes)
			l.peak = max(l.peak, n)
			l.book(n <= uint64(l.Most), &a.sight)
		}
	case FailOver:
		return !a.d.Probe && !w.passed(l, a)
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
func (w *Watch) reply(now core.Time, ev *core.Event, decided []core.Decision) {
	f := w.flights.Of(ev.Handle)
	if f == nil || f.endpoint < 0 {
		return
	}
	if f.status = ev.Status; !f.booked {
		w.outcome(now, f, core.ClassNone, ev.Status)
	}
	w.again(f, ev, decided)
}

// finish ends an attempt and, unless it is tried again, its request.
func (w *Watch) finish(now core.Time, ev *core.Event, decided []core.Decision) {
	f := w.flights.Of(ev.Handle)
	if f == nil {
		return
	}
	status := cmp.Or(ev.Status, f.status)
	if f.endpoint >= 0 && (!f.booked || ev.Class.Effect() == core.EffectFailure) {
		w.outcome(now, f, ev.Class, status)
	}
	if w.again(f, ev, decided) {
		return
	}
	w.answered(now, f, spoiled(ev.Class), traces.Outcome(ev.Class, status) == core.ClassNone)
	w.flights.Drop(ev.Handle)
}

// again follows a request to the handle under which it is tried again.
func (w *Watch) again(f *flight, ev *core.Event, decided []core.Decision) bool {
	to, moved := traces.Moved(ev, decided)
	if moved {
		waits := *f
		waits.endpoint, waits.booked, waits.status = -1, false, 0
		w.flights.Drop(ev.Handle)
		w.flights.Put(to, waits)
	}
	return moved
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
			l.book(!e.failing || f.began <= e.since.Add(l.Within), &f.sight)
		case l.Kind == Latency && class == core.ClassNone && w.applies(l, now):
			l.book(now.Sub(f.sight.Time) <= l.Latency, &f.sight)
		}
	}
	switch class.Effect() {
	case core.EffectFailure:
		e.failed(f.began)
	case core.EffectOK:
		e.answered(f.began, now)
	}
}
