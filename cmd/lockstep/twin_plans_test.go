package main

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"lockstep/adapters/memnet"
	"lockstep/core"
	"lockstep/sim"
)

// upstream is a real server that does what the plan's backend model says.
type upstream struct {
	plan    *sim.Plan
	service time.Duration
	address string
	start   time.Time
	faults  []sim.Fault // those that touch it
	listen  *memnet.Listener
}

func newUpstream(p *sim.Plan, c *core.Config, e core.EndpointInfo, start time.Time) *upstream {
	u := &upstream{plan: p, service: time.Duration(p.Backend.Service.Typical), address: e.URL[len("http://"):], start: start}
	home := c.Placement(e.Placement).Name
	for _, f := range p.Faults {
		if (f.Placement == "" || f.Placement == home) && (f.Endpoint == "" || f.Endpoint == e.Name) {
			u.faults = append(u.faults, f)
		}
	}
	return u
}

// has returns the fault of that kind that is on now.
func (u *upstream) has(k sim.FaultKind) (f sim.Fault, on bool) {
	now := core.Time(time.Since(u.start))
	i := slices.IndexFunc(u.faults, func(f sim.Fault) bool { return f.Kind == k && f.At <= now && now < f.Until })
	if i < 0 {
		return sim.Fault{}, false
	}
	return u.faults[i], true
}

func (u *upstream) run(t *testing.T, network *memnet.Network) {
	u.listen = serve(t, network, u.address, u)
	for _, f := range u.faults {
		if f.Kind == sim.Refuse {
			time.AfterFunc(time.Duration(f.At), func() { u.listen.Refuse(true) })
			time.AfterFunc(time.Duration(f.Until), func() { u.listen.Refuse(false) })
		}
	}
}

// ServeHTTP implements http.Handler.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/health" {
		time.Sleep(time.Millisecond) // as the simulator's servers take
		if _, down := u.has(sim.HealthDown); down {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return
	}
	if _, on := u.has(sim.ResetNew); on {
		panic(http.ErrAbortHandler)
	}
	if _, on := u.has(sim.Hang); on {
		<-r.Context().Done()
		return
	}
	service := u.service
	if f, on := u.has(sim.Slow); on {
		service = service * time.Duration(f.Factor) / 1e6
	}
	time.Sleep(service)
	if f, on := u.has(sim.Flaky); on {
		w.WriteHeader(int(f.Status))
		return
	}
	u.body(w)
}

func (u *upstream) body(w http.ResponseWriter) {
	_, broken := u.has(sim.BrokenBody)
	f, slow := u.has(sim.SlowBody)
	if !broken && !slow {
		return
	}
	w.Header().Set("Content-Length", "5")
	w.Write([]byte("he"))
	w.(http.Flusher).Flush()
	flow := time.Duration(f.Delay)
	if broken {
		time.Sleep(flow / 2)
		panic(http.ErrAbortHandler)
	}
	time.Sleep(flow)
	w.Write([]byte("llo"))
}

// twinSpec is two cells, a shared tier with room for few guests, and quick breakers.
func twinSpec() core.Spec {
	endpoint := func(name string) core.EndpointSpec {
		return core.EndpointSpec{Name: name, URL: "http://" + name + ":80"}
	}
	common := core.PlacementSpec{
		Breaker:  core.BreakerSpec{Open: 5 * core.Second},
		Health:   core.HealthSpec{Off: true},
		Timeouts: core.TimeoutSpec{Connect: core.Second, ResponseHeader: 2 * core.Second},
	}
	visa, acme, shared := common, common, common
	visa.Name, visa.Endpoints, visa.Fallback = "visa", []core.EndpointSpec{endpoint("visa-a"), endpoint("visa-b")}, []string{"shared"}
	acme.Name, acme.Endpoints, acme.Fallback = "acme", []core.EndpointSpec{endpoint("acme-a")}, []string{"shared"}
	acme.Limit = core.LimitSpec{InFlight: 4, WhenFull: core.FailOverWhenFull}
	shared.Name, shared.Endpoints = "shared", []core.EndpointSpec{endpoint("shared-a"), endpoint("shared-b"), endpoint("shared-c")}
	shared.Limit = core.LimitSpec{InFlight: 30, Guests: 5}
	shared.Select = core.LeastRequest
	return core.Spec{
		Version: "twin", Default: "shared", Placements: []core.PlacementSpec{visa, acme, shared},
		Keys: []core.KeySpec{{Key: "acme", Placement: "acme"}, {Key: "visa", Placement: "visa"}},
	}
}

