package index_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/explain"
	"lockstep/traces/index"
)

// fared is how requests with one key that arrived in one block fared.
type fared struct {
	key   string
	place int
	fate  traces.Fate
}

// stored is a golden trace in its stored form.
func stored(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rd, err := traces.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := traces.Convert(&b, traces.Binary, rd); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// listed is how all requests fared by a list that replays the trace.
func listed(t *testing.T, trace []byte, blocks []index.Block) map[fared]bool {
	t.Helper()
	rd, err := traces.NewReader(bytes.NewReader(trace))
	if err != nil {
		t.Fatal(err)
	}
	l := explain.NewList(explain.Filter{})
	l.Begin(rd.Header())
	if _, err := traces.Verify(rd, traces.Options{After: l.After}); err != nil {
		t.Fatal(err)
	}
	classes := map[string]core.Class{"": core.ClassNone}
	for c := range core.Classes {
		classes[core.Class(c).String()] = core.Class(c)
	}
	out := map[fared]bool{}
	entries, _ := l.Entries()
	for _, e := range entries {
		place := len(blocks) - 1
		for blocks[place].Step > e.Step {
			place--
		}
		x := traces.Fate{Status: uint16(e.Status), Class: classes[e.Class], Guest: e.Guest, Ended: e.Ended}
		if x != (traces.Fate{Status: 200, Ended: true}) {
			out[fared{e.Key, place, x}] = true
		}
	}
	return out
}

func TestTheIndexKnowsHowEveryRequestOfTheGoldenTracesFared(t *testing.T) {
	fates := map[traces.Fate]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".ndjson") || strings.Contains(path, "testdata") {
			return err
		}
		trace := stored(t, path)
		data := build(t, trace).Encode()
		f, err := index.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(path, err)
		}
		blocks, err := f.Blocks()
		if err != nil {
			t.Fatal(path, err)
		}
		want, got, all, any := listed(t, trace, blocks), map[fared]bool{}, map[fared]bool{}, map[fared]bool{}
		keys := map[string]bool{}
		for x := range want {
			fates[x.fate] = true
			keys[x.key] = true
			any[fared{"", x.place, x.fate}] = true
		}
		for x := range fates {
			exact := func(y traces.Fate) bool { return x == y }
			for key := range keys {
				for _, place := range looked(t, f, core.HashString(key), exact) {
					got[fared{key, place, x}] = true
				}
			}
			for _, place := range looked(t, f, index.AnyKey, exact) {
				all[fared{"", place, x}] = true
			}
		}
		for key := range keys {
			unended, err := f.Unended(core.HashString(key))
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range unended {
				got[fared{key, u.Place, u.Fate}], all[fared{"", u.Place, u.Fate}] = true, true
			}
		}
		for _, both := range [][2]map[fared]bool{{want, got}, {any, all}} {
			if d := cmp.Diff(both[0], both[1], cmp.AllowUnexported(fared{})); d != "" {
				t.Errorf("%s: -list +index\n%s", path, d)
			}
		}
		return nil
	})
	if err != nil || len(fates) < 30 {
		t.Errorf("%d ways to fare, %v", len(fates), err)
	}
}

func looked(t *testing.T, f *index.File, hash uint64, wanted func(traces.Fate) bool) []int {
	t.Helper()
	places, known, err := f.Fared(hash, wanted)
	if err != nil || !known {
		t.Fatal(err, known)
	}
	return places
}
