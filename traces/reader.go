package traces

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"lockstep/core"
)

// ItemKind says what an Item is.
type ItemKind uint8

// Kinds of Item; each names the field that is set.
const (
	ItemConfig ItemKind = iota // Config
	ItemBlock                  // Block: the facts that follow belong to it
	ItemFact                   // Fact
	ItemMark                   // Digest, of the state after the last fact
	ItemGap                    // Gap
)

// Item is one thing read from a trace. What its pointers lead to is valid
// until the next call of Next; a Config is valid for ever.
type Item struct {
	Kind   ItemKind
	Config *core.Config
	Block  *BlockHead
	Fact   *Fact
	Digest uint64
	Gap    *Gap
}

// DamageError is a part of a trace that cannot be read. The reader goes on
// with what follows it.
type DamageError struct {
	Block  int   // the block it is in or, between blocks, the one before; from 1
	Offset int64 // binary: the byte at which the damaged frame begins; NDJSON: 0
	Line   int   // NDJSON: the line, from 1; binary: 0
	Err    error
}

// Error says where and what.
func (e *DamageError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d (block %d): %v", e.Line, e.Block, e.Err)
	}
	return fmt.Sprintf("block %d at byte %d: %v", e.Block, e.Offset, e.Err)
}

// Unwrap returns Err.
func (e *DamageError) Unwrap() error { return e.Err }

// source reads one of the forms.
type source interface {
	next() (Item, error)
	place() int64
	rewind() bool
	form() Form
}

// Reader reads a trace in either form, one item at a time.
type Reader struct {
	header  Header
	configs map[uint64]*core.Config
	source  source
}

// NewReader finds out which form r has and reads the header. The error says
// what the input is not, or which version it would need.
func NewReader(r io.Reader) (*Reader, error) {
	b := newInput(r)
	t := &Reader{configs: map[uint64]*core.Config{}}
	start, err := b.Peek(fileHead)
	switch {
	case len(start) == 0 && errors.Is(err, io.EOF):
		return nil, errors.New("reading a trace: the file is empty")
	case len(start) == 0: // such as a folder
		return nil, fmt.Errorf("reading a trace: %w", err)
	case len(start) == fileHead && string(start[:len(fileMagic)]) == fileMagic:
		s := &binarySource{in: b, facts: blockReader{schema: newSchema(), configs: t.configs}}
		t.source = s
		t.header, err = s.open()
	case start[0] == '{':
		s := newLineSource(b, t.configs)
		t.source = s
		t.header, err = s.open()
	default:
		return nil, errors.New("reading a trace: it begins neither with LSTRACE nor with a {\"lockstep\":1 line; is it a trace, and not compressed?")
	}
	if err != nil {
		return nil, fmt.Errorf("reading a trace: %w", err)
	}
	return t, nil
}

func newInput(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, MinBlock) }

// Header returns the header.
func (t *Reader) Header() Header { return t.header }

// Config returns a configuration read so far, nil if there is none with that digest.
func (t *Reader) Config(digest uint64) *core.Config { return t.configs[digest] }

// Next returns the next item, io.EOF at the end, a *DamageError for a part
// that cannot be read, after which Next goes on, or the error of the input.
func (t *Reader) Next() (Item, error) { return t.source.next() }

// Place returns where what Next returned last stands: the byte at which its
// frame begins, or in NDJSON its line, from 1.
func (t *Reader) Place() int64 { return t.source.place() }

// Form returns which form the trace is read in.
func (t *Reader) Form() Form { return t.source.form() }

// Rewind goes back to the first fact of the block that Next is in, and reports
// whether it could: the printed view is only read forwards.
func (t *Reader) Rewind() bool { return t.source.rewind() }

// configsLimit bounds what a hostile file can make a reader keep.
const configsLimit = 1 << 16

// addConfig compiles an embedded configuration and checks its digest; 0 means
// that it is not stated.
func addConfig(configs map[uint64]*core.Config, digest uint64, spec []byte) (*core.Config, error) {
	if c := configs[digest]; c != nil {
		return c, nil
	}
	s, err := DecodeSpec(spec)
	if err != nil {
		return nil, err
	}
	c, err := core.Compile(s)
	if err != nil {
		return nil, fmt.Errorf("configuration %016x does not compile: %w", digest, err)
	}
	if c.Digest() != digest && digest != 0 {
		return nil, fmt.Errorf("configuration %016x compiles to %016x: it was changed, or written under other rules", digest, c.Digest())
	}
	if len(configs) >= configsLimit {
		return nil, fmt.Errorf("there are more than %d configurations", configsLimit)
	}
	configs[c.Digest()] = c
	return c, nil
}
