package promise

import "lockstep/core"

// evidence is what a router's own steps say of one endpoint.
type evidence struct {
	name  string // placement and URL: its identity (R12)
	known int32  // endpoint of the plan's configuration, -1 for none

	lastGood core.Time // latest begin of an attempt that was answered well, or when the router took it back
	failing  bool      // every attempt that began since has failed, of those that have ended
	since    core.Time
	sick     bool // every active probe since has failed
	sickFrom core.Time

	out     bool      // the router has taken it out: its breaker is not closed, or it is unhealthy
	outFrom core.Time // when what took it out began
	well    core.Time // it was out, and this was the first good sign since its last failure; Never for none
	clock   core.Time // the first request for its placement after that; Never for none
}

func (e *evidence) failed(began core.Time) {
	if !e.failing {
		e.failing, e.since = true, max(began, e.lastGood)
	}
	e.well = core.Never
}

func (e *evidence) answered(began, now core.Time) {
	e.lastGood = max(e.lastGood, began)
	if began >= e.since {
		e.failing = false
	}
	e.good(now)
}

// probed takes the result of an active probe. A good one says that something is
// well again only if a probe had failed: a page that never did knows nothing of it.
func (e *evidence) probed(ok bool, now core.Time) {
	if ok {
		if e.sick {
			e.good(now)
		}
		e.sick = false
		return
	}
	if !e.sick {
		e.sick, e.sickFrom = true, now
	}
	e.well = core.Never
}

func (e *evidence) good(now core.Time) {
	if e.out && e.well == core.Never {
		e.well, e.clock = now, core.Never
	}
}

// look compares with what the router does with the endpoint now, and reports a
// change. One that is taken back gets requests again, so its failing begins anew.
func (e *evidence) look(v *core.EndpointView, now core.Time) (changed bool) {
	out := v.Breaker == core.Open || v.Breaker == core.HalfOpen || v.Unhealthy
	if out == e.out {
		return false
	}
	e.out, e.outFrom = out, now
	switch {
	case !out:
		e.failing, e.lastGood = false, now
	case e.failing:
		e.outFrom = e.since
	case e.sick:
		e.outFrom = e.sickFrom
	}
	return true
}
