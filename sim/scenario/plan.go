package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"lockstep/core"
	"lockstep/sim"
)

// Load turns the `config` of a scenario into a Spec: a native configuration as
// a tree, or the path of a file. One that decodes and is not valid gives its
// Spec beside the error. The command owns parsing and files.
type Load func(config any) (core.Spec, error)

// Host is what the command does for a file: it parses, and it has a language of expressions.
type Host struct {
	Load    Load
	Tree    func(config any) (any, error) // the content of a configuration that is named by its path
	Compile Compile
}

// builder collects every fault of a file, not only the first.
type builder struct {
	file *File
	Host
	plan *sim.Plan
	errs core.SpecErrors
}

// Plan turns the file into what the simulator runs. The error is a
// core.SpecErrors with paths as written in the file, such as faults[1].do, or
// the error of Host.Load. It keeps the checked expressions in f.
func (f *File) Plan(h Host) (*sim.Plan, error) {
	b := &builder{file: f, Host: h}
	b.header()
	if len(b.errs) > 0 {
		return nil, b.errs
	}
	spec, err := h.Load(f.Config)
	if err != nil {
		return nil, err
	}
	b.plan = &sim.Plan{
		Name: f.Name, Seed: f.Seed, Length: f.Length.length(), Window: f.window(), Recovery: f.Recovery.length(),
		Spec: spec, Epoch: core.Epoch(f.Epoch), Routers: f.Routers, WallClock: f.WallClock, Backend: b.backend(&f.Backend, "backend"),
		Link: sim.Link{Latency: f.Link.Latency.length(), Jitter: f.Link.Jitter.length(), Loss: uint32(f.Link.Loss)},
	}
	b.world()
	b.timeline()
	if err := b.pushes(); err != nil {
		return nil, err
	}
	b.ranges()
	b.expectations()
	b.mapped()
	if len(b.errs) > 0 {
		return nil, b.errs
	}
	return b.plan, nil
}

func (f *File) window() core.Duration {
	if f.Window == 0 {
		return core.Second
	}
	return f.Window.length()
}

func (b *builder) fail(path, what, hint string) {
	b.errs = append(b.errs, &core.SpecError{Path: path, What: what, Hint: hint})
}

func (b *builder) header() {
	f := b.file
	if f.Scenario != 1 {
		b.fail("scenario", fmt.Sprintf("form %d is not known", f.Scenario), "write scenario: 1")
	}
	for _, text := range [...]struct{ path, value string }{
		{"name", f.Name}, {"modelled_on", f.ModelledOn}, {"why", f.Why}, {"property", f.Property},
	} {
		if text.value == "" {
			b.fail(text.path, "is missing", "a scenario says what it is called, modelled on, why, and which property it shows")
		}
	}
	if f.Config == nil {
		b.fail("config", "is missing", "write a native configuration or the path of one")
	}
	if f.Length == 0 {
		b.fail("length", "is missing", "say how long clients send, such as 60s")
	}
	if len(f.Clients) == 0 {
		b.fail("clients", "there are none", "name at least one, such as {name: all, rate: 100}")
	}
}

func (b *builder) backend(w *Backend, path string) sim.Backend {
	shape := max(0, slices.Index(shapes(), w.Service.Shape))
	if name := w.Service.Shape; name != "" && name != shapes()[shape] {
		b.fail(path+".service.shape", strconv.Quote(w.Service.Shape)+" is not a shape", oneOf(name, shapes()))
	}
	b.servable(w, path)
	var buckets []sim.Bucket
	for _, s := range w.Service.Histogram {
		buckets = append(buckets, sim.Bucket{UpTo: s.UpTo.length(), Count: s.Count})
	}
	return sim.Backend{
		Workers: w.Workers, Queue: w.Queue, Body: w.Body.length(), Flaky: uint32(w.Flaky),
		Service: sim.Service{
			Shape: sim.Shape(shape), Typical: w.Service.Typical.length(),
			Slow: w.Service.Slow.length(), SlowShare: uint32(w.Service.SlowShare),
			P99: w.Service.P99.length(), Histogram: buckets,
		},
		Knee: w.Knee, Strain: uint32(w.Strain), Warmup: w.Warmup.length(), Cold: uint32(w.Cold),
	}
}

