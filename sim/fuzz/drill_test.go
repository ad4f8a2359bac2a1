package fuzz

import (
	"slices"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/sim"
	"lockstep/traces/promise"
)

// drillsOf runs the drills of one property and returns the first finding, nil for none.
func drillsOf(t *testing.T, target *Target, property string) *Finding {
	t.Helper()
	tried := 0
	for _, d := range Drills(target) {
		if d.Property != property {
			continue
		}
		tried++
		o := TryDrill(target, d)
		if o.Err != nil {
			t.Fatal(d, o.Err)
		}
		if o.Finding != nil {
			return o.Finding
		}
	}
	if tried == 0 {
		t.Fatalf("no drill for %s", property)
	}
	return nil
}

func TestADrillBlamesTheSettingWhoseChangeMendsIt(t *testing.T) {
	for _, c := range []struct {
		name, property string
		weaken         func(*core.PlacementSpec) // cell-a
		key            string
	}{
		{"no breaker", LeavesFailing, func(p *core.PlacementSpec) { p.Breaker.Off = true }, "breaker"},
		{"a threshold out of reach", LeavesFailing, func(p *core.PlacementSpec) { p.Breaker.Failures = 5000 }, "breaker.consecutive_failures"},
		{"one of two may be left", LeavesFailing, func(p *core.PlacementSpec) { p.Breaker.MaxOpenPercent = 50 }, "breaker.max_open"},
		{"a hang is waited for", LeavesFailing, func(p *core.PlacementSpec) {
			p.Timeouts.ResponseHeader, p.Timeouts.Request = 60*core.Second, 90*core.Second
		}, "timeouts.response_header"},
		{"a threshold out of reach and one of two", LeavesFailing, func(p *core.PlacementSpec) { p.Breaker.Failures, p.Breaker.MaxOpenPercent = 5000, 50 }, "breaker.consecutive_failures"},
		{"seldom probed", ReturnsMended, func(p *core.PlacementSpec) { p.Health.Every = 600 * core.Second }, "health.every"},
		{"many good probes", ReturnsMended, func(p *core.PlacementSpec) { p.Health.Rise = 30 }, "health.rise"},
		{"open for an hour", ReturnsMended, func(p *core.PlacementSpec) { p.Breaker.Open = 3600 * core.Second }, "breaker.open"},
		{"open for longer and longer", ReturnsMended, func(p *core.PlacementSpec) {
			p.Breaker.Growth, p.Breaker.OpenMax, p.Health.Off = 3*million, 900*core.Second, true
		}, "breaker.open_max"},
		{"open for longer and longer under a sound health page", ReturnsMended, func(p *core.PlacementSpec) {
			p.Breaker.Growth, p.Breaker.OpenMax = 10*million, 3600*core.Second
		}, "breaker.open_max"},
		{"many good test requests", ReturnsMended, func(p *core.PlacementSpec) { p.Breaker.Successes = 2000 }, "breaker.half_open_successes"},
		{"tested all the time", LeavesFailing, func(p *core.PlacementSpec) { p.Breaker.Open = core.Millisecond }, "breaker.open"},
		{"probes decide", ProbesAlone, func(p *core.PlacementSpec) { p.LastResort, p.Fallback = core.RefuseLastResort, nil }, "last_resort"},
	} {
		target := tight()
		target.Spec.Placements[1].Limit = core.LimitSpec{InFlight: 200}
		if f := drillsOf(t, target, c.property); f != nil {
			t.Fatalf("sound, and found: %s", f.Sentence)
		}
		c.weaken(&target.Spec.Placements[0])
		f := drillsOf(t, target, c.property)
		if f == nil {
			t.Errorf("%s: not found", c.name)
			continue
		}
		if f.Property != c.property || f.Key != "placements.cell-a."+c.key || f.Value == "" {
			t.Errorf("%s: %s, key %s: %q", c.name, f.Property, f.Key, f.Value)
		}
		if n := len(f.Story); n < 3 || n > 9 {
			t.Errorf("%s: the story has %d lines", c.name, n)
		}
	}
}

