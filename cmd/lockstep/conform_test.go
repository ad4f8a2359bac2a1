package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// asShim makes the test binary behave as that shim and returns its command line.
func asShim(t *testing.T, as string) string {
	t.Helper()
	t.Setenv(shimVariable, as)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return self
}

// conformAgainst runs lockstep conform against a shim, and keeps what it finds in a new folder.
func conformAgainst(t *testing.T, as string, flags ...string) (code int, out, errs, dir string) {
	t.Helper()
	shim, dir := asShim(t, as), filepath.Join(t.TempDir(), "found")
	args := append([]string{"conform", "--out", dir}, flags...)
	code, out, errs = lockstep(append(args, "--", shim)...)
	return code, out, errs, dir
}

// oneVector is a folder of vectors in which planted differences do not show.
const oneVector = "../../traces/priority"

func TestTheReferenceConforms(t *testing.T) {
	code, out, errs, dir := conformAgainst(t, "honest", "--events", "100000", "--seed", "7")
	if code != exitOK || !strings.Contains(out, "ok    reference") || !strings.Contains(out, "of them vectors") || !strings.Contains(out, "events/s") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder for findings was made although there are none")
	}
}

func TestAShimIsAskedInTheFormsThatItReads(t *testing.T) {
	for as, name := range map[string]string{"only ndjson": "text only", "only binary": "bytes only"} {
		if code, out, errs, _ := conformAgainst(t, as, "--events", "30000"); code != exitOK || !strings.Contains(out, name) {
			t.Errorf("%s: exit %d: %s%s", as, code, out, errs)
		}
	}
}

func TestHowManyAreAskedAtOnceChangesNothing(t *testing.T) {
	found := map[string]bool{}
	for _, jobs := range []string{"1", "3"} {
		code, out, errs, _ := conformAgainst(t, "a retry's number", "--jobs", jobs, "--vectors", oneVector, "--json")
		var r conformResult
		if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitFailed || len(r.Findings) != 1 {
			t.Fatalf("exit %d, %v: %s%s", code, err, out, errs)
		}
		found[r.Findings[0].Name] = true
	}
	if len(found) != 1 {
		t.Errorf("the first difference is another: %v", found)
	}
}

// TestOneLineThatDiffersIsFoundAndShrunk: whatever a port gets wrong, in what it
// decides, in which order, in its state or in what it compiles, ends as a trace of a
// few events that shows it again.
func TestOneLineThatDiffersIsFoundAndShrunk(t *testing.T) {
	for as, want := range map[string]struct {
		kind  string
		most  int
		shows string // in the vector
	}{
		"status of a queue timeout":     {"decisions", 5, `"class":"queue_timeout"`},
		"guests are told late":          {"decisions", 12, `"decision":"forward"`},
		"a decision is lost":            {"decisions", 5, `"decision":"retired"`},
		"digest with two in flight":     {"digest", 4, `"event":"arrive"`},
		"snapshot of a waiting request": {"snapshot", 4, `"event":"arrive"`},
		"guards are refused":            {"refused", 0, `"keys_removed":99`},
	} {
		t.Run(as, func(t *testing.T) {
			code, out, errs, _ := conformAgainst(t, as, "--vectors", oneVector, "--json", "--jobs", "1")
			var r conformResult
			if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitFailed || len(r.Findings) != 1 {
				t.Fatalf("exit %d, %v: %s%s", code, err, out, errs)
			}
			f := r.Findings[0]
			if f.Difference == nil || f.Difference.Kind != want.kind || f.Steps > want.most || f.Seed == 0 {
				t.Errorf("%s of %d events, seed %d: %v", f.Name, f.Steps, f.Seed, f.Difference)
			}
			vector, err := os.ReadFile(f.Vector)
			if err != nil || !strings.Contains(string(vector), want.shows) {
				t.Errorf("the vector does not show it: %v, %.2000s", err, vector)
			}
			if code, again, errs, _ := conformAgainst(t, as, "--only", f.Vector); code != exitFailed || !strings.Contains(again, want.kind) {
				t.Errorf("asked again: exit %d: %s%s", code, again, errs)
			}
			if code, again, errs, _ := conformAgainst(t, "honest", "--only", f.Vector); code != exitOK {
				t.Errorf("the reference is asked: exit %d: %s%s", code, again, errs)
			}
		})
	}
}

