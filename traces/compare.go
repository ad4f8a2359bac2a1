package traces

import (
	"errors"
	"fmt"
	"io"

	"lockstep/core"
)

// Difference is where two traces of one run part: the first step that is not
// the same in both.
type Difference struct {
	Step uint64    `json:"step"`
	Time core.Time `json:"t"`
	A    string    `json:"first"` // what each trace has there, as NDJSON; "" where it has ended
	B    string    `json:"second"`
}

// String shows both sides.
func (d *Difference) String() string {
	return fmt.Sprintf("first difference at step %d, t=%d ns\n  first   %s\n  second  %s\n", d.Step, d.Time, or(d.A, "has ended"), or(d.B, "has ended"))
}

// Compare reads two traces side by side, each in either form, up to the first
// difference; nil for none. steps is how many they share. Inputs, decisions and
// digests count; headers, and where blocks begin, do not.
func Compare(a, b *Reader) (d *Difference, steps uint64, err error) {
	left, right := sight{in: a, schema: newSchema()}, sight{in: b, schema: newSchema()}
	for {
		if err := errors.Join(left.next(), right.next()); err != nil {
			return nil, steps, fmt.Errorf("comparing two traces: %w", err)
		}
		switch {
		case left.digest != right.digest && left.digest != 0 && right.digest != 0:
			// The state parted at the step before, with no decision to show it.
			return &Difference{
				Step: left.beforeStep, Time: left.before,
				A: fmt.Sprintf("digest %016x after it", left.digest), B: fmt.Sprintf("digest %016x after it", right.digest),
			}, steps, nil
		case left.text != right.text:
			at := &left
			if left.text == "" || right.text != "" && right.step < left.step {
				at = &right
			}
			return &Difference{Step: at.step, Time: at.time, A: left.text, B: right.text}, steps, nil
		case left.text == "":
			return nil, steps, nil
		}
		steps++
	}
}

// sight is what a comparison sees of one trace: one step at a time.
type sight struct {
	in         *Reader
	schema     *schema
	step       uint64
	time       core.Time
	beforeStep uint64 // the step before
	before     core.Time
	text       string // the step with its decisions; "" at the end
	digest     uint64 // stated since the step before, 0 for none
}

// next goes on to the next step.
func (s *sight) next() error {
	s.text, s.digest, s.beforeStep, s.before = "", 0, s.step, s.time
	for {
		it, err := s.in.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		switch it.Kind {
		case ItemBlock:
			s.digest = it.Block.Digest
		case ItemMark:
			s.digest = it.Digest
		case ItemFact:
			f := it.Fact
			line := s.schema.appendEventLine(nil, f)
			for i := range f.Decisions {
				line = append(line, "  ->  "...)
				line = s.schema.appendDecisionLine(line, &f.Decisions[i], f.Time)
			}
			s.step, s.time, s.text = f.Step, f.Time, string(line)
			return nil
		}
	}
}
