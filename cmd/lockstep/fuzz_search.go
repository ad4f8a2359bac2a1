package main

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/sim"
	"lockstep/sim/fuzz"
)

// search is one search under way: workers take seeds in order until the time
// or the seeds are over, or one finds something.
type search struct {
	target   *fuzz.Target
	flags    fuzzFlags
	progress *progress
	began    time.Time
	deadline time.Time
	// scenarios are what a change of the configuration has to hold in.
	scenarios []fuzz.Scenario

	next atomic.Uint64 // seeds given out
	stop atomic.Bool

	lock             sync.Mutex // guards the rest
	found            []*fuzz.Finding
	err              error
	seeds            uint64
	requests, events uint64
	coverage         sim.Coverage
}

// run searches by seeds. Of several findings the one with the lowest seed is
// kept: how many workers there are does not change it.
func (s *search) run() {
	var wait sync.WaitGroup
	for range s.flags.jobs {
		wait.Go(s.work)
	}
	wait.Wait()
	s.progress.clear()
	slices.SortFunc(s.found, func(a, b *fuzz.Finding) int { return cmp.Compare(a.Case.Seed, b.Case.Seed) })
	s.found = s.found[:min(1, len(s.found))]
}

func (s *search) work() {
	for !s.stop.Load() && (s.flags.counted || time.Now().Before(s.deadline)) {
		n := s.next.Add(1) - 1
		if s.flags.counted && n >= s.flags.seeds {
			return
		}
		o := fuzz.Try(s.target, s.flags.seed+n)
		s.book(&o)
	}
}

func (s *search) book(o *fuzz.Outcome) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.seeds++
	s.requests, s.events, s.coverage = s.requests+o.Requests, s.events+o.Steps, s.coverage|o.Coverage
	switch {
	case o.Err != nil:
		s.err = o.Err
		s.stop.Store(true)
	case o.Finding != nil:
		s.found = append(s.found, o.Finding)
		s.stop.Store(true)
	}
	s.progress.show(s)
}
