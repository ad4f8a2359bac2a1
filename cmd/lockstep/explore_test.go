package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/sim/explore"
)

func TestExhaustiveModePrintsTheBoundThatItCovered(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--depth 4", "ok    the built-in world   no reachable state within this bound breaks R2"},
		{"--depth 4", "3 requests, to depth 4: "},
		{"--depth 4 " + scenariosDir + "/flawed/two-probes.yaml", "Reduced    cell-07: "},
		{"--depth 4 --json", `"reduced_states": `},
	} {
		var out, progress bytes.Buffer
		if code := run(append([]string{"fuzz", "--exhaustive"}, strings.Fields(c.args)...), &out, &progress); code != exitOK {
			t.Fatalf("%s: exit %d\n%s", c.args, code, progress.String())
		}
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %q is not in\n%s", c.args, c.want, out.String())
		}
		if strings.Contains(c.args, "--json") && !json.Valid(out.Bytes()) {
			t.Errorf("%s: not JSON\n%s", c.args, out.String())
		}
	}
}

func TestAnInterruptedExplorationPrintsTheBoundThatItCovered(t *testing.T) {
	interrupt := make(chan struct{})
	close(interrupt)
	var b bytes.Buffer
	if err := runExhaustive(&b, &b, nil, exploreFlags{length: time.Hour, interrupt: interrupt}); err != nil || !strings.Contains(b.String(), "3 requests, to depth 0: ") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestExhaustiveModeRefusesWhatItHasNoUseFor(t *testing.T) {
	alone := filepath.Join(t.TempDir(), "alone.yaml")
	text := "lockstep: 1\nplacements:\n  only:\n    endpoints:\n      a: {url: \"http://a:1\"}\n    fallback: none\nkeys:\n  k: only\n"
	if err := os.WriteFile(alone, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"--exhaustive --seeds 4", "--exhaustive has no use for --seeds"},
		{"--exhaustive --depth -1", "--depth is -1"},
		{"--depth 3 some.yaml", "--depth needs --exhaustive"},
		{"--exhaustive " + alone, "no placement has a fallback"},
	} {
		var out, problems bytes.Buffer
		if code := run(append([]string{"fuzz"}, strings.Fields(c.args)...), &out, &problems); code != exitUsage || !strings.Contains(problems.String(), c.want) {
			t.Errorf("%s: exit %d, %q is not in\n%s", c.args, code, c.want, problems.String())
		}
	}
}

func TestAViolationIsToldAndFails(t *testing.T) {
	var b bytes.Buffer
	broken := exploreRun{Violation: &explore.Violation{Property: "R5", Detail: "cell took more requests than in_flight"}, Story: []string{"a request for cell -> a"}}
	err := report(&b, []*exploreResult{{World: "a world", Runs: []exploreRun{broken}}}, false)
	want := "FAIL  R5   a world   cell took more requests than in_flight\n\nStory      the shortest there is\n   a request for cell -> a\n"
	if !errors.Is(err, errFailed) || b.String() != want {
		t.Errorf("%v\n%s", err, b.String())
	}
}
