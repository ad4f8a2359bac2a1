package fuzz

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"lockstep/core"
	"lockstep/sim"
	"lockstep/sim/internal/planted"
)

// ordinary is a configuration with the shapes of scenarios/configs, a placement
// of each policy, and one that is connected with no other: the one in which
// planted bugs are searched for.
func ordinary() core.Spec {
	spec := core.Spec{Version: "1", Default: "shared"}
	for i, p := range []core.PlacementSpec{
		{Name: "cell-a", Fallback: []string{"cell-b", "shared"}, Select: core.RoundRobin},
		{Name: "cell-b", Fallback: []string{"shared"}, Select: core.LeastRequest},
		{Name: "cell-c", Fallback: []string{"shared"}, Select: core.First},
		{Name: "island", Select: core.LeastRequest},
		{Name: "shared", Select: core.Rendezvous, Kind: core.ReasonTier},
	} {
		p.Limit = core.LimitSpec{InFlight: 30, Guests: 12}
		p.Breaker = core.BreakerSpec{Open: 3 * core.Second, Growth: 2 * million, OpenMax: 20 * core.Second, Jitter: 200_000}
		p.Health = core.HealthSpec{Every: 3 * core.Second, Timeout: core.Second, Fall: 2}
		p.Timeouts = core.TimeoutSpec{Connect: core.Second}
		for e := range 3 {
			p.Endpoints = append(p.Endpoints, core.EndpointSpec{
				Name: string(rune('a' + e)), URL: fmt.Sprintf("http://10.0.%d.%d:80", i, e+1), Weight: 100 / uint32(e+1),
			})
		}
		spec.Placements = append(spec.Placements, p)
		for k := range 3 {
			spec.Keys = append(spec.Keys, core.KeySpec{Key: fmt.Sprintf("%s-%d", p.Name, k), Placement: p.Name})
		}
	}
	return spec
}

// routed is ordinary with two more routes, a table of its own for one of them,
// and keys that are split.
func routed() core.Spec {
	s := ordinary()
	s.Splits = []core.SplitSpec{{Name: "moving", Parts: []core.PartSpec{{Placement: "cell-a", Share: 700_000}, {Placement: "island", Share: 300_000}}}}
	s.Keys = append(s.Keys, core.KeySpec{Key: "nordbank", Placement: "moving"})
	s.Tables = []core.TableSpec{{Name: "partners", Keys: []core.KeySpec{
		{Key: "cell-a-0", Placement: "cell-c"}, {Key: "nordbank", Placement: "moving"}, {Key: "acme", Placement: "cell-b"},
	}}}
	s.Routes = []core.RouteSpec{{Table: "partners", UnknownStatus: 404}, {Default: "cell-c"}}
	return s
}

// choosy is a configuration with what R6 and R10 offer beyond the ordinary.
func choosy() core.Spec {
	spec := ordinary()
	for i := range spec.Placements {
		p := &spec.Placements[i]
		p.Endpoints = append(p.Endpoints, core.EndpointSpec{Name: "d", URL: fmt.Sprintf("http://10.0.%d.9:80", i)})
		p.Breaker.FailureRatio, p.Breaker.SlowRatio = 400_000, 500_000
		p.Breaker.MinRequests, p.Breaker.SlowCall, p.Breaker.Window = 6, 80*core.Millisecond, 4*core.Second
		switch p.Name {
		case "cell-a":
			p.Sticky, p.SlowStart = core.StickySpec{Cookie: "desk"}, 5*core.Second
		case "cell-b":
			p.Select, p.Decay = core.EWMA, 2*core.Second
		case "cell-c":
			p.Select = core.Ketama
		case "island":
			p.Shards, p.SlowStart = 2, 3*core.Second
		case "shared":
			p.Select, p.Bound = core.Maglev, 125
		}
	}
	return spec
}

// patient is ordinary with queues and retries, and limits that are met.
func patient() core.Spec {
	s := ordinary()
	for i := range s.Placements {
		p := &s.Placements[i]
		p.Limit = core.LimitSpec{InFlight: 4, Guests: 2, WhenFull: core.QueueWhenFull, Queue: 4, Wait: 200 * core.Millisecond}
		p.Retries = core.RetrySpec{Max: 2, On: core.OnConnect | core.OnReset | core.OnTimeout | core.On5xx, Floor: 1}
		switch p.Name {
		case "cell-b":
			p.Limit.Order, p.Retries.Methods = core.NewestFirst, core.RetryIdempotent
		case "cell-c":
			p.Limit.WhenFull, p.Limit.Queue, p.Limit.Wait, p.Limit.InFlight = core.FailOverWhenFull, 0, 0, 30
		case "island":
			p.Retries.Floor, p.Retries.NoBudget = 0, true
		case "shared":
			p.Limit.InFlight, p.Retries.Floor = 8, 9
		}
	}
	return s
}

