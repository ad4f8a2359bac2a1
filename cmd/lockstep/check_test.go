package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const checkConfig = `lockstep: 1
version: blue
facts: {routers: 2, peak: {a: {requests: 1000/s, latency: 100ms}}}
routes: [{unknown_key: {to: b}}]
defaults: {limit: {in_flight: 40}}
placements:
  a: {endpoints: {one: {url: "http://a:1"}, two: {url: "http://a:2", weight: 50%}}, fallback: [b]}
  b: {endpoints: {one: {url: "http://b:1"}}, limit: {guests: 0}}
keys: {k: a}
`

// check runs lockstep check on a file of that text and returns what it did, the folder's name removed.
func check(t *testing.T, text string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code = run(append([]string{"check", path}, args...), &out, &errs)
	short := func(b *bytes.Buffer) string {
		return strings.ReplaceAll(b.String(), dir+string(filepath.Separator), "")
	}
	return code, short(&out), short(&errs)
}

func TestCheckAnswersEachQuestionWithPlaces(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		args []string
		code int
		want []string // each in the output
	}{
		"sound": {checkConfig, nil, exitOK, []string{
			"OK  c.yaml   native form, version blue: 2 placements, 3 endpoints, 1 key, 2 warnings",
			"warning: c.yaml:5:12: a is too small for its own peak: 50 in flight at each router, the limit is 40",
			"warning: c.yaml:5:12: the fallbacks of a take 0 of the 50 requests",
		}},
		"broken": {strings.Replace(checkConfig, "fallback: [b]", "fallback: [c]", 1), nil, exitFailed, []string{
			"FAIL  c.yaml   1 error", `c.yaml:7:96: placements.a.fallback[0]: there is no placement named "c"`, "^", "hint: did you mean",
		}},
		"a key": {checkConfig, []string{"--explain-key", "k"}, exitOK, []string{
			`key "k" goes to a   c.yaml:9:8`, "1  a   home, reason dedicated; 40 in flight", "two http://a:2 (50%)",
			"2  b   fallback, c.yaml:7:96; 40 in flight, 0 guests",
		}},
		"an unknown key": {checkConfig, []string{"--explain-key", "x"}, exitOK, []string{
			`key "x" is unknown: the default is b   c.yaml:4:29`, "1  b   home, reason default",
		}},
		"a refused key": {strings.Replace(checkConfig, "routes", "#", 1), []string{"--explain-key", "x"}, exitOK, []string{
			`key "x" is unknown: refused with 421`,
		}},
		"effective": {checkConfig, []string{"--effective", "b"}, exitOK, []string{
			"limit.in_flight", "c.yaml:5:31", "limit.guests", "c.yaml:8:62", "default",
		}},
		"the chain of a baseline file": {
			`{"version":"v","routingTable":{"k":"a"},"defaultPlacement":"c","placements":{"a":{"url":"http://a:1","fallback":"b"},"b":{"url":"http://b:1"},"c":{"url":"http://c:1"}}}`,
			[]string{"--explain-key", "k"},
			exitOK,
			[]string{
				"baseline2 form", `key "k" goes to a   c.yaml:1:32`, "2  b   fallback, c.yaml:1:113", "3  c   fallback, c.yaml:1:60",
			},
		},
	} {
		code, out, errs := check(t, c.text, c.args...)
		if code != c.code || errs != "" {
			t.Errorf("%s: exit %d, said %q, want exit %d", name, code, errs, c.code)
		}
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: the output lacks %q:\n%s", name, want, out)
			}
		}
	}
}

func TestCheckPrintsTheSameAsJSON(t *testing.T) {
	for _, text := range []string{checkConfig, "lockstep: 2\n"} {
		code, out, _ := check(t, text, "--json", "--explain-key", "k", "--effective", "a")
		var got struct{ Files []checkResult }
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		f := got.Files[0]
		if f.OK != (code == exitOK) || f.OK == (len(f.Errors) > 0) || f.OK && (f.Key.Candidates[1].Placement != "b" || len(f.Effective) == 0) {
			t.Errorf("exit %d with %+v", code, f)
		}
	}
}

func TestCheckOfWhatCannotBeAskedIsAMisuse(t *testing.T) {
	if code, _, errs := check(t, checkConfig, "--effective", "z"); code != exitUsage || !strings.Contains(errs, `no placement named "z"`) {
		t.Errorf("exit %d, said %q", code, errs)
	}
	var out, errs bytes.Buffer
	if code := run([]string{"check", filepath.Join(t.TempDir(), "none.yaml")}, &out, &errs); code != exitUsage {
		t.Errorf("a missing file: exit %d", code)
	}
	if code := run([]string{"check"}, &out, &errs); code != exitUsage {
		t.Errorf("no file: exit %d", code)
	}
}

func TestCheckPrintsTheSchema(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"check", "--schema"}, &out, &errs); code != exitOK || !json.Valid(out.Bytes()) {
		t.Errorf("exit %d, said %q", code, errs.String())
	}
}
