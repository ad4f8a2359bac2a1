package fuzz

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// Generate draws one case against t. Faults, pushes, bursts and heavy clients
// end at the close of the active phase; when liveness is asked, a trickle of
// requests goes on in a healthy remainder until recovery is proven or missed.
func Generate(d Draw, t *Target, seed uint64) Case {
	g := &generator{from: d, spec: t.Spec, out: Case{Seed: seed, Relation: relationOf(seed)}}
	g.extremes()
	g.room()
	g.impatient = g.impatient || hasty(&t.Spec)
	g.out.Plan = sim.Plan{Name: t.Name, Seed: seed, Spec: g.spec}
	g.phases()
	g.clients()
	g.priorities()
	g.servers()
	g.faults()
	g.pushes()
	g.bursts()
	g.requests()
	g.remainder()
	g.routes()
	return g.out
}

// relationOf gives one seed in ten a relation to be held against, each in turn:
// that costs two runs more.
func relationOf(seed uint64) sim.Relation {
	if seed%10 != 9 {
		return sim.NoRelation
	}
	return sim.Relation(1 + seed/10%uint64(sim.Relations-1))
}

type generator struct {
	from   Draw
	c      chooser   // draws for the part at hand
	spec   core.Spec // the newest that a push carried
	active core.Time // end of the phase in which things go wrong
	lively bool      // liveness is asked: nothing may be wrong after active
	// impatient: a setting cuts off servers that are well, so nothing need recover.
	impatient bool
	out       Case
}

// part begins the choices for one part of the case.
func (g *generator) part(name string) { g.c = chooser{part{g.from, name}} }

// numbered begins the choices for the i-th thing of a kind.
func (g *generator) numbered(name string, i uint64) { g.part(fmt.Sprintf("%s %d", name, i)) }

// ms draws a length of time in whole milliseconds.
func (g *generator) ms(lo, hi core.Duration, label string) core.Duration {
	return core.Duration(g.c.Range(uint64(lo/core.Millisecond), uint64(hi/core.Millisecond), label)) * core.Millisecond
}

// point draws a time of the active phase.
func (g *generator) point(label string) core.Time {
	return core.Time(g.ms(0, core.Duration(g.active), label))
}

// maxActive bounds a case's cost; what needs longer is reached by fewer, longer breaker periods.
const maxActive = 90 * core.Second

// hasty reports whether s waits for no answer, or no health page, as long as the
// servers of a case may take.
func hasty(s *core.Spec) bool {
	const slowest, slowestWhole = 100 * core.Millisecond, core.Second
	return slices.ContainsFunc(compiled(s), func(p core.PlacementInfo) bool {
		return !p.Health.Off && p.Health.Timeout < slowest || min(p.Timeouts.ResponseHeader, p.Timeouts.Request) < slowest ||
			p.Breaker.SlowRatio > 0 && p.Breaker.SlowCall < slowestWhole // slow is what may take servers with a body so long
	})
}

func (g *generator) phases() {
	g.part("phases")
	g.lively = !g.c.oneIn(3, "without liveness") && !g.impatient && (len(g.out.Extremes) == 0 || recoveryBound(&g.out.Plan) <= maxExtremeRecovery)
	longest := min(5*core.Second+max(2*longestOpen(&g.spec), longestFall(&g.spec)), maxActive)
	g.active = core.Time(g.ms(2*core.Second, longest, "active phase"))
	g.out.Plan.Routers = 1
	if g.c.oneIn(4, "a fleet") {
		g.out.Plan.Routers = int(g.c.Range(2, 4, "routers"))
	}
	if g.c.oneIn(8, "scaled up") {
		g.out.Plan.Joins = []sim.Join{{At: g.point("join at"), Routers: int(g.c.Range(1, 2, "joining"))}}
	}
}

