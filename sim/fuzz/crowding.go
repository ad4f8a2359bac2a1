package fuzz

import (
	"slices"
	"strings"

	"lockstep/core"
	"lockstep/sim"
)

// Where all answers take equally long, those who came first keep their slots for
// good, and guests alone are refused, or those at home alone. So who is refused
// for whom is learned from a second run of the same loss, with uneven answers.

// uneven makes a service time up to a tenth shorter or longer, evenly drawn.
func uneven(s *sim.Service) {
	low, high := s.Typical-s.Typical/10, s.Typical+s.Typical/10+1
	s.Shape, s.Histogram = sim.Empirical, []sim.Bucket{{UpTo: low}, {UpTo: high, Count: 1}}
}

// loseAll tries what one loss breaks.
func (t *Target) loseAll(l *Loss) Outcome {
	out := t.loseOnce(l)
	f := out.Finding
	first := f == nil && slices.ContainsFunc(t.Must, func(p Promise) bool { return p.Kind == HomeFirst })
	refused := f != nil && f.Lost != "" && f.At >= settled && refusedSince(&f.Result, f.At)
	if out.Err != nil || !l.single() || !first && !refused {
		return out
	}
	second := *l
	second.uneven = true
	more := t.loseOnce(&second)
	out.Requests, out.Steps = out.Requests+more.Requests, out.Steps+more.Steps
	if first {
		out.Err = more.Err // a stopped second run is no reason to say that the promise holds
	}
	switch g := more.Finding; {
	case g == nil:
	case g.Broken.Kind == HomeFirst:
		out.Finding = g
	case first || g.Property != f.Property:
	case !t.crowds(g, &l.down):
		g.Where, g.Key, g.Value, g.Sentence, g.event = f.Where, f.Key, f.Value, f.Sentence, f.event
		g.Story = t.tellNMinus(g, &l.down)
		fallthrough
	default:
		out.Finding = g
	}
	return out
}

// crowds reports whether a cap on guests is the matter of f: they may take slots
// that those at home need, and more than a quarter of the room is missing.
func (t *Target) crowds(f *Finding, down *core.PlacementInfo) bool {
	p, ok := find(&t.Spec, f.Where)
	if !ok || !strings.HasSuffix(f.Key, ".limit.guests") {
		return false
	}
	come := t.Facts.Peak[down.Name]
	come.Latency = latencyAt(t.Facts.Peak, p.Name)
	own, guests, room := t.inFlight(t.Facts.Peak[p.Name]), t.inFlight(come), int64(p.Limit.InFlight)
	need := own + guests
	short := need - room
	if p.Limit.Guests != 0 {
		guests = min(guests, int64(max(p.Limit.Guests, 0)))
	}
	return own+guests > room && short*4 > need
}
