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
	truth      *truth // of config
	past       *life  // before the last crash; nil for none
	ruling     ruling // of the arrival that comes, when ruled
	ruled      bool
	digest     uint64 // before an event that may change nothing, when remembered
	remembered bool
	unchanged  bool // the push that was judged is in force already
	draining   bool
	drainAt    core.Time            // the next aborts; Never for none
	abortFrom  int                  // slot at which they begin
	cuts       []cut                // what a drain owes in this step, in order
	rows       []core.PlacementInfo // by index of the configuration
	numbers    []int32              // number of the endpoint at each index
	homes      []int32              // number of the placement at each index
	endpoints  []endpointModel      // by number
	placements []placementModel     // by number
	attempts   []attemptModel       // by slot
	journeys   []journeyModel       // by slot
	accounts   []namedAccount
	joins      uint64        // counts those who joined a queue
	late       core.Time     // of a Step whose deadlines are judged as of their own times
	noted      int           // the place in the step's decisions up to which notes are matched
	judged     []bool        // by decision of the step: about a request that waited, and judged
	asking     *journeyModel // whose evaluation is under way; nil for a new request
	itsTurn    bool          // it is its turn in its home's queue
	fresh      bool          // endpoints that it has tried are passed over
	nextGuard  core.Time     // no guard or active probe is due before
	owed       []dueProbe    // active probes that this step must send
	expected   []expectation // notes that this step must make, in order
	panics     []panicNote   // notes on panic, likewise
	moves      []limitNote   // notes on adaptive limits, likewise
	adaptive   bool          // some placement has had one
	admissible []int32       // scratch of one selection
}

// life is what a router's disk must hold when it crashes (R13).
type life struct {
	config *core.Config
	epoch  core.Epoch
}

// newChecker returns a checker of a router that has seen nothing yet; before
// is the checker of its life before a crash, nil for none.
func newChecker(w *world, r *router, before *checker) *checker {
	c := &checker{w: w, r: r, nextGuard: core.Never, drainAt: core.Never}
	if before != nil {
		c.past = &life{before.config, before.epoch}
	}
	return c
}

// remember keeps the digest that the next event may have to leave as it is. If
// deadlines fire with that event, they change the state rightly.
func (c *checker) remember() {
	if c.r.core.Deadline() > c.r.now() {
		c.digest, c.remembered = c.r.core.Digest(), true
	}
}

// step judges one step.
func (c *checker) step(now core.Time, ev *core.Event, decisions []core.Decision) {
	c.now = now
	c.noted = 0
	if now >= c.nextGuard {
		c.fireGuards()
		c.noted = c.match(decisions, 0)
	}
	c.endWindows()
	if now >= c.drainAt {
		c.fireDrain()
	}
	for i := range decisions {
		switch d := &decisions[i]; d.Kind {
		case core.Probe:
			c.probeSent(d)
		case core.Abort, core.NoteDrained:
			c.aborted(d)
		case core.Reject:
			if d.Class == core.Draining && d.Handle.Gen != 0 {
				c.aborted(d)
			}
		}
	}
	c.endDrain()
	c.endProbes()
	c.judged = c.judged[:0]
	if len(c.journeys) > 0 {
		c.judged = append(c.judged[:0], make([]bool, len(decisions))...)
		c.awaited(ev, decisions, true)
		c.overdue()
	}
	switch ev.Kind {
	case core.Arrive:
		if ev.Handle.Gen != 0 {
			c.matchedAgain(ev)
			break
		}
		c.arrive(ev, &decisions[len(decisions)-1])
		if len(c.judged) > 0 {
			c.judged[len(c.judged)-1] = true
		}
	case core.Reply:
		c.reply(ev, decisions)
	case core.Finish:
		c.finish(ev, decisions)
	case core.Probed:
		c.probed(ev)
	case core.Adopt:
		c.adopted(ev, decisions)
	case core.Control:
		c.control(decisions)
	case core.Drain:
		c.drain(ev, &decisions[len(decisions)-1])
	}
	if len(c.journeys) > 0 {
		c.awaited(ev, decisions, false)
		c.afterStep(ev)
	}
	c.checkState(ev, decisions)
	for n := c.match(decisions, c.noted); n < len(decisions); n++ {
		if d := &decisions[n]; isNote(d.Kind) {
			c.failEndpoint(noteRule(d.Kind), d.Endpoint, "breaker", fmt.Sprintf("it is noted as %s, which the rules do not allow here", d.Kind))
		}
	}
	c.matchPanic(decisions)
	c.matchLimits(decisions)
	if s := c.w.options.States; s != nil {
		c.cover(s, ev, decisions)
	}
}

// control judges news of the control plane: it decides nothing (R13).
func (c *checker) control(decisions []core.Decision) {
	if d := &decisions[len(decisions)-1]; d.Kind != core.NoteControl {
		c.fail("R13", -1, -1, "", fmt.Sprintf("the control plane's silence or return led to %s", d.Kind))
	}
}

// checkState holds the router's state against what must not change it: a
// refusal (R2), a push that is refused or in force (R12), and news of the control plane (R13).
func (c *checker) checkState(ev *core.Event, decisions []core.Decision) {
	if c.remembered && c.r.core.Digest() != c.digest {
		switch last := &decisions[len(decisions)-1]; {
		case last.Kind == core.Reject:
			c.fail("R2", last.Placement, -1, "", fmt.Sprintf("a request refused as %s changed the state", last.Class))
		case ev.Kind == core.Control:
			c.fail("R13", -1, -1, "", "the control plane's silence or return changed the state")
		case last.Kind == core.Nack, last.Kind == core.Ack && c.unchanged:
			c.fail("R12", -1, -1, "", "a push that changes nothing changed the state")
		}
	}
	c.remembered, c.ruled, c.unchanged = false, false, false
}

// match finds the notes that are expected, in order, among the decisions from
// one on, and returns the place after the last of them.
func (c *checker) match(decisions []core.Decision, from int) int {
	c.weighNotes()
	for _, e := range c.expected {
		i := from
		for i < len(decisions) && !isNote(decisions[i].Kind) {
			i++
		}
		if i == len(decisions) || e != (expectation{decisions[i].At, decisions[i].Kind, decisions[i].Endpoint, decisions[i].Trip}) {
			c.failEndpoint(noteRule(e.kind), e.endpoint, "breaker", fmt.Sprintf("it should have been noted as %s (%s)", e.kind, e.trip))
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
	c.expectTrip(k, endpoint, core.TripConsecutive)
}

func (c *checker) expectTrip(k core.DecisionKind, endpoint int32, trip core.Trip) {
	c.expected = append(c.expected, expectation{c.now, k, endpoint, trip})
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
