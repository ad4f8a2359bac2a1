package conform

import (
	"fmt"

	"lockstep/core"
)

// Drawn configurations. Every setting of core.Spec is drawn, at small values
// where things happen soon, at its limits, and left out; a test holds that none
// is forgotten. What is drawn compiles most of the time: who needs one that does
// draws again.

const million = 1_000_000

// specs draws configurations of one case.
type specs struct {
	*dice
	large bool // many placements, endpoints or keys
}

// spec draws a configuration.
func (s *specs) spec() core.Spec {
	out := core.Spec{Version: s.label("v"), ChainFallbacks: s.oneIn(5)}
	n := s.between(1, 5)
	if s.large && s.oneIn(2) {
		n = s.between(6, 40)
	}
	for i := range n {
		out.Placements = append(out.Placements, s.placement(s.placementName(i)))
	}
	for i := range out.Placements {
		s.fallbacks(&out, i)
	}
	s.routing(&out)
	if s.oneIn(4) {
		g := &out.Guards
		for _, percent := range []*uint32{&g.KeysRerouted, &g.KeysRemoved, &g.EndpointsRemoved, &g.LimitLowered} {
			*percent = pick(s.dice, 0, 1, uint32(s.between(2, 60)), 99)
		}
	}
	if s.oneIn(8) {
		out.Edge = s.label("edge ")
	}
	shuffle(s.dice, out.Placements)
	return out
}

// placementName is often one that counts as a tier, or sorts oddly.
func (s *specs) placementName(i int) string {
	if i < 3 && s.oneIn(6) {
		return fmt.Sprint("tier", i+1)
	}
	return fmt.Sprintf("%s%d", pick(s.dice, "p", "p", "p", "cell-", "P", "~", "!", "a,\"b\\"), i)
}

// label is a text that now and then needs escaping.
func (s *specs) label(begin string) string {
	text := fmt.Sprint(begin, s.between(0, 99))
	if s.oneIn(6) {
		text += pick(s.dice, "\"quoted\"", "back\\slash", "tab\tand\nline", "\x00\x1f\x7f", "<b>&amp;</b>", "größer", "\u2028\u2029", "日本語", "𝕏", "\b\f", "/")
	}
	return text
}

// span draws a length of time that compiles where nothing else is said.
func (s *specs) span(usual ...core.Duration) core.Duration {
	switch s.below(12) {
	case 0:
		return core.Millisecond
	case 1:
		return core.Duration(s.between(1, 1000)) * core.Millisecond
	case 2:
		return core.Duration(s.below(uint64(100*core.Second)) + uint64(core.Millisecond)) // no round number
	case 3:
		return core.MaxDuration - core.Duration(s.below(3))
	}
	return pick(s.dice, usual...)
}

func (s *specs) placement(name string) core.PlacementSpec {
	p := core.PlacementSpec{
		Name: name, Kind: pick(s.dice, core.ReasonNone, core.ReasonNone, core.ReasonDedicated, core.ReasonTier),
		LastResort: pick(s.dice, core.UseLastResort, core.UseLastResort, core.RefuseLastResort),
	}
	n := s.between(1, 4)
	if s.large && s.oneIn(3) {
		n = s.between(5, 64)
	}
	for i := range n {
		p.Endpoints = append(p.Endpoints, s.endpoint(i))
	}
	s.selection(&p)
	s.room(&p)
	if s.oneIn(4) {
		p.BodyMax = pick[int64](s.dice, 1, 100, 1<<20, 1<<62)
	}
	p.Breaker, p.Health = s.breaker(), s.health()
	p.Timeouts = s.timeouts()
	if p.Limit.WhenFull == core.QueueWhenFull {
		request := p.Timeouts.Request
		if request == 0 {
			request = 30 * core.Second
		}
		p.Limit.Wait = min(p.Limit.Wait, request)
	}
	if s.oneIn(2) {
		p.Retries = s.retries()
	}
	if s.oneIn(8) {
		p.Edge = s.label("tls ")
	}
	return p
}

func (s *specs) endpoint(i int) core.EndpointSpec {
	host := pick(s.dice, fmt.Sprintf("10.0.0.%d:80", i), fmt.Sprintf("h%d.test:8%d", i, s.between(0, 9)), fmt.Sprintf("h%d", i), fmt.Sprintf("[::%x]:8080", i+1), fmt.Sprintf("[2001:db8::%x]", i), fmt.Sprintf("H%d:1/path?q", i))
	e := core.EndpointSpec{URL: pick(s.dice, "http://", "http://", "https://") + host}
	if s.oneIn(3) {
		e.Name = s.label("e")
	}
	if s.oneIn(3) {
		e.Weight = pick(s.dice, 1, 50, 99, 100, 101, 200, uint32(s.between(1, 10_000)), 10_000)
	}
	if s.oneIn(5) {
		e.Limit = pick(s.dice, 1, 2, uint32(s.between(1, 20)), core.MaxInFlight)
	}
	return e
}

