package recordings

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"lockstep/traces"
	"lockstep/traces/index"
)

// IndexSuffix ends the name of the index beside a segment.
const IndexSuffix = ".idx"

// indexTemp begins the name of an index that is being written.
const indexTemp = ".index-"

// settled is how long a recording's newest segment has not changed when its
// index is written: before, the router may still write it.
const settled = 10 * time.Second

// inMemory bounds the indexes that could not be written and are kept in memory.
const inMemory = 256 << 20

var kept atomic.Int64

// lookUp uses the segment's index, if there is one that matches, and reports
// whether there was. With build it makes one where there is none. What the
// index itself says wrongly is no error: then there is none.
func (s *Segment) lookUp(build bool, use func(*index.File) error) (indexed bool, err error) {
	if s.Form == traces.NDJSON {
		return false, nil
	}
	s.mu.Lock()
	memory := s.memory
	s.mu.Unlock()
	if memory != nil {
		return true, use(memory)
	}
	f, err := os.Open(s.Path + IndexSuffix)
	if err == nil {
		defer f.Close() // only read from
		if ix := s.matching(f); ix != nil && use(ix) == nil {
			return true, nil
		}
	}
	if !build {
		return false, nil
	}
	ix, err := s.build()
	if err != nil {
		return false, err
	}
	return true, use(ix)
}

// matching opens an index and checks that it is of this segment as it is now.
func (s *Segment) matching(f *os.File) *index.File {
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	ix, err := index.Open(f, info.Size())
	if err != nil {
		return nil
	}
	m := ix.Meta()
	if m.Name != s.Header.Name || m.Seed != s.Header.Seed || m.Origin != s.Header.Origin || m.Size != s.Size {
		return nil
	}
	if m.Offset == 0 {
		return ix
	}
	err = s.withFile(func(f *os.File) error {
		frames, err := traces.NewFrames(f, s.Size)
		if err != nil {
			return err
		}
		frames.Resume(m.Offset, 0)
		h, err := nextBlock(frames, nil)
		if err == nil && (h.Offset != m.Offset || h.Step != m.Step || h.Digest != m.Digest) {
			err = errors.New("it is the index of another segment")
		}
		return err
	})
	if err != nil {
		return nil
	}
	return ix
}

// build makes the segment's index by reading it, and writes it beside the
// segment where that can be done.
func (s *Segment) build() (*index.File, error) {
	b := index.NewBuilder(index.Everything)
	err := s.withFile(func(f *os.File) error {
		rd, err := traces.NewReader(io.NewSectionReader(f, 0, s.Size))
		if err != nil {
			return err
		}
		return b.Read(rd)
	})
	if err != nil {
		return nil, err
	}
	data := b.Index(s.Size).Encode()
	info, err := os.Stat(s.Path)
	written := err == nil && info.Size() == s.Size && time.Since(info.ModTime()) > settled && WriteIndex(s.Path, data) == nil
	ix, err := index.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, Fault{s.Path + IndexSuffix, err}
	}
	if !written && kept.Load() < inMemory {
		kept.Add(int64(len(data)))
		s.mu.Lock()
		s.memory = ix
		s.mu.Unlock()
	}
	return ix, nil
}

// WriteIndex puts an index beside its segment, in one step, readable by its
// owner only: it holds what can be looked up by request and key. It needs not
// be durable, since it can be made again.
func WriteIndex(segment string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(segment), indexTemp+"*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), segment+IndexSuffix)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error is the one to tell
	}
	return err
}

// indexed reports whether the segment has an index file, whether or not it matches.
func (s *Segment) indexed() bool {
	_, err := os.Stat(s.Path + IndexSuffix)
	return !errors.Is(err, fs.ErrNotExist)
}
