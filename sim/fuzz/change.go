package fuzz

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"lockstep/core"
	"lockstep/sim"
)

// Change is one change of a configuration that could remove a finding, and what
// became of it when it was tried.
type Change struct {
	Name      string // A, B, ...
	Text      string // the settings changed, in the names of the native form
	Mends     bool   // the finding's own case no longer breaks anything
	Holds     bool   // nothing was found with it, where it was tried
	Breaks    string // what it breaks, "" when it holds
	Price     string // what it costs, and figures of the finding's own case, run with it; "" for none
	Seeds     uint64 // random cases that were tried as well
	Untried   int    // what-if runs for which the trial had no time left: it does not hold then
	Scenarios int    // of the trial, those that were run with it
	apply     func(*core.Spec)
	price     string
	broken    *Finding // with it, beside f
}

// Trial says what a change has to hold in, beside the finding's own case, N-1 and every drill.
type Trial struct {
	Seeds     uint64      // the first so many random cases
	More      func() bool // false: no more of them, and no more what-if runs
	Scenarios []Scenario
}

// Scenario is a scenario of the operator's about the same configuration.
type Scenario struct {
	Name string
	// Breaks runs it with a change of the configuration, and says what it breaks, "" for nothing.
	Breaks func(change func(core.Spec) core.Spec) string
}

// maxChanges is how many changes of one finding are tried.
const maxChanges = 6

// TryChanges tries a closed list of changes that could remove f. Each is run
// against the case of f and everything that the trial says. To one that removes
// f and breaks something else, the first change that could remove that is added, and
// both are tried together. No change is known for a fault of the router itself.
func TryChanges(t *Target, f *Finding, trial *Trial) []Change {
	tried := t.changes(f)
	for i := 0; i < len(tried); i++ {
		c := &tried[i]
		c.Name = string(rune('A' + i))
		changed := t.changed(c.apply)
		changed.try(f, c, t.affected(changed, f.Where), trial)
		if c.Holds || !c.Mends || c.broken == nil || len(tried) == maxChanges {
			continue
		}
		if more := changed.changes(c.broken); len(more) > 0 && !strings.HasSuffix(c.Text, more[0].Text) {
			tried = append(tried, both(c, &more[0]))
		}
	}
	return tried
}

// both makes one change of two.
func both(a, b *Change) Change {
	return Change{Text: a.Name + " and " + b.Text, price: joined(a.price, b.price), apply: chain(a.apply, b.apply)}
}

// joined are two phrases, either of which may be missing.
func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// chain makes one change after the other.
func chain(first, second func(*core.Spec)) func(*core.Spec) {
	return func(s *core.Spec) {
		first(s)
		second(s)
	}
}

// try judges a change of which t is the changed target, and near what the change
// can affect.
func (t *Target) try(f *Finding, c *Change, near map[string]bool, trial *Trial) {
	if _, err := core.Compile(t.Spec); err != nil {
		c.Breaks = "it is not valid: " + err.Error()
		return
	}
	r, broken := t.again(f, c.apply)
	c.Price = joined(c.price, t.price(f, &r))
	if broken != nil {
		c.Breaks = "still " + broken.Property
		return
	}
	c.Mends = true
	c.broken, c.Untried = t.firstDrilled(near, trial.More)
	if c.broken != nil {
		c.Breaks = c.broken.Property + ": " + c.broken.Sentence
	}
	if c.broken != nil || c.Untried > 0 {
		return
	}
	checked := t.checked()
	for ; c.Seeds < trial.Seeds && trial.More(); c.Seeds++ {
		drawn := Generate(NewSeeded(c.Seeds), t, c.Seeds)
		r := checked.run(&drawn)
		if c.broken = t.judge(&drawn, &r); c.broken != nil {
			c.Breaks = fmt.Sprintf("%s in seed %d: %s", c.broken.Property, c.Seeds, c.broken.Sentence)
			return
		}
	}
	for _, s := range trial.Scenarios {
		change := func(s core.Spec) core.Spec { return with(&s, c.apply) }
		if what := s.Breaks(change); what != "" {
			c.Breaks = s.Name + ": " + what
			return
		}
		c.Scenarios++
	}
	c.Holds = true
}

// affected is what a change can affect: the components of a placement and of all
// that differ from t in changed. It moves no other (R15).
func (t *Target) affected(changed *Target, where string) map[string]bool {
	near := around(&changed.Spec, where)
	for i := range t.Spec.Placements {
		if p := &t.Spec.Placements[i]; !near[p.Name] && !reflect.DeepEqual(*p, changed.Spec.Placements[i]) {
			maps.Copy(near, around(&changed.Spec, p.Name))
		}
	}
	return near
}

