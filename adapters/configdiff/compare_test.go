package configdiff

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"lockstep/adapters/configfile"
	"lockstep/core"
)

// everything reads the example of configfile that writes every setting.
func everything(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../configfile/testdata/good/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// paths lists every setting that a report names.
func paths(r *Report) (out []string) {
	for _, p := range r.Placements {
		for _, s := range p.Settings {
			out = append(out, s.Path)
		}
		for _, e := range p.Endpoints {
			out = append(out, e.What+" endpoint")
			for _, s := range e.Settings {
				out = append(out, "endpoint "+s.Path)
			}
		}
	}
	for _, s := range r.Settings {
		for _, v := range s.Settings {
			out = append(out, s.Name+" "+v.Path)
		}
	}
	for _, c := range r.Routes {
		for _, v := range c.Settings {
			out = append(out, "route "+v.Path)
		}
	}
	for _, p := range r.Must {
		if p.Reworded || p.Old != p.New {
			out = append(out, "must "+p.Name)
		}
	}
	return out
}

func TestEverySettingThatChangesIsNamedWithItsReach(t *testing.T) {
	text := everything(t)
	old := parse(t, "old", text)
	for _, c := range []struct {
		from, to string
		effect   Effect
		path     string
	}{
		{"open: 5s", "open: 7s", EffectSettings, "breaker.open"},
		{"jitter: 10%", "jitter: 20%", EffectSettings, "breaker.jitter"},
		{"fall: 3", "fall: 4", EffectSettings, "health.fall"},
		{"settle: 500ms", "settle: 600ms", EffectSettings, "timeouts.settle"},
		{"in_flight: 200", "in_flight: 201", EffectSettings, "limit.in_flight"},
		{"tenant_share: 60%", "tenant_share: 61%", EffectSettings, "limit.tenant_share"},
		{"[100%, 90%, 75%]", "[100%, 90%, 70%]", EffectSettings, "limit.priorities"},
		{"tolerance: 1.4", "tolerance: 1.5", EffectSettings, "limit.adaptive.tolerance"},
		{"last_resort: refuse", "last_resort: use", EffectSettings, "last_resort"},
		{"body_max: 10MiB", "body_max: 11MiB", EffectSettings, "body_max"},
		{"panic_percent: 40%", "panic_percent: 50%", EffectSettings, "panic_percent"},
		{"bound: 125%", "bound: 130%", EffectSettings, "bound"},
		{"decay: 5s", "decay: 6s", EffectSettings, "decay"},
		{"sticky: {cookie: desk", "sticky: {cookie: seat", EffectSettings, "sticky.cookie"},
		{"weight: 50%, limit: 80", "weight: 50%, limit: 81", EffectSettings, "endpoint limit"},
		{"weight: 50%, limit: 80", "weight: 60%, limit: 80", EffectSettings, "endpoint weight"},
		{"max_requests: 10000", "max_requests: 10001", EffectNoDecision, "upstream.pool.max_requests"},
		{"server_name: cell-07.internal", "server_name: cell-08.internal", EffectNoDecision, "upstream.tls.server_name"},
		{"status: [200..299, 304]", "status: [200..299, 301]", EffectNoDecision, "health.status[1]"},
		{"      a: {url: \"https://10.7.1.11:8443\"}", "      z: {url: \"https://10.7.1.11:8443\"}", EffectNoDecision, "endpoint name"},
		{"region: eu, owner: team-payments}\n    endp", "region: us, owner: team-payments}\n    endp", EffectNone, "labels.region"},
		{"max_connections: 20000", "max_connections: 20001", EffectNone, "listen.edge max_connections"},
		{"url: https://cp.internal", "url: https://cq.internal", EffectNone, "control_plane url"},
		{"sample: 10%", "sample: 11%", EffectNone, "watching access_log.sample"},
		{"routers: 8..16", "routers: 9..16", EffectNone, "facts facts.routers"},
		{"requests: 600/s", "requests: 601/s", EffectNone, "facts facts.peak.cell-07"},
		{"answers: {availability: 99.9%}", "answers: {availability: 99.8%}", EffectNone, "must answers"},
		{"unknown_key: {to: shared-eu}", "unknown_key: {reject: 404}", EffectRoutes, "route unknown_key.reject"},
		{"default: 3}", "default: 4}", EffectRoutes, "routing priority.default"},
		{"dns: \"shared-eu.internal:8443\"", "dns: \"shared-eu.internal:9443\"", EffectSettings, "endpoints.dns"},
	} {
		if strings.Count(text, c.from) == 0 {
			t.Errorf("%s is not in the example", c.from)
			continue
		}
		r := compare(t, old, parse(t, "new", strings.Replace(text, c.from, c.to, 1)))
		if !slices.Contains(paths(r), c.path) {
			t.Errorf("%s: %s is not named: %q", c.to, c.path, paths(r))
		}
		if r.Effect != c.effect {
			t.Errorf("%s: effect %s, want %s", c.to, r.Effect, c.effect)
		}
	}
}

func TestBothPlacesOfAValueAreShown(t *testing.T) {
	r := sample(t)
	for _, p := range r.Placements {
		for _, s := range p.Settings {
			if p.Name == "cell-12" && s.Path == "limit.in_flight" {
				if s.Old != "400" || s.New != "200" || s.OldAt.String() != "old.yaml:21:22" || s.NewAt.String() != "new.yaml:39:24" {
					t.Errorf("%+v from %v to %v", s, s.OldAt, s.NewAt)
				}
				return
			}
		}
	}
	t.Error("the limit of cell-12 is not reported")
}

// hashing writes a placement of n endpoints under a policy, with its keys.
func hashing(policy string, n, keys int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "lockstep: 1\nversion: v\ndefaults: {health: none}\nplacements:\n  p: {select: %s, endpoints: {", policy)
	for i := range n {
		fmt.Fprintf(&b, "e%d: {url: \"http://p-%d:1\"}, ", i, i)
	}
	b.WriteString("z: {url: \"http://p-z:1\", weight: 200%}}}\nkeys:\n")
	for i := range keys {
		fmt.Fprintf(&b, "  key-%d: p\n", i)
	}
	return b.String()
}

