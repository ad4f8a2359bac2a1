package traces_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/core"
	"lockstep/traces"
)

// indexed is what an index takes from a fact.
type indexed struct {
	Step      uint64
	Time      core.Time
	Kind      core.EventKind
	Handle    core.Handle
	Hash      uint64
	ID        [2]uint64
	Key       string // by its number
	Class     core.Class
	Status    uint16
	Decisions []core.Decision
}

// read returns what an index takes from a trace, and the keys of each block.
func read(t *rapid.T, trace []byte, brief bool) (facts []indexed, keys [][]string) {
	rd, err := traces.NewReader(bytes.NewReader(trace))
	if err != nil {
		t.Fatal(err)
	}
	if brief {
		rd.Brief()
	}
	for {
		it, err := rd.Next()
		if errors.Is(err, io.EOF) {
			return facts, keys
		}
		if err != nil {
			t.Fatal(err)
		}
		switch it.Kind {
		case traces.ItemBlock:
			keys = append(keys, nil)
		case traces.ItemFact:
			f := it.Fact
			x := indexed{Step: f.Step, Time: f.Time, Kind: f.Event.Kind}
			switch x.Kind {
			case core.Arrive:
				x.Handle, x.Hash, x.ID = f.Event.Handle, f.Event.Request, f.Request.ID
				at := len(keys) - 1
				if k := f.Request.Key; k != "" && !slices.Contains(keys[at], k) {
					keys[at] = append(keys[at], strings.Clone(k))
				}
				if k := f.Request.Key; k != "" {
					x.Key = keys[at][rd.KeyNumber()]
				}
			case core.Finish:
				x.Handle, x.Class, x.Status = f.Event.Handle, f.Event.Class, f.Event.Status
			}
			for _, d := range f.Decisions {
				if d.Kind == core.Forward && d.Failover == core.FailoverNone {
					d = core.Decision{Kind: d.Kind, Handle: d.Handle}
				}
				x.Decisions = append(x.Decisions, d)
			}
			facts = append(facts, x)
		}
	}
}

func TestABriefReadingHasAllThatAnIndexTakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trace := record(t, rapid.IntRange(0, 60).Draw(t, "n"))
		whole, keys := read(t, trace, false)
		brief, briefKeys := read(t, trace, true)
		if d := cmp.Diff(whole, brief); d != "" {
			t.Errorf("facts: %s", d)
		}
		if d := cmp.Diff(keys, briefKeys); d != "" {
			t.Errorf("keys: %s", d)
		}
	})
}

func TestABriefReaderThatGoesBackReadsTheBlockInFull(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trace := record(t, rapid.IntRange(1, 60).Draw(t, "n"))
		want, got := printed(t, trace, false), printed(t, trace, true)
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

// printed returns every fact of a trace with all its fields; a brief reader is
// sent back at the first fact of each block.
func printed(t *rapid.T, trace []byte, brief bool) (facts []string) {
	rd, err := traces.NewReader(bytes.NewReader(trace))
	if err != nil {
		t.Fatal(err)
	}
	if brief {
		rd.Brief()
	}
	back := false
	for {
		it, err := rd.Next()
		if errors.Is(err, io.EOF) {
			return facts
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case it.Kind == traces.ItemBlock:
			back = brief
		case it.Kind == traces.ItemFact && back:
			if back = false; !rd.Rewind() {
				t.Fatal("it does not go back")
			}
		case it.Kind == traces.ItemFact:
			f := *it.Fact
			f.Event.Config = nil // each reader has its own
			facts = append(facts, fmt.Sprintf("%+v", f))
		}
	}
}
