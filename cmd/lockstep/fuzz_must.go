package main

import (
	"fmt"
	"slices"

	"lockstep/adapters/configfile"
	"lockstep/sim/fuzz"
)

// promises are those of a configuration that a search can hold.
func promises(f *configfile.File) (list []fuzz.Promise) {
	kinds := map[configfile.PromiseKind]fuzz.PromiseKind{
		configfile.SurviveLoss: fuzz.SurviveLoss, configfile.HomeFirst: fuzz.HomeFirst, configfile.TestRequests: fuzz.TestRequests,
	}
	for _, p := range f.Must {
		if kind, ok := kinds[p.Kind]; ok {
			list = append(list, fuzz.Promise{Name: p.Name, Kind: kind, Share: p.Share, Within: p.Within, Probes: p.Probes})
		}
	}
	return list
}

// static lists the promises that are broken whatever happens: no run is needed.
// Of several breaches of a promise the first is told, with how many there are.
func static(f *configfile.File, path string, accept []string) (found []fuzzFinding) {
	c, err := f.Compile()
	if err != nil {
		return nil // the file was compiled when it was loaded
	}
	for _, b := range f.Residency(c) {
		known := func(x fuzzFinding) bool { return x.Property == b.Promise }
		if slices.Contains(accept, b.Promise) || slices.ContainsFunc(found, known) {
			continue
		}
		home, _ := c.FindPlacement(b.Home)
		x := fuzzFinding{
			Property: b.Promise, Sentence: b.String(), Key: b.Path, Assumed: "nothing: the candidate lists alone",
			Again: fmt.Sprintf("lockstep check %s", path),
		}
		x.At, x.Written = f.Where(b.Path)
		text := b.Key + " goes to "
		for _, by := range c.Placement(home).Candidates {
			name := c.Placement(int(by)).Name
			if name == b.By {
				x.Story = append(x.Story, fuzz.Line{Text: "FAIL: " + text + name})
				break
			}
			x.Story = append(x.Story, fuzz.Line{Text: text + name})
			text = "when that is down or full, to "
		}
		found = append(found, x)
	}
	return found
}
