package recordings

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/index"
)

// Segment is one file of a recording, in either form.
type Segment struct {
	Path   string
	Size   int64 // bytes when it was opened; a segment that is being written grows
	Form   traces.Form
	Header traces.Header
	First  uint64 // step of its first fact, 0 when it holds no block
	From   int64  // wall time of that, as Recording.Wall

	mu     sync.Mutex
	layout *layout
	memory *index.File // an index that could not be written, nil for none
}

// Block is a block of a segment: where replay can begin.
type Block struct {
	Segment *Segment
	Number  int       // in its file, from 1
	Offset  int64     // of its frame, in bytes; of NDJSON its line
	Step    uint64    // of its first fact
	Time    core.Time // at its start

	at int // place in its segment's blocks
}

// layout is where everything in a segment is.
type layout struct {
	blocks  []Block
	configs []index.Config
	gaps    []int64 // where frames of gaps are, if walked
	walked  bool    // it is from the file itself, not from its index
	ends    ends    // NDJSON
}

// openSegment reads as little as tells what the file is.
func openSegment(path string) (*Segment, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, plain(err)
	}
	rd, err := traces.NewReader(f)
	if err != nil {
		return nil, notATrace(f, err)
	}
	s := &Segment{Path: path, Size: info.Size(), Form: rd.Form(), Header: rd.Header()}
	first, err := s.firstBlock(f, rd)
	if err != nil {
		return nil, err
	}
	s.First, s.From = first.Step, s.Header.Origin+int64(first.Time)
	return s, nil
}

// firstBlock finds the first block without reading configurations where it can.
func (s *Segment) firstBlock(f *os.File, rd *traces.Reader) (traces.BlockHead, error) {
	if s.Form == traces.NDJSON {
		for {
			it, err := rd.Next()
			switch damaged := traces.Damaged(err); {
			case errors.Is(err, io.EOF):
				return traces.BlockHead{}, nil
			case err != nil && !damaged:
				return traces.BlockHead{}, err
			case err == nil && it.Kind == traces.ItemBlock:
				return *it.Block, nil
			}
		}
	}
	frames, err := traces.NewFrames(f, s.Size)
	if err != nil {
		return traces.BlockHead{}, err
	}
	h, err := nextBlock(frames, nil)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return h, err
}

// nextBlock returns the next block whose head can be read, io.EOF at the end.
// Other frames are told to see, if it is not nil.
func nextBlock(frames *traces.Frames, see func(traces.Frame)) (traces.BlockHead, error) {
	for {
		fr, err := frames.Next()
		if traces.Damaged(err) {
			continue // whoever reads what is in the file is told
		}
		if err != nil {
			return traces.BlockHead{}, err
		}
		if fr.Kind != traces.FrameBlock {
			if see != nil {
				see(fr)
			}
			continue
		}
		h, err := frames.Block(fr)
		if traces.Damaged(err) {
			continue
		}
		return h, err
	}
}

// places returns where the blocks and configurations of the segment are.
func (s *Segment) places() (*layout, error) {
	s.mu.Lock()
	known := s.layout
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	l := &layout{}
	var err error
	if s.Form == traces.NDJSON {
		err = s.withFile(func(f *os.File) error { return l.read(s, f) })
	} else {
		var indexed bool
		indexed, err = s.lookUp(false, func(ix *index.File) error { return l.take(s, ix) })
		if !indexed && err == nil {
			err = s.withFile(func(f *os.File) error { return l.walk(s, f) })
		}
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.layout = l
	return l, nil
}

// withFile opens the segment for a while.
func (s *Segment) withFile(use func(*os.File) error) error {
	f, err := os.Open(s.Path)
	if err != nil {
		return Fault{s.Path, plain(err)}
	}
	defer f.Close() // only read from
	if err := use(f); err != nil {
		return Fault{s.Path, err}
	}
	return nil
}

// take copies from an index.
func (l *layout) take(s *Segment, ix *index.File) (err error) {
	blocks, err := ix.Blocks()
	if err != nil {
		return err
	}
	configs, err := ix.Configs()
	if err != nil {
		return err
	}
	l.configs, l.blocks = configs, make([]Block, 0, len(blocks))
	for _, b := range blocks {
		l.add(s, &traces.BlockHead{Number: b.Number, Offset: b.Offset, Step: b.Step, Time: b.Time})
	}
	return nil
}

func (l *layout) add(s *Segment, h *traces.BlockHead) {
	l.blocks = append(l.blocks, Block{s, h.Number, h.Offset, h.Step, h.Time, len(l.blocks)})
}

// walk goes from frame to frame.
func (l *layout) walk(s *Segment, f *os.File) error {
	l.walked = true
	frames, err := traces.NewFrames(f, s.Size)
	if err != nil {
		return err
	}
	for {
		h, err := nextBlock(frames, func(fr traces.Frame) {
			switch fr.Kind {
			case traces.FrameConfig:
				l.configs = append(l.configs, index.Config{Offset: fr.Offset, Digest: frames.Config(fr)})
			case traces.FrameGap:
				l.gaps = append(l.gaps, fr.Offset)
			}
		})
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		l.add(s, &h)
	}
}

// read reads all of a printed trace.
func (l *layout) read(s *Segment, f *os.File) error {
	rd, err := traces.NewReader(f)
	if err != nil {
		return err
	}
	for {
		it, err := rd.Next()
		switch damaged := traces.Damaged(err); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !damaged:
			return err
		case err != nil:
		case it.Kind == traces.ItemBlock:
			l.add(s, it.Block)
		case it.Kind == traces.ItemFact:
			l.ends.next, l.ends.last = it.Fact.Step+1, it.Fact.Time
		case it.Kind == traces.ItemGap:
			l.ends.gaps = append(l.ends.gaps, *it.Gap)
		}
	}
}

