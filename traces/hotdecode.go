package traces

import (
	"errors"
	"fmt"
	"math"

	"lockstep/core"
)

// The facts of nearly every request, read straight into their structs: the
// counterpart of hot.go. A test holds them to what the schema reads, errors included.

var errTooLarge = errors.New("")

// num reads a number that is present, of at most limit, into field i. The first
// error is kept for after.
func (r *blockReader) num(i int, limit uint64) uint64 {
	v, err := r.uint()
	switch {
	case err != nil:
	case v == 0:
		err = errAbsent
	case v > limit:
		err = errTooLarge
	default:
		return v
	}
	if r.bad == nil {
		r.bad, r.badField = err, i
	}
	return 0
}

// number reads what is written as number plus 1.
func (r *blockReader) number(i int) int32 {
	n := int64(r.num(i, math.MaxUint64) - 1)
	if r.bad == nil && int64(int32(n)) != n {
		r.bad, r.badField = errTooLarge, i
	}
	return int32(n)
}

// after returns the first error since the last call.
func (r *blockReader) after(name func(i int) string) error {
	err := r.bad
	if r.bad = nil; errors.Is(err, errTooLarge) {
		err = fmt.Errorf("%s: %w", name(r.badField), errRange)
	}
	return err
}

// arrive reads the fields of an Arrive.
func (r *blockReader) arrive(f *Fact, mask uint) (err error) {
	ev := &f.Event
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
	if mask&(1<<2) != 0 {
		ev.Epoch.Term = r.num(2, math.MaxUint64)
	}
	if mask&(1<<3) != 0 {
		ev.Epoch.Number = r.num(3, math.MaxUint64)
	}
	if mask&(1<<4) != 0 {
		ev.Source = uint8(r.num(4, math.MaxUint8))
	}
	if mask&(1<<5) != 0 {
		ev.Method = core.Method(r.num(5, math.MaxUint8))
	}
	if mask&(1<<6) != 0 {
		ev.Length = unzigzag(r.num(6, math.MaxUint64))
	}
	ev.Replayable = mask&(1<<7) != 0
	if mask>>8 != 0 {
		r.arriveRarely(ev, mask)
	}
	return r.after(func(i int) string { return r.schema.events[core.Arrive][i].name })
}

// arriveRarely reads what most requests do not have.
func (r *blockReader) arriveRarely(ev *core.Event, mask uint) {
	if mask&(1<<8) != 0 {
		ev.Priority = uint8(r.num(8, math.MaxUint8))
	}
	if mask&(1<<9) != 0 {
		ev.Route.Refuse = core.Class(r.num(9, math.MaxUint8))
	}
	if mask&(1<<10) != 0 {
		ev.Via = uint16(r.num(10, math.MaxUint16))
	}
	if mask&(1<<11) != 0 {
		ev.Split = r.num(11, math.MaxUint64)
	}
	if mask&(1<<12) != 0 {
		ev.Prefer = r.num(12, math.MaxUint64)
	}
	if mask&(1<<13) != 0 {
		ev.Handle.Slot = uint32(r.num(13, math.MaxUint32))
	}
	if mask&(1<<14) != 0 {
		ev.Handle.Gen = uint32(r.num(14, math.MaxUint32))
	}
}

// finish reads the fields of a Finish.
func (r *blockReader) finish(ev *core.Event, mask uint) error {
	if mask&(1<<0) != 0 {
		ev.Handle.Slot = uint32(r.num(0, math.MaxUint32))
	}
	if mask&(1<<1) != 0 {
		ev.Handle.Gen = uint32(r.num(1, math.MaxUint32))
	}
	if mask&(1<<2) != 0 {
		ev.Class = core.Class(r.num(2, math.MaxUint8))
	}
	if mask&(1<<3) != 0 {
		ev.Status = uint16(r.num(3, math.MaxUint16))
	}
	ev.Sent = mask&(1<<4) != 0
	if mask&(1<<5) != 0 {
		ev.RetryAfter = core.Duration(unzigzag(r.num(5, math.MaxUint64)))
	}
	ev.Replayable = mask&(1<<6) != 0
	return r.after(func(i int) string { return r.schema.events[core.Finish][i].name })
}

// forward reads the fields of a Forward.
func (r *blockReader) forward(d *core.Decision, mask uint) error {
	if mask&(1<<0) != 0 {
		d.Rule = uint8(r.num(0, math.MaxUint8))
	}
	if mask&(1<<1) != 0 {
		d.Placement = r.number(1)
	}
	if mask&(1<<2) != 0 {
		d.Endpoint = r.number(2)
	}
	if mask&(1<<3) != 0 {
		d.Handle.Slot = uint32(r.num(3, math.MaxUint32))
	}
	if mask&(1<<4) != 0 {
		d.Handle.Gen = uint32(r.num(4, math.MaxUint32))
	}
	if mask&(1<<5) != 0 {
		d.Reason = core.Reason(r.num(5, math.MaxUint8))
	}
	if mask&(1<<6) != 0 {
		d.Circuit = core.Circuit(r.num(6, math.MaxUint8))
	}
	if mask>>7 != 0 {
		r.forwardRarely(d, mask)
	}
	return r.after(func(i int) string { return r.schema.decisions[core.Forward][i].name })
}

// forwardRarely reads what most forwards do not have.
func (r *blockReader) forwardRarely(d *core.Decision, mask uint) {
	if mask&(1<<7) != 0 {
		d.Failover = core.Failover(r.num(7, math.MaxUint8))
	}
	d.Probe = mask&(1<<8) != 0
	if mask&(1<<9) != 0 {
		d.At = core.Time(unzigzag(r.num(9, math.MaxUint64)) + int64(r.last))
	}
	d.Pin = mask&(1<<10) != 0
	if mask&(1<<11) != 0 {
		d.Count = uint32(r.num(11, math.MaxUint32))
	}
}
