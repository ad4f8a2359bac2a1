package traces

import (
	"encoding/binary"
	"slices"

	"lockstep/core"
	"lockstep/core/loop"
)

const (
	// MinBlock is the size in bytes that a block reaches before it is full.
	MinBlock = 64 << 10
	// blockShare is how many times its snapshot a block is, so that snapshots
	// stay a small part of a recording.
	blockShare = 16
	// blockSlack is room past full, so that the fact that fills a block fits.
	blockSlack = 8 << 10

	maxEventSize    = 192 // bytes of an encoded event without its key
	maxDecisionSize = 128 // bytes of an encoded decision
)

// Encoder turns facts into blocks in memory. Append costs no allocation while
// the buffer given to Begin has room. An Encoder is not safe for concurrent
// use: it lives under the lock that orders the facts. Its use:
//
//	e := traces.NewEncoder()
//	e.Begin(pool.Get(), router, 1)          // before the first Step
//	e.Append(router.Now(), ev, req, out)    // after each Step, as loop.Observer is called
//	if e.Full() {
//		block := e.End()                    // hand it to the writing goroutine ...
//		e.Begin(pool.Get(), router, e.Step())
//	}
//	file.Write(block.Seal())                // ... which seals it off the lock
//
// A file is AppendFile, AppendConfig for every configuration that a block
// names (before that block: the one in force at its start and those its Adopts
// brought), then blocks, with AppendGap where some were dropped.
type Encoder struct {
	schema *schema
	buf    []byte
	full   int // bytes
	step   uint64
	last   core.Time
	keys   keyRefs
	// decided is where the decisions of the last fact begin, for a Question.
	decided int
}

// Block is a finished block: one whole frame of a file, but for its checksum
// until Seal is called.
type Block []byte

// NewEncoder returns an encoder; call Begin before Append.
func NewEncoder() *Encoder { return &Encoder{schema: newSchema(), keys: newKeyRefs()} }

// Begin starts a block in buf[:0] with r's present state; step is the number
// of the first fact to come, 1 for the first of all. A nil or small buf is
// replaced by one of the right size, so pooled buffers stop growing.
func (e *Encoder) Begin(buf []byte, r *core.Router, step uint64) {
	e.begin(buf, BlockHead{Step: step, Time: r.Now(), Digest: r.Digest()}, r.Snapshot)
}

// begin starts a block whose snapshot the given function appends.
func (e *Encoder) begin(buf []byte, h BlockHead, snapshot func([]byte) []byte) {
	if cap(buf) < MinBlock+blockSlack {
		buf = make([]byte, 0, MinBlock+blockSlack)
	}
	buf = append(buf[:0], make([]byte, frameHead+blockHead)...)
	buf = snapshot(buf)
	size := len(buf) - frameHead - blockHead
	p := buf[frameHead:]
	binary.LittleEndian.PutUint64(p, h.Step)
	binary.LittleEndian.PutUint64(p[8:], uint64(h.Time))
	binary.LittleEndian.PutUint64(p[16:], h.Digest)
	binary.LittleEndian.PutUint32(p[24:], uint32(size))
	e.full = max(MinBlock, blockShare*size)
	e.buf = slices.Grow(buf, max(0, e.full+blockSlack-len(buf)))
	e.step, e.last = h.Step, h.Time
	e.keys.reset()
}

// Append records one fact. req is nil except for Arrive; ev.Request must be
// core.RequestHash(req.ID). A now below the last one counts as that one, as in
// core. It keeps none of its arguments.
func (e *Encoder) Append(now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	need := maxEventSize + maxDecisionSize*len(decisions)
	if req != nil {
		need += len(req.Key)
	}
	b := slices.Grow(e.buf, need)
	now = max(now, e.last)
	kind := ev.Kind
	if int(kind) >= len(e.schema.events) {
		kind = core.EventNone // the router ignores either alike
	}
	b = appendUint(append(b, byte(kind)), uint64(now-e.last))
	switch kind {
	case core.Arrive:
		b = e.arrive(b, ev, req)
	case core.Finish:
		b = finish(b, ev)
	default:
		b = e.event(b, now, e.schema.events[kind], ev, req)
	}
	e.decided = len(b)
	b = appendUint(b, uint64(len(decisions)))
	for i := range decisions {
		if d := &decisions[i]; d.Kind == core.Forward {
			b = forward(b, d, now)
		} else {
			b = e.decision(b, now, d)
		}
	}
	e.buf = b
	e.step++
	e.last = now
}

// Mark records the router's digest after the last fact, for replay to check.
func (e *Encoder) Mark(digest uint64) {
	e.buf = append(e.buf, tagMark)
	e.buf = binary.LittleEndian.AppendUint64(e.buf, digest)
}

// Step returns the number of the next fact.
func (e *Encoder) Step() uint64 { return e.step }

// Full reports whether the block has reached its size: call End, then Begin.
// Going on without is allowed, up to MaxFrame bytes.
func (e *Encoder) Full() bool { return len(e.buf) >= e.full }

// Current returns the current block as it is so far, as a copy appended to
// dst, for a dump that must not wait for the block to fill. Seal it as any other.
func (e *Encoder) Current(dst []byte) Block { return append(dst, e.buf...) }

// End returns the block and gives up its buffer. The encoder needs Begin before
// the next Append.
func (e *Encoder) End() Block {
	b := e.buf
	e.buf = nil
	return b
}

// Seal completes the frame with its length and checksums and returns it, ready
// to be written to a file. It takes time in proportion to the block's size, so
// call it off the lock. Calling it twice is harmless.
func (b Block) Seal() []byte {
	sealFrame(b, frameBlock, b[frameHead:])
	return b
}

// event writes the fields of any event, as the schema says.
func (e *Encoder) event(b []byte, now core.Time, fields []field[core.Event], ev *core.Event, req *loop.Request) []byte {
	p := packer{b: b[:cap(b)], n: len(b), now: now}
	at, mask := p.mask(len(fields)), uint(0)
	for i := range fields {
		f := &fields[i]
		var written bool
		switch f.wire {
		case wireKey:
			written = req != nil && e.keys.put(&p, req.Key, ev.Route.Key)
		case wireID:
			written = req != nil && p.id(req.ID)
		default:
			written = p.value(f.wire, f.get(ev))
		}
		if written {
			mask |= 1 << (i & 15)
		}
	}
	p.setMask(at, len(fields), mask)
	return b[:p.n]
}

// decision writes any decision, as the schema says.
func (e *Encoder) decision(b []byte, now core.Time, d *core.Decision) []byte {
	kind := d.Kind
	if int(kind) >= len(e.schema.decisions) {
		kind = core.DecisionNone
	}
	p := packer{b: b[:cap(b)], n: len(b), now: now}
	p.byte(byte(kind))
	fields := e.schema.decisions[kind]
	at, mask := p.mask(len(fields)), uint(0)
	for i := range fields {
		if p.value(fields[i].wire, fields[i].get(d)) {
			mask |= 1 << (i & 15)
		}
	}
	p.setMask(at, len(fields), mask)
	return b[:p.n]
}
