package sim

import (
	"math/bits"

	"lockstep/core"
)

// States is a set of what happened in runs: of each endpoint a state, an event
// and the next state; of each arrival how its candidates stood and what became
// of it; of each push what it met; and every two situations of one run. Members
// are hashed to 16 bits, so that now and then two count as one. The zero States
// is empty.
type States struct{ set [1 << 16 / 64]uint64 }

// Count returns how many members s has.
func (s *States) Count() (n int) {
	for _, w := range s.set {
		n += bits.OnesCount64(w)
	}
	return n
}

// Merge adds the members of o and returns how many of them are new to s.
func (s *States) Merge(o *States) (fresh int) {
	for i, w := range o.set {
		fresh += bits.OnesCount64(w &^ s.set[i])
		s.set[i] |= w
	}
	return fresh
}

func (s *States) add(h uint64) {
	h = fold(h, golden) >> 48
	s.set[h/64] |= 1 << (h % 64)
}

// Kinds of members, so that equal words of different kinds stay apart.
const (
	memberEndpoint uint64 = iota
	memberArrival
	memberPush
	memberPair
)

// pairs adds every two situations of one run.
func (s *States) pairs(c Coverage) {
	for a := range situations {
		for b := range a {
			if c.Has(a) && c.Has(b) {
				s.add(fold(memberPair, uint64(a)<<8|uint64(b)))
			}
		}
	}
}

// cover adds what one step did, read from the checker's model.
func (c *checker) cover(s *States, ev *core.Event, decisions []core.Decision) {
	what := uint64(ev.Kind)
	for i := range decisions {
		if d := &decisions[i]; isNote(d.Kind) {
			c.coverEndpoint(s, d.Endpoint, what|uint64(d.Kind)<<8)
		}
	}
	switch ev.Kind {
	case core.Arrive:
		if ev.Handle.Gen != 0 {
			break
		}
		d := &decisions[len(decisions)-1]
		if ev.Route.Refuse == core.ClassNone && c.config != nil {
			c.coverArrival(s, &ev.Route, d)
		}
		if d.Kind == core.Forward {
			c.coverEndpoint(s, d.Endpoint, what|uint64(d.Failover)<<16|uint64(flag(d.Probe))<<24)
		}
	case core.Reply, core.Finish:
		if int(ev.Handle.Slot) < len(c.attempts) {
			c.coverEndpoint(s, c.attempts[ev.Handle.Slot].endpoint, what|uint64(effect(ev.Class, ev.Status))<<16)
		}
	case core.Probed:
		c.coverEndpoint(s, ev.Endpoint, what|uint64(flag(ev.OK))<<16)
	case core.Adopt, core.Drain:
		what |= uint64(decisions[len(decisions)-1].Cause) << 16
		for n := range c.endpoints {
			s.add(fold(fold(memberPush, what), c.stand(int32(n))))
			c.coverEndpoint(s, int32(n), what)
		}
	}
}

// coverEndpoint adds the step of endpoint n from the state in which it was last seen.
func (c *checker) coverEndpoint(s *States, n int32, what uint64) {
	if n < 0 || int(n) >= len(c.endpoints) || c.endpoints[n].home == "" {
		return
	}
	e := &c.endpoints[n]
	next := c.stand(n)
	s.add(fold(fold(fold(memberEndpoint, e.stood), what), next))
	e.stood = next
}

// stand is the state of endpoint n as far as States tells states apart.
func (c *checker) stand(n int32) uint64 {
	e := &c.endpoints[n]
	p := &c.placements[e.placement]
	bits := [...]bool{
		e.state == core.Open, e.state == core.HalfOpen, e.state == core.Open && c.now >= e.until,
		e.failures > 0, e.reopened > 0, len(e.probes) > 0, e.unhealthy, e.streak > 0, e.inFlight > 0,
		e.index < 0, p.guests > 0, c.draining, p.index >= 0 && c.full(p), p.panicking,
	}
	word := uint64(0)
	for i, b := range bits {
		word |= uint64(flag(b)) << i
	}
	return word
}

// full says whether a placement has no room left, for anybody or for guests.
func (c *checker) full(p *placementModel) bool {
	l := &c.rows[p.index].Limit
	return l.InFlight > 0 && p.inFlight >= l.InFlight || l.Guests > 0 && p.guests >= l.Guests
}

// coverArrival adds how each candidate of a home stood when a request came, and
// what was decided.
func (c *checker) coverArrival(s *States, route *core.Route, d *core.Decision) {
	h := fold(memberArrival, uint64(d.Kind)|uint64(d.Class)<<8|uint64(d.Failover)<<16|uint64(flag(d.Probe))<<24)
	for i, at := range c.rows[route.Placement].Candidates {
		row := &c.rows[at]
		usable, broken, sick, capped := c.survey(row, route.Key)
		guestFull, full := c.room(row, c.homes[at], i > 0)
		h = fold(h, uint64(flag(usable))|uint64(flag(broken >= 0))<<1|uint64(flag(sick >= 0))<<2|uint64(flag(guestFull))<<3|uint64(flag(full))<<4|
			uint64(flag(capped))<<6|uint64(flag(c.homes[at] == d.Placement))<<5)
	}
	s.add(h)
}
