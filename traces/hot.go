package traces

import (
	"encoding/binary"

	"lockstep/core"
	"lockstep/core/loop"
)

// The facts of nearly every request, written straight from their structs: half
// the cost of walking the schema. A test holds them to what the schema writes.

// put appends v as a varint and sets its presence bit, unless v is 0.
func put(b []byte, mask, bit uint, v uint64) ([]byte, uint) {
	if v == 0 {
		return b, mask
	}
	return appendUint(b, v), mask | bit
}

func appendUint(b []byte, v uint64) []byte {
	if v < 0x80 {
		return append(b, byte(v))
	}
	return binary.AppendUvarint(b, v)
}

// arrive writes the fields of an Arrive.
func (e *Encoder) arrive(b []byte, ev *core.Event, req *loop.Request) []byte {
	at, mask := len(b), uint(0)
	b = append(b, 0, 0)
	if req != nil {
		p := packer{b: b[:cap(b)], n: len(b)}
		if e.keys.put(&p, req.Key, ev.Route.Key) {
			mask |= 1 << 0
		}
		b = b[:p.n]
		if req.ID != ([2]uint64{}) {
			b = binary.BigEndian.AppendUint64(b, req.ID[0])
			b = binary.BigEndian.AppendUint64(b, req.ID[1])
			mask |= 1 << 1
		}
	}
	b, mask = put(b, mask, 1<<2, ev.Epoch.Term)
	b, mask = put(b, mask, 1<<3, ev.Epoch.Number)
	b, mask = put(b, mask, 1<<4, uint64(ev.Source))
	b, mask = put(b, mask, 1<<5, uint64(ev.Method))
	b, mask = put(b, mask, 1<<6, zigzag(ev.Length))
	if ev.Replayable {
		mask |= 1 << 7
	}
	b, mask = put(b, mask, 1<<8, uint64(ev.Priority))
	b, mask = put(b, mask, 1<<9, uint64(ev.Route.Refuse))
	if uint64(ev.Via)|ev.Split|ev.Prefer|uint64(ev.Handle.Slot)|uint64(ev.Handle.Gen) != 0 { // seldom: one look instead of five
		b, mask = put(b, mask, 1<<10, uint64(ev.Via))
		b, mask = put(b, mask, 1<<11, ev.Split)
		b, mask = put(b, mask, 1<<12, ev.Prefer)
		b, mask = put(b, mask, 1<<13, uint64(ev.Handle.Slot))
		b, mask = put(b, mask, 1<<14, uint64(ev.Handle.Gen))
	}
	b[at], b[at+1] = byte(mask), byte(mask>>8)
	return b
}

// finish writes the fields of a Finish.
func finish(b []byte, ev *core.Event) []byte {
	at, mask := len(b), uint(0)
	b = append(b, 0)
	b, mask = put(b, mask, 1<<0, uint64(ev.Handle.Slot))
	b, mask = put(b, mask, 1<<1, uint64(ev.Handle.Gen))
	b, mask = put(b, mask, 1<<2, uint64(ev.Class))
	b, mask = put(b, mask, 1<<3, uint64(ev.Status))
	if ev.Sent {
		mask |= 1 << 4
	}
	b, mask = put(b, mask, 1<<5, zigzag(int64(ev.RetryAfter)))
	if ev.Replayable {
		mask |= 1 << 6
	}
	b[at] = byte(mask)
	return b
}

// forward writes a Forward, its kind included.
func forward(b []byte, d *core.Decision, now core.Time) []byte {
	at, mask := len(b)+1, uint(0)
	b = append(b, byte(core.Forward), 0, 0)
	b, mask = put(b, mask, 1<<0, uint64(d.Rule))
	b, mask = put(b, mask, 1<<1, uint64(int64(d.Placement)+1))
	b, mask = put(b, mask, 1<<2, uint64(int64(d.Endpoint)+1))
	b, mask = put(b, mask, 1<<3, uint64(d.Handle.Slot))
	b, mask = put(b, mask, 1<<4, uint64(d.Handle.Gen))
	b, mask = put(b, mask, 1<<5, uint64(d.Reason))
	b, mask = put(b, mask, 1<<6, uint64(d.Circuit))
	b, mask = put(b, mask, 1<<7, uint64(d.Failover))
	if d.Probe {
		mask |= 1 << 8
	}
	b, mask = put(b, mask, 1<<9, zigzag(int64(d.At)-int64(now)))
	if d.Pin {
		mask |= 1 << 10
	}
	b, mask = put(b, mask, 1<<11, uint64(d.Count))
	b[at], b[at+1] = byte(mask), byte(mask>>8)
	return b
}
