package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/sim/fuzz"
)

// fuzzed runs a bounded search and returns what it printed.
func fuzzed(t *testing.T, path string, seeds uint64, out string) (string, error) {
	t.Helper()
	var b bytes.Buffer
	err := runFuzz(&b, &b, []string{path}, fuzzFlags{seeds: seeds, counted: true, seed: 1, jobs: 2, out: out})
	if err != nil && !errors.Is(err, errFailed) {
		t.Fatal(err)
	}
	return b.String(), err
}

// flaws are the configurations of scenarios/flawed: what must be found in each
// without a seed, where, and a change that must be among those tried, with its verdict.
var flaws = []struct{ file, property, key, mends string }{
	{"all-to-one", "N-1", "25:37   placements.shared.limit.guests   room for 60 guests", "cell-04 fallback: +cell-03                       holds, 100 seeds; home refused 0.0 %; guests refused 0.0 %"},
	{"breaker-above-limit", "leaves-failing-endpoint", "20:37   placements.checkout.breaker.consecutive_failures   100 in a row, and at most 20 can be in flight", "checkout breaker.consecutive_failures: 5           holds, 100 seeds;"},
	{"early-timeout", "stated-peak", "9:47   placements.quotes.timeouts.response_header   500ms", "quotes timeouts.response_header: 2.8s   holds, 100 seeds;"},
	{"envoy-on-two", "leaves-failing-endpoint", "10:3   placements.search.breaker.max_open   10%: of its endpoints at most 1 of 2", "A and search and 1 more breaker.open_max: 1m     holds, 100 seeds;"},
	{"few-slots-hang", "leaves-failing-endpoint", "11:24   placements.reports.limit.in_flight   room for 2 in flight", "reports limit.in_flight: 5                        holds, 100 seeds;"},
	{"grows-to-a-day", "returns-when-mended", "14:68   placements.articles.breaker.open_max   24h", "articles breaker.open_max: 1m   holds, 100 seeds;"},
	{"half-stays", "leaves-failing-endpoint", "10:58   placements.resize.breaker.max_open", "resize and 1 more breaker.max_open: 100%         holds, 100 seeds;"},
	{"hang-fills-limit", "leaves-failing-endpoint", "8:44   placements.reports.timeouts.response_header   2m", "reports timeouts.response_header: 10s   holds, 100 seeds; answers slower than 10s fail;"},
	{"home-first", "home-first", "24:5   placements.cell-12.limit.guests   not set", "cell-12 limit.guests: 73             holds, 100 seeds; home refused 0.0 %; guests refused 51.7 %"},
	{"hour-open", "returns-when-mended", "12:68   placements.rules.breaker.open_max   30m", "rules and 1 more breaker.open_max: 1m   holds, 100 seeds;"},
	{"minimum-unmet", "leaves-failing-endpoint", "10:88   placements.preview.breaker.min_requests   500 in 10s", "preview and 1 more breaker.min_requests: 5           holds, 100 seeds;"},
	{"no-breaker", "leaves-failing-endpoint", "4:12   placements.tiles.breaker   none", "tiles and 1 more breaker: {consecutive_failures: 5, open: 5s}   holds, 100 seeds;"},
	{"no-fallback", "survives-one-cell", "22:15   placements.cell-12.fallback   it has none", "A and shared-eu fallback: +cell-12   holds, 100 seeds;"},
	{"no-guests", "N-1", "24:5   placements.cell-12.limit.guests   not set", "C  A and cell-07 fallback: +shared-eu   holds, 100 seeds;"},
	{"peak-above-limit", "stated-peak", "17:24   placements.sales.limit.in_flight   room for 60 in flight", "sales limit.in_flight: 119   holds, 100 seeds;"},
	{"probes-decide", "probes-alone", "5:16   placements.central.last_resort   refuse", "central and 1 more last_resort: use   holds, 100 seeds;"},
	{"retry-storm", "retries-bounded", "11:62   placements.geocoder.retries.budget   none", "geocoder retries.budget: {percent: 20, floor: 3}   holds, 100 seeds;"},
	{"same-server", "N-1", "20:16   placements.green.endpoints.a.url   http://mail-1.internal:8080, a server of blue", ""}, // no setting can mend it
	{"slow-probes", "returns-when-mended", "20:42   placements.search.health.every   10m", "search health.every: 10s   holds, 100 seeds;"},
	{"small-fallback", "N-1", "21:24   placements.spare.limit.in_flight   room for 100 in flight", "spare limit.in_flight: 158   holds, 100 seeds; guests refused 0.0 %"},
	{"strays-in-a-cell", "unknown-keys-apart", "11:23   unknown_key.to   cell-bigbank", "unknown_key: {reject: 421}   holds, 100 seeds;"},
	{"tested-without-end", "leaves-failing-endpoint", "16:27   placements.payroll.breaker.open   20ms", "payroll breaker.open: 5s   holds, 100 seeds;"},
	{"two-probes", "half-open-single-probe", "9:68   placements.cell-07.breaker.half_open_probes", "breaker.half_open_probes: 1   holds, 100 seeds;"},
}

