package sim

import (
	"fmt"

	"pgregory.net/rapid"

	"lockstep/core"
)

// drawSpec draws a small configuration whose every setting is likely to matter.
func drawSpec(t *rapid.T, label string) core.Spec {
	n := rapid.IntRange(1, 4).Draw(t, label+" placements")
	s := core.Spec{Version: label}
	if rapid.Bool().Draw(t, "default") {
		s.Default = "p0"
	}
	for i := range n {
		p := core.PlacementSpec{
			Name:       fmt.Sprintf("p%d", i),
			Select:     rapid.SampledFrom([]core.Policy{core.RoundRobin, core.LeastRequest, core.Rendezvous, core.First}).Draw(t, "select"),
			LastResort: core.LastResort(rapid.IntRange(0, 1).Draw(t, "last resort")),
			Limit: core.LimitSpec{
				InFlight: int32(rapid.SampledFrom([]int{0, 1, 5, 40}).Draw(t, "in flight")),
				WhenFull: core.WhenFull(rapid.IntRange(0, 1).Draw(t, "when full")),
			},
			Breaker: core.BreakerSpec{
				Off:            rapid.IntRange(0, 7).Draw(t, "off") == 0,
				Failures:       uint32(rapid.IntRange(1, 4).Draw(t, "failures")),
				Open:           core.Duration(rapid.IntRange(1, 20).Draw(t, "open")) * 100 * core.Millisecond,
				Growth:         uint32(rapid.SampledFrom([]int{1, 2, 3}).Draw(t, "growth")) * million,
				Jitter:         uint32(rapid.SampledFrom([]int{0, 200_000}).Draw(t, "jitter")),
				Probes:         uint32(rapid.IntRange(1, 3).Draw(t, "probes")),
				Successes:      uint32(rapid.IntRange(1, 3).Draw(t, "successes")),
				MaxOpenPercent: uint32(rapid.SampledFrom([]int{30, 50, 100}).Draw(t, "max open")),
			},
			Health: core.HealthSpec{
				Off: rapid.Bool().Draw(t, "no health"), Every: 300 * core.Millisecond, Timeout: 100 * core.Millisecond,
				Fall: uint32(rapid.IntRange(1, 3).Draw(t, "fall")), Rise: uint32(rapid.IntRange(1, 3).Draw(t, "rise")),
				StartUnhealthy: rapid.IntRange(0, 7).Draw(t, "start unhealthy") == 0,
			},
			Timeouts: core.TimeoutSpec{
				Connect: 100 * core.Millisecond, ResponseHeader: 500 * core.Millisecond,
				BodyIdle: 400 * core.Millisecond, Settle: core.Duration(rapid.SampledFrom([]int{200, 4000}).Draw(t, "settle")) * core.Millisecond,
			},
		}
		if p.Limit.InFlight > 0 {
			p.Limit.Guests = int32(rapid.IntRange(-1, int(p.Limit.InFlight)).Draw(t, "guests"))
		}
		for j := range rapid.IntRange(1, 3).Draw(t, "endpoints") {
			p.Endpoints = append(p.Endpoints, core.EndpointSpec{
				URL: fmt.Sprintf("http://p%d-%d:80", i, j+rapid.IntRange(0, 1).Draw(t, "moved")*10), Weight: uint32(rapid.SampledFrom([]int{0, 0, 50}).Draw(t, "weight")),
			})
		}
		for _, f := range rapid.Permutation([]int{0, 1, 2, 3}).Draw(t, "fallback")[:rapid.IntRange(0, 3).Draw(t, "fallbacks")] {
			if f != i && f < n {
				p.Fallback = append(p.Fallback, fmt.Sprintf("p%d", f))
			}
		}
		s.Placements = append(s.Placements, p)
	}
	for k := range 12 {
		s.Keys = append(s.Keys, core.KeySpec{Key: fmt.Sprintf("k%d", k), Placement: fmt.Sprintf("p%d", k%n)})
	}
	return s
}

