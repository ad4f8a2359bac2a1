package sim

import (
	"slices"
	"testing"

	"lockstep/core"
	"lockstep/core/loop"
)

// versions is plain with a second configuration pushed at 1 s.
func versions() Plan {
	p := plain()
	newer := p.Spec
	newer.Version = "2"
	p.Epoch = core.Epoch{Number: 1}
	p.Pushes = []Push{{At: sec, Spec: &newer, Epoch: core.Epoch{Number: 2}}}
	return p
}

// started is a configuration that a router took up at a time.
type started struct {
	at     core.Time
	router int
	number uint64 // of the epoch
}

func starts(r *Result, from core.Time) (all []started) {
	for _, a := range r.Answers {
		if a.At >= from {
			all = append(all, started{a.At, a.Router, a.Epoch.Number})
		}
	}
	return all
}

func TestAnUpgradeRestartsOneRouterAfterTheOther(t *testing.T) {
	p := versions()
	p.Routers = 3
	p.Faults = []Fault{
		{Kind: Upgrade, At: 2 * sec, Until: 3 * sec, Pause: core.Second / 2},
		{Kind: Silence, At: sec + 1}, // so that only the disk is left to start from
	}
	r := mustRun(t, p)
	want := []started{{4 * sec, 1, 2}, {6*sec + sec/2, 2, 2}, {9 * sec, 3, 2}}
	if got := starts(&r, 2*sec); !slices.Equal(got, want) {
		t.Errorf("routers start as %v, want %v", got, want)
	}
	for n := range r.Placements {
		if c := during(&r, n, 0, 10*sec); c.OK != c.Arrivals {
			t.Errorf("%d of %d requests are OK", c.OK, c.Arrivals)
		}
	}
	p.Faults = p.Faults[:1]
	if end := p.End(); end != 9*sec {
		t.Errorf("the plan ends at %d, the last router is back at 9 s", end)
	}
	p.Faults[0].Until = 2*sec + sec/10
	p.Backend.Service.Typical = core.Second
	r = mustRun(t, p)
	if c, _ := total(&r); c.Lost+c.ByClass[core.Draining] < 50 {
		t.Errorf("%d requests were cut, with less time to drain than they take", c.Lost+c.ByClass[core.Draining])
	}
}

// arrivalCount counts the requests that one router saw in each second.
type arrivalCount [10]int

// Observe counts an arrival.
func (c *arrivalCount) Observe(now core.Time, ev *core.Event, _ *loop.Request, _ []core.Decision) {
	if ev.Kind == core.Arrive {
		c[now/sec]++
	}
}

func TestRoutersJoinInTheMiddleOfARun(t *testing.T) {
	p := versions()
	p.Routers, p.Joins = 2, []Join{{At: 5 * sec, Routers: 2, Over: core.Second}}
	p.Clients[0].Rate = 400
	p.Faults = []Fault{{Kind: Crash, At: 2 * sec, Until: 3 * sec}} // of all: it must not start those to come
	var seen [4]arrivalCount
	r := Run(p, Options{Check: true, Observe: func(n int, _ *core.Router) loop.Observer { return &seen[n-1] }})
	if r.Err != nil || r.Violated > 0 {
		t.Fatal(r.Err, r.Violations)
	}
	want := []started{{5 * sec, 3, 1}, {5 * sec, 3, 2}, {5*sec + sec/2, 4, 1}, {5*sec + sec/2, 4, 2}}
	if got := starts(&r, 4*sec); !slices.Equal(got, want) {
		t.Errorf("routers start as %v, want %v", got, want)
	}
	for i, c := range seen {
		if before := c[4]; i < 2 && (before < 150 || before > 250) || i >= 2 && before != 0 {
			t.Errorf("router %d took %d of 400 requests before the join", i+1, before)
		}
		if after := c[8]; after < 60 || after > 140 {
			t.Errorf("router %d took %d of 400 requests after the join", i+1, after)
		}
	}
}

