package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const fullVector = "../../traces/limit/full-is-429.ndjson"

func TestIncidentSaysWhatIsWrongWithHowItIsAsked(t *testing.T) {
	rows := []struct {
		args []string
		says string
	}{
		{[]string{"incident"}, "requires at least 1 arg"},
		{[]string{"incident", "nowhere"}, "there is no such file or folder"},
		{[]string{"incident", fullVector, "--from", "noon"}, `--from: "noon" is no time`},
		{[]string{"incident", fullVector, "--from", "2s", "--to", "1s"}, "--from 2s is not before --to 1s"},
		{[]string{"incident", fullVector, "-c", "nowhere.yaml"}, "nowhere.yaml"},
		{[]string{"incident", fullVector, "-o", "no/such/folder/x.md"}, "writing the draft"},
	}
	for _, row := range rows {
		var stdout, stderr bytes.Buffer
		if code := run(row.args, &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), row.says) {
			t.Errorf("%v: exit %d: %s", row.args, code, stderr.String())
		}
	}
}

func TestIncidentOfAGoldenVector(t *testing.T) {
	page := typed(t, "incident", fullVector)
	for _, want := range []string{"# Incident: visa was full and refused requests (limit)", "times count from its start", "reaches its limit: 2 of 2 in flight", "lockstep explain " + fullVector + " --step "} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
}

