package main

import (
	"fmt"
	"io"
	"time"

	"lockstep/sim/fuzz"
)

// Changes of one finding are tried against so many seeds, for a sixth of the
// time of the search or at least so long, unless the search itself counts seeds.
const (
	changeSeeds = 100
	changeTime  = 10 * time.Second
	changeShare = 6
)

// fuzzChange is one change that was tried to mend a finding.
type fuzzChange struct {
	Name   string `json:"name"`
	Change string `json:"change"`
	Mends  bool   `json:"mends"` // this finding, whatever else it breaks
	Holds  bool   `json:"holds"`
	Breaks string `json:"breaks,omitempty"`
	Price  string `json:"price,omitempty"`
	Seeds  uint64 `json:"seeds"` // random ones, beside the finding's own
	// Untried is how many what-if runs there was no time for: nobody knows whether it holds.
	Untried int `json:"untried,omitempty"`
	// Scenarios is how many scenarios about the same file hold with it.
	Scenarios int `json:"scenarios"`
}

// changes tries what could mend a finding.
func (s *search) changes(x *fuzz.Finding) (tried []fuzzChange) {
	end := time.Now().Add(max(changeTime, s.length/changeShare))
	trial := fuzz.Trial{Seeds: changeSeeds, Scenarios: s.scenarios, More: func() bool {
		return !s.interrupted() && (s.flags.counted || time.Now().Before(end))
	}}
	for _, c := range fuzz.TryChanges(s.target, x, &trial) {
		tried = append(tried, fuzzChange{c.Name, c.Text, c.Mends, c.Holds, c.Breaks, c.Price, c.Seeds, c.Untried, c.Scenarios})
	}
	return tried
}

// printChanges shows every change with its verdict and its price.
func (f *fuzzFinding) printChanges(w io.Writer, r *fuzzResult) {
	if len(f.Changes) == 0 {
		return
	}
	widest := 0
	for _, c := range f.Changes {
		widest = max(widest, len(c.Change))
	}
	fmt.Fprintf(w, "\nChanges tried, each against the same case, every what-if run near it, up to %d random seeds%s\n", changeSeeds, r.scenarios)
	for _, c := range f.Changes {
		verdict := fmt.Sprintf("holds, %d seeds", c.Seeds)
		if c.Scenarios > 0 {
			verdict += fmt.Sprintf(", %d scenarios", c.Scenarios)
		}
		switch {
		case c.Untried > 0:
			verdict = fmt.Sprintf("mends this; no time for %d what-if runs", c.Untried)
		case !c.Holds:
			verdict = "breaks: " + c.Breaks
			if c.Mends {
				verdict = "mends this, " + verdict
			}
		}
		if c.Price != "" {
			verdict += "; " + c.Price
		}
		fmt.Fprintf(w, "   %s  %-*s   %s\n", c.Name, widest, c.Change, verdict)
	}
}
