package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAWatchedScenarioRunsAgainWhenItsConfigurationChanges(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	config := `lockstep: 1
placements:
  cell: {endpoints: {a: {url: "http://10.0.0.1:80"}}, fallback: none}
keys: {acme: cell}
`
	write("cells.yaml", config)
	write("s.yaml", `scenario: 1
name: s
modelled_on: nothing
why: to be watched
property: none
config: cells.yaml
length: 5s
clients: [{name: acme, rate: 10, keys: [acme]}]
expect: [{name: all well, availability: "100%"}]
`)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	runs := 0
	err := watchSim(ctx, io.Discard, []string{dir}, func() error {
		switch runs++; runs {
		case 1:
			write("cells.yaml", strings.Replace(config, "10.0.0.1", "10.0.0.2", 1))
		case 2:
			stop()
		}
		return errFailed
	})
	if runs != 2 || !errors.Is(err, errFailed) {
		t.Errorf("%d runs, %v", runs, err)
	}
}

func TestWhatIsWatchedAreScenariosTheirNeighboursAndConfigurations(t *testing.T) {
	got, err := watched([]string{scenariosDir + "/..."})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"load/retry-budget.yaml", "load/*.yaml"} {
		if !slices.Contains(got, filepath.Join(scenariosDir, want)) {
			t.Errorf("%s is not among %v", want, got)
		}
	}
}

func TestConfigurationsAreWatchedWhereTheyAreBrokenToo(t *testing.T) {
	path := writeBeside(t, "{at: 6s, config: configs/cells.yaml}", "{at: 6s, config: configs/missing.yaml}")
	got, err := watched([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"s.yaml", "configs/cells.yaml", "configs/tenants/*.csv", "configs/missing.yaml"} {
		if !slices.Contains(got, filepath.Join(filepath.Dir(path), want)) {
			t.Errorf("%s is not among %v", want, got)
		}
	}
}
