package main

import (
	"errors"
	"slices"

	"lockstep/adapters/configfile"
	"lockstep/sim"
	"lockstep/sim/fuzz"
)

// drill tries what needs no search: the loss of each placement, then one thing
// going wrong at a time. Of several findings of one property with one line of
// the file to blame, the first is kept. What an interrupt or the end of the time
// leaves untried is nowhere said to hold.
func (s *search) drill(f *configfile.File, r *fuzzResult) error {
	defer s.progress.clear()
	losses, drills := fuzz.Losses(s.target), fuzz.Drills(s.target)
	outcomes, tried := make([]fuzz.Outcome, len(drills)), make([]bool, len(losses)+len(drills))
	s.target.Stop = func() bool { return s.interrupted() || s.late() }
	inParallel(len(tried), s.flags.jobs, func(i int) {
		if s.target.Stop() {
			return
		}
		var o *fuzz.Outcome
		if i < len(losses) {
			losses[i].Try(s.target)
			o = &losses[i].Outcome
		} else {
			o = &outcomes[i-len(losses)]
			*o = fuzz.TryDrill(s.target, drills[i-len(losses)])
		}
		if tried[i] = !errors.Is(o.Err, sim.ErrStopped); !tried[i] {
			*o = fuzz.Outcome{}
		}
		s.noteDrill(len(tried))
	})
	s.target.Stop = nil
	if err := s.bookLosses(losses, tried, r); err != nil {
		return err
	}
	for i := range outcomes {
		o := &outcomes[i]
		if o.Err != nil {
			return o.Err
		}
		s.add(o.Requests, o.Steps, o.Coverage)
		if o.Finding != nil {
			s.found = append(s.found, o.Finding)
		}
		if !tried[len(losses)+i] {
			r.Untried = append(r.Untried, s.target.DrillName(drills[i]))
		}
	}
	for _, done := range tried {
		if done {
			r.Drills++
		}
	}
	slices.Sort(r.Untried)
	r.Untried, r.drillsLeft = slices.Compact(r.Untried), len(tried)-r.Drills
	s.found = causes(f, s.found)
	return nil
}

// noteDrill counts a what-if run for those who watch.
func (s *search) noteDrill(all int) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.drills++
	s.progress.line("%d of %d what-if runs", s.drills, all)
}

// causes leaves out what follows from another finding: of several of one
// property with one line of the file to blame, the first is kept; what is too
// small with nothing down is so under every loss, and under faults of what it
// serves; and a placement that may not be lost may not hang either.
func causes(f *configfile.File, found []*fuzz.Finding) []*fuzz.Finding {
	type cause struct {
		property string
		at       configfile.Position
	}
	seen, lost, small := map[cause]bool{}, map[string]bool{}, map[string]bool{}
	for _, x := range found {
		lost[x.Lost] = true
		if x.Drill != nil && x.Drill.Property == fuzz.StatedPeak {
			small[x.Where] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(found), func(x *fuzz.Finding) bool {
		leaving := x.Drill != nil && x.Drill.Property == fuzz.LeavesFailing
		if len(small) > 0 && x.Lost != "" || leaving && serves(f, small, x.Where) || leaving && x.Drill.Endpoint == "" && lost[x.Drill.Placement] {
			return true
		}
		at, _ := f.Where(x.Key)
		c := cause{x.Property, at}
		known := seen[c] && x.Key != ""
		seen[c] = true
		return known
	})
}

// bookLosses keeps what the loss of each placement showed.
func (s *search) bookLosses(losses []fuzz.NMinus, tried []bool, r *fuzzResult) error {
	for i := range losses {
		n := &losses[i]
		if n.Err != nil {
			return n.Err
		}
		s.add(n.Requests, n.Steps, n.Coverage)
		line := nMinusLine{Down: n.Down, Verdict: "holds", Why: n.Skipped}
		switch {
		case n.Skipped != "":
			line.Verdict = "skipped"
		case !tried[i]:
			line.Verdict, line.Why = "skipped", "not tried before the search ended"
			r.Untried = s.target.LossNames()
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

// serves says whether one of the placements of among may have to serve requests of home.
func serves(f *configfile.File, among map[string]bool, home string) bool {
	for i := range f.Spec.Placements {
		p := &f.Spec.Placements[i]
		if p.Name == home && slices.ContainsFunc(p.Fallback, func(to string) bool { return among[to] }) {
			return true
		}
	}
	return among[home] || among[""]
}
