package recordings

import (
	"cmp"
	"errors"
	"slices"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/index"
)

// Notes is what was noteworthy in a window.
type Notes struct {
	Notes  []Note  // in order of step
	Counts []Count // in order of the first step counted
	Gaps   []Gap   // in order of step
}

// Note is a noteworthy decision: a breaker, health, an adopt, a refused push,
// panic, a limit, a drain.
type Note struct {
	index.Note
	Segment *Segment
	Wall    int64 // of the step, as Recording.Wall
}

// Count is how often one thing happened to one placement in one block:
// refusals by class, requests sent to another placement, waits, retries.
type Count struct {
	index.Count
	Segment *Segment
	Wall    int64 // of the first
}

// Gap is where the recorder says that it lost facts.
type Gap struct {
	traces.Gap
	Segment *Segment
}

// Notes returns what was noteworthy between two wall times, both included; 0
// for no bound. Counts are those of whole blocks that lie in the window in part. Of
// segments without an index it reads all that lies in the window.
func (r *Recording) Notes(from, to int64) (Notes, error) {
	q := Query{From: from, To: to}
	var parts []*Segment
	for i, s := range r.Segments {
		if s.First != 0 && r.mayHold(i, &q) {
			parts = append(parts, s)
		}
	}
	found := make([]*index.Index, len(parts))
	errs := make([]error, len(parts))
	r.eachSegment(parts, func(i int) {
		if found[i], errs[i] = parts[i].notes(&q); errors.Is(errs[i], errGone) {
			found[i], errs[i] = nil, nil // deleted since
		}
	})
	var all Notes
	for i, ix := range found {
		if ix != nil {
			all.add(parts[i], ix, from, to)
		}
	}
	return all, errors.Join(errs...)
}

// notes takes the segment's notes from its index, or reads the part of it that
// lies in the window.
func (s *Segment) notes(q *Query) (*index.Index, error) {
	ix := &index.Index{}
	indexed, err := s.lookUp(true, func(f *index.File) error { return ix.TakeNotes(f) })
	if indexed || err != nil {
		return ix, err
	}
	l, err := s.places()
	if err != nil {
		return nil, err
	}
	var first, end *Block
	for k := range l.blocks {
		if within(l.blocks, k, q) {
			if first == nil {
				first = &l.blocks[k]
			}
			end = after(l.blocks, k)
		}
	}
	if first == nil {
		return nil, nil
	}
	rd, file, err := s.open(first, end, map[uint64]*core.Config{}, nil)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b := index.NewBuilder(index.NotesOnly)
	if err := b.Read(rd); err != nil {
		return nil, Fault{s.Path, err}
	}
	return b.Index(0), nil
}

func (all *Notes) add(s *Segment, ix *index.Index, from, to int64) {
	origin := s.Header.Origin
	in := func(wall int64) bool { return wall >= from && (to == 0 || wall <= to) }
	for i := range ix.Notes {
		if wall := origin + int64(ix.Notes[i].Time); in(wall) {
			all.Notes = append(all.Notes, Note{ix.Notes[i], s, wall})
		}
	}
	blocks := map[int]bool{}
	for k := range ix.Blocks {
		ends := int64(ix.Last)
		if k+1 < len(ix.Blocks) {
			ends = int64(ix.Blocks[k+1].Time)
		}
		if origin+ends >= from && (to == 0 || origin+int64(ix.Blocks[k].Time) <= to) {
			blocks[ix.Blocks[k].Number] = true
		}
	}
	at := len(all.Counts)
	for i := range ix.Counts {
		if c := &ix.Counts[i]; blocks[c.Block] {
			all.Counts = append(all.Counts, Count{*c, s, origin + int64(c.Time)})
		}
	}
	slices.SortStableFunc(all.Counts[at:], func(a, b Count) int { return cmp.Compare(a.Step, b.Step) })
	for _, g := range ix.Gaps {
		all.Gaps = append(all.Gaps, Gap{g, s})
	}
}
