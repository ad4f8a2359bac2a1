package traces

import (
	"math"
	"math/bits"

	"lockstep/core"
)

// Brief makes Next read of each fact only what an index is made from, at a
// fraction of the cost: its step, time and kind; of an Arrive the request's key, id
// and its hash, and its handle; of a Finish all; of a decision that forwards to
// where the request belongs its handle. All else of an Arrive and of such a Forward
// means nothing. Other facts and other decisions are whole. What is passed over
// is not checked. After Rewind, the rest of the block is read in full. The
// printed form is always read in full.
func (t *Reader) Brief() {
	if s, ok := t.source.(*binarySource); ok {
		s.brief = true
	}
}

// KeyNumber returns which key of its block the last Arrive with a key has, from 0
// in the order in which they come first; -1 in the printed form, which has no numbers.
func (t *Reader) KeyNumber() int {
	if s, ok := t.source.(*binarySource); ok {
		return s.facts.keyNumber
	}
	return -1
}

// Numbers among the fields of an Arrive that nearly every request has, and those
// before and after the handle of a Forward to where its request belongs; other
// fields of that are what their bits alone say.
const (
	arriveNumbers    = 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<6
	forwardFirst     = 1<<0 | 1<<1 | 1<<2
	forwardLast      = 1<<5 | 1<<6 | 1<<9 | 1<<11
	forwardElsewhere = 1 << 7
)

// briefArrive reads the fields of an Arrive as Brief has it.
func (r *blockReader) briefArrive(f *Fact) error {
	mask, err := r.mask(len(r.schema.events[core.Arrive]))
	if err != nil {
		return err
	}
	f.Event.Handle, f.Event.Request = core.Handle{}, 0
	f.Request.Key, f.Request.ID = "", [2]uint64{}
	if mask&(1<<0) != 0 {
		if f.Request.Key, err = r.key(); err != nil {
			return err
		}
	}
	if mask&(1<<1) != 0 {
		if f.Request.ID, err = r.id(); err != nil {
			return err
		}
	}
	if err := r.pass(mask & arriveNumbers); err != nil {
		return err
	}
	if mask>>8 != 0 {
		r.arriveRarely(&f.Event, mask)
	}
	completeEvent(f)
	return r.after(func(i int) string { return r.schema.events[core.Arrive][i].name })
}

// briefForward reads the handle of a Forward to where its request belongs, and
// reports whether the next decision is one.
func (r *blockReader) briefForward(f *Fact) bool {
	at := r.i
	if r.i == len(r.b) || r.b[r.i] != byte(core.Forward) {
		return false
	}
	r.i++
	d := core.Decision{Kind: core.Forward}
	mask, err := r.mask(len(r.schema.decisions[core.Forward]))
	if err == nil && mask&forwardElsewhere == 0 && r.pass(mask&forwardFirst) == nil {
		if mask&(1<<3) != 0 {
			d.Handle.Slot = uint32(r.num(3, math.MaxUint32))
		}
		if mask&(1<<4) != 0 {
			d.Handle.Gen = uint32(r.num(4, math.MaxUint32))
		}
		if r.pass(mask&forwardLast) == nil && r.bad == nil {
			f.Decisions = append(f.Decisions, d)
			return true
		}
	}
	r.i, r.bad = at, nil // what is wrong is found again, by who reads it in full
	return false
}

// pass goes over as many numbers as mask has bits.
func (r *blockReader) pass(mask uint) error {
	b, i := r.b, r.i
	for n := bits.OnesCount(mask); n > 0; n-- {
		for i < len(b) && b[i] >= 0x80 {
			i++
		}
		i++
	}
	if i > len(b) {
		return errShort
	}
	r.i = i
	return nil
}
