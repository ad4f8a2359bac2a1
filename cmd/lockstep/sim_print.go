package main

import (
	"fmt"
	"io"

	"lockstep/sim/scenario"
)

// printSim prints a line a scenario, and below it what failed or, if asked, every figure.
func printSim(w io.Writer, results []*simResult, verbose bool) {
	widest := 0
	for _, r := range results {
		widest = max(widest, len(r.Name))
	}
	ok, twins := 0, 0
	for _, r := range results {
		word := "FAIL"
		if r.OK {
			word = "ok"
			ok++
		}
		fmt.Fprintf(w, "%-4s  %-*s  %2d of %2d hold  %8d requests  digest %s", word, widest, r.Name, held(r.Checks), len(r.Checks), r.Requests, r.Digest)
		if r.Twin != nil && r.Twin.Fails {
			b := r.Twin.Because
			fmt.Fprintf(w, "  twin fails as it must: %s %s, wanted %s", b.Figure, b.Got, b.Wanted)
		}
		fmt.Fprintln(w)
		for _, c := range r.Checks {
			if verbose || !c.OK {
				printCheck(w, &c)
			}
		}
		for i := range r.NotJudged {
			if verbose {
				r.NotJudged[i].print(w)
			}
		}
		if r.Twin != nil {
			printTwin(w, r.Twin, verbose)
			twins++
		}
	}
	fmt.Fprintf(w, "\n%d of %d scenarios as expected; %d have a twin that must fail\n", ok, len(results), twins)
}

func held(checks []scenario.Check) (n int) {
	for _, c := range checks {
		if c.OK {
			n++
		}
	}
	return n
}

func printCheck(w io.Writer, c *scenario.Check) {
	word := "holds"
	if !c.OK {
		word = "FAILS"
	}
	fmt.Fprintf(w, "      %s  %s: %s   wanted %s, got %s\n", word, c.Expectation, c.Figure, c.Wanted, c.Got)
}

func printTwin(w io.Writer, t *twinResult, verbose bool) {
	switch {
	case !t.Fails:
		fmt.Fprintf(w, "      FAILS  the twin holds, and must not, at %q; it switches off %s\n", t.MustFail, t.Off)
	case verbose:
		fmt.Fprintf(w, "      twin   fails at %s; it switches off %s\n", t.Because.Expectation, t.Off)
	}
}
