package fuzz

import (
	"lockstep/core"
	"lockstep/sim"
)

// longestOpen is the longest that a breaker of s stays open once (R6).
func longestOpen(s *core.Spec) (longest core.Duration) {
	for _, p := range compiled(s) {
		longest = max(longest, openCap(&p.Breaker))
	}
	return longest
}

func openCap(b *core.BreakerSpec) core.Duration {
	d := b.Open
	if b.Growth > million {
		d = b.OpenMax
	}
	return d + core.Duration(int64(d)/million*int64(b.Jitter)) + core.Millisecond
}

// compiled returns the placements of s with every default filled in, none if s is not valid.
func compiled(s *core.Spec) (ps []core.PlacementInfo) {
	c, err := core.Compile(*s)
	if err != nil {
		return nil
	}
	for i := range c.Placements() {
		ps = append(ps, c.Placement(i))
	}
	return ps
}

// recoveryBound is how long after the last fault every endpoint of any valid
// configuration in the plan must be of use again. In order: attempts that hang
// run into their timeouts; their failures, which stay in a window for a while,
// open breakers for the last time; the
// probes that close them answer or meet their guard; probes of health, which
// may have begun to fail late, find the endpoint well `rise` times; queues at
// the servers empty.
func recoveryBound(p *sim.Plan) (bound core.Duration) {
	specs := []*core.Spec{&p.Spec}
	for i := range p.Pushes {
		if p.Pushes[i].Spec != nil {
			specs = append(specs, p.Pushes[i].Spec)
		}
	}
	var timeouts, open, health core.Duration
	for _, s := range specs {
		for _, c := range compiled(s) {
			t := &c.Timeouts
			guard := t.Connect + t.ResponseHeader + core.Second
			timeouts = max(timeouts, t.Connect+max(t.ResponseHeader, t.Request)+t.Settle+t.BodyIdle+c.Breaker.Window)
			open = max(open, openCap(&c.Breaker)+guard)
			if !c.Health.Off {
				rounds := core.Duration(c.Health.Fall + c.Health.Rise + 2)
				health = max(health, rounds*(c.Health.Every+c.Health.Every/5+c.Health.Timeout+core.Second))
			}
		}
	}
	const queues = 60 * core.Second
	return timeouts + 2*open + health + queues
}

// longestFall is the longest that active probes of s need to find an endpoint
// unhealthy and then healthy again (R8).
func longestFall(s *core.Spec) (longest core.Duration) {
	for _, p := range compiled(s) {
		if h := &p.Health; !h.Off {
			longest = max(longest, core.Duration(h.Fall+h.Rise+1)*(h.Every+h.Timeout))
		}
	}
	return longest
}
