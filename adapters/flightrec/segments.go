package flightrec

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"lockstep/adapters/recordings"
	"lockstep/traces"
)

// file is what segments and dumps need of an *os.File.
type file interface {
	io.WriteCloser
	Truncate(size int64) error
	Sync() error
}

// createFile makes a file that only its owner may read: recordings hold routing keys.
func createFile(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	recordings.HoldOpen(f)
	return f, nil
}

// segmentWithin is how many bytes of blocks make a segment where all of them
// may take so many, 0 for no bound. Whole segments are deleted, so a large one
// would leave little of a small folder, or be more than all of it.
func segmentWithin(most int64) int64 {
	if most == 0 {
		return defaultSegment
	}
	return min(defaultSegment, max(1, most/8))
}

// segments writes blocks to numbered files. It belongs to the recorder's goroutine.
type segments struct {
	dir    string // "" for none
	limit  int64  // bytes of blocks in a segment
	header traces.Header
	began  int64 // wall time of the recording's begin, in ns since 1970; the names of its files
	create func(path string) (file, error)
	ring   *ring
	log    *slog.Logger

	number int             // of the open segment, from 1
	file   file            // nil for none
	names  map[uint64]bool // digests of the configurations in it
	size   int64           // bytes in it
	blocks int64           // bytes of blocks in it
	next   uint64          // number of the next entry to write
	step   uint64          // of the next fact to write
	lost   traces.Gap      // not yet told in a file; Steps 0 for none
	failed bool            // the last write did
	behind string          // why blocks leave memory unwritten, where it need not be the disk
	index  *indexer
}

// catchUp writes every block that the ring holds and the disk does not.
func (s *segments) catchUp() {
	if s.dir == "" {
		return
	}
	for e := s.ring.hold(s.next); e != nil; e = s.ring.hold(s.next) {
		if e.step > s.step {
			s.lose(e.step-s.step, e.number-s.next, cmp.Or(s.behind, "the disk did not keep up"))
		}
		s.step, s.next = e.step, e.number+1
		if e.left != "" {
			s.book(e.steps, 1, e.left) // the hasher has logged it
		} else if err := s.write(e); err != nil {
			s.fail(err)
			s.lose(e.steps, 1, "the disk failed")
		}
		s.step += e.steps
		s.ring.release(e)
	}
}

// lose books facts that will never be written, and says so now.
func (s *segments) lose(steps, blocks uint64, why string) {
	s.book(steps, blocks, why)
	s.log.Warn("recording has a gap", "why", why, "first_step", s.step, "steps", steps, "blocks", blocks)
}

// book books facts that will never be written, to be told in the file.
func (s *segments) book(steps, blocks uint64, why string) {
	if s.lost.Steps == 0 {
		s.lost.Step = s.step
	}
	s.lost.Steps += steps
	s.lost.Blocks += blocks
	s.lost.Why = why
	s.ring.count(func(t *Stats) { t.LostSteps += steps; t.LostBlocks += blocks })
}

// write puts one block, and before it whatever the file lacks, into a segment.
func (s *segments) write(e *entry) error {
	if s.file == nil || s.blocks >= s.limit {
		if err := s.rotate(e); err != nil {
			return err
		}
	}
	var head []byte
	if s.lost.Steps > 0 {
		head = traces.AppendGap(head, s.lost)
	}
	head = appendConfigs(head, e, s.names)
	if len(head) > 0 {
		if _, err := s.file.Write(head); err != nil {
			return err
		}
	}
	if _, err := s.file.Write(e.block.Seal()); err != nil {
		return err
	}
	s.index.add(e, head)
	s.index.add(nil, e.block)
	s.size += int64(len(head) + len(e.block))
	s.blocks += int64(len(e.block))
	s.lost = traces.Gap{}
	s.ring.count(func(t *Stats) {
		t.WrittenBlocks++
		t.WrittenBytes += uint64(len(head) + len(e.block))
	})
	if s.failed {
		s.failed = false
		s.log.Info("recording goes on", "file", s.path())
	}
	return nil
}

// appendConfigs appends the configurations that a block names and a file lacks.
func appendConfigs(dst []byte, e *entry, names map[uint64]bool) []byte {
	for i := range len(e.offered) + 1 {
		c := e.config
		if i > 0 {
			c = e.offered[i-1]
		}
		if c != nil && !names[c.Digest()] {
			names[c.Digest()] = true
			dst = traces.AppendConfig(dst, c)
		}
	}
	return dst
}

// rotate closes the open segment and begins the next with what e needs.
func (s *segments) rotate(e *entry) error {
	if err := s.finish(); err != nil {
		s.fail(err) // of the old segment; the new one may do better
	}
	s.number++
	f, err := s.create(s.path())
	if err != nil {
		s.number--
		return err
	}
	s.file, s.size, s.blocks, s.names = f, 0, 0, map[uint64]bool{}
	h := s.header
	if e.config != nil {
		h.Config = e.config.Digest()
	}
	head := traces.AppendFile(nil, h)
	if _, err := f.Write(head); err != nil {
		return err
	}
	s.size = int64(len(head))
	s.index.begin(h, len(head))
	s.index.askSweep()
	s.ring.count(func(t *Stats) { t.WrittenBytes += uint64(len(head)) })
	return nil
}

func (s *segments) path() string {
	return filepath.Join(s.dir, fmt.Sprintf("%s-%06d.lst", stamp(s.began), s.number))
}

// stamp prints a wall time, in ns since 1970, so that names sort by it.
func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format("20060102T150405.000Z") }

// fail gives up the open segment after its last whole block. The next block
// begins another: a full or broken disk may have been mended by then.
func (s *segments) fail(err error) {
	s.ring.count(func(t *Stats) { t.DiskErrors++; t.LastError = err.Error() })
	if !s.failed {
		s.failed = true
		s.log.Error("recording cannot be written; serving is not affected", "folder", s.dir, "error", err)
	}
	if s.file == nil {
		return
	}
	// Best effort from here: the first error is the one to tell.
	_ = s.file.Truncate(s.size)
	_ = s.file.Close()
	s.file = nil
	if s.blocks == 0 { // a full disk must not fill with empty segments
		_ = os.Remove(s.path())
		s.number--
		return
	}
	s.index.finish(s.path(), s.size)
}

// finish makes the open segment durable and closes it.
func (s *segments) finish() error {
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	if err := f.Sync(); err != nil {
		_ = f.Close() // the first error is the one to tell
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	s.index.finish(s.path(), s.size)
	return nil
}

// close ends the recording. Facts lost at its very end are told in a last gap.
func (s *segments) close() {
	if s.file != nil && s.lost.Steps > 0 {
		last := traces.AppendGap(nil, s.lost)
		if _, err := s.file.Write(last); err != nil {
			s.fail(err)
		} else {
			s.index.add(nil, last)
			s.size += int64(len(last))
		}
	}
	if err := s.finish(); err != nil {
		s.fail(err)
	}
	if s.index != nil {
		s.index.close()
	}
}
