package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"lockstep/sim"
	"lockstep/sim/fuzz"
	"lockstep/sim/scenario"
)

// scenarioSchema returns what `sim --schema` prints, compiled.
func scenarioSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var out bytes.Buffer
	cmd := newSimCommand()
	cmd.SetArgs([]string{"--schema"})
	cmd.SetOut(&out)
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(&out)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("scenario.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("scenario.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate says what an editor would of a scenario's text.
func validate(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return err
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(instance)
}

func TestTheSchemaHoldsForEveryShippedScenarioAndItsTwin(t *testing.T) {
	schema := scenarioSchema(t)
	paths, err := scenarioPaths([]string{scenariosDir + "/..."})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, schema, string(data)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		s, err := loadScenario(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, schema, scenario.Text(s.twin)); err != nil {
			t.Errorf("the twin of %s as it is written: %v", path, err)
		}
	}
}

func TestTheSchemaHoldsForWhatASearchKeeps(t *testing.T) {
	schema := scenarioSchema(t)
	f, err := loadTarget(scenariosDir + "/configs/cells.yaml")
	if err != nil {
		t.Fatal(err)
	}
	target := targetOf(f, nil)
	for seed := range uint64(50) {
		c := fuzz.Generate(fuzz.NewSeeded(seed), target, seed)
		kept := keptScenario(&fuzz.Finding{Property: "R5", Sentence: "x", Case: c, Result: sim.Run(c.Plan, sim.Options{})})
		if err := validate(t, schema, scenario.Text(kept)); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

func TestTheSchemaAndTheLoaderAgreeOnMistakes(t *testing.T) {
	schema := scenarioSchema(t)
	for _, c := range []struct {
		old, changed string
		good         bool
	}{
		{"", "", true},
		{`failed: "0"`, `failed: 0`, true},
		{`failed: "0"`, `failed: "<= 3"`, true},
		{`failed: "0"`, `availability: ">= 99.95%"`, true},
		{`failed: "0"`, `p999: "< 1m30s"`, true},
		{`failed: "0"`, `recovery_time: 0`, true},
		{"at: 1s", "at: 0", true},
		{"do: refuse", "do: slow, factor: 2.5x", true},
		{"do: refuse", "do: flaky, share: 12.5%, status: 503", true},
		{"rate: 10", `rate: 10, retry: {grow: 2x, budget: 10%}`, true},
		{"length: 10s", `{}`, false},
		{"length: 10s", "length: 10", false},
		{"at: 1s", "at: 1 second", false},
		{"do: refuse", "do: explode", false},
		{"do: refuse", "do: slow, factor: twice", false},
		{"rate: 10", "rate: -1", false},
		{"rate: 10", "rte: 10", false},
		{`failed: "0"`, `failed: "few"`, false},
		{`failed: "0"`, `failed: "1%"`, false},
		{`failed: "0"`, `availability: ">= 5"`, false},
		{`failed: "0"`, `classes: {nope: 1}`, false},
		{`failed: "0"`, `unchanged_without: luck`, false},
		{"name: broken", "", false},
		{"scenario: 1", "scenario: 2", false},
	} {
		text := strings.Replace(strings.ReplaceAll(brokenScenario, "%s", ""), c.old, c.changed, 1)
		path := filepath.Join(t.TempDir(), "s.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, loads := loadScenario(path, nil)
		if err := validate(t, schema, text); (err == nil) != c.good || (loads == nil) != c.good {
			t.Errorf("%s: the schema says %v, the loader %v", c.changed, err, loads)
		}
	}
}
