package traces

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"lockstep/core"
)

// lineSource reads the printed view.
type lineSource struct {
	in      *bufio.Reader
	schema  *schema
	configs map[uint64]*core.Config
	s       scanner
	buf     []byte // the current line
	line    int    // its number
	again   bool   // the current line has not been dealt with
	skip    bool   // after damage: on to the next block

	blocks  int
	inBlock bool
	step    uint64 // of the next event
	last    core.Time
	block   BlockHead
	fact    Fact
	gap     Gap
}

func newLineSource(in *bufio.Reader, configs map[uint64]*core.Config) *lineSource {
	return &lineSource{in: in, schema: newSchema(), configs: configs}
}

func (l *lineSource) open() (Header, error) {
	if err := l.read(); err != nil {
		return Header{}, err
	}
	if name := l.begin(); string(name) != "lockstep" {
		l.s.fail("a trace begins with {\"lockstep\":%d", formatVersion)
	}
	h := l.s.header(l.s.uint())
	if l.s.err != nil {
		return h, fmt.Errorf("line %d: %w", l.line, l.s.err)
	}
	return h, nil
}

func (l *lineSource) place() int64 { return int64(l.line) }

func (l *lineSource) rewind() bool { return false }

func (l *lineSource) form() Form { return NDJSON }

// read reads the next line, without its LF, unless the current one waits.
func (l *lineSource) read() error {
	if l.again {
		l.again = false
		return nil
	}
	l.buf = l.buf[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		l.buf = append(l.buf, part...)
		switch {
		case err == nil:
			l.line++
			l.buf = l.buf[:len(l.buf)-1]
			return nil
		case errors.Is(err, io.EOF) && len(l.buf) > 0:
			l.line++
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		case len(l.buf) > MaxFrame:
			return fmt.Errorf("line %d is longer than %d bytes", l.line+1, MaxFrame)
		}
	}
}

// begin opens the object of the current line and returns the name of its first member.
func (l *lineSource) begin() []byte {
	l.s.b, l.s.i, l.s.err = l.buf, 0, nil
	l.s.expect('{')
	name, _ := l.s.key(true)
	return name
}

const blockPrefix = `{"block":`

func (l *lineSource) next() (Item, error) {
	for {
		if err := l.read(); err != nil {
			return Item{}, err
		}
		if l.skip && !bytes.HasPrefix(l.buf, []byte(blockPrefix)) {
			continue
		}
		l.skip = false
		it := l.item(l.begin())
		if l.s.err != nil {
			l.skip, l.inBlock = true, false
			return Item{}, &DamageError{Block: l.blocks, Line: l.line, Err: l.s.err}
		}
		return it, nil
	}
}

func (l *lineSource) item(first []byte) Item {
	switch string(first) {
	case "step":
		l.event(l.s.uint())
		return Item{Kind: ItemFact, Fact: &l.fact}
	case "digest":
		digest := l.s.hash()
		l.s.members(func(string) bool { return false })
		l.inside("a digest")
		return Item{Kind: ItemMark, Digest: digest}
	case "block":
		l.openBlock(l.s.uint())
		return Item{Kind: ItemBlock, Block: &l.block}
	case "config":
		l.inBlock = false
		return Item{Kind: ItemConfig, Config: l.s.config(l.configs, l.s.hash())}
	case "gap":
		l.gap = l.s.gap(l.s.uint())
		l.inBlock = false
		return Item{Kind: ItemGap, Gap: &l.gap}
	case "decision":
		l.s.fail("a decision without its event")
	default:
		l.s.fail("a line cannot begin with %q", first)
	}
	return Item{}
}

func (l *lineSource) inside(what string) {
	if !l.inBlock {
		l.s.fail("%s outside of a block; a block line must come before it", what)
	}
}

func (l *lineSource) openBlock(number uint64) {
	l.blocks++
	l.block = l.s.block(number)
	l.block.Offset = int64(l.line)
	if number != uint64(l.blocks) {
		l.s.fail("this is block %d of the file, not %d", l.blocks, number)
	}
	l.inBlock, l.step, l.last = true, l.block.Step, l.block.Time
}

// event reads an event and the decisions on the lines below it.
func (l *lineSource) event(step uint64) {
	l.s.event(l.schema, l.configs, &l.fact, step)
	l.inside("an event")
	switch {
	case l.s.err != nil:
		return
	case step != l.step:
		l.s.fail("the step should be %d", l.step)
		return
	case l.fact.Time < l.last:
		l.s.fail("time runs backwards: %d after %d", l.fact.Time, l.last)
		return
	}
	l.step, l.last = step+1, l.fact.Time
	for l.read() == nil {
		if string(l.begin()) != "decision" {
			l.again = true
			l.s.err = nil
			return
		}
		l.s.decision(l.schema, &l.fact, string(l.s.string()))
		if l.s.err != nil {
			return
		}
	}
}
