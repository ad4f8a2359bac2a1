package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// conformResult is what a run of conform showed.
type conformResult struct {
	Shim greeting `json:"shim"`
	OK   bool     `json:"ok"`
	conformTally
	Seed        uint64           `json:"seed"` // the first
	Next        uint64           `json:"next"` // where another run goes on
	Seconds     float64          `json:"seconds"`
	PerSecond   float64          `json:"events_per_second"`
	Interrupted bool             `json:"interrupted"`
	Findings    []conformFinding `json:"findings"`
}

// count takes over what was counted.
func (r *conformResult) count(c *conformance) {
	r.OK = len(r.Findings) == 0
	r.conformTally, r.Seed, r.Next = c.tallied, c.flags.seed, c.seed.Load()
	r.Seconds = time.Since(c.began).Seconds()
	r.PerSecond = float64(r.Events) / max(r.Seconds, 1e-3)
}

// verdict is the command's error: a shim that failed comes before one that differs.
func (r *conformResult) verdict() error {
	for i := range r.Findings {
		if failure := r.Findings[i].Failure; failure != "" {
			return errors.New(failure)
		}
	}
	if !r.OK {
		return errFailed
	}
	return nil
}

// maxTold is how many findings are told in full.
const maxTold = 5

func (r *conformResult) print(w io.Writer) {
	word := "ok   "
	if !r.OK {
		word = "FAIL "
	}
	fmt.Fprintf(w, "%s %s   %s\n", word, r.Shim.Name, r.asked())
	for i := range r.Findings {
		if i == maxTold {
			fmt.Fprintf(w, "and %d more; mend these first\n", len(r.Findings)-maxTold)
			for _, f := range r.Findings[maxTold:] {
				fmt.Fprintf(w, "  %s\n", f.Name)
			}
			break
		}
		r.Findings[i].print(w)
	}
	if r.Interrupted {
		fmt.Fprintln(w, "interrupted")
	}
}

func (r *conformResult) asked() string {
	text := fmt.Sprintf("%d questions, %d of them vectors, %d refused by both, %s events", r.Questions, r.Vectors, r.Refused, short(r.Events))
	if r.Next > r.Seed {
		text += fmt.Sprintf(", seeds %d to %d", r.Seed, r.Next-1)
	}
	return text + fmt.Sprintf(", %.1f s, %s events/s", r.Seconds, short(uint64(r.PerSecond)))
}

func (f *conformFinding) print(w io.Writer) {
	name := f.Name
	if f.From > f.Steps {
		name += fmt.Sprintf(", made smaller from %d events to %d", f.From, f.Steps)
	}
	fmt.Fprintf(w, "%s\n", name)
	if f.Failure != "" {
		fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(f.Failure, "\n", "\n  "))
	}
	if f.Difference != nil {
		fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(strings.TrimSpace(f.Difference.String()), "\n", "\n  "))
	}
	if f.Vector != "" {
		fmt.Fprintf(w, "  Vector     %s\n", f.Vector)
	}
	if f.Again != "" {
		fmt.Fprintf(w, "  Again      %s\n", f.Again)
	}
}
