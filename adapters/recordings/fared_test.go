package recordings_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/explain"
)

// recut writes a golden trace as segments of 2 facts, so that most
// requests end in another segment than they began in.
func recut(t *testing.T, path, dir string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rd, err := traces.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	m := &maker{tb: t, dir: dir, header: rd.Header(), began: "20251119T140731.482Z", enc: traces.NewEncoder(), perFile: 1, perPart: 2}
	m.header.Origin = origin // files of simulations are not joined
	_, err = traces.Verify(rd, traces.Options{
		Before: func(f *traces.Fact, r *core.Router) {
			if m.router == nil {
				m.router = r
				m.begin(f.Step)
			}
		},
		After: func(f *traces.Fact, r *core.Router, decided []core.Decision) {
			if m.router = r; f.Event.Config != nil {
				m.offered = append(m.offered, f.Event.Config)
			}
			m.enc.Append(f.Time, &f.Event, &f.Request, decided)
			if m.facts++; m.facts >= m.perPart {
				m.cut()
			}
		},
	})
	if err != nil {
		t.Fatal(path, err)
	}
	m.close()
}

// entries are all requests of a recording, told by a replay of all of it.
func entries(t *testing.T, r *recordings.Recording) []*explain.Entry {
	t.Helper()
	l := explain.NewList(explain.Filter{})
	l.Begin(r.Header)
	if _, err := r.Replay(recordings.Block{}, traces.Options{After: l.After}); err != nil {
		t.Fatal(err)
	}
	found, _ := l.Entries()
	return found
}

// likeness is how an entry fared, as far as a search by fate must tell.
type likeness struct {
	status int
	class  string
}

func TestRequestsAreFoundByHowTheyFaredThoughTheyEndInLaterSegments(t *testing.T) {
	vectors, found, across := 0, 0, 0
	err := filepath.WalkDir(filepath.Join("..", "..", "traces"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".ndjson") || strings.Contains(path, "testdata") {
			return err
		}
		dir := t.TempDir()
		recut(t, path, dir)
		r := open(t, dir)[0]
		vectors++
		all := entries(t, r)
		wanted := map[likeness]bool{}
		for _, e := range all {
			if e.Ended && (e.Status != 200 || e.Class != "") {
				wanted[likeness{e.Status, e.Class}] = true
			}
		}
		guests, err := r.Find(recordings.Query{Fared: func(x traces.Fate) bool { return x.Guest }})
		for _, e := range all {
			if err != nil || e.Guest && !slices.Contains(steps(guests), e.Step) {
				t.Errorf("%s: the guest of step %d is not found: %v", path, e.Step, err)
			}
		}
		for like := range wanted {
			fits := func(e *explain.Entry) bool { return e.Ended && likeness{e.Status, e.Class} == like }
			q := recordings.Query{Fared: func(x traces.Fate) bool {
				class := ""
				if x.Class != core.ClassNone {
					class = x.Class.String()
				}
				return like == likeness{int(x.Status), class}
			}}
			hits, err := r.Find(q)
			if err != nil {
				t.Fatal(path, err)
			}
			blocks := map[uint64]bool{} // by the first step of each: whether a request of it is as wanted, or has no end
			for _, h := range hits {
				i := slices.IndexFunc(all, func(e *explain.Entry) bool { return e.Step == h.Step })
				if i < 0 {
					t.Fatalf("%s: step %d is no request", path, h.Step)
				}
				blocks[h.Block.Step] = blocks[h.Block.Step] || fits(all[i]) || !all[i].Ended
			}
			for step, one := range blocks {
				if !one {
					t.Errorf("%s: the block of step %d was read for %+v, and has none", path, step, like)
				}
			}
			for _, e := range all {
				if !fits(e) {
					continue
				}
				found++
				if !slices.Contains(steps(hits), e.Step) {
					t.Errorf("%s: the request of step %d ended as %+v and is not found", path, e.Step, like)
				}
				q := q
				q.Key = &e.Key
				if one, err := r.Find(q); err != nil || e.Key != "" && !slices.Contains(steps(one), e.Step) {
					t.Errorf("%s: the request of step %d with key %q ended as %+v and is not found by key: %v", path, e.Step, e.Key, like, err)
				}
			}
		}
		across += len(r.Segments) - 1
		return nil
	})
	if err != nil || vectors < 100 || found < 300 || across < 1000 {
		t.Errorf("%d requests of %d vectors in %d more segments than those, %v: too few", found, vectors, across, err)
	}
}
