package core

import (
	"slices"
	"testing"
)

// placements returns a configuration with one placement per item, an endpoint per further name.
func placements(t *testing.T, version string, items ...[]string) *Config {
	t.Helper()
	s := Spec{Version: version}
	for _, item := range items {
		p := PlacementSpec{Name: item[0], Health: HealthSpec{Off: true}}
		for _, e := range item[1:] {
			p.Endpoints = append(p.Endpoints, EndpointSpec{Name: e, URL: "http://" + item[0] + "-" + e})
		}
		s.Placements = append(s.Placements, p)
	}
	c, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func adopt(t *testing.T, r *Router, c *Config) {
	t.Helper()
	if d := decide(r, r.now, Event{Kind: Adopt, Config: c}); d.Kind != Ack {
		t.Fatalf("adopting %s: %+v", c.version, d)
	}
	if got, want := r.Digest(), r.DigestByTheSpec(); got != want {
		t.Errorf("adopting %s: digest %x, that of the state is %x", c.version, got, want)
	}
}

// names lists placements and endpoints by number, "" for a free one.
func names(r *Router) (ps, es []string) {
	for n := range int32(r.Placements()) {
		ps = append(ps, r.Placement(n).Name)
	}
	for n := range int32(r.Endpoints()) {
		es = append(es, r.Endpoint(n).Name)
	}
	return ps, es
}

func TestWhatLeavesGivesItsNumberToWhatComesNext(t *testing.T) {
	r := New(Options{Strict: true})
	for _, step := range []struct {
		config           *Config
		placements, ends []string
	}{
		{placements(t, "1", []string{"b", "b1", "b2"}, []string{"d", "d1"}, []string{"a", "a1"}), []string{"a", "b", "d"}, []string{"a1", "b1", "b2", "d1"}},
		{placements(t, "2", []string{"b", "b2"}, []string{"d", "d1"}), []string{"", "b", "d"}, []string{"", "", "b2", "d1"}},
		{placements(t, "3", []string{"b", "b2", "b3"}, []string{"c", "c1", "c2"}, []string{"d", "d1"}, []string{"e", "e1"}), []string{"c", "b", "d", "e"}, []string{"b3", "c1", "b2", "d1", "c2", "e1"}},
	} {
		adopt(t, r, step.config)
		ps, es := names(r)
		if !slices.Equal(ps, step.placements) || !slices.Equal(es, step.ends) {
			t.Errorf("under %s: %q %q, want %q %q", step.config.version, ps, es, step.placements, step.ends)
		}
		for n, name := range ps {
			if got := r.Placement(int32(n)); (got.Index < 0) != (name == "") || name != "" && step.config.placements[got.Index].name != name {
				t.Errorf("under %s placement %d: %+v", step.config.version, n, got)
			}
		}
		for n, name := range es {
			got := r.Endpoint(int32(n))
			if (got.Index < 0) != (name == "") || name != "" && (step.config.endpoints[got.Index].name != name || r.Placement(got.Placement).Name != name[:1]) {
				t.Errorf("under %s endpoint %d: %+v", step.config.version, n, got)
			}
		}
	}
}

func TestAPlacementThatLeavesStaysUntilItsLastAttempt(t *testing.T) {
	r := New(Options{Strict: true})
	both, one := placements(t, "1", []string{"a", "a1"}, []string{"b", "b1"}), placements(t, "2", []string{"a", "a1"})
	adopt(t, r, both)
	h := decide(r, 1, Event{Kind: Arrive, Epoch: r.epoch, Route: Route{Placement: 1}}).Handle
	adopt(t, r, one)
	if got := r.Placement(1); got != (PlacementView{Name: "b", Index: -1, InFlight: 1}) {
		t.Errorf("while an attempt is in flight: %+v", got)
	}
	adopt(t, r, both)
	if got := r.Placement(1); got != (PlacementView{Name: "b", Index: 1, InFlight: 1}) {
		t.Errorf("back again: %+v", got)
	}
	for n := int32(-1); n < 3; n++ {
		if inFlight, guests := r.PlacementCounts(n); inFlight != r.Placement(n).InFlight || guests != r.Placement(n).Guests {
			t.Errorf("placement %d counts %d and %d, its view says %+v", n, inFlight, guests, r.Placement(n))
		}
	}
	adopt(t, r, one)
	if d := decide(r, 2, Event{Kind: Finish, Handle: h, Status: 200}); d.Kind != NoteRetired || d.Placement != 1 || d.Endpoint != 1 || d.Rule != 12 {
		t.Errorf("its last attempt ends: %+v", d)
	}
	if got := r.Placement(1); got != (PlacementView{Index: -1}) {
		t.Errorf("after it: %+v", got)
	}
	if got, want := r.Digest(), r.DigestByTheSpec(); got != want {
		t.Errorf("digest %x, that of the state is %x", got, want)
	}
}

// TestRotationSurvivesAPushExactlyWhenThePlacementIsTheSame takes one turn of
// three, pushes, and asks whose turn it is: b's if the credits survived, else a's.
func TestRotationSurvivesAPushExactlyWhenThePlacementIsTheSame(t *testing.T) {
	spec := func(change func(s *Spec)) *Config {
		s := Spec{Version: "1", Placements: []PlacementSpec{
			{Name: "first", Endpoints: []EndpointSpec{{URL: "http://f1"}, {URL: "http://f2"}}},
			{Name: "p", Endpoints: []EndpointSpec{{URL: "http://a"}, {URL: "http://b"}, {URL: "http://c"}}},
		}}
		if change != nil {
			s.Version = "2"
			change(&s)
		}
		c, err := Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, c := range []struct {
		name   string
		change func(s *Spec)
		next   string
	}{
		{"another label", func(*Spec) {}, "http://b"},
		{"a limit", func(s *Spec) { s.Placements[1].Limit.InFlight = 9 }, "http://b"},
		{"a name", func(s *Spec) { s.Placements[1].Endpoints[0].Name = "x" }, "http://b"},
		{"an endpoint elsewhere", func(s *Spec) { s.Placements[0].Endpoints = s.Placements[0].Endpoints[:1] }, "http://b"},
		{"a placement before it", func(s *Spec) {
			s.Placements = append(s.Placements, PlacementSpec{Name: "a", Endpoints: []EndpointSpec{{URL: "http://z"}}})
		}, "http://b"},
		{"a weight", func(s *Spec) { s.Placements[1].Endpoints[2].Weight = 99 }, "http://a"},
		{"an endpoint more", func(s *Spec) {
			s.Placements[1].Endpoints = append(s.Placements[1].Endpoints, EndpointSpec{URL: "http://d"})
		}, "http://a"},
		{"an endpoint less", func(s *Spec) { s.Placements[1].Endpoints = s.Placements[1].Endpoints[:2] }, "http://a"},
		{"another endpoint", func(s *Spec) { s.Placements[1].Endpoints[2].URL = "http://d" }, "http://a"},
		{"the policy", func(s *Spec) { s.Placements[1].Select = First }, "http://a"},
	} {
		r := New(Options{Strict: true})
		adopt(t, r, spec(nil))
		turn := func() string {
			i, _ := r.config.FindPlacement("p")
			return r.Endpoint(decide(r, 0, Event{Kind: Arrive, Epoch: r.epoch, Route: Route{Placement: int32(i)}}).Endpoint).URL
		}
		turn()
		adopt(t, r, spec(c.change))
		if got := turn(); got != c.next {
			t.Errorf("a push that changes %s: the next turn is %s's, want %s's", c.name, got, c.next)
		}
	}
}

// TestHealthTimersAcrossAPush holds which of them a push moves (R8, R12).
func TestHealthTimersAcrossAPush(t *testing.T) {
	config := func(version string, h HealthSpec) *Config {
		c, err := Compile(Spec{Version: version, Placements: []PlacementSpec{{Name: "p", Endpoints: []EndpointSpec{{URL: "http://a"}}, Health: h}}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, c := range []struct {
		name     string
		from, to HealthSpec
		next     func(r *Router, before Time) Time
		guard    bool
	}{
		{"nothing", HealthSpec{}, HealthSpec{}, func(_ *Router, before Time) Time { return before }, true},
		{"fall", HealthSpec{}, HealthSpec{Fall: 9}, func(_ *Router, before Time) Time { return before }, true},
		{"every", HealthSpec{}, HealthSpec{Every: 60 * Second}, func(r *Router, _ Time) Time {
			return nextProbe(2, &HealthSpec{Every: 60 * Second}, 0, r.endpoints[0].id)
		}, true},
		{"off", HealthSpec{}, HealthSpec{Off: true}, func(*Router, Time) Time { return Never }, false},
		{"on", HealthSpec{Off: true}, HealthSpec{}, func(*Router, Time) Time { return 2 }, false},
	} {
		r := New(Options{Strict: true})
		adopt(t, r, config("1", c.from))
		r.Step(1, &Event{Kind: Tick}, nil)
		before := r.timers.get(timerHealth, 0)
		r.now = 2
		adopt(t, r, config("2", c.to))
		if got, want := r.timers.get(timerHealth, 0), c.next(r, before); got != want {
			t.Errorf("%s changes: the next probe is at %d, want %d", c.name, got, want)
		}
		if guard := r.timers.get(timerHealthGuard, 0) != Never; guard != c.guard || guard != (r.endpoints[0].health.token != 0) {
			t.Errorf("%s changes: a probe out %v, its guard %v, want %v", c.name, r.endpoints[0].health.token != 0, guard, c.guard)
		}
	}
}

// TestABreakerSwitchedOffForgetsEverythingButItsGeneration holds also for a
// half-open one with a probe out: its guard must not fire.
func TestABreakerSwitchedOffForgetsEverythingButItsGeneration(t *testing.T) {
	config := func(version string, off bool) *Config {
		c, err := Compile(Spec{Version: version, Placements: []PlacementSpec{{
			Name: "p", Endpoints: []EndpointSpec{{URL: "http://a"}}, Health: HealthSpec{Off: true}, Breaker: BreakerSpec{Off: off, Failures: 1, Open: Second},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	r := New(Options{Strict: true})
	adopt(t, r, config("1", false))
	arrive := func(now Time) Handle { return decide(r, now, Event{Kind: Arrive, Epoch: r.epoch}).Handle }
	decide(r, 0, Event{Kind: Finish, Handle: arrive(0), Status: 500})
	probe := arrive(Time(Second))
	gen := r.endpoints[0].breaker.gen
	adopt(t, r, config("2", true))
	if got := r.endpoints[0].breaker; got != (breaker{state: Closed, gen: gen + 1}) || r.Deadline() != Never {
		t.Errorf("%+v, deadline %d", got, r.Deadline())
	}
	adopt(t, r, config("3", false))
	if d := decide(r, r.now, Event{Kind: Finish, Handle: probe, Status: 500}); d.Cause != CauseOldGeneration {
		t.Errorf("the probe from before: %+v", d)
	}
	if r.endpoints[0].breaker.gen != gen+1 {
		t.Error("a breaker that was closed got a new generation")
	}
}

// TestAHalfOpenBreakerThatLeavesCallsItsProbesIn (R12): no guard is left, and
// the probes' tickets are old.
func TestAHalfOpenBreakerThatLeavesCallsItsProbesIn(t *testing.T) {
	r := New(Options{Strict: true})
	adopt(t, r, placements(t, "1", []string{"a", "a1"}, []string{"b", "b1"}))
	decide(r, 0, Event{Kind: Arrive, Epoch: r.epoch, Route: Route{Placement: 1}})
	e := &r.endpoints[1]
	e.breaker = breaker{state: HalfOpen, gen: 7}
	r.timers.set(timerBreakerGuard, 1, e.breaker.addProbe(0, 50))
	r.touchEndpoint(1)
	adopt(t, r, placements(t, "2", []string{"a", "a1"}))
	e = &r.endpoints[1] // the table has grown
	if e.breaker.gen != 8 || e.breaker.probes != 0 || r.timers.get(timerBreakerGuard, 1) != Never {
		t.Errorf("%+v, guard at %d", e.breaker, r.timers.get(timerBreakerGuard, 1))
	}
}
