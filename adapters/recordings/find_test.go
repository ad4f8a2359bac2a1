package recordings_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces"
)

func open(tb testing.TB, args ...string) []*recordings.Recording {
	tb.Helper()
	all, err := recordings.Open(args)
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// steps of hits.
func steps(hits []recordings.Hit) []uint64 {
	out := []uint64{}
	for _, h := range hits {
		out = append(out, h.Step)
	}
	return out
}

// indexes says in how many ways a folder can stand: without indexes, with, and with bad ones.
func indexes(t *testing.T, dir string, m *maker, check func(t *testing.T)) {
	t.Run("without an index of files still warm", check)
	old(t, dir)
	t.Run("making indexes", check)
	made, err := filepath.Glob(filepath.Join(dir, "*"+recordings.IndexSuffix))
	if err != nil || len(made) != m.number {
		t.Fatalf("%d indexes of %d segments: %v", len(made), m.number, err)
	}
	for _, path := range made {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%s: %v %v", path, info.Mode(), err)
		}
	}
	t.Run("with indexes", check)
	for i, path := range made {
		switch i % 4 {
		case 0: // a flipped bit
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)/2] ^= 4
			write(t, path, b)
		case 1: // of another segment
			b, err := os.ReadFile(made[(i+1)%len(made)])
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, b)
		case 2: // cut
			if err := os.Truncate(path, 100); err != nil {
				t.Fatal(err)
			}
		case 3: // of another version
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b[7]++
			write(t, path, b)
		}
	}
	t.Run("with bad indexes", check)
}

func write(tb testing.TB, path string, b []byte) {
	tb.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		tb.Fatal(err)
	}
}

func TestEveryRequestIsFoundByIDKeyStepAndTime(t *testing.T) {
	dir := t.TempDir()
	m := newMaker(t, dir, 3)
	m.life(1200)
	indexes(t, dir, m, func(t *testing.T) {
		all := open(t, dir)
		if len(all) != 1 || len(all[0].Segments) != m.number {
			t.Fatalf("%d recordings, want one of %d segments", len(all), m.number)
		}
		r := all[0]
		for i := 0; i < len(m.asked); i += 37 {
			a := m.asked[i]
			for name, c := range map[string]struct {
				q     recordings.Query
				wants func(b asked) bool
			}{
				"id":   {recordings.Query{ID: &a.id}, func(b asked) bool { return b.id == a.id }},
				"step": {recordings.Query{Step: a.step}, func(b asked) bool { return b.step == a.step }},
				"key in time": {recordings.Query{Key: &a.key, From: origin + int64(a.time), To: origin + int64(a.time+core.Time(core.Second))}, func(b asked) bool {
					return b.key == a.key && b.time >= a.time && b.time <= a.time+core.Time(core.Second)
				}},
			} {
				hits, err := r.Find(c.q)
				if err != nil {
					t.Fatal(err)
				}
				want := []uint64{}
				for _, b := range m.asked {
					if c.wants(b) {
						want = append(want, b.step)
					}
				}
				if diff := cmp.Diff(want, steps(hits)); diff != "" {
					t.Fatalf("%s of request %d (-want +got):\n%s", name, i, diff)
				}
			}
		}
	})
}

func TestLimitTakesTheFirstOrTheNewestHits(t *testing.T) {
	dir := t.TempDir()
	m := newMaker(t, dir, 4)
	m.life(800)
	key := "k7"
	want := []uint64{}
	for _, a := range m.asked {
		if a.key == key {
			want = append(want, a.step)
		}
	}
	r := open(t, dir)[0]
	for _, newest := range []bool{false, true} {
		hits, err := r.Find(recordings.Query{Key: &key, Limit: 5, Newest: newest})
		if err != nil {
			t.Fatal(err)
		}
		part := want[:5]
		if newest {
			part = want[len(want)-5:]
		}
		if got := steps(hits); !slices.Equal(got, part) {
			t.Errorf("newest %v: steps %v, want %v", newest, got, part)
		}
	}
}

