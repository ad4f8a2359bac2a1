package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lockstep/core"
)

// flight is a request that is in flight or waits.
type flight struct {
	step uint64
	id   [2]uint64
	name string // of the placement that it belongs to, "" for none
}

// flights are the requests in flight whose arrival was read.
type flights map[core.Handle]flight

// guestsOf counts the guests at a placement by the home that they came from,
// most first, and returns one of their handles.
func (fs flights) guestsOf(r *core.Router, placement int32) (from []share, one []core.Handle) {
	counts := map[string]int{}
	for h, f := range fs {
		a, ok := r.Attempt(h)
		if !ok || !a.Guest || r.Endpoint(a.Endpoint).Placement != placement {
			continue
		}
		counts[f.name]++
		one = append(one, h)
	}
	for name, n := range counts {
		from = append(from, share{name, n})
	}
	slices.SortFunc(from, func(a, b share) int { return cmp.Or(b.n-a.n, strings.Compare(a.name, b.name)) })
	slices.SortFunc(one, func(a, b core.Handle) int { return cmp.Compare(fs[b].step, fs[a].step) })
	return from, one
}

// share is how many came from one placement.
type share struct {
	name string
	n    int
}

// fromText says of guests where they came from. Those whose arrival was not
// read can only be of a placement that names this one as a fallback; if there is
// one such placement, it is that.
func fromText(r *core.Router, placement int32, guests int, from []share) string {
	known := 0
	for _, s := range from {
		known += s.n
	}
	if known < guests {
		if only := onlyHome(r, placement); only != "" {
			return " from " + only
		}
	}
	if len(from) == 1 && known >= guests {
		return " from " + from[0].name
	}
	var parts []string
	for i, s := range from {
		if i == 4 {
			parts = append(parts, fmt.Sprintf("and %d more placements", len(from)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%d from %s", s.n, s.name))
	}
	if known < guests && len(parts) > 0 {
		parts = append(parts, fmt.Sprintf("%d that came before what was read", guests-known))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// onlyHome is the one placement that sends guests to the given one, "" for none or several.
func onlyHome(r *core.Router, placement int32) (name string) {
	c, index := r.Config(), r.Placement(placement).Index
	for i := range c.Placements() {
		p := c.Placement(i)
		if i == index || !slices.Contains(p.Candidates, int32(index)) {
			continue
		}
		if name != "" {
			return ""
		}
		name = p.Name
	}
	return name
}
