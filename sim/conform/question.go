package conform

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

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
	purposeForge
)

// lastOther is the last of 32 kinds that is no stream.
const lastOther = 8

// Generator makes questions. It reuses memory, and is not safe for concurrent use.
type Generator struct {
	q *traces.Question
	// NDJSON allows questions in the printed view, Binary those in the stored form.
	NDJSON, Binary bool
}

// Ask makes the question whose answer is a trace, in the stored form: its inputs,
// or, where it has no blocks or is damaged, all of it. Go's core decides it anew; the
// error says that it decides otherwise than the trace has it, or what it is not.
func Ask(name string, trace []byte) (Question, error) {
	q := Question{Name: name}
	blocks, facts, err := content(trace)
	if err != nil || blocks == 0 {
		q.Inputs, q.blockless = trace, err == nil && trace[0] != '{'
		q.Answer, _ = Complete(trace, Tamper{}) // nil: it must be refused
		return q, nil
	}
	q.Events = facts
	if q.Inputs, err = strip(trace); err != nil {
		return q, fmt.Errorf("reading %s: %w", name, err)
	}
	if q.Answer, err = Complete(q.Inputs, Tamper{}); err != nil {
		return q, fmt.Errorf("deciding %s: %w", name, err)
	}
	view, err := printed(q.Answer)
	if err != nil {
		return q, fmt.Errorf("printing %s: %w", name, err)
	}
	if stated, err := printed(trace); err != nil || !bytes.Equal(stated, view) {
		return q, fmt.Errorf("%s is not what this program decides, or not in canonical form: see lockstep replay", name)
	}
	return q, nil
}

// content counts what a trace has; the error is its first damage.
func content(trace []byte) (blocks, facts int, err error) {
	rd, err := traces.NewReader(bytes.NewReader(trace))
	if err != nil {
		return 0, 0, err
	}
	for {
		it, err := rd.Next()
		switch {
		case errors.Is(err, io.EOF):
			return blocks, facts, nil
		case err != nil:
			return blocks, facts, err
		case it.Kind == traces.ItemBlock:
			blocks++
		case it.Kind == traces.ItemFact:
			facts++
		}
	}
}

// Make returns the question of a seed: of 32 seeds 23 are streams, one is a
// simulation, four are configurations to compile, four a damaged trace or, one in
// three of those, a stream from a state that never was. One in 32 is asked in the printed view.
func (g *Generator) Make(seed uint64) (q Question, err error) {
	defer func() {
		if p := recover(); p != nil {
			g.q = nil
			err = fmt.Errorf("making the question of seed %d: Go stopped: %v\n%s", seed, p, debug.Stack())
		}
	}()
	switch kind := throw(seed, purposeKind).below(32); {
	case kind == 0:
		q, err = g.simulated(seed)
	case kind <= 4:
		q = compiling(seed)
	case kind <= lastOther && throw(seed, purposeForge).oneIn(3):
		q = g.forged(seed)
	case kind <= lastOther:
		q, err = g.damaged(seed)
	default:
		q = g.stream(seed)
	}
	if err != nil {
		return q, fmt.Errorf("making the question of seed %d: %w", seed, err)
	}
	if g.NDJSON && (!g.Binary || throw(seed, purposeForm).oneIn(32)) {
		err = q.Print()
	}
	return q, err
}

// Print turns a question into the printed view, unless it is damaged.
func (q *Question) Print() error {
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
func (g *Generator) stream(seed uint64) Question { return g.recorded(newStream(seed), seed) }

// Whole returns the question of a seed with what its recording leaves out: the
// events before it and in its gaps. It tells a difference as a story from the
// start. ok is false where that is no other question.
func (g *Generator) Whole(seed uint64) (q Question, ok bool) {
	if throw(seed, purposeKind).below(32) <= lastOther {
		return q, false
	}
	s := newStream(seed)
	s.complete = true
	return g.recorded(s, seed), true
}

func (g *Generator) recorded(s *stream, seed uint64) Question {
	name := fmt.Sprint("stream ", seed)
	events := 256 << s.below(8)
	events += int(s.below(uint64(events)))
	begin := func() {
		if s.q == nil {
			s.q = g.begin(traces.Header{Name: name, Seed: seed, Flags: []string{"generated"}}, s.r, s.step)
		}
	}
	if s.complete {
		begin()
	}
	if s.oneIn(8) { // the recording begins in the middle
		s.run(s.between(1, 500))
	}
	first := s.step
	begin()
	s.run(events)
	q := Question{Name: name, Events: int(s.step - first), Bugs: s.r.Counters().Bugs}
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
