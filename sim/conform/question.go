package conform

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"lockstep/core"
	"lockstep/traces"
)

// Question is one question with the answer that Go gives.
type Question struct {
	Name   string // says how it was made: "stream 17", or a vector's
	Inputs []byte // what the shim is sent
	Answer []byte // nil: it must refuse
	Events int    // how many facts it has
	// blockless: it has configurations alone, which need not compile.
	blockless bool
	Bugs      uint64 // broken invariants that Go's own core noted while it made the answer
}

// Kinds of generated questions; a seed has one.
const (
	purposeKind = iota + 1
	purposeStream
	purposeSimulated
	purposeCompile
	purposeDamage
	purposeForm
)

// Generator makes questions. It reuses memory, and is not safe for concurrent use.
type Generator struct {
	q *traces.Question
	// NDJSON allows questions in the printed view, Binary those in the stored form.
	NDJSON, Binary bool
}

// Make returns the question of a seed: of 32 seeds 23 are streams, one is a
// simulation, four are configurations to compile, four a damaged trace. One in
// sixteen is asked in the printed view.
func (g *Generator) Make(seed uint64) (Question, error) {
	var q Question
	var err error
	switch throw(seed, purposeKind).below(32) {
	case 0:
		q, err = g.simulated(seed)
	case 1, 2, 3, 4:
		q = compiling(seed)
	case 5, 6, 7, 8:
		q, err = g.damaged(seed)
	default:
		q = g.stream(seed)
	}
	if err != nil {
		return q, fmt.Errorf("making the question of seed %d: %w", seed, err)
	}
	if g.NDJSON && (!g.Binary || throw(seed, purposeForm).oneIn(16)) {
		err = q.print()
	}
	return q, err
}

// print turns a question into the printed view, unless it is damaged.
func (q *Question) print() error {
	if q.Inputs[0] == '{' {
		return nil
	}
	var err error
	switch {
	case q.blockless:
		q.Inputs = lines(q.Inputs)
	case q.Answer == nil:
		return nil // damaged, it has no printed view
	default:
		q.Inputs, err = printed(q.Inputs)
	}
	if err == nil && q.Answer != nil {
		q.Answer, err = printed(q.Answer)
	}
	if err != nil {
		return fmt.Errorf("printing %s: %w", q.Name, err)
	}
	return nil
}

// lines prints a sound trace without blocks, whatever its lines say.
func lines(stored []byte) (out []byte) {
	for at := fileHead; at < len(stored); {
		n := int(binary.LittleEndian.Uint32(stored[at+8:]))
		at += frameHead
		out = append(append(out, stored[at:at+n]...), '\n')
		at += n
	}
	return out
}

func printed(stored []byte) ([]byte, error) {
	rd, err := traces.NewReader(bytes.NewReader(stored))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = traces.Convert(&out, traces.NDJSON, rd)
	return out.Bytes(), err
}

// stream runs a stream of events, 256 to 65,536 of them.
func (g *Generator) stream(seed uint64) Question {
	s := newStream(seed)
	events := 256 << s.below(8)
	events += int(s.below(uint64(events)))
	if s.oneIn(8) { // the recording begins in the middle
		s.run(s.between(1, 500))
	}
	s.q = g.begin(traces.Header{Name: fmt.Sprint("stream ", seed), Seed: seed, Flags: []string{"generated"}}, s.r, s.step)
	first := s.step
	s.run(events)
	q := Question{Name: fmt.Sprint("stream ", seed), Events: int(s.step - first), Bugs: s.r.Counters().Bugs}
	s.q.Join() // so that the last state is compared whole
	q.Inputs, q.Answer = s.q.Close()
	return q
}

func (g *Generator) begin(h traces.Header, r *core.Router, step uint64) *traces.Question {
	if g.q == nil {
		g.q = traces.NewQuestion(h, r, step)
	} else {
		g.q.Reset(h, r, step)
	}
	return g.q
}
