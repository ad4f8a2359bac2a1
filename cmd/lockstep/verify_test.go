package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lockstep/core"
)

// weak is a configuration that keeps few promises; a test adds them.
const weak = `lockstep: 1
include: [tenants.csv]
facts: {routers: 1}
defaults:
  health: {every: 400ms, timeout: 200ms}
  timeouts: {response_header: 1s}
  breaker: {consecutive_failures: 5, open: 2s, half_open_probes: 3, half_open_successes: 3}
  limit: {in_flight: 6}
placements:
  cell-a: {labels: {region: eu, kind: cell}, endpoints: {a: {url: "http://10.1.0.1:80"}}, fallback: [shared]}
  cell-b: {labels: {region: eu, kind: cell}, endpoints: {a: {url: "http://10.1.0.2:80"}}, fallback: [shared]}
  shared: {labels: {region: us}, endpoints: {a: {url: "http://10.1.9.1:80"}}, fallback: none}
must:
`

// incident is a run of it: a cell refuses, and later the other hangs.
const incident = `scenario: 1
name: incident
modelled_on: a bad day
why: a cell refuses, later the other hangs
property: what is promised is judged
config: router.yaml
length: 60s
seed: 1
clients:
  - {name: all, rate: 300, poisson: true}
backend: {service: {shape: exponential, typical: 20ms}}
faults:
  - {at: 10s, for: 20s, placement: cell-a, do: refuse}
  - {at: 45s, for: 5s, placement: cell-b, do: hang}
expect:
  - {name: some, requests: "> 100"}
`

// writeIncident writes the configuration with its promises, one a line, and the scenario beside it.
func writeIncident(t *testing.T, must ...string) (config, scenario string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"router.yaml": weak + "  " + strings.Join(must, "\n  ") + "\n", "incident.yaml": incident,
		"tenants.csv": "key,placement,region\na,cell-a,eu\nb,cell-b,eu\nc,shared,us\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "router.yaml"), filepath.Join(dir, "incident.yaml")
}

// recordIncident runs the incident and returns its trace.
func recordIncident(t *testing.T, name string) string {
	t.Helper()
	_, scenario := writeIncident(t, "any: {recovers_within: 1h}")
	trace := filepath.Join(t.TempDir(), name)
	if code, said := says("sim", scenario, "--trace", trace); code != exitOK {
		t.Fatal(said)
	}
	return trace
}

// pledges are promises that the incident keeps and breaks, in a simulated run and in its recording.
var pledges = []struct{ kept, broken string }{
	{"{lose: any 1 placement, availability: 50%, within: 5s}", "{lose: any 1 placement, availability: 99.9%, within: 5s}"},
	{"{lose: any 2 placements, availability: 50%, within: 5s}", "{lose: any 2 placements, availability: 99.9%, within: 5s}"},
	{"{lose: any 1 endpoint, availability: 50%, within: 5s}", "{lose: any 1 endpoint, availability: 99.9%, within: 5s}"},
	{"{lose: any 1 placement, p99: 1s, within: 5s}", "{lose: any 1 placement, p99: 50ms, within: 5s}"},
	{"{availability: 70%}", "{availability: 99.99%}"},
	{"{p99: 1s, keys: {region: eu}}", "{p99: 50ms, keys: {region: eu}}"},
	{"{home_refused_because_of_guests: 50%}", "{home_refused_because_of_guests: 0.1%}"},
	{"{keys: {region: us}, served_by: {region: us}}", "{keys: {region: eu}, served_by: {region: eu}}"},
	{"{placements: {kind: cell}, guests: none}", "{placements: {region: us}, guests: none}"},
	{"{half_open_probes: 3}", "{half_open_probes: 2}"},
	{"{fails_over_within: 3s}", "{fails_over_within: 100ms}"},
	{"{recovers_within: 4s}", "{recovers_within: 200ms}"},
	{"{in_flight: {placement: shared, at_most: 6}}", "{in_flight: {placement: shared, at_most: 5}}"},
	{"{health_probes_per_second: 3}", "{health_probes_per_second: 2}"},
}

