package configfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/core"
)

// residency is a configuration whose tenants of the eu may reach the us through cell-07's fallback.
const residency = `lockstep: 1
include: [tenants.csv]
placements:
  cell-07: {labels: {region: eu}, endpoints: {a: {url: "http://10.0.0.1"}}, fallback: [cell-12, shared-us]}
  cell-12: {labels: {region: eu}, endpoints: {a: {url: "http://10.0.0.2"}}, fallback: none}
  shared-us: {labels: {region: us}, endpoints: {a: {url: "http://10.0.0.3"}}, fallback: [cell-12]}
must:
  eu-stays-in-eu: {keys: {region: eu}, served_by: {region: eu}}
`

// loadWithTenants loads text beside a list of tenants.
func loadWithTenants(t *testing.T, text, tenants string) *File {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"main.yaml": text, "tenants.csv": "key,placement,region\n" + tenants} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Load(filepath.Join(dir, "main.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAFallbackThatLeavesTheRegionBreaksThePromiseAndIsNamed(t *testing.T) {
	const good = "acme,shared-us,us\nnordbank,cell-07,eu\nvisa,cell-12,eu\n"
	for _, c := range []struct{ name, text, tenants, home, by, want string }{
		{
			"a fallback", residency, good, "cell-07", "shared-us",
			"placements.cell-07.fallback[1] nordbank of cell-07 may be served by shared-us, which lacks the labels: " +
				"nordbank goes to cell-07; when that is down or full, to cell-12; when that is down or full, to shared-us",
		},
		{"every candidate in the eu", strings.Replace(residency, ", shared-us]", "]", 1), good, "", "", ""},
		{
			"home itself", residency, "globex,shared-us,eu\ninitech,shared-us,eu\n", "shared-us", "shared-us",
			"keys.globex globex and 1 more of shared-us may not be served by their own home: globex goes to shared-us",
		},
		{"nobody in the eu", residency, "acme,cell-07,us\n", "", "", ""},
	} {
		f := loadWithTenants(t, c.text, c.tenants)
		compiled, err := f.Compile()
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, b := range f.Breaches(compiled) {
			got += b.Path + " " + b.What + ": " + strings.Join(b.Way, "; ")
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if c.home != "" && (f.MayServe(c.home, c.by) || !f.MayServe(c.home, "cell-12")) {
			t.Errorf("%s: who may serve %s is wrong", c.name, c.home)
		}
		if idle := len(f.Idle()) > 0; idle != (c.name == "nobody in the eu") {
			t.Errorf("%s: said to be about no key: %t", c.name, idle)
		}
	}
}

// fleet is a configuration whose numbers a test fills in.
const fleet = `lockstep: 1
facts: {routers: 8..16, peak: {cell-07: {requests: 600/s, latency: 50ms}}}
defaults:
  timeouts: {response_header: 10s}
  health: {every: 5s, timeout: 1s, fall: 3, rise: 2}
  breaker: {open: 5s, half_open_probes: 1}
  limit: {in_flight: 25}
placements:
  cell-07: {labels: {kind: dedicated}, endpoints: {a: {url: "http://10.0.0.1"}}, fallback: [shared]}
  cell-12: {labels: {kind: dedicated}, endpoints: {a: {url: "http://10.0.0.2"}, b: {url: "http://10.0.0.4"}}, fallback: none}
  shared: {endpoints: {a: {url: "http://10.0.0.3"}}, fallback: none}
must:
  it: `

// compiles reads and compiles a configuration.
func compiles(t *testing.T, text string) (*File, *core.Config) {
	t.Helper()
	f, err := Parse("main.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return f, c
}

func TestWhatAConfigurationAloneDecidesIsProvedAtTheSettingThatBreaksIt(t *testing.T) {
	for _, c := range []struct{ promise, old, new, want string }{
		{"{half_open_probes: 1}", "", "", ""},
		{"{half_open_probes: 1}", "half_open_probes: 1}", "half_open_probes: 2}", "6:41 a half-open breaker of cell-07 admits 2 test requests at once"},
		{"{in_flight: {placement: cell-07, at_most: 400}}", "", "", ""},
		{"{in_flight: {placement: cell-07, at_most: 399}}", "", "", "7:22 16 routers of 25 in flight each are 400 in cell-07"},
		{"{in_flight: {placement: cell-07, at_most: 400}}", "in_flight: 25", "in_flight: none", "7:22 cell-07 has no limit"},
		{"{health_probes_per_second: 4}", "", "", ""},
		{"{health_probes_per_second: 3}", "", "", "5:19 http://10.0.0.1 gets 3.2 health probes a second from 16 routers"},
		{"{health_probes_per_second: 4}", "10.0.0.3", "10.0.0.1", "5:19 http://10.0.0.1 gets 6.4 health probes a second from 16 routers"},
		{"{health_probes_per_second: 3}", "health: {every: 5s, timeout: 1s, fall: 3, rise: 2}", "health: none", ""},
		{"{placements: {kind: dedicated}, guests: none}", "", "", ""},
		{"{placements: {kind: dedicated}, guests: none}", "fallback: [shared]", "fallback: [shared, cell-12]", "9:101 cell-12 takes the requests of cell-07 when that is down or full"},
		{"{placements: {kind: dedicated}, guests: none}", "fallback: [shared]", "limit: {guests: 0}, fallback: [shared]", ""},
		{"{fails_over_within: 10s}", "", "", ""},
		{"{fails_over_within: 9s}", "", "", "4:31 an endpoint of cell-07 that hangs is noticed after 10s at the soonest"},
		{"{fails_over_within: 9s}", "every: 5s", "every: 2s", ""},
		{"{fails_over_within: 9s}", "breaker: {open: 5s, half_open_probes: 1}", "breaker: none", "5:19 an endpoint of cell-07 that hangs is noticed after 10.5s at the soonest"},
		{"{fails_over_within: 9s}", "health: {every: 5s, timeout: 1s, fall: 3, rise: 2}\n  breaker: {open: 5s, half_open_probes: 1}", "health: none\n  breaker: none", "6:12 nothing takes a failed endpoint of cell-07 out: it has neither breaker nor health"},
		{"{fails_over_within: 10s}", "open: 5s", "open: 5s, max_open: 50%", "6:33 when all of cell-12 fails, 1 of its 2 endpoints stay in use"},
		{"{recovers_within: 10s}", "", "", ""},
		{"{recovers_within: 4s}", "health: {every: 5s, timeout: 1s, fall: 3, rise: 2}", "health: none", "6:19 a breaker of cell-07 that opens just before its endpoint is well stays open for 5s"},
		{"{recovers_within: 10s}", "open: 5s", "open: 5s, grow: 2, open_max: 60s", "6:42 a breaker of cell-07 that opens just before its endpoint is well stays open for 1m0s"},
		{"{recovers_within: 10s}", "rise: 2", "rise: 3", "5:19 endpoints of cell-07 that are well again stay unhealthy for 14.5s or more: 3 good probes of health.every"},
		{"{fails_over_within: 10s}", "breaker: {open: 5s, half_open_probes: 1}", "breaker: {max_open: 50%}\n  last_resort: refuse", ""},
		{"{p99: 50ms}", "", "", ""},
		{"{p99: 49ms}", "", "", "2:68 a request of cell-07 takes 50ms as the facts say, so 99% cannot be faster than 49ms"},
	} {
		f, compiled := compiles(t, strings.Replace(fleet, c.old, c.new, 1)+c.promise)
		got := ""
		if broken := f.Broken(compiled); len(broken) > 0 {
			got = fmt.Sprintf("%d:%d %s", broken[0].Line, broken[0].Column, strings.TrimPrefix(broken[0].What, "must it: "))
		}
		if got != c.want {
			t.Errorf("%s with %q: %q, want %q", c.promise, c.new, got, c.want)
		}
	}
}

func TestHealthKeepsRequestsFromAPlacementThatRefusesItsLastResort(t *testing.T) {
	for resort, want := range map[string]int{"use": 0, "refuse": 1} {
		f, compiled := compiles(t, `lockstep: 1
placements: {a: {endpoints: {x: {url: "http://10.0.0.1"}}, health: {every: 5s, timeout: 1s, rise: 3}, breaker: none, last_resort: `+resort+`, fallback: none}}
keys: {k: a}
must: {it: {recovers_within: 10s}}
`)
		if got := f.Breaches(compiled); len(got) != want {
			t.Errorf("last_resort: %s: %+v", resort, got)
		}
	}
}

func TestHealthProbesAreSummedExactly(t *testing.T) {
	text := "lockstep: 1\ndefaults: {health: {every: 10s, timeout: 1s}}\nplacements:\n"
	for n := range 30 { // each a tenth of a probe a second, to one URL
		text += fmt.Sprintf("  p%d: {endpoints: {x: {url: \"http://10.0.0.1\"}}, fallback: none}\n", n)
	}
	for most, want := range map[string]string{"3": "", "2": "http://10.0.0.1 gets 3 health probes a second from 1 router: write health: {every: 15s} or more wherever that URL is, or correct facts.routers"} {
		f, compiled := compiles(t, text+"keys: {k: p0}\nmust:\n  it: {health_probes_per_second: "+most+"}\n")
		got := ""
		for _, b := range f.Breaches(compiled) {
			got += b.What + ": " + b.Hint
		}
		if got != want {
			t.Errorf("at most %s: %q, want %q", most, got, want)
		}
	}
}

func TestEveryFormOfAPromiseIsReadAndSaidInOneLine(t *testing.T) {
	said := []string{
		"at least 99.9% answered, from 30s after the loss of any 1 placement", "99% answered within 500ms, from 30s after the loss of any 1 placement",
		"at least 99.9% answered", "99% answered within 300ms", "at most 0.1% of those at home refused because of guests",
		"keys of region eu served by placements with region: eu", "no guests in placements with kind: dedicated", "at most 1 half-open probe at once to an endpoint",
		"an endpoint gets no more than test requests 15s after it failed", "requests go home again within 1m0s of the end of a fault",
		"at most 400 in flight in cell-07, all routers together", "at most 5 health probes a second to an endpoint, all routers together",
	}
	schema := compileSchema(t)
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, form := range forms() {
		root, _ := readYAML(&source{"main.yaml", fleet + form.example})
		if err := schema.Validate(instance(root)); err != nil {
			t.Errorf("the schema refuses %s: %v", form.example, err)
		}
		if !strings.Contains(string(page), "| `"+form.example+"` |") {
			t.Errorf("the table of promises in README.md lacks %s", form.example)
		}
		f, err := Parse("main.yaml", []byte(fleet+form.example))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Must[0].String(); f.Must[0].Kind != form.kind || got != said[i] {
			t.Errorf("%s is read as %q, want %q", form.example, got, said[i])
		}
	}
}

func TestTheSchemaRefusesWhatTheLoaderRefusesOfAPromise(t *testing.T) {
	schema := compileSchema(t)
	for text, good := range map[string]bool{
		"{availability: 99.9%}": true, "{availability: 100%}": true, "{availability: 100.0000%}": true, "{availability: 0.0001%}": true, "{availability: 099%}": true,
		"{availability: \"%\"}": false, "{availability: .5%}": false, "{availability: 99.%}": false, "{availability: 0%}": false, "{availability: 0.0%}": false,
		"{availability: 100.0001%}": false, "{availability: 101%}": false, "{availability: 99.99999%}": false, "{availability: 0099%}": false, "{availability: 99.9}": false,
		"{home_refused_because_of_guests: 0%}": true, "{home_refused_because_of_guests: \"%\"}": false, "{home_refused_because_of_guests: 200%}": false,
		"{keys: {region: \"\"}, served_by: {region: eu}}": false, "{keys: {region: eu}, served_by: {region: \"\"}}": false,
		"{keys: {region: eu}, served_by: {}}": false, "{placements: {kind: \"\"}, guests: none}": false, "{placements: {kind: cell}, guests: none}": true,
	} {
		root, fault := readYAML(&source{"main.yaml", fleet + text})
		if fault != nil {
			t.Fatal(fault)
		}
		_, err := Parse("main.yaml", []byte(fleet+text))
		if said := schema.Validate(instance(root)); (said == nil) != good || (err == nil) != good {
			t.Errorf("%s: the schema says %v, the loader %v, want it good: %t", text, said, err, good)
		}
	}
}

func TestTwoPromisesOnOneLineAreRefused(t *testing.T) {
	inner := func(f form) string {
		return strings.Trim(f.example, "{}") + strings.Repeat("}", strings.Count(f.example, "{")-1)
	}
	words := func(f form) []string { return strings.Fields(f.words) }
	for _, a := range forms() {
		for _, b := range forms() {
			together := append(words(a), words(b)...)
			slices.Sort(together)
			if _, lacks, beside := closest(together); len(lacks)+len(beside) == 0 || len(slices.Compact(slices.Clone(together))) < len(together) {
				continue // a third promise, or a word twice
			}
			text := fleet + "{" + inner(a) + ", " + inner(b) + "}"
			if _, err := Parse("main.yaml", []byte(text)); err == nil {
				t.Errorf("%s and %s are read as one promise", a.example, b.example)
			}
		}
	}
}

func TestAPromiseThatNothingIsAmongIsWarnedOf(t *testing.T) {
	const bare = "lockstep: 1\nplacements: {a: {endpoints: {x: {url: \"http://10.0.0.1:80\"}}, fallback: none}}\nkeys: {k: a}\nmust:\n  it: "
	for text, want := range map[string]string{
		"{half_open_probes: 1}":                         "",
		"{availability: 99%, keys: {region: eu}}":       "no key has the region",
		"{placements: {kind: dedicated}, guests: none}": "no placement has these labels",
		"{in_flight: {placement: a, at_most: 10}}":      "facts.routers is not stated",
		"{health_probes_per_second: 10}":                "facts.routers is not stated",
		"{p99: 1s}":                                     "facts.peak is not stated",
		"{home_refused_because_of_guests: 1%}":          "facts.peak is not stated",
	} {
		f, err := Parse("main.yaml", []byte(bare+text))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, p := range f.Idle() {
			got += p.What
		}
		if !strings.HasPrefix(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestAPromiseMayBeAboutTheKeysOfARegion(t *testing.T) {
	f := loadWithTenants(t, residency+"  quick: {p99: 1s, keys: {region: eu}}\n", "acme,shared-us,us\nnordbank,cell-07,eu\n")
	for key, region := range map[string]string{"acme": "us", "nordbank": "eu", "nobody": ""} {
		if got := f.Region(0, key); got != region {
			t.Errorf("%s is of region %q, want %q", key, got, region)
		}
	}
	if f.Must[1].Region != "eu" {
		t.Errorf("%+v", f.Must[1])
	}
}

func TestPromisesAndLabelsChangeNothingThatIsServed(t *testing.T) {
	with := loadWithTenants(t, residency, "nordbank,cell-07,eu\n")
	bare := strings.ReplaceAll(strings.ReplaceAll(residency[:strings.Index(residency, "must:")], "labels: {region: eu}, ", ""), "labels: {region: us}, ", "")
	without := loadWithTenants(t, bare, "nordbank,cell-07,us\n")
	if d := cmp.Diff(without.Spec, with.Spec); d != "" {
		t.Error(d)
	}
}