func drawTime(t *rapid.T, label string) core.Time {
	return core.Time(rapid.IntRange(0, 8000).Draw(t, label)) * core.Time(core.Millisecond)
}

// drawHold draws a hold, or none.
func drawHold(t *rapid.T) Hold {
	return Hold{
		At: drawTime(t, "hold"), For: core.Duration(rapid.SampledFrom([]int{0, 1000}).Draw(t, "hold for")) * core.Millisecond,
		Over: core.Duration(rapid.IntRange(0, 1).Draw(t, "hold over")) * core.Second,
	}
}

// drawUnusual adds what few plans have to a drawn plan.
func drawUnusual(t *rapid.T, p *Plan) {
	few := func(label string) bool { return rapid.IntRange(0, 3).Draw(t, label) == 0 }
	p.WallClock = few("wall clock")
	c := &p.Clients[0]
	if few("one router") {
		c.Router = rapid.IntRange(1, p.fleet()).Draw(t, "which")
	}
	if few("careful") {
		c.Retry = Retry{Growth: 2 * million, Jitter: true, Budget: 100_000, Floor: uint32(rapid.IntRange(0, 2).Draw(t, "floor"))}
	}
	if few("patient users") {
		p.Clients[1].Retries, p.Clients[1].Patience = 2, 500*core.Millisecond
	}
	if p.Backend.Workers > 0 && few("knee") {
		p.Backend.Knee, p.Backend.Strain = 2, 300_000
	}
	if few("warmup") {
		p.Backend.Warmup = core.Second
	}
	if few("imperfect") {
		p.Backend.Flaky, p.Link.Loss = 50_000, 50_000
	}
	if few("slow p0") {
		p.Backends = []BackendOverride{{Placement: "p0", Backend: Backend{Workers: 1, Queue: 1}}}
	}
	for i := range p.Faults {
		f := &p.Faults[i]
		if few("spread") {
			f.Spread = core.Second
		}
		switch {
		case f.Kind == Upgrade || !few("end"):
		case rapid.Bool().Draw(t, "never"):
			f.Until = 0
		default:
			f.Until = f.At
		}
	}
}