func TestARecordingKeepsAndBreaksEachPromiseInBothForms(t *testing.T) {
	for _, name := range []string{"rec.lst", "rec.ndjson"} {
		trace := recordIncident(t, name)
		for _, c := range pledges {
			config, _ := writeIncident(t, "it: "+c.kept)
			if code, said := says("verify", trace, "-c", config); code != exitOK || !strings.Contains(said, "holds       it  ") {
				t.Errorf("%s %s: exit %d: %s", name, c.kept, code, said)
			}
			config, _ = writeIncident(t, "it: "+c.broken)
			code, said := says("verify", "-c", config, trace)
			if code != exitFailed || !strings.Contains(said, "broken      it  ") {
				t.Errorf("%s %s: exit %d: %s", name, c.broken, code, said)
				continue
			}
			again := regexp.MustCompile(`lockstep (explain \S+ --step \d+)`).FindStringSubmatch(said)
			if again == nil {
				t.Errorf("%s: how to explain it is not said: %s", c.broken, said)
			} else if code, said := says(strings.Fields(again[1])...); code != exitOK {
				t.Errorf("%s: exit %d: %s", again[1], code, said)
			}
		}
	}
}

func TestAScenarioHoldsThePromisesOfItsConfiguration(t *testing.T) {
	for _, c := range pledges {
		_, scenario := writeIncident(t, "it: "+c.kept)
		if code, said := says("sim", "-v", scenario); code != exitOK || !strings.Contains(said, "holds  must it: ") {
			t.Errorf("%s: exit %d: %s", c.kept, code, said)
		}
		_, scenario = writeIncident(t, "it: "+c.broken)
		if code, said := says("sim", scenario); code != exitFailed || !strings.Contains(said, "FAILS  must it: ") {
			t.Errorf("%s: exit %d: %s", c.broken, code, said)
		}
	}
	_, scenario := writeIncident(t, "it: {placements: {kind: nowhere}, guests: none}")
	if code, said := says("sim", "-v", scenario); code != exitOK || !strings.Contains(said, "not judged  must it: those placements served no request") {
		t.Errorf("exit %d: %s", code, said)
	}
}

