package sim

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"lockstep/core"
)

// addWaits lets some placements of a configuration queue and some retry, by a
// hash of its own: the draws of everything else stay as they are.
func addWaits(s *core.Spec, h uint64) {
	s.Placements = slices.Clone(s.Placements)
	for i := range s.Placements {
		p := &s.Placements[i]
		x := fold(h, uint64(i)+1)
		bits := func(n uint64) uint64 {
			x = fold(x, n)
			return below(x, n)
		}
		if bits(2) == 0 {
			p.Limit.WhenFull, p.Limit.Queue, p.Limit.Wait = core.QueueWhenFull, int32(1+bits(5)), core.Duration(1+bits(400))*core.Millisecond
			p.Limit.Order = core.QueueOrder(bits(2))
			if p.Limit.InFlight == 0 || bits(2) == 0 {
				p.Limit.InFlight = int32(1 + bits(4))
				p.Limit.Guests = min(p.Limit.Guests, p.Limit.InFlight)
			}
		}
		if bits(2) == 0 {
			p.Retries = core.RetrySpec{Max: uint32(1 + bits(4)), On: core.RetryOn(bits(64)), Methods: core.RetryMethods(bits(3)), Floor: uint32(1 + bits(3))}
			if bits(4) == 0 {
				p.Retries.Floor, p.Retries.NoBudget = 0, true
			}
			if bits(3) == 0 {
				p.Timeouts.Request = core.Second
			}
		}
	}
}

// waitingPlan is a drawn plan in which much waits.
func waitingPlan(t *rapid.T) Plan {
	p := drawPlan(t)
	addWaits(&p.Spec, fold(p.Seed, 99))
	p.Clients[0].Method = core.Method(below(fold(p.Seed, 98), 3))
	if below(fold(p.Seed, 97), 4) == 0 {
		p.Clients[1].Length = -1 // a body of unknown length
	}
	for i := range p.Pushes {
		if s := p.Pushes[i].Spec; s != nil && i%2 == 0 {
			addWaits(s, fold(p.Seed, uint64(100+i)))
		}
	}
	return p
}

func TestNoDrawnPlanWithWaitsBreaksASafetyProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Run(waitingPlan(t), Options{Check: true})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		if r.Violated > 0 {
			t.Fatalf("%d violations, the first: %+v", r.Violated, r.Violations[0])
		}
		c, _ := total(&r)
		ends := c.OK + c.Lost + c.Unfinished
		for _, n := range c.ByClass {
			ends += n
		}
		if c.Arrivals != ends {
			t.Fatalf("%d arrivals, %d ends", c.Arrivals, ends)
		}
	})
}
