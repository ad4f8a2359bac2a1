package recordings_test

import (
	"os"
	"testing"

	"lockstep/traces"
)

func TestLacksTellsWhatAWindowHasNot(t *testing.T) {
	dir := t.TempDir()
	m := newMaker(t, dir, 9)
	m.life(1200)
	if m.number < 5 {
		t.Fatalf("only %d segments", m.number)
	}
	if err := os.Remove(m.path(2)); err != nil {
		t.Fatal(err)
	}
	third, err := os.ReadFile(m.path(3))
	if err != nil {
		t.Fatal(err)
	}
	write(t, m.path(3), traces.AppendGap(third, traces.Gap{Step: 1, Steps: 7, Blocks: 1, Why: "the disk did not keep up"}))
	fourth, err := os.ReadFile(m.path(4))
	if err != nil {
		t.Fatal(err)
	}
	fourth[len(fourth)-100] ^= 1
	write(t, m.path(4), fourth)
	old(t, dir)
	r := open(t, dir)[0]
	if _, err := r.Notes(0, 0); err != nil { // makes the indexes
		t.Fatal(err)
	}
	all, err := r.Lacks(0, 0)
	if err != nil || len(all.Holes) == 0 || len(all.Gaps) != 1 || len(all.Damaged) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	if h := all.Holes[0]; h.After.Path != m.path(1) || h.Before.Path != m.path(3) || all.Gaps[0].Steps != 7 || all.Damaged[0].Segment.Path != m.path(4) {
		t.Errorf("%+v", all)
	}
	for name, c := range map[string]struct {
		from, to int64
		hole     bool
	}{
		"before it": {0, all.Holes[0].From - 1, false},
		"it":        {all.Holes[0].From + 1, all.Holes[0].To - 1, true},
		"after it":  {r.Segments[len(r.Segments)-1].From + 1, 0, false},
	} {
		l, err := r.Lacks(c.from, c.to)
		if err != nil || (len(l.Holes) > 0) != c.hole {
			t.Errorf("%s: %+v, %v", name, l.Holes, err)
		}
	}
	last, err := r.Lacks(r.Segments[len(r.Segments)-1].From+1, 0)
	if err != nil || len(last.Gaps)+len(last.Damaged) > 0 {
		t.Errorf("the last segment is whole: %+v, %v", last, err)
	}
}
