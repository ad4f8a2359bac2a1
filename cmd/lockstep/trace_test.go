package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// recorded writes a recording of one incident: home fails, its breaker opens,
// guests fill the fallback, which refuses its own.
func recorded(t *testing.T) string {
	t.Helper()
	c, err := core.Compile(core.Spec{
		Version: "v7",
		Keys:    []core.KeySpec{{Key: "visa", Placement: "cell-07"}, {Key: "nordbank", Placement: "cell-12"}},
		Placements: []core.PlacementSpec{
			{
				Name: "cell-07", Endpoints: []core.EndpointSpec{{Name: "a", URL: "http://10.7.1.11:80"}}, Fallback: []string{"cell-12"},
				Breaker: core.BreakerSpec{Failures: 2, Open: 5 * core.Second}, Health: core.HealthSpec{Off: true},
			},
			{Name: "cell-12", Endpoints: []core.EndpointSpec{{Name: "b", URL: "http://10.7.2.11:80"}}, Limit: core.LimitSpec{InFlight: 2}, Health: core.HealthSpec{Off: true}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rec.lst")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	r := core.New(core.Options{Seed: 1, Strict: true})
	w := traces.NewWriter(f, traces.Binary, traces.Header{Name: "incident", Seed: 1, Origin: 1_795_097_251_000_000_000}, r)
	now := core.Time(0)
	step := func(ev core.Event, req *loop.Request) core.Handle {
		now += core.Time(core.Millisecond)
		out := r.Step(now, &ev, nil)
		w.Observe(now, &ev, req, out)
		if len(out) == 0 {
			return core.Handle{}
		}
		return out[len(out)-1].Handle
	}
	get := func(key, id string) core.Handle {
		req := &loop.Request{Key: key}
		req.ID[0], req.ID[1] = traces.ParseRequestID(id)
		route, _ := c.Match(key)
		return step(core.Event{Kind: core.Arrive, Epoch: r.Epoch(), Route: route, Request: core.RequestHash(req.ID[0], req.ID[1])}, req)
	}
	step(core.Event{Kind: core.Adopt, Config: c, Origin: core.OriginControl}, nil)
	for _, id := range []string{"fails-1", "fails-2"} {
		step(core.Event{Kind: core.Finish, Handle: get("visa", id), Class: core.ConnectRefused}, nil)
	}
	guest := get("visa", "guest")
	get("visa", "guest-2")
	get("nordbank", "home")
	step(core.Event{Kind: core.Finish, Handle: guest, Status: 200, Sent: true}, nil)
	get("nordbank", "home") // the client tries again with the same id
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// lockstep runs the command and returns its exit code and what it printed.
func lockstep(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestReplayTellsIdenticalFromDivergentAndDamaged(t *testing.T) {
	path := recorded(t)
	if code, out, errs := lockstep("replay", path); code != exitOK || !strings.Contains(out, "identical, 1 block, no gap") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	if code, out, _ := lockstep("replay", filepath.Dir(path), "--json"); code != exitOK || !strings.Contains(out, `"ok":true`) {
		t.Errorf("as a folder: exit %d: %s", code, out)
	}

	printed := strings.TrimSuffix(path, ".lst") + ".ndjson"
	if code, _, errs := lockstep("convert", path, "-o", printed); code != exitOK {
		t.Fatal(errs)
	}
	text, err := os.ReadFile(printed)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(text), `"class":"limit","status":429`, `"class":"limit","status":503`, 1)
	if err := os.WriteFile(printed, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ := lockstep("replay", printed)
	if code != exitFailed || !strings.Contains(out, "divergence at step 8") || !strings.Contains(out, "status differs") {
		t.Errorf("an edited decision: exit %d: %s", code, out)
	}
	if code, out, _ = lockstep("replay", printed, "--json"); code != exitFailed || !json.Valid([]byte(out)) || !strings.Contains(out, `"field":"status"`) {
		t.Errorf("an edited decision, --json: exit %d: %s", code, out)
	}

	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	stored[len(stored)-30] ^= 1
	if err := os.WriteFile(path, stored, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := lockstep("replay", path); code != exitFailed || !strings.Contains(out, "block 1 at byte") || !strings.Contains(out, "CRC mismatch") {
		t.Errorf("a flipped bit: exit %d: %s", code, out)
	}
}

func TestConvertRefusesWhatItCannotMean(t *testing.T) {
	path := recorded(t)
	for _, c := range []struct{ output, want string }{
		{path, "give the output another name"},
		{path + ".txt", "end the name with .lst"},
	} {
		if code, _, errs := lockstep("convert", path, "-o", c.output); code != exitUsage || !strings.Contains(errs, c.want) {
			t.Errorf("-o %s: exit %d: %s", c.output, code, errs)
		}
	}
	if code, out, _ := lockstep("convert", path, "-o", "-"); code != exitOK || !strings.HasPrefix(out, `{"lockstep":1,"spec":"1","name":"incident"`) {
		t.Errorf("to standard output: exit %d: %.200s", code, out)
	}
}

func TestExplainTellsEveryRequestWithTheID(t *testing.T) {
	path := recorded(t)
	code, out, errs := lockstep("explain", path, "--request", "home")
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, errs)
	}
	for _, want := range []string{
		"2 requests carried this id",
		"2026-11-19 14:07:31.008 UTC nordbank 429 at once nothing was sent to any endpoint incident step 8",
		"Why cell-12 was full: 2 of 2 in flight, all of them guests from cell-07. Without guests it would have been empty.",
		"Key          nordbank -> cell-12, dedicated",
		"Candidates 1 cell-12 refuses: full: 2 of 2 in flight (R5)",
		`Config       epoch 0.1, version "v7"`,
		"from control_plane (step 1)",
		"not ended where what was read ends",
		"all identical; no gap; spec 1",
	} {
		if !strings.Contains(flat(out), flat(want)) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
}

func TestAFolderMeansItsSegmentsWithoutDumps(t *testing.T) {
	segment := recorded(t)
	dir := filepath.Dir(segment)
	dump := filepath.Join(dir, "dump-1.lst")
	text, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dump, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if files, err := traceFiles([]string{dir}); err != nil || len(files) != 1 || files[0] != segment {
		t.Errorf("%v, %v", files, err)
	}
	if code, out, _ := lockstep("explain", segment, dump, "--step", "8"); code != exitOK || strings.Count(out, "Candidates") != 1 {
		t.Errorf("one step in two files is not told once: exit %d: %s", code, out)
	}
	if err := os.Remove(segment); err != nil {
		t.Fatal(err)
	}
	if files, err := traceFiles([]string{dir}); err != nil || len(files) != 1 || files[0] != dump {
		t.Errorf("only dumps: %v, %v", files, err)
	}
}

func TestExplainTellsAGuestWhyItsHomeWasLeft(t *testing.T) {
	path := recorded(t)
	code, out, errs := lockstep("explain", path, "--step", "6")
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, errs)
	}
	for _, want := range []string{
		"visa 200 after 3ms sent to cell-12/b incident step 6",
		"The key's home cell-07 was left as circuit_open",
		"cell-07/a breaker opens until 14:07:36.005 after 2 failures in a row (R6)",
		"cell-12 first guest admitted, reason circuit_open (R1, R3)",
		"a  blocked by breaker: breaker open until 14:07:36.005",
		"complete after 3ms: counts as ok (R7)",
	} {
		if !strings.Contains(flat(out), flat(want)) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
	if code, _, errs := lockstep("explain", path, "--request", "nobody"); code != exitUsage || !strings.Contains(errs, `a request with id "nobody" is not among`) {
		t.Errorf("an unknown id: exit %d: %s", code, errs)
	}
}

func TestTwoRunsOfOneScenarioPartAtTheFirstStepThatDiffers(t *testing.T) {
	scenario, dir := scenariosDir+"/config/rolling-deploy.yaml", t.TempDir()
	traced := func(name string, more ...string) string {
		path := filepath.Join(dir, name)
		if code, _, stderr := lockstep(append([]string{"sim", scenario, "--traces", path}, more...)...); code != 0 {
			t.Fatal(stderr)
		}
		return path
	}
	once, again, other := traced("once"), traced("again"), traced("other", "--seed", "7")
	if code, stdout, stderr := lockstep("replay", once, "--against", again); code != 0 || !strings.Contains(stdout, "steps the same in") {
		t.Errorf("two equal runs: %d %s%s", code, stdout, stderr)
	}
	code, stdout, _ := lockstep("replay", once, "--against", other)
	if code != 1 || !strings.Contains(stdout, ".lst: first difference at step ") || !strings.Contains(stdout, `"event":"`) {
		t.Errorf("another seed: %d %s", code, stdout)
	}
	var shown struct {
		Difference struct {
			Step          uint64
			First, Second string
		}
	}
	_, stdout, _ = lockstep("replay", once, "--against", other, "--json")
	if err := json.Unmarshal([]byte(stdout), &shown); err != nil || shown.Difference.Step == 0 || shown.Difference.First == shown.Difference.Second {
		t.Errorf("%v: %s", err, stdout)
	}
	if code, _, stderr := lockstep("replay", once, "--against", filepath.Join(dir, "nowhere")); code != 2 || !strings.Contains(stderr, "nowhere") {
		t.Errorf("nothing to compare with: %d %s", code, stderr)
	}
}

func TestEachLifeOfEachRouterHasATrace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "all")
	if code, _, stderr := lockstep("sim", scenariosDir+"/config/control-plane-silence.yaml", "--traces", dir); code != 0 {
		t.Fatal(stderr)
	}
	files, err := filepath.Glob(dir + "/router-01*.lst")
	if err != nil || len(files) != 2 {
		t.Errorf("%v %v", files, err)
	}
	if code, stdout, stderr := lockstep(append([]string{"replay"}, files...)...); code != 0 {
		t.Errorf("%s%s", stdout, stderr)
	}
}