func TestAPromiseOfTimeTakesThePlaceOfADrillsOwnBound(t *testing.T) {
	target := tight()
	target.Spec.Placements[0].Limit = core.LimitSpec{}
	target.Spec.Placements[0].Timeouts.ResponseHeader = 25 * core.Second
	target.Spec.Placements[0].Breaker.Open = 150 * core.Second
	for _, c := range []struct {
		kind     promise.Kind
		property string
		within   core.Duration
		broken   string
	}{
		{0, LeavesFailing, 0, LeavesFailing},
		{FailOver, LeavesFailing, 40 * core.Second, ""},
		{FailOver, LeavesFailing, 10 * core.Second, "mine"},
		{0, ReturnsMended, 0, ReturnsMended},
		{Recover, ReturnsMended, 200 * core.Second, ""},
		{Recover, ReturnsMended, 60 * core.Second, "mine"},
	} {
		target.Must = nil
		if c.kind != 0 {
			target.Must = []Promise{{Name: "mine", Kind: c.kind, Within: c.within}}
		}
		got := ""
		if f := drillsOf(t, target, c.property); f != nil {
			got = f.Property
		}
		if got != c.broken {
			t.Errorf("%s within %v: broken %q, want %q", c.property, c.within, got, c.broken)
		}
	}
}

func TestUnknownKeysAreJudgedInADedicatedCellAlone(t *testing.T) {
	target := tight()
	for _, c := range []struct {
		to     string
		kind   core.Reason
		judged bool
	}{
		{"cell-a", core.ReasonDedicated, true},
		{"cell-a", core.ReasonTier, false},
		{"cell-b", core.ReasonDedicated, false}, // cell-a falls back to it
		{"", core.ReasonDedicated, false},
	} {
		target.Spec.Default = c.to
		for i := range target.Spec.Placements {
			target.Spec.Placements[i].Kind = c.kind
		}
		if judged := target.unknownTo() != nil; judged != c.judged {
			t.Errorf("unknown keys to %q, kind %v: judged %v", c.to, c.kind, judged)
		}
		if c.judged {
			if f := drillsOf(t, target, UnknownApart); f == nil || f.Key != "unknown_key.to" {
				t.Errorf("found %+v", f)
			}
		}
	}
}

func TestTheOnlyPlacementHasNobodyToBeKeptApartFrom(t *testing.T) {
	target := tight()
	s := &target.Spec
	s.Placements[0].Fallback, s.Placements[0].Limit = nil, core.LimitSpec{InFlight: 100}
	s.Default, s.Placements, s.Keys = "cell-a", s.Placements[:1], slices.DeleteFunc(s.Keys, func(k core.KeySpec) bool { return k.Placement != "cell-a" })
	if p := target.unknownTo(); p != nil || len(compiled(s)) != 1 {
		t.Errorf("%d placements, judged: %v", len(compiled(s)), p)
	}
}

func TestALimitBelowTheFailuresThatOpenABreakerIsBlamed(t *testing.T) {
	target := &Target{Name: "no facts", Spec: sound()}
	target.Spec.Placements[0].Limit = core.LimitSpec{InFlight: 2}
	if f := drillsOf(t, target, LeavesFailing); f == nil || f.Key != "placements.cell-a.limit.in_flight" || !strings.HasPrefix(f.Value, "room for 2 in flight") {
		t.Errorf("%s", describe(f))
	}
}

func TestAFallbackOnTheSameServerIsNamed(t *testing.T) {
	target := tight()
	target.Spec.Placements[1].Limit = core.LimitSpec{}
	target.Spec.Placements[1].Endpoints = []core.EndpointSpec{{Name: "x", URL: "http://10.0.1.1:80"}, {Name: "y", URL: "http://10.0.1.2:80"}}
	f := TryNMinusOne(target)[0].Finding
	if f == nil || f.Key != "placements.cell-b.endpoints.x.url" || !strings.Contains(f.Sentence, "share a server") {
		t.Fatalf("%+v", f)
	}
	target.Facts = Facts{} // without a stated peak the same is found by a drill
	if f := drillsOf(t, target, LeavesFailing); f == nil || f.Key != "placements.cell-b.endpoints.x.url" {
		t.Errorf("%s", describe(f))
	}
}

