package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lockstep/core"
	"lockstep/sim"
	"lockstep/sim/fuzz"
	"lockstep/sim/scenario"
)

// keep writes a finding as a scenario that `lockstep sim` runs again, and the
// trace of its run. It returns the paths.
func keep(dir string, x *fuzz.Finding) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("keeping the finding: %w", err)
	}
	f := keptScenario(x)
	base := filepath.Join(dir, f.Name)
	story, trace := base+".scenario.yaml", base+".ndjson"
	if err := os.WriteFile(story, []byte(scenario.Text(f)), 0o644); err != nil {
		return nil, fmt.Errorf("keeping the finding: %w", err)
	}
	observe, finish, err := traceTo(trace, f)
	if err != nil {
		return nil, err
	}
	sim.Run(x.Smallest().Plan, sim.Options{Observe: observe})
	return []string{story, trace}, finish()
}

// keptScenario is a finding as a scenario: its expectation is the broken property.
func keptScenario(x *fuzz.Finding) *scenario.File {
	plan := x.Smallest().Plan
	if plan.Window == 0 {
		plan.Window = core.Second
	}
	f := scenario.FromPlan(&plan)
	f.Name = fmt.Sprintf("%s-%s", x.Property, x.Case.Recipe)
	if x.WhatIf != "" {
		f.Name = strings.Map(nameRune, x.Property+" "+x.WhatIf)
	}
	f.ModelledOn = "lockstep fuzz"
	f.Why = x.Sentence
	f.Property = x.Property
	e := scenario.Expectation{Name: "not broken", Placement: x.Where}
	if x.Lost != "" {
		f.Name = x.Property + "-" + strings.NewReplacer("/", "-", " ", "-", ":", "-").Replace(x.Lost)
		e.From = scenario.Span(plan.Faults[0].At)
	}
	if x.Drill != nil {
		f.Expect = []scenario.Expectation{drillExpectation(x)}
		return f
	}
	switch {
	case x.Property == fuzz.NMinusOne:
		e.Placement, e.From, e.Refused = "", scenario.Span(x.At), scenario.AtMost(0)
	case x.Broken.Kind == fuzz.SurviveLoss:
		e.Placement, e.From, e.Failed = "", scenario.Span(x.At), scenario.AtMost(int64(x.Allowed))
	case x.Broken.Kind == fuzz.Available:
		e.Placement, e.From, e.To, e.Failed = "", 0, scenario.Span(plan.Faults[0].At), scenario.AtMost(int64(x.Allowed))
	case x.Broken.Kind == fuzz.Latency:
		e.Placement, e.From, e.P99 = "", scenario.Span(x.At), scenario.NoLonger(x.Broken.Latency)
		if x.Broken.Lose.Count == 0 {
			e.From, e.To = 0, scenario.Span(plan.Faults[0].At)
		}
	case x.Broken.Kind == fuzz.HomeFirst:
		e.HomeRefused = scenario.AtMost(int64(x.Allowed))
	case x.Broken.Kind == fuzz.TestRequests:
		e.ProbesAtOnce = scenario.AtMost(int64(x.Broken.Most))
	default:
		e.Placement, e.Requests = "", scenario.AtLeast(0) // what broke is a safety property, which is always judged
	}
	f.Expect = []scenario.Expectation{e}
	return f
}

// nameRune makes a file's name of words.
func nameRune(r rune) rune {
	if r == ' ' || r == '/' || r == ',' {
		return '-'
	}
	return r
}

// drillExpectation is what a drill asks for, as a scenario says it.
func drillExpectation(x *fuzz.Finding) scenario.Expectation {
	e := scenario.Expectation{Name: "not broken", Placement: x.Where, From: scenario.Span(x.At)}
	switch {
	case x.Drill.Property == fuzz.StatedPeak:
		e.Failed = scenario.AtMost(0)
	case x.Drill.Property == fuzz.LeavesFailing:
		e.Failed = scenario.AtMost(int64(x.Allowed))
	case x.Drill.Property == fuzz.RetriesBounded:
		e.Served = scenario.AtMost(int64(x.Allowed)) // attempts, retries among them
	case x.Endpoint != "":
		e.Endpoint, e.Served = x.Endpoint, scenario.AtLeast(1)
	case x.Drill.Property == fuzz.ReturnsMended:
		e.Failovers = scenario.AtMost(0)
	default:
		e.Refused = scenario.AtMost(0)
	}
	return e
}
