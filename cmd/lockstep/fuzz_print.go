package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"lockstep/adapters/configfile"
	"lockstep/sim/fuzz"
	"lockstep/traces/promise"
)

// maxStories is how many findings of one file are told in full.
const maxStories = 3

func (r *fuzzResult) print(w io.Writer) {
	if r.OK {
		fmt.Fprintf(w, "ok    %s   no property broken\n", r.File)
		r.printNMinus(w)
		if r.Drills+r.drillsLeft > 0 {
			fmt.Fprintf(w, "Assumed    %s\n", r.Assumed)
		}
		fmt.Fprintf(w, "Held       %s\n", strings.Join(r.Judged, ", "))
		if len(r.Untried) > 0 {
			fmt.Fprintf(w, "Not known  %s: the search ended with %d what-if runs to go\n", strings.Join(r.Untried, ", "), r.drillsLeft)
		}
		fmt.Fprintf(w, "Searched   %s\n", r.searched())
		r.printNever(w)
		r.printCorpus(w)
		return
	}
	for i := range r.Findings {
		if i == maxStories {
			fmt.Fprintf(w, "and %d more; mend these first\n", len(r.Findings)-maxStories)
			break
		}
		r.Findings[i].print(w, r)
	}
	r.printCorpus(w)
}

// print tells one finding in fewer than 20 lines.
func (f *fuzzFinding) print(w io.Writer, r *fuzzResult) {
	fmt.Fprintf(w, "FAIL  %s   %s\n", f.Property, f.Sentence)
	if f.Key != "" {
		place := r.File
		if f.At.Line > 0 {
			place = f.At.String()
		}
		note := f.Value
		if !f.Written && !strings.HasPrefix(note, "not set") {
			note = strings.TrimPrefix(note+", not written: the default", ", ")
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("      %s   %s   %s", place, f.Key, note), " "))
	}
	if len(f.Extremes) > 0 {
		fmt.Fprintf(w, "Extremes   found only with these in place of your own settings: %s\n", strings.Join(f.Extremes, "; "))
	}
	origin := "Story"
	if len(f.Story) > 0 && f.Story[0].When != "" {
		origin += "      " + f.Origin
	}
	fmt.Fprintf(w, "Assumed    %s\n%s\n", f.Assumed, origin)
	for _, l := range f.Story {
		fmt.Fprintf(w, "   %-9s  %s\n", l.When, l.Text)
	}
	f.printChanges(w, r)
	fmt.Fprintf(w, "Searched   %s\n", r.searched())
	r.printNever(w)
	if len(f.Keep) > 0 {
		fmt.Fprintf(w, "Keep       %s\n", strings.Join(f.Keep, "   "))
	}
	fmt.Fprintf(w, "Again      %s\n", f.Again)
}

func (r *fuzzResult) searched() string {
	text := fmt.Sprintf("%d what-if runs, %d seeds", r.Drills, r.Seeds)
	switch {
	case r.Drills+r.drillsLeft == 0 && r.Seeds > 0:
		text = "one case"
		if r.Seeds > 1 {
			text = fmt.Sprintf("%d seeds", r.Seeds)
		}
	case r.Requests == 0 && r.drillsLeft == 0:
		return "nothing: no run was needed"
	case r.Seeds == 0:
		text = fmt.Sprintf("%d what-if runs, no seeds", r.Drills)
	}
	text += fmt.Sprintf(", %s requests, %s events, %.1f s", short(r.Requests), short(r.Events), r.Seconds)
	if n := len(r.Judged); len(r.Broken) > 0 {
		text += fmt.Sprintf("     %d of %d properties held", n-len(r.Broken), n)
	}
	return text
}

// theRules stands for everything that the checkers of the simulator hold.
const theRules = "the router's own rules"

// judged says which properties were judged, and which of them are broken.
func (r *fuzzResult) judged(f *configfile.File, s *search) {
	r.Judged, r.Broken = fuzz.Properties(s.target, s.flags.only != nil), []string{}
	for _, p := range f.Must {
		static := p.Kind == promise.ServedBy || p.Kind == promise.InFlight || p.Kind == promise.HealthProbes || p.Kind == promise.NoGuests
		if static && !slices.Contains(s.target.Accept, p.Name) {
			r.Judged = append(r.Judged, p.Name)
		}
	}
	r.Judged = append(r.Judged, theRules)
	broken := func(name string) {
		if !slices.Contains(r.Judged, name) {
			name = theRules
		}
		if !slices.Contains(r.Broken, name) {
			r.Broken = append(r.Broken, name)
		}
	}
	for _, x := range r.Findings {
		broken(x.Property)
	}
	for _, x := range s.found {
		broken(x.Property)
	}
	r.Judged = slices.DeleteFunc(r.Judged, func(name string) bool {
		return slices.Contains(r.Untried, name) && !slices.Contains(r.Broken, name)
	})
}

func (r *fuzzResult) printNMinus(w io.Writer) {
	if r.Drills+r.drillsLeft == 0 {
		return // one case was asked for
	}
	if len(r.NMinus) == 0 {
		fmt.Fprintln(w, "N-1        not judged, nor a promise about a loss: state the load in facts.peak, unless you have accepted them")
		return
	}
	var holds []string
	for _, n := range r.NMinus {
		if n.Verdict == "holds" {
			holds = append(holds, n.Down)
		}
	}
	if len(holds) > 0 {
		fmt.Fprintf(w, "N-1        holds without any one of: %s\n", listed(holds))
	} else {
		fmt.Fprintln(w, "N-1        there was nothing to judge")
	}
	var reasons []string
	skipped := map[string][]string{}
	for _, n := range r.NMinus {
		if n.Verdict != "skipped" {
			continue
		}
		if skipped[n.Why] == nil {
			reasons = append(reasons, n.Why)
		}
		skipped[n.Why] = append(skipped[n.Why], n.Down)
	}
	for _, why := range reasons {
		fmt.Fprintf(w, "           %s not judged: %s\n", listed(skipped[why]), why)
	}
}

// maxListed is how many placements a line names.
const maxListed = 20

// listed joins names, at most maxListed of them.
func listed(names []string) string {
	if more := len(names) - maxListed; more > 0 {
		return fmt.Sprintf("%s, and %d more", strings.Join(names[:maxListed], ", "), more)
	}
	return strings.Join(names, ", ")
}

// maxNever is how many situations a line names; a search that ended early has many.
const maxNever = 6

func (r *fuzzResult) printNever(w io.Writer) {
	if r.Seeds == 0 && !r.Interrupted {
		return // nobody looked
	}
	interrupted := ""
	if r.Interrupted {
		interrupted = "interrupted; "
	}
	fmt.Fprintf(w, "           %s%d states and transitions reached\n", interrupted, r.States)
	switch n := len(r.Never); {
	case n > maxNever:
		fmt.Fprintf(w, "           never reached: %s, and %d more\n", strings.Join(r.Never[:maxNever], ", "), n-maxNever)
	case n > 0:
		fmt.Fprintf(w, "           never reached: %s\n", strings.Join(r.Never, ", "))
	}
}

// short prints a count with three digits or so: 61.4 M.
func short(n uint64) string {
	switch {
	case n >= 1_000_000:
		return fmt.Sprintf("%.1f M", float64(n)/1e6)
	case n >= 10_000:
		return fmt.Sprintf("%.1f k", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}
