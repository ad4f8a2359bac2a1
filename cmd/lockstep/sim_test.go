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

// besideScenario is a scenario whose configuration is a file beside it, which
// includes its keys, which a push changes and its twin too.
var besideScenario = map[string]string{
	"configs/tenants/all.csv": "key,placement\nacme,cell\n",
	"configs/cells.yaml": `lockstep: 1
include: [tenants/*.csv]
placements:
  cell: {endpoints: {a: {url: "http://10.0.0.1:80"}}, fallback: [spare]}
  spare: {endpoints: {a: {url: "http://10.0.0.2:80"}}, fallback: none}
`,
	"s.yaml": `scenario: 1
name: s
modelled_on: nothing
why: to see a path read
property: the spare serves
config: configs/cells.yaml
length: 20s
clients: [{name: acme, rate: 50, keys: [acme]}]
faults: [{at: 0s, placement: cell, do: refuse}]
pushes:
  - {at: 5s, change: {placements: {spare: {limit: {in_flight: 100}}}}}
  - {at: 6s, config: configs/cells.yaml}
expect:
  - {name: the spare serves, from: 1s, availability: ">= 99%"}
  - {name: pushes are taken, answers: [ack, ack]}
twin: {off: the spare, change: {config: {placements: {cell: {fallback: none}}}}, must_fail: the spare serves}
`,
}

// writeBeside writes besideScenario with one replacement, and returns the scenario's path.
func writeBeside(t *testing.T, old, changed string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range besideScenario {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(text, old, changed, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "s.yaml")
}

func TestAConfigurationBesideTheScenarioIsReadAndItsTwinCanChangeIt(t *testing.T) {
	if err := runSim(new(bytes.Buffer), []string{writeBeside(t, "", "")}, simFlags{}); err != nil {
		t.Error(err)
	}
}

func TestMistakesAroundAConfigurationBesideTheScenarioNameTheirLine(t *testing.T) {
	for _, c := range []struct{ old, changed, want string }{
		{"config: configs/cells.yaml\nlength", "config: cells.yaml\nlength", "s.yaml:6:9: config: reading the configuration"},
		{"{at: 6s, config: configs/", "{at: 6s, config: conf/", "s.yaml:12:22: pushes[1].config: reading the configuration"},
		{"in_flight: 100", "in_flight: lots", "s.yaml:11:14: pushes[0].change: is a configuration that is not valid"},
		{"{limit: {in_flight: 100}}", "{limit: null}", "s.yaml:11:14: pushes[0].change: removes placements.spare.limit, which the configuration does not have"},
		{"{cell: {fallback: none}}", "{cell: {fallbck: null}}", "s.yaml:16:24: twin.change: removes config.placements.cell.fallbck, which is not there"},
		{"{cell: {fallback: none}}", "{cell: {fallbck: none}}", "s.yaml:16:24: twin.change: makes a scenario that is not valid"},
		{"at: 6s", "at: 6s, refused: nothing", "s.yaml:12:23: pushes[1].refused: is said of a configuration that is valid"},
		{"[ack, ack]", "[ack, ack], holds: acks > befor.acks", "s.yaml:15:58: expect[1].holds: unknown name befor, at character 8"},
		{"fallback: [spare]", "fallback: [spar]", "cells.yaml:4:"},
		{"scenario: 1", "lockstep: 1", "s.yaml is not a scenario"},
	} {
		err := runSim(new(bytes.Buffer), []string{writeBeside(t, c.old, c.changed)}, simFlags{})
		if err == nil || errors.Is(err, errFailed) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwanted %s", c.changed, err, c.want)
		}
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
		_, _, plan, err := planScenario(origin{name: "kept"}, []byte(scenario.Text(kept)), nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if again := sim.Run(*plan, sim.Options{}); again.Digest != found.Digest {
			t.Errorf("seed %d: digest %x, kept %x", seed, found.Digest, again.Digest)
		}
	}
}
