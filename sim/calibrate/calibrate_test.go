package calibrate

import (
	"testing"

	"pgregory.net/rapid"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/sim"
)

// cells is a fleet of one router over two cells, the second the fallback of the first.
func cells() sim.Plan {
	limit := core.LimitSpec{InFlight: 100}
	return sim.Plan{
		Name: "cells", Seed: 1, Length: 60 * core.Second,
		Spec: core.Spec{
			Version: "v1",
			Keys:    []core.KeySpec{{Key: "acme", Placement: "one"}, {Key: "visa", Placement: "two"}},
			Placements: []core.PlacementSpec{
				{Name: "one", Endpoints: []core.EndpointSpec{{Name: "a", URL: "http://10.0.0.1:80"}, {Name: "b", URL: "http://10.0.0.2:80"}}, Fallback: []string{"two"}, Limit: limit},
				{Name: "two", Endpoints: []core.EndpointSpec{{Name: "a", URL: "http://10.0.0.3:80"}}, Limit: limit},
			},
		},
		Clients: []sim.Client{
			{Name: "acme", Rate: 200, Poisson: true, Keys: []string{"acme"}},
			{Name: "visa", Rate: 100, Poisson: true, Keys: []string{"visa"}},
		},
		Backend: sim.Backend{Service: sim.Service{Shape: sim.Exponential, Typical: 30 * core.Millisecond}},
	}
}

// learn runs a plan and returns what a learner saw of it, and its model.
func learn(t *testing.T, p sim.Plan) (*Learner, Model) {
	t.Helper()
	l, start := NewLearner(), (*core.Config)(nil)
	r := sim.Run(p, sim.Options{Observe: func(n int, r *core.Router) loop.Observer {
		return NewWatch(l, n, r, 0)
	}})
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	return l, l.Model("model", start, core.Epoch{}, max(1, p.Routers), p.Length)
}

// distances runs a model from three seeds.
func distances(t *testing.T, l *Learner, m *Model) map[string]Distance {
	t.Helper()
	var runs []*Measures
	for seed := range uint64(3) {
		r, err := Run(&m.Plan, seed+1)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, r)
	}
	out := map[string]Distance{}
	for _, d := range Compare(&l.Seen, runs, m.Plan.Length) {
		out[d.Figure] = d
	}
	return out
}

func TestAModelIsNearWhatItWasMadeOf(t *testing.T) {
	p := cells()
	p.Faults = []sim.Fault{{Kind: sim.Refuse, At: core.Time(20 * core.Second), Until: core.Time(40 * core.Second), Placement: "one"}}
	l, m := learn(t, p)
	for figure, most := range map[string]int64{"requests": 20_000, "goodput": 20_000, "p50": 70_000, "p99": 70_000, "failovers": 30_000} {
		if d := distances(t, l, &m)[figure]; max(d.Off, -d.Off) > most {
			t.Errorf("%s: recorded %d, model %d: off by %d ppm, want at most %d", figure, d.Recorded, d.Model, d.Off, most)
		}
	}
	m.Plan.Faults = nil
	if d := distances(t, l, &m)["failovers"]; d.Off > -500_000 {
		t.Errorf("without the fault failovers are off by %d ppm only: the comparison sees nothing", d.Off)
	}
}

