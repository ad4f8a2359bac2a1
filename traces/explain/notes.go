package explain

import (
	"lockstep/core"
	"lockstep/traces/index"
)

// What an index of the recording knows stands in for steps that are left out:
// it is told in order, between the facts.

// Note tells of a noteworthy decision among the steps that are left out.
func (t *Teller) Note(n *index.Note) {
	m, ok := t.past.noted(&n.Decision, n.Step, n.Origin, n.Placement, n.Endpoint)
	if !ok {
		return
	}
	if m.Kind == KindAdopted {
		t.past.before = previous{} // the one before it was not read
	}
	t.past.add(m)
}

// Count tells of decisions of one kind among the steps of a block that is left
// out; the last of them was at or before last.
func (t *Teller) Count(c *index.Count, last core.Time) {
	if c.Placement == "" || c.Kind != core.Reject && (c.Kind != core.Forward || c.Failover == core.FailoverNone) {
		return
	}
	key := runKey{c.Kind, c.Class, c.Failover, c.Placement}
	r, begins := t.past.runs.count(key, c.Time, c.Step, c.N)
	r.last = max(r.last, last)
	if !begins {
		return
	}
	m := Moment{At: c.Time, Step: c.Step, Kind: KindGuest, Placement: c.Placement, key: key, run: r}
	if c.Kind == core.Reject {
		m.Kind = KindRefusal
		m.cause = c.Placement + "  first refusals, " + c.Class.String() + " (by the index alone)"
	}
	t.past.add(m)
}

// Until says how far the recording is known, by notes and counts if not by facts.
func (t *Teller) Until(at core.Time) { t.until = at }

// Needs returns the steps of what led to a decision at a step, as far as it was
// told: they are worth replaying. of are the placements of interest.
func (t *Teller) Needs(of []string, step uint64, at core.Time) (steps []uint64) {
	interest := map[string]bool{}
	for _, name := range of {
		interest[name] = true
	}
	for _, m := range t.past.chosen(interest, step, at) {
		steps = append(steps, m.Step)
	}
	if a := t.past.adoption; a != nil {
		steps = append(steps, a.Step)
	}
	return steps
}

// Interest returns the placements that a story is about: the candidates that
// were asked, and who sent them guests.
func (s *Story) Interest() (names []string) {
	for name, is := range s.placements {
		if is {
			names = append(names, name)
		}
	}
	return names
}

// Short reports whether something that led to the decision began before what was read.
func (s *Story) Short() bool {
	for i := range s.Before {
		if s.Before[i].short {
			return true
		}
	}
	for i := range s.Candidates {
		if c := &s.Candidates[i]; c.asked && c.unknown > 0 {
			return true
		}
	}
	return false
}
