package scenario

import (
	"slices"
	"strings"
	"testing"

	"lockstep/core"
)

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
		{"joins[0].routers", func(f *File) { f.Joins = []Join{{}} }},
		{"clients[0].ramp", func(f *File) { f.Clients[0].Users, f.Clients[0].Ramp.Period = 3, 1 }},
		{"faults[0]", func(f *File) { f.Faults[0] = Fault{Do: "upgrade"} }},
		{"faults[0].pause", func(f *File) { f.Faults[0].Pause = 1 }},
		{"backend.service.shape", func(f *File) { f.Backend.Service.Shape = "round" }},
		{"expect", func(f *File) { f.Expect = nil }},
		{"expect[0]", func(f *File) { f.Expect[0] = Expectation{Name: "x"} }},
		{"expect[0].name", func(f *File) { f.Expect[0].Name = "" }},
		{"expect[0].from", func(f *File) { f.Expect[0].From = Span(core.Millisecond) }},
		{"expect[0].to", func(f *File) { f.Expect[0].To = Span(core.Millisecond) }},
		{"expect[0].from", func(f *File) { f.Expect[0].From = f.Length }},
		{"expect[0].router", func(f *File) { f.Expect[0].Router = 2 }},
		{"expect[0].router", func(f *File) { f.Expect[0].Router = 1 }},
		{"expect[0].endpoint", func(f *File) { f.Expect[0].Placement, f.Expect[0].Endpoint = "cell", "a" }},
		{"routers", func(f *File) { f.Routers = 1001 }},
		{"clients[1].name", func(f *File) { f.Clients = append(f.Clients, f.Clients[0]) }},
		{"clients[0].retries", func(f *File) { f.Clients[0].Retries = 101 }},
		{"clients[0].router", func(f *File) { f.Clients[0].Router = -1 }},
		{"clients[0].route", func(f *File) { f.Clients[0].Route = 1 }},
		{"clients[0].sticky", func(f *File) { f.Clients[0].Sticky, f.Clients[0].Users = true, 0 }},
		{"faults[0].status", func(f *File) { f.Faults[0].Status = 99 }},
		{"faults[0].factor", func(f *File) { f.Faults[0].Factor = 2 * million }},
		{"faults[0].spread", func(f *File) { f.Faults[0].Spread = 1 }},
		{"faults[0].router", func(f *File) { f.Faults[0].Router = 1 }},
		{"faults[0].placement", func(f *File) { f.Faults[0].Do = "crash" }},
		{"faults[0].for", func(f *File) { f.Faults[0].Do = "reset_all" }},
		{"faults[0].router", func(f *File) { f.Faults[0].Router = 2 }},
		{"pushes[0].router", func(f *File) { f.Pushes = []Push{{Router: 2}} }},
		{"backend.knee", func(f *File) { f.Backend.Knee = 3 }},
		{"backend.service", func(f *File) { f.Backend.Service = Service{Shape: "lognormal", Typical: 5, P99: 5} }},
		{"backend.service", func(f *File) { f.Backend.Service = Service{Shape: "empirical"} }},
		{"backend.service.histogram", func(f *File) {
			f.Backend.Service = Service{Shape: "empirical", Histogram: []Step{{2, 1}, {2, 1}}}
		}},
		{"backends[0].knee", func(f *File) { f.Backends = []Override{{Placement: "cell", Backend: Backend{Knee: 3}}} }},
		{"expect[0].failed", func(f *File) { f.Expect[0].Failed = bound("1%") }},
		{"expect[0].availability", func(f *File) { f.Expect[0].Availability = bound("<= 101%") }},
		{"expect[0].classes", func(f *File) { f.Expect[0].Classes = map[string]Bound{"nope": bound("1")} }},
		{"expect[0].unchanged_without", func(f *File) { f.Expect[0].UnchangedWithout = "luck" }},
		{"expect[0].holds", func(f *File) { f.Expect[0].Holds.Text = "requests > afer.requests" }},
		{"expect[0].holds", func(f *File) {
			f.Expect[0].Holds.Text = "requests > before.requests"
			f.Expect = append(f.Expect, Expectation{Name: "before"}, Expectation{Name: "before", P50: bound("0")})
		}},
		{"expect[1]", func(f *File) { f.Expect = append(f.Expect, Expectation{Name: "not named by anybody"}) }},
		{"twin.must_fail", func(f *File) { f.Twin = &Twin{MustFail: "nothing"} }},
	} {
		f := example()
		f.Expect = []Expectation{{Name: "e", Failed: bound(">= 0")}}
		c.spoil(f)
		_, err := f.Plan(host)
		if err == nil || !strings.HasPrefix(err.Error(), c.path+":") {
			t.Errorf("wanted a fault at %s, got %v", c.path, err)
		}
	}
}

func TestAHintNamesWhatWasMeant(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"visaa", `did you mean "visa"?`},
		{"something", "use one of: visa, amex"},
	} {
		if got := oneOf(c.word, []string{"visa", "amex"}); got != c.want {
			t.Errorf("%s: %s", c.word, got)
		}
	}
	if got := oneOf("x", slices.Repeat([]string{"long-name"}, 50)); !strings.HasSuffix(got, "or one of 30 more") {
		t.Error(got)
	}
}
