package sim

import (
	"fmt"

	"lockstep/core"
)

// Panic (R9), from the rules: a placement panics while fewer of its endpoints
// are usable than its share, until ten points more are.

// panicNote is one note on panic that is expected.
type panicNote struct {
	at        core.Time
	kind      core.DecisionKind
	placement int32
	usable    uint32
}

// weighNotes follows, in the order of notes on breakers and health, what each
// does to its placement's panic.
func (c *checker) weighNotes() {
	for _, x := range c.expected {
		if x.endpoint < 0 || int(x.endpoint) >= len(c.endpoints) {
			continue
		}
		e := &c.endpoints[x.endpoint]
		switch x.kind {
		case core.NoteOpened, core.NoteUnhealthy:
			e.usable = false
		case core.NoteHalfOpened:
			e.usable = !e.unhealthy
		case core.NoteHealthy:
			e.usable = e.state != core.Open
		default:
			continue
		}
		c.weigh(x.at, e.placement)
	}
}

// weigh decides whether a placement is in panic from then on.
func (c *checker) weigh(at core.Time, number int32) {
	p := &c.placements[number]
	if p.index < 0 {
		return
	}
	row := &c.rows[p.index]
	usable, all := uint32(0), uint32(row.EndEP-row.FirstEP)
	for _, n := range c.numbers[row.FirstEP:row.EndEP] {
		usable += uint32(flag(c.endpoints[n].usable))
	}
	share, enough := usable*100, row.Panic
	if p.panicking {
		enough = min(row.Panic+10, 100)
	}
	now := share < all*enough && row.Panic > 0
	if now == p.panicking {
		return
	}
	p.panicking = now
	kind := core.NotePanicLeft
	if now {
		kind = core.NotePanicEntered
	}
	c.panics = append(c.panics, panicNote{at, kind, number, usable})
}

// weighAll weighs every placement under a new configuration.
func (c *checker) weighAll() {
	for n := range c.endpoints {
		e := &c.endpoints[n]
		e.usable = e.home != "" && e.index >= 0 && !e.unhealthy && e.state != core.Open
	}
	for n := range c.placements {
		c.weigh(c.now, int32(n))
	}
}

// matchPanic holds the notes on panic that came against those expected.
func (c *checker) matchPanic(decisions []core.Decision) {
	next := 0
	for i := range decisions {
		d := &decisions[i]
		if d.Kind != core.NotePanicEntered && d.Kind != core.NotePanicLeft {
			continue
		}
		got := panicNote{d.At, d.Kind, d.Placement, d.Count}
		if next == len(c.panics) || c.panics[next] != got {
			c.fail("R9", d.Placement, -1, "panic_percent", fmt.Sprintf("it is noted as %s with %d usable endpoints, which the rules do not allow here", d.Kind, d.Count))
			break
		}
		c.saw(map[bool]Situation{true: SawPanic, false: SawPanicLeft}[d.Kind == core.NotePanicEntered])
		next++
	}
	if next < len(c.panics) && c.w.result.Violated == 0 {
		x := c.panics[next]
		c.fail("R9", x.placement, -1, "panic_percent", fmt.Sprintf("it should have been noted as %s, %d of its endpoints are usable", x.kind, x.usable))
	}
	c.panics = c.panics[:0]
}

// onlyTests says of a placement in panic that passes its requests on whether an
// endpoint is to be tested, which alone may serve, and whether any is sound.
func (c *checker) onlyTests(row *core.PlacementInfo, key uint64) (tested, sound bool) {
	for _, n := range c.shardOf(row, key) {
		if c.obstacle(n, &row.Breaker) == free {
			sound = true
			tested = tested || c.endpoints[n].state != core.Closed
		}
	}
	return tested, sound
}

// checkPanic judges an admission by a placement in panic.
func (c *checker) checkPanic(d *core.Decision, e *endpointModel, want *ruling) {
	p := &c.placements[e.placement]
	if p.panicking && c.rows[p.index].PanicDo != core.PanicAll && !d.Probe && !want.chosen && want.resort < 0 {
		c.failEndpoint("R9", d.Endpoint, "panic", "a request that is no test was served although its placement is in panic")
	}
}

// homeOf is the number of a placement.
func (c *checker) homeOf(row *core.PlacementInfo) int32 {
	return c.endpoints[c.numbers[row.FirstEP]].placement
}
