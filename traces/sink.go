package traces

import (
	"fmt"
	"io"

	"lockstep/core"
)

// frameSink writes what a trace consists of, in one of its forms. After the
// first error it writes nothing.
type frameSink struct {
	w      io.Writer
	form   Form
	err    error
	buf    []byte
	blocks int
	facts  blockReader // NDJSON: prints blocks; its configs are those written so far
}

func newFrameSink(w io.Writer, form Form) *frameSink {
	return &frameSink{w: w, form: form, facts: blockReader{schema: newSchema(), configs: map[uint64]*core.Config{}}}
}

func (s *frameSink) write(b []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
}

func (s *frameSink) header(h *Header) {
	if s.form == Binary {
		s.write(AppendFile(nil, *h))
		return
	}
	s.write(append(appendHeaderLine(nil, h), '\n'))
}

// config writes a configuration unless it is there already.
func (s *frameSink) config(c *core.Config) {
	if s.facts.configs[c.Digest()] != nil {
		return
	}
	s.facts.configs[c.Digest()] = c
	if s.form == Binary {
		s.write(AppendConfig(nil, c))
		return
	}
	s.write(append(appendConfigLine(nil, c), '\n'))
}

func (s *frameSink) gap(g *Gap) {
	if s.form == Binary {
		s.write(AppendGap(nil, *g))
		return
	}
	s.write(append(appendGapLine(nil, g), '\n'))
}

// block writes a finished block.
func (s *frameSink) block(b Block) {
	if len(b) > MaxFrame {
		s.fail(fmt.Errorf("a block of %d bytes is over the limit of %d", len(b), MaxFrame))
		return
	}
	s.blocks++
	if s.form == Binary {
		s.write(b.Seal())
		return
	}
	if err := s.print(b[frameHead:]); err != nil {
		s.fail(fmt.Errorf("printing block %d: %w", s.blocks, err))
	}
}

func (s *frameSink) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// print writes a block's payload as lines.
func (s *frameSink) print(payload []byte) error {
	head, err := s.facts.open(payload)
	if err != nil {
		return err
	}
	head.Number = s.blocks
	s.buf = append(appendBlockLine(s.buf[:0], &head), '\n')
	var f Fact
	for {
		mark, digest, done, err := s.facts.next(&f)
		switch {
		case err != nil:
			return err
		case done:
			s.write(s.buf)
			return nil
		case mark:
			s.buf = append(appendMarkLine(s.buf, digest), '\n')
		default:
			s.buf = append(s.facts.schema.appendEventLine(s.buf, &f), '\n')
			for i := range f.Decisions {
				s.buf = append(s.facts.schema.appendDecisionLine(s.buf, &f.Decisions[i], f.Time), '\n')
			}
		}
		if len(s.buf) > MinBlock {
			s.write(s.buf)
			s.buf = s.buf[:0]
		}
	}
}
