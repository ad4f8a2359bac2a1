package traces

import (
	"fmt"
	"io"

	"lockstep/core"
	"lockstep/core/loop"
)

// Form is one of the two forms of a trace.
type Form uint8

// The forms: Binary is stored, NDJSON is its printed view.
const (
	Binary Form = iota
	NDJSON
)

// markEvery is how many facts lie between two digest marks of a Writer.
const markEvery = 1024

// Writer writes the trace of one router to an io.Writer, in either form. It is
// a loop.Observer. Errors of the io.Writer are kept and returned by Close.
type Writer struct {
	out    *frameSink
	enc    *Encoder
	router *core.Router
	marked uint64 // step of the last mark
}

var _ loop.Observer = (*Writer)(nil)

// NewWriter writes the header and begins a block with r's present state. r must
// be the router whose steps Observe is told of, before its next Step. An empty
// h.Config is filled in with the configuration in force.
func NewWriter(w io.Writer, form Form, h Header, r *core.Router) *Writer {
	t := &Writer{out: newFrameSink(w, form), enc: NewEncoder(), router: r}
	if c := r.Config(); c != nil && h.Config == 0 {
		h.Config = c.Digest()
	}
	t.out.header(&h)
	t.Config(r.Config())
	t.enc.Begin(nil, r, 1)
	return t
}

// Config embeds a configuration; nil or one that is there already is left out.
// Observe does it for every Adopt, so callers rarely need it.
func (t *Writer) Config(c *core.Config) {
	if c != nil {
		t.out.config(c)
	}
}

// Observe records one step of the router.
func (t *Writer) Observe(now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	if ev.Kind == core.Adopt {
		t.Config(ev.Config)
	}
	t.enc.Append(now, ev, req, decisions)
	if t.enc.Step()-t.marked > markEvery {
		t.mark()
	}
	if t.enc.Full() {
		t.out.block(t.enc.End())
		t.enc.Begin(nil, t.router, t.enc.Step())
	}
}

func (t *Writer) mark() {
	t.enc.Mark(t.router.Digest())
	t.marked = t.enc.Step()
}

// Close writes the last block, which ends with the router's digest, and returns
// the first error of all. It does not close the io.Writer.
func (t *Writer) Close() error {
	t.mark()
	t.out.block(t.enc.End())
	if t.out.err != nil {
		return fmt.Errorf("writing a trace: %w", t.out.err)
	}
	return nil
}
