package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"lockstep/adapters/configfile"
	"lockstep/core"
	"lockstep/sim"
	"lockstep/sim/scenario"
)

// scenarioRun is one scenario, ready to run: its file with the plan, and the
// same for its twin if it has one.
type scenarioRun struct {
	path     string
	file     *scenario.File
	config   *configfile.File // the scenario's own
	plan     *sim.Plan
	twin     *scenario.File
	twinPlan *sim.Plan
}

// loadScenario reads a scenario file. seed replaces the file's own when it is
// not nil. An error of content is a configfile.Problems.
func loadScenario(path string, seed *uint64) (*scenarioRun, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the scenario: %w", err)
	}
	s := &scenarioRun{path: path}
	o := origin{path, path, path}
	if s.file, s.config, s.plan, err = planScenario(o, data, seed); err != nil {
		return nil, err
	}
	if s.file.Twin == nil {
		return s, nil
	}
	text, err := twinText(o, data, s.file)
	if err != nil {
		return nil, err
	}
	o.name += " (twin)"
	if config, ok := s.file.Config.(string); ok {
		o.from = o.beside(config)
	}
	if s.twin, _, s.twinPlan, err = planScenario(o, []byte(text), seed); err != nil {
		return nil, behind(path, data, "twin.change", "makes a scenario that is not valid", err)
	}
	return s, nil
}

// behind puts the place that is to blame before an error in a text that only
// a merge has made.
func behind(name string, data []byte, path, what string, err error) error {
	return fmt.Errorf("%w\n\n%w", configfile.Locate(name, data, core.SpecErrors{{Path: path, What: what + "; the merged text shows why"}}), err)
}

// planScenario decodes one scenario, with its own configuration.
func planScenario(o origin, data []byte, seed *uint64) (f *scenario.File, own *configfile.File, plan *sim.Plan, err error) {
	f = &scenario.File{}
	if err := configfile.DecodeYAML(o.name, data, f); err != nil {
		return nil, nil, nil, err
	}
	if seed != nil {
		f.Seed = *seed
	}
	plan, err = f.Plan(scenario.Host{
		Load: func(config any) (core.Spec, error) {
			c, err := o.load(config, data, f.Config)
			if own == nil {
				own = c // it is read first
			}
			if c == nil {
				return core.Spec{}, err
			}
			return c.Spec, err
		},
		Tree:    o.tree,
		Compile: compileExpression,
	})
	return f, own, plan, o.located(data, err)
}

// located shows an error of scenario.File.Plan where it stands in the file.
func (o *origin) located(data []byte, err error) error {
	faults, ok := errors.AsType[core.SpecErrors](err)
	if ok {
		return configfile.Locate(o.name, data, faults)
	}
	path := "config"
	push, ofPush := errors.AsType[*scenario.ConfigError](err)
	if ofPush {
		path, err = push.Path, push.Err
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return configfile.Locate(o.name, data, core.SpecErrors{{Path: path, What: err.Error(), Hint: "the path counts from the folder of the scenario"}})
	}
	if ofPush {
		return behind(o.name, data, path, push.What, err)
	}
	return err
}

// twinText is the scenario with its twin's change merged in.
func twinText(o origin, data []byte, f *scenario.File) (string, error) {
	var whole any
	if err := configfile.DecodeYAML(o.path, data, &whole); err != nil {
		return "", err
	}
	all := whole.(map[string]any) // it has decoded into a struct before
	delete(all, "twin")
	var err error
	if all["config"], err = o.tree(all["config"]); err != nil { // a change of it needs it in place
		return "", err
	}
	var faults core.SpecErrors
	for _, p := range scenario.Idle(all, f.Twin.Change) {
		faults = append(faults, &core.SpecError{Path: "twin.change", What: "removes " + p + ", which is not there", Hint: "name what the scenario has"})
	}
	if len(faults) > 0 {
		return "", configfile.Locate(o.path, data, faults)
	}
	return scenario.Text(scenario.Merge(all, f.Twin.Change)), nil
}
