package fuzz

import (
	"fmt"
	"slices"

	"lockstep/core"
)

// extremeShare: one case in so many runs with settings at extremes.
const extremeShare = 8

// maxExtremeRecovery is the longest recovery that a case at extremes is asked
// for: a breaker that is open for an hour recovers, but not while anybody waits.
const maxExtremeRecovery = 300 * core.Second

// extremes pushes a few settings of the configuration to extremes that still
// compile, as FoundationDB does with its knobs. A rule holds for any valid
// configuration, and is broken most easily at the edges of what is valid.
func (g *generator) extremes() {
	g.part("extremes")
	if !g.c.oneIn(extremeShare, "extremes") {
		return
	}
	for i := range g.c.Range(1, 4, "settings") {
		g.numbered("extreme", i)
		s := g.spec
		s.Placements = slices.Clone(s.Placements)
		p := &s.Placements[g.c.Range(0, uint64(len(s.Placements)-1), "placement")]
		what := g.extreme(p)
		if _, err := core.Compile(s); err == nil {
			g.spec = s
			g.out.Extremes = append(g.out.Extremes, p.Name+" "+what)
		}
	}
}

// without is f as the operator's own configuration shows it, if it does: all
// other choices of the case stay as they are.
func (t *Target) without(f *Finding) *Finding {
	if len(f.Case.Extremes) == 0 {
		return f
	}
	c := t.made(f.Case.Recipe, unpushed{f.Case.Recipe.Draw()})
	r := t.run(&c)
	if own := t.judge(&c, &r); r.Err == nil && own != nil && own.Property == f.Property {
		return own
	}
	return f
}

// unpushed draws no extremes.
type unpushed struct{ Draw }

func (u unpushed) Range(lo, hi uint64, label string) uint64 {
	if label == "extremes/extremes" {
		hi = lo
	}
	return u.Draw.Range(lo, hi, label)
}

// extreme changes one setting of p and says which.
func (g *generator) extreme(p *core.PlacementSpec) string {
	const hour = 3600 * core.Second
	number := func(label string, from ...uint32) uint32 { return pick(g.c, from, label) }
	length := func(label string, from ...core.Duration) core.Duration { return pick(g.c, from, label) }
	b, h, t := &p.Breaker, &p.Health, &p.Timeouts
	if chooses(p) && g.c.oneIn(2, "of choice") {
		return g.extremeChoice(p)
	}
	switch g.c.Range(0, 11, "setting") {
	case 0:
		p.Limit.InFlight, p.Limit.Guests = int32(number("in flight", 1, 2)), min(p.Limit.Guests, 1)
		return fmt.Sprintf("limit.in_flight: %d, guests: %d", p.Limit.InFlight, p.Limit.Guests)
	case 1:
		p.Limit.Guests = -1
		return "limit.guests: none"
	case 2:
		b.Failures = number("failures", 1, 1_000_000)
		return fmt.Sprintf("breaker.consecutive_failures: %d", b.Failures)
	case 3:
		b.Open = length("open", core.Millisecond, hour)
		b.OpenMax = b.Open * core.Duration(number("open max", 1, 10))
		return fmt.Sprintf("breaker.open: %d ms, at most %d ms", b.Open/core.Millisecond, b.OpenMax/core.Millisecond)
	case 4:
		b.Growth, b.Jitter = 10*million, number("jitter", 0, million)
		return fmt.Sprintf("breaker.growth: 10, jitter: %d %%", b.Jitter/10_000)
	case 5:
		b.Probes, b.Successes = number("probes", 1, core.MaxProbes), number("successes", 1, 50)
		return fmt.Sprintf("breaker.half_open_probes: %d, successes: %d", b.Probes, b.Successes)
	case 6:
		b.MaxOpenPercent = 1
		return "breaker.max_open_percent: 1"
	case 7:
		h.Off, h.Every, h.Timeout = false, length("every", 10*core.Millisecond, hour), length("probe timeout", core.Millisecond, 30*core.Second)
		g.impatient = g.impatient || h.Timeout == core.Millisecond
		return fmt.Sprintf("health.every: %d ms, timeout: %d ms", h.Every/core.Millisecond, h.Timeout/core.Millisecond)
	case 8:
		h.Off, h.Fall, h.Rise, h.StartUnhealthy = false, number("fall", 1, 20), number("rise", 1, 20), true
		return fmt.Sprintf("health.fall: %d, rise: %d, starts unhealthy", h.Fall, h.Rise)
	case 9:
		t.Connect, t.ResponseHeader = core.Millisecond, length("response header", core.Millisecond, hour)
		g.impatient = g.impatient || t.ResponseHeader == core.Millisecond
		return fmt.Sprintf("timeouts.connect: 1 ms, response_header: %d ms", t.ResponseHeader/core.Millisecond)
	case 10:
		p.Endpoints = slices.Clone(p.Endpoints[:1])
		return "one endpoint"
	}
	return g.many(p)
}

// many gives p many endpoints of very unequal weights.
func (g *generator) many(p *core.PlacementSpec) string {
	p.Endpoints = slices.Clone(p.Endpoints)
	for i := range g.c.Range(8, 24, "endpoints") {
		p.Endpoints = append(p.Endpoints, core.EndpointSpec{URL: fmt.Sprintf("http://many-%d.test:80", i), Weight: pick(g.c, []uint32{1, 10_000}, "weight")})
	}
	return fmt.Sprintf("%d endpoints, of weights from 1 to 10000", len(p.Endpoints))
}

// chooses reports whether p has settings of ratio trips or of selection beyond the policy.
func chooses(p *core.PlacementSpec) bool {
	return p.Breaker.FailureRatio+p.Breaker.SlowRatio > 0 || p.Bound > 0 || p.SlowStart > 0 || p.Shards > 0 || p.Select == core.EWMA
}

// extremeChoice pushes one of them.
func (g *generator) extremeChoice(p *core.PlacementSpec) string {
	const hour = 3600 * core.Second
	b := &p.Breaker
	switch {
	case b.FailureRatio+b.SlowRatio > 0 && g.c.oneIn(2, "window"):
		b.Window, b.MinRequests = pick(g.c, []core.Duration{100 * core.Millisecond, hour}, "window"), pick(g.c, []uint32{1, 1_000_000}, "minimum")
		return fmt.Sprintf("breaker.window: %d ms, min_requests: %d", b.Window/core.Millisecond, b.MinRequests)
	case b.SlowRatio > 0 && g.c.oneIn(2, "slow call"):
		b.SlowCall = pick(g.c, []core.Duration{core.Millisecond, hour}, "slow call")
		g.impatient = g.impatient || b.SlowCall == core.Millisecond
		return fmt.Sprintf("breaker.slow_call: %d ms", b.SlowCall/core.Millisecond)
	case p.Bound > 0:
		p.Bound = pick(g.c, []uint32{101, 1000}, "bound")
		return fmt.Sprintf("bound: %d %%", p.Bound)
	case p.Select == core.EWMA:
		p.Decay = pick(g.c, []core.Duration{core.Millisecond, hour}, "decay")
		return fmt.Sprintf("decay: %d ms", p.Decay/core.Millisecond)
	case p.SlowStart > 0:
		p.SlowStart = pick(g.c, []core.Duration{core.Millisecond, hour}, "slow start")
		return fmt.Sprintf("slow_start: %d ms", p.SlowStart/core.Millisecond)
	}
	p.Shards = 1
	return "shards: 1"
}