// world fills in who sends, who routes and who serves.
func (b *builder) world() {
	for _, j := range b.file.Joins {
		b.plan.Joins = append(b.plan.Joins, sim.Join{At: j.At.time(), Routers: j.Routers, Over: j.Over.length()})
	}
	for i, c := range b.file.Clients {
		path := fmt.Sprintf("clients[%d]", i)
		if c.Sticky && c.Users == 0 {
			b.fail(path+".sticky", "is of users, and this client has none", "give it users in place of a rate")
		}
		if n := len(b.plan.Spec.Routes) + 1; int(c.Route) >= n {
			b.fail(path+".route", fmt.Sprintf("there is no route %d: the configuration has %d, counted from 0", c.Route, n), "use a number below "+strconv.Itoa(n))
		}
		b.plan.Clients = append(b.plan.Clients, sim.Client{
			Name: c.Name, Rate: c.Rate, Per: c.Per.length(), Poisson: c.Poisson, Users: c.Users, Think: c.Think.length(),
			From: c.From.time(), Until: c.Until.time(), Keys: c.Keys, Zipf: c.Zipf,
			Unknown: uint32(c.Unknown), NoKey: uint32(c.NoKey), Length: c.Body, Method: b.method(c.Method, path),
			Patience: c.Patience.length(), Retries: c.Retries, Backoff: c.Backoff.length(), Router: c.Router,
			Poison: c.Poison, Priority: c.Priority, Route: c.Route, Sticky: c.Sticky,
			Retry: sim.Retry{
				Growth: uint32(c.Retry.Grow), Max: c.Retry.Max.length(), Jitter: c.Retry.Jitter,
				Budget: uint32(c.Retry.Budget), Floor: c.Retry.Floor,
			},
			Ramp: sim.Ramp{Period: c.Ramp.Period.length(), Low: uint32(c.Ramp.Low)},
			Hold: sim.Hold{At: c.Hold.At.time(), For: c.Hold.For.length(), Over: c.Hold.Over.length()},
		})
	}
	for i := range b.file.Backends {
		o := &b.file.Backends[i]
		path := fmt.Sprintf("backends[%d]", i)
		b.known(path, o.Placement, o.Endpoint)
		b.plan.Backends = append(b.plan.Backends, sim.BackendOverride{
			Placement: o.Placement, Endpoint: o.Endpoint, Backend: b.backend(&o.Backend, path),
		})
	}
}

// method finds a class of methods by its name.
func (b *builder) method(name, path string) core.Method {
	names := methods()
	at := max(0, slices.Index(names, name))
	if name != "" && name != names[at] {
		b.fail(path+".method", strconv.Quote(name)+" is not a class of methods", oneOf(name, names))
	}
	return core.Method(at)
}

func methods() []string {
	return []string{core.MethodSafe: "safe", core.MethodIdempotent: "idempotent", core.MethodOther: "other"}
}

// known checks that a placement, and an endpoint in it, exist.
func (b *builder) known(path, placement, endpoint string) {
	if placement == "" {
		if endpoint != "" {
			b.fail(path+".endpoint", "has no placement", "name the placement too")
		}
		return
	}
	var placements []string
	for i := range b.plan.Spec.Placements {
		p := &b.plan.Spec.Placements[i]
		placements = append(placements, p.Name)
		if p.Name != placement {
			continue
		}
		var endpoints []string
		for _, e := range p.Endpoints {
			if endpoint == "" || endpoint == e.Name || endpoint == e.URL {
				return
			}
			endpoints = append(endpoints, cmp.Or(e.Name, e.URL))
		}
		b.fail(path+".endpoint", strconv.Quote(endpoint)+" is not an endpoint of "+placement, oneOf(endpoint, endpoints))
		return
	}
	b.fail(path+".placement", strconv.Quote(placement)+" is not a placement of the configuration", oneOf(placement, placements))
}

// timeline fills in faults and bursts.
func (b *builder) timeline() {
	for i, w := range b.file.Faults {
		path := fmt.Sprintf("faults[%d]", i)
		kind, ok := sim.ParseFaultKind(w.Do)
		if !ok {
			b.fail(path+".do", strconv.Quote(w.Do)+" is not a kind of fault", oneOf(w.Do, faultNames()))
		}
		b.known(path, w.Placement, w.Endpoint)
		f := sim.Fault{
			Kind: kind, At: w.At.time(), Placement: w.Placement, Endpoint: w.Endpoint, Router: w.Router,
			Share: uint32(w.Share), Status: w.Status, Factor: uint32(w.Factor), Delay: w.Delay.length(), Pause: w.Pause.length(), Spread: w.Spread.length(),
		}
		if w.For > 0 {
			f.Until = f.At.Add(w.For.length())
		}
		b.plan.Faults = append(b.plan.Faults, f)
	}
	for i, w := range b.file.Bursts {
		if names := b.clients(); !slices.Contains(names, w.Client) {
			b.fail(fmt.Sprintf("bursts[%d].client", i), strconv.Quote(w.Client)+" is not a client", oneOf(w.Client, names))
		}
		b.plan.Bursts = append(b.plan.Bursts, sim.Burst{Client: w.Client, At: w.At.time(), Over: w.Over.length(), Requests: w.Requests})
	}
}

func (b *builder) clients() (names []string) {
	for i := range b.file.Clients {
		names = append(names, b.file.Clients[i].Name)
	}
	return names
}

func faultNames() (names []string) {
	for k := sim.FaultNone + 1; k.String() != sim.FaultNone.String(); k++ {
		names = append(names, k.String())
	}
	return names
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
