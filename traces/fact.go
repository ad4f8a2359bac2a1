package traces

import (
	"lockstep/core"
	"lockstep/core/loop"
)

// SpecVersion is the version of core/SPEC.md that this program decides by.
const SpecVersion = "1"

// Fact is one step of a router: what came in and what was decided.
type Fact struct {
	Step uint64    // counts all facts of a recording from 1, across blocks and segments
	Time core.Time // the router's time of the step, after clamping
	// Event is the input. Of an Arrive's Route only Refuse is recorded, and only
	// what the edge found (Class.ByEdge) survives replay, which matches the key again. Event.Request
	// is core.RequestHash of Request.ID. Event.Config is set for Adopt.
	Event     core.Event
	Request   loop.Request // Arrive only
	Decisions []core.Decision
}

// Header opens every trace and every segment of one.
type Header struct {
	Spec   string   // version of the rules it was recorded under; "" is written as SpecVersion
	Name   string   // what a person calls it; may be empty
	Seed   uint64   // the router's seed, for reading; replay takes it from the snapshot
	Config uint64   // digest of the first configuration, 0 for none yet
	Flags  []string // free labels, such as "simulated"
	Origin int64    // wall time of Time 0 in ns since 1970 UTC; 0 for a simulated trace
	Why    string   // what it shows or why it was dumped; may be empty
}

// BlockHead is the state from which a block's facts replay.
type BlockHead struct {
	Number   int       // of the block in its file, from 1
	Offset   int64     // where it begins: the byte in a binary file, the line in NDJSON
	Step     uint64    // of the block's first fact
	Time     core.Time // of the state
	Digest   uint64    // of the state
	Snapshot []byte    // the state; valid until the next call of Reader.Next
}

// Gap says that facts are missing here, on purpose: the recorder could not
// keep up. Replay goes on at the next block's snapshot.
type Gap struct {
	Step   uint64 // of the first fact that is missing
	Steps  uint64 // how many are
	Blocks uint64 // how many blocks they were
	Why    string
}
