package fuzz

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// tellDrill is the story of a drill: the load before, what goes wrong, what the
// router does about it, and what is still wrong when it may no longer be.
func (t *Target) tellDrill(f *Finding) (lines []Line) {
	d := f.Drill
	if l, ok := t.loads()[f.Where]; ok && !d.Light() {
		lines = append(lines, Line{"before", t.loadLine(f.Where, l)})
	}
	moments := []moment{{settled, d.String()}}
	moments = append(moments, t.noticedBy(f)...)
	if d.For > 0 {
		moments = append(moments, moment{settled.Add(d.For), "it is mended"})
	}
	if at, ok := firstRefused(&f.Result, f.Where); ok && at < f.At {
		moments = append(moments, moment{at, f.Where + " refuses the first of its own requests"})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	for _, m := range moments {
		lines = append(lines, Line{after(m.at - settled), m.text})
	}
	lines = append(lines, Line{after(f.At - settled), "FAIL: " + f.told()})
	return append(lines, t.outcome(f))
}

// noticedBy is what breakers and health of the endpoints that failed did: each
// kind of change once, and the last opening with its number.
func (t *Target) noticedBy(f *Finding) (lines []moment) {
	r, d := &f.Result, f.Drill
	opened := map[int]int{}
	seen := map[core.DecisionKind]bool{}
	var last moment
	for _, x := range r.Transitions {
		id := &r.Endpoints[x.Endpoint]
		mine := r.Placements[id.Placement] == f.Where && (d.Endpoint == "" || d.Endpoint == id.Name || d.Endpoint == id.URL)
		if !mine || x.At < settled || x.At > f.At || x.Kind == core.NoteHalfOpened {
			continue
		}
		text := f.Where + " " + id.Name + " " + state(x.Kind)
		if x.Kind == core.NoteOpened {
			opened[x.Endpoint]++
			text += " until " + after(x.Until-settled)
			if n := opened[x.Endpoint]; n > 1 {
				last = moment{x.At, fmt.Sprintf("%s, for the %s time", text, ordinal(n))}
				continue
			}
		}
		if !seen[x.Kind] {
			seen[x.Kind] = true
			lines = append(lines, moment{x.At, text})
		}
	}
	if last.text != "" {
		lines = append(lines, last)
	}
	return lines
}

func ordinal(n int) string {
	switch {
	case n%10 == 1 && n%100 != 11:
		return fmt.Sprintf("%dst", n)
	case n%10 == 2 && n%100 != 12:
		return fmt.Sprintf("%dnd", n)
	case n%10 == 3 && n%100 != 13:
		return fmt.Sprintf("%drd", n)
	}
	return fmt.Sprintf("%dth", n)
}

// firstRefused is the window in which the first request of a home was refused after something went wrong.
func firstRefused(r *sim.Result, home string) (core.Time, bool) {
	n := slices.Index(r.Placements, home)
	for i := range r.Windows {
		if w := &r.Windows[i]; n >= 0 && w.From >= settled && w.Placements[n].Refused > 0 {
			return w.From, true
		}
	}
	return 0, false
}

// outcome is what became of the requests of the placement concerned since something went wrong.
func (t *Target) outcome(f *Finding) Line {
	sum := homeSince(&f.Result, f.Where, f.At)
	text := fmt.Sprintf("%s of the requests to %s are answered, %s refused", partOf(sum.OK, sum.Arrivals), f.Where, partOf(sum.Refused, sum.Arrivals))
	if f.Endpoint != "" {
		text += ", none by " + f.Endpoint
	}
	if left := sum.Failover[1] + sum.Failover[2] + sum.Failover[3] - min(sum.Refused, sum.Failover[1]+sum.Failover[2]+sum.Failover[3]); left > 0 {
		text += ", " + partOf(left, sum.Arrivals) + " served elsewhere"
	}
	return Line{"steady", text + "; promised: " + f.Promised}
}

// homeSince adds up what became of the requests of a home from a time to the end.
func homeSince(r *sim.Result, home string, from core.Time) (sum sim.PlacementCounts) {
	n := slices.Index(r.Placements, home)
	for i := range r.Windows {
		if w := &r.Windows[i]; n >= 0 && w.From >= from {
			p := &w.Placements[n]
			sum.Arrivals, sum.OK, sum.Refused = sum.Arrivals+p.Arrivals, sum.OK+p.OK, sum.Refused+p.Refused
			for k := range sum.Failover {
				sum.Failover[k] += p.Failover[k]
			}
		}
	}
	return sum
}
