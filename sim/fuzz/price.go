package fuzz

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/sim"
)

// price is what a change costs in the case of f, run again with the change as r.
func (t *Target) price(f *Finding, r *sim.Result) string {
	if r.Err != nil || len(r.Windows) == 0 {
		return ""
	}
	if f.Drill != nil {
		from := settled
		if d := f.Drill; d.Light() {
			from = t.judgedFrom(d) // what comes before is the fault itself
		}
		now, then := homeSince(r, f.Where, from), homeSince(&f.Result, f.Where, from)
		return fmt.Sprintf("%s of the requests to %s answered, before %s", partOf(now.OK, now.Arrivals), f.Where, partOf(then.OK, then.Arrivals))
	}
	down, lost := t.down(f)
	if !lost {
		before, after := total(&f.Result), total(r)
		return fmt.Sprintf("refused %s of all requests, before %s", partOf(after.Refused, after.Arrivals), partOf(before.Refused, before.Arrivals))
	}
	from := settled.Add(settling(&down))
	sum := since(r, from)
	of := func(name string) sim.PlacementCounts { return sum.Placements[slices.Index(r.Placements, name)] }
	home, guests := of(f.Where), of(down.Name)
	var text []string
	if home.Arrivals > 0 {
		text = append(text, "home refused "+partOf(home.Refused, home.Arrivals))
	}
	if f.Where != down.Name {
		text = append(text, "guests refused "+partOf(guests.Refused, guests.Arrivals))
	}
	for _, c := range down.Candidates[1:] {
		text = append(text, t.peak(r, int(c)))
	}
	return strings.Join(text, "; ")
}

// peak says how full placement c became.
func (t *Target) peak(r *sim.Result, c int) string {
	p := compiled(&t.Spec)[c]
	n, most := slices.Index(r.Placements, p.Name), 0
	for i := range r.Windows {
		most = max(most, r.Windows[i].Placements[n].PeakInFlight)
	}
	if p.Limit.InFlight == 0 {
		return fmt.Sprintf("%s peaks at %d in flight", p.Name, most)
	}
	return fmt.Sprintf("%s peaks at %d of %d", p.Name, most, p.Limit.InFlight)
}

func total(r *sim.Result) (sum sim.Counts) {
	for i := range r.Windows {
		sum.Arrivals, sum.Refused = sum.Arrivals+r.Windows[i].Arrivals, sum.Refused+r.Windows[i].Refused
	}
	return sum
}