func TestWhatWentWrongIsFoundWithItsTime(t *testing.T) {
	from, to := core.Time(20*core.Second), core.Time(40*core.Second)
	for _, c := range []struct {
		fault sim.Fault
		slack core.Duration // of when it ends
		share uint32        // wanted, 0 for none
	}{
		{sim.Fault{Kind: sim.Refuse}, 5 * core.Second, 0},
		{sim.Fault{Kind: sim.ResetNew}, 5 * core.Second, 0},
		{sim.Fault{Kind: sim.Hang}, 16 * core.Second, 0}, // seen by what is asked, every five seconds, and answered after ten
		{sim.Fault{Kind: sim.Flaky, Share: 200_000, Status: 503}, core.Second, 200_000},
		{sim.Fault{Kind: sim.BrokenBody, Share: 100_000}, core.Second, 100_000},
		{sim.Fault{Kind: sim.Slow, Factor: 5_000_000}, core.Second, 0},
	} {
		t.Run(c.fault.Kind.String(), func(t *testing.T) {
			p := cells()
			c.fault.At, c.fault.Until, c.fault.Placement, c.fault.Endpoint = from, to, "one", "a"
			p.Faults = []sim.Fault{c.fault}
			_, m := learn(t, p)
			found := false
			for _, f := range m.Plan.Faults {
				if f.Kind != c.fault.Kind || f.Placement != "one" || f.Endpoint != "a" {
					continue
				}
				begins, ends := f.At.Sub(from), f.Until.Sub(to)
				if max(begins, -begins) < 2*core.Second && max(ends, -ends) <= c.slack {
					found = true
				}
				if c.share > 0 && (f.Share < c.share*8/10 || f.Share > c.share*12/10) {
					t.Errorf("share %d, want about %d", f.Share, c.share)
				}
			}
			if !found {
				t.Errorf("not found between %d and %d: %+v", from, to, m.Plan.Faults)
			}
		})
	}
}

func TestNothingIsFoundWhereNothingWentWrong(t *testing.T) {
	if _, m := learn(t, cells()); len(m.Plan.Faults) > 0 {
		t.Errorf("found %+v", m.Plan.Faults)
	}
}

func TestAChangedRateIsFound(t *testing.T) {
	p := cells()
	p.Clients = append(p.Clients, sim.Client{Name: "crowd", Rate: 300, Poisson: true, Keys: []string{"acme"}, From: core.Time(30 * core.Second), Until: core.Time(35 * core.Second)})
	_, m := learn(t, p)
	rates := map[int64]int64{}
	for _, c := range m.Plan.Clients {
		if c.Keys[0] != "acme" {
			continue
		}
		for at := c.From; at < c.Until; at = at.Add(core.Second) {
			rates[int64(at)/int64(core.Second)] = c.PerSecond()
		}
	}
	if rates[10] < 180 || rates[10] > 220 || rates[32] < 450 || rates[32] > 550 || rates[50] < 180 || rates[50] > 220 {
		t.Errorf("rates at 10, 32 and 50 s: %d, %d, %d", rates[10], rates[32], rates[50])
	}
}

func TestEvenGapsAreToldFromRandomOnes(t *testing.T) {
	for _, poisson := range []bool{false, true} {
		p := cells()
		p.Clients = []sim.Client{{Name: "acme", Rate: 100, Poisson: poisson, Keys: []string{"acme"}}}
		if _, m := learn(t, p); m.Plan.Clients[0].Poisson != poisson {
			t.Errorf("poisson is %v, learnt %v", poisson, m.Plan.Clients[0].Poisson)
		}
	}
}

func TestAFleetIsLearntRouterByRouter(t *testing.T) {
	p := cells()
	p.Routers = 2
	p.Clients[0].Router, p.Clients[1].Router = 1, 2
	l, m := learn(t, p)
	for _, c := range m.Plan.Clients {
		if want := map[string]int{"acme": 1, "visa": 2}[c.Keys[0]]; c.Router != want {
			t.Errorf("%s is sent to router %d, want %d", c.Keys[0], c.Router, want)
		}
	}
	if d := distances(t, l, &m)["requests"]; max(d.Off, -d.Off) > 20_000 {
		t.Errorf("requests off by %d ppm", d.Off)
	}
}

