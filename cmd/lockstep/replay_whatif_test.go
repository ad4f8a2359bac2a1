package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/core"
)

// guestsRecording records the scenario with the cap on guests for 20 s, and
// writes the configuration that it ran under, and one without the cap.
func guestsRecording(t *testing.T) (rec, same, other string) {
	t.Helper()
	s, err := loadScenario("../../scenarios/limit/guests.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.plan.Length = 20 * core.Second
	dir := t.TempDir()
	rec = filepath.Join(dir, "rec.lst")
	if err := os.WriteFile(rec, record(t, s.plan).files[0].Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../scenarios/limit/guests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "config:\n")
	config, _, _ := strings.Cut(after, "\nlength:")
	config = strings.ReplaceAll(strings.TrimPrefix(config, "  "), "\n  ", "\n")
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return rec, write("same.yaml", config), write("other.yaml", strings.Replace(config, ", guests: 40", "", 1))
}

func replayWhatIf(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := newReplayCommand()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.Execute()
	return out.String(), err
}

func TestReplayUnderTheSameConfigurationFindsNothing(t *testing.T) {
	rec, same, _ := guestsRecording(t)
	out, err := replayWhatIf(t, rec, "--config", same, "--gate", "changed<=0,statuses<=0,modelled<=0,unknown<=0%")
	if err != nil || !strings.Contains(out, "PASS") || !strings.Contains(out, "100.00 %") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestReplayUnderAnotherConfigurationSaysWhoChanges(t *testing.T) {
	rec, _, other := guestsRecording(t)
	out, err := replayWhatIf(t, rec, "--config", other)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"refused at cell-07, circuit_open -> cell-12", `"nordbank"`, "unknown: ", "not simulated again", "id "} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	text, err := replayWhatIf(t, "--json", rec, "--config", other)
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Requests  uint64 `json:"requests_compared"`
		Changed   uint64
		Decisions struct{ Recorded, Modelled, Unknown uint64 }
		Moves     []struct{ Requests uint64 }
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	moved := uint64(0)
	for _, m := range v.Moves {
		moved += m.Requests
	}
	if v.Changed == 0 || moved != v.Changed || v.Decisions.Recorded+v.Decisions.Modelled+v.Decisions.Unknown != v.Requests {
		t.Errorf("it does not add up: %+v", v)
	}
}

func TestAGateFailsOrRefusesToJudge(t *testing.T) {
	rec, _, other := guestsRecording(t)
	for _, c := range []struct{ gate, want string }{
		{"changed<=1%,unknown<=100%", "BROKEN"},
		{"changed<=100%,unknown<=0%", "NOT JUDGED"},
	} {
		out, err := replayWhatIf(t, rec, "--config", other, "--gate", c.gate)
		if !errors.Is(err, errFailed) || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v\n%s", c.gate, err, out)
		}
	}
	for _, args := range [][]string{{"--gate", "changed<=1%"}, {"--retries"}, {"--config", other, "--rules"}, {"--config", other, "--gate", "changed<1"}} {
		if _, err := replayWhatIf(t, append([]string{rec}, args...)...); err == nil || errors.Is(err, errFailed) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestAWhatIfOfADamagedRecordingIsNoPass(t *testing.T) {
	rec, same, _ := guestsRecording(t)
	data, err := os.ReadFile(rec)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 0x40
	if err := os.WriteFile(rec, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := replayWhatIf(t, rec, "--config", same, "--gate", "changed<=0")
	if !errors.Is(err, errFailed) || !strings.Contains(out, "NOT JUDGED") || !strings.Contains(out, "begun anew once") || strings.Contains(out, "PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAGateIsNotJudgedWhereNoRequestEnded(t *testing.T) {
	_, same, _ := guestsRecording(t)
	golden, err := os.ReadFile("../../traces/limit/full-is-429.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	first, _, found := bytes.Cut(golden, []byte(`{"decision":"forward"`))
	if !found {
		t.Fatal("nothing is forwarded")
	}
	rest, _, _ := bytes.Cut(golden[len(first):], []byte("\n"))
	path := filepath.Join(t.TempDir(), "one.ndjson")
	if err := os.WriteFile(path, append(append(first, rest...), '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := replayWhatIf(t, path, "--config", same, "--gate", "changed<=0")
	if !errors.Is(err, errFailed) || !strings.Contains(out, "NOT JUDGED  no request ended") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAWhatIfTellsWhatIsZeroAndWhatStaysInOneLine(t *testing.T) {
	rec, same, other := guestsRecording(t)
	for config, want := range map[string]string{same: "Placements   nothing changes at any of", other: "None on either side: "} {
		out, err := replayWhatIf(t, rec, "--config", config)
		if err != nil || !strings.Contains(out, want) || strings.Count(out, "\n") > 50 {
			t.Errorf("%v: not %q, or more than 50 lines:\n%s", err, want, out)
		}
	}
}

func TestReplayRulesSaysWhichRulesDecided(t *testing.T) {
	rec, _, _ := guestsRecording(t)
	out, err := replayWhatIf(t, "--rules", rec)
	if err != nil || !strings.Contains(out, "R6") || !strings.Contains(out, "Nothing is decided otherwise") {
		t.Errorf("%v\n%s", err, out)
	}
	// A recording that claims another decision, as one made under other rules would.
	printed := filepath.Join(t.TempDir(), "r.ndjson")
	golden, err := os.ReadFile("../../traces/limit/full-is-429.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(golden, []byte(`"rule":3`), []byte(`"rule":5`), 1)
	if err := os.WriteFile(printed, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err = replayWhatIf(t, "--rules", printed)
	if !errors.Is(err, errFailed) || !strings.Contains(out, "forward by R5, now R3: rule differs") {
		t.Errorf("%v\n%s", err, out)
	}
}
