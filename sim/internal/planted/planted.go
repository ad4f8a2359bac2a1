// Package planted is the table of bugs that the checkers of sim, and the search
// over them, are tried on: at least one for every property. Tests import it.
package planted

import "lockstep/core"

// Bug is one bug and the property that must find it.
type Bug struct {
	Property string
	Name     string
	// Alone leaves out every other property of the router, which would see the
	// bug first: its own must find it without help.
	Alone bool
	// Waits says that it shows only where requests wait or are retried.
	Waits bool
	// Routed needs a configuration of several routes and a key that is split.
	Routed bool
	// Seeds of the search, over the configuration of the tests, are enough to find it.
	Seeds  uint64
	Tamper func() Tamper // for one run
	// Guarded needs a configuration with push guards.
	Guarded bool
	// Choice searches in a configuration with ratio trips, hashing and what else R6 and R10 offer.
	Choice bool
}

// Tamper has the fields of sim.Tamper, which this package cannot import: the
// tests of sim import this package.
type Tamper struct {
	Spec   func(s *core.Spec)
	Event  func(r *core.Router, now core.Time, ev *core.Event)
	Decide func(r *core.Router, now core.Time, ev *core.Event, d *core.Decision)
}

// Bugs returns the table, what belongs together side by side.
func Bugs() (all []Bug) {
	for _, list := range [][]Bug{routes(), ways(), admissions(), caps(), shares(), panics(), breakers(), selections(), choices(), pushes(), guards(), drains(), relations(), waits(), again()} {
		all = append(all, list...)
	}
	return all
}

// spec, event and decide make the Tamper of a bug that keeps no state.
func spec(change func(s *core.Spec)) func() Tamper {
	return func() Tamper { return Tamper{Spec: change} }
}

func event(change func(r *core.Router, ev *core.Event)) func() Tamper {
	return func() Tamper {
		return Tamper{Event: func(r *core.Router, _ core.Time, ev *core.Event) { change(r, ev) }}
	}
}

func decide(change func(r *core.Router, ev *core.Event, d *core.Decision)) func() Tamper {
	return func() Tamper {
		return Tamper{Decide: func(r *core.Router, _ core.Time, ev *core.Event, d *core.Decision) { change(r, ev, d) }}
	}
}

// release gives back the slot of an admission that is about to become something else.
func release(r *core.Router, d *core.Decision) {
	if d.Kind == core.Forward {
		r.Step(r.Now(), &core.Event{Kind: core.Finish, Handle: d.Handle, Class: core.ClientGone}, nil)
	}
}

// refuse turns a decision into a refusal.
func refuse(r *core.Router, d *core.Decision, class core.Class) {
	release(r, d)
	*d = core.Decision{
		Kind: core.Reject, Rule: 3, Class: class, Status: class.Row().Status,
		Reason: d.Reason, Failover: d.Failover, Placement: d.Placement, Endpoint: -1, At: d.At,
	}
}

// spare is a slot that no router of a test comes to use.
const spare = 5000

// admit turns a decision into an attempt at endpoint n.
func admit(r *core.Router, d *core.Decision, n int32) {
	release(r, d)
	e := r.Endpoint(n)
	*d = core.Decision{
		Kind: core.Forward, Rule: 3, Handle: core.Handle{Slot: spare, Gen: 1}, Reason: d.Reason, Failover: d.Failover,
		Circuit: e.Breaker, Probe: e.Breaker == core.HalfOpen, Placement: e.Placement, Endpoint: n, At: d.At,
	}
}

// guest reports whether d admits a request that came by failover.
func guest(r *core.Router, ev *core.Event, d *core.Decision) bool {
	return ev.Kind == core.Arrive && d.Kind == core.Forward && d.Placement != r.PlacementNumber(int(ev.Route.Placement))
}

// decided reports whether d is the decision about a request with a home.
func decided(ev *core.Event, d *core.Decision) bool {
	return ev.Kind == core.Arrive && ev.Route.Placement >= 0 && (d.Kind == core.Forward || d.Kind == core.Reject) && d.Class != core.Draining
}

// among returns the first endpoint of a placement, by index, that passes.
func among(r *core.Router, placement int32, passes func(n int32, e *core.EndpointView) bool) (int32, bool) {
	p := r.Config().Placement(int(placement))
	for i := p.FirstEP; i < p.EndEP; i++ {
		n := r.EndpointNumber(i)
		if e := r.Endpoint(n); passes(n, &e) {
			return n, true
		}
	}
	return -1, false
}

// usable passes endpoints that nothing blocks.
func usable(_ int32, e *core.EndpointView) bool { return e.Breaker == core.Closed && !e.Unhealthy }

// atCap passes sound endpoints whose own cap is reached.
func atCap(r *core.Router) func(n int32, e *core.EndpointView) bool {
	return func(n int32, e *core.EndpointView) bool {
		limit := int(r.Config().Endpoint(e.Index).Limit)
		return usable(n, e) && limit > 0 && e.InFlight == limit
	}
}

// spin sends one request of its own through every placement, so that rotations
// take a step and nothing else is left of it.
func spin(r *core.Router, now core.Time) {
	if r.Deadline() <= now {
		return // what is due would fire here, and nobody would hear of it
	}
	for i := range r.Config().Placements() {
		if _, quiet := among(r, int32(i), func(_ int32, e *core.EndpointView) bool { return !usable(0, e) || e.Failures > 0 }); quiet {
			continue
		}
		out := r.Step(now, &core.Event{Kind: core.Arrive, Route: core.Route{Placement: int32(i)}, Epoch: r.Epoch()}, nil)
		if d := &out[len(out)-1]; d.Kind == core.Forward {
			r.Step(now, &core.Event{Kind: core.Finish, Handle: d.Handle, Status: 200}, nil)
		}
	}
}
