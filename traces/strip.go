package traces

import (
	"errors"
	"fmt"
	"io"
)

// Strip writes the inputs of the trace that r reads, in the stored form: the
// question of CONFORM.md, to which the whole trace is the answer if it was written
// by a Writer, an Encoder or Convert. Convert turns it into the printed view.
// Damage is an error: a damaged trace has no answer.
func Strip(w io.Writer, r *Reader) error {
	out, enc := newFrameSink(w, Binary), NewEncoder()
	h := r.Header()
	out.header(&h)
	flush := func() {
		if enc.buf != nil {
			out.block(enc.End())
		}
	}
	for out.err == nil {
		it, err := r.Next()
		if errors.Is(err, io.EOF) {
			flush()
			break
		}
		if err != nil {
			return fmt.Errorf("reading a trace: %w", err)
		}
		switch it.Kind {
		case ItemConfig:
			flush()
			out.config(it.Config)
		case ItemGap:
			flush()
			out.gap(it.Gap)
		case ItemBlock:
			flush()
			h := *it.Block
			if h.Joins(enc.Step()) {
				h.Digest, h.Snapshot = 0, nil
			}
			enc.begin(nil, h, func(b []byte) []byte { return append(b, h.Snapshot...) })
		case ItemFact:
			enc.Append(it.Fact.Time, &it.Fact.Event, &it.Fact.Request, nil)
		case ItemMark:
			enc.Mark(0)
		}
	}
	if out.err != nil {
		return fmt.Errorf("writing a trace: %w", out.err)
	}
	return nil
}

// Joins reports whether a block that is not the first carries on the state of the
// one before it, after which step was expected next; else it goes on from its own
// snapshot.
func (h *BlockHead) Joins(step uint64) bool { return h.Step == step && h.Step > 1 }
