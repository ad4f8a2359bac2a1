package scenario

import (
	"lockstep/core"
	"lockstep/sim"
)

// FromPlan writes a plan as a scenario file with inline configurations: what a
// search keeps, so that `lockstep sim` runs it again. The caller fills in the
// texts and what is expected.
func FromPlan(p *sim.Plan) *File {
	keep := keysOf(p)
	f := &File{
		Scenario: 1, Name: p.Name, Routers: p.Routers, Length: Span(p.Length), Window: Span(p.Window),
		Seed: p.Seed, Recovery: Span(p.Recovery), WallClock: p.WallClock, Backend: backendOf(&p.Backend),
		Link: Link{Span(p.Link.Latency), Span(p.Link.Jitter), Share(p.Link.Loss)},
	}
	for _, j := range p.Joins {
		f.Joins = append(f.Joins, Join{Span(j.At), j.Routers, Span(j.Over)})
	}
	for _, c := range p.Clients {
		f.Clients = append(f.Clients, Client{
			Name: c.Name, Rate: c.Rate, Per: Span(c.Per), Poisson: c.Poisson, Users: c.Users, Think: Span(c.Think), From: Span(c.From),
			Until: Span(c.Until), Keys: c.Keys, Zipf: c.Zipf, Unknown: Share(c.Unknown), NoKey: Share(c.NoKey),
			Body: c.Length, Method: methodOf(c.Method), Patience: Span(c.Patience), Retries: c.Retries, Backoff: Span(c.Backoff), Router: c.Router,
			Poison: c.Poison, Priority: c.Priority, Route: c.Route, Sticky: c.Sticky,
			Retry: Retry{Factor(c.Retry.Growth), Span(c.Retry.Max), c.Retry.Jitter, Share(c.Retry.Budget), c.Retry.Floor},
			Ramp:  Ramp{Span(c.Ramp.Period), Share(c.Ramp.Low)},
			Hold:  Hold{Span(c.Hold.At), Span(c.Hold.For), Span(c.Hold.Over)},
		})
	}
	f.Config = ConfigTree(&p.Spec, keep)
	for i := range p.Backends {
		o := &p.Backends[i]
		f.Backends = append(f.Backends, Override{o.Placement, o.Endpoint, backendOf(&o.Backend)})
	}
	for _, x := range p.Faults {
		w := Fault{
			At: Span(x.At), Do: x.Kind.String(), Placement: x.Placement, Endpoint: x.Endpoint, Router: x.Router,
			Share: Share(x.Share), Status: x.Status, Factor: Factor(x.Factor), Delay: Span(x.Delay), Pause: Span(x.Pause), Spread: Span(x.Spread),
		}
		if x.Until > x.At && x.Kind != sim.ResetAll {
			w.For = Span(x.Until - x.At)
		}
		f.Faults = append(f.Faults, w)
	}
	for _, b := range p.Bursts {
		f.Bursts = append(f.Bursts, Burst{Span(b.At), b.Client, b.Requests, Span(b.Over)})
	}
	f.pushesOf(p, keep)
	return f
}

// maxKept is how many keys of a configuration are kept as they are; of more,
// only those that clients send.
const maxKept = 1000

// keysOf returns the keys to keep, nil for all.
func keysOf(p *sim.Plan) map[string]bool {
	if len(p.Spec.Keys) <= maxKept {
		return nil
	}
	keep := map[string]bool{}
	for i := range p.Clients {
		for _, k := range p.Clients[i].Keys {
			keep[k] = true
		}
	}
	return keep
}

func (f *File) pushesOf(p *sim.Plan, keep map[string]bool) {
	f.Epoch = Epoch(p.Epoch)
	for i := range p.Pushes {
		x := &p.Pushes[i]
		w := Push{
			At: Span(x.At), Garbage: x.Spec == nil || x.Garbage, Epoch: Epoch(x.Epoch), Router: x.Router,
			Spread: Span(x.Spread), Copies: x.Copies, NoDisk: x.NoDisk, Deliberate: x.Deliberate,
		}
		if !w.Garbage {
			if tree := ConfigTree(x.Spec, keep); tree != nil {
				w.Config = tree
			} else {
				w.Garbage = true // routers refuse both alike
			}
		}
		f.Pushes = append(f.Pushes, w)
	}
}

func backendOf(b *sim.Backend) Backend {
	var steps []Step
	for _, x := range b.Service.Histogram {
		steps = append(steps, Step{Span(x.UpTo), x.Count})
	}
	return Backend{
		Workers: b.Workers, Queue: b.Queue, Body: Span(b.Body), Flaky: Share(b.Flaky),
		Service: Service{
			Shape: shapes()[b.Service.Shape], Typical: Span(b.Service.Typical),
			Slow: Span(b.Service.Slow), SlowShare: Share(b.Service.SlowShare),
			P99: Span(b.Service.P99), Histogram: steps,
		},
		Knee: b.Knee, Strain: Share(b.Strain), Warmup: Span(b.Warmup), Cold: Factor(b.Cold),
	}
}

// methodOf names a class of methods; "" for the one that is meant without a word.
// A recording may hold one that is not of the list: it counts as other (R11).
func methodOf(m core.Method) string {
	if m == core.MethodSafe {
		return ""
	}
	return methods()[min(m, core.MethodOther)]
}

func shapes() []string {
	return []string{sim.Constant: "constant", sim.Exponential: "exponential", sim.Bimodal: "bimodal", sim.LogNormal: "lognormal", sim.Empirical: "empirical"}
}
