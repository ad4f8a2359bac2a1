package main

import (
	"slices"

	"lockstep/adapters/configfile"
	"lockstep/sim/fuzz"
)

// drill tries what needs no search: the loss of each placement, then one thing
// going wrong at a time. Of several findings of one property with one line of
// the file to blame, the first is kept.
func (s *search) drill(f *configfile.File, r *fuzzResult) error {
	drills := fuzz.Drills(s.target)
	outcomes := make([]fuzz.Outcome, len(drills))
	if err := s.loseEach(r); err != nil {
		return err
	}
	inParallel(len(drills), s.flags.jobs, func(i int) { outcomes[i] = fuzz.TryDrill(s.target, drills[i]) })
	for i := range outcomes {
		o := &outcomes[i]
		if o.Err != nil {
			return o.Err
		}
		s.requests, s.events, s.coverage = s.requests+o.Requests, s.events+o.Steps, s.coverage|o.Coverage
		if o.Finding != nil {
			s.found = append(s.found, o.Finding)
		}
	}
	r.Drills = len(drills) + len(r.NMinus)
	type cause struct {
		property string
		at       configfile.Position
	}
	seen := map[cause]bool{}
	s.found = slices.DeleteFunc(s.found, func(x *fuzz.Finding) bool {
		at, _ := f.Where(x.Key)
		c := cause{x.Property, at}
		known := seen[c] && x.Key != ""
		seen[c] = true
		return known
	})
	return nil
}

// loseEach takes down each placement in turn.
func (s *search) loseEach(r *fuzzResult) error {
	for _, n := range fuzz.TryNMinusOne(s.target) {
		if n.Err != nil {
			return n.Err
		}
		s.requests, s.events, s.coverage = s.requests+n.Requests, s.events+n.Steps, s.coverage|n.Coverage
		line := nMinusLine{Down: n.Down, Verdict: "holds", Why: n.Skipped}
		switch {
		case n.Skipped != "":
			line.Verdict = "skipped"
		case n.Finding != nil:
			line.Verdict, line.Why = "fails", n.Finding.Sentence
			known := func(f *fuzz.Finding) bool { return f.Sentence == n.Finding.Sentence }
			if !slices.ContainsFunc(s.found, known) { // what is too small with nothing down fails every loss
				s.found = append(s.found, n.Finding)
			}
		}
		r.NMinus = append(r.NMinus, line)
	}
	return nil
}
