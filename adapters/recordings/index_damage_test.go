package recordings_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces"
)

// tiny is a configuration of which many are quickly read.
func tiny(tb testing.TB, version string) *core.Config {
	tb.Helper()
	c, err := core.Compile(core.Spec{Version: version, Default: "p0", Placements: []core.PlacementSpec{{
		Name: "p0", Limit: core.LimitSpec{InFlight: 2}, Endpoints: []core.EndpointSpec{{URL: "http://p0"}},
	}}})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// answers is all that is asked of a recording with the help of indexes.
type answers struct {
	Notes  []recordings.Note
	Counts []recordings.Count
	Gaps   []recordings.Gap
	Hits   [][]uint64
	Holes  int
	Begins uint64
	Facts  uint64
	Damage int
}

func ask(t *testing.T, dir string, m *maker) (a answers) {
	t.Helper()
	all := open(t, dir)
	r := all[0]
	chain, err := r.Chain()
	if err != nil {
		t.Fatal(err)
	}
	notes, err := r.Notes(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	a.Notes, a.Counts, a.Gaps = notes.Notes, notes.Counts, notes.Gaps
	a.Holes, a.Begins = len(chain.Holes), chain.Begins
	for _, of := range m.asked[:1] {
		for _, q := range []recordings.Query{{ID: &of.id}, {Key: &of.key, Limit: 20}, {Step: of.step}, {From: origin + 1}} {
			hits, err := r.Find(q)
			if err != nil {
				t.Fatal(err)
			}
			a.Hits = append(a.Hits, steps(hits))
		}
	}
	v, err := recordings.Verify(all, 2)
	if err != nil {
		t.Fatal(err)
	}
	a.Facts, a.Damage = v.Facts, len(v.Damage)
	return a
}

// Whichever page of an index is damaged, what the others said before it was seen must not count twice or alone.
func TestADamagedPageOfAnIndexChangesNoAnswer(t *testing.T) {
	defer recordings.SetPartSize(16 << 10)()
	dir := t.TempDir()
	m := newMaker(t, dir, 5)
	m.perFile, m.perPart = 1<<20, 60
	m.adopt(tiny(t, "v"))
	m.traffic(200)
	play := func() {
		for i := range 270 { // so many configurations that they take pages of their own
			m.traffic(2)
			m.adopt(tiny(t, fmt.Sprint("v", i)))
		}
	}
	m.cut()
	lost := m.enc.Step()
	m.flush()
	for m.file == nil {
		m.traffic(1)
	}
	m.file, m.names = traces.AppendFile(nil, m.header), map[uint64]bool{}
	m.file = traces.AppendGap(m.file, traces.Gap{Step: lost, Steps: m.enc.Step() - uint64(m.facts) - lost, Blocks: 1, Why: strings.Repeat("the disk did not keep up ", 400)})
	play()
	m.close()
	want := ask(t, dir, m)
	if want.Holes != 0 || len(want.Gaps) != 1 || len(want.Counts) < 4 || len(want.Notes) < 20 {
		t.Fatalf("the recording has not what the test is about: %d holes, %d gaps, %d counts, %d notes", want.Holes, len(want.Gaps), len(want.Counts), len(want.Notes))
	}
	old(t, dir)
	ask(t, dir, m)
	path := m.path(2) + recordings.IndexSuffix
	whole, err := os.ReadFile(path)
	if err != nil || len(whole) < 3*4096 {
		t.Fatalf("%d bytes of index: %v", len(whole), err)
	}
	for page := 0; page*4096 < len(whole); page++ {
		bad := append([]byte(nil), whole...)
		bad[page*4096] ^= 0x10
		// It is not made again, so that every answer meets the damage.
		if err := os.Chtimes(m.path(2), time.Time{}, time.Now()); err != nil {
			t.Fatal(err)
		}
		write(t, path, bad)
		if d := cmp.Diff(want, ask(t, dir, m), cmpopts.IgnoreFields(recordings.Note{}, "Segment"), cmpopts.IgnoreFields(recordings.Count{}, "Segment"), cmpopts.IgnoreFields(recordings.Gap{}, "Segment")); d != "" {
			t.Errorf("page %d of %s damaged: %.1200s", page, filepath.Base(path), d)
		}
	}
}
