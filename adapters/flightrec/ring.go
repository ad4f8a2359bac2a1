package flightrec

import (
	"sync"

	"lockstep/core"
	"lockstep/traces"
)

// entry is a finished block and what a file needs beside it.
type entry struct {
	block   traces.Block
	config  *core.Config   // in force at its start; nil for none
	offered []*core.Config // by its Adopts
	number  uint64         // counts blocks from 0
	step    uint64         // of its first fact
	steps   uint64
	held    int    // how many read it: its buffer must not be reused
	left    string // why its keys could not be hashed: then it has no block; "" for none
}

// ring holds the newest finished blocks, in memory of a fixed size. It is also
// the queue to the disk: a block that is pushed out before it was written is
// lost to the disk, and nobody waited.
type ring struct {
	ready chan struct{} // holds a token after a push
	limit int           // bytes

	mu      sync.Mutex
	entries []*entry // oldest first
	bytes   int
	next    uint64 // number of the next entry
	spare   []byte // a buffer for the next block, so that the lock's holder rarely allocates
	stats   Stats

	// With hashed keys an entry is plain at first, and then nobody but the hasher may hold it.
	gated   bool
	clean   uint64        // entries before this number are hashed
	changed chan struct{} // closed when that changes
}

// Stats counts what a recorder has done since it started.
type Stats struct {
	Steps         uint64 // recorded, up to the last finished block
	Blocks        uint64 // finished
	Memory        int    // bytes that finished blocks take in memory
	WrittenBlocks uint64 // to segments
	WrittenBytes  uint64 // to segments
	LostBlocks    uint64 // that should have been written and were not
	LostSteps     uint64 // in those
	Dumps         uint64 // written
	DumpsSkipped  uint64 // over the rate or the cap
	DeletedFiles  uint64 // segments and dumps past their time
	DeletedBytes  uint64 // in those, with their indexes
	DiskErrors    uint64
	LastError     string // "" for none
}

func newRing(limit int) *ring {
	return &ring{ready: make(chan struct{}, 1), limit: limit, changed: make(chan struct{})}
}

// push adds a finished block, drops the oldest ones past the limit, and
// returns a buffer for the next block, nil if there is none at hand.
func (g *ring) push(e *entry) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	e.number = g.next
	g.next++
	g.entries = append(g.entries, e)
	g.bytes += cap(e.block)
	g.trim()
	g.stats.Blocks++
	g.stats.Steps += e.steps
	select {
	case g.ready <- struct{}{}:
	default:
	}
	spare := g.spare
	g.spare = nil
	return spare
}

// trim drops the oldest entries past the limit. The caller holds mu.
func (g *ring) trim() {
	drop := 0
	for ; g.bytes > g.limit && drop < len(g.entries)-1; drop++ {
		old := g.entries[drop]
		g.bytes -= cap(old.block)
		if old.held == 0 {
			g.spare = old.block
		}
	}
	if drop > 0 {
		kept := copy(g.entries, g.entries[drop:])
		clear(g.entries[kept:])
		g.entries = g.entries[:kept]
	}
}

// refill puts a buffer ready for the next push.
func (g *ring) refill() {
	g.mu.Lock()
	size := traces.MinBlock
	if n := len(g.entries); n > 0 {
		size = cap(g.entries[n-1].block)
	}
	need := g.spare == nil && g.bytes+size <= g.limit // past that, the oldest entry is the buffer
	g.mu.Unlock()
	if !need {
		return
	}
	b := make([]byte, size)
	g.mu.Lock()
	g.spare = b[:0]
	g.mu.Unlock()
}

// hold returns the oldest entry from that number on, nil when there is none
// yet. The caller may read it until release.
func (g *ring) hold(from uint64) *entry {
	return g.holdAny(from, false)
}

// holdPlain is hold for the hasher.
func (g *ring) holdPlain(from uint64) *entry { return g.holdAny(from, true) }

func (g *ring) holdAny(from uint64, plain bool) *entry {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.entries) == 0 || g.next <= from {
		return nil
	}
	i := uint64(0)
	if oldest := g.entries[0].number; from > oldest {
		i = from - oldest
	}
	if g.gated && !plain && g.entries[i].number >= g.clean {
		return nil
	}
	g.entries[i].held++
	return g.entries[i]
}

// hashed puts what the hasher made in the place of a plain entry that it holds,
// and returns the buffer of that, if it can be used again.
func (g *ring) hashed(e, by *entry) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := e.block
	e.block, e.config, e.offered, e.left = by.block, by.config, by.offered, by.left
	e.held--
	g.clean = e.number + 1
	close(g.changed)
	g.changed = make(chan struct{})
	if len(g.entries) > 0 && e.number >= g.entries[0].number {
		g.bytes += cap(e.block) - cap(old)
		g.trim()
	}
	return old[:0]
}

// hashedUpTo returns the number of the first entry that is plain, and what is closed when that changes.
func (g *ring) hashedUpTo() (uint64, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.clean, g.changed
}

func (g *ring) release(e *entry) {
	g.mu.Lock()
	e.held--
	g.mu.Unlock()
}

// count changes the statistics.
func (g *ring) count(f func(*Stats)) {
	g.mu.Lock()
	f(&g.stats)
	g.mu.Unlock()
}

func (g *ring) snapshot() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stats
	s.Memory = g.bytes
	return s
}

// end returns the number that the next entry will get.
func (g *ring) end() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.next
}