func TestAPushIsInTheModelWhenItCame(t *testing.T) {
	p := cells()
	moved := p.Spec
	moved.Version = "v2"
	moved.Keys = []core.KeySpec{{Key: "acme", Placement: "two"}, {Key: "visa", Placement: "two"}}
	p.Pushes = []sim.Push{{At: core.Time(30 * core.Second), Spec: &moved}}
	l, m := learn(t, p)
	if len(m.Plan.Pushes) != 1 || m.Plan.Pushes[0].At != p.Pushes[0].At || m.Plan.Pushes[0].Spec == nil {
		t.Fatalf("pushes: %+v", m.Plan.Pushes)
	}
	run, err := Run(&m.Plan, 1)
	if err != nil {
		t.Fatal(err)
	}
	for home, h := range l.Seen.Homes {
		if got := run.Homes[home]; got == nil || float64(got.Requests) < 0.95*float64(h.Requests) || float64(got.Requests) > 1.05*float64(h.Requests) {
			t.Errorf("requests at home in %s: recorded %d, model %+v", home, h.Requests, got)
		}
	}
}

func TestWhatWasMeasuredIsWhatTheSimulatorCounted(t *testing.T) {
	p := cells()
	p.Spec.Placements[0].Limit = core.LimitSpec{InFlight: 3, WhenFull: core.QueueWhenFull, Queue: 10, Wait: 50 * core.Millisecond}
	p.Spec.Placements[1].Retries = core.RetrySpec{Max: 2, On: core.On5xx}
	p.Backend.Flaky = 100_000
	m := NewMeasures()
	r := sim.Run(p, sim.Options{Observe: m.observe})
	var all sim.Counts
	for i := range r.Windows {
		w := &r.Windows[i]
		all.Arrivals, all.OK, all.Refused = all.Arrivals+w.Arrivals, all.OK+w.OK, all.Refused+w.Refused
		all.Latency.Merge(w.Latency)
		for c := range w.ByClass {
			all.ByClass[c] += w.ByClass[c]
		}
	}
	if all.Refused == 0 || all.ByClass[core.Upstream5xx] == 0 {
		t.Fatal("nothing was refused, or nothing failed: the case shows nothing")
	}
	if m.Requests != all.Arrivals || m.OK != all.OK || m.Refused != all.Refused || m.ByClass != all.ByClass {
		t.Errorf("measured %d requests, %d good, %d refused, %v\ncounted  %d requests, %d good, %d refused, %v",
			m.Requests, m.OK, m.Refused, m.ByClass, all.Arrivals, all.OK, all.Refused, all.ByClass)
	}
	for _, q := range []uint32{500_000, 990_000} {
		if a, b := m.Latency.Quantile(q), all.Latency.Quantile(q); a != b {
			t.Errorf("quantile %d: measured %d, counted %d", q, a, b)
		}
	}
}

func TestATimelineLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var line Timeline
		var total uint64
		at := core.Time(0)
		for range rapid.IntRange(0, 200).Draw(t, "values") {
			at = at.Add(core.Duration(rapid.Int64Range(0, int64(20*core.Second)).Draw(t, "gap")))
			n := rapid.Uint32Range(1, 5).Draw(t, "n")
			line.Add(at, n)
			total += uint64(n)
		}
		end := at.Add(core.Duration(line.Width) + 1)
		cut := core.Time(rapid.Int64Range(0, int64(end)).Draw(t, "cut"))
		if got := line.Between(0, cut) + line.Between(cut, end.Add(line.Width)); got != total || line.Total() != total {
			t.Fatalf("%d and %d of %d", got, line.Total(), total)
		}
		if len(line.Bins) > mostBins {
			t.Fatalf("%d bins", len(line.Bins))
		}
		sum := uint64(0)
		for _, x := range line.stretches(core.Duration(end.Add(line.Width))) {
			sum += uint64(x.count)
		}
		if sum != total {
			t.Fatalf("stretches hold %d of %d", sum, total)
		}
	})
}

func BenchmarkLearn(b *testing.B) {
	for b.Loop() {
		l := NewLearner()
		r := sim.Run(cells(), sim.Options{Observe: func(n int, r *core.Router) loop.Observer { return NewWatch(l, n, r, 0) }})
		b.ReportMetric(float64(r.Steps)*float64(b.N)/b.Elapsed().Seconds(), "steps/s")
	}
}
