package main

import (
	"slices"
	"sync/atomic"

	"lockstep/adapters/configfile"
	"lockstep/sim/fuzz"
)

// drill tries what needs no search: the loss of each placement, then one thing
// going wrong at a time, until the time is up.
func (s *search) drill(f *configfile.File, r *fuzzResult) error {
	losses, drills := fuzz.Losses(s.target), fuzz.Drills(s.target)
	tried := make([]fuzz.NMinus, len(losses)+len(drills))
	var done atomic.Int64
	order := alternating(len(losses), len(tried))
	inParallel(len(tried), s.flags.jobs, func(n int) {
		i := order[n]
		switch {
		case s.late() || s.interrupted():
			tried[i].Skipped = noTime
			return
		case i < len(losses):
			tried[i] = fuzz.TryLoss(s.target, &losses[i])
		default:
			tried[i].Outcome = fuzz.TryDrill(s.target, drills[i-len(losses)])
		}
		s.noteDrill(int(done.Add(1)), len(tried))
	})
	s.progress.clear()
	for i := range tried {
		n := &tried[i]
		switch {
		case n.Err != nil:
			return n.Err
		case n.Skipped == noTime:
			r.Untried++
		default:
			r.Drills++
		}
		s.add(n.Requests, n.Steps, n.Coverage)
		if i < len(losses) {
			n.Down = losses[i].String()
			s.lost(n, r)
		} else if n.Finding != nil {
			s.found = append(s.found, n.Finding)
		}
	}
	s.found = causes(f, s.found)
	return nil
}

// alternating lists the numbers below all, in turn one below first and one that
// is not: if the time is up early, some of both were tried.
func alternating(first, all int) (order []int) {
	for i := range max(first, all-first) {
		if i < first {
			order = append(order, i)
		}
		if first+i < all {
			order = append(order, first+i)
		}
	}
	return order
}

// noTime is why a what-if run was not tried when the search was over before.
const noTime = "there was no time left"

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

// lost books the loss of one placement.
func (s *search) lost(n *fuzz.NMinus, r *fuzzResult) {
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
