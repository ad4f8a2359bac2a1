package recordings

import (
	"errors"

	"lockstep/traces/index"
)

// Lacks is what a recording does not hold of a window.
type Lacks struct {
	Holes   []Hole         // that no file has
	Gaps    []Gap          // that the recorder says it lost
	Damaged []DamagedParts // that cannot be read
}

// DamagedParts is how many parts of a segment cannot be read.
type DamagedParts struct {
	Segment *Segment
	Parts   int
}

// Lacks tells what is missing between two wall times, both included; 0 for no
// bound. Gaps and damage are told of whole segments that lie in the window in part, and of
// those that have an index.
func (r *Recording) Lacks(from, to int64) (l Lacks, err error) {
	c, err := r.Chain()
	if err != nil {
		return l, err
	}
	for _, h := range c.Holes {
		if h.To >= from && (to == 0 || h.From <= to) {
			l.Holes = append(l.Holes, h)
		}
	}
	q := Query{From: from, To: to}
	for i, s := range r.Segments {
		if s.First == 0 || !r.mayHold(i, &q) {
			continue
		}
		_, err := s.lookUp(false, func(ix *index.File) error {
			gaps, err := ix.Gaps()
			for _, g := range gaps {
				l.Gaps = append(l.Gaps, Gap{g, s})
			}
			if n := ix.Meta().Damaged; n > 0 && err == nil {
				l.Damaged = append(l.Damaged, DamagedParts{s, n})
			}
			return err
		})
		if err != nil && !errors.Is(err, errGone) {
			return l, err
		}
	}
	return l, nil
}
