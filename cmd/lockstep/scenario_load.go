package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

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
	if s.file, s.plan, err = planScenario(path, path, data, seed); err != nil {
		return nil, err
	}
	if s.file.Twin == nil {
		return s, nil
	}
	text, err := twinText(path, data, s.file)
	if err != nil {
		return nil, err
	}
	if s.twin, s.twinPlan, err = planScenario(path+" (twin)", path, []byte(text), seed); err != nil {
		return nil, behind(path, data, "twin.change", "makes a scenario that is not valid", err)
	}
	return s, nil
}

// behind puts the place that is to blame before an error in a text that only
// a merge has made.
func behind(name string, data []byte, path, what string, err error) error {
	return fmt.Errorf("%w\n\n%w", configfile.Locate(name, data, core.SpecErrors{{Path: path, What: what + "; the merged text shows why"}}), err)
}

// planScenario decodes one scenario. name stands for it in errors; path is
// what it lies at, from which the path of its configuration counts.
func planScenario(name, path string, data []byte, seed *uint64) (*scenario.File, *sim.Plan, error) {
	f := &scenario.File{}
	if err := configfile.DecodeYAML(name, data, f); err != nil {
		return nil, nil, err
	}
	if seed != nil {
		f.Seed = *seed
	}
	load := func(config any) (core.Spec, error) { return loadInline(name, path, data, config, f.Config) }
	plan, err := f.Plan(scenario.Host{Load: load, Compile: compileExpression})
	if faults, ok := errors.AsType[core.SpecErrors](err); ok {
		err = configfile.Locate(name, data, faults)
	}
	if e, ok := errors.AsType[*scenario.ConfigError](err); ok {
		err = behind(name, data, e.Path, e.What, e.Err)
	}
	return f, plan, err
}

// loadInline turns a configuration in a scenario into a Spec: own is the
// scenario's, whose faults can be shown where they stand. A configuration that
// does not compile gives its Spec too.
func loadInline(name, path string, data []byte, config, own any) (core.Spec, error) {
	var f *configfile.File
	var err error
	switch c := config.(type) {
	case string:
		f, err = configfile.Load(filepath.Join(filepath.Dir(path), c))
	case map[string]any:
		text, ok := "", false
		if mine, isMap := own.(map[string]any); isMap && reflect.ValueOf(mine).Pointer() == reflect.ValueOf(c).Pointer() {
			text, ok = onlyBlock(string(data), "config:")
		}
		if !ok {
			name, text = name+" (merged config)", scenario.Text(config)
		}
		f, err = configfile.Parse(name, []byte(text))
	default:
		err = fmt.Errorf("%s: config is neither a path nor a map", name)
	}
	if err != nil {
		return core.Spec{}, err
	}
	_, err = f.Compile()
	return f.Spec, err
}

// onlyBlock blanks all of a YAML text but the indented lines below the line
// that is key, so that they parse on their own with every place unchanged.
func onlyBlock(text, key string) (string, bool) {
	lines := strings.Split(text, "\n")
	inside, found := false, false
	for i, line := range lines {
		if line != "" && line[0] != ' ' && line[0] != '#' {
			inside = strings.TrimRight(line, " ") == key
			found = found || inside
			lines[i] = ""
		} else if !inside {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n"), found
}

// twinText is the scenario with its twin's change merged in.
func twinText(path string, data []byte, f *scenario.File) (string, error) {
	var tree any
	if err := configfile.DecodeYAML(path, data, &tree); err != nil {
		return "", err
	}
	all := tree.(map[string]any) // it has decoded into a struct before
	delete(all, "twin")
	if file, ok := all["config"].(string); ok {
		// A change of the configuration needs it in place.
		at := filepath.Join(filepath.Dir(path), file)
		text, err := os.ReadFile(at)
		if err != nil {
			return "", fmt.Errorf("reading the configuration of %s: %w", path, err)
		}
		var config any
		if err := configfile.DecodeYAML(at, text, &config); err != nil {
			return "", err
		}
		all["config"] = config
	}
	return scenario.Text(scenario.Merge(all, f.Twin.Change)), nil
}
