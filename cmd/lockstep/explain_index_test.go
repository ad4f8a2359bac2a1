package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/explain"
)

// cellLost is the recording of a cell that is lost under load: its guests fill
// the neighbour, which refuses its own tenants.
func cellLost(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "incident.lst")
	if code, out, errs := lockstep("sim", "testdata/cell-07-lost.yaml", "--trace", path); code != exitOK {
		t.Fatalf("%d %s%s", code, out, errs)
	}
	return path
}

func opened(t testing.TB, path string) *recordings.Recording {
	t.Helper()
	all, err := recordings.Open([]string{path})
	if err != nil || len(all) != 1 {
		t.Fatalf("%d recordings, %v", len(all), err)
	}
	return all[0]
}

// The story by index is that by a replay of all, but for what it says of the proof.
func TestExplainByIndexTellsTheSameAsByReplay(t *testing.T) {
	r := opened(t, cellLost(t))
	var steps []uint64
	n := 0
	_, err := r.Replay(recordings.Block{}, traces.Options{After: func(f *traces.Fact, _ *core.Router, decided []core.Decision) {
		if f.Event.Kind != core.Arrive || f.Event.Handle != (core.Handle{}) {
			return
		}
		if n++; n%1499 == 0 {
			steps = append(steps, f.Step)
		}
	}})
	if err != nil || len(steps) < 20 {
		t.Fatalf("%d steps, %v", len(steps), err)
	}
	whole := explain.New(explain.Query{Steps: steps}, explain.Hooks{})
	whole.Begin(r.Header)
	if _, err := r.Replay(recordings.Block{}, traces.Options{Before: whole.Before, After: whole.After}); err != nil {
		t.Fatal(err)
	}
	text := func(s *explain.Story) string {
		s.Proof = ""
		var b strings.Builder
		s.Print(&b)
		return b.String()
	}
	b := &byIndex{r: r, lead: 1}
	refused := 0
	for i, want := range whole.Stories() {
		got, _, err := b.stories(explain.Query{Steps: steps[i : i+1]})
		if err != nil || len(got) != 1 {
			t.Fatalf("step %d: %d stories, %v", steps[i], len(got), err)
		}
		if want.Class == "limit" {
			refused++
		}
		if !strings.Contains(got[0].Proof, "by the notes of its index alone") {
			t.Errorf("step %d: the proof does not say what was not replayed: %s", steps[i], got[0].Proof)
		}
		if g, w := text(got[0]), text(want); g != w {
			t.Errorf("step %d by index:\n%s\nby replay:\n%s", steps[i], g, w)
		}
	}
	if refused == 0 {
		t.Error("no refusal was among them")
	}
}

func TestAnIDIsFoundByIndexToo(t *testing.T) {
	r := opened(t, cellLost(t))
	hits, err := r.Find(recordings.Query{Key: new("nordbank"), Limit: 1})
	if err != nil || len(hits) != 1 {
		t.Fatalf("%d hits, %v", len(hits), err)
	}
	b := &byIndex{r: r, lead: 1}
	stories, _, err := b.stories(explain.Query{Steps: []uint64{hits[0].Step}})
	if err != nil {
		t.Fatal(err)
	}
	id := new([2]uint64)
	id[0], id[1] = traces.ParseRequestID(stories[0].ID)
	again, _, err := b.stories(explain.Query{ID: id})
	if err != nil || len(again) != 1 || again[0].Step != hits[0].Step {
		t.Errorf("%d stories, %v", len(again), err)
	}
	if fmt.Sprint(again[0].Key) != "nordbank" {
		t.Errorf("key %q", again[0].Key)
	}
}

func TestAListByIndexIsThatByReplay(t *testing.T) {
	r := opened(t, cellLost(t))
	for name, f := range map[string]explain.Filter{
		"a key":             {Key: new("nordbank"), Limit: 30},
		"a key, refused":    {Key: new("nordbank"), Failed: true, Limit: 30},
		"all of a key":      {Key: new("acme")},
		"a window":          {From: 9 * core.Time(core.Second), To: 11 * core.Time(core.Second), Limit: 50},
		"guests in it":      {From: 9 * core.Time(core.Second), To: 13 * core.Time(core.Second), Guests: true, Limit: 20},
		"a status":          {Key: new("visa"), Status: 502, Limit: 7},
		"a class":           {Key: new("visa"), Class: "limit", From: 20 * core.Time(core.Second), Limit: 7},
		"all that failed":   {Failed: true},
		"the first failed":  {Failed: true, Limit: 20},
		"all guests":        {Guests: true, Limit: 300},
		"a class, any key":  {Class: "limit", Limit: 40},
		"429s of a window":  {Status: 429, From: 20 * core.Time(core.Second), To: 22 * core.Time(core.Second)},
		"200s":              {Status: 200, Limit: 20},
		"none at that time": {Key: new("nordbank"), Failed: true, To: core.Time(core.Second)},
	} {
		whole := explain.NewList(f)
		whole.Begin(r.Header)
		if _, err := r.Replay(recordings.Block{}, traces.Options{After: whole.After}); err != nil {
			t.Fatal(err)
		}
		want, _ := whole.Entries()
		b := &byIndex{r: r}
		got, _, err := b.entries(f)
		if err != nil || len(got) != len(want) || len(want) == 0 != (name == "none at that time") {
			t.Errorf("%s: %d entries by index, %d by replay, %v", name, len(got), len(want), err)
			continue
		}
		for i := range want {
			if *got[i] != *want[i] {
				t.Errorf("%s, entry %d:\n%+v by index\n%+v by replay", name, i, *got[i], *want[i])
				break
			}
		}
	}
}