func TestNotesAreTheNoteworthyDecisionsWithTheirNames(t *testing.T) {
	dir := t.TempDir()
	m := newMaker(t, dir, 5)
	m.life(1500)
	want := named(t, dir)
	if len(want) < 10 {
		t.Fatalf("only %d notes: the traffic is too tame", len(want))
	}
	indexes(t, dir, m, func(t *testing.T) {
		notes, err := open(t, dir)[0].Notes(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []note
		for _, n := range notes.Notes {
			if n.Placement == "" && n.Decision.Placement >= 0 {
				t.Errorf("step %d: %v has no name", n.Step, n.Decision)
			}
			got = append(got, note{n.Step, n.Decision, n.Placement, n.Endpoint})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
		refused, sent := uint64(0), uint64(0)
		for _, c := range notes.Counts {
			switch c.Kind {
			case core.Reject:
				refused += c.N
			case core.Forward:
				sent += c.N
			}
		}
		for _, d := range m.seen {
			if d.Kind == core.Reject {
				refused--
			} else if d.Kind == core.Forward && d.Failover != core.FailoverNone {
				sent--
			}
		}
		if refused != 0 || sent != 0 {
			t.Errorf("refusals or failovers miscounted by %d and %d", int64(refused), int64(sent))
		}
	})
}

type note struct {
	Step                uint64
	Decision            core.Decision
	Placement, Endpoint string
}

// named replays a recording from its beginning, and names what was decided by
// the router before and after each step.
func named(t *testing.T, dir string) (out []note) {
	before := map[int32][2]string{}
	name := func(r *core.Router, n int32) [2]string {
		e := r.Endpoint(n)
		if e.Name == "" {
			e.Name = e.URL
		}
		return [2]string{r.Placement(e.Placement).Name, e.Name}
	}
	report, err := open(t, dir)[0].Replay(recordings.Block{}, traces.Options{
		Before: func(f *traces.Fact, r *core.Router) {
			for _, d := range f.Decisions {
				if d.Kind == core.NoteRetired {
					before[d.Endpoint] = name(r, d.Endpoint)
				}
			}
		},
		After: func(f *traces.Fact, r *core.Router, decided []core.Decision) {
			for _, d := range decided {
				n := note{Step: f.Step, Decision: d, Placement: r.Placement(d.Placement).Name}
				switch d.Kind {
				case core.Forward, core.Reject, core.Abort, core.Probe, core.CloseIdle, core.Ack, core.Queued, core.Retry, core.NoteIgnored:
					continue
				case core.NoteRetired:
					n.Placement, n.Endpoint = before[d.Endpoint][0], before[d.Endpoint][1]
				default:
					if d.Endpoint >= 0 {
						n.Endpoint = name(r, d.Endpoint)[1]
					}
				}
				out = append(out, n)
			}
		},
	})
	if err != nil || !report.OK() {
		t.Fatal(err, report.Divergence, report.Damage)
	}
	return out
}

func TestReplayFromAHitIsTheSameAsFromTheBeginning(t *testing.T) {
	dir := t.TempDir()
	m := newMaker(t, dir, 6)
	m.life(1000)
	r := open(t, dir)[0]
	whole, err := r.Replay(recordings.Block{}, traces.Options{})
	if err != nil || !whole.OK() {
		t.Fatal(err, whole.Divergence, whole.Damage)
	}
	for i := 0; i < len(m.asked); i += 101 {
		hits, err := r.Find(recordings.Query{Step: m.asked[i].step})
		if err != nil || len(hits) != 1 {
			t.Fatal(err, hits)
		}
		part, err := r.Replay(hits[0].Block, traces.Options{})
		if err != nil || !part.OK() {
			t.Fatal(err, part.Divergence, part.Damage)
		}
		if part.First != hits[0].Block.Step || part.Last != whole.Last || len(part.Gaps)+int(part.Lost) > 0 {
			t.Fatalf("from step %d: replayed %d to %d, %d lost; the whole ends at %d", hits[0].Block.Step, part.First, part.Last, part.Lost, whole.Last)
		}
	}
}