func twinPlan(faults ...sim.Fault) sim.Plan {
	return sim.Plan{
		Name: "twin", Seed: 7, Length: 30 * core.Second, Spec: twinSpec(),
		Clients: []sim.Client{{Name: "all", Rate: 97, Unknown: 100_000, NoKey: 10_000}},
		Backend: sim.Backend{Service: sim.Service{Typical: 10 * core.Millisecond}},
		Faults:  faults,
	}
}

const at = core.Time(core.Second)

// twinPlans keep every share whole and every draw out of the backends, so that
// real servers can follow them exactly.
func twinPlans() map[string]sim.Plan {
	impatient := twinPlan(sim.Fault{Kind: sim.Slow, At: 5 * at, Until: 12 * at, Factor: 30_000_000, Placement: "visa"})
	impatient.Clients[0].Patience = 250 * core.Millisecond

	pushed := twinPlan(sim.Fault{Kind: sim.Refuse, At: 3 * at, Until: 20 * at, Placement: "visa", Endpoint: "visa-a"})
	smaller := twinSpec()
	smaller.Version = "smaller"
	smaller.Placements[2].Limit = core.LimitSpec{InFlight: 2, Guests: 1}
	smaller.Placements[0].Endpoints = smaller.Placements[0].Endpoints[:1]
	back := twinSpec()
	pushed.Pushes = []sim.Push{{At: 8 * at, Spec: &smaller}, {At: 10 * at}, {At: 15 * at, Spec: &back}}

	probed := twinPlan(sim.Fault{Kind: sim.HealthDown, At: 5 * at, Until: 18 * at, Placement: "visa"},
		sim.Fault{Kind: sim.HealthDown, At: 9 * at, Until: 14 * at, Placement: "shared", Endpoint: "shared-c"})
	for i := range probed.Spec.Placements {
		probed.Spec.Placements[i].Health = core.HealthSpec{Every: 2 * core.Second, Timeout: core.Second}
	}

	// retried tries again elsewhere what visa's endpoints refuse or answer with 503.
	retried := func(f sim.Fault) sim.Plan {
		p := twinPlan(f)
		for i := range p.Spec.Placements {
			p.Spec.Placements[i].Retries = core.RetrySpec{Max: 2, On: core.OnConnect | core.OnGateway | core.OnTimeout, Percent: 50, Floor: 5}
		}
		return p
	}
	queued := twinPlan(sim.Fault{Kind: sim.Slow, At: 5 * at, Until: 12 * at, Placement: "acme", Factor: 40_000_000})
	queued.Spec.Placements[1].Limit = core.LimitSpec{InFlight: 4, WhenFull: core.QueueWhenFull, Queue: 5, Wait: 300 * core.Millisecond}

	return map[string]sim.Plan{
		"a queue at a slow cell":  queued,
		"retries of refusals":     retried(sim.Fault{Kind: sim.Refuse, At: 5 * at, Until: 12 * at, Placement: "visa", Endpoint: "visa-a"}),
		"retries of 503":          retried(sim.Fault{Kind: sim.Flaky, At: 5 * at, Until: 11 * at, Placement: "acme", Status: 503}),
		"health endpoints fail":   probed,
		"all is well":             twinPlan(),
		"a cell refuses":          twinPlan(sim.Fault{Kind: sim.Refuse, At: 5 * at, Until: 16 * at, Placement: "visa"}),
		"a cell hangs":            twinPlan(sim.Fault{Kind: sim.Hang, At: 5 * at, Until: 16 * at, Placement: "visa"}),
		"a cell answers 503":      twinPlan(sim.Fault{Kind: sim.Flaky, At: 5 * at, Until: 11 * at, Placement: "acme", Status: 503}),
		"an endpoint resets":      twinPlan(sim.Fault{Kind: sim.ResetNew, At: 5 * at, Until: 12 * at, Placement: "shared", Endpoint: "shared-b"}),
		"bodies break":            twinPlan(sim.Fault{Kind: sim.BrokenBody, At: 5 * at, Until: 12 * at, Placement: "visa"}),
		"bodies outlive settle":   twinPlan(sim.Fault{Kind: sim.SlowBody, At: 5 * at, Until: 12 * at, Placement: "visa", Delay: 3 * core.Second}),
		"a cell slow and full":    twinPlan(sim.Fault{Kind: sim.Slow, At: 5 * at, Until: 12 * at, Placement: "acme", Factor: 40_000_000}),
		"clients give up":         impatient,
		"pushes, one of them bad": pushed,
		"drain with bodies open": twinPlan(sim.Fault{Kind: sim.SlowBody, At: 5 * at, Until: 29 * at, Delay: 3 * core.Second},
			sim.Fault{Kind: sim.Drain, At: 15 * at, Until: 16 * at}),
	}
}
