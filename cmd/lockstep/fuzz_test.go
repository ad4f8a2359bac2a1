package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fuzzed runs a bounded search and returns what it printed.
func fuzzed(t *testing.T, path string, seeds uint64, out string) (string, error) {
	t.Helper()
	var b bytes.Buffer
	err := runFuzz(&b, &b, []string{path}, fuzzFlags{seeds: seeds, counted: true, seed: 1, jobs: 2, out: out})
	if err != nil && !errors.Is(err, errFailed) {
		t.Fatal(err)
	}
	return b.String(), err
}

func TestPlantedFlawsAreFoundAndTheKeyIsNamed(t *testing.T) {
	for _, c := range []struct{ file, property, key, mends string }{
		{"small-fallback.yaml", "N-1", "small-fallback.yaml:23:24   placements.cell-12.limit.in_flight", "cell-12 limit.in_flight: 285   holds, 100 seeds; home refused 0.0 %; guests refused 0.0 %"},
		{"no-guests.yaml", "N-1", "no-guests.yaml:24:24   placements.cell-12.limit.in_flight", "C  A and cell-07 fallback: +shared-eu   holds, 100 seeds;"},
		{"two-probes.yaml", "half-open-single-probe", "two-probes.yaml:10:68   placements.cell-07.breaker.half_open_probes", "breaker.half_open_probes: 1   holds, 100 seeds;"},
		{"home-first.yaml", "home-first", "home-first.yaml:24:5   placements.cell-12.limit.guests", "cell-12 limit.guests: 73             holds, 100 seeds; home refused 0.0 %; guests refused 51.5 %"},
		{"no-fallback.yaml", "survives-one-cell", "no-fallback.yaml:23:15   placements.cell-12.fallback", "cell-12 fallback: +shared-eu   mends this, breaks: survives-one-cell without shared-eu"},
	} {
		out := t.TempDir()
		text, err := fuzzed(t, scenariosDir+"/flawed/"+c.file, 50, out)
		if !errors.Is(err, errFailed) {
			t.Fatalf("%s: nothing was found\n%s", c.file, text)
		}
		if !strings.HasPrefix(text, "FAIL  "+c.property+" ") || !strings.Contains(text, c.key) {
			t.Errorf("%s: property or key is not named:\n%s", c.file, text)
		}
		story, changes, _ := strings.Cut(text, "Changes tried")
		if n := strings.Count(story, "\n"); n >= 20 {
			t.Errorf("%s: the story has %d lines", c.file, n)
		}
		if !strings.Contains(changes, c.mends) {
			t.Errorf("%s: %q is not among the changes:\n%s", c.file, c.mends, text)
		}
		kept, err := filepath.Glob(out + "/*.scenario.yaml")
		if err != nil || len(kept) == 0 {
			t.Fatalf("%s: kept %v, %v", c.file, kept, err)
		}
		if err := runSim(new(bytes.Buffer), kept, simFlags{}); !errors.Is(err, errFailed) {
			t.Errorf("%s: the kept scenario does not fail: %v", c.file, err)
		}
	}
}

func TestABrokenPromiseOnWhoServesIsFoundWithoutARunByFuzzAndCheck(t *testing.T) {
	path := scenariosDir + "/flawed/leaves-the-region.yaml"
	text, err := fuzzed(t, path, 50, "")
	if !errors.Is(err, errFailed) || !strings.HasPrefix(text, "FAIL  eu-stays-in-eu ") || !strings.Contains(text, ":11:25   placements.cell-07.fallback[1]") {
		t.Errorf("%v:\n%s", err, text)
	}
	var b bytes.Buffer
	if err := runCheck(&b, []string{path}, checkFlags{}); !errors.Is(err, errFailed) || !strings.Contains(b.String(), ":11:25: must eu-stays-in-eu: nordbank") {
		t.Errorf("%v:\n%s", err, b.String())
	}
}

func TestShippedConfigurationsBreakNoProperty(t *testing.T) {
	paths, err := filepath.Glob(scenariosDir + "/configs/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		if text, err := fuzzed(t, path, 20, ""); err != nil {
			t.Errorf("%s:\n%s", path, text)
		}
	}
}

func TestAnAcceptedFindingCountsAgainAfterItsLastDay(t *testing.T) {
	list := filepath.Join(t.TempDir(), "accepted.yaml")
	if err := os.WriteFile(list, []byte("- {name: N-1, owner: maria, until: 2026-12-31}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lastMoment := time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	for _, c := range []struct {
		now  time.Time
		want error
		says string
	}{
		{lastMoment, nil, "Accepted   N-1, by maria until 2026-12-31"},
		{lastMoment.Add(time.Second), errFailed, "EXPIRED    N-1, accepted by maria until 2026-12-31: it counts again"},
	} {
		var b bytes.Buffer
		flags := fuzzFlags{seeds: 2, counted: true, seed: 1, jobs: 1, acceptFile: list, now: c.now}
		err := runFuzz(&b, &b, []string{scenariosDir + "/flawed/small-fallback.yaml"}, flags)
		if !errors.Is(err, c.want) || !strings.HasPrefix(b.String(), c.says) {
			t.Errorf("at %v: %v\n%s", c.now, err, b.String())
		}
	}
}

func TestAListOfAcceptedFindingsIsReadStrictly(t *testing.T) {
	for text, says := range map[string]string{
		"- {name: N-1, owner: maria}\n":                            "entry 1 lacks",
		"- {name: N-1, owner: maria, until: soon}\n":               "is not a date",
		"- {name: N-1, owner: maria, until: 2026-12-31, why: x}\n": "no setting named",
		"name: N-1\n": "must be a list",
	} {
		path := filepath.Join(t.TempDir(), "accepted.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readAccepted(path, time.Time{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want: %s", text, err, says)
		}
	}
}

func TestAnAcceptedPropertyIsLeftOut(t *testing.T) {
	flags := fuzzFlags{seeds: 20, counted: true, seed: 1, jobs: 1, accept: []string{"half-open-single-probe"}}
	if err := runFuzz(new(bytes.Buffer), os.Stderr, []string{scenariosDir + "/flawed/two-probes.yaml"}, flags); err != nil {
		t.Error(err)
	}
}
