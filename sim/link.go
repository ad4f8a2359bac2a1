package sim

import (
	"cmp"
	"slices"

	"lockstep/core"
)

// link is the way between one router and one server as it is now.
type link struct {
	latency, jitter core.Duration
	loss            uint32
	cut             direction
	pooled          uint32 // cut one way: share of attempts that need no dial
}

// direction is a set of the two ways of a link.
type direction uint8

const (
	outward direction = 1 << iota // to the server
	back                          // to the router
)

// unanswered reports whether an attempt has to dial and nobody answers. A
// handshake needs both ways.
func (l *link) unanswered(c *call) bool {
	return l.cut == outward|back || !happens(draw(c.root, drawPooled), l.pooled)
}

// link returns the way between a router and an endpoint's server.
func (w *world) link(router uint32, endpoint int32) link {
	if len(w.links) == 0 {
		return w.way
	}
	return w.links[int(router)*len(w.servers)+int(w.dir.servers[endpoint])]
}

func (l *link) cross(h uint64) core.Duration {
	if l.jitter == 0 {
		return l.latency
	}
	return l.latency + core.Duration(below(h, uint64(l.jitter)+1))
}

// inFlight lists the calls in flight that match names. The order must not
// depend on the slab, where traffic of others has a place (R15).
func (w *world) inFlight(match func(c *call) bool) []uint32 {
	return w.listed(func(c *call) bool { return (c.phase == callWaiting || c.phase == callFlowing) && match(c) })
}

func (w *world) listed(match func(c *call) bool) (found []uint32) {
	for id := range w.calls.slab {
		if c := &w.calls.slab[id]; match(c) {
			found = append(found, uint32(id))
		}
	}
	slices.SortFunc(found, func(a, b uint32) int {
		x, y := &w.calls.slab[a], &w.calls.slab[b]
		return cmp.Or(cmp.Compare(x.arrived, y.arrived), cmp.Compare(x.request, y.request), cmp.Compare(x.tries, y.tries))
	})
	return found
}

// cutCalls resets the connections of every call that match names: before a
// response it is reset_before_response, after it broken_body. A call that is
// still dialing has no connection.
func (w *world) cutCalls(match func(c *call) bool) {
	for _, id := range w.inFlight(func(c *call) bool { return (c.phase == callFlowing || c.line >= 0 || c.alone) && match(c) }) {
		c := &w.calls.slab[id]
		w.leaveLine(c)
		if c.phase == callFlowing {
			c.class = core.BrokenBody
		} else {
			c.class, c.sent = core.ResetBeforeResponse, true
		}
		w.end(id, c)
	}
}
