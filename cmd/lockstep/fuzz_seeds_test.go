package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockstep/sim/fuzz"
)

// fuzzJSON runs the command and returns its exit code and what it says of the one file.
func fuzzJSON(t *testing.T, args ...string) (int, fuzzResult) {
	t.Helper()
	var out, problems bytes.Buffer
	code := run(append([]string{"fuzz", "--json"}, args...), &out, &problems)
	var all struct{ Files []fuzzResult }
	if err := json.Unmarshal(out.Bytes(), &all); err != nil || len(all.Files) != 1 {
		t.Fatalf("exit %d, %v: %s%s", code, err, out.String(), problems.String())
	}
	return code, all.Files[0]
}

func TestExitCodesAreThoseOfEveryCommand(t *testing.T) {
	const good, bad = scenariosDir + "/configs/demo.yaml", scenariosDir + "/flawed/two-probes.yaml"
	for _, c := range []struct {
		args string
		want int
		says string
	}{
		{"--seeds 3 " + good, exitOK, ""},
		{"--seeds 40 " + bad, exitFailed, ""},
		{"--seeds 3 nowhere.yaml", exitUsage, "nowhere.yaml"},
		{"--seeds 3 " + bad + " nowhere.yaml", exitUsage, "nowhere.yaml"},
		{"--seeds 0 --out /dev/null " + bad, exitUsage, "--out: "},
		{"--for 0s " + good, exitUsage, "--for is 0s"},
		{"--jobs 0 --seeds 3 " + good, exitUsage, "--jobs is 0"},
		{"--seed nine " + good, exitUsage, `--seed: "nine" is not a case`},
		{"--seed 1+2 --seeds 3 " + good, exitUsage, "leave out --seeds"},
		{"--resume --seeds 3 " + good, exitUsage, "name its folder with --corpus"},
		{"--resume --corpus x --seed 3 " + good, exitUsage, "leave out --seed"},
		{"--exhaustive --resume", exitUsage, "--exhaustive has no use for --resume"},
	} {
		var out, problems bytes.Buffer
		if code := run(append([]string{"fuzz"}, strings.Fields(c.args)...), &out, &problems); code != c.want || !strings.Contains(problems.String(), c.says) || code == exitUsage && out.Len() > 0 {
			t.Errorf("%s: exit %d, want %d: %s", c.args, code, c.want, problems.String())
		}
	}
}

func TestHowManyCasesRunAtOnceChangesNothing(t *testing.T) {
	for _, args := range [][]string{
		{"--seeds", "100", scenariosDir + "/configs/demo.yaml"},
		{"--seeds", "100", scenariosDir + "/flawed/two-probes.yaml"},
	} {
		var texts []string
		for _, jobs := range []string{"1", "3"} {
			_, r := fuzzJSON(t, append(args, "--jobs", jobs)...)
			r.Seconds = 0
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(text))
		}
		if texts[0] != texts[1] {
			t.Errorf("one at once:\n%s\nthree:\n%s", texts[0], texts[1])
		}
	}
}

func TestAVerdictNamesTheCommandThatFindsItAgain(t *testing.T) {
	const bad = scenariosDir + "/flawed/two-probes.yaml"
	_, first := fuzzJSON(t, "--seeds", "40", bad)
	for _, recipe := range []string{strings.Fields(first.Findings[0].Again)[4], "0"} {
		for step := range 40 { // a case of several seeds, too
			if code, r := fuzzJSON(t, "--seed", recipe, bad); code == exitFailed {
				if again := "lockstep fuzz " + bad + " --seed " + recipe; r.Findings[0].Again != again || r.Seeds != 1 {
					t.Errorf("--seed %s: again %q", recipe, r.Findings[0].Again)
				}
				break
			} else if step == 39 {
				t.Errorf("%s finds nothing", recipe)
			}
			recipe = "0+" + string(rune('0'+step%10)) + string(rune('0'+step/10))
		}
	}
}

