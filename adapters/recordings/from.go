package recordings

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"lockstep/core"
	"lockstep/traces"
)

// Stream reads a recording from a block to its end, one segment after another.
type Stream struct {
	r       *Recording
	first   *Block
	next    int // segment
	configs map[uint64]*core.Config
	file    io.Closer
}

// From returns what reads the recording from a block on; the zero Block means
// from its beginning. Close it.
//
//	s := r.From(hit.Block)
//	defer s.Close()
//	for rd, err := s.Next(); rd != nil; rd, err = s.Next() { ... verifier.Run(rd) ... }
func (r *Recording) From(b Block) *Stream {
	s := &Stream{r: r, configs: map[uint64]*core.Config{}}
	if b.Segment == nil {
		return s
	}
	s.first = &b
	for i, seg := range r.Segments {
		if seg == b.Segment {
			s.next = i
		}
	}
	return s
}

// Next returns a reader of the next segment, and nil after the last. The first
// begins at the block, with the configurations that it needs; a printed trace begins at its beginning.
func (s *Stream) Next() (*traces.Reader, error) {
	s.Close()
	if s.next >= len(s.r.Segments) {
		return nil, nil
	}
	seg := s.r.Segments[s.next]
	rd, file, err := seg.open(s.first, nil, s.configs, &s.r.configs)
	s.next, s.first = s.next+1, nil
	if err != nil {
		return nil, err
	}
	s.file = file
	return rd, nil
}

// Segment returns the segment that the last Next reads.
func (s *Stream) Segment() *Segment { return s.r.Segments[max(0, s.next-1)] }

// Close ends the reading. Calling it twice is harmless.
func (s *Stream) Close() {
	if s.file != nil {
		_ = s.file.Close() // only read from
		s.file = nil
	}
}

// Replay replays the recording from a block on, until its end, a divergence, or
// o.Stop. Damage in the report names its file; a file that was deleted since Open is among it.
func (r *Recording) Replay(from Block, o traces.Options) (traces.Report, error) {
	v := traces.NewVerifier(o)
	s := r.From(from)
	defer s.Close()
	damage := 0
	var gone []error
	sofar := func() traces.Report {
		report := v.Report()
		report.Damage = append(slices.Clip(report.Damage), gone...)
		return report
	}
	for {
		rd, err := s.Next()
		if errors.Is(err, errGone) {
			gone = append(gone, err)
			continue
		}
		if rd == nil || err != nil {
			return sofar(), err
		}
		if err := v.Run(rd); err != nil {
			return sofar(), Fault{s.Segment().Path, err}
		}
		report := v.Report()
		for i := damage; i < len(report.Damage); i++ {
			report.Damage[i] = fmt.Errorf("%s: %w", s.Segment().Path, report.Damage[i])
		}
		damage = len(report.Damage)
		if report.Divergence != nil || o.Stop != nil && o.Stop() {
			return sofar(), nil
		}
	}
}
