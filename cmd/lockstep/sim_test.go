package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/sim"
	"lockstep/sim/fuzz"
	"lockstep/sim/scenario"
)

// scenariosDir is where the shipped scenarios are, seen from this package.
const scenariosDir = "../../scenarios"

// simJSON runs scenarios and returns their digests by name.
func simJSON(t *testing.T, seed *uint64, args ...string) map[string]string {
	t.Helper()
	var out bytes.Buffer
	if err := runSim(&out, args, simFlags{json: true, seed: seed}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	var all struct {
		Scenarios []simResult
	}
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	digests := map[string]string{}
	for _, r := range all.Scenarios {
		digests[r.Name] = r.Digest
	}
	return digests
}

func TestEveryShippedScenarioHoldsAndItsTwinFails(t *testing.T) {
	digests := simJSON(t, nil, scenariosDir+"/...")
	if len(digests) < 8 {
		t.Fatalf("only %d scenarios", len(digests))
	}
	paths, err := scenarioPaths([]string{scenariosDir + "/..."})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		s, err := loadScenario(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if s.twin == nil {
			t.Errorf("%s has no twin", path)
		}
		if name := strings.TrimSuffix(filepath.Base(path), ".yaml"); name != s.file.Name {
			t.Errorf("%s calls itself %s", path, s.file.Name)
		}
	}
}

func TestASeedDecidesTheDigest(t *testing.T) {
	dir := scenariosDir + "/limit"
	seed := uint64(7)
	once, again, other := simJSON(t, nil, dir), simJSON(t, nil, dir), simJSON(t, &seed, dir)
	for name, digest := range once {
		if again[name] != digest {
			t.Errorf("%s: %s, then %s", name, digest, again[name])
		}
		if other[name] == digest {
			t.Errorf("%s: seed 7 changed nothing", name)
		}
	}
}

const brokenScenario = `scenario: 1
name: broken
modelled_on: nothing
why: to see its mistakes
property: none
config:
  lockstep: 1
  placements:
    cell: {endpoints: {a: {url: "http://10.0.0.1:80"}}, fallback: none%s}
  keys: {acme: cell}
length: 10s
clients:
  - {name: acme, rate: 10, keys: [acme]}
faults:
  - {at: 1s, do: refuse%s}
expect:
  - {name: all well, failed: "0"%s}
`

func TestMistakesInAScenarioAreShownWhereTheyStand(t *testing.T) {
	for _, c := range []struct{ config, fault, expect, want string }{
		{"", ", placement: cel", "", ":15:"},
		{"", ", colour: red", "", ":15:"},
		{"", "", `, to: 1500ms`, ":17:"},
		{", brake: {}", "", "", ":9:"},
		{", limit: {in_flight: 5, guests: 9}", "", "", ":9:"},
	} {
		path := filepath.Join(t.TempDir(), "broken.yaml")
		text := strings.NewReplacer("none%s}", "none"+c.config+"}", "refuse%s}", "refuse"+c.fault+"}", `"0"%s}`, `"0"`+c.expect+"}").Replace(brokenScenario)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := runSim(new(bytes.Buffer), []string{path}, simFlags{})
		if err == nil || errors.Is(err, errFailed) || !strings.Contains(err.Error(), "broken.yaml"+c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestAConfigurationBesideTheScenarioIsReadAndItsTwinCanChangeIt(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("cells.yaml", `lockstep: 1
placements:
  cell: {endpoints: {a: {url: "http://10.0.0.1:80"}}, fallback: [spare]}
  spare: {endpoints: {a: {url: "http://10.0.0.2:80"}}, fallback: none}
keys: {acme: cell}
`)
	path := write("s.yaml", `scenario: 1
name: s
modelled_on: nothing
why: to see a path read
property: the spare serves
config: cells.yaml
length: 20s
clients: [{name: acme, rate: 50, keys: [acme]}]
faults: [{at: 0s, placement: cell, do: refuse}]
expect: [{name: the spare serves, from: 1s, availability: ">= 99%"}]
twin: {off: the spare, change: {config: {placements: {cell: {fallback: none}}}}, must_fail: the spare serves}
`)
	if err := runSim(new(bytes.Buffer), []string{path}, simFlags{}); err != nil {
		t.Error(err)
	}
}

func TestAKeptCaseDecidesAsTheOneFound(t *testing.T) {
	f, err := loadTarget(scenariosDir + "/configs/cells.yaml")
	if err != nil {
		t.Fatal(err)
	}
	target := targetOf(f, nil)
	for seed := range uint64(12) {
		c := fuzz.Generate(fuzz.NewSeeded(seed), target, seed)
		found := sim.Run(c.Plan, sim.Options{})
		kept := keptScenario(&fuzz.Finding{Property: "R5", Sentence: "x", Case: c, Result: found})
		_, plan, err := planScenario(origin{name: "kept"}, []byte(scenario.Text(kept)), nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if again := sim.Run(*plan, sim.Options{}); again.Digest != found.Digest {
			t.Errorf("seed %d: digest %x, kept %x", seed, found.Digest, again.Digest)
		}
	}
}
