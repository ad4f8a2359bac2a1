package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"lockstep/sim/scenario"
)

// simTable prints a row a scenario, and below it what failed or, if asked, every figure.
type simTable struct {
	w       io.Writer
	width   int // of the terminal; 0 for none
	verbose bool
}

const simIndent = "      "

// print prints the table and what it adds up to. Why a twin fails stands in its
// scenario's row, unless that would be wider than the terminal for some of them.
func (t simTable) print(results []*simResult, took time.Duration) {
	widest := len("scenario")
	for _, r := range results {
		widest = max(widest, utf8.RuneCountInString(r.Name))
	}
	rows, beside := make([]string, len(results)), true
	for i, r := range results {
		rows[i] = fmt.Sprintf("%-6s%-*s  %6s  %8d  %s", verdictWord(r.OK), widest, r.Name,
			fmt.Sprintf("%d/%d", held(r.Checks), len(r.Checks)), r.Requests, r.Digest)
		beside = beside && (t.width == 0 || utf8.RuneCountInString(rows[i]+"  "+r.Twin.why("%s")) <= t.width)
	}
	head := fmt.Sprintf(simIndent+"%-*s  %6s  %8s  %s", widest, "scenario", "holds", "requests", "digest")
	if beside && slices.ContainsFunc(results, func(r *simResult) bool { return r.Twin != nil }) {
		head = fmt.Sprintf("%-*s  %s", utf8.RuneCountInString(rows[0]), head, "its twin, unprotected, fails at")
	}
	fmt.Fprintln(t.w, strings.TrimRight(head, " "))
	for i, r := range results {
		if beside {
			fmt.Fprintln(t.w, strings.TrimRight(rows[i]+"  "+r.Twin.why("%s"), " "))
		} else {
			fmt.Fprintln(t.w, rows[i])
			if why := r.Twin.why("twin fails at %q"); why != "" {
				t.line(why)
			}
		}
		t.below(r)
	}
	t.total(results, took)
}

// below prints what a scenario and its twin showed, if it is asked for or went wrong.
func (t simTable) below(r *simResult) {
	if t.verbose || !r.OK {
		t.line(r.Path + ": " + r.Property)
	}
	for i := range r.Checks {
		if c := &r.Checks[i]; t.verbose || !c.OK {
			word := "holds"
			if !c.OK {
				word = "FAILS"
			}
			t.line(told(c, word+"  %s"))
		}
	}
	for i := range r.NotJudged {
		if u := &r.NotJudged[i]; t.verbose {
			t.line("not judged  must " + u.Name + ": " + u.Why)
		}
	}
	switch {
	case r.Twin == nil:
	case !r.Twin.Fails:
		t.line(fmt.Sprintf("FAILS  the twin holds, and must not, at %q; it switches off %s", r.Twin.MustFail, r.Twin.Off))
	case t.verbose:
		t.line("twin   switches off " + r.Twin.Off)
	}
}

func (t simTable) total(results []*simResult, took time.Duration) {
	ok, twins := 0, 0
	for _, r := range results {
		if r.OK {
			ok++
		}
		if r.Twin != nil {
			twins++
		}
	}
	of := ""
	if twins > 0 {
		of = fmt.Sprintf("; %d have a twin that must fail", twins)
	}
	fmt.Fprintf(t.w, "\n%d of %d scenarios as expected%s; %.1f s\n", ok, len(results), of, took.Seconds())
}

// line prints one indented line, broken at spaces where the terminal is too narrow.
func (t simTable) line(text string) {
	line := simIndent
	for i, word := range strings.SplitAfter(text, " ") {
		if t.width > 0 && i > 0 && utf8.RuneCountInString(strings.TrimRight(line+word, " ")) > t.width {
			fmt.Fprintln(t.w, strings.TrimRight(line, " "))
			line = simIndent + simIndent
		}
		line += word
	}
	fmt.Fprintln(t.w, line)
}

func verdictWord(ok bool) string {
	if ok {
		return "ok"
	}
	return "FAIL"
}

func held(checks []scenario.Check) (n int) {
	for _, c := range checks {
		if c.OK {
			n++
		}
	}
	return n
}

// why says where a twin fails, with the expectation in that format; "" for none that fails.
func (t *twinResult) why(format string) string {
	if t == nil || !t.Fails {
		return ""
	}
	return told(t.Because, format)
}

// told says what a check found and what it wanted, with its expectation in that format.
func told(c *scenario.Check, format string) string {
	figure := c.Figure + " "
	if c.Figure == "holds" {
		figure = "" // the figures that it compares are named
	}
	return fmt.Sprintf(format+": %s%s, wanted %s", c.Expectation, figure, c.Got, c.Wanted)
}

// widthOf is how wide w is, 0 when it is no terminal.
func widthOf(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}