// selection draws R10.
func (s *specs) selection(p *core.PlacementSpec) {
	p.Select = core.Policy(s.below(7))
	if p.Select == core.Maglev && !s.oneIn(3) {
		p.Select = core.RoundRobin // a table takes a millisecond to make
	}
	if p.Select == core.Ketama && !s.oneIn(8) {
		for i := range p.Endpoints {
			p.Endpoints[i].Weight = min(p.Endpoints[i].Weight, 300) // a ring has points by weight
		}
	}
	if p.Select.Hashing() && s.oneIn(2) {
		p.Bound = pick(s.dice, 101, 125, uint32(s.between(101, 1000)), 1000)
	}
	if p.Select == core.EWMA && s.oneIn(2) {
		p.Decay = s.span(100*core.Millisecond, core.Second, 10*core.Second)
	}
	if s.oneIn(4) {
		p.SlowStart = s.span(core.Second, 10*core.Second, 60*core.Second)
	}
	if s.oneIn(4) {
		p.Sticky.Cookie = pick(s.dice, "c", "route_id", "!#$%&'*+-.^_`|~")
		p.Sticky.TTL = pick(s.dice, 0, core.Second, 3600*core.Second, 400*24*3600*core.Second)
	}
	if s.oneIn(5) {
		p.Shards = uint32(s.between(1, min(len(p.Endpoints), core.MaxShards)))
	}
}

// room draws R5 and R9.
func (s *specs) room(p *core.PlacementSpec) {
	l := &p.Limit
	if s.oneIn(2) {
		l.InFlight = int32(pick(s.dice, 1, 2, s.between(1, 8), s.between(1, 60), 1_000_000))
		if s.oneIn(2) {
			l.Guests = int32(s.between(-1, int(min(l.InFlight, 20))))
		}
	} else if s.oneIn(8) {
		l.Guests = int32(s.between(-1, 3))
	}
	if s.oneIn(5) {
		l.Adaptive = s.adaptive()
	}
	if s.oneIn(3) {
		l.WhenFull = core.FailOverWhenFull
	}
	if bounded := l.InFlight > 0 || l.Adaptive.On(); bounded {
		if s.oneIn(3) {
			l.WhenFull, l.Queue = core.QueueWhenFull, int32(pick(s.dice, 1, 2, s.between(1, 20), 1024))
			l.Wait, l.Order = min(s.span(10*core.Millisecond, 200*core.Millisecond, core.Second), 30*core.Second), core.QueueOrder(s.below(2))
		}
		if s.oneIn(4) {
			l.TenantShare = uint32(s.between(1, 99))
		}
		if s.oneIn(4) {
			last := 100
			for i := range s.between(1, core.MaxPriorities) {
				last = pick(s.dice, last, s.between(1, last))
				l.Priorities[i] = uint8(last)
			}
		}
	}
	if s.oneIn(3) {
		p.Panic, p.PanicDo = uint32(pick(s.dice, 1, 50, s.between(1, 100), 100)), core.PanicMode(s.below(3))
	}
}

func (s *specs) adaptive() core.AdaptiveSpec {
	a := core.AdaptiveSpec{Max: int32(pick(s.dice, 1, s.between(2, 100), core.MaxInFlight))}
	if s.oneIn(2) {
		a.Min = int32(s.between(1, int(min(a.Max, 20))))
	}
	if s.oneIn(2) {
		a.Start = int32(s.between(int(max(a.Min, min(10, a.Max))), int(a.Max)))
	}
	if !s.oneIn(4) {
		a.Window = pick(s.dice, 10*core.Millisecond, 50*core.Millisecond, core.Duration(s.between(10, 1000))*core.Millisecond, 60*core.Second)
	}
	if s.oneIn(2) {
		a.Tolerance = uint32(s.between(110, 190))
	}
	if s.oneIn(2) {
		a.Remeasure = uint32(pick(s.dice, 4, s.between(4, 40), 10_000))
	}
	return a
}

