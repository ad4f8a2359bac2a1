package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lockstep/core"
	"lockstep/traces/say"
)

const (
	shownMoments = 12               // of a time line, this request included
	together     = core.Second      // what happened to several endpoints of a placement within this is one line
	recent       = 60 * core.Second // what is over is still told for so long
)

// timeline picks from what happened up to a step what led to it: of the
// placements of interest, without what was over long before.
func (h *history) timeline(interest map[string]bool, upTo uint64, now core.Time, clock func(core.Time) string) []Moment {
	return shorten(merge(h.chosen(interest, upTo, now), clock))
}

func (h *history) chosen(interest map[string]bool, upTo uint64, now core.Time) []Moment {
	var list []Moment
	for _, m := range h.moments {
		if m.Step <= upTo && (m.Placement == "" || interest[m.Placement]) {
			list = append(list, m)
		}
	}
	slices.SortStableFunc(list, func(a, b Moment) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.At, b.At))
	})
	return relapses(withoutOver(list, now))
}

// withoutOver drops what ended before and led to nothing any more.
func withoutOver(list []Moment, now core.Time) []Moment {
	keep := make([]bool, len(list))
	over := map[string]bool{} // by endpoint, placement or kind, seen from the end
	for i := len(list) - 1; i >= 0; i-- {
		m := &list[i]
		old := now.Sub(m.At) > recent
		breaker, health := "b "+m.Placement+"/"+m.Endpoint, "h "+m.Placement+"/"+m.Endpoint
		switch m.Kind {
		case KindClosed:
			keep[i] = !over[breaker] && !old
			over[breaker] = over[breaker] || old
		case KindOpened, KindHalfOpened, KindFailure:
			keep[i] = !over[breaker]
		case KindHealthy:
			keep[i] = !over[health] && !old
			over[health] = over[health] || old
		case KindUnhealthy:
			keep[i] = !over[health]
		case KindPanicLeft:
			keep[i] = !over["p "+m.Placement] && !old
			over["p "+m.Placement] = over["p "+m.Placement] || old
		case KindPanic:
			keep[i] = !over["p "+m.Placement]
		case KindLimit: // the last one before this tells the limit
			keep[i] = !over["l "+m.Placement]
			over["l "+m.Placement] = true
		case KindRefusal, KindGuest:
			k := fmt.Sprint("e ", m.key)
			keep[i] = !over[k] && now.Sub(m.run.last) <= recent // the episode under way, or the last
			over[k] = true
		case KindDraining:
			keep[i] = true
		default: // a push that came long before is in the line on the configuration
			keep[i] = !old
		}
	}
	var out []Moment
	for i := range list {
		if keep[i] || list[i].Kind == KindGap && len(out) > 0 { // steps that are missing in the middle of it
			out = append(out, list[i])
		}
	}
	return out
}

// relapses keeps of a breaker that opens again and again the first time and the last.
func relapses(list []Moment) []Moment {
	opened := map[string]int{}
	for i := range list {
		if m := &list[i]; m.Kind == KindOpened {
			opened[m.Placement+"/"+m.Endpoint]++
		}
	}
	seen := map[string]int{}
	var out []Moment
	for _, m := range list {
		name := m.Placement + "/" + m.Endpoint
		total := opened[name]
		switch {
		case m.Kind == KindOpened:
			seen[name]++
			if n := seen[name]; n > 1 && n < total {
				continue
			} else if n > 1 {
				m.cause += fmt.Sprintf(", for the %s time", nth(n))
			}
		case total > 2 && (m.Kind == KindHalfOpened || m.Kind == KindFailure && seen[name] > 0) && seen[name] < total-1:
			continue
		}
		out = append(out, m)
	}
	return out
}

func nth(n int) string {
	switch n {
	case 2:
		return "second"
	case 3:
		return "third"
	}
	return fmt.Sprintf("%dth", n)
}

// merge writes the text of each moment; what happened to endpoints of one
// placement at nearly one time is one line.
func merge(list []Moment, clock func(core.Time) string) []Moment {
	var out []Moment
	gone := make([]bool, len(list))
	for i := range list {
		if gone[i] {
			continue
		}
		m := list[i]
		names := []string{m.Endpoint}
		if m.Endpoint != "" {
			for k := i + 1; k < len(list) && list[k].At.Sub(m.At) <= together; k++ {
				o := &list[k]
				if !gone[k] && o.Kind == m.Kind && o.Placement == m.Placement && !slices.Contains(names, o.Endpoint) && o.Endpoint != "" && o.class == m.class {
					names, gone[k] = append(names, o.Endpoint), true
					m.absorb(o)
				}
			}
		}
		m.Endpoint = strings.Join(names, ",")
		m.Text = m.text(who(m.Placement, names), clock)
		m.Time = clock(m.At)
		out = append(out, m)
	}
	return out
}

// absorb makes one line of two.
func (m *Moment) absorb(o *Moment) {
	m.short, m.several = m.short || o.short, true
	switch m.Kind {
	case KindFailure:
		m.Count += o.Count
	case KindOpened:
		m.Count += o.Count
		m.Until = max(m.Until, o.Until)
		if m.Count > 0 {
			m.cause = fmt.Sprintf(" after %s", say.Plural(int(m.Count), "failure"))
		}
	}
}

func who(placement string, names []string) string {
	const shown = 6
	if len(names) > shown {
		return fmt.Sprintf("%s/%s and %d more", placement, strings.Join(names[:shown], ","), len(names)-shown)
	}
	return placement + "/" + strings.Join(names, ",")
}

// shorten leaves out what is in the middle of a long time line.
func shorten(list []Moment) []Moment {
	const head = 4
	if len(list) < shownMoments {
		return list
	}
	skipped := len(list) - (shownMoments - 2)
	out := slices.Clone(list[:head])
	out = append(out, Moment{Kind: "more", Text: fmt.Sprintf("%s left out here", say.Plural(skipped, "moment"))})
	return append(out, list[head+skipped:]...)
}
