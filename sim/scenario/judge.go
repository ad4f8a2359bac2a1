package scenario

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/sim"
)

// Check is one expectation, or one figure of it, with what was found.
type Check struct {
	Expectation string `json:"expectation"`
	Figure      string `json:"figure"`
	Wanted      string `json:"wanted"`
	Got         string `json:"got"`
	OK          bool   `json:"ok"`
}

// Verdict is what a scenario's run showed.
type Verdict struct {
	Name     string  `json:"name"`
	Digest   string  `json:"digest"` // of all decisions and of the routers' states
	Steps    uint64  `json:"steps"`
	Requests uint64  `json:"requests"`
	Checks   []Check `json:"checks"`
	OK       bool    `json:"ok"`
}

// Judge runs the plan of f and compares it with what f expects; with only, with
// what the expectation of that name does. Safety is always expected: the first
// check says whether any checker objected.
func Judge(f *File, plan *sim.Plan, only string, o sim.Options) (*Verdict, error) {
	j := &judgement{file: f, plan: plan, bare: map[string]ledger{}}
	for i := range f.Expect {
		if e := &f.Expect[i]; only == "" || e.Name == only {
			j.asked = append(j.asked, e)
		}
	}
	o.Check, o.Observe = true, j.watch(o.Observe)
	result := sim.Run(*plan, o)
	if result.Err != nil {
		return nil, fmt.Errorf("running %s: %w", f.Name, result.Err)
	}
	j.result = &result
	v := &Verdict{Name: f.Name, Digest: fmt.Sprintf("%016x", result.Digest), Steps: result.Steps}
	for i := range result.Windows {
		v.Requests += result.Windows[i].Arrivals
	}
	v.Checks = append(v.Checks, safety(&result))
	for _, e := range j.asked {
		v.Checks = append(v.Checks, j.judge(e)...)
	}
	v.OK = !slices.ContainsFunc(v.Checks, func(c Check) bool { return !c.OK })
	return v, nil
}

// Failed returns the first check of the named expectation that failed.
func (v *Verdict) Failed(expectation string) (Check, bool) {
	for _, c := range v.Checks {
		if c.Expectation == expectation && !c.OK {
			return c, true
		}
	}
	return Check{}, false
}

func safety(r *sim.Result) Check {
	c := Check{Expectation: "safety", Figure: "violations", Wanted: "0", Got: fmt.Sprint(r.Violated), OK: r.Violated == 0}
	if len(r.Violations) > 0 {
		x := &r.Violations[0]
		c.Got = fmt.Sprintf("%d, first %s at %s: %s", r.Violated, x.Property, Time.format(int64(x.At)), x.Detail)
	}
	return c
}

// judgement is one scenario under judgement.
type judgement struct {
	file    *File
	plan    *sim.Plan
	asked   []*Expectation
	result  *sim.Result
	decided ledger            // of the run, when some expectation compares it
	bare    map[string]ledger // of the runs without faults, pushes or bursts
	tenants *tenants          // when some expectation asks for it
	users   *users            // likewise
	dumps   *dumps            // likewise
}

// watch prepares what the expectations need to see of the run, beside what the caller does.
func (j *judgement) watch(also watch) watch {
	var all []watch
	if also != nil {
		all = append(all, also)
	}
	if slices.ContainsFunc(j.asked, func(e *Expectation) bool { return e.UnchangedWithout != "" }) {
		j.decided = ledger{}
		all = append(all, j.decided.watch)
	}
	if j.needs(affectedFigure) {
		j.tenants = newTenants(j.plan.Window)
		all = append(all, j.tenants.watch)
	}
	if j.needs(movedFigure) || j.needs(backFigure) {
		j.users = newUsers()
		all = append(all, j.users.watch)
	}
	if j.needs(dumpsFigure) {
		j.dumps = &dumps{rule: &j.file.Dumps}
		all = append(all, j.dumps.watch)
	}
	return together(all)
}

// needs reports whether an expectation asks for a figure, or an expression of one names it.
func (j *judgement) needs(name string) bool {
	return slices.ContainsFunc(j.asked, func(e *Expectation) bool {
		return slices.ContainsFunc(e.figures(), func(f figure) bool { return f.name == name }) ||
			e.Holds.checked != nil && slices.ContainsFunc(e.Holds.checked.Uses, func(r Ref) bool { return r.Figure == name })
	})
}

func (j *judgement) judge(e *Expectation) (checks []Check) {
	s := j.narrow(e)
	for _, f := range e.figures() {
		checks = append(checks, f.judge(s, e.Name))
	}
	if e.Transitions != nil {
		c := sequence(e.Name, "transitions", e.Transitions, s.transitionNames())
		if why := s.cut(); why != "" {
			c.Got, c.OK = why, false
		}
		checks = append(checks, c)
	}
	if e.Answers != nil {
		checks = append(checks, sequence(e.Name, "answers", e.Answers, s.answerNames()))
	}
	if e.UnchangedWithout != "" {
		checks = append(checks, j.unchanged(e))
	}
	if e.Holds.checked != nil {
		checks = append(checks, j.holds(e))
	}
	return checks
}

func sequence(name, figure string, want, got []string) Check {
	return Check{name, figure, list(want), list(got), slices.Equal(want, got)}
}

// maxListed bounds what a table cell shows.
const maxListed = 12

func list(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	if len(words) > maxListed {
		return strings.Join(words[:maxListed], ", ") + fmt.Sprintf(", and %d more", len(words)-maxListed)
	}
	return strings.Join(words, ", ")
}

func (j *judgement) unchanged(e *Expectation) Check {
	bare := j.bare[e.UnchangedWithout]
	if bare == nil {
		bare = ledger{}
		j.bare[e.UnchangedWithout] = bare
		sim.Run(*without(j.plan, e.UnchangedWithout), sim.Options{Observe: bare.watch})
	}
	n, of := differences(j.decided, bare, e)
	return Check{
		e.Name, "unchanged_without " + e.UnchangedWithout,
		"0 decisions differ", fmt.Sprintf("%d of %d differ", n, of), n == 0 && of > 0,
	}
}
