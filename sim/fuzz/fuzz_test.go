package fuzz

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/core"
	"lockstep/sim"
)

// sound is a configuration with two cells and a shared tier that break no promise.
func sound() core.Spec {
	return core.Spec{
		Version: "1", Default: "shared", Keys: []core.KeySpec{{Key: "acme", Placement: "cell-a"}, {Key: "visa", Placement: "cell-b"}},
		Placements: []core.PlacementSpec{
			cell("cell-a", "10.0.1", "cell-b", "shared"), cell("cell-b", "10.0.2", "shared"), cell("shared", "10.0.3"),
		},
	}
}

func cell(name, network string, fallback ...string) core.PlacementSpec {
	return core.PlacementSpec{
		Name: name, Fallback: fallback, Limit: core.LimitSpec{InFlight: 100, Guests: 60},
		Breaker:   core.BreakerSpec{Open: 5 * core.Second},
		Endpoints: []core.EndpointSpec{{Name: "a", URL: "http://" + network + ".1:80"}, {Name: "b", URL: "http://" + network + ".2:80"}},
	}
}

func TestASoundConfigurationBreaksNoProperty(t *testing.T) {
	target := &Target{Name: "sound", Spec: sound()}
	for seed := range uint64(60) {
		if o := Try(target, seed); o.Err != nil || o.Finding != nil {
			t.Fatalf("seed %d: %v %+v", seed, o.Err, o.Finding)
		}
	}
}

func TestASeedDeterminesItsOutcome(t *testing.T) {
	target := &Target{Name: "sound", Spec: sound()}
	for seed := range uint64(5) {
		a, b := Generate(NewSeeded(seed), target, seed), Generate(NewSeeded(seed), target, seed)
		if d := cmp.Diff(a, b); d != "" {
			t.Fatal(d)
		}
		if x, y := target.run(&a), target.run(&b); x.Digest != y.Digest {
			t.Fatalf("seed %d: digests %x and %x", seed, x.Digest, y.Digest)
		}
	}
}

func TestEveryDrawnCaseCanBeRun(t *testing.T) {
	target := &Target{Name: "sound", Spec: sound()}
	rapid.Check(t, func(rt *rapid.T) {
		c := Generate(rapidDraw{rt}, target, rapid.Uint64().Draw(rt, "seed"))
		c.Plan.Length = min(c.Plan.Length, 3*core.Second)
		c.Plan.Recovery = 0
		r := target.run(&c)
		if r.Err != nil {
			rt.Fatal(r.Err)
		}
		if f := target.judge(&c, &r); f != nil {
			rt.Fatalf("%s: %s", f.Property, f.Sentence)
		}
	})
}

// rapidDraw lets rapid make the generator's choices, and shrink them.
type rapidDraw struct{ t *rapid.T }

func (d rapidDraw) Range(lo, hi uint64, label string) uint64 {
	return rapid.Uint64Range(lo, max(lo, hi)).Draw(d.t, label)
}

func TestTwoTestRequestsAtOnceAreFoundAndTheKeyIsNamed(t *testing.T) {
	target := &Target{Name: "herd", Spec: sound()}
	target.Spec.Placements[1].Breaker.Probes = 2
	f := search(t, target, 100)
	if f.Property != SingleProbe || f.Key != "placements.cell-b.breaker.half_open_probes" {
		t.Fatalf("found %s, key %s", f.Property, f.Key)
	}
	if n := len(f.Story); n > 12 {
		t.Errorf("the story has %d lines", n)
	}
	target.Accept = []string{SingleProbe}
	for seed := range uint64(20) {
		if o := Try(target, seed); o.Finding != nil {
			t.Fatalf("accepted, and found: %s", o.Finding.Sentence)
		}
	}
}

// search returns the first finding of so many seeds.
func search(t *testing.T, target *Target, seeds uint64) *Finding {
	t.Helper()
	for seed := range seeds {
		if o := Try(target, seed); o.Finding != nil {
			return o.Finding
		}
	}
	t.Fatalf("%d seeds found nothing", seeds)
	return nil
}

func TestNMinusOneNamesTheFallbackThatIsTooSmall(t *testing.T) {
	peak := map[string]Load{
		"cell-a": {PerSecond: 200, Latency: 250 * core.Millisecond},
		"cell-b": {PerSecond: 100, Latency: 250 * core.Millisecond},
	}
	for _, c := range []struct {
		name   string
		limit  core.LimitSpec
		broken string
	}{
		{"room for both", core.LimitSpec{InFlight: 100, Guests: 60}, ""},
		{"too few slots", core.LimitSpec{InFlight: 60}, "placements.cell-b.limit.in_flight"},
		{"too few for itself", core.LimitSpec{InFlight: 20}, "placements.cell-b.limit.in_flight"},
		{"too few for guests", core.LimitSpec{InFlight: 100, Guests: 20}, "placements.cell-b.limit.guests"},
	} {
		target := &Target{Name: c.name, Spec: sound(), Facts: Facts{Peak: peak}}
		target.Spec.Placements[0].Fallback = []string{"cell-b"}
		target.Spec.Placements[1].Limit = c.limit
		key := ""
		for _, n := range TryNMinusOne(target) {
			if n.Err != nil {
				t.Fatal(c.name, n.Err)
			}
			if n.Finding != nil {
				key = n.Finding.Key
				t.Log(n.Finding.Sentence, n.Finding.Story)
			}
		}
		if key != c.broken {
			t.Errorf("%s: key %q, want %q", c.name, key, c.broken)
		}
	}
}

