package recordings_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"lockstep/adapters/recordings"
	"lockstep/traces"
)

// A router that keeps its folder within limits deletes segments while others read.
func TestASegmentThatIsDeletedMeanwhileHidesNoOther(t *testing.T) {
	dir := t.TempDir()
	m := newMaker(t, dir, 11)
	m.life(600)
	all := open(t, dir)
	r, asked := all[0], m.asked[len(m.asked)-1]
	if len(r.Segments) < 3 {
		t.Fatalf("%d segments", len(r.Segments))
	}
	gone := r.Segments[0].Path
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	hits, err := r.Find(recordings.Query{ID: &asked.id})
	if err != nil || len(hits) == 0 {
		t.Errorf("%d hits: %v", len(hits), err)
	}
	if notes, err := r.Notes(0, 0); err != nil || len(notes.Notes) == 0 {
		t.Errorf("%d notes: %v", len(notes.Notes), err)
	}
	if chain, err := r.Chain(); err != nil || chain.Begins != r.Segments[1].First || len(chain.Holes) > 0 {
		t.Errorf("%+v: %v", chain, err)
	}
	v, err := recordings.Verify(all, 2)
	said(t, "verify", v.Report, err, gone)
	report, err := r.Replay(recordings.Block{}, traces.Options{})
	said(t, "replay", report, err, gone)
	if v.Facts != report.Facts {
		t.Errorf("%d and %d facts", v.Facts, report.Facts)
	}
}

// said holds a report of all but one file to having said so.
func said(t *testing.T, what string, r traces.Report, err error, gone string) {
	t.Helper()
	if damage := errors.Join(r.Damage...); err != nil || r.Facts == 0 || r.Divergence != nil || len(r.Damage) != 1 || !strings.Contains(damage.Error(), gone) {
		t.Errorf("%s: %d facts, damage %v: %v", what, r.Facts, damage, err)
	}
}
