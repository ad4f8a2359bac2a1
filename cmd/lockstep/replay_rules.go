package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"lockstep/adapters/recordings"
	"lockstep/traces"
	"lockstep/traces/say"
	"lockstep/traces/whatif"
)

// rulesJSON is an upgrade check for machines.
type rulesJSON struct {
	OK        bool              `json:"ok"`
	Spec      string            `json:"spec"`
	Recorded  []string          `json:"recorded_under_other_specs,omitempty"`
	Events    uint64            `json:"events"`
	Decisions uint64            `json:"decisions_identical"`
	Blocks    uint64            `json:"blocks"`
	Left      uint64            `json:"blocks_left_at_a_difference"`
	Used      map[string]uint64 `json:"decisions_by_rule"`
	Changed   []ruleChangeJSON  `json:"changed"`
	First     []string          `json:"first_differences,omitempty"`
	Damage    []string          `json:"damage,omitempty"`
}

type ruleChangeJSON struct {
	Before   string `json:"rule_recorded"`
	Now      string `json:"rule_now"`
	Decision string `json:"decision_recorded,omitempty"`
	Field    string `json:"differs"`
	Times    uint64 `json:"times"`
}

// runRules is "lockstep replay --rules": which rules were used, and which decide otherwise here.
func runRules(w, stderr io.Writer, args []string, asJSON bool) error {
	all, done, err := openRecordings(args, stderr)
	if err != nil {
		return err
	}
	defer done()
	var u whatif.Upgrade
	out := rulesJSON{Spec: traces.SpecVersion, Used: map[string]uint64{}, Changed: []ruleChangeJSON{}}
	for _, r := range all {
		for _, f := range r.Faults {
			out.Damage = append(out.Damage, f.Error())
		}
		damage := len(u.Damage)
		err := feed(r, "", func(_ string, rd *traces.Reader) error { return u.Replay(rd) })
		if err != nil {
			return err
		}
		for _, d := range u.Damage[damage:] {
			out.Damage = append(out.Damage, r.Name()+": "+d.Error())
		}
	}
	out.take(&u)
	if asJSON {
		err = writeJSON(w, out)
	} else {
		out.print(w)
	}
	if err == nil && !out.OK {
		return errFailed
	}
	return err
}

func (o *rulesJSON) take(u *whatif.Upgrade) {
	o.OK = u.OK() && len(o.Damage) == 0
	o.Recorded, o.Events, o.Decisions, o.Blocks, o.Left = u.Specs, u.Facts, u.Decisions, u.Blocks, u.Skipped
	for rule, n := range u.Used {
		if n > 0 {
			o.Used[ruleName(uint8(rule))] = n
		}
	}
	for c, n := range u.Changed {
		o.Changed = append(o.Changed, ruleChangeJSON{ruleName(c.Before), ruleName(c.Now), c.BeforeKind, c.Why, n})
	}
	slices.SortFunc(o.Changed, func(a, b ruleChangeJSON) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(a.Before, b.Before), cmp.Compare(a.Now, b.Now), cmp.Compare(a.Field, b.Field))
	})
	for i := range u.First {
		o.First = append(o.First, u.First[i].String())
	}
}

// ruleName names a rule of SPEC.md; 0 is no decision at all.
func ruleName(rule uint8) string {
	if rule == 0 {
		return "none"
	}
	return fmt.Sprintf("R%d", rule)
}

func (o *rulesJSON) print(w io.Writer) {
	for _, d := range o.Damage {
		fmt.Fprintf(w, "damage     %s\n", d)
	}
	for _, s := range o.Recorded {
		fmt.Fprintf(w, "note       recorded under spec %s, replayed under %s\n", s, o.Spec)
	}
	fmt.Fprintf(w, "%s events, %s decisions identical, %s\n", say.Count(o.Events), say.Count(o.Decisions), say.Plural(int(o.Blocks), "block"))
	fmt.Fprintln(w, "\nDecisions by rule")
	for rule := range 256 {
		if n := o.Used[ruleName(uint8(rule))]; n > 0 {
			fmt.Fprintf(w, "  %-5s %14s\n", ruleName(uint8(rule)), say.Count(n))
		}
	}
	if len(o.Changed) == 0 {
		fmt.Fprintln(w, "\nNothing is decided otherwise by this program.")
		return
	}
	fmt.Fprintf(w, "\nDecided otherwise by this program (each the first of its block; the rest of %s was left out)\n", say.Plural(int(o.Left), "block"))
	for _, c := range o.Changed {
		fmt.Fprintf(w, "  %8s times  %s by %s, now %s: %s differs\n", say.Count(c.Times), cmp.Or(c.Decision, "nothing"), c.Before, c.Now, c.Field)
	}
	for _, d := range o.First {
		fmt.Fprintf(w, "\n%s", d)
	}
}

// feed gives all segments of a recording to a function.
func feed(r *recordings.Recording, name string, to func(string, *traces.Reader) error) error {
	s := r.From(recordings.Block{})
	defer s.Close()
	for {
		rd, err := s.Next()
		if rd == nil || err != nil {
			return err
		}
		if err := to(name, rd); err != nil {
			return fmt.Errorf("%s: %w", s.Segment().Path, err)
		}
	}
}
