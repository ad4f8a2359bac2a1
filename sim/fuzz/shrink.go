package fuzz

import (
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// Shrink returns the smallest case it can find that still fails. It drops
// faults, pushes, bursts and clients by delta debugging from the back (Zeller,
// Hildebrandt 2002), then moves and shortens times, then lowers loads, again and
// again until nothing more goes. fails must be a function of the case; it says
// when the case failed, and what comes later is dropped with the rest.
func Shrink(c Case, fails func(*Case) (core.Time, bool)) Case {
	s := &shrinker{best: c, fails: fails, left: maxTries}
	s.end = core.Time(c.Plan.Length)
	if at, ok := fails(&c); ok {
		s.end = at
	}
	for changed := true; changed && s.left > 0; {
		changed = s.cut()
		changed = s.drop() || changed
		changed = s.simplify() || changed
		changed = s.hasten() || changed
		changed = s.lighten() || changed
	}
	return s.best
}

const millisecond = core.Time(core.Millisecond)

// maxTries bounds the runs that one shrink may cost.
const maxTries = 500

type shrinker struct {
	best  Case
	end   core.Time // when best failed
	fails func(*Case) (core.Time, bool)
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
	at, failed := s.fails(&c)
	if failed {
		s.best, s.end = c, at
	}
	return failed
}

// cut ends the case just after its failure: what is later cannot matter to it.
func (s *shrinker) cut() bool {
	last := s.end + millisecond
	if core.Time(s.best.Plan.Length) <= last+millisecond {
		return false
	}
	return s.try(func(c *Case) {
		p := &c.Plan
		p.Length, p.Recovery = core.Duration(last), 0
		p.Faults = slices.DeleteFunc(p.Faults, func(f sim.Fault) bool { return f.At > last })
		p.Bursts = slices.DeleteFunc(p.Bursts, func(b sim.Burst) bool { return b.At > last })
		for i := len(p.Pushes) - 1; i >= 0; i-- {
			if p.Pushes[i].At > last {
				c.withoutPush(i)
			}
		}
	})
}

// drop removes whole things; it reports whether any went.
func (s *shrinker) drop() (dropped bool) {
	for size := (s.best.things() + 1) / 2; size > 0; size /= 2 {
		for end := s.best.things(); end > 0; end -= size {
			from, before := max(0, end-size), s.best.things()
			s.try(func(c *Case) { c.without(from, min(end, before)) })
			dropped = dropped || s.best.things() < before
		}
	}
	return dropped
}

// things is how many faults, pushes, bursts and clients a case has.
func (c *Case) things() int {
	return len(c.Plan.Clients) + len(c.Plan.Faults) + len(c.Plan.Pushes) + len(c.Plan.Bursts)
}

// without removes the things from..end-1: clients come first, then faults,
// pushes and bursts. The first client stays: without any, nothing happens.
func (c *Case) without(from, end int) {
	for i := end - 1; i >= from; i-- {
		at := i
		p := &c.Plan
		switch clients, faults, pushes := len(p.Clients), len(p.Faults), len(p.Pushes); {
		case at < clients:
			if at > 0 || clients > 1 {
				c.withoutClient(at)
			}
		case at < clients+faults:
			p.Faults = slices.Delete(p.Faults, at-clients, at-clients+1)
		case at < clients+faults+pushes:
			c.withoutPush(at - clients - faults)
		default:
			at -= clients + faults + pushes
			if at < len(p.Bursts) {
				p.Bursts = slices.Delete(p.Bursts, at, at+1)
			}
		}
	}
}

func (c *Case) withoutPush(i int) {
	c.Plan.Pushes = slices.Delete(c.Plan.Pushes, i, i+1)
	if i < len(c.Notes) {
		c.Notes = slices.Delete(c.Notes, i, i+1)
	}
}

func (c *Case) withoutClient(i int) {
	name := c.Plan.Clients[i].Name
	c.Plan.Clients = slices.Delete(c.Plan.Clients, i, i+1)
	c.Plan.Bursts = slices.DeleteFunc(c.Plan.Bursts, func(b sim.Burst) bool { return b.Client == name })
}
