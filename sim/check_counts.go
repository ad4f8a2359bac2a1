package sim

import (
	"fmt"

	"lockstep/core"
)

// The router's books against the checker's own.

// compareCounts holds the router's counts of one endpoint and its placement
// against the attempts that the checker saw (R4).
func (c *checker) compareCounts(endpoint int32) {
	e := &c.endpoints[endpoint]
	v := c.r.core.Endpoint(endpoint)
	if v.Name == "" && e.inFlight == 0 {
		return // retired with its last attempt
	}
	if v.InFlight != int(e.inFlight) {
		c.failEndpoint("R4", endpoint, "limit", fmt.Sprintf("it holds %d slots, but serves %d requests", v.InFlight, e.inFlight))
	}
	if e.index >= 0 && v.Breaker != e.state {
		c.failEndpoint("R6", endpoint, "breaker", fmt.Sprintf("its breaker is %s, by the rules it is %s", v.Breaker, e.state))
	}
	p := &c.placements[e.placement]
	if inFlight, guests := c.r.core.PlacementCounts(e.placement); inFlight != int(p.inFlight) || guests != int(p.guests) {
		c.fail("R4", e.placement, -1, "limit", fmt.Sprintf("it counts %d in flight and %d guests, it has %d and %d", inFlight, guests, p.inFlight, p.guests))
	}
}

// compareOutcomes holds what the outcomes so far made of an endpoint's breaker
// against what they should have: a wrong count is a wrong outcome (R7), unless
// it is another endpoint's (R4).
func (c *checker) compareOutcomes(endpoint int32) {
	if what := c.miscounted(endpoint); what != "" {
		rule := "R7"
		for n := range c.endpoints {
			if int32(n) != endpoint && c.miscounted(int32(n)) != "" {
				rule = "R4"
			}
		}
		c.failEndpoint(rule, endpoint, "breaker", what)
	}
}

// miscounted says how the counts of a breaker are wrong, "" if they are right.
func (c *checker) miscounted(endpoint int32) string {
	e := &c.endpoints[endpoint]
	if e.index < 0 || e.home == "" {
		return ""
	}
	v := c.r.core.Endpoint(endpoint)
	switch {
	case v.Breaker != e.state:
		return "" // the notes and compareCounts say so
	case c.compareWindow(endpoint, e) != "":
		return c.compareWindow(endpoint, e)
	case e.state == core.Closed && v.Failures != int(e.failures):
		return fmt.Sprintf("it is charged with %d failures in a row, it had %d", v.Failures, e.failures)
	case e.state == core.HalfOpen && v.Successes != int(e.successes):
		return fmt.Sprintf("it is credited with %d good half-open probes, it had %d", v.Successes, e.successes)
	case e.state == core.HalfOpen && v.Probes != len(e.probes):
		return fmt.Sprintf("%d half-open probes count as out, %d are", v.Probes, len(e.probes))
	}
	return ""
}

// audit compares everything, at the end of a router's life and after a push.
func (c *checker) audit() {
	c.now = c.r.now()
	if c.r.core.Epoch() != c.epoch {
		c.fail("R12", -1, -1, "", "the epoch changed without a push")
	}
	c.checkAborted()
	if len(c.journeys) > 0 {
		c.auditWaits()
	}
	for n := range c.endpoints {
		if e := &c.endpoints[n]; e.home != "" {
			c.compareCounts(int32(n))
			c.compareOutcomes(int32(n))
			if v := c.r.core.Endpoint(int32(n)); e.index >= 0 && v.Unhealthy != e.unhealthy {
				c.failEndpoint("R8", int32(n), "health", "its health is not what its probes say")
			}
		}
	}
}
