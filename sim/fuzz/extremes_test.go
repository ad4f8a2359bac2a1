package fuzz

import (
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/sim"
)

// atExtremes calls visit for the cases of the first seeds that have settings at extremes.
func atExtremes(t *Target, seeds uint64, visit func(Case)) (n int) {
	for seed := range seeds {
		r := Recipe{seed}
		if c := Generate(r.Draw(), t, seed); len(c.Extremes) > 0 {
			n++
			c.Recipe = r
			visit(c)
		}
	}
	return n
}

func TestOneCaseInEightRunsAtExtremesAndEveryExtremeIsDrawn(t *testing.T) {
	target := &Target{Name: "sound", Spec: sound()}
	settings := map[string]bool{}
	n := atExtremes(target, 1600, func(c Case) {
		if _, err := core.Compile(c.Plan.Spec); err != nil {
			t.Fatalf("%v: %v", c.Extremes, err)
		}
		for _, e := range c.Extremes {
			name := strings.Fields(e)[1]
			settings[strings.TrimRight(name, ":0123456789")] = true
		}
	})
	if n < 150 || n > 250 {
		t.Errorf("%d of 1600 cases run at extremes", n)
	}
	if len(settings) < 11 {
		t.Errorf("pushed to extremes: %v", settings)
	}
}

func TestAtExtremesNoRuleIsBroken(t *testing.T) {
	target := &Target{Name: "sound", Spec: sound()}
	atExtremes(target, 600, func(c Case) {
		if o := Run(target, c.Recipe); o.Err != nil || o.Finding != nil {
			t.Errorf("%s, %v: %v %s", c.Recipe, c.Extremes, o.Err, describe(o.Finding))
		}
	})
}

func TestAtExtremesAPromiseOfTheOperatorsSettingsIsNotJudgedAndNoKeyIsBlamed(t *testing.T) {
	target := &Target{Name: "sound", Spec: sound()}
	c := Case{Extremes: []string{"cell-a breaker.half_open_probes: 8"}}
	two := sim.Result{Placements: []string{"cell-a"}, Endpoints: []sim.EndpointID{{}}, Windows: []sim.Window{{Endpoints: []sim.EndpointCounts{{PeakProbes: 2}}}}}
	if f := target.judge(&c, &two); f != nil {
		t.Errorf("judged as %s", f.Sentence)
	}
	if f := target.judge(&Case{}, &two); f == nil || f.Property != SingleProbe {
		t.Error("without extremes, two probes at once break no promise")
	}
	two.Violations = []sim.Violation{{Property: "R6", Placement: "cell-a", Key: "placements.cell-a.breaker"}}
	if f := target.judge(&c, &two); f == nil || f.Property != "R6" || f.Key != "" {
		t.Errorf("judged as %+v", f)
	}
}

func TestWhatTheOperatorsOwnSettingsShowTooIsNotReportedAtExtremes(t *testing.T) {
	target := &Target{Name: "herd", Spec: sound()}
	target.Spec.Placements[1].Breaker.Probes = 2
	own := 0
	atExtremes(target, 400, func(c Case) {
		f := target.without(&Finding{Property: SingleProbe, Case: c})
		if len(f.Case.Extremes) == 0 {
			own++
			if f.Key == "" || len(f.Case.Plan.Spec.Placements) != 3 {
				t.Errorf("%s: found %+v", c.Recipe, f)
			}
		}
	})
	if own == 0 {
		t.Error("no case shows two probes at once without its extremes")
	}
}

func TestAFaultOfTheRouterThatNeedsAnExtremeIsFoundAndToldWithIt(t *testing.T) {
	target := &Target{Name: "sound", Spec: sound(), tamper: func() sim.Tamper {
		return sim.Tamper{Decide: func(r *core.Router, _ core.Time, _ *core.Event, d *core.Decision) {
			if d.Kind == core.NoteOpened && r.Config().Placement(r.Placement(d.Placement).Index).Breaker.Probes == core.MaxProbes {
				d.Until += core.Time(core.Second)
			}
		}}
	}}
	f := search(t, target, 1000)
	if f.Property != "R6" || f.Key != "" || !strings.Contains(strings.Join(f.Case.Extremes, "; "), "half_open_probes: 8") {
		t.Errorf("found %s, key %q, at extremes %q", f.Property, f.Key, f.Case.Extremes)
	}
	t.Logf("%s found it: %v", f.Case.Recipe, f.Case.Extremes)
}
