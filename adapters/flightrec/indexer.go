package flightrec

import (
	"bytes"
	"log/slog"
	"sync/atomic"

	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/index"
)

// behind is how many bytes of segments may wait to be indexed. Past it the
// segment gets no index: keeping up with the recording comes first, and whoever
// needs an index makes a missing one.
const behind = 32 << 20

// indexer makes the index of each segment while that is written, so that nobody
// has to read the segment for it. Its goroutine is not the one that writes.
type indexer struct {
	log     *slog.Logger
	work    chan indexWork
	done    chan struct{}
	spare   chan []byte  // buffers of frames that were indexed
	waiting atomic.Int64 // bytes
	sweeper *sweeper

	// These belong to who writes the segments.
	lost  bool // the open segment gets none
	known map[uint64]bool

	// These belong to the goroutine.
	builder *index.Builder
	reader  *traces.Reader
	fresh   bytes.Reader
	configs map[uint64]*core.Config
}

// indexWork is one thing to do; the fields that are set say what.
type indexWork struct {
	begin   *traces.Header // a segment begins
	head    int            // with so many bytes
	configs []*core.Config // that the frames bring: they need not be parsed
	frames  []byte         // that the segment got
	path    string         // it is finished
	size    int64          // with so many bytes
	sweep   bool           // delete what is past its time
}

func newIndexer(log *slog.Logger, s *sweeper) *indexer {
	x := &indexer{log: log, builder: index.NewBuilder(index.Everything), sweeper: s, work: make(chan indexWork, 1024), done: make(chan struct{}), spare: make(chan []byte, spareFrames)}
	go x.run()
	return x
}

// begin begins with a segment that consists of its header, of that many bytes.
func (x *indexer) begin(h traces.Header, size int) {
	x.known, x.lost = map[uint64]bool{}, false
	x.send(indexWork{begin: &h, head: size})
}

// add takes in whole frames that the segment got with an entry, nil for none.
func (x *indexer) add(e *entry, frames []byte) {
	if x.lost {
		return
	}
	if x.waiting.Load()+int64(len(frames)) > behind {
		x.lost = true
		return
	}
	w := indexWork{frames: x.copied(frames)} // a block's buffer is used again
	if e != nil {
		for _, c := range append([]*core.Config{e.config}, e.offered...) {
			if c != nil && !x.known[c.Digest()] {
				x.known[c.Digest()] = true
				w.configs = append(w.configs, c)
			}
		}
	}
	x.waiting.Add(int64(len(frames)))
	x.send(w)
}

// spareFrames is how many buffers are kept to be used again; there is mostly one at work.
const spareFrames = 4

func (x *indexer) copied(frames []byte) []byte {
	var b []byte
	select {
	case b = <-x.spare:
	default:
	}
	return append(b[:0], frames...)
}

// finish puts the index beside the segment, which is closed.
func (x *indexer) finish(path string, size int64) {
	if !x.lost {
		x.send(indexWork{path: path, size: size})
	}
	x.lost = true
}

// send never waits.
func (x *indexer) send(w indexWork) {
	select {
	case x.work <- w:
	default:
		x.lost = true
	}
}

// close waits until all indexes are written.
func (x *indexer) close() {
	close(x.work)
	<-x.done
}

func (x *indexer) run() {
	defer close(x.done)
	for w := range x.work {
		switch {
		case w.begin != nil:
			x.builder.Reset()
			x.fresh.Reset(nil)
			x.configs = map[uint64]*core.Config{}
			x.reader = traces.NewReaderAt(&x.fresh, *w.begin, x.configs, int64(w.head), 0)
		case w.path != "":
			if err := recordings.WriteIndex(w.path, x.builder.Index(w.size).Encode()); err != nil {
				x.log.Warn("no index beside a segment; it will be made when it is needed", "file", w.path, "error", err)
			}
		case w.sweep:
			x.sweep()
		default:
			for _, c := range w.configs {
				x.configs[c.Digest()] = c
			}
			x.fresh.Reset(w.frames)      // of which the reader leaves nothing, as frames are whole
			_ = x.builder.Read(x.reader) // a buffer in memory has no error but its end
			x.waiting.Add(-int64(len(w.frames)))
			select {
			case x.spare <- w.frames:
			default:
			}
		}
	}
}