func TestAConfigurationInAScenarioMayIncludeTheRegionsItPromises(t *testing.T) {
	_, scenario := writeIncident(t, "it: {keys: {region: eu}, served_by: {region: eu}}")
	text := "  " + strings.ReplaceAll(strings.TrimSpace(weak), "\n", "\n  ") + "\n    it: {keys: {region: eu}, served_by: {region: eu}}"
	inline := strings.Replace(incident, "config: router.yaml", "config:\n"+text, 1)
	if err := os.WriteFile(scenario, []byte(inline), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := says("sim", scenario); code != exitFailed || !strings.Contains(said, "FAILS  must it: ") {
		t.Errorf("exit %d: %s", code, said)
	}
}

func TestDamageAndAnotherConfigurationAreSaidAndTheRestIsJudged(t *testing.T) {
	trace := recordIncident(t, "rec.lst")
	b, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 0x10
	flipped := filepath.Join(t.TempDir(), "flipped.lst")
	if err := os.WriteFile(flipped, b, 0o600); err != nil {
		t.Fatal(err)
	}
	config, _ := writeIncident(t, "it: {availability: 70%}")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(strings.Replace(string(text), "in_flight: 6", "in_flight: 7", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	code, said := says("verify", flipped, trace, "-c", config)
	for _, want := range []string{"damage ", "CRC", "events missing", "holds       it", "note        decided by configuration"} {
		if code != exitFailed || !strings.Contains(said, want) || strings.Contains(said, "no gap") {
			t.Errorf("exit %d, %q is not said: %s", code, want, said)
		}
	}
}

func TestWhatARecordingIsHeldToIsSaidAsJSON(t *testing.T) {
	trace := recordIncident(t, "rec.lst")
	config, _ := writeIncident(t, "bad: {availability: 99.99%}", "good: {half_open_probes: 3}", "never: {in_flight: {placement: cell-a, at_most: 5}}")
	code, said := says("verify", trace, "--json", "-c", config)
	var got verifyResult
	if err := json.Unmarshal([]byte(said), &got); err != nil || code != exitFailed || got.OK || !got.Replay.OK || len(got.Recordings) != 1 {
		t.Fatalf("exit %d, %v: %s", code, err, said)
	}
	r := &got.Recordings[0]
	if p := r.Promises; len(p) != 3 || p[0].State != "broken" || p[0].First == nil || p[0].First.Key == "" || p[1].State != "holds" || !r.Configs[0].Same {
		t.Errorf("%+v", r)
	}
	if _, text := says("verify", trace, "-c", config); !slices.Equal(got.Itself, []string{"never"}) || !strings.Contains(text, "alone breaks never: lockstep check") {
		t.Errorf("%v: %s", got.Itself, text)
	}
}

func TestAStepIsExplainedFromItsOwnRecording(t *testing.T) {
	config, scenario := writeIncident(t, "it: {availability: 99.99%}")
	one, both := t.TempDir(), t.TempDir()
	for trace, seed := range map[string]string{filepath.Join(one, "a.lst"): "1", filepath.Join(both, "a.lst"): "1", filepath.Join(both, "b.lst"): "2"} {
		if code, said := says("sim", scenario, "--seed", seed, "--trace", trace); code == exitUsage {
			t.Fatal(said)
		}
	}
	for folder, want := range map[string][]string{one: {one}, both: {filepath.Join(both, "a.lst"), filepath.Join(both, "b.lst")}} {
		_, said := says("verify", folder, "-c", config)
		for _, source := range want {
			if !strings.Contains(said, "lockstep explain "+source+" --step") {
				t.Errorf("%s is not named: %s", source, said)
			}
		}
	}
}

func TestEachRouterOfARunIsHeldToThePromises(t *testing.T) {
	config, scenario := writeIncident(t, "it: {availability: 70%}")
	text := strings.Replace(incident, "length:", "routers: 3\nlength:", 1)
	if err := os.WriteFile(scenario, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "three")
	if code, said := says("sim", scenario, "--traces", folder); code == exitUsage {
		t.Fatal(said)
	}
	_, said := says("verify", folder, "-c", config, "--json")
	var got verifyResult
	if err := json.Unmarshal([]byte(said), &got); err != nil || len(got.Recordings) != 3 {
		t.Fatalf("%v: %s", err, said)
	}
	sum := uint64(0)
	for _, r := range got.Recordings {
		sum += r.Requests
	}
	if sum != got.Replay.Requests || sum == 0 {
		t.Errorf("%d requests are judged of %d", sum, got.Replay.Requests)
	}
}

func TestStepsThatComeTooLateAreNotJudgedAndThatIsSaid(t *testing.T) {
	v := verifier{now: &recording{}}
	for _, c := range []struct {
		step   uint64
		judged bool
		late   uint64
	}{{10, true, 0}, {11, true, 0}, {20, true, 0}, {9, false, 1}, {10, false, 1}, {15, false, 2}, {20, false, 2}, {21, true, 2}} {
		if got := v.now.follows(c.step); got != c.judged || v.now.late != c.late {
			t.Errorf("step %d: judged %t, %d late", c.step, got, v.now.late)
		}
	}
	var said strings.Builder
	(&verifyResult{Recordings: []recordingVerdict{{Late: 2}}, config: &core.Config{}}).print(&said)
	if !strings.Contains(said.String(), "2 events are not judged") {
		t.Error(said.String())
	}
}

func TestMistakesOfVerifyAreExplained(t *testing.T) {
	trace := recordIncident(t, "rec.lst")
	config, _ := writeIncident(t, "it: {availability: 70%}")
	bare := filepath.Join(t.TempDir(), "bare.yaml")
	if err := os.WriteFile(bare, []byte("lockstep: 1\nplacements: {a: {endpoints: {x: {url: \"http://10.0.0.1:80\"}}, fallback: none}}\nkeys: {k: a}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"promises nothing":         {"verify", trace, "-c", bare},
		"no such file":             {"verify", trace + ".gone", "-c", config},
		"holds no recording":       {"verify", t.TempDir(), "-c", config},
		"is text, not a recording": {"verify", config, "-c", config},
	} {
		if code, said := says(args...); code != exitUsage || !strings.Contains(said, want) {
			t.Errorf("%v: exit %d, %q is not said: %s", args, code, want, said)
		}
	}
}

// A recording of the real router, over real sockets: cell visa fails and is mended.
func TestARecordingOfTheRealRouterIsHeldToPromises(t *testing.T) {
	j := startJob(t, "")
	client := &http.Client{}
	defer client.CloseIdleConnections()
	visa := func(n int) (statuses map[int]int) {
		statuses = map[int]int{}
		for range n {
			statuses[j.send(client, "visa")]++
		}
		return statuses
	}
	visa(20)
	j.fault("POST", "visa", "?fail=100")
	if s := visa(20); s[500] < 5 || s[200] < 10 {
		t.Fatalf("statuses %v", s)
	}
	j.fault("DELETE", "visa", "")
	j.await("serve visa at home again", func() bool {
		before := j.lastID.Load()
		visa(1)
		return j.lastID.Load() == before
	})
	visa(20)
	rec := j.end()
	config := filepath.Join(t.TempDir(), "promises.yaml")
	for _, c := range []struct{ promise, want string }{
		{"{availability: 50%}", "holds"},
		{"{availability: 99.99%}", "broken"},
		{"{p99: 1h}", "holds"},
		{"{p99: 1us}", "broken"},
		{"{keys: {region: eu}, served_by: {region: eu}}", "not judged"}, // no CSV, no regions
		{"{placements: {kind: cell}, guests: none}", "holds"},
		{"{placements: {kind: shared}, guests: none}", "broken"},
		{"{half_open_probes: 1}", "holds"},
		{"{home_refused_because_of_guests: 0.1%}", "not judged"},
		{"{in_flight: {placement: visa, at_most: 1}}", "holds"},
		{"{in_flight: {placement: tier3, at_most: 1}}", "holds"},
		{"{health_probes_per_second: 1000}", "holds"},
		{"{health_probes_per_second: 1}", "broken"},
		{"{fails_over_within: 1h}", "holds"},
		{"{lose: any 2 placements, availability: 1%, within: 1ms}", "holds"},
		{"{lose: any 1 placement, availability: 99.9%, within: 1h}", "not judged"},
		{"{recovers_within: 1h}", "not judged"},
	} {
		text := `lockstep: 1
placements:
  visa: {labels: {kind: cell}, endpoints: {x: {url: "http://10.0.0.1:80"}}, fallback: [tier3]}
  tier1: {labels: {kind: cell}, endpoints: {x: {url: "http://10.0.0.2:80"}}, fallback: [tier3]}
  tier3: {labels: {kind: shared}, endpoints: {x: {url: "http://10.0.0.3:80"}}, fallback: none}
keys: {visa: visa, acme: tier1}
must:
  it: ` + c.promise + "\n"
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, said := says("verify", rec, "-c", config)
		if !strings.Contains(said, c.want+strings.Repeat(" ", 12-len(c.want))+"it ") || (code == exitFailed) != (c.want == "broken") {
			t.Errorf("%s: exit %d, want %s: %s", c.promise, code, c.want, said)
		}
	}
}
