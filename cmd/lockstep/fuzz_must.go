package main

import (
	"fmt"
	"slices"

	"lockstep/adapters/configfile"
	"lockstep/sim/fuzz"
	"lockstep/traces/promise"
)

// static lists the promises that are broken whatever happens: no run is needed.
// Of several breaches of a promise the first is told.
func static(f *configfile.File, path string, accept []string) (found []fuzzFinding) {
	c, err := f.Compile()
	if err != nil {
		return nil // the file was compiled when it was loaded
	}
	for _, b := range f.Breaches(c) {
		known := func(x fuzzFinding) bool { return x.Property == b.Promise }
		if b.Kind == promise.TestRequests || slices.Contains(accept, b.Promise) || slices.ContainsFunc(found, known) {
			continue // the search shows test requests in a story
		}
		x := fuzzFinding{
			Property: b.Promise, Sentence: b.What, Key: b.Path, Assumed: "nothing: the configuration alone",
			Again: fmt.Sprintf("lockstep check %s", path),
		}
		x.At, x.Written = f.Where(b.Path)
		for i, text := range b.Way {
			if i == len(b.Way)-1 {
				text = "FAIL: " + text
			}
			x.Story = append(x.Story, fuzz.Line{Text: text})
		}
		if b.Way == nil {
			x.Story = []fuzz.Line{{Text: "FAIL: " + b.What}}
		}
		found = append(found, x)
	}
	return found
}

// without leaves out those of the static findings that a run has shown as well:
// its story says more.
func without(static []fuzzFinding, found []*fuzz.Finding) []fuzzFinding {
	return slices.DeleteFunc(static, func(x fuzzFinding) bool {
		return slices.ContainsFunc(found, func(f *fuzz.Finding) bool { return f.Property == x.Property })
	})
}
