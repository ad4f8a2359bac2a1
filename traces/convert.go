package traces

import (
	"errors"
	"fmt"
	"io"
)

// Convert writes what r reads in the given form, block by block. A trace that
// a Writer or Encoder made comes back as it was, byte for byte, if converted to
// the other form and back, but for compression. Damaged parts are left out; the
// error then joins one DamageError for each of them.
func Convert(w io.Writer, form Form, r *Reader) error {
	out, enc := newFrameSink(w, form), NewEncoder()
	h := r.Header()
	out.header(&h)
	flush := func() {
		if enc.buf != nil {
			out.block(enc.End())
		}
	}
	var damage []error
	for out.err == nil {
		it, err := r.Next()
		if errors.Is(err, io.EOF) {
			flush()
			break
		}
		if err != nil {
			if _, damaged := errors.AsType[*DamageError](err); !damaged {
				return fmt.Errorf("reading a trace: %w", err)
			}
			damage = append(damage, err)
			continue
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
			enc.begin(nil, *it.Block, func(b []byte) []byte { return append(b, it.Block.Snapshot...) })
		case ItemFact:
			enc.Append(it.Fact.Time, &it.Fact.Event, &it.Fact.Request, it.Fact.Decisions)
		case ItemMark:
			enc.Mark(it.Digest)
		}
	}
	if out.err != nil {
		return fmt.Errorf("writing a trace: %w", out.err)
	}
	return errors.Join(damage...)
}
