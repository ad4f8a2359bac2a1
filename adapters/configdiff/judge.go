package configdiff

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/adapters/configfile"
)

// Expectations is what golden requests say of one configuration.
type Expectations struct {
	File     string         `json:"file"`
	Config   string         `json:"config"`
	Passed   int            `json:"passed"`
	Failed   int            `json:"failed"`
	Results  []ExpectResult `json:"results"`
	Coverage Coverage       `json:"coverage"`
	Least    uint32         `json:"fail_under_ppm,omitempty"` // of the coverage; 0: none asked for
}

// OK reports whether every golden request holds, and enough is exercised.
func (x *Expectations) OK() bool { return x.Failed == 0 && !x.Coverage.below(x.Least) }

// FailUnder says how much must be exercised, in parts per million.
func (x *Expectations) FailUnder(least uint32) { x.Least = least }

// ExpectResult is one golden request.
type ExpectResult struct {
	Name   string              `json:"name"`
	Passed bool                `json:"passed"`
	Faults []string            `json:"faults,omitempty"` // what differs from what is wanted
	At     configfile.Position `json:"at"`               // where it is written
	Got    *Outcome            `json:"got,omitempty"`    // nil where it cannot be asked
}

// Judge puts every golden request to a configuration.
func (f *ExpectFile) Judge(s Side) (*Expectations, error) {
	d, err := newDecider(s)
	if err != nil {
		return nil, fmt.Errorf("deciding golden requests under %s: %w", s.Name, err)
	}
	out, covered := &Expectations{File: f.Path, Config: s.Name}, newCoverage(d)
	for i := range f.Requests {
		e := &f.Requests[i]
		r := ExpectResult{Name: e.title(), At: f.at(requestPath(i), "", "").Position}
		got, field, err := d.decide(e)
		if err != nil {
			r.Faults = []string{err.Error()}
			r.At = f.at(requestPath(i)+field, "", "").Position
		} else {
			r.Got = &got
			var missed string
			if r.Faults, missed = e.Want.differs(&got); missed != "" {
				r.At = f.at(requestPath(i)+".want."+missed, "", "").Position
			}
			covered.saw(&got)
		}
		if r.Passed = len(r.Faults) == 0; r.Passed {
			out.Passed++
		} else {
			out.Failed++
		}
		out.Results = append(out.Results, r)
	}
	out.Coverage = covered.result()
	return out, nil
}

// differs lists what got is not, and the first field of want that says so.
func (w *Want) differs(got *Outcome) (faults []string, field string) {
	miss := func(name, wanted, is string) {
		if field == "" {
			field = name
		}
		faults = append(faults, fmt.Sprintf("%s: wanted %s, got %s", name, wanted, orNothing(is)))
	}
	text := func(name, wanted, is string) {
		if wanted != "" && wanted != is {
			miss(name, wanted, is)
		}
	}
	text("route", w.Route, got.Route)
	text("key", w.Key, got.Key)
	served := got.Placement
	switch {
	case got.Refused > 0:
		served = fmt.Sprintf("a refusal with %d (%s)", got.Refused, got.Class)
	case served == "" && got.Split != "":
		served = "a split: " + got.Split
	}
	text("placement", w.Placement, served)
	if w.Placement != "" && w.Placement == got.Placement && got.Fails {
		miss("placement", w.Placement, got.Placement+", which is down: neither breaker nor health takes all of it out")
	}
	if len(w.Candidates) > 0 && !slices.Equal(w.Candidates, got.Candidates) {
		miss("candidates", strings.Join(w.Candidates, " → "), strings.Join(got.Candidates, " → "))
	}
	if len(w.Split) > 0 && splitOf(w.Split) != splitText(got.Split) {
		is := splitText(got.Split)
		if is == "" {
			is = "a key that is not split"
		}
		miss("split", splitOf(w.Split), is)
	}
	text("reason", w.Reason, got.Reason)
	text("failover", w.Failover, got.Failover)
	if w.Refused != 0 && w.Refused != got.Refused {
		if got.Refused > 0 {
			miss("refused", fmt.Sprint(w.Refused), fmt.Sprintf("%d (%s)", got.Refused, got.Class))
		} else {
			miss("refused", fmt.Sprint(w.Refused), "served by "+orNothing(served))
		}
	}
	return faults, field
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// splitOf writes the parts that are wanted in order of name.
func splitOf(parts map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		ppm, _ := ParseShare(parts[name]) // validate has read it
		out = append(out, name+" "+shareText(ppm))
	}
	return strings.Join(out, ", ")
}

// splitText writes the parts of a compiled split, cell-07 95% cell-12 5%, as splitOf does.
func splitText(text string) string {
	words := strings.Fields(text)
	var out []string
	for i := 0; i+1 < len(words); i += 2 {
		out = append(out, words[i]+" "+words[i+1])
	}
	return strings.Join(out, ", ")
}

// expectFindings says which golden requests fail, and whether they did before.
func (r *Report) expectFindings(before *Expectations, minCoverage uint32) {
	r.Expect.FailUnder(minCoverage)
	for i := range r.Expect.Results {
		x := &r.Expect.Results[i]
		if x.Passed {
			continue
		}
		was := "it held before"
		if !before.Results[i].Passed {
			was = "it failed before as well"
		}
		decides := ""
		if x.Got != nil && x.Got.At != nil {
			decides = "; " + x.Got.At.String() + " decides"
		}
		r.find(Broken, "expect", fmt.Sprintf("golden request %q fails (%s): %s%s", x.Name, was, strings.Join(x.Faults, "; "), decides), "", &x.At)
	}
	if c := &r.Expect.Coverage; c.below(minCoverage) {
		r.find(Broken, "expect", fmt.Sprintf("the golden requests exercise %s of the new configuration (%d of %d), less than --fail-under %s",
			share(uint64(c.Covered), uint64(c.Total)), c.Covered, c.Total, shareText(minCoverage)), "write golden requests for what is listed as not exercised", nil)
	}
}

func (r *Report) expectSection() section {
	s := section{title: "Golden requests"}
	if r.Expect != nil {
		s.lines = r.Expect.Lines()
	}
	return s
}

// Lines writes the results for a terminal: what failed, and what is not exercised.
func (x *Expectations) Lines() []string {
	var s section
	s.add("%s: of %s %s hold, %s fail", x.File, count(len(x.Results), "golden request"), thousands(x.Passed), thousands(x.Failed))
	for i := range x.Results {
		r := &x.Results[i]
		if r.Passed {
			continue
		}
		s.add("FAIL  %s   %s", r.Name, r.At)
		for _, fault := range r.Faults {
			s.add("      %s", fault)
		}
		if r.Got != nil && r.Got.At != nil {
			s.add("      decided by %s", r.Got.At)
		}
	}
	c := &x.Coverage
	verdict := ""
	if c.below(x.Least) {
		verdict = "   FAIL: less than --fail-under " + shareText(x.Least)
	}
	s.add("exercised: %s (%d of %d)%s", share(uint64(c.Covered), uint64(c.Total)), c.Covered, c.Total, verdict)
	for i := range c.Kinds {
		k := &c.Kinds[i]
		s.add("  %-16s %d of %d", k.Kind, k.Covered, k.Total)
		for n, name := range k.Missing {
			if n == maxShown {
				s.add("    and %d more", len(k.Missing)-n)
				break
			}
			s.add("    not: %s", name)
		}
	}
	return s.lines
}
