package scenario

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lockstep/core"
	"lockstep/sim"
)

func TestMergePatchesAsRFC7386Says(t *testing.T) {
	doc := map[string]any{"a": "b", "c": map[string]any{"d": "e", "f": "g"}, "l": []any{"1", "2"}}
	for _, c := range []struct {
		name        string
		patch, want any
	}{
		{"nothing changes nothing", map[string]any{}, doc},
		{"null removes", map[string]any{"c": map[string]any{"f": nil}}, map[string]any{"a": "b", "c": map[string]any{"d": "e"}, "l": []any{"1", "2"}}},
		{"lists replace", map[string]any{"l": []any{"3"}}, map[string]any{"a": "b", "c": map[string]any{"d": "e", "f": "g"}, "l": []any{"3"}}},
		{"maps are made where there were none", map[string]any{"a": map[string]any{"x": "y"}}, map[string]any{"a": map[string]any{"x": "y"}, "c": map[string]any{"d": "e", "f": "g"}, "l": []any{"1", "2"}}},
	} {
		if d := cmp.Diff(c.want, Merge(doc, c.patch)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	if doc["a"] != "b" || len(doc["c"].(map[string]any)) != 2 {
		t.Error("the document was changed")
	}
}

func TestBoundsReadAndHoldAsWritten(t *testing.T) {
	for _, c := range []struct {
		text        string
		in, outside int64
	}{
		{"0", 0, 1},
		{">= 99.9%", 999_000, 998_999},
		{"<= 250ms", int64(250 * core.Millisecond), int64(251 * core.Millisecond)},
		{"> 3", 4, 3},
		{"< 3", 2, 3},
		{"== 3", 3, 4},
	} {
		var b Bound
		if err := b.UnmarshalText([]byte(c.text)); err != nil {
			t.Fatal(err)
		}
		if !b.holds(c.in) || b.holds(c.outside) {
			t.Errorf("%s holds for %d: %v, for %d: %v", c.text, c.in, b.holds(c.in), c.outside, b.holds(c.outside))
		}
	}
	for _, bad := range []string{"", "fast", ">=", "5 %%", "=> 3"} {
		if err := new(Bound).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestUnitsReadBackWhatTheyWrite(t *testing.T) {
	var s Share
	var f Factor
	var e Epoch
	var d Span
	for _, c := range []struct {
		text string
		into interface {
			UnmarshalText([]byte) error
			MarshalText() ([]byte, error)
		}
	}{{"12.5%", &s}, {"0%", &s}, {"2.5x", &f}, {"4.17", &e}, {"1m30s", &d}} {
		if err := c.into.UnmarshalText([]byte(c.text)); err != nil {
			t.Fatal(err)
		}
		if got, _ := c.into.MarshalText(); string(got) != c.text {
			t.Errorf("%s came back as %s", c.text, got)
		}
	}
}

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
	plan, err := f.Plan(load)
	if err != nil {
		t.Fatal(err)
	}
	v, err := Judge(f, plan, sim.Options{})
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
		plan, err := f.Plan(load)
		if err != nil {
			t.Fatal(err)
		}
		plan.Spec.Placements[0].Limit.InFlight = c.limit
		v, err := Judge(f, plan, sim.Options{})
		if err != nil || v.OK != c.same {
			t.Errorf("limit %d: %v %+v", c.limit, err, v.Checks)
		}
	}
}

func TestMistakesAreNamedByTheirPath(t *testing.T) {
	for _, c := range []struct {
		path  string
		spoil func(*File)
	}{
		{"scenario", func(f *File) { f.Scenario = 2 }},
		{"why", func(f *File) { f.Why = "" }},
		{"length", func(f *File) { f.Length = 0 }},
		{"faults[0].do", func(f *File) { f.Faults[0].Do = "explode" }},
		{"faults[0].placement", func(f *File) { f.Faults[0].Placement = "cel" }},
		{"faults[0].endpoint", func(f *File) { f.Faults[0].Endpoint = "z" }},
		{"bursts[0].client", func(f *File) { f.Bursts = []Burst{{Client: "x"}} }},
		{"pushes[0]", func(f *File) { f.Pushes = []Push{{Garbage: true, Config: "x"}} }},
		{"pushes[0].drop", func(f *File) { f.Pushes = []Push{{Garbage: true, Drop: Drop{Keys: 1}}} }},
		{"pushes[0].flap", func(f *File) { f.Pushes = []Push{{Flap: Flap{Times: 2}}} }},
		{"backend.service.shape", func(f *File) { f.Backend.Service.Shape = "round" }},
		{"expect", func(f *File) { f.Expect = nil }},
		{"expect[0]", func(f *File) { f.Expect[0] = Expectation{Name: "x"} }},
		{"expect[0].name", func(f *File) { f.Expect[0].Name = "" }},
		{"expect[0]", func(f *File) { f.Expect[0].From = Span(core.Millisecond) }},
		{"expect[0].failed", func(f *File) { f.Expect[0].Failed = bound("1%") }},
		{"expect[0].classes", func(f *File) { f.Expect[0].Classes = map[string]Bound{"nope": bound("1")} }},
		{"expect[0].unchanged_without", func(f *File) { f.Expect[0].UnchangedWithout = "luck" }},
		{"twin.must_fail", func(f *File) { f.Twin = &Twin{MustFail: "nothing"} }},
	} {
		f := example()
		f.Expect = []Expectation{{Name: "e", Failed: bound(">= 0")}}
		c.spoil(f)
		_, err := f.Plan(load)
		if err == nil || !strings.HasPrefix(err.Error(), c.path+":") {
			t.Errorf("wanted a fault at %s, got %v", c.path, err)
		}
	}
}

func TestAPlanWrittenAsAFileReadsBackTheSame(t *testing.T) {
	f := example()
	f.Expect = []Expectation{{Name: "e", Failed: bound(">= 0")}}
	f.Clients[0].Retries, f.Clients[0].Backoff = 3, Span(core.Second)
	f.Clients[0].Retry = Retry{Grow: 2 * million, Max: Span(9 * core.Second), Jitter: true, Budget: 100_000, Floor: 2}
	f.Joins, f.WallClock, f.Faults[0].Pause = []Join{{At: 1, Routers: 2, Over: 3}}, true, 4
	f.Clients[0].Ramp = Ramp{Period: Span(core.Second), Low: 100_000}
	f.Clients[0].Hold = Hold{At: 1, For: 2, Over: 3}
	f.Backend = Backend{
		Workers: 4, Knee: 5, Strain: 20_000, Warmup: Span(core.Second), Cold: 3 * million,
		Service: Service{Shape: "lognormal", Typical: 5, P99: 9, Histogram: []Step{{7, 1}}},
	}
	plan, err := f.Plan(load)
	if err != nil {
		t.Fatal(err)
	}
	again := FromPlan(plan)
	again.ModelledOn, again.Why, again.Property, again.Expect = f.ModelledOn, f.Why, f.Property, f.Expect
	reread, err := again.Plan(load)
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
	plan, err := f.Plan(load)
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
