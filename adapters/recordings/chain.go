package recordings

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/index"
)

// Hole is steps that no file has and that the recorder did not say it lost: a
// segment between two others is not there, or what begins or ends one of them.
type Hole struct {
	After, Before *Segment
	First, Last   uint64 // steps that are missing
	From, To      int64  // wall times of the facts around them, as Recording.Wall
	Files         string // that are not there by the numbers in names, "" where those tell nothing
}

// Steps returns how many steps are missing.
func (h *Hole) Steps() uint64 { return h.Last - h.First + 1 }

// Repeat is a segment that holds steps which one before it has.
type Repeat struct {
	Segment, Of *Segment
	First, Last uint64 // steps that both have
}

// Chain is how the segments of a recording follow each other.
type Chain struct {
	Holes   []Hole
	Repeats []Repeat
	// Begins is the step of the first fact; past 1, older segments are not there.
	Begins uint64
}

// ends is how a segment ends.
type ends struct {
	next uint64    // step after its last fact, 0 for no fact
	last core.Time // of that
	gaps []traces.Gap
}

// Chain looks how the segments follow each other, by a few reads of each.
func (r *Recording) Chain() (Chain, error) {
	var c Chain
	var before *Segment
	var end ends
	for _, s := range r.Segments {
		if s.First == 0 {
			continue
		}
		now, err := s.ends()
		if errors.Is(err, errGone) {
			continue // deleted since; its steps are missing, or are before the beginning
		}
		if err != nil {
			return c, err
		}
		switch {
		case before == nil:
			c.Begins = s.First
		case s.First > end.next && !declared(end.next, s.First, end.gaps, now.gaps):
			c.Holes = append(c.Holes, Hole{
				After: before, Before: s, First: end.next, Last: s.First - 1,
				From: s.Header.Origin + int64(end.last), To: s.From, Files: missing(before.Path, s.Path),
			})
		case s.First < end.next && now.next > 0:
			c.Repeats = append(c.Repeats, Repeat{s, before, s.First, min(end.next, now.next) - 1})
		}
		if now.next > end.next {
			before, end = s, now
		}
	}
	return c, nil
}

// declared reports whether a recorder said that it lost these steps.
func declared(first, end uint64, gaps ...[]traces.Gap) bool {
	for _, some := range gaps {
		for _, g := range some {
			if g.Step <= first && g.Step+g.Steps >= end {
				return true
			}
		}
	}
	return false
}

// missing says by the numbers in names which files lie between two.
func missing(after, before string) string {
	a, b := segmentName.FindStringSubmatch(filepath.Base(after)), segmentName.FindStringSubmatch(filepath.Base(before))
	if a == nil || b == nil {
		return ""
	}
	from, err1 := strconv.Atoi(a[2])
	to, err2 := strconv.Atoi(b[2])
	name := func(n int) string { return fmt.Sprintf("%s-%06d.lst", a[1], n) }
	switch {
	case errors.Join(err1, err2) != nil || to < from+2:
		return ""
	case to == from+2:
		return name(from + 1)
	}
	return name(from+1) + " to " + name(to-1)
}

// ends finds how the segment ends.
func (s *Segment) ends() (e ends, err error) {
	if s.Form == traces.NDJSON {
		l, err := s.places()
		if err != nil {
			return e, err
		}
		return l.ends, nil
	}
	indexed, err := s.lookUp(false, func(ix *index.File) (err error) {
		m := ix.Meta()
		e = ends{next: m.Next, last: m.Last}
		e.gaps, err = ix.Gaps()
		return err
	})
	if indexed || err != nil {
		return e, err
	}
	l, err := s.places()
	if err != nil {
		return e, err
	}
	if !l.walked { // the index that gave it does not give the gaps
		l = &layout{}
		if err := s.withFile(func(f *os.File) error { return l.walk(s, f) }); err != nil {
			return e, err
		}
	}
	for i := len(l.blocks) - 1; i >= 0 && e.next == 0; i-- { // the last one may be damaged
		if err := s.ending(&l.blocks[i], after(l.blocks, i), &e); err != nil {
			return e, err
		}
	}
	return e, s.withFile(func(f *os.File) error { return l.readGaps(s, f, &e) })
}

// ending reads to the end of a block.
func (s *Segment) ending(b, end *Block, e *ends) error {
	to := int64(math.MaxInt64)
	if end != nil {
		to = end.Offset
	}
	return s.withFile(func(f *os.File) error {
		configs := map[uint64]*core.Config{}
		rd := traces.NewReaderAt(io.NewSectionReader(f, b.Offset, min(to, s.Size)-b.Offset), s.Header, configs, b.Offset, b.Number-1)
		for {
			it, err := rd.Next()
			switch damaged := traces.Damaged(err); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil && !damaged:
				return err
			case err == nil && it.Kind == traces.ItemFact:
				e.next, e.last = it.Fact.Step+1, it.Fact.Time
			}
		}
	})
}

// readGaps reads what the recorder says it lost.
func (l *layout) readGaps(s *Segment, f *os.File, e *ends) error {
	for _, at := range l.gaps {
		rd := traces.NewReaderAt(io.NewSectionReader(f, at, s.Size-at), s.Header, nil, at, 0)
		it, err := rd.Next()
		if traces.Damaged(err) {
			continue
		}
		if err != nil {
			return err
		}
		if it.Kind == traces.ItemGap {
			e.gaps = append(e.gaps, *it.Gap)
		}
	}
	return nil
}