// served is the URL that a router with the whole configuration sends a key to.
func served(t *testing.T, s Side, key string) string {
	t.Helper()
	r := core.New(core.Options{Strict: true})
	r.Step(0, &core.Event{Kind: core.Adopt, Config: s.Config}, nil)
	route, _ := s.Config.Match(key)
	for _, d := range r.Step(0, &core.Event{Kind: core.Arrive, Epoch: r.Epoch(), Route: route}, nil) {
		if d.Kind == core.Forward {
			return r.Endpoint(d.Endpoint).URL
		}
	}
	t.Fatalf("%s is not served", key)
	return ""
}

func TestKeysThatHashingMovesAreThoseThatARouterSendsElsewhere(t *testing.T) {
	const keys = 300
	for _, policy := range []string{"rendezvous", "maglev", "ketama"} {
		a, b := parse(t, "a", hashing(policy, 4, keys)), parse(t, "b", hashing(policy, 5, keys))
		want := 0
		for i := range keys {
			if key := fmt.Sprintf("key-%d", i); served(t, a, key) != served(t, b, key) {
				want++
			}
		}
		h := compare(t, a, b).Placements[0].Hash
		if h == nil || h.Keys != keys || h.Moved != want || want == 0 {
			t.Errorf("%s: %+v, want %d of %d", policy, h, want, keys)
		}
	}
	if r := compare(t, parse(t, "a", hashing("round_robin", 4, 3)), parse(t, "b", hashing("round_robin", 5, 3))); r.Placements[0].Hash != nil {
		t.Errorf("round robin hashes nothing: %+v", r.Placements[0].Hash)
	}
}

func TestTheThreeFormsOfOneMeaningHaveTheSameKeys(t *testing.T) {
	native := "lockstep: 1\nversion: v\nroutes: [{unknown_key: {to: b}}]\ndefaults: {health: none}\nplacements:\n  a: {endpoints: {a: {url: \"http://a:1\"}}, fallback: [b]}\n  b: {endpoints: {b: {url: \"http://b:1\"}}}\nkeys: {k: a}\n"
	forms := []Side{
		parse(t, "native", native),
		parse(t, "baseline 1", `{"version":"v","defaultPlacement":"b","routingTable":{"k":"a"},"cellEndpoints":{"a":"http://a:1","b":"http://b:1"}}`),
		parse(t, "baseline 2", `{"version":"v","defaultPlacement":"b","routingTable":{"k":"a"},"placements":{"a":{"url":"http://a:1","fallback":"b"},"b":{"url":"http://b:1"}}}`),
	}
	for _, a := range forms {
		for _, b := range forms {
			r := compare(t, a, b)
			if len(r.Tables) > 0 || len(r.Routes) > 0 {
				t.Errorf("%s and %s: %+v %+v", a.Name, b.Name, r.Tables, r.Routes)
			}
		}
	}
}