// plant is a target whose routers have a bug. Relations are left out of the
// search for what a checker must see: two runs differ over many a bug.
func plant(b *planted.Bug) *Target {
	t := &Target{Name: "planted", Spec: ordinary(), tamper: func() sim.Tamper { return sim.Tamper(b.Tamper()) }}
	if b.Routed {
		t.Spec = routed()
	}
	if b.Guarded {
		t.Spec.Guards = core.GuardSpec{KeysRerouted: 5, KeysRemoved: 20, EndpointsRemoved: 10, LimitLowered: 20}
	}
	if b.Choice {
		t.Spec = choosy()
	}
	if b.Waits {
		t.Spec = patient()
	}
	t.Accept = relations()
	if b.Alone {
		t.Accept = properties()
	}
	t.Accept = slices.DeleteFunc(t.Accept, func(name string) bool { return name == b.Property })
	if b.Property == NMinusOne {
		t.Facts.Peak = map[string]Load{"cell-a": {PerSecond: 60, Latency: 100 * core.Millisecond}, "cell-b": {PerSecond: 120, Latency: 100 * core.Millisecond}}
	}
	return t
}

// properties lists what a search may find wrong with a router.
func properties() []string {
	names := append(relations(), "liveness")
	for i := range 16 {
		names = append(names, fmt.Sprintf("R%d", i+1))
	}
	return names
}

// relations lists those between two runs, but for R15, which is a checker's name too.
func relations() (names []string) {
	for r := range sim.Relations {
		if name := sim.Relation(r).String(); name != "R15" {
			names = append(names, name)
		}
	}
	return names
}

// hunt searches from one seed on, and returns the finding, as it was found, and
// how many seeds that took.
func hunt(target *Target, from, most uint64) (f *Finding, seeds uint64) {
	for _, n := range TryNMinusOne(target) {
		if n.Finding != nil {
			return n.Finding, 0
		}
	}
	for seed := from; seed < from+most; seed++ {
		c := Generate(NewSeeded(seed), target, seed)
		r := target.run(&c)
		if f := target.judge(&c, &r); f != nil {
			return f, seed - from + 1
		}
	}
	return nil, most
}

func TestEveryPlantedBugIsFoundWithinItsSeeds(t *testing.T) {
	for _, b := range planted.Bugs() {
		switch f, _ := hunt(plant(&b), 0, b.Seeds); {
		case f == nil:
			t.Errorf("%s, %s: %d seeds found nothing", b.Property, b.Name, b.Seeds)
		case f.Property != b.Property:
			t.Errorf("%s, %s: found as %s: %s", b.Property, b.Name, f.Property, f.Sentence)
		}
	}
}

// TestPlantedBugsMeasured prints the table of sim/README.md. It runs when
// PLANTED is the number of searches to make for each bug, such as 9.
func TestPlantedBugsMeasured(t *testing.T) {
	searches, err := strconv.Atoi(os.Getenv("PLANTED"))
	if err != nil {
		t.Skip("set PLANTED=9 and -v to measure")
	}
	fmt.Println("| property | bug | seeds: enough | median | worst | seconds | lines | seconds to shrink, worst |\n|---|---|---|---|---|---|---|---|")
	var all []int
	for _, b := range planted.Bugs() {
		var seeds []uint64
		var lines []int
		var search, shrink []time.Duration
		for n := range searches {
			target, begin := plant(&b), time.Now()
			f, took := hunt(target, uint64(n)*1_000_003, 2*b.Seeds)
			if f == nil || f.Property != b.Property {
				t.Fatalf("%s, %s: nothing, or something else, in %d seeds", b.Property, b.Name, took)
			}
			search, begin = append(search, time.Since(begin)), time.Now()
			if f.Lost == "" {
				f = target.shrunk(f, always)
				target.tell(f)
			}
			shrink = append(shrink, time.Since(begin))
			seeds, lines = append(seeds, took), append(lines, 1+len(f.Story)) // with the line that says Story
		}
		mark := map[bool]string{true: " *"}[b.Alone]
		fmt.Printf("| %s | %s%s | %d | %d | %d | %.2f | %d | %.1f |\n", b.Property, b.Name, mark, b.Seeds, median(seeds), slices.Max(seeds),
			median(search).Seconds(), median(lines), slices.Max(shrink).Seconds())
		all = append(all, median(lines))
	}
	fmt.Printf("median story: %d lines\n", median(all))
}

func median[T int | uint64 | time.Duration](s []T) T {
	slices.Sort(s)
	return s[len(s)/2]
}