// drawPlan draws a run of 8 s with faults, pushes, restarts, joins, holds and bursts.
func drawPlan(t *rapid.T) Plan {
	p := Plan{
		Name: "drawn", Seed: rapid.Uint64().Draw(t, "seed"), Length: 8 * core.Second, Spec: drawSpec(t, "v0"),
		Routers: rapid.IntRange(1, 3).Draw(t, "routers"),
		Backend: Backend{
			Workers: rapid.SampledFrom([]int{0, 4}).Draw(t, "workers"), Queue: rapid.SampledFrom([]int{0, 2}).Draw(t, "queue"),
			Service: Service{Shape: Shape(rapid.IntRange(0, 2).Draw(t, "shape")), Typical: 20 * core.Millisecond, Slow: core.Second, SlowShare: 20_000},
			Body:    core.Duration(rapid.SampledFrom([]int{0, 50, 300, 2500}).Draw(t, "body")) * core.Millisecond,
		},
		Link: Link{Latency: core.Millisecond, Jitter: core.Millisecond},
		Clients: []Client{{
			Name: "open", Rate: uint32(rapid.IntRange(20, 200).Draw(t, "rate")), Poisson: rapid.Bool().Draw(t, "poisson"),
			Unknown: 20_000, NoKey: 10_000, Zipf: rapid.Bool().Draw(t, "zipf"),
			Patience: core.Duration(rapid.SampledFrom([]int{0, 150}).Draw(t, "patience")) * core.Millisecond,
			Retries:  uint32(rapid.IntRange(0, 2).Draw(t, "retries")), Backoff: 50 * core.Millisecond,
			Ramp: Ramp{Period: core.Duration(rapid.SampledFrom([]int{0, 4}).Draw(t, "ramp")) * core.Second, Low: 100_000},
			Hold: drawHold(t),
		}, {
			Name: "closed", Users: uint32(rapid.IntRange(0, 10).Draw(t, "users")), Think: 100 * core.Millisecond, Hold: drawHold(t),
		}},
	}
	if rapid.Bool().Draw(t, "joins") {
		p.Joins = []Join{{At: drawTime(t, "join"), Routers: 2, Over: core.Second}}
	}
	for range rapid.IntRange(0, 5).Draw(t, "faults") {
		f := Fault{
			Kind: FaultKind(rapid.IntRange(1, int(faultKinds)-1).Draw(t, "kind")), At: drawTime(t, "at"),
			Placement: rapid.SampledFrom([]string{"", "p0"}).Draw(t, "where"), Router: rapid.IntRange(0, p.fleet()).Draw(t, "router"),
			Delay: core.Duration(rapid.IntRange(0, 3000).Draw(t, "delay")) * core.Millisecond,
			Share: uint32(rapid.SampledFrom([]int{0, 300_000}).Draw(t, "share")),
		}
		f.Until = f.At.Add(core.Duration(rapid.IntRange(1, 3000).Draw(t, "long")) * core.Millisecond)
		p.Faults = append(p.Faults, f)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "pushes") {
		spec := drawSpec(t, fmt.Sprintf("v%d", i+1))
		p.Pushes = append(p.Pushes, Push{
			At: drawTime(t, "at"), Spec: &spec, Epoch: core.Epoch{Number: uint64(rapid.IntRange(0, 4).Draw(t, "number"))},
			Spread: core.Duration(rapid.IntRange(0, 500).Draw(t, "spread")) * core.Millisecond, Copies: rapid.IntRange(1, 2).Draw(t, "copies"),
			Garbage: rapid.IntRange(0, 4).Draw(t, "garbage") == 0, NoDisk: rapid.IntRange(0, 4).Draw(t, "no disk") == 0,
		})
	}
	if rapid.Bool().Draw(t, "burst") {
		p.Bursts = []Burst{{Client: "open", At: drawTime(t, "at"), Over: core.Second, Requests: rapid.IntRange(1, 200).Draw(t, "requests")}}
	}
	if rapid.Bool().Draw(t, "unusual") {
		drawUnusual(t, &p)
	}
	enrich(&p)
	addRoom(&p)
	if h := core.RequestHash(p.Seed, core.HashString("routes")); h%3 == 0 {
		routed(&p)
	}
	return p
}

// routed gives a plan two more routes, a table of their own and keys that are
// split; what is drawn comes from the plan's seed and draws nothing of rapid's.
func routed(p *Plan) {
	shape := func(s *core.Spec, n uint64) {
		last := s.Placements[len(s.Placements)-1].Name
		if last == s.Placements[0].Name {
			return
		}
		share := uint32(n % (million + 1))
		s.Splits = []core.SplitSpec{{Name: "moving", Parts: []core.PartSpec{{Placement: last, Share: million - share}, {Placement: s.Placements[0].Name, Share: share}}}}
		s.Keys = append(s.Keys, core.KeySpec{Key: "split", Placement: "moving"})
		s.Tables = []core.TableSpec{{Name: "other", Keys: []core.KeySpec{{Key: "k0", Placement: last}, {Key: "split", Placement: "moving"}}}}
		s.Routes = []core.RouteSpec{{Table: "other", UnknownStatus: 404}, {Default: last}}
	}
	for i, s := range p.specs() {
		shape(s, core.RequestHash(p.Seed, uint64(i)))
	}
	for i := range p.Clients {
		h := core.RequestHash(p.Seed, core.HashString(p.Clients[i].Name))
		p.Clients[i].Route, p.Clients[i].Sticky = uint16(h%3), h&8 == 0 && p.Clients[i].Users > 0
	}
}
