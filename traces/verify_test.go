package traces_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/traces"
)

func TestAnEditedDecisionIsADivergenceAtItsStep(t *testing.T) {
	file, _ := small(t, 5, 4)
	printed := string(convert(t, traces.NDJSON, file))
	tests := []struct{ name, from, to, field string }{
		{"another endpoint", `("decision":"forward".*"endpoint":)0`, `${1}1`, "endpoint"},
		{"another kind", `"decision":"opened"`, `"decision":"probe"`, "decision"},
		{"another time", `("decision":"opened".*"until":)\d+`, `${1}5`, "until"},
		{"a decision less", `\{"decision":"opened".*\n`, ``, "number of decisions"},
		{"another key", `"key":"visa"`, `"key":"acme"`, "placement"},
		{"another outcome", `"class":"connect_refused"`, `"class":"client_gone"`, ""},
		{"another refusal", `("key":"visa".*)\}`, `${1},"refuse":"unknown_key"}`, "refuse of Match"},
		{"another digest", `\{"digest":"(.).*"`, `{"digest":"0000000000000000"`, "digest of the state"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			re := regexp.MustCompile(c.from)
			at := re.FindStringIndex(printed)
			if at == nil {
				t.Fatalf("the trace has no %s", c.from)
			}
			edited := printed[:at[0]] + re.ReplaceAllString(printed[at[0]:at[1]], c.to) + printed[at[1]:]
			for _, form := range []traces.Form{traces.NDJSON, traces.Binary} {
				r := verify(t, convert(t, form, []byte(edited)))
				if r.Divergence == nil || len(r.Damage) > 0 {
					t.Fatalf("nobody noticed: %+v", r)
				}
				if c.field != "" && r.Divergence.Field != c.field {
					t.Errorf("%s is said to differ, not %s", r.Divergence.Field, c.field)
				}
			}
		})
	}
}

func TestADivergenceShowsBothDecisionsAndTheStateAround(t *testing.T) {
	file, _ := small(t, 5, 4)
	printed := string(convert(t, traces.NDJSON, file))
	edited := strings.Replace(printed, `"decision":"forward","rule":3,"placement":2,"endpoint":3`, `"decision":"forward","rule":3,"placement":2,"endpoint":4`, 1)
	if edited == printed {
		t.Fatalf("nothing to edit in:\n%s", printed)
	}
	r := verify(t, []byte(edited))
	if r.Divergence == nil {
		t.Fatal("nobody noticed")
	}
	text := r.Divergence.String()
	for _, want := range []string{`"event":"arrive","key":"visa"`, "recorded   {", "recomputed {", "placement  visa: 1 in flight", "endpoint   http://a:1: breaker closed"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
}

func TestSegmentsCarryTheStateOver(t *testing.T) {
	_, blocks := small(t, 5, 4)
	c := testConfig(t, 1)
	v := traces.NewVerifier(traces.Options{})
	for _, b := range blocks {
		segment := traces.AppendConfig(traces.AppendFile(nil, traces.Header{}), c)
		r, err := traces.NewReader(bytes.NewReader(append(segment, b...)))
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Run(r); err != nil {
			t.Fatal(err)
		}
	}
	r := v.Report()
	if !r.OK() || r.First != 1 || r.Last != 41 || r.Facts != 41 || r.Lost != 0 {
		t.Errorf("%+v", r)
	}
}

func TestHooksSeeTheRouterBeforeAndAfter(t *testing.T) {
	file, _ := small(t, 5, 4)
	r, err := traces.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	before, grew := 0, 0
	_, err = traces.Verify(r, traces.Options{
		Before: func(_ *traces.Fact, r *core.Router) { before = r.InFlight() },
		After: func(f *traces.Fact, r *core.Router, out []core.Decision) {
			if f.Event.Kind == core.Arrive && out[len(out)-1].Kind == core.Forward && r.InFlight() == before+1 {
				grew++
			}
		},
	})
	if err != nil || grew != 20 {
		t.Errorf("%d of 20 requests took a slot between the hooks, %v", grew, err)
	}
}

// full is a disk that takes n bytes.
type full struct{ n int }

func (f *full) Write(b []byte) (int, error) {
	if f.n -= len(b); f.n < 0 {
		return 0, errors.New("no space left")
	}
	return len(b), nil
}

func TestAWriterReportsTheFirstErrorAtClose(t *testing.T) {
	for _, form := range []traces.Form{traces.Binary, traces.NDJSON} {
		r := core.New(core.Options{})
		tw := traces.NewWriter(&full{n: 300}, form, traces.Header{}, r)
		w := &world{router: r, observe: tw.Observe}
		w.step(core.Event{Kind: core.Adopt, Config: testConfig(t, 0)}, nil)
		w.arrive("visa", 0)
		if err := tw.Close(); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("form %d: %v", form, err)
		}
	}
}

func TestABlockFromTheMiddleOfARunReplaysAlone(t *testing.T) {
	_, blocks := small(t, 5, 4)
	dump := traces.AppendConfig(traces.AppendFile(nil, traces.Header{}), testConfig(t, 1))
	for _, b := range blocks[2:] {
		dump = append(dump, b...)
	}
	if r := verify(t, dump); !r.OK() || r.First != 18 || r.Facts != 24 || r.Lost != 0 {
		t.Errorf("%+v", r)
	}
}

func TestABlockIsAtLeast16TimesItsSnapshot(t *testing.T) {
	r, err := traces.NewReader(bytes.NewReader(sample(t, 30_000)))
	if err != nil {
		t.Fatal(err)
	}
	var sizes, snapshots []int64
	for {
		it, err := r.Next()
		if err != nil {
			break
		}
		if it.Kind == traces.ItemBlock {
			sizes = append(sizes, it.Block.Offset)
			snapshots = append(snapshots, int64(len(it.Block.Snapshot)))
		}
	}
	if len(sizes) < 3 {
		t.Fatalf("only %d blocks", len(sizes))
	}
	for i := range len(sizes) - 1 {
		if size := sizes[i+1] - sizes[i]; size < 16*snapshots[i] || size < traces.MinBlock {
			t.Errorf("block %d has %d bytes, its snapshot %d", i+1, size, snapshots[i])
		}
	}
}

func TestAnotherRecordingDoesNotContinueTheFirst(t *testing.T) {
	_, blocks := small(t, 5, 4)
	v := traces.NewVerifier(traces.Options{})
	for _, name := range []string{"first", "second"} {
		file := traces.AppendConfig(traces.AppendFile(nil, traces.Header{Name: name}), testConfig(t, 1))
		b := blocks[0]
		if name == "second" {
			b = blocks[3] // not what follows the first
		}
		r, err := traces.NewReader(bytes.NewReader(append(file, b...)))
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Run(r); err != nil {
			t.Fatal(err)
		}
	}
	if r := v.Report(); !r.OK() || r.Lost != 0 || r.Facts != 9+8 {
		t.Errorf("%+v", r)
	}
}
