package main

import (
	"fmt"

	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/explain"
	htmlpage "lockstep/traces/report"
)

// Bounds of what a page is told by the machine itself; of other requests the
// page says why from what it holds.
const (
	mostStories = 60    // of a page, over all routers
	patience    = 50000 // steps after a request came in which it may end
)

// tellStories replays the blocks in which noteworthy requests came, and tells
// the page why each went as it did.
func tellStories(page *htmlpage.Router, rec *recordings.Recording, most int) error {
	steps := page.Noteworthy(most)
	known := explainHooks{}
	for len(steps) > 0 {
		hits, err := rec.Find(recordings.Query{Step: steps[0], Limit: 1})
		if err != nil {
			return fmt.Errorf("finding step %d again: %w", steps[0], err)
		}
		if len(hits) == 0 {
			steps = steps[1:]
			continue
		}
		// What follows closely is told by the same replay.
		n := 1
		for n < len(steps) && steps[n]-steps[n-1] < patience {
			n++
		}
		if err := tellFrom(page, rec, hits[0].Block, steps[:n], known.hooks()); err != nil {
			return err
		}
		steps = steps[n:]
	}
	return nil
}

func tellFrom(page *htmlpage.Router, rec *recordings.Recording, from recordings.Block, steps []uint64, hooks explain.Hooks) error {
	t := explain.New(explain.Query{Steps: steps}, hooks)
	t.Begin(rec.Header)
	last, end := uint64(0), steps[len(steps)-1]
	after := func(f *traces.Fact, r *core.Router, decided []core.Decision) {
		last = f.Step
		t.After(f, r, decided)
	}
	_, err := rec.Replay(from, traces.Options{Before: t.Before, After: after, Stop: func() bool {
		return last >= end && (!t.Pending() || last > end+patience)
	}})
	if err != nil {
		return fmt.Errorf("replaying from step %d again: %w", steps[0], err)
	}
	for _, s := range t.Stories() {
		told := htmlpage.Story{Step: s.Step, Why: s.Why}
		for i := range s.Candidates {
			told.Candidates = append(told.Candidates, [2]string{s.Candidates[i].Placement, s.Candidates[i].Verdict})
		}
		for i := range s.Instead {
			told.Instead = append(told.Instead, s.Instead[i].Line())
		}
		page.Tell(told)
	}
	return nil
}
