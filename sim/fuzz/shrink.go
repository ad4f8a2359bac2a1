package fuzz

import (
	"reflect"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// Shrink returns the smallest case it can find that still fails. It drops
// faults, pushes, bursts and clients from the back, then shortens times and
// lowers loads by halves, again and again until nothing more goes. fails must
// be a function of the case.
func Shrink(c Case, fails func(*Case) bool) Case {
	s := &shrinker{best: c, fails: fails, left: maxTries}
	for changed := true; changed && s.left > 0; {
		changed = s.drop()
		changed = s.shorten() || changed
		changed = s.lighten() || changed
	}
	return s.best
}

const millisecond = core.Time(core.Millisecond)

// maxTries bounds the runs that one shrink may cost.
const maxTries = 500

type shrinker struct {
	best  Case
	fails func(*Case) bool
	left  int
}

// try keeps a changed copy if it still fails.
func (s *shrinker) try(change func(*Case)) bool {
	if s.left == 0 {
		return false
	}
	s.left--
	c := s.best
	p := &c.Plan
	p.Faults, p.Pushes, p.Bursts = slices.Clone(p.Faults), slices.Clone(p.Pushes), slices.Clone(p.Bursts)
	p.Clients, c.Notes = slices.Clone(p.Clients), slices.Clone(c.Notes)
	change(&c)
	if !s.fails(&c) {
		return false
	}
	s.best = c
	return true
}

// drop removes whole things; it reports whether any went.
func (s *shrinker) drop() (dropped bool) {
	for i := len(s.best.Plan.Faults) - 1; i >= 0; i-- {
		dropped = s.try(func(c *Case) { c.Plan.Faults = slices.Delete(c.Plan.Faults, i, i+1) }) || dropped
	}
	for i := len(s.best.Plan.Pushes) - 1; i >= 0; i-- {
		dropped = s.try(func(c *Case) {
			c.Plan.Pushes = slices.Delete(c.Plan.Pushes, i, i+1)
			if i < len(c.Notes) {
				c.Notes = slices.Delete(c.Notes, i, i+1)
			}
		}) || dropped
	}
	for i := len(s.best.Plan.Bursts) - 1; i >= 0; i-- {
		dropped = s.try(func(c *Case) { c.Plan.Bursts = slices.Delete(c.Plan.Bursts, i, i+1) }) || dropped
	}
	for i := len(s.best.Plan.Clients) - 1; i >= 0 && len(s.best.Plan.Clients) > 1; i-- {
		dropped = s.try(func(c *Case) { c.withoutClient(i) }) || dropped
	}
	if len(s.best.Plan.Joins) > 0 {
		dropped = s.try(func(c *Case) { c.Plan.Joins = nil }) || dropped
	}
	if s.best.Plan.Routers > 1 {
		dropped = s.try((*Case).oneRouter) || dropped
	}
	if s.best.Plan.Recovery > 0 {
		dropped = s.try(func(c *Case) { c.Plan.Length, c.Plan.Recovery = c.Plan.Length-c.Plan.Recovery, 0 }) || dropped
	}
	return dropped
}

func (c *Case) withoutClient(i int) {
	name := c.Plan.Clients[i].Name
	c.Plan.Clients = slices.Delete(c.Plan.Clients, i, i+1)
	c.Plan.Bursts = slices.DeleteFunc(c.Plan.Bursts, func(b sim.Burst) bool { return b.Client == name })
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

// shorten halves times.
func (s *shrinker) shorten() (done bool) {
	if half := s.best.Plan.Length / 2; half > core.Second {
		done = s.try(func(c *Case) { c.Plan.Length = half }) || done
	}
	for i := range s.best.Plan.Faults {
		f := &s.best.Plan.Faults[i]
		if length := f.Until - f.At; length > core.Time(100*core.Millisecond) {
			until := f.At + length/2/millisecond*millisecond
			done = s.try(func(c *Case) { c.Plan.Faults[i].Until = until }) || done
		}
	}
	return done
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
		Name: c.Name, Rate: c.Rate, Users: c.Users, Think: c.Think, Keys: c.Keys,
		From: c.From, Until: c.Until, Unknown: c.Unknown / million * million,
	}
}
