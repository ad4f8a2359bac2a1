package fuzz

import (
	"cmp"
	"fmt"

	"lockstep/core"
	"lockstep/sim"
)

// tellNMinus is the story of a loss: the load before, the loss, where the load
// goes, and the steady state that was promised to be free of refusals.
func (t *Target) tellNMinus(f *Finding, down *core.PlacementInfo) []Line {
	r := &f.Result
	before := "before"
	lines := []Line{}
	for _, name := range [...]string{down.Name, f.Where} {
		if l, ok := t.Facts.Peak[name]; ok && (len(lines) == 0 || name != down.Name) {
			lines = append(lines, Line{before, t.loadLine(name, l)})
		}
	}
	lines = append(lines, Line{"+0.000s", down.Name + " refuses connections, every endpoint, for good"})
	opened := 0
	last := core.Time(0)
	for _, x := range r.Transitions {
		if x.Kind == core.NoteOpened && x.At >= settled && r.Placements[r.Endpoints[x.Endpoint].Placement] == down.Name && opened < down.EndEP-down.FirstEP {
			opened++
			last = x.At
		}
	}
	if opened > 0 {
		lines = append(lines, Line{after(last - settled), fmt.Sprintf("its %d breakers are open; its requests go to %s", opened, cmp.Or(t.takers(down), "nobody"))})
	}
	lines = append(lines, t.need(f, down)...)
	when := "FAIL, after two breaker periods: "
	if f.Promised != "" {
		when = "FAIL: "
	}
	if at, ok := firstRefusal(r); ok {
		lines = append(lines, Line{after(at - settled), "the first requests are refused"})
	}
	lines = append(lines, Line{after(f.At - settled), when + f.Sentence})
	return append(lines, steady(f))
}

// tellItself is the story of a placement that is too small with nothing down.
func (t *Target) tellItself(f *Finding) (lines []Line) {
	if l, ok := t.Facts.Peak[f.Where]; ok {
		lines = append(lines, Line{"before", "needed: " + t.loadLine(f.Where, l)})
	}
	return append(lines, Line{after(f.At), "FAIL: " + f.Sentence}, steady(f))
}

// firstRefusal is the window in which the first request after the loss was refused.
func firstRefusal(r *sim.Result) (core.Time, bool) {
	for i := range r.Windows {
		if w := &r.Windows[i]; w.From >= settled && w.Refused > 0 {
			return w.From, true
		}
	}
	return 0, false
}

// takers lists the fallbacks of a placement.
func (t *Target) takers(down *core.PlacementInfo) string {
	names, all := "", compiled(&t.Spec)
	for _, c := range down.Candidates[1:] {
		if names != "" {
			names += ", then "
		}
		names += all[c].Name
	}
	return names
}

// need compares what the placement that is too small must hold with what it has.
func (t *Target) need(f *Finding, down *core.PlacementInfo) []Line {
	if f.Where == down.Name {
		return nil
	}
	own, guests := t.Facts.Peak[f.Where], t.Facts.Peak[down.Name]
	if own.Latency > 0 {
		guests.Latency = own.Latency
	}
	return []Line{{"", fmt.Sprintf("%s needs %d slots, %d of them for guests; it has %s", f.Where, t.inFlight(own)+t.inFlight(guests), t.inFlight(guests), f.Value)}}
}

// steady is the share of requests refused from the failure to the end.
func steady(f *Finding) Line {
	var sum, own sim.Counts
	where := -1
	for i, name := range f.Result.Placements {
		if name == f.Where {
			where = i
		}
	}
	for i := range f.Result.Windows {
		w := &f.Result.Windows[i]
		if w.From < f.At {
			continue
		}
		sum.Arrivals, sum.Refused = sum.Arrivals+w.Arrivals, sum.Refused+w.Refused
		if where >= 0 {
			own.Arrivals, own.Refused = own.Arrivals+w.Placements[where].Arrivals, own.Refused+w.Placements[where].Refused
		}
	}
	return Line{"steady", fmt.Sprintf("%s of all requests refused, %s of those at home in %s; promised: %s",
		partOf(sum.Refused, sum.Arrivals), partOf(own.Refused, own.Arrivals), f.Where, cmp.Or(f.Promised, "none"))}
}

func partOf(n, all uint64) string {
	if all == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(all))
}
