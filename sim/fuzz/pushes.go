package fuzz

import (
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// pushes draws what the control plane sends: good, stale, conflicting, equal,
// shrunken and damaged configurations, early, late, twice and in turn.
func (g *generator) pushes() {
	g.part("pushes")
	if !g.c.oneIn(2, "pushes") {
		return
	}
	next := core.Epoch{}
	if g.c.oneIn(2, "epochs") {
		g.out.Plan.Epoch = core.Epoch{Term: 1, Number: 1}
		next = g.out.Plan.Epoch
	}
	at := core.Time(0)
	for i := range g.c.Range(1, 4, "how many pushes") {
		g.numbered("push", i)
		at += core.Time(g.ms(0, max(0, core.Duration(g.active-at)), "push after"))
		p := sim.Push{At: at, Copies: int(g.c.Range(1, 2, "copies"))}
		if g.c.oneIn(3, "spread") {
			p.Spread = min(g.ms(0, core.Second, "push spread"), core.Duration(g.active-at))
		}
		p.NoDisk = g.c.oneIn(8, "disk full")
		p.Deliberate = g.spec.Guards.On() && g.c.oneIn(4, "deliberate")
		before := g.spec
		g.push(p, g.content(&p, &next))
		if g.c.oneIn(6, "flaps") {
			at = g.flap(p, before, &next)
		}
	}
}

func (g *generator) push(p sim.Push, note string) {
	g.out.Plan.Pushes = append(g.out.Plan.Pushes, p)
	g.out.Notes = append(g.out.Notes, note)
}

// flap draws how often a push and what was before it are sent in turn, and
// returns when the last is.
func (g *generator) flap(p sim.Push, before core.Spec, newest *core.Epoch) core.Time {
	turns := [...]*core.Spec{&before, p.Spec}
	times := g.c.Range(1, 5, "how many flaps")
	every := g.ms(0, min(core.Second, core.Duration(g.active-p.At)/core.Duration(times)), "flap every")
	for n := range times {
		p.Spec, p.At = turns[n%2], p.At.Add(every)
		p.Spread = min(p.Spread, core.Duration(g.active-p.At))
		if (*newest != core.Epoch{}) {
			newest.Number++
			p.Epoch = *newest
		}
		if p.Spec != nil {
			g.spec = *p.Spec
		}
		g.push(p, [...]string{"what was before, once more", "the same push again"}[n%2])
	}
	return p.At
}

// content fills in what a push carries and says it in words.
func (g *generator) content(p *sim.Push, newest *core.Epoch) string {
	versioned := *newest != core.Epoch{}
	same := g.spec
	p.Spec, p.Epoch = &same, *newest
	switch g.c.Range(0, 5, "what is pushed") {
	case 0:
		return "the same configuration again"
	case 1:
		p.Spec = nil
		return "garbage"
	case 2:
		if versioned {
			p.Epoch.Number = 0
			return "an epoch older than any other"
		}
		return "the same configuration again"
	}
	note := "the same configuration again"
	if g.spec.Guards.On() && g.c.oneIn(8, "lifts guards") {
		g.spec.Guards = core.GuardSpec{}
		defer func(old core.Spec) { g.spec.Guards = old.Guards }(same)
	}
	if changed, what, ok := g.change(); ok {
		p.Spec, note = &changed, what
		if versioned && g.c.oneIn(6, "conflict") {
			return "under the epoch in force, " + what
		}
		g.spec = changed
	}
	if versioned {
		newest.Number++
		p.Epoch = *newest
	}
	return note
}

// change draws one change that an operator could make, or that befalls a
// configuration. ok is false when the configuration has no room for it.
func (g *generator) change() (s core.Spec, what string, ok bool) {
	s = g.spec
	s.Placements = slices.Clone(s.Placements)
	p := &s.Placements[g.c.Range(0, uint64(len(s.Placements)-1), "placement to change")]
	p.Endpoints = slices.Clone(p.Endpoints)
	switch g.c.Range(0, 6, "change") {
	case 0:
		p.Limit = core.LimitSpec{InFlight: int32(g.c.Range(1, 100, "new limit"))}
		what = fmt.Sprintf("%s limit.in_flight: %d, no guests cap", p.Name, p.Limit.InFlight)
	case 1:
		if len(p.Endpoints) < 2 {
			return s, "", false
		}
		i := int(g.c.Range(0, uint64(len(p.Endpoints)-1), "endpoint to remove"))
		what = fmt.Sprintf("%s loses endpoint %s", p.Name, p.Endpoints[i].URL)
		p.Endpoints = slices.Delete(p.Endpoints, i, i+1)
	case 2:
		url := fmt.Sprintf("http://added-%d.test:80", g.c.Range(1, 3, "endpoint to add"))
		what = fmt.Sprintf("%s gains endpoint %s", p.Name, url)
		p.Endpoints = append(p.Endpoints, core.EndpointSpec{Name: url, URL: url})
	case 3:
		p.Breaker.Failures = uint32(g.c.Range(1, 10, "new threshold"))
		what = fmt.Sprintf("%s breaker.consecutive_failures: %d", p.Name, p.Breaker.Failures)
	case 4:
		p.Fallback = nil
		what = p.Name + " loses its fallback"
	case 5:
		if len(s.Keys) == 0 {
			return s, "", false
		}
		s.Keys = slices.Clone(s.Keys)
		k := &s.Keys[g.c.Range(0, uint64(len(s.Keys)-1), "key to move")]
		k.Placement = pick(g.c, s.Placements, "new home").Name
		what = fmt.Sprintf("key %s moves to %s", k.Key, k.Placement)
	case 6:
		drop, share := sim.Drop{}, uint32(g.c.Range(1, 9, "share dropped"))
		lost := []struct {
			name string
			from *uint32
		}{{"keys", &drop.Keys}, {"placements", &drop.Placements}, {"endpoints", &drop.Endpoints}}
		x := pick(g.c, lost, "what is dropped")
		*x.from = share * 100_000
		s, what = drop.From(s), fmt.Sprintf("%d0%% of the %s are missing", share, x.name)
	}
	_, err := core.Compile(s)
	return s, what, err == nil
}
