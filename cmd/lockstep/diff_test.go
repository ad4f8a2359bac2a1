package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"lockstep/adapters/configdiff"
)

const diffData = "../../adapters/configdiff/testdata/"

// runLockstep runs a command and returns what it did.
func runLockstep(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestDiffsExitCodeIsItsVerdict(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old := write("old.yaml", "lockstep: 1\nversion: v1\nplacements: {a: {endpoints: {x: {url: \"http://a:1\"}}}, b: {endpoints: {x: {url: \"http://b:1\"}}}}\nkeys: {k: a, l: b}\n")
	moved := write("moved.yaml", "lockstep: 1\nversion: v2\nplacements: {a: {endpoints: {x: {url: \"http://a:1\"}}}, b: {endpoints: {x: {url: \"http://b:1\"}}}}\nkeys: {k: b, l: b}\n")
	broken := write("broken.yaml", "lockstep: 1\nversion: v2\nplacements: {a: {endpoints: {x: {url: \"http://a:1\"}}}}\nkeys: {k: c}\n")
	golden := write("golden.yaml", "expect: 1\nrequests: [{key: k, want: {placement: a}}]\n")
	for name, c := range map[string]struct {
		args []string
		code int
		want string // in what is printed or said
	}{
		"the same":             {[]string{old, old}, exitOK, "no decision changes"},
		"moved":                {[]string{old, moved}, exitOK, "1 of 2 keys (50.0%) get other candidates"},
		"flags before files":   {[]string{"--fail-on", "rerouted:10%", old, moved}, exitFailed, "--fail-on rerouted:10%: 50% of the keys get other candidates"},
		"within the limit":     {[]string{old, moved, "--fail-on", "rerouted:50%,removed:0%"}, exitOK, "passes"},
		"golden holds":         {[]string{old, old, "--expect", golden}, exitOK, "of 1 golden request 1 hold, 0 fail"},
		"golden fails":         {[]string{old, moved, "--expect", golden}, exitFailed, `golden request "key k" fails (it held before): placement: wanted a, got b`},
		"too little exercised": {[]string{old, old, "--expect", golden, "--fail-under", "90%"}, exitFailed, "less than --fail-under 90%"},
		"an unknown limit":     {[]string{old, moved, "--fail-on", "speed"}, exitUsage, "is not a limit; write one of rerouted:SHARE"},
		"a bad new file":       {[]string{old, broken}, exitUsage, `there is no placement named "c"`},
		"no such file":         {[]string{old, filepath.Join(dir, "none")}, exitUsage, "no such file"},
		"one file":             {[]string{old}, exitUsage, "accepts 2 arg"},
		"an unknown format":    {[]string{old, old, "--format", "pdf"}, exitUsage, "write text, markdown or json"},
		"a share without file": {[]string{old, old, "--fail-under", "5%"}, exitUsage, "name their file with --expect"},
	} {
		code, out, errs := runLockstep(append([]string{"diff"}, c.args...)...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%s: exit %d, want %d and %q:\n%s%s", name, code, c.code, c.want, out, errs)
		}
	}
}

func TestDiffPrintsTheSameAsJSONAndAsAComment(t *testing.T) {
	args := []string{"diff", diffData + "old.yaml", diffData + "new.yaml", "--expect", diffData + "golden.yaml"}
	code, out, _ := runLockstep(append(args, "--json")...)
	var r configdiff.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitFailed {
		t.Fatalf("exit %d: %v", code, err)
	}
	if r.Passed() || r.Expect.Failed != 2 || r.Effect != configdiff.EffectRoutes {
		t.Errorf("%+v", r)
	}
	code, comment, _ := runLockstep(append(args, "--format", "markdown")...)
	if code != exitFailed || !strings.HasPrefix(comment, "### lockstep diff: ❌ FAIL") || strings.Count(comment, "<details>") != strings.Count(comment, "</details>") {
		t.Errorf("exit %d:\n%s", code, comment)
	}
}

func TestCheckWritesGoldenRequestsThatHoldAndKeepsAFileThatIsThere(t *testing.T) {
	golden := filepath.Join(t.TempDir(), "golden.yaml")
	config := diffData + "old.yaml"
	if code, out, errs := runLockstep("check", config, "--write-expect", golden); code != exitOK || !strings.Contains(out, "read it before you rely on it") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	if code, _, errs := runLockstep("check", config, "--write-expect", golden); code != exitUsage || !strings.Contains(errs, "is there already") {
		t.Errorf("exit %d: %s", code, errs)
	}
	if code, out, _ := runLockstep("check", config, "--expect", golden, "--fail-under", "90%"); code != exitOK || !strings.Contains(out, "0 fail") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if code, out, _ := runLockstep("check", diffData+"new.yaml", "--expect", golden); code != exitFailed || !strings.Contains(out, "FAIL") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if code, out, _ := runLockstep("check", config, "--expect", golden, "--json"); code != exitOK || !strings.Contains(out, `"coverage"`) {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

func TestTheSchemaOfGoldenRequestsTakesWhatTheReaderTakes(t *testing.T) {
	_, text, _ := runLockstep("diff", "--schema")
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("expect.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("expect.json")
	if err != nil {
		t.Fatal(err)
	}
	_, drafted, _ := runLockstep("check", "../../adapters/configfile/testdata/good/routes.yaml", "--write-expect", "-")
	sample, err := os.ReadFile(diffData + "golden.yaml")
	if err != nil {
		t.Fatal(err)
	}
	request := func(fields string) string { return "expect: 1\nrequests: [{" + fields + "}]\n" }
	for _, text := range []string{
		drafted, string(sample),
		request("key: k, want: {placement: a}"),
		request("key: 007, want: {refused: 404}"),
		request("host: h, headers: {a: b}, claims: {c: d}, client_cert: [e], method: PUT, listener: l, path: /x, down: [p], want: {failover: none}"),
		request("key: k, want: {}"),
		request("key: k"),
		request("key: k, want: {placment: a}"),
		request("key: k, want: {refused: 200}"),
		request("key: k, want: {reason: because}"),
		request("key: k, want: {failover: limit}"),
		request("key: k, want: {split: {a: 50}}"),
		request("path: v1, want: {refused: 404}"),
		"expect: 2\nrequests: [{key: k, want: {placement: a}}]\n",
		"expect: 1\nrequests: []\n",
		"expect: 1\n",
	} {
		_, read := configdiff.ParseExpect("e", []byte(text))
		if schemaSays := validate(t, schema, text); (read == nil) != (schemaSays == nil) {
			t.Errorf("the reader says %v, the schema %v:\n%s", read, schemaSays, text)
		}
	}
}
