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
	lines = append(lines, Line{after(0), down.Name + " refuses connections, every endpoint, for good"})
	opened := 0
	last := core.Time(0)
	for _, x := range r.Transitions {
		if x.Kind == core.NoteOpened && x.At >= settled && r.Placements[r.Endpoints[x.Endpoint].Placement] == down.Name && opened < down.EndEP-down.FirstEP {
			opened++
			last = x.At
		}
	}
	if opened > 0 {
		breakers := "its breaker is"
		if opened > 1 {
			breakers = fmt.Sprintf("its %d breakers are", opened)
		}
		lines = append(lines, Line{after(last - settled), fmt.Sprintf("%s open, %d requests have failed; %s", breakers, failed(r, down, last), t.moves(down))})
	}
	lines = append(lines, t.need(f, down)...)
	when := "FAIL, after two breaker periods: "
	if settling(down) == longestSettling {
		when = "FAIL, after " + span(longestSettling) + ": "
	}
	if f.Promised != "" {
		when = "FAIL: "
	}
	if at, ok := firstRefusal(r); ok && at < f.At {
		lines = append(lines, Line{after(max(at, last) - settled), "the first requests are refused"})
	}
	lines = append(lines, Line{after(f.At - settled), when + f.told()})
	return append(lines, steady(f))
}

// firstRefusal is the window in which the first request after the loss was
// refused. Where the breakers open in it, that comes first.
func firstRefusal(r *sim.Result) (core.Time, bool) {
	for i := range r.Windows {
		if w := &r.Windows[i]; w.From >= settled && w.Refused > 0 {
			return w.From, true
		}
	}
	return 0, false
}

// failed counts the attempts at a placement that failed and arrived before a time.
func failed(r *sim.Result, down *core.PlacementInfo, before core.Time) (n uint64) {
	for i := range r.Windows {
		for e := range r.Endpoints {
			if w := &r.Windows[i]; w.From <= before && r.Placements[r.Endpoints[e].Placement] == down.Name {
				n += w.Endpoints[e].Failures
			}
		}
	}
	return n
}

// moves says where the load of a lost placement goes, and how much that is.
func (t *Target) moves(down *core.PlacementInfo) string {
	to := t.takers(down)
	if to == "" {
		return "its requests have nowhere to go"
	}
	return fmt.Sprintf("its %d/s go to %s", t.share(t.Facts.Peak[down.Name].PerSecond), to)
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
	guests.Latency = latencyAt(t.Facts.Peak, f.Where)
	p, ok := find(&t.Spec, f.Where)
	if !ok || p.Limit.InFlight == 0 || f.shared {
		return nil
	}
	text := fmt.Sprintf("%s needs %d slots, %d of them for guests; it has %d", f.Where, t.inFlight(own)+t.inFlight(guests), t.inFlight(guests), p.Limit.InFlight)
	if g := p.Limit.Guests; g != 0 {
		text += fmt.Sprintf(", %d of them for guests", max(g, 0))
	}
	return []Line{{"", text}}
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
	text := partOf(sum.Refused, sum.Arrivals) + " of all requests refused"
	if own.Arrivals > 0 {
		text += ", " + partOf(own.Refused, own.Arrivals) + " of those at home in " + f.Where
	}
	return Line{"steady", text + "; promised: " + cmp.Or(f.Promised, "none refused")}
}

func partOf(n, all uint64) string {
	if all == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(all))
}
