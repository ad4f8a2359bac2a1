package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/say"
)

// lastArrival is the last request that was forwarded in a block.
func lastArrival(t *testing.T, r *recordings.Recording, b recordings.Block, end uint64) (step uint64) {
	t.Helper()
	last := uint64(0)
	_, err := r.Replay(b, traces.Options{
		After: func(f *traces.Fact, _ *core.Router, decided []core.Decision) {
			if last = f.Step; f.Step < end && f.Event.Kind == core.Arrive && decided[len(decided)-1].Kind == core.Forward {
				step = f.Step
			}
		},
		Stop: func() bool { return last+1 >= end },
	})
	if err != nil || step == 0 {
		t.Fatalf("step %d, %v", step, err)
	}
	return step
}

// damaged is a recording with a block whose bytes are wrong, and the blocks as they were.
func damaged(t *testing.T, block int) (path string, r *recordings.Recording, blocks []recordings.Hit) {
	t.Helper()
	path = cellLost(t)
	r = opened(t, path)
	blocks, err := r.Find(recordings.Query{})
	if err != nil || len(blocks) < 20 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	step := lastArrival(t, r, blocks[block-1].Block, blocks[block].Step)
	whole[blocks[block].Block.Offset+2000] ^= 1
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	blocks[block-1].Step = step // whose end lies in the damaged block
	return path, opened(t, path), blocks
}

func TestAStoryWhoseEndIsDamagedSaysSoLoudly(t *testing.T) {
	path, _, blocks := damaged(t, 12)
	step, first, next := blocks[11].Step, blocks[12].Step, blocks[13].Step
	code, out, errs := lockstep("explain", path, "--step", fmt.Sprint(step))
	if code != exitFailed {
		t.Errorf("exit %d: %s", code, errs)
	}
	for _, want := range []string{
		"its end is not recorded",
		fmt.Sprintf("MISSING its end: it lies in the %s steps from step %s on, ", say.Count(next-first), say.Count(first)),
		"that are missing",
		fmt.Sprintf("%s EVENTS ARE MISSING; 1 part DAMAGED", say.Count(next-first)),
	} {
		if !strings.Contains(flat(out), want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

// What is missing in the middle of what led to a request stands in its time line.
func TestATimeLineShowsTheGapInIt(t *testing.T) {
	path, r, blocks := damaged(t, 12)
	hits, err := r.Find(recordings.Query{Key: new("nordbank")})
	if err != nil {
		t.Fatal(err)
	}
	told := false
	for i := 0; i < len(hits) && !told; i += 50 {
		if hits[i].Step < blocks[13].Step {
			continue
		}
		_, out, _ := lockstep("explain", path, "--step", fmt.Sprint(hits[i].Step))
		if strings.Contains(out, "429 at once") {
			told = true
			if !strings.Contains(out, "GAP: ") {
				t.Errorf("there is no gap in\n%s", out)
			}
		}
	}
	if !told {
		t.Error("no refusal was told")
	}
}

func TestARequestInADamagedBlockIsNotFoundAndSaysWhy(t *testing.T) {
	path, _, blocks := damaged(t, 12)
	code, _, errs := lockstep("explain", path, "--step", fmt.Sprint(blocks[12].Step+5))
	if code != exitUsage || !strings.Contains(errs, "is not among") || !strings.Contains(errs, "damaged") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestAListSaysWhatCouldNotBeSearched(t *testing.T) {
	path, _, _ := damaged(t, 12)
	for _, args := range [][]string{{"--key", "nordbank"}, {"--class", "dns"}, {"--failed", "--whole"}} {
		code, _, errs := lockstep(append([]string{"explain", path, "--limit", "2"}, args...)...)
		if !strings.Contains(errs, "damaged ") || !strings.Contains(errs, "requests in it are not listed") || code == exitOK {
			t.Errorf("%v: exit %d: %s", args, code, errs)
		}
	}
}
