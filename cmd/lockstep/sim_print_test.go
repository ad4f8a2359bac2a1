package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"lockstep/sim/scenario"
)

// someResults are a scenario as expected, one whose twin holds, and one that fails.
func someResults() []*simResult {
	good := scenario.Check{Expectation: "safety", Figure: "violations", Wanted: "0", Got: "0", OK: true}
	bad := scenario.Check{Expectation: "goodput stays near capacity", Figure: "holds", Wanted: "goodput >= 1.2 * before.goodput", Got: "goodput 0, before.goodput 312"}
	verdict := func(name string, checks ...scenario.Check) *scenario.Verdict {
		return &scenario.Verdict{Name: name, Digest: "0123456789abcdef", Requests: 8000, Checks: checks}
	}
	off := "the limit, which is what bounds the line in front of each server"
	return []*simResult{
		{Path: "a/protected.yaml", Property: "it holds", OK: true, Verdict: verdict("protected", good), Twin: &twinResult{Off: off, MustFail: bad.Expectation, Fails: true, Because: &bad}},
		{Path: "a/toothless.yaml", Property: "it bites", Verdict: verdict("toothless", good), Twin: &twinResult{Off: off, MustFail: "anything"}},
		{Path: "a/broken.yaml", Property: "goodput stays", Verdict: verdict("broken", good, bad)},
	}
}

func TestTheTableOfScenariosFitsTheTerminal(t *testing.T) {
	for _, c := range []struct {
		width, lines int
		want         string
	}{
		{0, 10, "0123456789abcdef  goodput stays near capacity: goodput 0, before.goodput 312, wanted goodput >= 1.2 * before.goodput\n"},
		{200, 10, "its twin, unprotected, fails at\n"},
		{120, 12, `      twin fails at "goodput stays near capacity": goodput 0, before.goodput 312, wanted goodput >= 1.2 * before.goodput` + "\n"},
		{80, 14, `      twin fails at "goodput stays near capacity": goodput 0, before.goodput` + "\n            312, wanted goodput >= 1.2 * before.goodput\n"},
	} {
		var out bytes.Buffer
		simTable{w: &out, width: c.width}.print(someResults(), 1500*time.Millisecond)
		text := out.String()
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		last := len(lines) - 1
		for _, line := range lines[:last] {
			if n := utf8.RuneCountInString(line); c.width > 0 && n > c.width || strings.HasSuffix(line, " ") {
				t.Errorf("at %d columns this has %d: %q", c.width, n, line)
			}
		}
		if len(lines) != c.lines || !strings.Contains(text, c.want) {
			t.Errorf("at %d columns, %d lines, wanted %d with %q:\n%s", c.width, len(lines), c.lines, c.want, text)
		}
		for _, want := range []string{
			`FAILS  the twin holds, and must not, at "anything"; it switches off the limit`, "FAILS  goodput stays near capacity: goodput 0,", "a/broken.yaml: goodput stays",
			"1 of 3 scenarios as expected; 2 have a twin that must fail; 1.5 s",
		} {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(want), " ")) {
				t.Errorf("at %d columns this is missing: %s\n%s", c.width, want, text)
			}
		}
	}
}

func TestNothingIsSaidOfTwinsWhereThereAreNone(t *testing.T) {
	var out bytes.Buffer
	simTable{w: &out}.print(someResults()[2:], 0)
	if strings.Contains(out.String(), "twin") {
		t.Error(out.String())
	}
}

func TestEveryFigureIsShownWhenAsked(t *testing.T) {
	var out bytes.Buffer
	simTable{w: &out, verbose: true}.print(someResults(), 0)
	for _, want := range []string{"holds  safety: violations 0, wanted 0", "twin   switches off the limit", "a/protected.yaml: it holds"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("this is missing: %s\n%s", want, out.String())
		}
	}
}
