package sim

import (
	"fmt"

	"lockstep/core"
)

// Drain (R14), from the rules: at the deadline what is in flight is aborted,
// lowest slot first, so many in one step, and then `drained` is noted.

// maxAborts is how many attempts one step may abort.
const maxAborts = 256

// cut is an abort that is due, or the note that all are done.
type cut struct {
	at       core.Time
	kind     core.DecisionKind
	handle   core.Handle
	endpoint int32
	count    uint32
}

// drain begins a drain.
func (c *checker) drain(ev *core.Event, d *core.Decision) {
	c.draining, c.abortFrom = true, 0
	c.drainAt = max(ev.Deadline, c.now)
	if d.Kind != core.NoteDraining || d.Until != c.drainAt {
		c.fail("R14", -1, -1, "", fmt.Sprintf("a drain got %s until %d, by the rules its deadline is %d", d.Kind, d.Until, c.drainAt))
	}
}

// fireDrain works out the aborts that this step owes.
func (c *checker) fireDrain() {
	at, count := c.drainAt, uint32(0)
	c.drainAt = core.Never
	done := 0
	for ; c.abortFrom < max(len(c.attempts), len(c.journeys)); c.abortFrom++ {
		h, waits := c.waitsIn(c.abortFrom)
		if !waits && (c.abortFrom >= len(c.attempts) || c.attempts[c.abortFrom].gen == 0) {
			continue
		}
		if done == maxAborts {
			c.drainAt = c.now + 1
			return
		}
		if done++; waits {
			c.cuts = append(c.cuts, cut{at, core.Reject, h, -1, 0})
			continue
		}
		a := &c.attempts[c.abortFrom]
		a.aborted = c.now
		c.cuts = append(c.cuts, cut{at, core.Abort, core.Handle{Slot: uint32(c.abortFrom), Gen: a.gen}, a.endpoint, 0})
		count++
	}
	c.abortFrom = 0
	c.cuts = append(c.cuts, cut{at: at, kind: core.NoteDrained, endpoint: -1, count: count})
}

// aborted holds an abort, or the note that none is left, against what is owed.
func (c *checker) aborted(d *core.Decision) {
	got := cut{d.At, d.Kind, d.Handle, d.Endpoint, d.Count}
	if len(c.cuts) == 0 {
		c.failEndpoint("R14", d.Endpoint, "", fmt.Sprintf("%s came when no abort was due", d.Kind))
		return
	}
	if want := c.cuts[0]; got != want || d.Kind == core.Abort && d.Class != core.Draining {
		c.failEndpoint("R14", d.Endpoint, "", fmt.Sprintf("a drain decided %s of slot %d, by the rules %s of slot %d", got.kind, got.handle.Slot, want.kind, want.handle.Slot))
	}
	c.cuts = c.cuts[1:]
}

// endDrain closes the books of one step.
func (c *checker) endDrain() {
	if len(c.cuts) > 0 {
		c.fail("R14", -1, -1, "", fmt.Sprintf("a drain owes %d more decisions, the next is %s", len(c.cuts), c.cuts[0].kind))
	}
	c.cuts = c.cuts[:0]
}

// checkAborted holds the edge to its word: what was aborted has ended.
func (c *checker) checkAborted() {
	for slot := range c.attempts {
		if a := &c.attempts[slot]; a.gen != 0 && a.aborted > 0 && a.aborted < c.now {
			c.failEndpoint("R14", a.endpoint, "", fmt.Sprintf("the attempt in slot %d was aborted and never ended", slot))
		}
	}
}