// clients draws who sends in the active phase.
func (g *generator) clients() {
	g.part("clients")
	for i := range g.c.Range(1, 3, "clients") {
		g.numbered("client", i)
		c := sim.Client{Name: "client-" + string(rune('a'+i)), Until: g.active, Keys: g.keys()}
		if g.c.oneIn(3, "closed loop") {
			c.Users = uint32(g.c.Range(1, 40, "users"))
			c.Think = g.ms(50*core.Millisecond, core.Second, "think")
		} else {
			c.Rate = uint32(g.c.Range(5, 150, "rate"))
			if g.c.oneIn(6, "ramp") {
				c.Ramp = sim.Ramp{Period: g.ms(2*core.Second, core.Duration(g.active), "ramp period"), Low: uint32(g.c.Range(0, 9, "ramp low")) * 100_000}
			}
		}
		if g.c.oneIn(8, "held") {
			c.Hold.At = g.point("hold at")
			c.Hold.For = g.ms(0, core.Duration(g.active-c.Hold.At), "hold for")
		}
		c.Poisson = g.c.oneIn(2, "poisson")
		c.Cookies = sticks(&g.spec) && g.c.oneIn(2, "cookies")
		c.Zipf = g.c.oneIn(4, "zipf")
		if c.Keys == nil || g.c.oneIn(4, "unknown keys") {
			c.Unknown = 100_000
		}
		if c.Keys == nil {
			c.Unknown = million
		}
		if g.c.oneIn(8, "no keys") {
			c.NoKey = 50_000
		}
		if g.c.oneIn(4, "impatient") {
			c.Patience = g.ms(20*core.Millisecond, 2*core.Second, "patience")
		}
		if g.c.oneIn(4, "retries") {
			c.Retries = uint32(g.c.Range(1, 3, "retries"))
			c.Backoff = g.ms(0, 500*core.Millisecond, "backoff")
		}
		if g.c.oneIn(8, "large bodies") {
			c.Length = int64(g.c.Range(1, 64, "body")) << 20
		}
		g.out.Plan.Clients = append(g.out.Plan.Clients, c)
	}
}

// requests says what the clients ask for, where retries depend on it. It draws
// from a seed of its own, so that no other draw moves.
func (g *generator) requests() {
	retried := slices.ContainsFunc(g.out.Plan.Spec.Placements, func(p core.PlacementSpec) bool { return p.Retries.Max > 0 })
	for i := range g.out.Plan.Clients {
		if !retried {
			return
		}
		c := &g.out.Plan.Clients[i]
		h := core.RequestHash(g.out.Seed, core.HashString(c.Name))
		c.Method = core.Method(h % 4 / 2 * (1 + h/4%2)) // half of them safe
		if h>>8%4 == 0 && c.Length == 0 {
			c.Length = -1
		}
	}
}

const million = 1_000_000

// routes gives each client a route, keys of its table, and perhaps one side of
// a split for each user. It draws from the case's seed and its own purpose, so
// that a configuration with one route draws what it always did.
func (g *generator) routes() {
	s := &g.out.Plan.Spec
	if len(s.Routes)+len(s.Splits) == 0 {
		return
	}
	for i := range g.out.Plan.Clients {
		c := &g.out.Plan.Clients[i]
		h := core.RequestHash(g.out.Plan.Seed, core.HashString("routes of "+c.Name))
		c.Route, c.Sticky = uint16(h%uint64(len(s.Routes)+1)), h>>32&1 == 0 && c.Users > 0
		list := tableOf(s, c.Route)
		if c.Keys == nil || len(list) == 0 {
			continue
		}
		c.Keys = slices.Clone(c.Keys)
		for k := range c.Keys {
			c.Keys[k] = list[core.RequestHash(h, uint64(k))%uint64(len(list))].Key
		}
	}
}

// tableOf returns the keys of a route.
func tableOf(s *core.Spec, route uint16) []core.KeySpec {
	name := s.Table
	if route > 0 {
		name = s.Routes[route-1].Table
	}
	for i := range s.Tables {
		if s.Tables[i].Name == name {
			return s.Tables[i].Keys
		}
	}
	return s.Keys
}

// sticks reports whether some placement sets a cookie.
func sticks(s *core.Spec) bool {
	return slices.ContainsFunc(s.Placements, func(p core.PlacementSpec) bool { return p.Sticky.Cookie != "" })
}

// keys draws a few routing keys; nil when the configuration has none.
func (g *generator) keys() (keys []string) {
	if len(g.spec.Keys) == 0 {
		return nil
	}
	for range g.c.Range(1, 6, "keys") {
		keys = append(keys, pick(g.c, g.spec.Keys, "key").Key)
	}
	return keys
}

// servers draws how backends and links behave when nothing is wrong.
func (g *generator) servers() {
	g.part("servers")
	b := &g.out.Plan.Backend
	b.Service = sim.Service{Shape: sim.Shape(g.c.Range(0, 2, "service shape")), Typical: g.ms(core.Millisecond, 50*core.Millisecond, "service")}
	if b.Service.Shape == sim.Bimodal {
		b.Service.Slow, b.Service.SlowShare = 10*b.Service.Typical, 50_000
	}
	if g.c.oneIn(3, "bounded workers") {
		b.Workers = int(g.c.Range(1, 16, "workers"))
		b.Queue = int(g.c.Range(1, 50, "queue"))
	}
	if g.c.oneIn(4, "long bodies") {
		b.Body = g.ms(100*core.Millisecond, 3*core.Second, "body time")
	}
	if !g.lively && g.c.oneIn(3, "flaky backends") {
		b.Flaky = 50_000
	}
	g.out.Plan.Link = sim.Link{Latency: g.ms(0, 5*core.Millisecond, "latency"), Jitter: g.ms(0, 2*core.Millisecond, "link jitter")}
}