func TestAPlacementWithANewNameIsFoundByItsEndpoints(t *testing.T) {
	a := "lockstep: 1\nversion: v\nplacements: {old: {endpoints: {a: {url: \"http://a:1\"}}}}\nkeys: {k: old}\n"
	r := compare(t, parse(t, "a", a), parse(t, "b", strings.ReplaceAll(a, "old", "fresh")))
	if len(r.Placements) != 2 || r.Placements[0].SameAs != "old" || r.Placements[1].SameAs != "fresh" {
		t.Errorf("%+v", r.Placements)
	}
	if k := r.Tables[0]; k.Rerouted != 1 || k.HomeMoved != 1 {
		t.Errorf("core knows placements by name: %+v", k)
	}
}

func TestRoutesInAnotherOrderAndWithAnotherTableAreReported(t *testing.T) {
	text := "lockstep: 1\nversion: v\nroutes:\n  - {name: one, match: {path: /1}, table: x}\n  - {name: two, match: {path: /2}}\nplacements: {a: {endpoints: {a: {url: \"http://a:1\"}}}, b: {endpoints: {a: {url: \"http://b:1\"}}}}\nkeys: {k: a}\ntables: {x: {k: b, l: a}}\n"
	old := parse(t, "old", text)
	swapped := parse(t, "new", strings.Replace(strings.Replace(text, "name: one, match: {path: /1}, table: x", "name: two, match: {path: /2}", 1), "- {name: two, match: {path: /2}}\nplace", "- {name: one, match: {path: /1}, table: x}\nplace", 1))
	if r := compare(t, old, swapped); len(r.Routes) != 1 || !r.Routes[0].Order || r.Effect != EffectRoutes {
		t.Errorf("%+v", r.Routes)
	}
	r := compare(t, old, parse(t, "new", strings.Replace(text, ", table: x", "", 1)))
	if len(r.Routes) != 1 || r.Routes[0].Keys == nil || r.Routes[0].Keys.Rerouted != 1 || r.Routes[0].Keys.Removed != 1 {
		t.Fatalf("%+v", r.Routes)
	}
	if len(r.Tables) != 0 {
		t.Errorf("no table changed: %+v", r.Tables)
	}
}

func TestCapacitySaysTheArithmeticOfCheck(t *testing.T) {
	r := sample(t)
	i := slices.IndexFunc(r.Capacity.Placements, func(c CapacityChange) bool { return c.Placement == "cell-07" })
	c := &r.Capacity.Placements[i]
	// 6,400/s x 250 ms over 8 routers are 200 each; cell-12 has 100 of its own.
	if c.Old.InFlight != 200 || c.Old.Left != 0 || c.New.Left != 100 || !c.Worse {
		t.Errorf("%+v, before %+v", c.New, c.Old)
	}
	new := load(t, "new.yaml")
	warned := new.File.Capacity(new.Config).Error()
	if !strings.Contains(warned, "cell-12 cannot take the load of cell-07: 100 of its own and 200 guests in flight at each router, the limit is 200") {
		t.Errorf("check says: %s", warned)
	}
}

func TestFactsOfOneSideCountForBoth(t *testing.T) {
	text := "lockstep: 1\nversion: v\nFACTSplacements: {a: {endpoints: {a: {url: \"http://a:1\"}}, limit: {in_flight: 10}}}\nkeys: {k: a}\n"
	facts := "facts: {routers: 1, peak: {a: {requests: 100/s, latency: 50ms}}}\n"
	with := parse(t, "with", strings.Replace(text, "FACTS", facts, 1))
	without := parse(t, "without", strings.Replace(strings.Replace(text, "FACTS", "", 1), "10", "4", 1))
	r := compare(t, with, without)
	if c := r.Capacity; c.Facts != "old" || len(c.Placements) != 1 || !c.Placements[0].Worse || c.Placements[0].New.InFlight != 5 {
		t.Errorf("%+v", c)
	}
	if c := compare(t, without, without).Capacity; c.Facts != "" || c.Placements != nil {
		t.Errorf("%+v", c)
	}
}

