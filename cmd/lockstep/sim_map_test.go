package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mapOf runs a small map of the retry storm and returns what was printed and drawn.
func mapOf(t *testing.T, asJSON bool) (printed, drawn string) {
	t.Helper()
	var out bytes.Buffer
	svg := filepath.Join(t.TempDir(), "map.svg")
	flags := simFlags{json: asJSON, grid: mapFlags{axes: "load=50..90%,dip=0..2s", cells: "2x2", svg: svg}}
	if err := runMap(&out, []string{scenariosDir + "/load/retry-budget.yaml"}, flags); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(svg)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), string(text)
}

func TestAMapShowsThatTheBudgetIsWhatRecovers(t *testing.T) {
	printed, drawn := mapOf(t, false)
	for _, want := range []string{"\n0 of 4 cells stay down\n", "\n2 of 4 cells stay down\n", "the twin without the budget"} {
		if !strings.Contains(printed, want) {
			t.Errorf("no %q in\n%s", want, printed)
		}
	}
	if n := strings.Count(drawn, ">down</text>"); n != 2 {
		t.Errorf("%d cells are drawn as down", n)
	}
	for d := xml.NewDecoder(strings.NewReader(drawn)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAMapIsTheSameTwice(t *testing.T) {
	once, drawn := mapOf(t, true)
	again, drawnAgain := mapOf(t, true)
	if once != again || drawn != drawnAgain {
		t.Error("two maps of one scenario differ")
	}
}

func TestAxesThatMakeNoMapAreRefused(t *testing.T) {
	for _, c := range []mapFlags{
		{axes: "load=50..99%", cells: "8x6"},
		{axes: "dip=0..5s,load=50..99%", cells: "8x6"},
		{axes: "load=99..50%,dip=0..5s", cells: "8x6"},
		{axes: "load=0..50%,dip=0..5s", cells: "8x6"},
		{axes: "load=50..99%,dip=0..5", cells: "8x6"},
		{axes: "load=50..101%,dip=0..5s", cells: "8x6"},
		{axes: "load=50..99%,dip=0..5s", cells: "1x6"},
		{axes: "load=50..99%,dip=0..5s", cells: "800x6"},
	} {
		if _, err := parseAxes(&c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	for _, flag := range []string{"--map-svg=x.svg", "--map-cells=8x6"} {
		var out, problems bytes.Buffer
		if code := run([]string{"sim", scenariosDir + "/load/retry-budget.yaml", flag}, &out, &problems); code != exitUsage || !strings.Contains(problems.String(), "are of --map") {
			t.Errorf("%s without --map: exit %d: %s", flag, code, problems.String())
		}
	}
	a, err := parseAxes(&mapFlags{axes: "load=50..90%,dip=500ms..2s", cells: "3x4"})
	if err != nil || len(a.loads) != 3 || a.loads[1] != 700_000 || len(a.dips) != 4 || a.dips[1] != 1e9 {
		t.Errorf("%+v %v", a, err)
	}
}
