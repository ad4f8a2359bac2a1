package sim

import (
	"cmp"
	"fmt"

	"lockstep/core"
)

// The table of R16, from the specification: what a refusal tells the client,
// and what an end does to a breaker (R7).

// refusal returns the status of a class with which a router may refuse a request
// that came by a route, 0 for any other.
func (c *checker) refusal(class core.Class, via uint16) uint16 {
	switch class {
	case core.NoKey, core.BadRequest:
		return 400
	case core.UnknownKey:
		if via > 0 {
			return cmp.Or(c.truth.spec.Routes[via-1].UnknownStatus, 421)
		}
		return cmp.Or(c.truth.spec.UnknownStatus, 421)
	case core.NoRoute:
		return cmp.Or(c.truth.spec.NoRouteStatus, 404)
	case core.Unauthorized:
		return 401
	case core.BodyTooLarge:
		return 413
	case core.LimitReached, core.FairShare:
		return 429
	case core.Shed, core.QueueTimeout, core.CircuitOpen, core.NoEndpoint, core.NotReady, core.Draining:
		return 503
	case core.Internal:
		return 500
	}
	return 0
}

// checkRefusal holds a refusal's answer against the table, and what else it says.
func (c *checker) checkRefusal(ev *core.Event, d *core.Decision) {
	if want := c.refusal(d.Class, ev.Via); want == 0 {
		c.fail("R16", d.Placement, -1, "", fmt.Sprintf("a request was refused as class %d, with which a router refuses nothing", d.Class))
	} else if d.Status != want {
		c.fail("R16", d.Placement, -1, "", fmt.Sprintf("a request refused as %s was told %d, by the table %d", d.Class, d.Status, want))
	}
	if d.Reason != ev.Route.Reason {
		c.fail("R4", d.Placement, -1, "", fmt.Sprintf("a refusal says reason %q, the key's own is %q", d.Reason, ev.Route.Reason))
	}
	if d.Circuit != core.CircuitNone && d.Class != core.CircuitOpen {
		c.fail("R4", d.Placement, -1, "", fmt.Sprintf("a refusal as %s says circuit %s, it has none", d.Class, d.Circuit))
	}
}

// ruleOf is the rule that a refusal before any look at an endpoint breaks.
func ruleOf(class core.Class) string {
	switch class {
	case core.NotReady:
		return "R13"
	case core.Draining:
		return "R14"
	}
	return "R16"
}

// effect is what an end that an edge reports does to a breaker.
func effect(class core.Class, status uint16) core.Effect {
	switch class {
	case core.ClassNone:
		if status >= 500 {
			return core.EffectFailure
		}
		return core.EffectOK
	case core.DNS, core.ConnectRefused, core.ConnectTimeout, core.TLS, core.ResetBeforeResponse, core.ResponseTimeout,
		core.BadResponse, core.Upstream5xx, core.BrokenBody, core.BodyTimeout:
		return core.EffectFailure
	}
	return core.EffectExcluded
}