func TestPromisesAreHeldBrokenOrLeftToRuns(t *testing.T) {
	r := sample(t)
	got := map[string]string{}
	for _, p := range r.Must {
		got[p.Name] = p.Old + " > " + p.New
	}
	want := map[string]string{"one-test-request": "held > broken", "labelled": "held > ", "survives-one-cell": "needs_runs > needs_runs"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestEveryGatePassesAndFails(t *testing.T) {
	old, changed := load(t, "old.yaml"), load(t, "new.yaml")
	for _, c := range []struct {
		gate string
		pass bool
	}{
		{"rerouted:5%", false},
		{"rerouted:78.6%", true},
		{"home-moved:40%", false},
		{"home-moved:43%", true},
		{"removed:0%", false},
		{"removed:15%", true},
		{"guards", false},
		{"capacity", false},
		{"must", false},
		{"decisions", false},
	} {
		g, err := ParseGate(c.gate)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Compare(old, changed, Options{Gates: []Gate{g}})
		if err != nil {
			t.Fatal(err)
		}
		if r.Gates[0].Passed != c.pass || r.Gates[0].Gate != c.gate {
			t.Errorf("%s: %+v", c.gate, r.Gates[0])
		}
		if same, err := Compare(old, old, Options{Gates: []Gate{g}}); err != nil || !same.Gates[0].Passed || !same.Passed() {
			t.Errorf("%s fails without a change: %+v %v", c.gate, same.Gates, err)
		}
	}
	for _, bad := range []string{"", "rerouted", "rerouted:5", "rerouted:101%", "rerouted:NaN%", "capacity:5%", "speed"} {
		if g, err := ParseGate(bad); err == nil {
			t.Errorf("%q is taken for %+v", bad, g)
		}
	}
}

func TestLargeCountsDoNotOverflowAGate(t *testing.T) {
	const keys = 1 << 40
	if over(keys*million/100, keys*million, 10_000) || !over(keys*million/100+1, keys*million, 10_000) {
		t.Error("1 % of 2^40 keys is misjudged")
	}
}

// million-key files are CSV.
func manyKeys(b *testing.B, n, weight int, home func(i int) string) Side {
	b.Helper()
	dir := b.TempDir()
	var text strings.Builder
	text.WriteString("key,placement\n")
	for i := range n {
		fmt.Fprintf(&text, "tenant-%08d,%s\n", i, home(i))
	}
	main := "lockstep: 1\ninclude: [eu.csv]\nplacements:\n"
	for i := range 10 {
		main += fmt.Sprintf("  cell-%d: {select: rendezvous, endpoints: {a: {url: \"http://a-%d:1\"}, b: {url: \"http://b-%d:1\", weight: %d%%}}}\n", i, i, i, weight)
	}
	for name, content := range map[string]string{"main.yaml": main, "eu.csv": text.String()} {
		if err := os.WriteFile(dir+"/"+name, []byte(content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	f, err := configfile.Load(dir + "/main.yaml")
	if err != nil {
		b.Fatal(err)
	}
	c, err := f.Compile()
	if err != nil {
		b.Fatal(err)
	}
	return Side{Name: "main.yaml", File: f, Config: c}
}

// BenchmarkCompareMillion compares two configurations of a million keys, of which
// a hundredth moves; under hashed all endpoints have another weight as well, so
// that core picks an endpoint for every key on both sides.
func BenchmarkCompareMillion(b *testing.B) {
	for name, weight := range map[string]int{"moved": 100, "hashed": 150} {
		b.Run(name, func(b *testing.B) { benchCompare(b, weight) })
	}
}

func benchCompare(b *testing.B, weight int) {
	const n = 1_000_000
	old := manyKeys(b, n, 100, func(i int) string { return fmt.Sprintf("cell-%d", i%10) })
	changed := manyKeys(b, n, weight, func(i int) string {
		if i%100 == 7 {
			return fmt.Sprintf("cell-%d", (i/100)%10)
		}
		return fmt.Sprintf("cell-%d", i%10)
	})
	b.ReportAllocs()
	for b.Loop() {
		r, err := Compare(old, changed, Options{})
		if err != nil || r.Tables[0].Rerouted != n/100-n/1000 {
			b.Fatal(err, r.Tables)
		}
	}
}

func TestAShareBeyondALimitNeverReadsAsTheLimit(t *testing.T) {
	for want, parts := range map[string][2]uint64{
		"6.377%":  {6_377, 100_000},
		"5.0001%": {50_001, 1_000_001}, // 5.00009..%
		"0%":      {0, 10},
		"100%":    {7, 7},
	} {
		if got := exactShare(parts[0], parts[1]); got != want {
			t.Errorf("%d of %d is %s, not %s", parts[0], parts[1], got, want)
		}
	}
}
