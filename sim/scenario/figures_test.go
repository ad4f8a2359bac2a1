package scenario

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/sim"
)

// judged runs f and returns what it found, by expectation and figure.
func judged(t *testing.T, f *File, h Host) map[string]Check {
	t.Helper()
	plan, err := f.Plan(h)
	if err != nil {
		t.Fatal(err)
	}
	v, err := Judge(f, plan, "", sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Check{}
	for _, c := range v.Checks {
		out[c.Expectation+" "+c.Figure] = c
	}
	return out
}

// cells is three placements of one endpoint, with two keys at the first and one at each other.
func cells(any) (core.Spec, error) {
	s := core.Spec{Version: "1", Keys: []core.KeySpec{{Key: "a1", Placement: "a"}, {Key: "a2", Placement: "a"}, {Key: "b", Placement: "b"}, {Key: "c", Placement: "c"}}}
	for _, name := range []string{"a", "b", "c"} {
		s.Placements = append(s.Placements, core.PlacementSpec{
			Name: name, Endpoints: []core.EndpointSpec{{Name: "e", URL: "http://" + name + ":1"}},
			Health: core.HealthSpec{Every: core.Second}, Breaker: core.BreakerSpec{Failures: 5, Open: core.Second},
		})
	}
	return s, nil
}

func TestTenantsAffectedAreTheKeysWithABadAnswer(t *testing.T) {
	f := example()
	f.Faults[0].Placement = "a"
	f.Expect = []Expectation{
		{Name: "before", To: Span(4 * core.Second), Affected: bound("0%")},
		{Name: "during", From: Span(5 * core.Second), To: Span(10 * core.Second), Affected: bound("50%")},
		{Name: "at a", From: Span(5 * core.Second), To: Span(10 * core.Second), Placement: "a", Affected: bound("100%")},
		{Name: "at b", From: Span(5 * core.Second), To: Span(10 * core.Second), Placement: "b", Affected: bound("0%")},
	}
	for name, c := range judged(t, f, Host{Load: cells}) {
		if !c.OK {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestACrashAffectsWhomItCuts(t *testing.T) {
	f := example()
	f.Backend.Service.Typical = Span(core.Second) // something is always in flight
	f.Faults = []Fault{{At: Span(12 * core.Second), For: Span(core.Second), Do: "crash"}}
	f.Expect = []Expectation{{Name: "all", Affected: bound("100%")}}
	if c := judged(t, f, Host{Load: cells})["all tenants_affected"]; !c.OK {
		t.Errorf("%+v", c)
	}
}

func TestRecoveryTimeEndsWhereAvailabilityIsBackToStay(t *testing.T) {
	refuse := sim.Fault{Kind: sim.Refuse, At: 0, Until: core.Time(2 * core.Second)}
	later := sim.Fault{Kind: sim.ResetAll, At: core.Time(4 * core.Second)}
	upgrade := sim.Fault{Kind: sim.Upgrade, Until: core.Time(core.Second)} // two routers, a second's drain and a second away each
	endless := sim.Fault{Kind: sim.Refuse, At: 0}
	second := int64(core.Second)
	for _, c := range []struct {
		name   string
		ok     []uint64
		faults []sim.Fault
		e      Expectation
		want   int64
	}{
		{"at once", []uint64{0, 0, 100, 100}, []sim.Fault{refuse}, Expectation{}, 0},
		{"after two windows", []uint64{0, 0, 50, 98, 99}, []sim.Fault{refuse}, Expectation{}, 2 * second},
		{"a relapse counts", []uint64{0, 0, 100, 100, 50, 100}, []sim.Fault{refuse}, Expectation{}, 3 * second},
		{"never", []uint64{0, 0, 100, 100, 50}, []sim.Fault{refuse}, Expectation{}, int64(core.Never)},
		{"nobody sends any more", []uint64{0, 0, 50, silent, silent}, []sim.Fault{refuse}, Expectation{}, int64(core.Never)},
		{"a pause in what is sent", []uint64{0, 0, 50, silent, 100}, []sim.Fault{refuse}, Expectation{}, second},
		{"to another level", []uint64{0, 0, 50, 50}, []sim.Fault{refuse}, Expectation{Recovered: 500_000}, 0},
		{"from the last fault that ended", []uint64{0, 0, 50, 50, 50, 100}, []sim.Fault{refuse, later, endless}, Expectation{}, second},
		{"what ends later does not count", []uint64{0, 0, 50, 100, 50, 100}, []sim.Fault{refuse, later}, Expectation{To: Span(4 * core.Second)}, second},
		{"from when the last router is back", []uint64{0, 50, 50, 50, 50, 100}, []sim.Fault{upgrade}, Expectation{}, second},
		{"from the begin where no fault ended", []uint64{100, 0, 50, 100}, nil, Expectation{From: Span(core.Second)}, 2 * second},
		{"a fault that ends in a window taints it", []uint64{100, 90, 100, 100}, []sim.Fault{{Kind: sim.Hang, Until: core.Time(core.Second + core.Second/2)}}, Expectation{}, second / 2},
		{"good to the end of the last window", []uint64{0, 100}, []sim.Fault{{Kind: sim.Hang, Until: core.Time(core.Second + core.Second/2)}}, Expectation{}, 0},
	} {
		j := &judgement{plan: &sim.Plan{Length: 100 * core.Second, Routers: 2, Faults: c.faults}, result: windows(c.ok...)}
		if got := j.narrow(&c.e).recoveryTime(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, Time.format(got), Time.format(c.want))
		}
	}
}

func TestDumpsAreThoseThatTheFlightRecorderWouldMake(t *testing.T) {
	f := example()
	f.Length = Span(25 * 60 * core.Second)
	f.Clients[0].Rate = 20
	f.Faults = []Fault{{Do: "flaky", Placement: "a"}, {Do: "flaky", Placement: "b"}}
	f.Expect = []Expectation{
		{Name: "all", Opened: bound("> 1000"), Dumps: bound("6")}, // at 0, 10 and 20 minutes, of two placements
		{Name: "one", Placement: "a", To: Span(600 * core.Second), Dumps: bound("1")},
		{Name: "none", Placement: "c", Dumps: bound("0")},
	}
	for name, c := range judged(t, f, Host{Load: cells}) {
		if !c.OK {
			t.Errorf("%s: %+v", name, c)
		}
	}
	f.Dumps = Dumps{Every: Span(core.Second), Most: 7}
	if c := judged(t, f, Host{Load: cells})["all dumps"]; c.Got != "7" {
		t.Errorf("with a cap of 7: %+v", c)
	}
}

func TestPeaksPerWindowAreOfTheWholeFleet(t *testing.T) {
	f := example()
	f.Routers = 10
	f.Pushes = []Push{{At: Span(3 * core.Second)}, {At: Span(6 * core.Second), Spread: Span(5 * core.Second)}}
	f.Faults = nil
	f.Expect = []Expectation{
		{Name: "at once", To: Span(4 * core.Second), AnswersPerWindow: bound("10")},
		{Name: "spread", From: Span(5 * core.Second), AnswersPerWindow: bound("< 8"), Acks: bound("10")},
		{Name: "one router", Router: 3, AnswersPerWindow: bound("1")},
		{Name: "probes", From: Span(2 * core.Second), To: Span(20 * core.Second), HealthProbes: bound(">= 500"), HealthPerWindow: bound("<= 60")},
	}
	for name, c := range judged(t, f, Host{Load: cells}) {
		if !c.OK {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestAShareOrALatencyOfNothingFails(t *testing.T) {
	f := example()
	f.Clients[0].Until = Span(10 * core.Second)
	f.Expect = []Expectation{
		{Name: "all fail", From: Span(6 * core.Second), To: Span(9 * core.Second), P99: bound("<= 1h"), Availability: bound("0%")},
		{Name: "none is sent", From: Span(12 * core.Second), P50: bound("0"), Availability: bound(">= 0%"), Amplified: bound(">= 0%"), Affected: bound("0%"), RecoveryTime: bound("0s"), Failed: bound("0")},
		{Name: "none is sent any more", From: Span(9 * core.Second), RecoveryTime: bound("<= 1h")}, // the fault ends with the requests
	}
	all := judged(t, f, host)
	for name, want := range map[string]string{
		"all fail p99": "no good answers", "all fail availability": "0%", "none is sent p50": "no good answers",
		"none is sent availability": "no requests", "none is sent amplification": "no requests",
		"none is sent tenants_affected": "no requests", "none is sent recovery_time": "no requests",
		"none is sent any more recovery_time": "no requests", "none is sent failed": "0",
	} {
		c := all[name]
		if c.Got != want || c.OK != strings.HasPrefix(want, "0") {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestTenantsOfNobodyKnownFail(t *testing.T) {
	f := example()
	f.Clients[0].Unknown = million
	f.Expect = []Expectation{{Name: "e", Requests: bound("2000"), Affected: bound("0%")}}
	if c := judged(t, f, host)["e tenants_affected"]; c.OK || c.Got != "no requests" {
		t.Errorf("%+v", c)
	}
}

func TestARequestThatFindsNoRouterHasFailed(t *testing.T) {
	f := example()
	f.Faults = []Fault{{At: Span(5 * core.Second), For: Span(5 * core.Second), Do: "crash"}}
	away := Expectation{From: Span(5 * core.Second), To: Span(10 * core.Second)}
	one, two := away, away
	one.Name, one.Availability, one.Failed, one.Requests = "one", bound(">= 99%"), bound("500"), bound("500")
	two.Name, two.RecoveryTime = "two", bound("0s")
	f.Expect = []Expectation{one, two}
	all := judged(t, f, host)
	for name, want := range map[string]string{"one availability": "0%, 500 found no router", "one failed": "500", "one requests": "500", "two recovery_time": "never"} {
		if c := all[name]; c.Got != want {
			t.Errorf("%s: %+v, want %s", name, c, want)
		}
	}
}

func TestAnAvailabilityThatFailsSaysHowRequestsDid(t *testing.T) {
	f := example()
	f.Backend.Service.Typical = Span(core.Second)
	f.Faults = []Fault{{At: Span(5 * core.Second), For: Span(100 * core.Millisecond), Do: "crash"}}
	f.Expect = []Expectation{{Name: "e", Failed: bound("0")}}
	if c := judged(t, f, host)["e failed"]; c.Got != "110, 100 lost with their router" {
		t.Errorf("%+v", c)
	}
	f = example()
	f.Expect = []Expectation{
		{Name: "e", From: Span(6 * core.Second), To: Span(9 * core.Second), Availability: bound("100%"), Failed: bound("<= 300")},
		{Name: "too good", To: Span(4 * core.Second), Availability: bound("< 50%")},
	}
	all := judged(t, f, host)
	for name, want := range map[string]string{"e availability": "0%, 300 as connect_refused", "e failed": "300", "too good availability": "100%"} {
		if all[name].Got != want {
			t.Errorf("%s: %+v, want %s", name, all[name], want)
		}
	}
}

func TestAFormulaOverNothingFails(t *testing.T) {
	for _, c := range []struct {
		figure string
		before Span // where the span ends that the one from 7 s to 9 s is compared with
		got    string
	}{
		{"p99", 5, "p99 of no good answers, before.p99 10"},
		{"recovery_time", 7, "recovery_time never, before.recovery_time never"},
	} {
		h := Host{Load: load, Compile: func(string, map[string]Unit, []string) (*Expression, error) {
			return &Expression{
				Uses:  []Ref{{"", c.figure}, {"before", c.figure}},
				Holds: func(v []int64) (bool, error) { return v[0] <= v[1], nil },
			}, nil
		}}
		f, second := example(), Span(core.Second)
		f.Expect = []Expectation{
			{Name: "before", From: (c.before - 2) * second, To: c.before * second},
			{Name: "all fail", From: 7 * second, To: 9 * second, Holds: Formula{Text: "no more than before"}},
		}
		if got := judged(t, f, h)["all fail holds"]; got.OK || !strings.HasPrefix(got.Got, c.got) {
			t.Errorf("%s: %+v", c.figure, got)
		}
	}
}

func TestTransitionsThatWereNotKeptAreNotCounted(t *testing.T) {
	result := windows(100, 100, 100)
	result.Endpoints = []sim.EndpointID{{}}
	result.Placements = []string{"cell"}
	for n := range sim.MaxTransitions {
		result.Transitions = append(result.Transitions, sim.Transition{At: core.Time(n) * 10_000, Kind: core.NoteOpened}) // of one second
	}
	j := &judgement{result: result}
	for to, want := range map[Span]bool{Span(core.Second) / 2: true, Span(core.Second): false, 0: false} {
		e := &Expectation{To: to, Opened: bound(">= 1"), Closed: bound("0"), Transitions: []string{}}
		if to == Span(core.Second)/2 {
			e.Transitions = slices.Repeat([]string{"opened"}, sim.MaxTransitions/2)
		}
		for _, c := range j.judge(e) {
			if c.OK != want || !want && !strings.HasPrefix(c.Got, "more than the 100000") {
				t.Errorf("to %s: %s %t: %.100s", Time.format(int64(to)), c.Figure, c.OK, c.Got)
			}
		}
	}
}

func TestQuantilesRise(t *testing.T) {
	f := example()
	f.Backend.Service = Service{Shape: "exponential", Typical: Span(10 * core.Millisecond)}
	f.Expect = []Expectation{{Name: "e", From: Span(10 * core.Second), P50: bound("< 9ms"), P90: bound("< 30ms"), P99: bound("< 70ms"), P999: bound("> 50ms")}}
	for name, c := range judged(t, f, host) {
		if !c.OK {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestAFormulaComparesSpans(t *testing.T) {
	f := example()
	f.Expect = []Expectation{
		{Name: "before", To: Span(5 * core.Second)}, // asks for nothing: others name it
		{Name: "after", From: Span(5 * core.Second), Holds: Formula{Text: "requests > before.requests"}},
		{Name: "first", To: Span(core.Second), Holds: Formula{Text: "requests > before.requests"}},
	}
	all := judged(t, f, host)
	if c := all["after holds"]; !c.OK || c.Got != "requests 1500, before.requests 500" {
		t.Errorf("%+v", c)
	}
	if c := all["first holds"]; c.OK {
		t.Errorf("%+v", c)
	}
	plan, err := f.Plan(host)
	if err != nil {
		t.Fatal(err)
	}
	v, err := Judge(f, plan, "first", sim.Options{})
	if _, failed := v.Failed("first"); err != nil || !failed || len(v.Checks) != 2 {
		t.Errorf("judged alone: %v %+v", err, v)
	}
}

func TestAFormulaThatCannotBeComputedFails(t *testing.T) {
	f := example()
	f.Expect = []Expectation{{Name: "e", Holds: Formula{Text: "requests > before.requests"}}, {Name: "before"}}
	plan, err := f.Plan(host)
	if err != nil {
		t.Fatal(err)
	}
	f.Expect[0].Holds.checked.Holds = func([]int64) (bool, error) { return true, errors.New("no") }
	v, err := Judge(f, plan, "", sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c, failed := v.Failed("e"); !failed || !strings.HasSuffix(c.Got, ": no") {
		t.Errorf("%+v", v.Checks)
	}
}