// firstDrilled is what the first of N-1 and the drills breaks that concerns the
// placements of near, and how many of those were left when there was no more time.
func (t *Target) firstDrilled(near map[string]bool, more func() bool) (f *Finding, untried int) {
	try := func(run func() Outcome) {
		switch {
		case f != nil:
		case !more():
			untried++
		default:
			f = run().Finding
		}
	}
	for _, l := range Losses(t) {
		if l.Skipped == "" {
			try(func() Outcome {
				l.Try(t)
				return l.Outcome
			})
		}
	}
	for _, d := range Drills(t) {
		if d.Placement == "" || near[d.Placement] {
			try(func() Outcome { return TryDrill(t, d) })
		}
	}
	if f != nil {
		untried = 0
	}
	return f, untried
}

// again runs the case of f with t, the changed target: a what-if run anew, a
// drawn case with the change in what it pushes as well.
func (t *Target) again(f *Finding, apply func(*core.Spec)) (sim.Result, *Finding) {
	var c Case
	switch {
	case f.Drill != nil:
		c = t.drillCase(f.Drill)
	case f.Case.Loss != nil:
		l := *f.Case.Loss
		l.down, _ = find(&t.Spec, l.down.Name)
		l.uneven = f.Broken.Kind == HomeFirst // N-1 itself is judged of even answers
		c = t.lossCase(&l)
	default:
		c, t = f.Case.respecced(apply), t.checked()
	}
	r := t.run(&c)
	broken := t.judge(&c, &r)
	if down, ok := t.down(f); broken == nil && ok {
		broken = t.judgeLoss(&c, &r, &down)
	}
	if broken == nil && f.Drill != nil {
		if broken = t.judgeDrill(f.Drill, &r); broken != nil {
			broken.Property = t.nameOf(f.Drill.Property)
		}
	}
	return r, broken
}

// down is the placement that was taken down to try N-1.
func (t *Target) down(f *Finding) (core.PlacementInfo, bool) {
	if f.Case.Loss == nil {
		return core.PlacementInfo{}, false
	}
	return find(&t.Spec, f.Case.Loss.down.Name)
}

// changed is t with a change to try. Its drills run without the checkers of sim:
// no setting breaks a rule, and the random cases go on looking for what does.
func (t *Target) changed(apply func(*core.Spec)) *Target {
	c := *t
	c.Spec, c.trial = with(&t.Spec, apply), true
	return &c
}

// checked is t with all checkers on.
func (t *Target) checked() *Target {
	c := *t
	c.trial = false
	return &c
}

// with is a copy of s with a change; s stays as it is.
func with(s *core.Spec, apply func(*core.Spec)) core.Spec {
	changed := *s
	changed.Placements = slices.Clone(s.Placements)
	apply(&changed)
	return changed
}

// setting makes a change of one placement; a push may have removed it.
func setting(placement string, set func(*core.PlacementSpec)) func(*core.Spec) {
	return func(s *core.Spec) {
		for i := range s.Placements {
			if s.Placements[i].Name == placement {
				set(&s.Placements[i])
			}
		}
	}
}

// maxFixes is how many of what could make a drill hold are tried one by one.
const maxFixes = 3

// changes lists what could remove f.
func (t *Target) changes(f *Finding) []Change {
	name, most := t.probes()
	switch {
	case f.Property == name:
		return t.fewerProbes(f.Where, most)
	case len(f.fixes) > 0:
		var list []Change
		for _, x := range f.fixes[:min(len(f.fixes), maxFixes)] {
			list = append(list, Change{Text: x.text, apply: x.apply, price: x.price})
		}
		return list
	case f.Lost != "" && f.Broken.Kind != Latency:
		return t.roomier(f)
	}
	return nil
}

// fewerProbes lets most test requests out at once.
func (t *Target) fewerProbes(where string, most uint32) []Change {
	p, ok := find(&t.Spec, where)
	if !ok {
		return nil // a push has brought it
	}
	k := knob{"breaker.half_open_probes", func(p *core.PlacementInfo) int64 { return int64(p.Breaker.Probes) }, func(p *core.PlacementSpec, to int64) {
		p.Breaker.Probes = uint32(to)
	}}
	x := t.turn(&p, k, int64(most), "", fmt.Sprint(most), fmt.Sprintf("what is mended is tried with %d test requests at once, before %d", most, p.Breaker.Probes))
	return []Change{{Text: x.text, apply: x.apply, price: x.price}}
}