func TestWeaknessesAreFoundAndTheKeyIsNamed(t *testing.T) {
	for _, c := range flaws {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			out := t.TempDir()
			text, err := fuzzed(t, scenariosDir+"/flawed/"+c.file+".yaml", 0, out)
			if !errors.Is(err, errFailed) {
				t.Fatalf("nothing was found\n%s", text)
			}
			if !strings.HasPrefix(text, "FAIL  "+c.property+" ") || !strings.Contains(text, c.file+".yaml:"+c.key) {
				t.Errorf("property or key is not named:\n%s", text)
			}
			story, changes, tried := strings.Cut(text, "Changes tried")
			if n := strings.Count(story, "\n"); n >= 20 {
				t.Errorf("the story has %d lines", n)
			}
			if !strings.Contains(changes, c.mends) || tried != (c.mends != "") {
				t.Errorf("%q is not among the changes:\n%s", c.mends, text)
			}
			kept, err := filepath.Glob(out + "/*.scenario.yaml")
			if err != nil || len(kept) == 0 {
				t.Fatalf("kept %v, %v", kept, err)
			}
			if err := runSim(new(bytes.Buffer), kept, simFlags{}); !errors.Is(err, errFailed) {
				t.Errorf("the kept scenario does not fail: %v", err)
			}
		})
	}
}

func TestEveryWeakConfigurationHasARow(t *testing.T) {
	paths, err := filepath.Glob(scenariosDir + "/flawed/*.yaml")
	if err != nil || len(paths) != len(flaws)+2 { // leaves-the-region and waits-in-vain need no run, and have tests of their own
		t.Errorf("%d files for %d rows, %v", len(paths), len(flaws), err)
	}
}

func TestABrokenPromiseOnWhoServesIsFoundWithoutARunByFuzzAndCheck(t *testing.T) {
	path := scenariosDir + "/flawed/leaves-the-region.yaml"
	text, err := fuzzed(t, path, 50, "")
	if !errors.Is(err, errFailed) || !strings.HasPrefix(text, "FAIL  eu-stays-in-eu ") || !strings.Contains(text, ":10:25   placements.cell-07.fallback[1]") {
		t.Errorf("%v:\n%s", err, text)
	}
	var b bytes.Buffer
	if err := runCheck(&b, []string{path}, checkFlags{}); !errors.Is(err, errFailed) || !strings.Contains(b.String(), ":10:25: must eu-stays-in-eu: nordbank") {
		t.Errorf("%v:\n%s", err, b.String())
	}
}

func TestShippedConfigurationsBreakNoProperty(t *testing.T) {
	paths, err := filepath.Glob(scenariosDir + "/configs/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		if text, err := fuzzed(t, path, 20, ""); err != nil {
			t.Errorf("%s:\n%s", path, text)
		}
	}
}

func TestAnAcceptedFindingCountsAgainAfterItsLastDay(t *testing.T) {
	list := filepath.Join(t.TempDir(), "accepted.yaml")
	if err := os.WriteFile(list, []byte("- {name: N-1, owner: maria, until: 2026-12-31}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lastMoment := time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	for _, c := range []struct {
		now  time.Time
		want error
		says string
	}{
		{lastMoment, nil, "Accepted   N-1, by maria until 2026-12-31"},
		{lastMoment.Add(time.Second), errFailed, "EXPIRED    N-1, accepted by maria until 2026-12-31: it counts again"},
	} {
		var b bytes.Buffer
		flags := fuzzFlags{seeds: 2, counted: true, seed: 1, jobs: 1, acceptFile: list, now: c.now}
		err := runFuzz(&b, &b, []string{scenariosDir + "/flawed/small-fallback.yaml"}, flags)
		if !errors.Is(err, c.want) || !strings.HasPrefix(b.String(), c.says) {
			t.Errorf("at %v: %v\n%s", c.now, err, b.String())
		}
	}
}

func TestAListOfAcceptedFindingsIsReadStrictly(t *testing.T) {
	if said, err := json.Marshal(day{time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)}); err != nil || string(said) != `"2026-12-31"` {
		t.Errorf("%v: a date is told as %s", err, said)
	}
	for text, says := range map[string]string{
		"- {name: N-1, owner: maria}\n":                            "entry 1 lacks",
		"- {name: N-1, owner: maria, until: soon}\n":               "is not a date",
		"- {name: N-1, owner: maria, until: 2026-12-31, why: x}\n": "no setting named",
		"name: N-1\n": "must be a list",
	} {
		path := filepath.Join(t.TempDir(), "accepted.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readAccepted(path, time.Time{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want: %s", text, err, says)
		}
	}
}

