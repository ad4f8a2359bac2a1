package index

import (
	"lockstep/core"
	"lockstep/traces"
)

// plain is how most requests fare. It is not kept: whoever looks for such finds
// one in nearly every block that the key is in.
var plain = traces.Fate{Status: 200, Ended: true}

const (
	// maxSlots bounds the table of requests in flight; one that would not fit is
	// taken for one whose end is not in the trace.
	maxSlots = 1 << 20
	// maxFates bounds the different fates of a trace, of which a dozen are usual.
	maxFates = 1<<8 - 1
	// maxFateBlocks is how many blocks have fates kept: a place and a fate share a number.
	maxFateBlocks = 1 << 24
)

// Unended is a request that arrived in a trace and did not end in it. The index
// of what follows may know how it ended, as Carried.
type Unended struct {
	Handle core.Handle // under which it was in flight at the end
	Place  int         // in Index.Blocks, of its arrival
	Fate   traces.Fate // so far
	print  uint32      // fingerprint of its key
}

// Carried is a request that arrived before the trace, as one of which something
// is told in it.
type Carried struct {
	First  core.Handle // under which it was in flight at the beginning
	Handle core.Handle // at the end, if it has not ended
	Fate   traces.Fate // by what is told in the trace alone
}

// flight is a request that has arrived and has not ended.
type flight struct {
	gen   uint32      // of its handle, 0 for none
	print uint32      // fingerprint of its key
	block int         // place of its arrival in Index.Blocks; -1 if it came before the trace
	first core.Handle // of one that came before the trace
	fate  traces.Fate
}

// flights follows requests from their arrival to their end, as a list of them
// (traces/explain) does, to tell of each block how its requests fared.
type flights struct {
	slots  []flight // by slot of the handle
	fates  []traces.Fate
	number map[traces.Fate]int // place in fates
	found  []pair              // fingerprint → block and fate
	ended  []Carried           // of those that came before the trace
	recent [1 << 10]pair       // that were found last, by some of their bits
	lost   bool                // some were not kept
}

func (x *flights) reset() {
	clear(x.slots)
	clear(x.number)
	*x = flights{slots: x.slots, fates: x.fates[:0], number: x.number, found: x.found[:0], ended: x.ended[:0]}
}

// of returns the request in flight under a handle, nil for none.
func (x *flights) of(h core.Handle) *flight {
	if h.Gen == 0 || int(h.Slot) >= len(x.slots) || x.slots[h.Slot].gen != h.Gen {
		return nil
	}
	return &x.slots[h.Slot]
}

// fact follows a fact; of an Arrive, block and print are those of the request.
func (x *flights) fact(f *traces.Fact, block int, print uint32) {
	ev, others := &f.Event, f.Decisions
	var own *core.Decision // of the request that arrives
	if n := len(others); n > 0 && ev.Kind == core.Arrive && ev.Handle == (core.Handle{}) {
		own, others = &others[n-1], others[:n-1]
	}
	for i := range others {
		d := &others[i]
		fl := x.of(d.Handle)
		if fl == nil && (d.Kind == core.Forward || d.Kind == core.Reject) {
			fl = x.before(d.Handle)
		}
		if fl != nil {
			fl.fate.Decided(d)
			x.land(fl)
		}
	}
	switch {
	case own != nil:
		x.arrived(own, flight{print: print, block: block})
	case ev.Kind == core.Reply || ev.Kind == core.Finish:
		fl := x.of(ev.Handle)
		if fl == nil {
			fl = x.before(ev.Handle)
		}
		if fl != nil {
			x.told(fl, ev, others)
		}
	}
}

// before books a request that came before the trace. It returns nil if there is
// no room, or its slot has another holder: then the event is too late, and is ignored.
func (x *flights) before(h core.Handle) *flight {
	if h.Gen == 0 || h.Slot >= maxSlots || int(h.Slot) < len(x.slots) && x.slots[h.Slot].gen != 0 {
		return nil
	}
	x.fly(h, flight{block: -1, first: h})
	return &x.slots[h.Slot]
}

// told follows a Reply or a Finish of a request.
func (x *flights) told(fl *flight, ev *core.Event, decided []core.Decision) {
	if ev.Kind == core.Reply {
		fl.fate.Status = ev.Status
	}
	if to, moved := traces.Moved(ev, decided); moved {
		again := *fl
		fl.gen = 0
		x.fly(to, again)
	} else if ev.Kind == core.Finish {
		fl.fate.Finished(ev)
		x.land(fl)
	}
}

func (x *flights) arrived(d *core.Decision, fl flight) {
	if fl.fate.Decided(d); fl.fate.Ended || d.Handle == (core.Handle{}) {
		x.keep(&fl)
		return
	}
	x.fly(d.Handle, fl)
}

// fly books a request under a handle. One that was there has no end that is known.
func (x *flights) fly(h core.Handle, fl flight) {
	if h.Slot >= maxSlots {
		x.keep(&fl)
		return
	}
	for int(h.Slot) >= len(x.slots) {
		x.slots = append(x.slots, flight{})
	}
	at := &x.slots[h.Slot]
	if at.gen != 0 {
		x.keep(at)
	}
	*at = fl
	at.gen = h.Gen
}

// land keeps the fate of a request that has ended.
func (x *flights) land(fl *flight) {
	switch {
	case !fl.fate.Ended:
		return
	case fl.block < 0:
		x.ended = append(x.ended, Carried{First: fl.first, Fate: fl.fate})
	default:
		x.keep(fl)
	}
	fl.gen = 0
}

// keep keeps how a request of the trace fared.
func (x *flights) keep(fl *flight) {
	if fl.fate == plain || fl.block < 0 {
		return
	}
	n, known := x.number[fl.fate]
	if !known {
		if n = len(x.fates); n >= maxFates {
			x.lost = true
			return
		}
		if x.number == nil {
			x.number = map[traces.Fate]int{}
		}
		x.fates, x.number[fl.fate] = append(x.fates, fl.fate), n
	}
	if fl.block >= maxFateBlocks {
		x.lost = true
		return
	}
	p := pairOf(uint64(fl.print)<<32, fl.block<<8|n)
	recent := &x.recent[(uint32(p>>32)^uint32(p)*0x9e3779b1)>>22]
	if *recent == p {
		return
	}
	*recent = p
	x.found = append(x.found, p, pairOf(AnyKey, fl.block<<8|n))
}

// finish returns what is in flight at the end, and what became of those that
// were at the beginning.
func (x *flights) finish() (unended []Unended, carried []Carried) {
	carried = x.ended
	for slot := range x.slots {
		fl := &x.slots[slot]
		h := core.Handle{Slot: uint32(slot), Gen: fl.gen}
		switch {
		case fl.gen == 0:
		case fl.block < 0:
			carried = append(carried, Carried{fl.first, h, fl.fate})
		default:
			unended = append(unended, Unended{h, fl.block, fl.fate, fl.print})
		}
	}
	return unended, carried
}
