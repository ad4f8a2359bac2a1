package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
	s := whatif.NewSamples()
	r.each(t, s.Learn)
	quiet := len(r.files) > 1
	w, err := whatif.New(whatif.Options{Config: c, Samples: s, Each: func(q *whatif.Request) {
		if !quiet {
			each(q)
		}
	}})
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

type answer struct {
	where  whatif.Where
	status uint16
}

func TestWhatIfAgainstTruth(t *testing.T) {
	files, err := filepath.Glob("../../scenarios/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if only := os.Getenv("ONLY"); only != "" && !strings.Contains(path, only) {
			continue
		}
		if filepath.Base(filepath.Dir(path)) == "configs" {
			continue
		}
		s, err := loadScenario(path, nil)
		if err != nil {
			t.Logf("%s: %v", path, err)
			continue
		}
		if s.plan.WallClock { // a mistake that production does not make
			continue
		}
		openLoop(s.plan)
		s.plan.Length = min(s.plan.Length, 60*core.Second)
		load := uint64(0)
		for i := range s.plan.Clients {
			load += uint64(s.plan.Clients[i].Rate)
		}
		if load*uint64(s.plan.Length/core.Second) > 100_000 {
			continue
		}
		a := record(t, s.plan)
		for _, ch := range changes() {
			spec, config := ch.apply(s.plan.Spec)
			if config == nil {
				continue
			}
			plan := *s.plan
			plan.Spec = *spec
			truth := map[[2]uint64]answer{}
			b := record(t, &plan)
			tr := b.what(t, config, func(q *whatif.Request) { truth[q.ID] = answer{q.Before, q.StatusBefore} })
			wrong, checked, badStatus := 0, 0, 0
			var ex string
			res := a.what(t, config, func(q *whatif.Request) {
				if is, ok := truth[q.ID]; ok && q.Decision == whatif.Recorded {
					checked++
					if q.Outcome == whatif.Recorded && is.status != q.StatusAfter {
						badStatus++
						if ex == "" {
							ex = fmt.Sprintf("STATUS %s t=%v key=%s: before %s %d, predicted %s %d, truth %s %d attempts %d same %v", q.Router, core.Duration(q.Time)/core.Millisecond, q.Key, q.Before, q.StatusBefore, q.After, q.StatusAfter, is.where, is.status, q.AttemptsAfter, q.Same)
						}
					}
					if is.where != q.After {
						wrong++
						if ex == "" {
							ex = fmt.Sprintf("%s t=%v key=%s: before %s, predicted %s, truth %s attempts %d", q.Router, core.Duration(q.Time)/core.Millisecond, q.Key, q.Before, q.After, is.where, q.AttemptsAfter)
						}
					}
				}
			})
			n := res.Requests
			pc := func(x uint64) float64 { return 100 * float64(x) / float64(max(1, n)) }
			fmt.Printf("%-40s %-18s n %6d moved %5.1f%% dec rec %5.1f mod %5.1f unk %5.1f | WRONG %5d status %4d | refused %6d %6d truth %6d | failover %6d %6d truth %6d | err %6d %6d truth %6d\n",
				filepath.Base(path), ch.name, n, pc(res.Moved), pc(res.Decisions.Recorded), pc(res.Decisions.Modelled), pc(res.Decisions.Unknown), wrong, badStatus,
				res.Before.Refused, res.After.Refused, tr.Before.Refused, res.Before.Failovers, res.After.Failovers, tr.Before.Failovers, res.Before.Errors, res.After.Errors, tr.Before.Errors)
			if wrong+badStatus > 0 {
				fmt.Println("      ", ex)
			}
		}
	}
}
