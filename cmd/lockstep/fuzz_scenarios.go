package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"lockstep/core"
	"lockstep/sim"
	"lockstep/sim/fuzz"
	"lockstep/sim/scenario"
)

// about reads the scenarios of --scenarios that judge changes of a configuration.
func (s *search) about(config string, r *fuzzResult) (err error) {
	if s.scenarios, err = scenariosAbout(config, s.flags.scenarios); len(s.flags.scenarios) > 0 {
		r.scenarios = fmt.Sprintf(", %d scenarios about this file", len(s.scenarios))
	}
	return err
}

// scenariosAbout reads the scenarios that name a configuration file as theirs,
// for judging changes of it. One with a configuration of its own, or that fails
// as it is, can say nothing about a change, and is left out.
func scenariosAbout(config string, args []string) (list []fuzz.Scenario, err error) {
	if len(args) == 0 {
		return nil, nil
	}
	paths, err := scenarioPaths(args)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		s, err := loadScenario(path, nil)
		if err != nil {
			return nil, err
		}
		name, ok := s.file.Config.(string)
		if !ok {
			continue
		}
		if same, err := sameFile(filepath.Join(filepath.Dir(path), name), config); err != nil || !same {
			continue // it was read a moment ago, under the name of the scenario
		}
		if broken, err := s.breaks(func(spec core.Spec) core.Spec { return spec }); err != nil {
			return nil, fmt.Errorf("running %s: %w", path, err)
		} else if broken != "" {
			continue
		}
		list = append(list, fuzz.Scenario{Name: s.file.Name, Breaks: func(change func(core.Spec) core.Spec) string {
			broken, err := s.breaks(change)
			if err != nil {
				return err.Error()
			}
			return broken
		}})
	}
	return list, nil
}

// breaks runs a scenario with a change of its configuration, in what it pushes
// as well, and says which expectation fails.
func (s *scenarioRun) breaks(change func(core.Spec) core.Spec) (string, error) {
	plan := *s.plan
	plan.Spec, plan.Pushes = change(plan.Spec), slices.Clone(plan.Pushes)
	for i := range plan.Pushes {
		if p := &plan.Pushes[i]; p.Spec != nil {
			spec := change(*p.Spec)
			p.Spec = &spec
		}
	}
	v, err := scenario.Judge(s.file, &plan, "", sim.Options{})
	if err != nil {
		return "", err
	}
	for _, c := range v.Checks {
		if !c.OK {
			return fmt.Sprintf("%s: %s is %s, wanted %s", c.Expectation, c.Figure, c.Got, c.Wanted), nil
		}
	}
	return "", nil
}
