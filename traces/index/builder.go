package index

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"lockstep/core"
	"lockstep/traces"
)

// maxNotes bounds the notes of a block; what a flapping limit says beyond it is
// counted. An index must stay small beside its trace.
const maxNotes = 1024

// Builder makes an index from what a Reader reads. Its use: Read, once or while
// the trace grows, then Index.
type Builder struct {
	ix      Index
	names   names
	block   block
	only    Content
	configs map[uint64]bool
	notes   int // of the current block
	flights flights
	prints  []uint32 // of the current block's keys, by KeyNumber
	room    []pair   // to sort in
}

// Content says what an index is to hold.
type Content uint8

// What an index can hold besides blocks, configurations and gaps.
const (
	Everything Content = iota
	NotesOnly          // no requests and keys
)

// block is what is known of the current block.
type block struct {
	counts map[tally]int // place in Index.Counts
}

// tally is what is counted together.
type tally struct {
	kind      core.DecisionKind
	class     core.Class
	failover  core.Failover
	placement int32
}

// NewBuilder returns a builder that has seen nothing.
func NewBuilder(only Content) *Builder {
	return &Builder{only: only, configs: map[uint64]bool{}, block: block{counts: map[tally]int{}}}
}

// Reset begins anew with another trace, in the memory that the last one took.
func (b *Builder) Reset() {
	last := *b
	*b = *NewBuilder(b.only)
	b.ix.requests, b.ix.keys, b.prints, b.room = last.ix.requests[:0], last.ix.keys[:0], last.prints[:0], last.room
	b.flights = last.flights
	b.flights.reset()
}

// Read takes in all that rd has. What is damaged is counted and left out. The
// error is one of reading.
func (b *Builder) Read(rd *traces.Reader) error {
	b.ix.Header = rd.Header()
	rd.Brief()
	for {
		it, err := rd.Next()
		switch {
		case err == nil:
			b.item(rd, &it)
		case errors.Is(err, io.EOF):
			return nil
		default:
			if !traces.Damaged(err) {
				return fmt.Errorf("reading a trace: %w", err)
			}
			b.ix.Damaged++
		}
	}
}

// Index returns the index of what was read; size is how many bytes that was.
// The builder is done with it but for Reset, which is the end of what was returned.
func (b *Builder) Index(size int64) *Index {
	b.ix.Size = size
	b.ix.requests, b.room = sortPairs(b.ix.requests, b.room)
	b.ix.keys, b.room = sortPairs(b.ix.keys, b.room)
	b.ix.requests, b.ix.keys = slices.Compact(b.ix.requests), slices.Compact(b.ix.keys)
	b.ix.unended, b.ix.carried = b.flights.finish()
	slices.Sort(b.flights.found) // not in order of blocks: a request ends later than it arrives
	b.ix.fates, b.ix.fared, b.ix.lost = b.flights.fates, slices.Compact(b.flights.found), b.flights.lost
	return &b.ix
}

func (b *Builder) item(rd *traces.Reader, it *traces.Item) {
	switch it.Kind {
	case traces.ItemConfig:
		if d := it.Config.Digest(); !b.configs[d] {
			b.configs[d] = true
			b.ix.Configs = append(b.ix.Configs, Config{rd.Place(), d})
		}
	case traces.ItemGap:
		b.ix.Gaps = append(b.ix.Gaps, *it.Gap)
	case traces.ItemBlock:
		b.open(rd, it.Block)
	case traces.ItemFact:
		b.fact(rd, it.Fact)
	}
}

func (b *Builder) open(rd *traces.Reader, h *traces.BlockHead) {
	clear(b.block.counts)
	b.notes, b.prints = 0, b.prints[:0]
	b.names.open(rd, h)
	b.ix.Blocks = append(b.ix.Blocks, Block{h.Number, h.Offset, h.Step, h.Time})
	b.ix.Next, b.ix.Last, b.ix.digest = h.Step, h.Time, h.Digest
}

func (b *Builder) fact(rd *traces.Reader, f *traces.Fact) {
	if b.names.pass(rd, f) {
		return
	}
	at := len(b.ix.Blocks) - 1
	b.ix.Next, b.ix.Last = f.Step+1, f.Time
	if b.only == Everything {
		print := uint32(0)
		if f.Event.Kind == core.Arrive {
			print = b.arrive(rd, f, at)
		}
		b.flights.fact(f, at, print)
	}
	for i := range f.Decisions {
		d := &f.Decisions[i]
		switch {
		case noteworthy(d.Kind) && b.notes < maxNotes:
			b.notes++
			n := Note{Step: f.Step, Time: f.Time, Block: b.ix.Blocks[at].Number, Event: f.Event.Kind, Origin: f.Event.Origin, Decision: *d}
			n.Placement, n.Endpoint = b.names.of(d)
			b.ix.Notes = append(b.ix.Notes, n)
		case noteworthy(d.Kind) || counted(d):
			b.count(f, d, b.ix.Blocks[at].Number)
		}
	}
}

// arrive books an arrival and returns the fingerprint of its key.
func (b *Builder) arrive(rd *traces.Reader, f *traces.Fact, at int) uint32 {
	if f.Request.ID != ([2]uint64{}) && f.Event.Handle == (core.Handle{}) {
		b.ix.requests = append(b.ix.requests, pairOf(f.Event.Request, at))
	}
	if f.Request.Key == "" {
		return pairOf(core.HashString(""), 0).print()
	}
	n := rd.KeyNumber()
	if n >= 0 && n < len(b.prints) {
		return b.prints[n]
	}
	p := pairOf(core.HashString(f.Request.Key), at)
	b.ix.keys = append(b.ix.keys, p)
	if n == len(b.prints) {
		b.prints = append(b.prints, p.print())
	}
	return p.print()
}

func (b *Builder) count(f *traces.Fact, d *core.Decision, number int) {
	t := tally{d.Kind, d.Class, d.Failover, d.Placement}
	at, known := b.block.counts[t]
	if !known {
		at = len(b.ix.Counts)
		b.block.counts[t] = at
		c := Count{Block: number, Kind: d.Kind, Class: d.Class, Failover: d.Failover, Step: f.Step, Time: f.Time}
		c.Placement, _ = b.names.of(d)
		b.ix.Counts = append(b.ix.Counts, c)
	}
	b.ix.Counts[at].N++
}
