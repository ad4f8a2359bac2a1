package sim

import (
	"fmt"
	"slices"

	"lockstep/core"
)

// complete fills in the plan's defaults and refuses what cannot be run. It
// copies the lists that it changes, so that the caller's plan stays as it was.
func (p *Plan) complete() error {
	if p.Length <= 0 {
		return fmt.Errorf("length is %d ns: give the run a length, such as 60 s", p.Length)
	}
	if p.Routers == 0 {
		p.Routers = 1
	}
	for i, j := range p.Joins {
		if j.At < 0 || j.Over < 0 || j.Routers < 1 || j.Routers > maxRouters {
			return fmt.Errorf("join %d is of %d routers, or has a negative time: use 1 to %d", i, j.Routers, maxRouters)
		}
	}
	if p.Routers < 0 || p.fleet() > maxRouters {
		return fmt.Errorf("there are %d routers, %d in all: use 1 to %d", p.Routers, p.fleet(), maxRouters)
	}
	if p.Window == 0 {
		p.Window = max(p.Length/60, 100*core.Millisecond)
	}
	if p.Window < 0 || p.Length/p.Window > maxWindows {
		return fmt.Errorf("a window of %d ns makes more than %d windows: use a longer one", p.Window, maxWindows)
	}
	for _, f := range []func() error{p.completeClients, p.completeFaults, p.completePushes, p.completeServers} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

const (
	maxRouters = 1000
	maxWindows = 10_000
	maxUsers   = 1_000_000
	maxBurst   = 100_000_000
)

func (p *Plan) completeClients() error {
	p.Clients = slices.Clone(p.Clients)
	for i := range p.Clients {
		c := &p.Clients[i]
		if c.Until == 0 || c.Until > core.Time(p.Length) {
			c.Until = core.Time(p.Length)
		}
		switch {
		case c.Users > maxUsers:
			return fmt.Errorf("client %q has %d users: use at most %d", c.Name, c.Users, maxUsers)
		case c.Router < 0 || c.Router > p.fleet():
			return fmt.Errorf("client %q sends to router %d: use 1 to %d, or 0 for all", c.Name, c.Router, p.fleet())
		case c.From < 0 || c.Per < 0 || c.Think < 0 || c.Patience < 0 || c.Backoff < 0 || c.Retry.Max < 0:
			return fmt.Errorf("client %q has a negative time", c.Name)
		case c.Retries > 100:
			return fmt.Errorf("client %q retries %d times: use at most 100", c.Name, c.Retries)
		case c.Retry.Growth != 0 && c.Retry.Growth < million:
			return fmt.Errorf("client %q has pauses that shrink: use a growth of 1,000,000 (1x) or more", c.Name)
		case c.Priority >= core.MaxPriorities:
			return fmt.Errorf("client %q has priority %d: use 0 to %d", c.Name, c.Priority, core.MaxPriorities-1)
		case c.Ramp.Low > million || c.Ramp.Period != 0 && (c.Ramp.Period < core.Second || c.Users > 0):
			return fmt.Errorf("client %q has a ramp that cannot be: give it a period of 1 s or more, a low of at most 1,000,000 and a rate, not users", c.Name)
		case c.Hold.At < 0 || c.Hold.For < 0 || c.Hold.Over < 0:
			return fmt.Errorf("client %q has a hold of a negative time", c.Name)
		case slices.ContainsFunc(p.Clients[:i], func(o Client) bool { return o.Name == c.Name }):
			return fmt.Errorf("two clients are called %q: their requests would have the same ids", c.Name)
		}
	}
	for i := range p.Bursts {
		if b := &p.Bursts[i]; b.At < 0 || b.Over < 0 || b.Requests < 0 || b.Requests > maxBurst {
			return fmt.Errorf("burst %d has a negative time or an absurd count", i)
		}
	}
	return nil
}

func (p *Plan) completeFaults() error {
	p.Faults = slices.Clone(p.Faults)
	for i := range p.Faults {
		f := &p.Faults[i]
		if f.Share == 0 {
			f.Share = million
		}
		if f.Status == 0 {
			f.Status = 500
		}
		if f.Factor == 0 {
			f.Factor = 10 * million
		}
		if f.Delay == 0 {
			f.Delay = core.Second
			if f.Kind == ClockAhead || f.Kind == ClockBehind {
				f.Delay = day
			}
		}
		switch {
		case f.Kind == FaultNone || f.Kind >= faultKinds:
			return fmt.Errorf("fault %d has no kind", i)
		case f.At < 0 || f.Until != 0 && f.Until < f.At && f.Kind != ResetAll:
			return fmt.Errorf("fault %d (%s) ends before it begins", i, f.Kind)
		case f.Router < 0 || f.Router > p.fleet():
			return fmt.Errorf("fault %d (%s) is of router %d: use 1 to %d, or 0 for all", i, f.Kind, f.Router, p.fleet())
		case f.Status < 100 || f.Status > 599:
			return fmt.Errorf("fault %d (%s) has status %d: use 100 to 599", i, f.Kind, f.Status)
		case f.Delay < 0 || f.Pause < 0 || f.Spread < 0:
			return fmt.Errorf("fault %d (%s) has a negative delay, pause or spread", i, f.Kind)
		case f.Kind == Upgrade && f.Until == 0:
			return fmt.Errorf("fault %d (%s) has no end: say how long each router may drain", i, f.Kind)
		}
	}
	for i := len(p.Faults) - 1; i >= 0; i-- {
		if f := p.Faults[i]; f.Kind == Upgrade {
			p.Faults = slices.Replace(p.Faults, i, i+1, f.turns(p.fleet())...)
		}
	}
	return nil
}

func (p *Plan) completePushes() error {
	p.Pushes = slices.Clone(p.Pushes)
	for i := range p.Pushes {
		u := &p.Pushes[i]
		if u.Copies == 0 {
			u.Copies = 1
		}
		switch {
		case u.At < 0 || u.Spread < 0 || u.Copies < 0 || u.Copies > 1000:
			return fmt.Errorf("push %d has a negative time or an absurd number of copies", i)
		case u.Router < 0 || u.Router > p.fleet():
			return fmt.Errorf("push %d is for router %d: use 1 to %d, or 0 for all", i, u.Router, p.fleet())
		}
	}
	return nil
}

func (p *Plan) completeServers() error {
	if p.Link.Latency < 0 || p.Link.Jitter < 0 {
		return fmt.Errorf("the link has a negative time")
	}
	for i := range p.Backends {
		if err := p.Backends[i].Backend.check(); err != nil {
			return err
		}
	}
	return p.Backend.check()
}

func (b *Backend) check() error {
	s := &b.Service
	switch {
	case b.Workers < 0 || b.Queue < 0 || b.Body < 0 || b.Knee < 0 || b.Warmup < 0 || s.Typical < 0 || s.Slow < 0 || s.Shape >= shapes:
		return fmt.Errorf("a backend has a negative figure or an unknown shape")
	case b.Knee > 0 && b.Workers == 0:
		return fmt.Errorf("a backend has a knee and no workers: say how many it has")
	case b.Cold != 0 && b.Cold < million:
		return fmt.Errorf("a backend is faster while cold: use a factor of 1,000,000 (1x) or more")
	case s.Shape == LogNormal && s.P99 <= s.typical():
		return fmt.Errorf("a log-normal service time has a p99 of %d ns, which is not above its median of %d ns", s.P99, s.typical())
	case s.Shape == Empirical:
		return s.checkHistogram()
	}
	return nil
}

func (s *Service) checkHistogram() error {
	last, total := core.Duration(0), uint64(0)
	for i, b := range s.Histogram {
		if b.UpTo <= last {
			return fmt.Errorf("bucket %d of a histogram of service times does not end after the one before it: list the shortest first", i)
		}
		last, total = b.UpTo, total+uint64(b.Count)
	}
	if total == 0 {
		return fmt.Errorf("a histogram of service times is empty: list buckets with counts")
	}
	return nil
}

// checkNames refuses faults and overrides that name nothing: they would be
// silently without effect.
func (w *world) checkNames() error {
	for i := range w.plan.Faults {
		if f := &w.plan.Faults[i]; !w.dir.has(f.Placement, f.Endpoint) {
			return fmt.Errorf("fault %d (%s) is of placement %q endpoint %q: no configuration of the plan has that", i, f.Kind, f.Placement, f.Endpoint)
		}
	}
	for i := range w.plan.Backends {
		if b := &w.plan.Backends[i]; !w.dir.has(b.Placement, b.Endpoint) {
			return fmt.Errorf("backend %d is of placement %q endpoint %q: no configuration of the plan has that", i, b.Placement, b.Endpoint)
		}
	}
	return nil
}
