package scenario

import (
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/sim"
)

// silent is a window in which nobody sends.
const silent = ^uint64(0)

// windows makes a Result of one-second windows with so many of 100 requests answered well.
func windows(ok ...uint64) *sim.Result {
	r := &sim.Result{Window: core.Second}
	for i, n := range ok {
		w := sim.Window{From: core.Time(i) * core.Time(core.Second)}
		if n != silent {
			w.OK, w.Arrivals = n, 100
		}
		r.Windows = append(r.Windows, w)
	}
	return r
}

func TestRecoveryIsTheFirstTimeThatFiveSecondsAreCalm(t *testing.T) {
	second := core.Time(core.Second)
	for _, c := range []struct {
		name      string
		result    *sim.Result
		after     core.Duration
		recovered bool
	}{
		{"at once", windows(100, 0, 100, 100, 100, 100, 100), 0, true},
		{"a relapse within five seconds does not count", windows(100, 0, 100, 50, 100, 100, 100, 100, 99), 2 * core.Second, true},
		{"one in a hundred may fail", windows(100, 0, 95, 100, 100, 100, 100), 0, true},
		{"two in a hundred may not", windows(100, 0, 90, 100, 100, 100, 100), 0, false},
		{"calm for four seconds only is no recovery", windows(100, 0, 0, 100, 100, 100, 100), 0, false},
		{"nobody sends any more", windows(100, 0, 0, silent, silent, silent, silent, silent), 0, false},
	} {
		after, recovered := recovery(c.result, 2*second)
		if after != c.after || recovered != c.recovered {
			t.Errorf("%s: %d ns, %t", c.name, after, recovered)
		}
	}
}

func mapExample() *File {
	f := example()
	f.Expect = []Expectation{{Name: "e", Failed: bound(">= 0")}}
	f.Map = &Map{Capacity: 100}
	return f
}

func TestACellScalesTheRateAndTheDipAndIsWatchedAsLong(t *testing.T) {
	f := mapExample()
	plan, err := f.Plan(host)
	if err != nil {
		t.Fatal(err)
	}
	if w := f.Watched().length(); w != 10*core.Second {
		t.Errorf("watched for %d ns", w)
	}
	for _, dip := range []Span{0, Span(core.Second), Span(30 * core.Second)} {
		c, err := f.Cell(plan, 500_000, dip)
		if err != nil || c.Down || c.Recovery != 0 {
			t.Errorf("dip of %d ns: %+v %v", dip, c, err)
		}
	}
	f.Faults[0].Do, plan.Faults[0].Kind = "flaky", sim.Flaky
	plan.Backend.Flaky = 500_000 // half of all fail for good
	if c, err := f.Cell(plan, 500_000, Span(core.Second)); err != nil || !c.Down {
		t.Errorf("what never recovers: %+v %v", c, err)
	}
	if len(plan.Faults) != 1 || plan.Clients[0].Rate != 100 || plan.Length != 20*core.Second {
		t.Error("a cell changed the plan")
	}
}

func TestAMapThatCannotBeDrawnSaysWhere(t *testing.T) {
	for _, c := range []struct {
		path  string
		spoil func(*File)
	}{
		{"map.capacity", func(f *File) { f.Map.Capacity = 0 }},
		{"map.client", func(f *File) { f.Map.Client = "nobody" }},
		{"map.client", func(f *File) { f.Clients[0].Rate, f.Clients[0].Users = 0, 3 }},
		{"map.fault", func(f *File) { f.Map.Fault = "crash" }},
		{"map.fault", func(f *File) { f.Faults[0].For = 0 }},
		{"map.fault", func(f *File) { f.Length = Span(11 * core.Second) }},
	} {
		f := mapExample()
		c.spoil(f)
		if _, err := f.Plan(host); err == nil || !strings.HasPrefix(err.Error(), c.path+":") {
			t.Errorf("wanted a fault at %s, got %v", c.path, err)
		}
	}
}
