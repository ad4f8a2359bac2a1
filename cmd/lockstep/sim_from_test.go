package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/sim/calibrate"
)

// runBoth runs a command and returns both of its outputs, one after the other.
func runBoth(args ...string) (string, int) {
	var out, errs bytes.Buffer
	code := run(args, &out, &errs)
	return out.String() + errs.String(), code
}

// runTraces runs a scenario and returns the folder of its routers' traces.
func runTraces(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "traces")
	if out, code := runBoth("sim", "../../scenarios/"+name+".yaml", "--traces", dir); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	return dir
}

func TestAModelOfARecordingIsAsNearAsTheReadmeSays(t *testing.T) {
	for _, c := range []struct {
		scenario  string
		most      int64 // of goodput, p50 and p99, in parts per million
		failovers int64
		astray    int64
	}{
		{"limit/guests", 10_000, 10_000, 10_000},
		{"breaker/half-open-herd", 20_000, 50_000, 100_000},
		{"health/panic", 10_000, 0, 10_000},
		{"limit/priorities", 10_000, 0, 80_000},
		{"drain/rolling-upgrade", 20_000, 0, 80_000},
	} {
		out, code := runBoth("sim", "--from", runTraces(t, c.scenario), "--json")
		var r fromResult
		if err := json.Unmarshal([]byte(out), &r); code != 0 || err != nil {
			t.Fatalf("%s: exit %d, %v: %s", c.scenario, code, err, out)
		}
		for _, d := range r.Distances {
			most := int64(-1)
			switch d.Figure {
			case "goodput", "p50", "p99":
				most = c.most
			case "failovers":
				most = c.failovers
			}
			if off := max(d.Off, -d.Off); most >= 0 && off > most {
				t.Errorf("%s: %s is off by %d ppm, want at most %d", c.scenario, d.Figure, off, most)
			}
		}
		if r.Astray > c.astray {
			t.Errorf("%s: %d ppm of the good answers are astray, want at most %d", c.scenario, r.Astray, c.astray)
		}
	}
}

func TestAModelIsKeptAsAScenarioThatRuns(t *testing.T) {
	model := filepath.Join(t.TempDir(), "model.yaml")
	if out, code := runBoth("sim", "--from", runTraces(t, "limit/guests"), "-o", model, "--within", "2%"); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	if info, err := os.Stat(model); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the model holds routing keys: %v, %v", info.Mode(), err)
	}
	if out, code := runBoth("sim", model); code != 0 {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestAModelThatIsFarOffFailsItsGate(t *testing.T) {
	out, code := runBoth("sim", "--from", runTraces(t, "limit/adaptive"), "--within", "5%")
	if code != 1 || !strings.Contains(out, "goodput is off by") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestWhatFromRefusesIsSaid(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"sim", "x.yaml", "-o", "m.yaml"}, "--out and --within are of --from"},
		{[]string{"sim", "--from", "../../traces/breaker", "--within", "much"}, "write a share, such as --within 5%"},
		{[]string{"sim", "--from", "../../scenarios/limit/guests.yaml"}, "is text, not a recording"},
		{[]string{"sim", "--from", t.TempDir()}, "holds no recording"},
	} {
		if out, code := runBoth(c.args...); code != 2 || !strings.Contains(out, c.want) {
			t.Errorf("%v: exit %d, want 2 and %q: %s", c.args, code, c.want, out)
		}
	}
}

func TestARateIsRoundedNotCut(t *testing.T) {
	if got := figureText(calibrate.Rate, 105_972); got != "106.0/s" {
		t.Errorf("105.972 a second is printed as %s", got)
	}
}

func TestAFileThatRepeatsStepsOfARecordingIsRefused(t *testing.T) {
	dir := t.TempDir()
	log := `{"time":"1795731392.260","request_uri":"/","status":"200","request_time":"0.001","upstream_addr":"10.0.0.1:80","upstream_status":"200"}` + "\n"
	write(t, filepath.Join(dir, "access.json"), log)
	first, again := filepath.Join(dir, "first.lst"), filepath.Join(dir, "again.lst")
	if out, code := runBoth("import", "nginx-json", filepath.Join(dir, "access.json"), "-o", first); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	data, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	write(t, again, string(data))
	out, code := runBoth("sim", "--from", first, again)
	if want := "holds steps 1 to 3 of the same recording"; code != 2 || !strings.Contains(out, want) {
		t.Errorf("exit %d, want 2 and %q: %s", code, want, out)
	}
}

// TestASuccessorIsARouterOfItsOwn: after a hot upgrade its recording has its
// predecessor's header and counts its steps anew; nothing in it is a repeat.
func TestASuccessorIsARouterOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	log := `{"time":"1795731392.260","request_uri":"/","status":"200","request_time":"0.001","upstream_addr":"10.0.0.1:80","upstream_status":"200"}` + "\n"
	write(t, filepath.Join(dir, "access.json"), log)
	rec := filepath.Join(dir, "rec")
	if err := os.Mkdir(rec, 0o700); err != nil {
		t.Fatal(err)
	}
	first := filepath.Join(rec, "20261126T120000.000Z-000001.lst")
	if out, code := runBoth("import", "nginx-json", filepath.Join(dir, "access.json"), "-o", first); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	data, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(rec, "20261126T120130.000Z-000001.lst"), string(data))
	out, code := runBoth("sim", "--from", rec)
	if code != 0 || !strings.Contains(out, "of 2 recordings in 2 files") {
		t.Errorf("exit %d: %s", code, out)
	}
}
