package fuzz

import (
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// Properties that this package adds to the checkers of sim. SingleProbe is the
// baseline's word: "a single test request". NMinusOne is judged only from
// facts: what a placement must take when another is down follows from the load.
const (
	SingleProbe = "half-open-single-probe"
	NMinusOne   = "N-1"
	// Invariant is broken when the core itself stops: it runs strict here.
	Invariant = "invariant"
)

// Outcome is what one case showed.
type Outcome struct {
	Finding  *Finding // nil: every property held
	Requests uint64
	Steps    uint64
	Coverage sim.Coverage
	States   *sim.States // nil when it was not asked for
	Err      error       // the case could not be run: a fault of the generator
}

// outcomeOf is what a run covered, not yet judged.
func outcomeOf(r *sim.Result) Outcome {
	out := Outcome{Steps: r.Steps, Coverage: r.Sometimes, Err: r.Err}
	for i := range r.Windows {
		out.Requests += r.Windows[i].Arrivals
	}
	return out
}

// Try draws the case of one seed, runs it and judges it. A Finding is shrunk
// and carries its story.
func Try(t *Target, seed uint64) Outcome {
	out := Run(t, Recipe{seed})
	if out.Finding != nil {
		out.Finding = Tell(t, out.Finding, always)
	}
	return out
}

// always never has enough.
func always() bool { return true }

// Run runs the case of a recipe and judges it. A Finding is as it was found: see Tell.
func Run(t *Target, r Recipe) Outcome {
	c := t.made(r, r.Draw())
	states := new(sim.States)
	result := t.runCovered(&c, states)
	out := outcomeOf(&result)
	out.States = states
	if result.Err == nil {
		out.Finding = t.judge(&c, &result)
	}
	return out
}

// made is the case of a recipe, by its choices. Its last seed alone has not been
// tried before: that one says which relation the case is held against.
func (t *Target) made(r Recipe, d Draw) Case {
	c := Generate(d, t, r[0])
	c.Recipe, c.Relation = r, relationOf(r[len(r)-1])
	return c
}

// Tell shrinks a finding, as long as more says so, and tells its story.
func Tell(t *Target, f *Finding, more func() bool) *Finding {
	f = t.shrunk(t.without(f), more)
	t.tell(f)
	return f
}

// run runs a case.
func (t *Target) run(c *Case) sim.Result { return t.runCovered(c, nil) }

// runCovered runs a case and adds what it reached to states. A core that stops
// is a finding, not the end of the search.
func (t *Target) runCovered(c *Case, states *sim.States) (r sim.Result) {
	defer func() {
		if p := recover(); p != nil {
			r = sim.Result{Violated: 1, Violations: []sim.Violation{{Property: Invariant, Detail: fmt.Sprint(p)}}}
		}
	}()
	return sim.Run(c.Plan, sim.Options{Check: !t.trial, States: states, Observe: c.watch(), Stop: t.Stop, Tamper: t.tamper})
}

// judge returns the first broken property that the target has not accepted.
func (t *Target) judge(c *Case, r *sim.Result) *Finding {
	for i := range r.Violations {
		v := &r.Violations[i]
		if !slices.Contains(t.Accept, v.Property) {
			return &Finding{Property: v.Property, Sentence: sentence(v), Key: blamed(c, v), At: v.At, Where: v.Placement, Case: *c, Result: *r}
		}
	}
	// At extremes nothing is promised that depends on the operator's own settings.
	if name, most := t.probes(); len(c.Extremes) == 0 && !slices.Contains(t.Accept, name) {
		if f := singleProbe(c, r, name, int(most)); f != nil {
			return f
		}
	}
	return t.related(c, r)
}

// related holds a case against the relation that it was drawn with.
func (t *Target) related(c *Case, r *sim.Result) (f *Finding) {
	defer func() {
		if p := recover(); p != nil {
			f = &Finding{Property: Invariant, Sentence: fmt.Sprint(p), Case: *c, Result: *r}
		}
	}()
	if c.Relation == sim.NoRelation || slices.Contains(t.Accept, c.Relation.String()) {
		return nil
	}
	found, _ := sim.CheckRelation(c.Plan, c.Relation, c.Seed, sim.Options{Tamper: t.tamper})
	if len(found) == 0 {
		return nil
	}
	v := &found[0]
	return &Finding{Property: v.Property, Sentence: sentence(v), At: v.At, Where: v.Placement, Case: *c, Result: *r}
}

// blamed is the key that a violation concerns; at extremes it is not the operator's.
func blamed(c *Case, v *sim.Violation) string {
	if len(c.Extremes) > 0 {
		return ""
	}
	return v.Key
}

func sentence(v *sim.Violation) string {
	if v.Placement == "" {
		return v.Detail
	}
	return v.Placement + ": " + v.Detail
}

// singleProbe looks for an endpoint with more half-open probes out than most.
func singleProbe(c *Case, r *sim.Result, name string, most int) *Finding {
	for i := range r.Windows {
		for e := range r.Windows[i].Endpoints {
			n := r.Windows[i].Endpoints[e].PeakProbes
			if n <= most {
				continue
			}
			id := &r.Endpoints[e]
			placement := r.Placements[id.Placement]
			return &Finding{
				Property: name, Broken: Promise{Name: name, Kind: TestRequests, Most: uint32(most)}, Case: *c, Result: *r, At: secondProbe(r, e, i), Where: placement,
				Sentence: fmt.Sprintf("%s admits %d test requests at once to %s, which has not recovered", placement, n, id.Name),
				Key:      "placements." + placement + ".breaker.half_open_probes",
				Value:    fmt.Sprintf("%d at once, promised: %d", n, most),
			}
		}
	}
	return nil
}

// secondProbe is when, as near as windows tell: the last half-opening of
// endpoint e before window i ends.
func secondProbe(r *sim.Result, e, i int) core.Time {
	w := &r.Windows[i]
	at := w.From
	for _, x := range r.Transitions {
		if x.Endpoint == e && x.Kind == core.NoteHalfOpened && x.At < w.From.Add(r.Window) {
			at = max(at, x.At)
		}
	}
	return at
}