func TestAPeakThatIsTooMuchHidesNoFaultOfAnotherPlacement(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	text := "lockstep: 1\nplacements:\n"
	for _, p := range [...][2]string{{"small", "none"}, {"near", "[small]"}, {"apart", "none"}} {
		text += fmt.Sprintf("  %s: {fallback: %s, endpoints: {a: {url: \"http://%s:1\"}}}\n", p[0], p[1], p[0])
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := loadTarget(path)
	if err != nil {
		t.Fatal(err)
	}
	found := []*fuzz.Finding{
		{Property: fuzz.StatedPeak, Where: "small", Drill: &fuzz.Drill{Property: fuzz.StatedPeak}},
		{Property: fuzz.NMinusOne, Where: "small", Lost: "near"},
	}
	for _, p := range f.Spec.Placements {
		found = append(found, &fuzz.Finding{Property: fuzz.LeavesFailing, Where: p.Name, Drill: &fuzz.Drill{Property: fuzz.LeavesFailing, Placement: p.Name}})
	}
	if left := causes(f, found); len(left) != 2 || left[0] != found[0] || left[1].Where != "apart" {
		t.Errorf("%d are left of %d", len(left), len(found))
	}
}

func TestTheCommandThatFindsItAgainLeavesOutTheSame(t *testing.T) {
	s := search{flags: fuzzFlags{accept: []string{"N-1", "our's"}}}
	if got, want := s.again("a.yaml", "--seed 7+8"), `lockstep fuzz a.yaml --seed 7+8 --accept N-1 --accept 'our'\''s'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestANameThatLeavesNothingOutIsRefused(t *testing.T) {
	file := scenariosDir + "/flawed/two-probes.yaml"
	code, _, errs := lockstep("fuzz", file, "--seeds", "1", "--accept", "half-open-single-prob")
	if code != exitUsage || !strings.Contains(errs, "--accept half-open-single-prob leaves nothing out") || !strings.Contains(errs, "half-open-single-probe, ") {
		t.Errorf("exit %d: %s", code, errs)
	}
	list := filepath.Join(t.TempDir(), "accepted.yaml")
	if err := os.WriteFile(list, []byte("- {name: of-another-file, owner: maria, until: 2099-12-31}\n- {name: half-open-single-probe, owner: maria, until: 2099-12-31}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := lockstep("fuzz", file, "--seeds", "2", "--accept-file", list)
	if code != exitOK || !strings.Contains(out, "note       of-another-file, accepted by maria, is no property here") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

func TestAnAcceptedPropertyIsLeftOut(t *testing.T) {
	flags := fuzzFlags{seeds: 20, counted: true, seed: 1, jobs: 1, accept: []string{"half-open-single-probe"}}
	if err := runFuzz(new(bytes.Buffer), os.Stderr, []string{scenariosDir + "/flawed/two-probes.yaml"}, flags); err != nil {
		t.Error(err)
	}
}

func TestAChangeHasToHoldInTheScenariosOfTheSameConfiguration(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config, err := os.ReadFile(scenariosDir + "/flawed/small-fallback.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write("config.yaml", string(config))
	const head = "scenario: 1\nname: %\nmodelled_on: a test\nwhy: the spare's servers bear so many\nproperty: servers\nlength: 20s\nclients: [{name: c, rate: 600}]\nbackend: {service: {typical: 250ms}}\n"
	expect := func(name, config, what string) string {
		return strings.Replace(head, "%", name, 1) + "config: " + config + "\nfaults: [{at: 5s, do: refuse, placement: bookings}]\nexpect:\n  - {name: so many, placement: spare, " + what + "}\n"
	}
	write("bears-120.yaml", expect("bears-120", "config.yaml", `in_flight: "<= 120"`))
	write("fails-anyway.yaml", expect("fails-anyway", "config.yaml", `in_flight: "<= 10"`))
	inline := "\n" + strings.ReplaceAll(string(config[bytes.Index(config, []byte("lockstep: 1")):]), "\n", "\n  ")
	write("inline.yaml", expect("inline", strings.TrimRight("\n  "+inline[1:], " \n"), `in_flight: "<= 120"`))
	for _, c := range []struct {
		scenarios []string
		says      string
	}{
		{nil, "spare limit.in_flight: 158   holds, 100 seeds; guests"},
		{[]string{dir + "/inline.yaml", dir + "/fails-anyway.yaml"}, "spare limit.in_flight: 158   holds, 100 seeds; guests"},
		{[]string{dir}, "spare limit.in_flight: 158   mends this, breaks: bears-120: so many: in_flight is 151, wanted <= 120; guests"},
	} {
		var b bytes.Buffer
		flags := fuzzFlags{counted: true, seed: 1, jobs: 2, scenarios: c.scenarios}
		if err := runFuzz(&b, &b, []string{dir + "/config.yaml"}, flags); !errors.Is(err, errFailed) || !strings.Contains(b.String(), c.says) {
			t.Errorf("%v, want %q:\n%s", err, c.says, b.String())
		}
	}
}

func TestWhatWasLeftUntriedIsNotSaidToHold(t *testing.T) {
	interrupt := make(chan struct{})
	close(interrupt)
	for name, flags := range map[string]fuzzFlags{
		"interrupted": {seeds: 10, counted: true, seed: 1, jobs: 2, interrupt: interrupt},
		"late":        {length: time.Nanosecond, seed: 1, jobs: 2},
	} {
		var b bytes.Buffer
		if err := runFuzz(&b, &b, []string{scenariosDir + "/configs/cells.yaml"}, flags); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"           cell-acme, cell-visa not judged: not tried before the search ended\n",
			"Held       half-open-single-probe, the router's own rules\n",
			"Not known  N-1, leaves-failing-endpoint, probes-alone, returns-when-mended, stated-peak: the search ended with 38 what-if runs to go\n",
			"Searched   0 what-if runs, no seeds, 0 requests",
		} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %q in\n%s", name, want, b.String())
			}
		}
	}
}

func TestAStoryTellsInOrderOfTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alone.yaml")
	const text = "lockstep: 1\nfacts: {peak: {a: {requests: 50/s, latency: 40ms}}}\nplacements:\n  a: {endpoints: {x: {url: \"http://a:80\"}}, fallback: none}\nkeys: {k: a}\nmust:\n  up: {lose: any 1 placement, availability: 99%, within: 20s}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := runFuzz(&b, &b, []string{path}, fuzzFlags{counted: true, seed: 1, jobs: 1, json: true}); !errors.Is(err, errFailed) {
		t.Fatal(err)
	}
	var said struct {
		Files []struct {
			Findings []struct{ Story []struct{ When, Text string } }
		}
	}
	if err := json.Unmarshal(b.Bytes(), &said); err != nil || strings.Contains(b.String(), `"When"`) || !strings.Contains(b.String(), `"accepted": []`) {
		t.Fatal(err, b.String())
	}
	last, lines := time.Duration(0), 0
	for _, l := range said.Files[0].Findings[0].Story {
		after, found := strings.CutPrefix(l.When, "+")
		at, err := time.ParseDuration(after)
		if !found || err != nil {
			continue // before, steady
		}
		if lines++; at < last {
			t.Errorf("%s after %s: %s", at, last, l.Text)
		}
		last = at
	}
	if lines < 4 {
		t.Errorf("%d lines have a time: %s", lines, b.String())
	}
}

func TestTwoFindingsOfOnePropertyAreBothKept(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "two.yaml")
	const text = "lockstep: 1\nplacements:\n  a: {endpoints: {x: {url: \"http://a:80\"}}, fallback: none, breaker: {half_open_probes: 2}}\n  b: {endpoints: {x: {url: \"http://b:80\"}}, fallback: none, breaker: {half_open_probes: 3}}\nkeys: {k: a, l: b}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := fuzzed(t, path, 0, filepath.Join(dir, "out"))
	kept, globErr := filepath.Glob(filepath.Join(dir, "out", "half-open-single-probe-[ab]-*.scenario.yaml"))
	if !errors.Is(err, errFailed) || globErr != nil || len(kept) != 2 {
		t.Errorf("%v: %d kept: %v\n%s", err, len(kept), kept, said)
	}
}
