package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEachLossIsARow(t *testing.T) {
	for _, c := range []struct {
		file  string
		wants []string
		fails bool
	}{
		{"configs/cells.yaml", []string{"without cell-visa  holds\n", "without cell-acme  holds\n", "without shared     skipped"}, false},
		{"flawed/small-fallback.yaml", []string{"without bookings  breaks", "placements.spare.limit.in_flight"}, true},
		{"limit/guests.yaml", []string{"without cell-07  breaks", "open-loop clients"}, true},
		{"config/residency.yaml", []string{"without eu-cell    holds\n"}, false},
	} {
		var out bytes.Buffer
		err := runLose(&out, []string{scenariosDir + "/" + c.file}, simFlags{lose: "each-placement"})
		if c.fails != errors.Is(err, errFailed) || !c.fails && err != nil {
			t.Errorf("%s: %v", c.file, err)
		}
		for _, want := range c.wants {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %q in\n%s", c.file, want, out.String())
			}
		}
	}
}

func TestALossCannotBeJudgedWithoutALoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cells.yaml")
	text := `lockstep: 1
placements:
  cell: {endpoints: {a: {url: "http://10.0.0.1:80"}}, fallback: none}
keys: {acme: cell}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	err := runLose(new(bytes.Buffer), []string{path}, simFlags{lose: "each-placement"})
	if err == nil || !strings.Contains(err.Error(), "facts.peak") {
		t.Error(err)
	}
	if err := runLose(new(bytes.Buffer), []string{path}, simFlags{lose: "all"}); err == nil {
		t.Error("--lose all was taken")
	}
}

func TestTheLoadOfAScenarioIsThatOfItsClients(t *testing.T) {
	s, err := loadScenario(scenariosDir+"/limit/guests.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	peak := targetOfPlan(s.plan).Facts.Peak
	if len(peak) != 2 || peak["cell-07"].PerSecond != 600 || peak["cell-12"].PerSecond != 480 || peak["cell-12"].Latency != 250e6 {
		t.Errorf("%+v", peak)
	}
}
