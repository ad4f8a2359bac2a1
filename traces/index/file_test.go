package index_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/index"
)

func build(tb testing.TB, trace []byte) *index.Index {
	tb.Helper()
	rd, err := traces.NewReader(bytes.NewReader(trace))
	if err != nil {
		tb.Fatal(err)
	}
	b := index.NewBuilder(index.Everything)
	if err := b.Read(rd); err != nil {
		tb.Fatal(err)
	}
	return b.Index(int64(len(trace)))
}

// contents is all that a file tells but for requests and keys.
type contents struct {
	Meta    index.Meta
	Blocks  []index.Block
	Configs []index.Config
	Gaps    []traces.Gap
	Notes   []index.Note
	Counts  []index.Count
}

func read(data []byte) (c contents, err error) {
	f, err := index.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return c, err
	}
	c.Meta = f.Meta()
	for _, part := range []func() error{
		func() (err error) { c.Blocks, err = f.Blocks(); return err },
		func() (err error) { c.Configs, err = f.Configs(); return err },
		func() (err error) { c.Gaps, err = f.Gaps(); return err },
		func() (err error) { c.Notes, err = f.Notes(); return err },
		func() (err error) { c.Counts, err = f.Counts(); return err },
	} {
		if err := part(); err != nil {
			return c, err
		}
	}
	return c, nil
}

func TestAnIndexReadsBackWhatWasBuilt(t *testing.T) {
	trace := append(sample(t, 20_000), traces.AppendGap(nil, traces.Gap{Step: 9, Steps: 8, Blocks: 1, Why: "drawn"})...)
	ix := build(t, trace)
	got, err := read(ix.Encode())
	if err != nil {
		t.Fatal(err)
	}
	want := contents{got.Meta, ix.Blocks, ix.Configs, ix.Gaps, ix.Notes, ix.Counts}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-built +read:\n%s", diff)
	}
	if m := got.Meta; m.Size != int64(len(trace)) || m.Next != ix.Next || m.Last != ix.Last || len(got.Gaps) != 1 || len(got.Blocks) < 5 || len(got.Configs) != 1 {
		t.Errorf("%+v", m)
	}
}

func TestEveryRequestAndKeyLeadsToItsBlock(t *testing.T) {
	trace := sample(t, 20_000)
	data := build(t, trace).Encode()
	f, err := index.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	rd, err := traces.NewReader(bytes.NewReader(trace))
	if err != nil {
		t.Fatal(err)
	}
	block, looked, named := -1, 0, 0
	for it, err := rd.Next(); err == nil; it, err = rd.Next() {
		switch {
		case it.Kind == traces.ItemBlock:
			block++
		case it.Kind == traces.ItemFact && it.Fact.Event.Kind == core.Arrive && it.Fact.Step%7 == 0:
			byID, err1 := f.Requests(it.Fact.Event.Request)
			byKey, err2 := f.Keys(core.HashString(it.Fact.Request.Key))
			if err1 != nil || err2 != nil || !contains(byID, block) || !contains(byKey, block) {
				t.Fatalf("step %d is in block %d, not in %v, %v: %v %v", it.Fact.Step, block, byID, byKey, err1, err2)
			}
			looked, named = looked+1, named+len(byID)
		}
	}
	if looked < 1000 || named > looked+looked/50 {
		t.Errorf("%d looks named %d blocks: the fingerprints are too short", looked, named)
	}
}

func contains(all []int, v int) bool {
	for _, a := range all {
		if a == v {
			return true
		}
	}
	return false
}

func TestADamagedIndexIsAnErrorAndNeverAWrongAnswer(t *testing.T) {
	data := build(t, sample(t, 3000)).Encode()
	want, err := read(data)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		bad := bytes.Clone(data)
		at := rapid.IntRange(0, len(bad)-1).Draw(t, "at")
		if rapid.Bool().Draw(t, "cut") {
			bad = bad[:at]
		} else {
			bad[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		}
		if got, err := read(bad); err == nil {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("changed at %d, and read without an error:\n%s", at, diff)
			}
		}
		if f, err := index.Open(bytes.NewReader(bad), int64(len(bad))); err == nil {
			_, _ = f.Requests(rapid.Uint64().Draw(t, "request")) // may fail, must not panic
			_, _ = f.Keys(rapid.Uint64().Draw(t, "key"))
		}
	})
}