// open returns a reader that begins at one of the segment's blocks, nil for its
// beginning, and ends before another, nil for the end of the file. A printed trace is read from its
// beginning. Configurations that stand before the block are put into configs.
func (s *Segment) open(from, to *Block, configs map[uint64]*core.Config, cache *configCache) (*traces.Reader, io.Closer, error) {
	f, err := os.Open(s.Path)
	if err != nil {
		return nil, nil, Fault{s.Path, plain(err)}
	}
	rd, err := s.reader(f, from, to, configs, cache)
	if err != nil {
		_ = f.Close() // only read from
		return nil, nil, Fault{s.Path, err}
	}
	return rd, f, nil
}

func (s *Segment) reader(f *os.File, from, to *Block, configs map[uint64]*core.Config, cache *configCache) (*traces.Reader, error) {
	if s.Form == traces.NDJSON {
		return traces.NewReader(f)
	}
	l, err := s.places()
	if err != nil {
		return nil, err
	}
	frames, err := traces.NewFrames(f, s.Size)
	if err != nil {
		return nil, err
	}
	if _, err := frames.Next(); err != nil { // the header, which has been read
		return nil, err
	}
	offset, blocks := frames.At(), 0
	if from != nil {
		offset, blocks = from.Offset, from.Number-1
	}
	for _, c := range l.configs {
		// Those right before the first block are met on the way, and are known then.
		if c.Offset < offset || from == nil && c.Offset < l.firstBlock() && c.Digest != 0 {
			if err := s.readConfig(f, frames, c, configs, cache); err != nil {
				return nil, err
			}
		}
	}
	end := s.Size
	if to != nil {
		end = to.Offset
	}
	return traces.NewReaderAt(io.NewSectionReader(f, offset, end-offset), s.Header, configs, offset, blocks), nil
}

func (l *layout) firstBlock() int64 {
	if len(l.blocks) == 0 {
		return 0
	}
	return l.blocks[0].Offset
}

// readConfig reads a configuration into configs. One that is damaged is left
// out: the block that needs it says so.
func (s *Segment) readConfig(f *os.File, frames *traces.Frames, c index.Config, configs map[uint64]*core.Config, cache *configCache) error {
	if c.Digest != 0 && configs[c.Digest] != nil {
		return nil
	}
	frames.Resume(c.Offset, 0)
	fr, err := frames.Next()
	if traces.Damaged(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading a configuration: %w", err)
	}
	key := configFrame{c.Digest, fr.Size, fr.CRC}
	if known := cache.get(key); known != nil && frames.Intact(fr) {
		configs[known.Digest()] = known
		return nil
	}
	rd := traces.NewReaderAt(io.NewSectionReader(f, fr.Offset, fr.Size), s.Header, configs, fr.Offset, 0)
	it, err := rd.Next()
	if traces.Damaged(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading a configuration: %w", err)
	}
	if it.Kind == traces.ItemConfig {
		cache.put(key, it.Config)
	}
	return nil
}
