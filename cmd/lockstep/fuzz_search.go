package main

import (
	"sync"
	"sync/atomic"
	"time"

	"lockstep/sim"
	"lockstep/sim/fuzz"
)

// search is one search under way: generation after generation, until the time
// or the seeds are over, something is found, or somebody interrupts it.
type search struct {
	target   *fuzz.Target
	flags    fuzzFlags
	plan     *fuzz.Search
	corpus   *corpusFile // nil: none is kept
	progress *progress
	began    time.Time
	length   time.Duration // that the search may take, when it does not count seeds
	deadline time.Time
	// replaying: the cases of the corpus are tried again, however long it takes.
	replaying bool
	// scenarios are what a change of the configuration has to hold in.
	scenarios []fuzz.Scenario

	tally
	found []*fuzz.Finding
	err   error

	lock sync.Mutex // guards live and drills
	live tally      // tally, and what of the generation at hand is done

	drills int // what-if runs that are done
}

// tally is what a search has done so far.
type tally struct {
	seeds, requests, events uint64
	coverage                sim.Coverage
}

func (t *tally) add(requests, events uint64, c sim.Coverage) {
	t.requests, t.events, t.coverage = t.requests+requests, t.events+events, t.coverage|c
}

func (t *tally) addCase(o *fuzz.Outcome) {
	t.seeds++
	t.add(o.Requests, o.Steps, o.Coverage)
}

// run searches: the one case that was asked for, or the cases of the corpus and
// then those of the seeds.
func (s *search) run() {
	defer s.progress.clear()
	if s.flags.only != nil {
		one := []fuzz.Recipe{s.flags.only}
		s.plan.Learn(one, s.try(one))
		return
	}
	s.replay()
	for !s.over() {
		cases := s.plan.Generation()
		if s.flags.counted {
			cases = cases[:min(uint64(len(cases)), s.left(s.seeds))]
		}
		s.plan.Learn(cases, s.try(cases))
		s.save(false)
	}
	s.save(true)
}

// over says whether no further case is to be tried.
func (s *search) over() bool {
	switch {
	case s.err != nil, len(s.found) > 0, s.interrupted():
		return true
	case s.flags.counted:
		return s.left(s.seeds) == 0
	}
	return s.late()
}

// late says whether the time is over, where time is what ends the search.
func (s *search) late() bool { return !s.flags.counted && !time.Now().Before(s.deadline) }

// left is how many of the seeds are to come when so many cases are done. Cases
// of the corpus that were tried again are beside the seeds.
func (s *search) left(done uint64) uint64 {
	all := s.flags.seeds
	if s.corpus != nil {
		all += uint64(s.corpus.Replayed)
	}
	return all - min(all, done)
}

func (s *search) interrupted() bool { return closed(s.flags.interrupt) }

// try runs cases, several at once, and returns the outcomes of the first of
// them: of all, or to the first that found something, or to where the search was
// broken off. How many run at once does not change a finding or a count.
func (s *search) try(cases []fuzz.Recipe) []fuzz.Outcome {
	outcomes := make([]fuzz.Outcome, len(cases))
	var next atomic.Int64
	var stop atomic.Bool
	work := func() {
		for !stop.Load() && !s.interrupted() && (s.replaying || !s.late()) {
			i := int(next.Add(1)) - 1
			if i >= len(cases) {
				return
			}
			o := fuzz.Run(s.target, cases[i])
			if o.Err != nil || o.Finding != nil {
				stop.Store(true)
			}
			outcomes[i] = o
			s.note(&o)
		}
	}
	var wait sync.WaitGroup
	for range min(s.flags.jobs, len(cases)) {
		wait.Go(work)
	}
	wait.Wait()
	return s.book(outcomes[:min(int(next.Load()), len(cases))])
}

// note counts a case for those who watch.
func (s *search) note(o *fuzz.Outcome) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.live.addCase(o)
	s.progress.show(s)
}

// book counts outcomes in their order and shrinks the first finding.
func (s *search) book(outcomes []fuzz.Outcome) []fuzz.Outcome {
	for i := range outcomes {
		o := &outcomes[i]
		s.addCase(o)
		switch {
		case o.Err != nil:
			s.err = o.Err
		case o.Finding != nil:
			s.found = append(s.found, fuzz.Tell(s.target, o.Finding, func() bool { return !s.interrupted() }))
		default:
			continue
		}
		outcomes = outcomes[:i+1]
		break
	}
	s.live = s.tally
	return outcomes
}
