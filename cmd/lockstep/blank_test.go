package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"lockstep/adapters/configfile"
	"lockstep/core"
	"lockstep/sim"
	"lockstep/sim/scenario"
)

// blanked calls visit with every tree that tree is when one value in it, at any
// depth, is blank or gone.
func blanked(tree any, visit func(where string, changed any)) {
	m, ok := tree.(map[string]any)
	if !ok {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		with := func(v any) any {
			c := maps.Clone(m)
			c[k] = v
			return c
		}
		for what, v := range map[string]any{"text": "", "a map": map[string]any{}, "a list": []any{}, "zero": "0"} {
			visit(k+" as "+what, with(v))
		}
		gone := maps.Clone(m)
		delete(gone, k)
		visit(k+" gone", gone)
		blanked(m[k], func(where string, changed any) { visit(k+"."+where, with(changed)) })
	}
}

// TestABlankAnywhereIsAdoptedOrRefused is the scenario blank-fields for every
// field of every shipped configuration: a fleet under load is pushed each.
func TestABlankAnywhereIsAdoptedOrRefused(t *testing.T) {
	paths, err := filepath.Glob(scenariosDir + "/configs/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal(err)
	}
	adopted, refused := 0, 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var tree any
		if err := configfile.DecodeYAML(path, text, &tree); err != nil {
			t.Fatal(err)
		}
		f, err := configfile.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		plan := sim.Plan{Name: path, Length: core.Second, Spec: f.Spec, Clients: []sim.Client{{Name: "all", Rate: 50}}}
		plan.Spec.Keys = plan.Spec.Keys[:min(len(plan.Spec.Keys), 20)]
		blanked(tree, func(where string, changed any) {
			pushed, err := configfile.ParseBeside(path, path, []byte(scenario.Text(changed)))
			if err != nil {
				refused++
				return
			}
			spec := pushed.Spec
			spec.Keys = spec.Keys[:min(len(spec.Keys), 20)]
			plan.Pushes = []sim.Push{{At: core.Time(core.Second / 2), Spec: &spec}}
			switch r := sim.Run(plan, sim.Options{Check: true}); {
			case r.Err != nil || r.Violated > 0 || len(r.Answers) != 2:
				t.Errorf("%s with %s: %v, %d answers, violations %v", path, where, r.Err, len(r.Answers), r.Violations)
			case r.Answers[1].Kind == core.Ack:
				adopted++
			default:
				refused++
			}
		})
	}
	if adopted < 100 || refused < 100 {
		t.Errorf("%d adopted, %d refused: too few to mean anything", adopted, refused)
	}
	t.Logf("%d adopted, %d refused", adopted, refused)
}
