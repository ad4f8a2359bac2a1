package flightrec

import (
	"time"

	"lockstep/adapters/recordings"
)

// sweepEvery is how often a quiet recorder looks for what is past its time. It
// also looks when it begins, and whenever it begins a segment.
const sweepEvery = time.Minute

// sweeper keeps the folders within their limits. It belongs to the goroutine
// of the indexer, so that no block waits for a deletion.
type sweeper struct {
	folders []*recordings.Sweeper
	ring    *ring
	failed  bool
}

// newSweeper returns nil where all is kept.
func newSweeper(o *Options, g *ring) *sweeper {
	s := &sweeper{ring: g}
	if o.Dir != "" && o.Keep != (recordings.Keep{}) {
		s.folders = append(s.folders, &recordings.Sweeper{Dir: o.Dir, Name: o.Name, Keep: o.Keep})
	}
	if o.DumpDir != "" && o.KeepDumps != (recordings.Keep{}) {
		s.folders = append(s.folders, &recordings.Sweeper{Dir: o.DumpDir, Name: o.Name, Keep: o.KeepDumps, Dumps: true})
	}
	if len(s.folders) == 0 {
		return nil
	}
	return s
}

// askSweep has the goroutine sweep, soon.
func (x *indexer) askSweep() {
	if x.sweeper == nil {
		return
	}
	select {
	case x.work <- indexWork{sweep: true}:
	default: // it is far behind; there will be another
	}
}

func (x *indexer) sweep() {
	failed := false
	for _, w := range x.sweeper.folders {
		done, err := w.Sweep(time.Now())
		if done.Files > 0 {
			x.sweeper.ring.count(func(s *Stats) { s.DeletedFiles += uint64(done.Files); s.DeletedBytes += uint64(done.Bytes) })
			x.log.Info("old recordings were deleted", "folder", w.Dir, "files", done.Files, "bytes", done.Bytes, "because", done.Because, "first", done.Oldest)
		}
		if err != nil {
			failed = true
			if !x.sweeper.failed {
				x.log.Error("old recordings cannot be deleted", "folder", w.Dir, "error", err)
			}
		}
	}
	x.sweeper.failed = failed
}
