package traces

import (
	"bytes"
	"slices"
)

// Blocks replay on their own, so a recording can be replayed in parts, in any
// order, by a Verifier each; Append then puts the parts together in their order.
// What it adds is what no part can see: that the state which one part reaches is
// the one from which the next part begins.

// part is what Append needs to know of how a Verifier began.
type part struct {
	first    *BlockHead // it opened, with its snapshot; nil for none yet
	before   Report     // what was found before that
	restored bool       // from its snapshot
	several  bool       // assumed or seen when that block began
}

// NewPart returns a Verifier of blocks that others come before. several says
// that a configuration with several routes has been in force before them, if
// that is known; Append finds out if it matters.
func NewPart(o Options, several bool) *Verifier {
	v := NewVerifier(o)
	v.several, v.part = several, &part{several: several}
	return v
}

// Several reports whether a configuration with several routes has been in force.
func (v *Verifier) Several() bool { return v.several }

// opened keeps the first block that a part opens.
func (p *part) opened(v *Verifier, b *BlockHead) {
	if p == nil || p.first != nil {
		return
	}
	first := *b
	first.Snapshot = slices.Clone(b.Snapshot)
	p.first, p.before = &first, v.report
	p.before.Damage, p.before.Gaps = slices.Clip(p.before.Damage), slices.Clip(p.before.Gaps)
}

// began notes how the first block begins to replay.
func (p *part) began(v *Verifier) {
	if p != nil && v.report.Blocks == 1 {
		p.restored = v.router != nil && v.report.Divergence == nil
		if v.router != nil {
			c := v.router.Config()
			p.several = p.several || c != nil && c.Routes() > 1
		}
	}
}

// Append takes over what next found in the blocks that follow those of v, as if
// v had replayed them. next is of NewPart and is used up. It reports false and
// changes nothing where the blocks depend on what came before them: then v must Run them itself.
func (v *Verifier) Append(next *Verifier) bool {
	p := next.part
	if p.first == nil {
		v.enter(next.header)
		v.report.Add(&next.report)
		return true
	}
	same := v.header.sameRecording(&next.header)
	joins := same && v.router != nil && p.first.Joins(v.next)
	if joins && (!p.restored || v.owed) || same && v.several && !p.several {
		return false
	}
	v.enter(next.header)
	if !joins {
		if v.next > 0 && p.first.Step > v.next {
			v.report.Lost += p.first.Step - v.next
		}
	} else if !v.joins(p) {
		return true
	}
	v.report.Add(&next.report)
	if joins {
		v.report.Digests-- // of its snapshot, which the comparison at the join has counted
	}
	v.router, v.next, v.owed, v.several, v.block = next.router, next.next, next.owed, v.several || next.several, next.block
	return true
}

// joins compares the state reached with the one that the first block of the
// next part begins from. If they differ, that is where replay stops.
func (v *Verifier) joins(p *part) bool {
	v.block = *p.first
	v.compareStart(p.first)
	if v.report.Divergence == nil {
		return true
	}
	d := v.report.Divergence
	v.report.Divergence = nil
	v.report.Add(&p.before)
	v.report.Blocks++
	v.report.Divergence = d
	v.block.Snapshot = nil
	return false
}

// compareStart compares the state reached with the one at the start of a block that joins.
func (v *Verifier) compareStart(b *BlockHead) {
	v.digest("digest at the start of the block", b.Digest)
	v.scratch = v.router.Snapshot(v.scratch[:0])
	if v.report.Divergence == nil && !bytes.Equal(v.scratch, b.Snapshot) {
		v.diverge(&Fact{Step: v.next, Time: b.Time}, "snapshot at the start of the block", -1)
	}
}

// Add adds what was found later to what was found before.
func (r *Report) Add(later *Report) {
	r.Facts += later.Facts
	r.Requests += later.Requests
	r.Decisions += later.Decisions
	r.Blocks += later.Blocks
	r.Digests += later.Digests
	r.Lost += later.Lost
	if r.First == 0 {
		r.First = later.First
	}
	if later.Last != 0 {
		r.Last = later.Last
	}
	r.Gaps = append(r.Gaps, later.Gaps...)
	r.Damage = append(r.Damage, later.Damage...)
	for _, s := range later.Specs {
		if !slices.Contains(r.Specs, s) {
			r.Specs = append(r.Specs, s)
		}
	}
	r.Divergence = later.Divergence
}

// enter begins with a segment of that header.
func (v *Verifier) enter(h Header) {
	if h.Spec != SpecVersion && !slices.Contains(v.report.Specs, h.Spec) {
		v.report.Specs = append(v.report.Specs, h.Spec)
	}
	if !v.header.sameRecording(&h) { // another one: nothing to carry over
		v.router, v.next, v.owed = nil, 0, false
		v.several = v.part != nil && v.part.several
	}
	v.header = h
}

func (h *Header) sameRecording(o *Header) bool {
	return h.Name == o.Name && h.Seed == o.Seed && h.Origin == o.Origin
}
