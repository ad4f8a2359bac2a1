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
	inParallel(len(drills), s.flags.jobs, func(i int) {
		if !s.interrupted() {
			outcomes[i] = fuzz.TryDrill(s.target, drills[i])
		}
	})
	for i := range outcomes {
		o := &outcomes[i]
		if o.Err != nil {
			return o.Err
		}
		s.add(o.Requests, o.Steps, o.Coverage)
		if o.Finding != nil {
			s.found = append(s.found, o.Finding)
		}
	}
	r.Drills = len(drills) + len(r.NMinus)
	s.found = causes(f, s.found)
	return nil
}

// causes leaves out what follows from another finding: of several of one
// property with one line of the file to blame, the first is kept; what is too
// small with nothing down is so under every fault; and a placement that may not
// be lost may not hang either.
func causes(f *configfile.File, found []*fuzz.Finding) []*fuzz.Finding {
	type cause struct {
		property string
		at       configfile.Position
	}
	seen, lost, small := map[cause]bool{}, map[string]bool{}, false
	for _, x := range found {
		lost[x.Lost] = true
		small = small || x.Drill != nil && x.Drill.Property == fuzz.StatedPeak
	}
	return slices.DeleteFunc(slices.Clone(found), func(x *fuzz.Finding) bool {
		leaving := x.Drill != nil && x.Drill.Property == fuzz.LeavesFailing
		if small && (x.Lost != "" || leaving) || leaving && x.Drill.Endpoint == "" && lost[x.Drill.Placement] {
			return true
		}
		at, _ := f.Where(x.Key)
		c := cause{x.Property, at}
		known := seen[c] && x.Key != ""
		seen[c] = true
		return known
	})
}

// loseEach takes down each placement in turn.
func (s *search) loseEach(r *fuzzResult) error {
	for _, n := range fuzz.TryNMinusOne(s.target) {
		if n.Err != nil {
			return n.Err
		}
		s.add(n.Requests, n.Steps, n.Coverage)
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
