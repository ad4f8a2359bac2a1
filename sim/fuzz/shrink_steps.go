package fuzz

import (
	"reflect"

	"lockstep/core"
	"lockstep/sim"
)

// simplify takes away what the plan has beside its lists.
func (s *shrinker) simplify() (done bool) {
	if len(s.best.Plan.Joins) > 0 {
		done = s.try(func(c *Case) { c.Plan.Joins = nil })
	}
	if s.best.Plan.Routers > 1 {
		done = s.try((*Case).oneRouter) || done
	}
	if s.best.Plan.Recovery > 0 {
		done = s.try(func(c *Case) { c.Plan.Length, c.Plan.Recovery = c.Plan.Length-c.Plan.Recovery, 0 }) || done
	}
	if half := s.best.Plan.Length / 2; half > core.Second {
		done = s.try(func(c *Case) { c.Plan.Length = half }) || done
	}
	return done
}

func (c *Case) oneRouter() {
	c.Plan.Routers = 1
	for i := range c.Plan.Faults {
		c.Plan.Faults[i].Router = min(c.Plan.Faults[i].Router, 1)
	}
	for i := range c.Plan.Pushes {
		c.Plan.Pushes[i].Router = min(c.Plan.Pushes[i].Router, 1)
	}
}

// hasten halves how long things last, and lets them begin earlier: in half the
// time, or else at a round one.
func (s *shrinker) hasten() (done bool) {
	for i := range s.best.Plan.Faults {
		f := s.best.Plan.Faults[i]
		if length := f.Until - f.At; length > 100*millisecond {
			until := f.At + length/2/millisecond*millisecond
			done = s.try(func(c *Case) { c.Plan.Faults[i].Until = until }) || done
		}
		length := max(0, s.best.Plan.Faults[i].Until-f.At)
		done = s.earlier(f.At, func(c *Case, at core.Time) {
			x := &c.Plan.Faults[i]
			if x.At = at; x.Until > 0 {
				x.Until = at + length
			}
		}) || done
	}
	for i := range s.best.Plan.Pushes {
		done = s.earlier(s.best.Plan.Pushes[i].At, func(c *Case, at core.Time) { c.Plan.Pushes[i].At = at }) || done
	}
	for i := range s.best.Plan.Bursts {
		done = s.earlier(s.best.Plan.Bursts[i].At, func(c *Case, at core.Time) { c.Plan.Bursts[i].At = at }) || done
	}
	return done
}

// earlier tries a time at half of what it is, then at the last whole second or
// tenth of one.
func (s *shrinker) earlier(at core.Time, set func(c *Case, at core.Time)) bool {
	for _, unit := range [...]core.Time{1000 * millisecond, 100 * millisecond} {
		for _, sooner := range [...]core.Time{at / 2 / unit * unit, at / unit * unit} {
			if sooner < at && s.try(func(c *Case) { set(c, sooner) }) {
				return true
			}
		}
	}
	return false
}

// lighten halves loads and plainly removes what complicates a client.
func (s *shrinker) lighten() (done bool) {
	for i := range s.best.Plan.Bursts {
		if n := s.best.Plan.Bursts[i].Requests; n > 1 {
			done = s.try(func(c *Case) { c.Plan.Bursts[i].Requests = n / 2 }) || done
		}
	}
	for i := range s.best.Plan.Clients {
		now := s.best.Plan.Clients[i]
		if now.Rate > 1 || now.Users > 1 {
			done = s.try(func(c *Case) {
				c.Plan.Clients[i].Rate, c.Plan.Clients[i].Users = (now.Rate+1)/2, (now.Users+1)/2
			}) || done
		}
		if bare := plainer(&now); !reflect.DeepEqual(bare, now) {
			done = s.try(func(c *Case) { c.Plan.Clients[i] = bare }) || done
		}
		if n := len(now.Keys); n > 1 {
			done = s.try(func(c *Case) { c.Plan.Clients[i].Keys = now.Keys[:n/2] }) || done
		}
	}
	return done
}

// plainer is c without its whims: no impatience, retries, odd keys or bodies.
func plainer(c *sim.Client) sim.Client {
	return sim.Client{
		Name: c.Name, Rate: c.Rate, Per: c.Per, Users: c.Users, Think: c.Think, Keys: c.Keys, Route: c.Route, Sticky: c.Sticky,
		From: c.From, Until: c.Until, Unknown: c.Unknown / million * million,
	}
}
