package incident

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/core"
	"lockstep/traces/whatif"
)

// candidate is a change to try. It may grow from round to round until it suffices.
type candidate struct {
	base     *core.Config
	change   func(s *core.Spec, round int) (what string)
	suffices func(r *whatif.Result) bool // nil: one round is enough
}

// mostCandidates bounds what is tried: each costs a reading of the window.
const mostCandidates = 8

// candidates makes up what an operator would think of first.
func (a *author) candidates(base *core.Config) (out []candidate) {
	for _, p := range a.draft.Impact.Placements {
		if p.Full > 0 && p.Limit > 0 {
			out = append(out, moreRoom(base, p))
		}
		if i, ok := base.FindPlacement(p.Name); ok && p.ForGuests > 0 && base.Placement(i).Limit.Guests == 0 {
			out = append(out, fewerGuests(base, p))
		}
	}
	for _, p := range a.draft.Impact.Placements {
		if p.Refused > 0 || p.Failed > 0 {
			if c, ok := a.oneMoreFallback(base, p.Name); ok {
				out = append(out, c)
			}
		}
	}
	if a.draft.Impact.Total.Failed > 0 {
		if c, ok := a.fasterBreaker(base); ok {
			out = append(out, c)
		}
	}
	out = append(a.otherConfigs(base), out...)
	return out[:min(mostCandidates, len(out))]
}

// placementIn finds a placement of a Spec.
func placementIn(s *core.Spec, name string) *core.PlacementSpec {
	for i := range s.Placements {
		if s.Placements[i].Name == name {
			return &s.Placements[i]
		}
	}
	return &core.PlacementSpec{}
}

// moreRoom raises the limit of a placement that refused to what would have been
// needed, by Little's law first, and by half more each time that does not do.
func moreRoom(base *core.Config, p *Place) candidate {
	return candidate{
		base: base,
		change: func(s *core.Spec, round int) string {
			l := &placementIn(s, p.Name).Limit
			was, want := l.InFlight, int32(max(p.needed, p.Peak+1))
			for range round {
				want += (want + 1) / 2
			}
			l.InFlight = want
			what := fmt.Sprintf("%s limit.in_flight: %d (was %d)", p.Name, want, was)
			if l.Guests > 0 {
				guests := l.Guests
				l.Guests = max(want-int32(p.PeakHome), guests)
				what += fmt.Sprintf(", limit.guests: %d (was %d)", l.Guests, guests)
			}
			return what
		},
		suffices: func(r *whatif.Result) bool {
			return r.After.Places[p.Name] == nil || r.After.Places[p.Name].Refused == 0
		},
	}
}

// fewerGuests keeps the slots that its own requests took at most.
func fewerGuests(base *core.Config, p *Place) candidate {
	return candidate{base: base, change: func(s *core.Spec, _ int) string {
		l := &placementIn(s, p.Name).Limit
		l.Guests = max(l.InFlight-int32(p.PeakHome), 1)
		return fmt.Sprintf("%s limit.guests: %d (was none), for its own to be served first", p.Name, l.Guests)
	}}
}

// oneMoreFallback adds the placement that had most room to a list of fallbacks:
// before one that refuses when it is full, which ends the search (R5).
func (a *author) oneMoreFallback(base *core.Config, name string) (c candidate, ok bool) {
	at, found := base.FindPlacement(name)
	if !found {
		return c, false
	}
	best, room, first := "", -1, false
	for _, p := range a.draft.Impact.Placements {
		i, known := base.FindPlacement(p.Name)
		if !known {
			continue
		}
		candidate := slices.Contains(base.Placement(at).Candidates, int32(i))
		if refuses := p.Full > 0 && base.Placement(i).Limit.WhenFull == core.RejectWhenFull; candidate && refuses {
			if first = true; p.Name == name {
				return c, false // nobody else is asked
			}
		}
		if candidate || p.Full > 0 || p.Failed > 0 {
			continue
		}
		free := 1 << 20 // no limit
		if p.Limit > 0 {
			free = p.Limit - p.Peak
		}
		if free > room {
			best, room = p.Name, free
		}
	}
	if best == "" || room <= 0 {
		return c, false
	}
	return candidate{base: base, change: func(s *core.Spec, _ int) string {
		p := placementIn(s, name)
		was := p.Fallback
		if p.Fallback = append(slices.Clone(was), best); first {
			p.Fallback = append([]string{best}, was...)
		}
		return fmt.Sprintf("%s fallback: [%s] (was [%s])", name, strings.Join(p.Fallback, ", "), strings.Join(was, ", "))
	}}, true
}

// fasterBreaker opens after two failures where it took more.
func (a *author) fasterBreaker(base *core.Config) (c candidate, ok bool) {
	failing := map[string]bool{}
	for _, g := range a.groups {
		if g.Kind == BreakerOpen && g.Streak > 2 {
			for i := range base.Placements() {
				name := base.Placement(i).Name
				if len(g.Subject) > len(name) && g.Subject[:len(name)+1] == name+"/" {
					failing[name] = true
				}
			}
		}
	}
	if len(failing) == 0 {
		return c, false
	}
	return candidate{base: base, change: func(s *core.Spec, _ int) string {
		for name := range failing {
			placementIn(s, name).Breaker.Failures = 2
		}
		return fmt.Sprintf("%s breaker.consecutive_failures: 2", names(failing))
	}}, true
}

// otherConfigs are the configurations of the window, each all the time.
func (a *author) otherConfigs(base *core.Config) (out []candidate) {
	seen := map[uint64]bool{}
	add := func(c *core.Config, when string) {
		if c == nil || seen[c.Digest()] || len(out) == 3 {
			return
		}
		seen[c.Digest()] = true
		out = append(out, candidate{base: c, change: func(s *core.Spec, _ int) string {
			return fmt.Sprintf("%q, %s, all the time", s.Version, when)
		}})
	}
	pushed := false
	for _, p := range a.draft.Pushes {
		if p.at+a.shift[p.router] < a.draft.from || p.span.Config == nil || p.First {
			if p.Known {
				add(p.span.Previous, "in force before the last push")
			}
			continue
		}
		if !pushed {
			add(base, "in force when it began")
			pushed = true
		}
		add(p.span.Config, "pushed "+p.Time)
	}
	return out
}