// With equal answers those who came first would keep every slot.
func TestGuestsOfEqualLoadAreSeenToCrowdOutThoseAtHome(t *testing.T) {
	home := []Promise{{Name: "home-first", Kind: HomeFirst, Share: 1000}}
	for _, c := range []struct {
		name   string
		limit  core.LimitSpec
		must   []Promise
		broken string
	}{
		{"far too few slots", core.LimitSpec{InFlight: 28}, nil, "N-1 limit.guests"},
		{"nearly enough", core.LimitSpec{InFlight: 38, Guests: 30}, nil, "N-1 limit.in_flight"},
		{"a cap of no use", core.LimitSpec{InFlight: 30, Guests: 25}, home, "home-first limit.guests"},
		{"a cap", core.LimitSpec{InFlight: 30, Guests: 8}, home, ""},
	} {
		load := Load{PerSecond: 200, Latency: 100 * core.Millisecond}
		target := &Target{Name: c.name, Spec: sound(), Facts: Facts{Peak: map[string]Load{"cell-a": load, "cell-b": load}}, Must: c.must}
		target.Spec.Placements[0].Fallback = []string{"cell-b"}
		target.Spec.Placements[1].Limit = c.limit
		o, got := TryNMinusOne(target)[0], ""
		if f := o.Finding; f != nil {
			got = f.Property + " " + strings.TrimPrefix(f.Key, "placements.cell-b.")
			if steady := f.Story[len(f.Story)-1].Text; strings.Contains(steady, ", 0.0 % of those at home") {
				t.Errorf("%s: %s", c.name, steady)
			}
		}
		if got != c.broken || o.Err != nil {
			t.Errorf("%s: %q, want %q, %v", c.name, got, c.broken, o.Err)
		}
	}
}

func TestNMinusOneOfABreakerThatIsOpenForADayIsBounded(t *testing.T) {
	target := tight()
	target.Spec.Placements[0].Breaker.Growth, target.Spec.Placements[0].Breaker.OpenMax = 10*million, 24*3600*core.Second
	f := TryNMinusOne(target)[0]
	if f.Err != nil || f.Finding == nil || f.Finding.At > core.Time(settled.Add(longestSettling+core.Second)) {
		t.Errorf("%v %s", f.Err, describe(f.Finding))
	}
}

func TestACoreThatStopsIsAFinding(t *testing.T) {
	target := &Target{Name: "sound", Spec: sound()}
	r := sim.Result{Violated: 1, Violations: []sim.Violation{{Property: Invariant, Detail: "core: broken invariant"}}}
	if f := target.judge(&Case{}, &r); f == nil || f.Property != Invariant || f.Sentence != "core: broken invariant" {
		t.Fatalf("judged as %+v", f)
	}
}

func TestAReducedConfigurationKeepsKeysOfEveryPlacement(t *testing.T) {
	s := sound()
	for i := range 1000 {
		s.Keys = append(s.Keys, core.KeySpec{Key: fmt.Sprint(i), Placement: "cell-a"})
	}
	kept := map[string]int{}
	for _, k := range Reduce(s).Keys {
		kept[k.Placement]++
	}
	if kept["cell-a"] != maxKeys || kept["cell-b"] != 1 {
		t.Errorf("kept %v", kept)
	}
}

func TestWithoutStatedLoadsNMinusOneIsNotJudged(t *testing.T) {
	if n := TryNMinusOne(&Target{Spec: sound()}); n != nil {
		t.Fatalf("tried %+v", n)
	}
}

func TestAShrunkCaseKeepsOnlyWhatTheFailureNeeds(t *testing.T) {
	target := &Target{Name: "sound", Spec: sound()}
	// The planted failure: a fault of cell-b that refuses, and any burst.
	fails := func(c *Case) bool {
		refused := false
		for _, f := range c.Plan.Faults {
			refused = refused || f.Kind == sim.Refuse && f.Placement == "cell-b"
		}
		return refused && len(c.Plan.Bursts) > 0
	}
	shrunk := 0
	for seed := range uint64(300) {
		c := Generate(NewSeeded(seed), target, seed)
		if !fails(&c) {
			continue
		}
		shrunk++
		small := Shrink(c, func(c *Case) (core.Time, bool) { return core.Time(c.Plan.Length), fails(c) })
		if len(timeline(&small)) != 2 || !fails(&small) {
			t.Errorf("seed %d shrank to %v", seed, timeline(&small))
		}
		if small.Plan.Bursts[0].Requests != 1 || len(small.Plan.Clients) != 1 {
			t.Errorf("seed %d kept %d requests and %d clients", seed, small.Plan.Bursts[0].Requests, len(small.Plan.Clients))
		}
	}
	if shrunk < 5 {
		t.Fatalf("only %d seeds had the planted failure", shrunk)
	}
}

func TestARequestOfTheTrickleEndsBeforeTheNextBegins(t *testing.T) {
	target := &Target{Name: "sound", Spec: sound()}
	for seed := range uint64(400) {
		p := Generate(NewSeeded(seed), target, seed).Plan
		if p.Recovery == 0 {
			continue
		}
		const unlikely = 15 // no exponential draw is so many times its mean
		slowest := max(unlikely*p.Backend.Service.Typical, p.Backend.Service.Slow) + p.Backend.Body + 2*(p.Link.Latency+p.Link.Jitter)
		if gap := core.Second / trickleRate; slowest >= gap {
			t.Errorf("seed %d: one may take %d ms, the next comes after %d ms", seed, slowest/core.Millisecond, gap/core.Millisecond)
		}
	}
}
