package sim

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lockstep/core"
	"lockstep/sim/internal/planted"
)

const sec = core.Time(core.Second)

// troubled is a run in which everything that the checkers judge happens:
// p0 fails and comes back, its traffic fills p1, p2 refuses connections to
// health probes only, pushes come stale and damaged, and the router drains.
func troubled() Plan {
	place := func(name string, fallback ...string) core.PlacementSpec {
		return core.PlacementSpec{
			Name: name, Fallback: fallback, Endpoints: []core.EndpointSpec{{URL: "http://" + name + ":80"}},
			Limit:    core.LimitSpec{InFlight: 6, Guests: 2},
			Breaker:  core.BreakerSpec{Failures: 3, Open: core.Second},
			Health:   core.HealthSpec{Every: 500 * core.Millisecond, Timeout: 100 * core.Millisecond},
			Timeouts: core.TimeoutSpec{ResponseHeader: 2 * core.Second},
		}
	}
	spec := core.Spec{
		Version: "1", Default: "p2", Placements: []core.PlacementSpec{place("p0", "p1"), place("p1"), place("p2")},
		Keys: []core.KeySpec{{Key: "a", Placement: "p0"}, {Key: "b", Placement: "p1"}, {Key: "c", Placement: "p2"}},
	}
	newer := spec
	newer.Version = "2"
	return Plan{
		Name: "troubled", Length: 20 * core.Second, Spec: spec, Epoch: core.Epoch{Number: 5},
		Clients: []Client{{Name: "all", Rate: 90, Poisson: true, NoKey: 10_000, Unknown: 10_000}},
		Backend: Backend{Service: Service{Shape: Exponential, Typical: 80 * core.Millisecond}},
		Faults: []Fault{
			{Kind: Flaky, Placement: "p0", At: 2 * sec, Until: 6 * sec},
			{Kind: HealthDown, Placement: "p2", At: 3 * sec, Until: 6 * sec},
			{Kind: Drain, At: 18 * sec, Until: 19 * sec},
		},
		Pushes: []Push{
			{At: 8 * sec, Spec: &newer, Epoch: core.Epoch{Number: 4}},
			{At: 9 * sec, Garbage: true},
			{At: 10 * sec, Spec: &newer, Epoch: core.Epoch{Number: 6}},
		},
	}
}

func TestCheckersFindNothingWrongWithTheCore(t *testing.T) {
	r := Run(troubled(), Options{Check: true})
	if r.Err != nil || r.Violated > 0 {
		t.Fatal(r.Err, r.Violations)
	}
	for _, s := range []Situation{SawOpened, SawRelapse, SawClosed, SawUnhealthy, SawLimit, SawCircuitOpen, SawGuestRefused, SawNackStale, SawNackInvalid, SawDrainRefusal} {
		if !r.Sometimes.Has(s) {
			t.Errorf("the run never saw: %s", s)
		}
	}
}

// plans is how many drawn plans are tried on a planted bug.
const plans = 400

func TestEveryPlantedBugIsCaught(t *testing.T) {
	drawn, waiting := make([]Plan, 0, plans), make([]Plan, 0, plans)
	for seed := range plans {
		drawn = append(drawn, rapid.Custom(drawPlan).Example(seed))
		waiting = append(waiting, rapid.Custom(waitingPlan).Example(seed))
	}
	elsewhere := []string{"liveness", "invariant", "half-open-single-probe", "N-1"} // in no drawn plan, or judged by sim/fuzz
	for _, b := range planted.Bugs() {
		if slices.Contains(elsewhere, b.Property) || b.Property == "R15" && b.Alone {
			continue // a drawn plan hardly ever has two components: isolation_test.go
		}
		o := Options{Check: true, Tamper: func() Tamper { return Tamper(b.Tamper()) }}
		caught, instead := false, map[string]int{}
		for i := 0; i < plans && !caught; i++ {
			p := drawn[i]
			if b.Waits {
				p = waiting[i]
			}
			if b.Guarded {
				guardPushes(&p)
			}
			for _, v := range judgedAlone(&b, p, o) {
				caught = caught || v.Property == b.Property
				instead[v.Property]++
			}
		}
		if !caught {
			t.Errorf("%s, %s: not caught in %d plans, but as %v", b.Property, b.Name, plans, instead)
		}
	}
}