func TestAWallClockIsFeltOnlyByRoutersThatReadIt(t *testing.T) {
	p := plain()
	p.Length = 20 * core.Second
	p.Spec.Placements[0].Breaker = core.BreakerSpec{Failures: 3, Open: 4 * core.Second}
	p.Spec.Placements[0].Health.Off = true
	trouble := Fault{Kind: Refuse, Placement: "a", At: 2 * sec, Until: 3 * sec}
	p.Faults = []Fault{trouble}
	still := mustRun(t, p)
	for _, c := range []struct {
		leap     FaultKind
		from, to core.Time
		ok       uint64 // of 50 a second
	}{
		{ClockAhead, 4 * sec, 6 * sec, 100}, // the leap ends every open time
		{ClockBehind, 7 * sec, 15 * sec, 0}, // a router's time stands still
		{ClockBehind, 16 * sec, 20 * sec, 200},
	} {
		p.Faults = []Fault{trouble, {Kind: c.leap, At: 4 * sec, Until: 15 * sec}}
		p.WallClock = false
		if r := mustRun(t, p); r.Digest != still.Digest {
			t.Errorf("%s changes what a router on its own clock decides", c.leap)
		}
		p.WallClock = true
		r := mustRun(t, p)
		if got := during(&r, 0, c.from, c.to).OK; got*10 < c.ok*8 || got*10 > c.ok*12 {
			t.Errorf("%s: %d requests are OK from %d s to %d s, want about %d", c.leap, got, c.from/sec, c.to/sec, c.ok)
		}
	}
}

func TestAPlanOfAFleetThatCannotBeRunSaysWhy(t *testing.T) {
	for name, spoil := range map[string]func(p *Plan){
		"an upgrade without an end": func(p *Plan) { p.Faults = []Fault{{Kind: Upgrade}} },
		"a join of nobody":          func(p *Plan) { p.Joins = []Join{{}} },
		"a fleet without bounds":    func(p *Plan) { p.Joins = []Join{{Routers: 600}, {Routers: 600}} },
	} {
		p := plain()
		spoil(&p)
		if r := Run(p, Options{}); r.Err == nil {
			t.Errorf("%s: it ran", name)
		}
	}
}

func TestAFaultThatEndsWhenItBeginsIsOverAtOnce(t *testing.T) {
	p := versions()
	p.Routers, p.WallClock = 2, true
	p.Pushes[0].At = 5 * sec
	for _, k := range []FaultKind{Crash, Silence, ClockAhead, Partition, Hang} {
		p.Faults = append(p.Faults, Fault{Kind: k, At: 2 * sec, Until: 2 * sec})
	}
	r := mustRun(t, p)
	want := []started{{2 * sec, 1, 1}, {2 * sec, 2, 1}, {5 * sec, 1, 2}, {5 * sec, 2, 2}}
	if got := starts(&r, sec); !slices.Equal(got, want) {
		t.Errorf("routers start and take the push as %v, want %v", got, want)
	}
	if c := during(&r, 0, 3*sec, 10*sec); c.OK != c.Arrivals || c.Arrivals == 0 {
		t.Errorf("%d of %d requests are OK", c.OK, c.Arrivals)
	}
}

func TestARouterHearsOfOverlappingSilencesOnce(t *testing.T) {
	p := versions()
	p.Pushes[0].At = 5 * sec
	p.Faults = []Fault{{Kind: Silence, At: 2 * sec, Until: 6 * sec}, {Kind: Silence, At: 4 * sec, Until: 8 * sec}}
	var heard controlNotes
	r := Run(p, Options{Check: true, Observe: func(int, *core.Router) loop.Observer { return &heard }})
	if r.Err != nil || r.Violated > 0 {
		t.Fatal(r.Err, r.Violations)
	}
	if want := (controlNotes{2 * sec, 8 * sec}); !slices.Equal(heard, want) {
		t.Errorf("it hears of the control plane at %v, want %v", heard, want)
	}
	if got := starts(&r, sec); len(got) != 1 || got[0].at != 8*sec {
		t.Errorf("it takes the push as %v, want at 8 s", got)
	}
}

// controlNotes is when a router hears of its control plane.
type controlNotes []core.Time

// Observe notes the time.
func (c *controlNotes) Observe(now core.Time, ev *core.Event, _ *loop.Request, _ []core.Decision) {
	if ev.Kind == core.Control {
		*c = append(*c, now)
	}
}

func TestADrainIsNoFailureToRecover(t *testing.T) {
	p := plain()
	p.Faults, p.Recovery = []Fault{{Kind: Drain, At: 2 * sec, Until: 3 * sec, Spread: 9 * core.Second}}, core.Second
	if r := mustRun(t, p); !r.Sometimes.Has(SawDrainRefusal) || p.End() != 3*sec {
		t.Error("nothing was refused, or the drain ends at", p.End())
	}
}
