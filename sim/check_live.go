package sim

import "lockstep/core"

// checkCalm judges one request's end: in the healthy remainder none may fail,
// but where every router was told to drain, which nothing but a restart ends.
func (w *world) checkCalm(c *call, class core.Class) {
	if c.arrived < w.calm || !w.options.Check {
		return
	}
	switch class {
	case core.ClassNone, core.NoKey, core.UnknownKey, core.BodyTooLarge, core.ClientGone, core.Draining:
		return
	}
	v := Violation{Property: "liveness", Detail: "a request ended as " + class.String() + " although everything is healthy again"}
	if c.home >= 0 {
		v.Placement = w.dir.placements[c.home]
	}
	w.violate(&w.routers[c.router], v)
}

// checkLiveness judges the routers when the clients stop: no breaker is still
// open, but for one that is ready and waits for a request; no endpoint is
// unhealthy. A half-open breaker is on its way: if it were stuck, requests would fail.
func (w *world) checkLiveness() {
	for i := range w.routers {
		r := &w.routers[i]
		if r.core == nil {
			continue
		}
		for n := range r.core.Endpoints() {
			v := r.core.Endpoint(int32(n))
			if v.Name == "" || v.Index < 0 {
				continue
			}
			found := Violation{Property: "liveness", Placement: r.core.Placement(v.Placement).Name, Endpoint: v.URL}
			if v.Breaker == core.Open && v.Until > r.now() {
				found.Detail = "its breaker is open although everything is healthy again"
				w.violate(r, found)
			}
			if v.Unhealthy {
				found.Detail = "it is unhealthy although everything is healthy again"
				w.violate(r, found)
			}
		}
	}
}

// violate books a broken property of a router.
func (w *world) violate(r *router, v Violation) {
	w.result.Violated++
	if len(w.result.Violations) >= maxViolations {
		return
	}
	v.At, v.Step, v.Router = w.now, r.steps, int(r.number)+1
	w.result.Violations = append(w.result.Violations, v)
}
