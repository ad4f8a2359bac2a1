package sim

import (
	"fmt"

	"lockstep/core"
)

// checker is a second opinion on one router, written from the rules and not
// from core's code: it reads events, decisions and views only. After every
// step it works out what should have happened and compares. README.md lists
// the properties.
type checker struct {
	w *world
	r *router

	now        core.Time
	config     *core.Config
	epoch      core.Epoch
	digest     uint64 // before the push that is being judged
	draining   bool
	rows       []core.PlacementInfo // by index of the configuration
	numbers    []int32              // number of the endpoint at each index
	homes      []int32              // number of the placement at each index
	endpoints  []endpointModel      // by number
	placements []placementModel     // by number
	attempts   []attemptModel       // by slot
	nextGuard  core.Time            // no guard is due before
	expected   []expectation        // notes that this step must make, in order
}

// endpointModel is what the rules say of one endpoint.
type endpointModel struct {
	url       string
	home      string // name of its placement; "" for a free number
	placement int32
	index     int32 // of the configuration, -1 while retiring
	inFlight  int32

	state     core.Circuit
	ticket    uint32 // grows whenever outcomes of before stop counting
	failures  uint32
	successes uint32
	reopened  uint32
	until     core.Time
	probes    []probeModel

	unhealthy bool
	streak    uint32
	token     uint32
	guard     core.Time // of the active probe

	stood uint64 // when it was last covered: see States
}

// probeModel is one half-open probe that is out.
type probeModel struct {
	slot  uint32
	guard core.Time
}

type placementModel struct {
	name     string
	index    int32 // of the configuration, -1 once removed
	inFlight int32
	guests   int32
}

type attemptModel struct {
	gen      uint32 // 0 for a free slot
	endpoint int32
	ticket   uint32
	guest    bool
	replied  bool
}

// expectation is one note on a breaker or on health.
type expectation struct {
	at       core.Time
	kind     core.DecisionKind
	endpoint int32
}

func newChecker(w *world, r *router) *checker {
	return &checker{w: w, r: r, nextGuard: core.Never}
}

// step judges one step.
func (c *checker) step(now core.Time, ev *core.Event, decisions []core.Decision) {
	c.now = now
	noted := 0
	if now >= c.nextGuard {
		c.fireGuards()
		noted = c.match(decisions, 0)
	}
	for i := range decisions {
		if decisions[i].Kind == core.Probe {
			c.probeSent(&decisions[i])
		}
	}
	switch ev.Kind {
	case core.Arrive:
		c.arrive(ev, &decisions[len(decisions)-1])
	case core.Reply:
		c.reply(ev)
	case core.Finish:
		c.finish(ev)
	case core.Probed:
		c.probed(ev)
	case core.Adopt:
		c.adopted(ev, decisions)
	case core.Drain:
		c.draining = true
	}
	for noted = c.match(decisions, noted); noted < len(decisions); noted++ {
		if d := &decisions[noted]; isNote(d.Kind) {
			c.failEndpoint(noteRule(d.Kind), d.Endpoint, "breaker", fmt.Sprintf("it is noted as %s, which the rules do not allow here", d.Kind))
		}
	}
	if s := c.w.options.States; s != nil {
		c.cover(s, ev, decisions)
	}
}

// match finds the notes that are expected, in order, among the decisions from
// one on, and returns the place after the last of them.
func (c *checker) match(decisions []core.Decision, from int) int {
	for _, e := range c.expected {
		i := from
		for i < len(decisions) && !isNote(decisions[i].Kind) {
			i++
		}
		if i == len(decisions) || e != (expectation{decisions[i].At, decisions[i].Kind, decisions[i].Endpoint}) {
			c.failEndpoint(noteRule(e.kind), e.endpoint, "breaker", fmt.Sprintf("it should have been noted as %s", e.kind))
			continue
		}
		c.opened(&decisions[i])
		from = i + 1
	}
	c.expected = c.expected[:0]
	return from
}

// isNote reports whether a decision is one of those that expectations are about.
func isNote(k core.DecisionKind) bool { return k >= core.NoteOpened && k <= core.NoteUnhealthy }

func noteRule(k core.DecisionKind) string {
	if k == core.NoteHealthy || k == core.NoteUnhealthy {
		return "R8"
	}
	return "R6"
}

func (c *checker) expect(k core.DecisionKind, endpoint int32) {
	c.expected = append(c.expected, expectation{c.now, k, endpoint})
}

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
	if e.state == core.Closed && v.Failures != int(e.failures) && e.index >= 0 {
		c.failEndpoint("R4", endpoint, "breaker", fmt.Sprintf("it is charged with %d failures in a row, it had %d", v.Failures, e.failures))
	}
	p, pv := &c.placements[e.placement], c.r.core.Placement(e.placement)
	if pv.InFlight != int(p.inFlight) || pv.Guests != int(p.guests) {
		c.fail("R4", e.placement, -1, "limit", fmt.Sprintf("it counts %d in flight and %d guests, it has %d and %d", pv.InFlight, pv.Guests, p.inFlight, p.guests))
	}
}

// audit compares everything, at the end of a router's life and after a push.
func (c *checker) audit(now core.Time) {
	c.now = now
	if c.r.core.Epoch() != c.epoch {
		c.fail("R12", -1, -1, "", "the epoch changed without a push")
	}
	for n := range c.endpoints {
		if e := &c.endpoints[n]; e.home != "" {
			c.compareCounts(int32(n))
			if v := c.r.core.Endpoint(int32(n)); e.index >= 0 && v.Unhealthy != e.unhealthy {
				c.failEndpoint("R8", int32(n), "health", "its health is not what its probes say")
			}
		}
	}
}

// fail books a violation; placement and endpoint are numbers or -1, key is the
// part of the placement's configuration to look at.
func (c *checker) fail(property string, placement, endpoint int32, key, detail string) {
	v := Violation{Property: property, Detail: detail}
	if placement >= 0 && int(placement) < len(c.placements) {
		v.Placement = c.placements[placement].name
		if key != "" {
			v.Key = "placements." + v.Placement + "." + key
		}
	}
	if endpoint >= 0 && int(endpoint) < len(c.endpoints) {
		v.Endpoint = c.endpoints[endpoint].url
	}
	c.w.violate(c.r, v)
}

func (c *checker) failEndpoint(property string, endpoint int32, key, detail string) {
	placement := int32(-1)
	if endpoint >= 0 && int(endpoint) < len(c.endpoints) {
		placement = c.endpoints[endpoint].placement
	}
	c.fail(property, placement, endpoint, key, detail)
}