// breaker draws R6.
func (s *specs) breaker() core.BreakerSpec {
	b := core.BreakerSpec{Off: s.oneIn(8), Preset: pick(s.dice, "", "", "", "", "baseline", "gobreaker", "envoy", "haproxy")}
	if s.oneIn(5) {
		return b // the defaults
	}
	b.Failures = pick(s.dice, 0, 1, 2, uint32(s.between(1, 6)), 1<<31)
	b.Open = s.span(0, 0, 10*core.Millisecond, core.Second, 5*core.Second)
	b.Growth = uint32(pick(s.dice, 0, million, s.between(million, 3*million), 10*million))
	if s.oneIn(3) {
		open := b.Open
		if open == 0 {
			open = 60 * core.Second
		}
		b.OpenMax = min(open*core.Duration(s.between(1, 20)), core.MaxDuration)
		if open > core.MaxDuration/20 {
			b.OpenMax = core.MaxDuration
		}
	}
	b.Jitter = uint32(pick(s.dice, 0, 0, 200_000, s.between(1, million), million))
	b.Probes, b.Successes = uint32(pick(s.dice, 0, s.between(1, 3), core.MaxProbes)), uint32(pick(s.dice, 0, s.between(1, 4)))
	b.MaxOpenPercent = uint32(pick(s.dice, 0, 1, 50, s.between(1, 100)))
	if s.oneIn(3) {
		s.ratios(&b)
	}
	return b
}

func (s *specs) ratios(b *core.BreakerSpec) {
	switch s.below(3) {
	case 0:
		b.FailureRatio = uint32(s.between(1, million))
	case 1:
		b.SlowRatio = uint32(s.between(1, million))
	default:
		b.FailureRatio, b.SlowRatio = uint32(s.between(1, million)), uint32(s.between(1, million))
	}
	if b.SlowRatio > 0 && s.oneIn(2) {
		b.SlowCall = s.span(5*core.Millisecond, 100*core.Millisecond, core.Second)
	}
	b.Window = pick(s.dice, 0, 100*core.Millisecond, core.Duration(s.between(100, 60_000))*core.Millisecond+core.Duration(s.between(0, 9)), 3600*core.Second)
	b.MinRequests = pick(s.dice, 0, 1, uint32(s.between(1, 30)), 1<<32-1)
	if !s.oneIn(3) {
		b.Failures = core.NeverConsecutive
	}
}

// health draws R8.
func (s *specs) health() core.HealthSpec {
	h := core.HealthSpec{Off: s.oneIn(2)}
	if s.oneIn(3) {
		return h
	}
	h.Path = pick(s.dice, "", "/", "/ready?full=1", s.label("/"))
	h.Every = s.span(0, 50*core.Millisecond, core.Second, 3*core.Second)
	h.Timeout = s.span(0, 20*core.Millisecond, core.Second)
	h.Fall, h.Rise = pick(s.dice, 0, 1, uint32(s.between(1, 4)), 1<<32-1), uint32(pick(s.dice, 0, 1, s.between(1, 4)))
	h.StartUnhealthy = s.oneIn(4)
	return h
}

func (s *specs) timeouts() core.TimeoutSpec {
	var t core.TimeoutSpec
	if s.oneIn(2) {
		return t
	}
	for _, d := range []*core.Duration{&t.Connect, &t.ResponseHeader, &t.Request, &t.BodyIdle, &t.UpstreamIdle, &t.Settle} {
		*d = s.span(0, 0, 10*core.Millisecond, core.Second, 5*core.Second)
	}
	return t
}

// retries draws R11.
func (s *specs) retries() core.RetrySpec {
	r := core.RetrySpec{Max: uint32(pick(s.dice, s.between(1, core.MaxRetries), core.MaxRetries)), On: core.RetryOn(pick(s.dice, s.below(64), 63)), Methods: core.RetryMethods(pick(s.dice, s.below(3), 2))}
	if s.oneIn(2) {
		r.BackOff = min(s.span(0, core.Millisecond, 10*core.Millisecond, 100*core.Millisecond), core.MaxDuration/10)
	}
	if s.oneIn(3) {
		r.BackOffMax = min(max(r.BackOff, 25*core.Millisecond)*core.Duration(s.between(1, 8)), core.MaxDuration)
	}
	r.RetryAfter = s.span(0, 0, core.Second, 10*core.Second)
	if r.NoBudget = s.oneIn(4); !r.NoBudget {
		r.Percent, r.Floor = uint32(pick(s.dice, 0, 1, s.between(1, 400))), uint32(pick(s.dice, 0, 1, s.between(1, 20), 1000))
	}
	if s.oneIn(4) {
		r.BodyMax = int64(s.between(1, 1<<20))
	}
	return r
}

// fallbacks draws R1's candidates of placement i.
func (s *specs) fallbacks(out *core.Spec, i int) {
	others := make([]string, 0, len(out.Placements))
	for j := range out.Placements {
		if j != i {
			others = append(others, out.Placements[j].Name)
		}
	}
	shuffle(s.dice, others)
	n := min(s.between(0, 3), len(others))
	if s.oneIn(8) {
		n = min(core.MaxCandidates-1, len(others))
	}
	if out.ChainFallbacks {
		n = min(n, 1)
	}
	out.Placements[i].Fallback = others[:n:n]
}
