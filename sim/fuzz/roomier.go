package fuzz

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lockstep/core"
)

// roomier lists what gives the load of a lost placement room: fewer guests, a
// larger limit, a further fallback.
func (t *Target) roomier(f *Finding) (list []Change) {
	tight, ok := find(&t.Spec, f.Where)
	down, lost := t.down(f)
	if !ok || !lost || f.shared {
		return nil
	}
	own, most := t.inFlight(t.Facts.Peak[tight.Name]), t.mostGuests(&tight)
	own, most = own+unevenness(own), most+unevenness(most)
	room := int64(tight.Limit.InFlight)
	keep := func(*core.PlacementSpec) {}
	capped := ""
	if free := room - own; room > 0 && free > 0 && own > 0 && tight.Name != down.Name {
		if tight.Limit.Guests == 0 || int64(tight.Limit.Guests) > free {
			keep, capped = func(p *core.PlacementSpec) { p.Limit.Guests = int32(free) }, fmt.Sprintf("%s limit.guests: %d", tight.Name, free)
			list = append(list, Change{Text: capped, apply: setting(tight.Name, keep)})
		}
	}
	if c := larger(&tight, own+most, most); c.Text != "" && !strings.HasSuffix(f.Key, ".fallback") {
		list = append(list, c)
	}
	for _, next := range t.spare(&down) {
		text := fmt.Sprintf("%s fallback: +%s", down.Name, next)
		if capped != "" {
			text = "A and " + text
		}
		appended := setting(down.Name, func(p *core.PlacementSpec) { p.Fallback = append(slices.Clone(p.Fallback), next) })
		list = append(list, Change{Text: text, apply: func(s *core.Spec) {
			setting(tight.Name, keep)(s)
			appended(s)
		}})
	}
	return list
}

// unevenness is the room that n requests in flight on average need beside: they
// do not arrive and end in step.
func unevenness(n int64) int64 { return n/20 + min(n, 1) }

// larger gives p room for all that it may have to take, and its cap on guests,
// if any; the zero Change when it has that room.
func larger(p *core.PlacementInfo, all, guests int64) Change {
	var text []string
	if p.Limit.InFlight > 0 && int64(p.Limit.InFlight) < all {
		text = append(text, fmt.Sprintf("limit.in_flight: %d", all))
	}
	if p.Limit.Guests != 0 && int64(p.Limit.Guests) < guests {
		text = append(text, fmt.Sprintf("limit.guests: %d", guests))
	}
	if len(text) == 0 {
		return Change{}
	}
	return Change{Text: p.Name + " " + strings.Join(text, ", "), apply: setting(p.Name, func(s *core.PlacementSpec) {
		if s.Limit.InFlight > 0 {
			s.Limit.InFlight = int32(max(int64(s.Limit.InFlight), all))
		}
		if s.Limit.Guests != 0 {
			s.Limit.Guests = int32(max(int64(s.Limit.Guests), guests))
		}
	})}
}

// mostGuests is the largest load, in flight, that the loss of one placement
// sends to p: a guest lasts as long as the requests at home.
func (t *Target) mostGuests(p *core.PlacementInfo) (most int64) {
	all := compiled(&t.Spec)
	for i := range all {
		q := &all[i]
		if q.Name == p.Name || len(q.Candidates) < 2 || all[q.Candidates[1]].Name != p.Name {
			continue
		}
		l := t.Facts.Peak[q.Name]
		l.Latency = latencyAt(t.Facts.Peak, p.Name)
		most = max(most, t.inFlight(l))
	}
	return most
}

// maxSpare is how many further fallbacks are tried.
const maxSpare = 2

// spare lists the placements that are not yet a fallback of p and have the most free room.
func (t *Target) spare(p *core.PlacementInfo) (names []string) {
	all := compiled(&t.Spec)
	free := map[string]int64{}
	for i := range all {
		if slices.ContainsFunc(p.Candidates, func(c int32) bool { return int(c) == i }) {
			continue
		}
		if t.MayServe != nil && !t.MayServe(p.Name, all[i].Name) {
			continue
		}
		room := int64(1) << 40 // no limit
		if n := int64(all[i].Limit.InFlight); n > 0 {
			room = n - t.inFlight(t.Facts.Peak[all[i].Name])
		}
		if room > 0 && all[i].Limit.Guests >= 0 {
			free[all[i].Name] = room
			names = append(names, all[i].Name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(free[b], free[a]) })
	return names[:min(len(names), maxSpare)]
}