// corpusIn returns the one corpus file in a folder.
func corpusIn(t *testing.T, dir string) (path, text string) {
	t.Helper()
	paths, err := filepath.Glob(dir + "/*.corpus")
	if err != nil || len(paths) != 1 {
		t.Fatal(paths, err)
	}
	data, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	return paths[0], string(data)
}

func TestAResumedSearchKeepsTheCorpusOfOneThatWasNeverBrokenOff(t *testing.T) {
	const config = scenariosDir + "/configs/demo.yaml"
	whole, parts := t.TempDir(), t.TempDir()
	fuzzJSON(t, "--seeds", "100", "--corpus", whole, config)
	_, first := fuzzJSON(t, "--seeds", "70", "--corpus", parts, config)
	_, second := fuzzJSON(t, "--seeds", "30", "--corpus", parts, "--resume", config)
	_, want := corpusIn(t, whole)
	if _, got := corpusIn(t, parts); got != want {
		t.Errorf("kept in two parts:\n%s\nin one:\n%s", got, want)
	}
	if c := second.Corpus; c.Resumed != 71 || c.Next != 101 || c.Replayed != first.Corpus.Cases || second.Seeds != uint64(30+c.Replayed) {
		t.Errorf("resumed: %d seeds, %+v", second.Seeds, c)
	}
}

