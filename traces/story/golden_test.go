package story_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
	"lockstep/traces/story"
)

// golden returns the canonical NDJSON trace of a story.
func golden(t *testing.T, s *story.Story) []byte {
	t.Helper()
	var out bytes.Buffer
	var w *traces.Writer
	name := strings.TrimSuffix(strings.TrimPrefix(s.Path, "../"), ".story")
	run(t, s, story.Options{Observe: func(r *core.Router) loop.Observer {
		w = traces.NewWriter(&out, traces.NDJSON, traces.Header{Name: name, Seed: s.Seed, Why: s.Why}, r)
		return w
	}})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func goldenPath(s *story.Story) string { return strings.TrimSuffix(s.Path, ".story") + ".ndjson" }

func TestEveryGoldenTraceIsTheOneItsStoryMakes(t *testing.T) {
	each(t, func(t *testing.T, s *story.Story) {
		made := golden(t, s)
		if *rewrite {
			if err := os.WriteFile(goldenPath(s), made, 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		kept, err := os.ReadFile(goldenPath(s))
		if err != nil {
			t.Fatalf("%v; run go test ./traces/story -rewrite", err)
		}
		if !bytes.Equal(kept, made) {
			t.Errorf("%s differs from what its story makes; run go test ./traces/story -rewrite and read the diff", goldenPath(s))
		}
	})
}

func TestEveryGoldenTraceReplays(t *testing.T) {
	each(t, func(t *testing.T, s *story.Story) {
		f, err := os.Open(goldenPath(s))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rd, err := traces.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		report, err := traces.Verify(rd, traces.Options{})
		switch {
		case err != nil:
			t.Error(err)
		case report.Divergence != nil:
			t.Error(report.Divergence)
		case !report.OK() || report.Facts == 0:
			t.Errorf("replayed %d facts, damage %v", report.Facts, report.Damage)
		}
	})
}
