package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReportDrawsAnyTraceAsOneFile(t *testing.T) {
	recording := recorded(t)
	for name, args := range map[string][]string{
		"a recording":      {recording},
		"its folder":       {filepath.Dir(recording)},
		"golden vectors":   {"../../traces/limit/full-is-429.ndjson", "../../traces/retry/a-budget-ends-retries.ndjson"},
		"a part":           {"../../traces/limit/full-is-429.ndjson", "--from", "1s", "--to", "3s"},
		"a small page":     {"../../traces/limit/full-is-429.ndjson", "--requests", "1"},
		"a title in front": {"--title", "Tuesday", recording},
	} {
		page := filepath.Join(t.TempDir(), "page.html")
		code, out, errs := lockstep(append([]string{"report", "-o", page}, args...)...)
		if code != exitOK || !strings.Contains(out, page) || errs != "" {
			t.Errorf("%s: exit %d: %s%s", name, code, out, errs)
			continue
		}
		text, err := os.ReadFile(page)
		if err != nil || !strings.HasPrefix(string(text), "<!doctype html>") || !strings.HasSuffix(string(text), "</html>\n") {
			t.Errorf("%s: no whole page: %v", name, err)
		}
		if info, err := os.Stat(page); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: a page holds routing keys, yet its mode is %v: %v", name, info.Mode(), err)
		}
	}
}

func TestReportSaysWhatItDrewAsJSON(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	code, out, errs := lockstep("report", "../../traces/limit/full-is-429.ndjson", "-o", page, "--json")
	var got reportResult
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitOK {
		t.Fatalf("exit %d, %v: %s%s", code, err, out, errs)
	}
	if !got.OK || got.Requests != 4 || got.Kept != 4 || got.Routers != 1 || got.Sources[0].Failures != 1 || got.Bytes < 10_000 {
		t.Errorf("it says %+v", got)
	}
}

func TestReportOfADamagedRecordingIsDrawnAndFails(t *testing.T) {
	whole, err := os.ReadFile(recorded(t))
	if err != nil {
		t.Fatal(err)
	}
	path, page := filepath.Join(t.TempDir(), "cut.lst"), filepath.Join(t.TempDir(), "page.html")
	whole[len(whole)-20] ^= 1
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := lockstep("report", path, "-o", page)
	if code != exitFailed || !strings.Contains(out, "problem") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	if _, err := os.Stat(page); err != nil {
		t.Error(err)
	}
}

func TestReportRefusesWhatItCannotDo(t *testing.T) {
	golden := "../../traces/limit/full-is-429.ndjson"
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no output":     {[]string{"report", golden}, `"output" not set`},
		"no recording":  {[]string{"report", "nowhere", "-o", "x.html"}, "nowhere"},
		"no time":       {[]string{"report", golden, "-o", "x.html", "--from", "noon"}, "--from"},
		"turned round":  {[]string{"report", golden, "-o", "x.html", "--from", "3s", "--to", "2s"}, "not before"},
		"no room":       {[]string{"report", golden, "-o", "x.html", "--requests", "0"}, "--requests"},
		"many scenes":   {[]string{"sim", "../../scenarios/limit", "--report", "x.html"}, "one scenario"},
		"map and page":  {[]string{"sim", "a.yaml", "--report", "x.html", "--map", "load=50%,dip=0s"}, "none of the others can be"},
		"no such place": {[]string{"report", golden, "-o", "nowhere/x.html"}, "nowhere/x.html"},
	} {
		if code, out, errs := lockstep(c.args...); code != exitUsage || !strings.Contains(errs, c.says) {
			t.Errorf("%s: exit %d: %s%s", name, code, out, errs)
		}
	}
}

func TestSimReportDrawsTheRunWithItsFaults(t *testing.T) {
	dir := t.TempDir()
	page, traces := filepath.Join(dir, "page.html"), filepath.Join(dir, "traces")
	code, out, errs := lockstep("sim", "../../scenarios/breaker/half-open-herd.yaml", "--report", page, "--traces", traces)
	if code != exitOK {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	if code, out, errs := lockstep("report", traces, "-o", filepath.Join(dir, "again.html")); code != exitOK {
		t.Errorf("its traces cannot be drawn again: exit %d: %s%s", code, out, errs)
	}
	info, err := os.Stat(page)
	if err != nil || info.Size() < 50_000 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestFaultsOfAScenarioAreDrawn(t *testing.T) {
	s, err := loadScenario("../../scenarios/limit/guests.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	faults := faultsOf(s)
	if len(faults) == 0 || !strings.Contains(faults[0].Text, "cell-07 refuses connections") || faults[0].To <= faults[0].From {
		t.Errorf("the faults are %+v", faults)
	}
}
