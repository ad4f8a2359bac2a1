package traces

import (
	"encoding/binary"
	"slices"

	"lockstep/core"
	"lockstep/core/loop"
)

// Question is a trace under way in the stored form, written twice at once: whole,
// and as its inputs alone, the question that CONFORM.md asks of another
// implementation. The answer to the inputs must be the whole, byte for byte. It is
// for generators of many such traces: what both have in common is encoded once.
// It is a loop.Observer, and not safe for concurrent use.
type Question struct {
	enc     *Encoder
	router  *core.Router
	configs map[uint64]bool
	spare   []byte // of the whole's blocks
	whole   []byte // what is finished
	inputs  []byte
	block   []byte // inputs of the block under way, one frame but for its head
}

var _ loop.Observer = (*Question)(nil)

// NewQuestion begins a trace of r, whose next step has number step, 1 for the
// first of a new router. The configuration in force is embedded.
func NewQuestion(h Header, r *core.Router, step uint64) *Question {
	q := &Question{enc: NewEncoder(), configs: map[uint64]bool{}}
	q.Reset(h, r, step)
	return q
}

// Reset begins another trace and reuses memory, but for what Close returned.
func (q *Question) Reset(h Header, r *core.Router, step uint64) {
	q.router = r
	clear(q.configs)
	q.whole = AppendFile(nil, h)
	q.inputs = append([]byte(nil), q.whole...)
	q.Config(r.Config())
	q.begin(step, false)
}

// Config embeds a configuration; nil or one that is there already is left out.
// Observe does it for every Adopt.
func (q *Question) Config(c *core.Config) {
	if c == nil || q.configs[c.Digest()] {
		return
	}
	q.configs[c.Digest()] = true
	at := len(q.whole)
	q.whole = AppendConfig(q.whole, c)
	q.inputs = append(q.inputs, q.whole[at:]...)
}

// begin begins a block. One that joins the block before says nothing of the
// state: to know it is the answerer's task.
func (q *Question) begin(step uint64, joins bool) {
	q.enc.Begin(q.spare, q.router, step)
	q.block = append(q.block[:0], q.enc.buf...)
	if joins {
		q.block = q.block[:frameHead+blockHead]
		clear(q.block[frameHead+16:]) // digest, size of the snapshot
	}
}

// end finishes the block under way.
func (q *Question) end() {
	b := q.enc.End()
	q.whole = append(doubled(q.whole, len(b)), b.Seal()...)
	q.spare = b[:0]
	sealFrame(q.block, frameBlock, q.block[frameHead:])
	q.inputs = append(doubled(q.inputs, len(q.block)), q.block...)
}

// doubled makes room for n bytes, and as many again as there are: append alone
// copies a long trace many times.
func doubled(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	return slices.Grow(b, max(n, len(b)))
}

// Observe records one step of the router.
func (q *Question) Observe(now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	if ev.Kind == core.Adopt {
		q.Config(ev.Config)
	}
	at := len(q.enc.buf)
	q.enc.Append(now, ev, req, decisions)
	q.block = append(append(q.block, q.enc.buf[at:q.enc.decided]...), 0)
	if q.enc.Full() {
		q.Join()
	}
}

// Len returns how many bytes the whole trace has so far, without the block under way.
func (q *Question) Len() int { return len(q.whole) }

// Mark asks for the digest of the state after the last fact.
func (q *Question) Mark() {
	q.enc.Mark(q.router.Digest())
	q.block = append(q.block, tagMark)
	q.block = binary.LittleEndian.AppendUint64(q.block, 0)
}

// Join ends the block and begins one that joins it, which asks for the snapshot.
// Before step 1 there is nothing to join.
func (q *Question) Join() {
	q.end()
	q.begin(q.enc.Step(), q.enc.Step() > 1)
}

// Gap ends the block, says that the steps which r has made since are missing, and
// begins a block with r's present state, from which the answerer has to go on. r
// may be another router than before.
func (q *Question) Gap(g Gap, r *core.Router) {
	q.end()
	at := len(q.whole)
	q.whole = AppendGap(q.whole, g)
	q.inputs = append(q.inputs, q.whole[at:]...)
	q.router = r
	q.Config(r.Config())
	q.begin(g.Step+g.Steps, false)
}

// Continue goes on with another router in the same state.
func (q *Question) Continue(r *core.Router) { q.router = r }

// Close ends the trace with the router's digest and returns its inputs and the
// whole, which are the caller's.
func (q *Question) Close() (inputs, whole []byte) {
	q.Mark()
	q.end()
	inputs, whole = q.inputs, q.whole
	q.inputs, q.whole = nil, nil
	return inputs, whole
}