func TestWithoutAStatedPeakDrillsAssumeALoadAndSayIt(t *testing.T) {
	target := &Target{Name: "no facts", Spec: sound()}
	target.Spec.Placements[0].Breaker.Off = true
	f := drillsOf(t, target, LeavesFailing)
	if f == nil || !strings.HasPrefix(f.Assumed, "no facts.peak is stated, so 100/s to each placement, or half of its room, answers in 50ms") {
		t.Fatalf("%s", describe(f))
	}
	for _, d := range Drills(target) {
		if d.Property == StatedPeak {
			t.Error("a peak that nobody states is judged")
		}
	}
	target.Spec.Placements[0].Limit = core.LimitSpec{InFlight: 4}
	if l := target.loads()["cell-a"]; l.PerSecond != 40 || target.inFlight(l) != 2 {
		t.Errorf("half of 4 slots are %+v", l)
	}
}

// The defaults of both forms break nothing: a search that cries wolf at them is of no use.
func TestDefaultsPassEveryDrill(t *testing.T) {
	for _, policy := range [...]core.Policy{core.RoundRobin, core.LeastRequest, core.Rendezvous, core.First} {
		for _, slow := range [...]core.Duration{5 * core.Millisecond, 2 * core.Second} {
			target := tight()
			for i := range target.Spec.Placements {
				p := &target.Spec.Placements[i]
				p.Limit, p.Breaker, p.Health, p.Timeouts, p.Select = core.LimitSpec{}, core.BreakerSpec{}, core.HealthSpec{}, core.TimeoutSpec{}, policy
				p.Health.StartUnhealthy = slow > core.Second
				target.Facts.Peak[p.Name] = Load{PerSecond: 30, Latency: slow}
			}
			for _, d := range Drills(target) {
				if o := TryDrill(target, d); o.Err != nil || o.Finding != nil {
					t.Errorf("%v, answers take %v, %s: %v %s", policy, slow, d, o.Err, describe(o.Finding))
				}
			}
		}
	}
}

func TestATestRequestWhoseOutcomeIsBookedIsNoLongerOut(t *testing.T) {
	target := &Target{Name: "long bodies", Spec: sound()}
	for i := range target.Spec.Placements {
		target.Spec.Placements[i].Breaker.Successes = 3
	}
	c := Case{Plan: sim.Plan{
		Spec: target.Spec, Length: 30 * core.Second, Backend: sim.Backend{Body: 5 * core.Second},
		Clients: []sim.Client{{Name: "c", Rate: 5}}, Faults: []sim.Fault{{Kind: sim.Refuse, At: settled, Until: settled.Add(core.Second)}},
	}}
	r := target.run(&c)
	if f := target.judge(&c, &r); r.Err != nil || f != nil {
		t.Errorf("%v %s", r.Err, describe(f))
	}
	if !r.Sometimes.Has(sim.SawHalfOpen) || !r.Sometimes.Has(sim.SawReply) {
		t.Error("no test request outlived its outcome")
	}
}

func TestEveryFindingOfADrillNamesAKey(t *testing.T) {
	found := 0
	for seed := range uint64(15) {
		target := &Target{Name: "drawn", Spec: drawSpec(NewSeeded(seed)), Accept: []string{SingleProbe}}
		for _, d := range Drills(target) {
			o := TryDrill(target, d)
			if o.Err != nil {
				t.Fatal(seed, d, o.Err)
			}
			if o.Finding == nil {
				continue
			}
			found++
			if f := o.Finding; f.Key == "" || f.Assumed == "" || f.Promised == "" {
				t.Errorf("seed %d, %s: %s", seed, d, describe(f))
			}
		}
	}
	if found == 0 {
		t.Error("nothing was found in odd configurations")
	}
}

func TestAPromisedAvailabilityTakesThePlaceOfTheStatedPeak(t *testing.T) {
	for _, c := range []struct {
		share  uint32 // promised; 0: nothing is
		broken string
	}{
		{0, StatedPeak},
		{999_000, "answers"},
		{500_000, ""},
	} {
		target := tight()
		target.Spec.Placements[1].Limit = core.LimitSpec{InFlight: 30} // it needs 40
		if c.share > 0 {
			target.Must = []Promise{{Name: "answers", Kind: Available, Share: c.share}}
		}
		got := ""
		if f := drillsOf(t, target, StatedPeak); f != nil {
			if got = f.Property; f.Key != "placements.cell-b.limit.in_flight" {
				t.Errorf("key %s", f.Key)
			}
		}
		if got != c.broken {
			t.Errorf("promised %d: broken %q, want %q", c.share, got, c.broken)
		}
	}
}
