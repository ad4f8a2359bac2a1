package flightrec

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"lockstep/adapters/pseudonym"
	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// Options are what a Recorder is made with. The zero value keeps 64 MiB in
// memory and writes nothing.
type Options struct {
	// Name is what a person calls this router; it stands in every file's header.
	Name string
	// Memory is how many bytes of finished blocks are kept; 0 means 64 MiB. The
	// last block is kept whatever its size.
	Memory int
	// Dir is the folder that everything is recorded to, in segments; "" for none.
	Dir string
	// SegmentSize is how many bytes of blocks make a segment; 0 means 64 MiB, or an
	// eighth of Keep.Size where that is less.
	SegmentSize int64
	// FlushEvery ends a block early when segments are written, so that a
	// recording on disk lags behind its router by no more; 0 means 1 s. A quiet
	// router's blocks are smaller for it than the format would like.
	FlushEvery time.Duration
	// DumpDir is the folder for dumps of what memory holds; "" for no dumps.
	DumpDir string
	// MaxDumps bounds the dumps made because a breaker opened, over the life of
	// the process; 0 means 20. Those asked for by Dump do not count.
	MaxDumps int
	// Keep bounds what is kept in Dir of routers of this Name, in this life and
	// earlier ones; the zero value keeps all.
	Keep recordings.Keep
	// KeepDumps is the same for DumpDir.
	KeepDumps recordings.Keep
	// Keys gives routing keys other names in all that leaves memory: segments,
	// indexes, dumps, streams; nil leaves them plain. What memory holds is plain until
	// the recorder's goroutine gets to it. Nothing else may use it from then on.
	Keys *pseudonym.Names
	// Log gets what went wrong; nil means slog.Default.
	Log *slog.Logger
}

const (
	defaultMemory  = 64 << 20
	defaultSegment = 64 << 20
	defaultFlush   = time.Second
)

// Recorder records every step of a driver's router. It implements
// driver.Recorder; all else it does, it does in a goroutine of its own.
type Recorder struct {
	o    Options
	log  *slog.Logger
	ring *ring
	disk segments
	hash *hasher // nil: keys are recorded as they are

	dumps chan dumpRequest
	stop  chan struct{}
	done  chan struct{}

	// Set by Start, constant from then on.
	router *core.Router
	lock   sync.Locker // the driver's
	header traces.Header

	// These belong to the driver's lock.
	enc     *traces.Encoder
	closed  bool
	first   uint64         // step of the current block's first fact
	config  *core.Config   // in force when the current block began
	offered []*core.Config // by the Adopts of the current block
	limiter traces.DumpLimiter
}

// New returns a recorder for driver.Options.Observer. It makes the folders
// that o names; that is the only error.
func New(o Options) (*Recorder, error) {
	for _, dir := range []string{o.Dir, o.DumpDir} {
		if dir == "" {
			continue
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the folder for recordings: %w", err)
		}
	}
	orDefault(&o.Memory, defaultMemory)
	orDefault(&o.SegmentSize, segmentWithin(o.Keep.Size))
	orDefault(&o.FlushEvery, defaultFlush)
	orDefault(&o.MaxDumps, traces.MaxDumps)
	orDefault(&o.Log, slog.Default())
	rec := &Recorder{
		o: o, log: o.Log, enc: traces.NewEncoder(), ring: newRing(o.Memory),
		dumps: make(chan dumpRequest, 1), stop: make(chan struct{}), done: make(chan struct{}),
		limiter: traces.DumpLimiter{Every: traces.DumpEvery, Left: o.MaxDumps},
	}
	rec.disk = segments{dir: o.Dir, limit: o.SegmentSize, create: createFile, ring: rec.ring, log: o.Log}
	if rec.hash = newHasher(o.Keys, rec.ring, o.Log); rec.hash != nil {
		rec.disk.behind = "the disk, or the hashing of keys, did not keep up"
	}
	return rec, nil
}

func orDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Start implements driver.Recorder.
func (rec *Recorder) Start(r *core.Router, lock sync.Locker, origin time.Time) {
	_, seed, _ := core.SnapshotConfig(r.Snapshot(nil)) // written by Snapshot, so it has no fault
	rec.router, rec.lock = r, lock
	rec.header = traces.Header{Name: rec.o.Name, Seed: seed, Origin: origin.UnixNano()}
	if rec.hash != nil {
		rec.header.Flags = []string{rec.o.Keys.Flag()}
	}
	rec.disk.header, rec.disk.step = rec.header, 1
	rec.disk.began = rec.header.Origin
	if r.Config() != nil { // a successor: the origin is its predecessor's, its files are its own
		rec.disk.began = time.Now().UnixNano()
	}
	rec.begin(nil, 1)
	if s := newSweeper(&rec.o, rec.ring); rec.o.Dir != "" || s != nil {
		rec.disk.index = newIndexer(rec.log, s)
		rec.disk.index.askSweep()
	}
	go rec.work()
}

// Observe implements loop.Observer. It runs under the driver's lock: it
// appends to a block in memory and never waits for anything.
func (rec *Recorder) Observe(now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	if rec.closed {
		return
	}
	if ev.Kind == core.Adopt && ev.Config != nil {
		rec.offered = append(rec.offered, ev.Config)
	}
	rec.enc.Append(now, ev, req, decisions)
	for i := range decisions {
		if decisions[i].Kind == core.NoteOpened {
			rec.opened(now, &decisions[i])
		}
	}
	if rec.enc.Full() {
		rec.cut()
	}
}

// cut ends the current block, if anything is in it, and begins the next.
func (rec *Recorder) cut() {
	step := rec.enc.Step()
	if step == rec.first {
		return
	}
	rec.enc.Mark(rec.router.Digest())
	spare := rec.ring.push(&entry{
		block: rec.enc.End(), config: rec.config, offered: rec.offered,
		step: rec.first, steps: step - rec.first,
	})
	rec.begin(spare, step)
}

func (rec *Recorder) begin(buf []byte, step uint64) {
	rec.enc.Begin(buf, rec.router, step)
	rec.first = step
	rec.config, rec.offered = rec.router.Config(), nil
}

// Close ends the last block and waits until everything recorded is written. A
// router that stops calls it last: steps after Close are not recorded. Calling
// it twice, or without a Start, is harmless.
func (rec *Recorder) Close() {
	if rec.lock == nil {
		return
	}
	rec.lock.Lock()
	first := !rec.closed
	if first {
		rec.cut()
		rec.closed = true
	}
	rec.lock.Unlock()
	if first {
		close(rec.stop)
	}
	<-rec.done
}

// Stats returns what has been recorded, written and lost so far.
func (rec *Recorder) Stats() Stats { return rec.ring.snapshot() }

// flush ends the current block if anything is in it.
func (rec *Recorder) flush() {
	rec.lock.Lock()
	defer rec.lock.Unlock()
	if !rec.closed {
		rec.cut()
	}
}

// catchUp writes every block that the ring holds and the disk does not.
func (rec *Recorder) catchUp() {
	if rec.hash == nil {
		rec.disk.catchUp()
		return
	}
	for rec.hash.one() {
		rec.disk.catchUp()
	}
}

// work is the recorder's goroutine: the only one that touches a disk.
func (rec *Recorder) work() {
	defer close(rec.done)
	flush := time.NewTicker(rec.o.FlushEvery)
	defer flush.Stop()
	if rec.o.Dir == "" {
		flush.Stop()
	}
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	if rec.disk.index == nil || rec.disk.index.sweeper == nil {
		sweep.Stop()
	}
	for {
		rec.catchUp()
		rec.ring.refill()
		select {
		case <-rec.ring.ready:
		case <-flush.C:
			rec.flush()
		case <-sweep.C:
			rec.disk.index.askSweep()
		case q := <-rec.dumps:
			rec.catchUp() // to the block that it is about
			q.reply <- rec.dump(q)
		case <-rec.stop:
			rec.catchUp()
			rec.disk.close()
			select { // one may have been asked for just before
			case q := <-rec.dumps:
				q.reply <- rec.dump(q)
			default:
			}
			return
		}
	}
}