// faults draws the timeline of what breaks. Swarm (Groce et al. 2012): each
// case knows only a few kinds, so that they get to meet each other often.
func (g *generator) faults() {
	g.part("faults")
	var kinds []sim.FaultKind
	for k := sim.Refuse; k <= sim.Silence; k++ {
		switch {
		case k == sim.Drain && g.lively: // a drained router refuses for ever, and should
			continue
		case k == sim.ClockAhead || k == sim.ClockBehind: // nothing that routers read
			continue
		}
		if g.c.oneIn(4, "knows "+k.String()) {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		kinds = []sim.FaultKind{sim.Refuse}
	}
	for i := range g.c.Range(1, 6, "faults") {
		g.numbered("fault", i)
		f := g.fault(pick(g.c, kinds, "kind"))
		g.out.Plan.Faults = append(g.out.Plan.Faults, f)
		if f.Kind == sim.Drain && g.c.oneIn(2, "something to abort") {
			hang := sim.Fault{Kind: sim.Hang, Placement: pick(g.c, g.spec.Placements, "placement").Name, At: max(0, f.At-core.Time(core.Second)), Until: f.Until}
			g.out.Plan.Faults = append(g.out.Plan.Faults, hang)
		}
	}
}

func (g *generator) fault(kind sim.FaultKind) sim.Fault {
	f := sim.Fault{Kind: kind, At: g.point("at")}
	f.Until = f.At + core.Time(g.ms(core.Millisecond, max(core.Millisecond, core.Duration(g.active-f.At)), "for"))
	switch kind {
	case sim.Crash, sim.Drain, sim.Silence:
		f.Router = int(g.c.Range(0, uint64(g.out.Plan.Routers), "router"))
		return f
	case sim.Upgrade:
		f.Until = f.At + (f.Until-f.At)/core.Time(g.out.Plan.Routers)
		f.Delay, f.Pause = g.ms(core.Millisecond, 3*core.Second, "away"), g.ms(0, core.Second, "pause")
		return f
	}
	p := pick(g.c, g.spec.Placements, "placement")
	f.Placement = p.Name
	if g.c.oneIn(2, "one endpoint") {
		e := pick(g.c, p.Endpoints, "endpoint")
		f.Endpoint = cmp.Or(e.Name, e.URL)
	}
	switch kind {
	case sim.Flaky, sim.BrokenBody, sim.StuckBody, sim.Lossy, sim.PartitionOut, sim.PartitionBack:
		f.Share = uint32(g.c.Range(1, 10, "share")) * 100_000
	case sim.Slow:
		f.Factor = uint32(g.c.Range(2, 100, "factor")) * million
	case sim.Delayed, sim.SlowBody:
		f.Delay = g.ms(10*core.Millisecond, 5*core.Second, "delay")
	}
	return f
}

// bursts draws extra requests.
func (g *generator) bursts() {
	g.part("bursts")
	if !g.c.oneIn(2, "bursts") {
		return
	}
	for i := range g.c.Range(1, 2, "how many bursts") {
		g.numbered("burst", i)
		b := sim.Burst{
			Client: pick(g.c, g.out.Plan.Clients, "whose").Name, At: g.point("burst at"),
			Requests: int(g.c.Range(2, 300, "burst size")),
		}
		if g.c.oneIn(2, "spread out") {
			b.Over = g.ms(core.Millisecond, core.Second, "burst over")
		}
		g.out.Plan.Bursts = append(g.out.Plan.Bursts, b)
	}
}

// trickleRate is requests per second in the healthy remainder: so few that each
// ends before the next begins, and no limit can be in their way.
const (
	trickle     = "trickle"
	trickleRate = 1
)

// remainder ends the case: at once, or after a healthy stretch in which
// everything has to recover.
func (g *generator) remainder() {
	g.part("remainder")
	p := &g.out.Plan
	if !g.lively {
		p.Length = core.Duration(g.active)
		return
	}
	if p.Backend.Body > 0 {
		p.Backend.Body = min(p.Backend.Body, 200*core.Millisecond)
	}
	p.Recovery = recoveryBound(p)
	p.Length = core.Duration(p.End()) + p.Recovery + 10*core.Second
	c := sim.Client{Name: trickle, Rate: trickleRate, From: p.End(), Keys: g.keys()}
	if c.Keys == nil {
		c.Unknown = million
	}
	p.Clients = append(p.Clients, c)
}