func TestACorpusThatCannotBeReadIsReportedAndNotFatal(t *testing.T) {
	const config = scenariosDir + "/configs/demo.yaml"
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/demo-0123456789abcdef.corpus", []byte("7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, r := fuzzJSON(t, "--seeds", "3", "--corpus", dir, config)
	if p := r.Corpus.Problems; len(p) != 1 || !strings.Contains(p[0], "demo-0123456789abcdef.corpus is of another configuration or version") {
		t.Errorf("problems: %q", p)
	}
	if err := os.Remove(dir + "/demo-0123456789abcdef.corpus"); err != nil {
		t.Fatal(err)
	}
	path, text := corpusIn(t, dir)
	if err := os.WriteFile(path, []byte(text+"8841+x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, r := fuzzJSON(t, "--seeds", "3", "--resume", "--corpus", dir, config)
	if p := r.Corpus.Problems; code != exitOK || len(p) != 1 || !strings.Contains(p[0], `"8841+x" is not a case`) || r.Corpus.Resumed != 4 {
		t.Errorf("exit %d: %+v", code, r.Corpus)
	}
}

// hook calls what it is made of for every line of progress.
type hook func(line string)

func (h hook) Write(p []byte) (int, error) {
	h(string(p))
	return len(p), nil
}

// watchedSearch is a search of the demo configuration on a terminal of the given width.
func watchedSearch(t *testing.T, width int, see hook) *search {
	t.Helper()
	f, err := loadTarget(scenariosDir + "/configs/demo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Unix(1000, 0)
	return &search{
		target: targetOf(f, nil), plan: fuzz.NewSearch(1), began: began, deadline: began.Add(time.Minute), flags: fuzzFlags{jobs: 2},
		progress: &progress{w: see, now: func() time.Time { return began.Add(20 * time.Second) }, width: func() int { return width }},
	}
}

func TestAnInterruptedSearchKeepsWhatItHasAndSaysSo(t *testing.T) {
	interrupt := make(chan struct{})
	closed := false
	s := watchedSearch(t, 0, func(string) {
		if !closed {
			close(interrupt)
			closed = true
		}
	})
	s.flags.counted, s.flags.seeds, s.flags.interrupt = true, 1_000_000, interrupt
	corpus, err := openCorpus(t.TempDir(), "demo.yaml", s.target)
	if err != nil {
		t.Fatal(err)
	}
	s.corpus = corpus
	s.run()
	if n := s.seeds; n == 0 || n > 3 || s.err != nil {
		t.Fatalf("%d seeds, %v", n, s.err)
	}
	text, err := os.ReadFile(corpus.path)
	if err != nil || corpus.Next != 1+s.seeds || corpus.Cases == 0 || !strings.Contains(string(text), "\n1\n") {
		t.Errorf("%v: %+v\n%s", err, corpus.corpusResult, text)
	}
	r := fuzzResult{File: "demo.yaml", OK: true, Seeds: s.seeds, Requests: s.requests, Interrupted: true, Corpus: &corpus.corpusResult}
	var b bytes.Buffer
	r.print(&b)
	if !r.passed() || !strings.Contains(b.String(), "           interrupted; ") || !strings.Contains(b.String(), "--resume goes on at seed ") {
		t.Error(b.String())
	}
}

func TestProgressIsOneLineTwiceASecondAndFitsTheTerminal(t *testing.T) {
	var lines []string
	s := watchedSearch(t, 0, func(line string) { lines = append(lines, line) })
	s.live = tally{seeds: 4000, events: 30_000_000, coverage: 7}
	s.progress.show(s)
	s.progress.show(s) // too early
	all := len(s.live.coverage.Reached()) + len(s.live.coverage.Missing())
	want := fmt.Sprintf("\r\x1b[K4000 seeds (200/s), 30.0 M events (1.5 M/s), 0 states, 3 of %d situations, 0 found, 40 s left", all)
	if len(lines) != 1 || lines[0] != want {
		t.Errorf("%q", lines)
	}
	narrow := watchedSearch(t, 20, func(line string) { lines = append(lines, line) })
	narrow.flags.counted, narrow.flags.seeds = true, 10
	narrow.progress.show(narrow)
	if got := strings.TrimPrefix(lines[1], "\r\x1b[K"); got != "0 seeds (0/s), 0 ev" {
		t.Errorf("cut to %q", got)
	}
	var pipe bytes.Buffer
	p := newProgress(&pipe)
	p.line("something")
	p.show(s)
	p.clear()
	if pipe.Len() > 0 {
		t.Errorf("into a pipe: %q", pipe.String())
	}
}

func TestASignalInterrupts(t *testing.T) {
	interrupt, stop := firstSignal(t.Context())
	defer stop()
	if closed(interrupt) || closed(nil) {
		t.Fatal("interrupted before any signal")
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-interrupt
}

func TestWhatIsFoundOnlyAtExtremesIsSaidApartAndBlamesNoKey(t *testing.T) {
	f := fuzzFinding{Property: "R6", Sentence: "cell-a: a breaker moved", Extremes: []string{"cell-a breaker.open: 1 ms, at most 1 ms"}, Again: "lockstep fuzz c.yaml --seed 7"}
	var b bytes.Buffer
	f.print(&b, &fuzzResult{File: "c.yaml", Seeds: 1, Requests: 1})
	const want = "FAIL  R6   cell-a: a breaker moved\nExtremes   found only with these in place of your own settings: cell-a breaker.open: 1 ms, at most 1 ms\nAssumed"
	if !strings.HasPrefix(b.String(), want) {
		t.Error(b.String())
	}
	text, err := json.Marshal(f)
	if err != nil || !strings.Contains(string(text), `"extremes":["cell-a breaker.open`) || !strings.Contains(string(text), `"key":""`) {
		t.Errorf("%v: %s", err, text)
	}
}

func TestAReplayedCorpusTakesNothingFromTheTimeOfTheSearch(t *testing.T) {
	s := watchedSearch(t, 0, func(string) {})
	s.deadline = time.Now() // nothing is left for the search itself
	corpus, err := openCorpus(t.TempDir(), "demo.yaml", s.target)
	if err != nil {
		t.Fatal(err)
	}
	corpus.cases = []fuzz.Recipe{{1}, {2}, {1, 3}}
	s.corpus = corpus
	before := s.deadline
	s.replay()
	if corpus.Replayed != 3 || !s.deadline.After(before) {
		t.Errorf("replayed %d of 3, deadline %v later", corpus.Replayed, s.deadline.Sub(before))
	}
}
