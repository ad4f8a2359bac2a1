package conform

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"lockstep/core"
	"lockstep/traces"
)

// Tamper is a planted difference: each function, unless nil, changes what an
// answer says. Tests of the comparison plant them; the zero Tamper is Go's answer.
type Tamper struct {
	Step     func(r *core.Router, ev *core.Event, out []core.Decision) []core.Decision
	Digest   func(r *core.Router, digest uint64) uint64
	Snapshot func(r *core.Router)
	Compile  func(c *core.Config) error
}

// Complete answers a question of traces/CONFORM.md with Go's core, in its form. An
// error says why it cannot be run.
func Complete(question []byte, t Tamper) ([]byte, error) {
	rd, err := traces.NewReader(bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	c := completer{tamper: t, in: rd, out: traces.AppendFile(nil, rd.Header()), enc: traces.NewEncoder()}
	if err := c.run(); err != nil {
		return nil, err
	}
	if question[0] == '{' {
		return printed(c.out)
	}
	return c.out, nil
}

type completer struct {
	tamper Tamper
	in     *traces.Reader
	out    []byte
	enc    *traces.Encoder
	router *core.Router
	open   bool // a block is under way
	next   uint64
	said   []core.Decision
}

func (c *completer) run() error {
	for {
		it, err := c.in.Next()
		if errors.Is(err, io.EOF) {
			c.end()
			return nil
		}
		if err != nil {
			return err
		}
		switch it.Kind {
		case traces.ItemConfig:
			c.end()
			if c.tamper.Compile != nil {
				if err := c.tamper.Compile(it.Config); err != nil {
					return err
				}
			}
			c.out = traces.AppendConfig(c.out, it.Config)
		case traces.ItemGap:
			c.end()
			c.out = traces.AppendGap(c.out, *it.Gap)
		case traces.ItemBlock:
			c.end()
			if err := c.begin(it.Block); err != nil {
				return err
			}
		case traces.ItemFact:
			c.fact(it.Fact)
		case traces.ItemMark:
			c.enc.Mark(c.digest())
		}
	}
}

func (c *completer) end() {
	if c.open {
		c.out = append(c.out, c.enc.End().Seal()...)
		c.open = false
	}
}

func (c *completer) digest() uint64 {
	if c.tamper.Digest != nil {
		return c.tamper.Digest(c.router, c.router.Digest())
	}
	return c.router.Digest()
}

func (c *completer) begin(b *traces.BlockHead) error {
	if !b.Joins(c.next) {
		digest, _, err := core.SnapshotConfig(b.Snapshot)
		if err != nil {
			return err
		}
		r, err := core.Restore(b.Snapshot, c.in.Config(digest), false)
		if err != nil {
			return err
		}
		if r.Digest() != b.Digest {
			return fmt.Errorf("the state of block %d has digest %016x, not %016x", b.Number, r.Digest(), b.Digest)
		}
		c.router = r
	} else if c.tamper.Snapshot != nil {
		c.tamper.Snapshot(c.router)
	}
	c.enc.Begin(nil, c.router, b.Step)
	c.next, c.open = b.Step, true
	return nil
}

func (c *completer) fact(f *traces.Fact) {
	c.next++
	if f.Event.Kind == core.Arrive {
		f.Event.Route = traces.RouteOf(c.router.Config(), f.Request.Key, &f.Event)
	}
	c.said = c.router.Step(f.Time, &f.Event, c.said[:0])
	if c.tamper.Step != nil {
		c.said = c.tamper.Step(c.router, &f.Event, c.said)
	}
	c.enc.Append(f.Time, &f.Event, &f.Request, c.said)
}