// judgedAlone returns what is seen first of a bug, or what its own relation sees.
func judgedAlone(b *planted.Bug, p Plan, o Options) []Violation {
	for r := NoRelation + 1; b.Alone && r < relations; r++ {
		if r.String() == b.Property {
			found, _ := CheckRelation(p, r, p.Seed, o)
			return found
		}
	}
	r := Run(p, o)
	return r.Violations[:min(1, len(r.Violations))]
}

func TestAnAbortedAttemptThatNeverEndsIsCaught(t *testing.T) {
	w := &world{result: &Result{}}
	c := checker{w: w, r: &router{w: w}, attempts: []attemptModel{{gen: 1, aborted: 5}, {gen: 2}, {aborted: 5}}}
	for c.now = 5; c.now < 7; c.now++ {
		c.checkAborted()
	}
	if w.result.Violated != 1 || w.result.Violations[0].Property != "R14" {
		t.Errorf("found %+v", w.result.Violations)
	}
}

func TestAnEndpointThatAPushRenumbersIsCaught(t *testing.T) {
	spec := func(version string, hosts ...string) core.Spec {
		s := core.Spec{Version: version, Placements: []core.PlacementSpec{{Name: "p", Health: core.HealthSpec{Off: true}}}, Keys: []core.KeySpec{{Key: "k", Placement: "p"}}}
		for _, h := range hosts {
			s.Placements[0].Endpoints = append(s.Placements[0].Endpoints, core.EndpointSpec{URL: "http://" + h + ":80"})
		}
		return s
	}
	newer := spec("4", "a", "b", "c")
	p := Plan{
		Length: 10 * core.Second, Spec: spec("1", "a", "b", "c"), Epoch: core.Epoch{Number: 1}, Clients: []Client{{Name: "all", Rate: 10}},
		Pushes: []Push{{At: 5 * sec, Spec: &newer, Epoch: core.Epoch{Number: 4}}},
	}
	// Two configurations that nobody else sees free the numbers of a and b, and give b that of a.
	bug := func() Tamper {
		return Tamper{Event: func(r *core.Router, now core.Time, ev *core.Event) {
			if ev.Kind != core.Adopt || ev.Epoch.Number != 4 {
				return
			}
			for i, s := range []core.Spec{spec("2", "c"), spec("3", "b", "c")} {
				c, err := core.Compile(s)
				if err != nil {
					t.Fatal(err)
				}
				r.Step(now, &core.Event{Kind: core.Adopt, Config: c, Epoch: core.Epoch{Number: uint64(i) + 2}}, nil)
			}
		}}
	}
	r := Run(p, Options{Check: true, Tamper: bug})
	if r.Violated == 0 || r.Violations[0].Property != "R12" || !strings.Contains(r.Violations[0].Detail, "another number") {
		t.Errorf("%d violations: %+v", r.Violated, r.Violations[:min(2, len(r.Violations))])
	}
	mustRun(t, p)
}

func TestAnAnswerThatNamesAnotherEpochIsCaught(t *testing.T) {
	bug := func() Tamper {
		return Tamper{Decide: func(r *core.Router, _ core.Time, _ *core.Event, d *core.Decision) {
			if d.Kind == core.Nack {
				d.Epoch = r.Epoch()
			}
		}}
	}
	r := Run(troubled(), Options{Check: true, Tamper: bug})
	if r.Violated == 0 || r.Violations[0].Property != "R12" {
		t.Errorf("%d violations: %+v", r.Violated, r.Violations[:min(2, len(r.Violations))])
	}
}