func TestADraftNamesTenantsSoOnlyItsOwnerReadsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "draft.md")
	if out := typed(t, "incident", fullVector, "-o", path); out != "" {
		t.Errorf("with -o it prints %q", out)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	if text, _ := os.ReadFile(path); string(text) != typed(t, "incident", fullVector) {
		t.Error("the file holds something else than what is printed")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".incident-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWithAConfigurationTheRegionOfEachTenantIsShown(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"router.yaml": "lockstep: 1\ninclude: [tenants.csv]\nplacements:\n  visa: {endpoints: {a: {url: \"http://10.0.0.1:80\"}}, fallback: none}\n",
		"tenants.csv": "key,placement,region\nvisa,visa,atlantis\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page := typed(t, "incident", fullVector, "-c", filepath.Join(dir, "router.yaml"))
	if !strings.Contains(page, "| tenant | region |") || !strings.Contains(page, "| visa | atlantis |") {
		t.Errorf("no region:\n%s", page)
	}
}

// fleetScenario is three routers whose clients try again at another one.
const fleetScenario = `scenario: 1
name: fleet
modelled_on: a bad day
why: three routers see one cell break
property: what they share bounds how far their clocks are apart
config:
  lockstep: 1
  defaults: {health: none, breaker: {consecutive_failures: 5, open: 3s, jitter: 20%}}
  placements:
    cell: {endpoints: {a: {url: "http://10.0.0.1:80"}}, fallback: [shared]}
    shared: {endpoints: {a: {url: "http://10.0.9.1:80"}}, fallback: none, limit: {in_flight: 2}}
  keys: {acme: cell}
routers: 3
length: 40s
seed: 5
clients:
  - {name: acme, rate: 300, keys: [acme], retries: 3, backoff: 100ms, patience: 1s}
backend: {workers: 10, service: {typical: 20ms}}
faults:
  - {at: 15s, for: 8s, placement: cell, do: refuse}
expect:
  - {name: somebody is served, availability: ">= 1%"}
`

// TestASimulatedFleetWithWrongClocksIsPutRight: a fleet's recordings, given wall
// clocks that are wrong by known amounts, are told with those amounts.
func TestASimulatedFleetWithWrongClocksIsPutRight(t *testing.T) {
	dir := t.TempDir()
	scenario, simulated, shifted := filepath.Join(dir, "fleet.yaml"), filepath.Join(dir, "simulated"), filepath.Join(dir, "shifted")
	if err := os.WriteFile(scenario, []byte(fleetScenario), 0o600); err != nil {
		t.Fatal(err)
	}
	typed(t, "sim", scenario, "--traces", simulated)
	if err := os.Mkdir(shifted, 0o700); err != nil {
		t.Fatal(err)
	}
	wrong := []time.Duration{0, 2500 * time.Millisecond, -800 * time.Millisecond}
	for i, by := range wrong {
		name := fmt.Sprintf("router-%02d", i+1)
		head, rest, _ := strings.Cut(typed(t, "convert", filepath.Join(simulated, name+".lst"), "-o", "-"), "\n")
		origin := time.Date(2026, 11, 19, 14, 0, 0, 0, time.UTC).Add(by).Format(time.RFC3339Nano)
		text := strings.TrimSuffix(head, "}") + `,"origin":"` + origin + "\"}\n" + rest
		if err := os.WriteFile(filepath.Join(shifted, name+".ndjson"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := draftJSON(t, shifted)
	if len(d.Clocks) != 2 {
		t.Fatalf("%d clocks: %+v", len(d.Clocks), d.Clocks)
	}
	for i, k := range d.Clocks {
		off := k.Estimate - int64(wrong[i+1])
		if !k.Applied || off > k.PlusMinus || -off > k.PlusMinus || k.PlusMinus > int64(200*time.Millisecond) {
			t.Errorf("%s is wrong by %s; the draft says %s", k.Router, wrong[i+1], k.Text)
		}
	}
	same := draftJSON(t, simulated)
	if d.Impact.Total.Refused == 0 || d.Impact.Total.Failed != same.Impact.Total.Failed || d.Title != same.Title && d.Impact.Total.Hurt() != same.Impact.Total.Hurt() {
		t.Errorf("with wrong clocks: %s\nwith one clock:    %s", d.Title, same.Title)
	}
	for _, x := range d.Decisions {
		if !strings.Contains(x.Command, "router-0") {
			t.Errorf("the command does not say which router: %s", x.Command)
		}
	}
}

func TestTheRegionOfATenantIsShownUnderItsPseudonym(t *testing.T) {
	dir := t.TempDir()
	secret, redacted := put(t, filepath.Join(dir, "secret"), hashSecret), filepath.Join(dir, "redacted")
	config := put(t, filepath.Join(dir, "router.yaml"), "lockstep: 1\ninclude: [tenants.csv]\nplacements:\n  visa: {endpoints: {a: {url: \"http://10.0.0.1:80\"}}, fallback: none}\n")
	put(t, filepath.Join(dir, "tenants.csv"), "key,placement,region\nvisa,visa,atlantis\n")
	typed(t, "redact", fullVector, "-o", redacted, "--key-file", secret)
	name := strings.TrimSpace(typed(t, "redact", "--find", "visa", "--key-file", secret))
	if page := typed(t, "incident", redacted, "-c", config, "--key-file", secret); !strings.Contains(page, "| "+name+" | atlantis |") {
		t.Errorf("no region of %s:\n%s", name, page)
	}
	other := put(t, filepath.Join(dir, "other"), strings.ToUpper(hashSecret))
	for want, args := range map[string][]string{
		"has regions of keys, has plain ones: add --key-file": {"incident", redacted, "-c", config},
		"under another secret":                                {"incident", redacted, "-c", config, "--key-file", other},
		"name it with -c":                                     {"incident", redacted, "--key-file", secret},
	} {
		if code, _, wrong := lockstep(args...); code != exitUsage || !strings.Contains(wrong, want) {
			t.Errorf("%v: exit %d, %q is not said: %s", args, code, want, wrong)
		}
	}
}

func TestADraftOfADamagedRecordingIsWrittenAndFails(t *testing.T) {
	path, _, _ := damaged(t, 12)
	file := filepath.Join(t.TempDir(), "incident.md")
	code, _, errs := lockstep("incident", path, "-o", file)
	draft, err := os.ReadFile(file)
	if code != exitFailed || err != nil || !strings.Contains(string(draft), "Not all of the recordings is there or could be read") {
		t.Errorf("exit %d, %v: %s\n%.300s", code, err, errs, draft)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".incident-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
