package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/sim"
	"lockstep/traces"
	"lockstep/traces/whatif"
)

// The truth test: a scenario runs under two configurations from one seed. What
// the what-if makes of the first run's recordings is held to the second run.

// lives are the recordings of one run, one for each life of each router.
type lives struct {
	names []string
	files []*bytes.Buffer
}

func record(t *testing.T, p *sim.Plan) *lives {
	t.Helper()
	out := &lives{}
	var writers []*traces.Writer
	count := map[int]int{}
	sim.Run(*p, sim.Options{Observe: func(router int, r *core.Router) loop.Observer {
		count[router]++
		out.names = append(out.names, fmt.Sprintf("r%d-%d", router, count[router]))
		b := new(bytes.Buffer)
		out.files = append(out.files, b)
		w := traces.NewWriter(b, traces.Binary, traces.Header{Seed: p.Seed, Name: out.names[len(out.names)-1]}, r)
		writers = append(writers, w)
		return w
	}})
	for _, w := range writers {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// each feeds every recording to a function.
func (r *lives) each(t *testing.T, do func(name string, rd *traces.Reader) error) {
	t.Helper()
	for i, f := range r.files {
		rd, err := traces.NewReader(bytes.NewReader(f.Bytes()))
		if err == nil {
			err = do(r.names[i], rd)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// what runs the what-if of recordings under a configuration.
func (r *lives) what(t *testing.T, c *core.Config, each func(*whatif.Request)) *whatif.Result {
	t.Helper()
	return r.try(t, whatif.Options{Config: c, Each: each})
}

func (r *lives) try(t *testing.T, o whatif.Options) *whatif.Result {
	t.Helper()
	s := whatif.NewSamples()
	r.each(t, s.Learn)
	quiet := len(r.files) > 1
	each := o.Each
	o.Samples, o.Each = s, func(q *whatif.Request) {
		if !quiet && each != nil {
			each(q)
		}
	}
	w, err := whatif.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.each(t, w.Replay)
	if len(r.files) > 1 {
		quiet = false
		w.Again()
		r.each(t, w.Replay)
	}
	return w.Result()
}

// change is one change of a configuration.
type change struct {
	name string
	to   func(*core.PlacementSpec)
}

func changes() []change {
	return []change{
		{"half the limits", func(p *core.PlacementSpec) {
			p.Limit.InFlight = (p.Limit.InFlight + 1) / 2
			p.Limit.Guests = min(p.Limit.Guests, p.Limit.InFlight)
		}},
		{"twice the limits", func(p *core.PlacementSpec) { p.Limit.InFlight *= 2 }},
		{"guests a tenth", func(p *core.PlacementSpec) { p.Limit.Guests = p.Limit.InFlight / 10 }},
		{"no cap on guests", func(p *core.PlacementSpec) { p.Limit.Guests = 0 }},
		{"no fallback", func(p *core.PlacementSpec) { p.Fallback = nil }},
		{"breaker after 2", func(p *core.PlacementSpec) { p.Breaker.Failures = 2 }},
		{"breaker after 20", func(p *core.PlacementSpec) { p.Breaker.Failures = 20 }},
		{"open for 1 s", func(p *core.PlacementSpec) { p.Breaker.Open, p.Breaker.OpenMax = core.Second, 0 }},
		{"first", func(p *core.PlacementSpec) { p.Select = core.First }},
		{"least_request", func(p *core.PlacementSpec) { p.Select = core.LeastRequest }},
		{"rendezvous", func(p *core.PlacementSpec) { p.Select = core.Rendezvous }},
		{"weights", func(p *core.PlacementSpec) {
			p.Endpoints = slices.Clone(p.Endpoints)
			for i := range p.Endpoints {
				p.Endpoints[i].Weight = uint32(100 + 200*(i%2))
			}
		}},
		{"retries", func(p *core.PlacementSpec) { p.Retries = core.RetrySpec{Max: 1, Floor: 10, Percent: 20} }},
		{"health every 1 s", func(p *core.PlacementSpec) {
			if !p.Health.Off {
				p.Health.Every, p.Health.Timeout = core.Second, core.Second/2
			}
		}},
	}
}

// apply returns the configuration of a plan with a change, nil if it does not compile.
func (c *change) apply(s core.Spec) (*core.Spec, *core.Config) {
	s.Placements = slices.Clone(s.Placements)
	for i := range s.Placements {
		c.to(&s.Placements[i])
	}
	config, err := core.Compile(s)
	if err != nil {
		return nil, nil
	}
	return &s, config
}

// openLoop makes a plan whose requests come the same whatever becomes of them.
func openLoop(p *sim.Plan) {
	for i := range p.Clients {
		c := &p.Clients[i]
		if c.Users > 0 {
			c.Rate, c.Users, c.Think = c.Users, 0, 0
		}
		c.Retries, c.Backoff, c.Retry, c.Cookies, c.Sticky = 0, 0, sim.Retry{}, false, false
	}
	p.Pushes = nil
}

// truth is what became of each request of the second run, by its id.
type truth map[[2]uint64]fate

type fate struct {
	where  whatif.Where
	status uint16
}

// scored is a what-if held to the truth.
type scored struct {
	name          string
	requests      uint64
	shares        whatif.Shares // of decisions
	wrong         int           // decisions labelled recorded that went elsewhere
	wrongStatuses int           // decisions and outcomes labelled recorded, with another status
	off           float64       // largest error of refusals, failovers and errors, per cent of the requests
	before        [3]uint64     // refused, failovers, errors
	said, is      [3]uint64
	example       string
}

func (s *scored) String() string {
	share := func(n uint64) float64 { return 100 * float64(n) / float64(max(1, s.shares.Total())) }
	return fmt.Sprintf("%-46s %6d requests  recorded %5.1f %% modelled %5.1f %% unknown %5.1f %%  wrong %d, statuses %d  off by %.2f %%: before %d, predicted %d, truth %d",
		s.name, s.requests, share(s.shares.Recorded), share(s.shares.Modelled), share(s.shares.Unknown), s.wrong, s.wrongStatuses, s.off, s.before, s.said, s.is)
}

// label may lie about a request, to see that the test notices.
type label func(*whatif.Request) whatif.Label

func honest(q *whatif.Request) whatif.Label { return q.Decision }

func score(t *testing.T, name string, a *lives, plan *sim.Plan, ch *change, of label) *scored {
	t.Helper()
	spec, config := ch.apply(plan.Spec)
	if config == nil {
		return nil
	}
	other := *plan
	other.Spec = *spec
	fates := truth{}
	b := record(t, &other).what(t, config, func(q *whatif.Request) { fates[q.ID] = fate{q.Before, q.StatusBefore} })
	s := &scored{name: name + ", " + ch.name}
	r := a.what(t, config, func(q *whatif.Request) {
		f, ok := fates[q.ID]
		if !ok || of(q) != whatif.Recorded {
			return
		}
		switch {
		case f.where != q.After:
			s.wrong++
		case q.Outcome == whatif.Recorded && f.status != q.StatusAfter:
			s.wrongStatuses++
		default:
			return
		}
		if s.example == "" {
			s.example = fmt.Sprintf("%s at %d ms, key %s: recorded %s %d, predicted %s %d, truth %s %d", q.Router, core.Duration(q.Time)/core.Millisecond, q.Key,
				q.Before, q.StatusBefore, q.After, q.StatusAfter, f.where, f.status)
		}
	})
	figures := func(t *whatif.Tally) [3]uint64 { return [3]uint64{t.Refused, t.Failovers, t.Errors} }
	s.requests, s.shares = r.Requests, r.Decisions
	s.before, s.said, s.is = figures(&r.Before), figures(&r.After), figures(&b.Before)
	for i := range s.is {
		s.off = max(s.off, 100*math.Abs(float64(s.said[i])-float64(s.is[i]))/float64(max(1, s.requests)))
	}
	return s
}

// truthPlans are the scenarios that are small enough to be run often.
func truthPlans(t *testing.T, most uint64) (names []string, plans []*sim.Plan) {
	t.Helper()
	files, err := filepath.Glob("../../scenarios/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if dir := filepath.Base(filepath.Dir(path)); dir == "configs" || dir == "flawed" {
			continue // configurations
		}
		s, err := loadScenario(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		openLoop(s.plan)
		s.plan.Length = min(s.plan.Length, 60*core.Second)
		load := uint64(0)
		for i := range s.plan.Clients {
			load += uint64(s.plan.Clients[i].Rate)
		}
		if load*uint64(s.plan.Length/core.Second) <= most && !s.plan.WallClock {
			names, plans = append(names, s.file.Name), append(plans, s.plan)
		}
	}
	return names, plans
}

// lines says whether a server's answers depend on how many requests it has.
func lines(p *sim.Plan) bool {
	return p.Backend.Workers > 0 || slices.ContainsFunc(p.Backends, func(b sim.BackendOverride) bool { return b.Backend.Workers > 0 })
}

// hardly are what a recording cannot tell, with the error that it makes.
var hardly = map[string]float64{
	// After its failures an endpoint stands unused for 30 s, without active probes: when it came back is not recorded, half of the time is assumed.
	"rolling-deploy, open for 1 s": 10, "rolling-deploy, weights": 6,
	// The second endpoint is seen at nothing but the poisonous requests, and is taken to fail everybody.
	"poison-request, least_request": 4.1,
}

// TestAWhatIfPredictsWhatTheOtherConfigurationDoes runs scenarios under two configurations from one seed.
// Where a decision is labelled recorded, the second run must have made it, in every scenario. Counts may be off by
// mostOff where servers answer alike whatever their load; no what-if knows how a server bears what nobody sent it.
func TestAWhatIfPredictsWhatTheOtherConfigurationDoes(t *testing.T) {
	const mostOff = 2.5 // per cent of the requests
	most := uint64(4_100)
	if testing.Short() {
		most = 3_000
	}
	if n, err := strconv.ParseUint(os.Getenv("WHATIF_TRUTH"), 10, 32); err == nil {
		most = n // such as 100000, for the table in traces/whatif/README.md
	}
	names, plans := truthPlans(t, most)
	runs, recorded, total := 0, uint64(0), uint64(0)
	for i, plan := range plans {
		a := record(t, plan)
		for _, ch := range changes() {
			s := score(t, names[i], a, plan, &ch, honest)
			if s == nil {
				continue
			}
			runs++
			recorded, total = recorded+s.shares.Recorded, total+s.shares.Total()
			t.Log(s)
			if s.wrong > 0 || s.wrongStatuses > 0 {
				t.Errorf("%s: what is labelled recorded is not so: %s", s.name, s.example)
			}
			if !lines(plan) && s.off > max(mostOff, hardly[s.name]) {
				t.Errorf("%s: a count is off by %.2f %% of the requests", s.name, s.off)
			}
		}
	}
	t.Logf("%d runs, %d requests, %.1f %% of the decisions recorded", runs, total, 100*float64(recorded)/float64(max(1, total)))
	if runs < 80 || 10*recorded < total {
		t.Errorf("%d runs and %d of %d decisions recorded: too few to say anything", runs, recorded, total)
	}
}

// TestWhatOneRouterOverloadsIsNotRecordedForAnother has routers that join others. What they send themselves
// stays as recorded, while the others, under the new limits, let the servers drown: then their answers are not certain.
func TestWhatOneRouterOverloadsIsNotRecordedForAnother(t *testing.T) {
	names, plans := truthPlans(t, 100_000)
	i := slices.Index(names, "autoscale")
	if i < 0 {
		t.Fatal("there is no scenario autoscale")
	}
	a := record(t, plans[i])
	if len(a.files) < 2 {
		t.Fatalf("%d recordings: several routers are what this is about", len(a.files))
	}
	all := changes()
	for _, name := range []string{"twice the limits", "rendezvous"} {
		ch := &all[slices.IndexFunc(all, func(c change) bool { return c.name == name })]
		if s := score(t, names[i], a, plans[i], ch, honest); s.wrong > 0 || s.wrongStatuses > 0 {
			t.Errorf("%d decisions and %d statuses that are labelled recorded are not so: %s: %s", s.wrong, s.wrongStatuses, s.example, s)
		}
	}
}

// TestALabelThatSaysTooMuchIsFound plants errors in the labelling.
func TestALabelThatSaysTooMuchIsFound(t *testing.T) {
	names, plans := truthPlans(t, 8_000)
	about := func(words string) label {
		return func(q *whatif.Request) whatif.Label {
			if strings.Contains(q.DecisionWhy, words) {
				return whatif.Recorded
			}
			return q.Decision
		}
	}
	for lie, c := range map[string]struct {
		of               label
		scenario, change string
	}{
		"what depends on room is recorded":             {about("room"), "queue-blip", "half the limits"},
		"what depends on a sound endpoint is recorded": {about("sound endpoint"), "residency", "open for 1 s"},
		"everything is recorded":                       {func(*whatif.Request) whatif.Label { return whatif.Recorded }, "residency", "open for 1 s"},
	} {
		t.Run(lie, func(t *testing.T) {
			i := slices.Index(names, c.scenario)
			all := changes()
			k := slices.IndexFunc(all, func(ch change) bool { return ch.name == c.change })
			if i < 0 || k < 0 {
				t.Fatalf("there is no %s with %s", c.scenario, c.change)
			}
			a := record(t, plans[i])
			if s := score(t, names[i], a, plans[i], &all[k], honest); s.wrong > 0 {
				t.Fatalf("wrong without the lie: %s", s.example)
			}
			if s := score(t, names[i], a, plans[i], &all[k], c.of); s.wrong == 0 {
				t.Errorf("the lie is not found: %s", s)
			}
		})
	}
}

func TestClientsThatAreSimulatedAgainComeAsOftenAsTheyWould(t *testing.T) {
	s, err := loadScenario("../../scenarios/limit/guests.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.plan.Clients {
		c := &s.plan.Clients[i]
		c.Rate /= 4
		c.Retries, c.Backoff = 2, 200*core.Millisecond
	}
	for i := range s.plan.Spec.Placements {
		l := &s.plan.Spec.Placements[i].Limit
		l.InFlight, l.Guests = l.InFlight/4, l.Guests/4
	}
	for _, name := range []string{"twice the limits", "no fallback", "half the limits", "no cap on guests"} {
		all := changes()
		ch := &all[slices.IndexFunc(all, func(c change) bool { return c.name == name })]
		spec, config := ch.apply(s.plan.Spec)
		a := record(t, s.plan)
		other := *s.plan
		other.Spec = *spec
		is := record(t, &other).try(t, whatif.Options{Config: config}).Before
		plain := a.try(t, whatif.Options{Config: config}).After
		again := a.try(t, whatif.Options{Config: config, Retries: true})
		off := func(n, of uint64) float64 { return 100 * math.Abs(float64(n)-float64(of)) / float64(of) }
		t.Logf("%s: requests %d, truth %d, as recorded %d (off by %.1f %%), simulated again %d (off by %.1f %%); refused truth %d, as recorded %d, simulated again %d",
			name, again.Before.Requests, is.Requests, plain.Requests, off(plain.Requests, is.Requests), again.After.Requests, off(again.After.Requests, is.Requests),
			is.Refused, plain.Refused, again.After.Refused)
		if off(again.After.Requests, is.Requests) > 3 {
			t.Errorf("%s: %d requests instead of %d", name, again.After.Requests, is.Requests)
		}
		if again.Assumed.Again+again.Assumed.NotAgain == 0 && is.Requests != again.Before.Requests {
			t.Errorf("%s: nothing was simulated again", name)
		}
	}
}