func TestAVectorThatDiffersIsToldOnceWithTheStep(t *testing.T) {
	code, out, _, _ := conformAgainst(t, "breaker opens too long", "--vectors", "../../traces/baseline")
	const name = "01-half-open-lets-one-through"
	if code != exitFailed || strings.Count(out, "\n"+name) != 1 || !strings.Contains(out, "decisions differ at step") || !strings.Contains(out, "--only ../../traces/baseline/"+name+".ndjson") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestAShimThatBreaksTheProtocolIsToldApart(t *testing.T) {
	for as, want := range map[string]string{
		"newer protocol":     "it speaks version 2 of the shim protocol, this program version 1",
		"other rules":        "it decides by version 7 of the rules, this program by 1",
		"no form":            "it reads none of the forms binary and ndjson",
		"no greeting":        "is not JSON",
		"long greeting":      "longer than 4096 bytes",
		"dies":               "died with questions unanswered (exit status 3); it says:\n  thread 'main' panicked",
		"hangs with a child": "gave no answer within 2s",
		"hangs":              "gave no answer within 2s",
		"garbage":            "answered garbage: its answer is of kind 100",
		"endless":            "announces an answer of 4294967295 bytes",
		"short":              "died with questions unanswered",
		"unruly":             "does not end with status 0",
	} {
		t.Run(as, func(t *testing.T) {
			code, out, errs, _ := conformAgainst(t, as, "--events", "0", "--timeout", "2s")
			if code != exitUsage || !strings.Contains(errs, want) {
				t.Errorf("exit %d: %s%s", code, out, errs)
			}
		})
	}
	if code, _, errs, _ := conformAgainst(t, "chatty", "--events", "0"); code == exitOK {
		t.Errorf("an answer that nobody asked for is not noticed: %s", errs)
	}
	if code, _, errs := lockstep("conform", "--", filepath.Join(t.TempDir(), "nowhere")); code != exitUsage || !strings.Contains(errs, "starting the shim") {
		t.Errorf("no such program: exit %d: %s", code, errs)
	}
}

// TestWhatKillsAShimIsKept: a question on which it dies is made as small as a difference.
func TestWhatKillsAShimIsKept(t *testing.T) {
	code, out, errs, dir := conformAgainst(t, "dies of a drain", "--vectors", oneVector, "--jobs", "1")
	if code != exitUsage || !strings.Contains(out, "to 1\n") || !strings.Contains(errs, "attempt to subtract with overflow") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("%v: %v", kept, err)
	}
	if code, _, errs, _ := conformAgainst(t, "dies of a drain", "--only", kept[0]); code != exitUsage || !strings.Contains(errs, "died") {
		t.Errorf("asked again: exit %d: %s", code, errs)
	}
	if code, out, errs := lockstep("replay", kept[0]); code != exitOK {
		t.Errorf("replay of what is kept: exit %d: %s%s", code, out, errs)
	}
}

func TestConformRefusesWhatItCannotMean(t *testing.T) {
	empty := t.TempDir()
	changed := filepath.Join(t.TempDir(), "changed.ndjson")
	text, err := os.ReadFile("../../traces/routing/nothing-left-is-503.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), `"status":503`, `"status":500`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	shim := asShim(t, "honest")
	for want, args := range map[string][]string{
		"name the shim":                 {},
		"--jobs is 0":                   {"--jobs", "0", "--", shim},
		"--timeout is 0s":               {"--timeout", "0", "--", shim},
		"--for is 0s":                   {"--for", "0", "--", shim},
		"leave out --seed":              {"--only", changed, "--seed", "3", "--", shim},
		"there is no *.ndjson or *.lst": {"--vectors", empty, "--", shim},
		"is not what this program":      {"--only", changed, "--", shim},
		"no such file":                  {"--only", filepath.Join(empty, "x.lst"), "--", shim},
		"does not exist":                {"--vectors", filepath.Join(empty, "nowhere"), "--", shim},
	} {
		code, out, errs := lockstep(append([]string{"conform"}, args...)...)
		if want == "does not exist" {
			want = "no such file"
		}
		if code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%q: exit %d: %s%s", args, code, out, errs)
		}
	}
}

func TestASeedAloneIsOneQuestion(t *testing.T) {
	code, out, errs, _ := conformAgainst(t, "honest", "--seed", "12")
	if code != exitOK || !strings.Contains(out, "1 questions, 0 of them vectors") || !strings.Contains(out, "seeds 12 to 12") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

func TestTimeEndsARunThatIsGivenTime(t *testing.T) {
	if code, out, errs, _ := conformAgainst(t, "honest", "--for", "1ms", "--vectors", oneVector); code != exitOK || strings.Contains(out, "seeds") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}
