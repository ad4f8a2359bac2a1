package explore

import "lockstep/core"

// compare holds the router against the model after every step: what the
// identity of a state is made of, the router must agree with.
func (w *world) compare() {
	r := &w.router
	if got, want := r.InFlight(), int(w.n); got != want {
		w.fail("R4", "%d slots are taken, %d requests are in flight", got, want)
	}
	if r.Epoch() != w.epoch() {
		w.fail("R12", "the epoch is %d.%d, by the rules %d.%d", r.Epoch().Term, r.Epoch().Number, w.epoch().Term, w.epoch().Number)
	}
	if at := r.Deadline(); at != w.deadline() && (at < horizon || w.deadline() != core.Never) {
		w.fail("R6", "the router wants to be called at %d, by the rules at %d", at, w.deadline())
	}
	if r.Counters().Bugs > 0 {
		w.fail("R16", "the router noted a bug of its own")
	}
	for p := range w.placements {
		inFlight, guests := w.load(p)
		if v := r.Placement(r.PlacementNumber(p)); v.InFlight != int(inFlight) || v.Guests != int(guests) {
			w.fail("R4", "%s counts %d in flight and %d guests, it has %d and %d", w.placements[p], v.InFlight, v.Guests, inFlight, guests)
		}
	}
	for e := range w.ids {
		if w.endpoints[e].number >= 0 {
			w.compareEndpoint(e)
		}
	}
	for i := range w.attempts[:w.n] {
		w.compareAttempt(&w.attempts[i])
	}
}

func (w *world) compareEndpoint(e int) {
	p, v := &w.endpoints[e], w.router.Endpoint(w.endpoints[e].number)
	serving := 0
	for i := range w.attempts[:w.n] {
		if int(w.attempts[i].endpoint) == e {
			serving++
		}
	}
	switch {
	case v.URL != w.ids[e].url || (v.Index >= 0) != p.current:
		w.fail("R12", "%s is not where the configuration has it", w.short(e))
	case v.InFlight != serving:
		w.fail("R4", "%s counts %d in flight, it serves %d", w.short(e), v.InFlight, serving)
	case v.Breaker != p.state:
		w.fail("R6", "the breaker of %s is %s, by the rules it is %s", w.short(e), v.Breaker, p.state)
	case v.Failures != int(p.failures):
		w.fail("R4", "%s is charged with %d failures in a row, it had %d", w.short(e), v.Failures, p.failures)
	case v.Successes != int(p.successes) || v.Reopened != int(p.reopened):
		w.fail("R6", "%s counts %d good probes and %d relapses, it had %d and %d", w.short(e), v.Successes, v.Reopened, p.successes, p.reopened)
	case v.Probes != int(w.probesOut(e)):
		w.fail("R6", "%s counts %d half-open probes, %d are out", w.short(e), v.Probes, w.probesOut(e))
	case p.state == core.Open && v.Until != p.until:
		w.fail("R6", "%s is open until %d, by the rules until %d", w.short(e), v.Until, p.until)
	case v.Unhealthy != p.unhealthy || v.Streak != 0 || v.Probing != (p.token != 0):
		w.fail("R8", "the health of %s is not what its probes say", w.short(e))
	}
}

func (w *world) compareAttempt(a *attempt) {
	v, ok := w.router.Attempt(a.handle)
	e := w.endpoints[a.endpoint]
	if !ok || v.Endpoint != e.number || v.Guest != a.guest || v.Probe != a.probe || v.Replied != a.replied {
		w.fail("R4", "an attempt at %s is not what was admitted", w.short(int(a.endpoint)))
	} else if v.Current != a.ticket {
		w.fail("R6", "an attempt at %s holds a ticket that counts: %t, by the rules %t", w.short(int(a.endpoint)), v.Current, a.ticket)
	}
}
