package traces

import (
	"math/bits"

	"lockstep/core"
)

// Brief makes Next read of each fact only what an index is made from, at a
// fraction of the cost: its step, time and kind; of an Arrive the request's id and
// its hash, its handle, and its key where the block spells that out, which is where
// the key comes first; and no decision that forwards to where the request belongs.
// All else of an Arrive or a Finish means nothing. Other facts and other decisions
// are whole. What is passed over is not checked. After Rewind, the rest of the block is read in full. The
// printed form is always read in full.
func (t *Reader) Brief() {
	if s, ok := t.source.(*binarySource); ok {
		s.brief = true
	}
}

// Numbers among the fields of an Arrive that nearly every request has, those of a
// Finish, and those of a Forward to where its request belongs; other fields of
// those are what their bits alone say.
const (
	arriveNumbers    = 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<6
	finishNumbers    = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<5
	forwardNumbers   = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<9 | 1<<11
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
		known := len(r.keys)
		if f.Request.Key, err = r.key(); err != nil {
			return err
		}
		if len(r.keys) == known {
			f.Request.Key = ""
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

// briefFinish goes over the fields of a Finish.
func (r *blockReader) briefFinish() error {
	mask, err := r.mask(len(r.schema.events[core.Finish]))
	if err != nil {
		return err
	}
	return r.pass(mask & finishNumbers)
}

// passForward goes over a Forward to where its request belongs, and reports
// whether the next decision is one.
func (r *blockReader) passForward() bool {
	at := r.i
	if r.i == len(r.b) || r.b[r.i] != byte(core.Forward) {
		return false
	}
	r.i++
	mask, err := r.mask(len(r.schema.decisions[core.Forward]))
	if err == nil && mask&forwardElsewhere == 0 && r.pass(mask&forwardNumbers) == nil {
		return true
	}
	r.i = at
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
