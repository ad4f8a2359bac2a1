package index

import (
	"lockstep/core"
	"lockstep/traces"
)

// Index tells what is where in one trace.
type Index struct {
	Header traces.Header
	// Size is how many bytes of the trace it covers.
	Size    int64
	Next    uint64    // step after the last fact, 0 for none
	Last    core.Time // of the last fact
	Damaged int       // parts that could not be read; they are not covered
	Blocks  []Block
	Configs []Config
	Gaps    []traces.Gap
	Notes   []Note
	Counts  []Count

	digest         uint64 // of the state at the last block's start
	requests, keys []pair // sorted, each once

	fates []traces.Fate
	fared []pair // key → block<<8 and place in fates, sorted, each once
	lost  bool   // some of that was not kept

	unended []Unended
	carried []Carried
}

// Block is where a block begins, and in which state of time.
type Block struct {
	Number int       // in its trace, from 1
	Offset int64     // of its frame in a stored trace; its line in NDJSON
	Step   uint64    // of its first fact
	Time   core.Time // at its start
}

// Config is where a configuration stands.
type Config struct {
	Offset int64 // as Block.Offset
	Digest uint64
}

// Note is a decision that others need to know of: a breaker, health, an adopt,
// a refused push, panic, a limit, a drain.
type Note struct {
	Step     uint64
	Time     core.Time // of the step; Decision.At is when it took effect
	Block    int       // number of its block
	Event    core.EventKind
	Origin   core.Origin // of an adopt
	Decision core.Decision
	// Placement and Endpoint name what Decision numbers, "" for none. An endpoint's
	// name is its name in the configuration, or its URL where it has none.
	Placement, Endpoint string
}

// Count is how often one thing happened to one placement in one block.
type Count struct {
	Block     int // number of it
	Kind      core.DecisionKind
	Class     core.Class    // of a Reject or an Abort
	Failover  core.Failover // of a Forward to another placement
	Placement string        // that decided; "" for none
	N         uint64
	Step      uint64    // of the first
	Time      core.Time // of the first
}

// pair is a fingerprint, the upper half of a hash, and the number it leads to:
// the place in Index.Blocks it is in or, of a key, where its list begins.
type pair uint64

func pairOf(hash uint64, number int) pair { return pair(hash&^(1<<32-1) | uint64(uint32(number))) }

func (p pair) print() uint32  { return uint32(p >> 32) }
func (p pair) number() uint32 { return uint32(p) }

// noteworthy reports whether a decision is a Note.
func noteworthy(k core.DecisionKind) bool {
	switch k {
	case core.Nack, core.NoteOpened, core.NoteHalfOpened, core.NoteClosed, core.NoteTripCapped, core.NoteHealthy, core.NoteUnhealthy,
		core.NoteAdopted, core.NoteRetired, core.NoteControl, core.NoteDraining, core.NoteDrained, core.NoteBug,
		core.NotePanicEntered, core.NotePanicLeft, core.NoteLimitChanged:
		return true
	}
	return false
}

// counted reports whether a decision is in Counts.
func counted(d *core.Decision) bool {
	switch d.Kind {
	case core.Forward:
		return d.Failover != core.FailoverNone
	case core.Reject, core.Abort, core.Queued, core.Retry, core.NoteIgnored:
		return true
	}
	return false
}
