package sim

import "lockstep/core"

// checkCalm judges one request's end: in the healthy remainder none may fail.
func (w *world) checkCalm(c *call, class core.Class) {
	if c.arrived < w.calm || !w.options.Check {
		return
	}
	switch class {
	case core.ClassNone, core.NoKey, core.UnknownKey, core.BodyTooLarge, core.ClientGone:
		return
	}
	v := Violation{Property: "liveness", Detail: "a request ended as " + class.String() + " although everything is healthy again"}
	if c.home >= 0 {
		v.Placement = w.dir.placements[c.home]
	}
	w.violate(&w.routers[c.router], v)
}

// checkLiveness judges the routers when the clients stop: every breaker is
// closed, or is ready and waits for a request.
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
			late := v.Breaker == core.Open && v.Until > w.now || v.Breaker == core.HalfOpen && v.Probes > 0
			if late && v.Until > w.calm {
				w.violate(r, Violation{Property: "liveness", Placement: r.core.Placement(v.Placement).Name, Endpoint: v.Name,
					Detail: "its breaker is " + v.Breaker.String() + " although everything is healthy again"})
			}
			if v.Unhealthy {
				w.violate(r, Violation{Property: "liveness", Placement: r.core.Placement(v.Placement).Name, Endpoint: v.Name,
					Detail: "it is unhealthy although everything is healthy again"})
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
