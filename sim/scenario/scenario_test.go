package scenario

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lockstep/core"
	"lockstep/sim"
)

// example is a scenario with one placement that refuses from 5 s to 10 s.
func example() *File {
	return &File{
		Scenario: 1, Name: "n", ModelledOn: "m", Why: "w", Property: "p", Config: map[string]any{},
		Length: Span(20 * core.Second), Clients: []Client{{Name: "c", Rate: 100}},
		Faults: []Fault{{At: Span(5 * core.Second), For: Span(5 * core.Second), Do: "refuse", Placement: "cell"}},
	}
}

func load(any) (core.Spec, error) {
	return core.Spec{Version: "1", Keys: []core.KeySpec{{Key: "k", Placement: "cell"}}, Placements: []core.PlacementSpec{{
		Name: "cell", Endpoints: []core.EndpointSpec{{Name: "a", URL: "http://a:1"}},
		Health: core.HealthSpec{Off: true}, Breaker: core.BreakerSpec{Off: true},
	}}}, nil
}

// host loads that configuration, and knows one expression: whether requests are more than before.
var host = Host{Load: load, Compile: func(text string, units map[string]Unit, others []string) (*Expression, error) {
	if _, ok := units["requests"]; !ok || text != "requests > before.requests" || !slices.Contains(others, "before") {
		return nil, errors.New("unknown name")
	}
	return &Expression{
		Uses:  []Ref{{"", "requests"}, {"before", "requests"}},
		Holds: func(v []int64) (bool, error) { return v[0] > v[1], nil },
	}, nil
}}

func bound(text string) (b Bound) {
	if err := b.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return b
}

func TestFiguresAreCutByTimeAndPlacement(t *testing.T) {
	f := example()
	f.Expect = []Expectation{
		{Name: "before", To: Span(4 * core.Second), Availability: bound("100%"), Requests: bound("400")},
		{Name: "during", From: Span(6 * core.Second), To: Span(10 * core.Second), Placement: "cell", Availability: bound("0%"), Classes: map[string]Bound{"connect_refused": bound("400")}},
		{Name: "afterwards", From: Span(11 * core.Second), Failed: bound("0"), P99: bound("<= 20ms")},
		{Name: "wrong on purpose", Failed: bound("0")},
	}
	plan, err := f.Plan(host)
	if err != nil {
		t.Fatal(err)
	}
	v, err := Judge(f, plan, "", sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range v.Checks {
		if c.OK != (c.Expectation != "wrong on purpose") {
			t.Errorf("%+v", c)
		}
	}
	if _, failed := v.Failed("wrong on purpose"); v.OK || !failed {
		t.Error("the wrong expectation did not fail the verdict")
	}
}

func TestUnchangedWithoutFaultsSeesADifference(t *testing.T) {
	f := example()
	f.Faults[0].Do = "hang" // answers come late, and the decisions stay as they were
	f.Expect = []Expectation{{Name: "same", UnchangedWithout: "faults"}}
	for _, c := range []struct {
		limit int32
		same  bool
	}{{0, true}, {10, false}} {
		plan, err := f.Plan(host)
		if err != nil {
			t.Fatal(err)
		}
		plan.Spec.Placements[0].Limit.InFlight = c.limit
		v, err := Judge(f, plan, "", sim.Options{})
		if err != nil || v.OK != c.same {
			t.Errorf("limit %d: %v %+v", c.limit, err, v.Checks)
		}
	}
}

func TestAPlanWrittenAsAFileReadsBackTheSame(t *testing.T) {
	f := example()
	f.Expect = []Expectation{{Name: "e", Failed: bound(">= 0")}}
	f.Clients[0].Retries, f.Clients[0].Backoff = 3, Span(core.Second)
	f.Clients[0].Retry = Retry{Grow: 2 * million, Max: Span(9 * core.Second), Jitter: true, Budget: 100_000, Floor: 2}
	f.Joins, f.WallClock = []Join{{At: 1, Routers: 2, Over: 3}}, true
	f.Faults = append(f.Faults, Fault{At: 5, For: 6, Do: "upgrade", Pause: 4}, Fault{At: 9, For: 6, Do: "silence", Spread: 7})
	f.Clients[0].Ramp = Ramp{Period: Span(core.Second), Low: 100_000}
	f.Clients[0].Hold = Hold{At: 1, For: 2, Over: 3}
	f.Backend = Backend{
		Workers: 4, Knee: 5, Strain: 20_000, Warmup: Span(core.Second), Cold: 3 * million,
		Service: Service{Shape: "lognormal", Typical: 5, P99: 9, Histogram: []Step{{7, 1}}},
	}
	plan, err := f.Plan(host)
	if err != nil {
		t.Fatal(err)
	}
	again := FromPlan(plan)
	again.ModelledOn, again.Why, again.Property, again.Expect = f.ModelledOn, f.Why, f.Property, f.Expect
	reread, err := again.Plan(host)
	if d := cmp.Diff(plan, reread); err != nil || d != "" {
		t.Error(err, d)
	}
}

func TestAPushThatFlapsAlternatesWithTheScenariosOwn(t *testing.T) {
	f := example()
	f.Expect = []Expectation{{Name: "e", Failed: bound(">= 0")}}
	f.Pushes = []Push{
		{At: Span(core.Second), Epoch: Epoch{Term: 1, Number: 7}, Garbage: true, Flap: Flap{Times: 3, Every: Span(core.Second)}},
		{At: Span(9 * core.Second), Drop: Drop{Keys: 1}},
	}
	plan, err := f.Plan(host)
	if err != nil {
		t.Fatal(err)
	}
	own, dropped := plan.Spec, plan.Spec
	dropped.Keys = nil
	epoch := func(n uint64) core.Epoch { return core.Epoch{Term: 1, Number: n} }
	second := core.Time(core.Second)
	want := []sim.Push{
		{At: second, Epoch: epoch(7)},
		{At: 2 * second, Epoch: epoch(8), Spec: &own},
		{At: 3 * second, Epoch: epoch(9)},
		{At: 9 * second, Spec: &dropped},
	}
	if d := cmp.Diff(want, plan.Pushes, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
}
