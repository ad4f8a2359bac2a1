package fuzz

import (
	"fmt"
	"testing"

	"lockstep/core"
)

// drawSpec draws a valid configuration, extremes included.
func drawSpec(d Draw) core.Spec {
	c := chooser{Draw: d}
	s := core.Spec{Version: "drawn"}
	n := int(c.Range(1, 5, "placements"))
	for i := range n {
		p := core.PlacementSpec{
			Name: fmt.Sprintf("p%d", i), Select: core.Policy(c.Range(0, 3, "select")),
			LastResort: core.LastResort(c.Range(0, 1, "last resort")),
			Limit:      drawLimit(c), Breaker: drawBreaker(c), Health: drawHealth(c),
		}
		for e := range c.Range(1, 4, "endpoints") {
			p.Endpoints = append(p.Endpoints, core.EndpointSpec{
				URL: fmt.Sprintf("http://10.0.%d.%d:80", i, e), Weight: uint32(c.Range(1, 3, "weight")) * 50,
			})
		}
		drawChoice(c, &p)
		for f := range n {
			if f != i && c.oneIn(3, "falls back") {
				p.Fallback = append(p.Fallback, fmt.Sprintf("p%d", f))
			}
		}
		if c.oneIn(4, "body limit") {
			p.BodyMax = 1 << 20
		}
		drawRoom(c, &p)
		s.Placements = append(s.Placements, p)
		s.Keys = append(s.Keys, core.KeySpec{Key: fmt.Sprintf("k%d", i), Placement: p.Name})
	}
	if c.oneIn(2, "default") {
		s.Default = "p0"
	}
	return s
}

// drawChoice draws what one placement in three has of R6 and R10 beyond the ordinary.
func drawChoice(c chooser, p *core.PlacementSpec) {
	if !c.oneIn(3, "choosy") {
		return
	}
	p.Select = core.Policy(c.Range(0, 6, "policy"))
	if p.Select.Hashing() && c.oneIn(2, "bounded") {
		p.Bound = uint32(c.Range(101, 200, "bound"))
	}
	if c.oneIn(2, "slow start") {
		p.SlowStart = core.Duration(c.Range(1, 60_000, "for")) * core.Millisecond
	}
	if c.oneIn(2, "sticky") {
		p.Sticky.Cookie = "c"
	}
	if c.oneIn(2, "sharded") {
		p.Shards = uint32(c.Range(1, uint64(len(p.Endpoints)), "shards"))
	}
	if b := &p.Breaker; !b.Off {
		b.FailureRatio, b.SlowRatio = uint32(c.Range(1, 100, "failure ratio"))*10_000, uint32(c.Range(0, 100, "slow ratio"))*10_000
		b.Window, b.MinRequests = core.Duration(c.Range(100, 60_000, "window"))*core.Millisecond, uint32(c.Range(1, 50, "minimum"))
		if b.SlowRatio > 0 {
			b.SlowCall = core.Duration(c.Range(1, 5000, "slow call")) * core.Millisecond
		}
	}
}

func drawLimit(c chooser) (l core.LimitSpec) {
	if c.oneIn(2, "limited") {
		l.InFlight = int32(c.Range(1, 40, "in flight"))
		l.Guests = int32(c.Range(0, uint64(l.InFlight), "guests"))
	}
	if c.oneIn(4, "no guests") {
		l.Guests = -1
	}
	l.WhenFull = core.WhenFull(c.Range(0, 1, "when full"))
	return l
}

// drawRoom draws what else is said of a placement's room.
func drawRoom(c chooser, p *core.PlacementSpec) {
	if c.oneIn(3, "panics") {
		p.Panic, p.PanicDo = uint32(c.Range(1, 100, "panic")), core.PanicMode(c.Range(0, 2, "panic does"))
	}
	if p.Limit.InFlight > 0 && c.oneIn(2, "rationed") {
		p.Limit.TenantShare, p.Limit.Priorities = uint32(c.Range(0, 99, "tenant share")), [core.MaxPriorities]uint8{100, uint8(c.Range(1, 100, "priority share"))}
	}
	if c.oneIn(4, "adapts") {
		p.Limit.Adaptive = core.AdaptiveSpec{Min: int32(c.Range(1, 8, "least")), Max: int32(c.Range(8, 64, "most")), Window: core.Duration(c.Range(50, 1000, "limit window")) * core.Millisecond}
	}
	for i := range p.Endpoints {
		if c.oneIn(4, "capped") {
			p.Endpoints[i].Limit = uint32(c.Range(1, 12, "cap"))
		}
	}
}

func drawBreaker(c chooser) core.BreakerSpec {
	if c.oneIn(6, "no breaker") {
		return core.BreakerSpec{Off: true}
	}
	return core.BreakerSpec{
		Failures: uint32(c.Range(1, 6, "failures")), Open: core.Duration(c.Range(1, 10_000, "open")) * core.Millisecond,
		Growth: uint32(c.Range(1, 3, "growth")) * million, Jitter: uint32(c.Range(0, 2, "jitter")) * million / 2,
		Probes: uint32(c.Range(1, 3, "probes")), Successes: uint32(c.Range(1, 3, "successes")),
		MaxOpenPercent: uint32(c.Range(1, 4, "max open")) * 25,
	}
}

func drawHealth(c chooser) core.HealthSpec {
	if c.oneIn(4, "no health") {
		return core.HealthSpec{Off: true}
	}
	return core.HealthSpec{
		Every: core.Duration(c.Range(500, 5000, "every")) * core.Millisecond, Timeout: core.Duration(c.Range(100, 2000, "timeout")) * core.Millisecond,
		Fall: uint32(c.Range(1, 4, "fall")), Rise: uint32(c.Range(1, 4, "rise")), StartUnhealthy: c.oneIn(3, "starts unhealthy"),
	}
}

// The properties are consequences of the rules, so no valid configuration may
// break one, however odd; only the promise of a single probe is the operator's.
func TestNoValidConfigurationBreaksARule(t *testing.T) {
	for seed := range uint64(60) {
		target := &Target{Name: "drawn", Spec: drawSpec(NewSeeded(seed)), Accept: []string{SingleProbe}}
		if _, err := core.Compile(target.Spec); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if o := Try(target, seed); o.Err != nil || o.Finding != nil {
			t.Errorf("seed %d: %v %s", seed, o.Err, describe(o.Finding))
		}
	}
}

func describe(f *Finding) string {
	if f == nil {
		return ""
	}
	return fmt.Sprintf("%s: %s\n%s\n%v", f.Property, f.Sentence, f.Assumed, f.Story)
}
