package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/core"
	"lockstep/traces/say"
)

// totals count everything that is shown, whether or not it is kept one by one.
type totals struct {
	requests  uint64
	kinds     [kinds]uint64
	classes   map[core.Class]uint64
	rejects   map[core.Class]uint64 // of those, the router's own refusals
	first     *row                  // that failed or was refused
	statuses  map[uint16]uint64
	opened    int
	unhealthy int
	adopted   int
	nacks     int
}

func (t *totals) add(w *row, kind int) {
	t.requests++
	t.kinds[kind]++
	if t.classes == nil {
		t.classes, t.rejects, t.statuses = map[core.Class]uint64{}, map[core.Class]uint64{}, map[uint16]uint64{}
	}
	t.statuses[w.status]++
	if w.class == core.ClassNone {
		return
	}
	t.classes[w.class]++
	if (kind == kindRefused || kind == kindFailed) && (t.first == nil || w.time < t.first.time) {
		first := *w
		t.first = &first
	}
}

// bad is how many clients did not get what they asked for, for a reason of the service.
func (t *totals) bad() uint64 { return t.kinds[kindRefused] + t.kinds[kindFailed] }

// className is what the page calls the class of a row.
func className(c core.Class) string {
	switch c {
	case core.ClassNone:
		return "served"
	case classPending, classFlying:
		return "unfinished"
	case classLost:
		return "end not recorded"
	}
	return c.String()
}

// summary is what the recording shows, in a few sentences, the worst first.
func (r *Router) summary() (lines []string) {
	t := &r.totals
	if t.requests == 0 {
		return []string{"No request came in this time."}
	}
	if t.bad() == 0 {
		lines = append(lines, fmt.Sprintf("Every one of the %s that ended was served.", say.Plural(t.requests-t.kinds[kindOther], "request")))
	} else {
		lines = append(lines, fmt.Sprintf("%s of %s got no good answer (%s): %s.",
			say.Count(t.bad()), say.Plural(t.requests, "request"), percent(t.bad(), t.requests), r.classList()))
	}
	if w := t.first; w != nil {
		lines = append(lines, fmt.Sprintf("The first arrived at %s: %s%s (step %s).", r.clock(w.time), className(w.class), r.whereText(w), say.Count(w.step)))
	}
	if n := t.kinds[kindElsewhere]; n > 0 {
		lines = append(lines, fmt.Sprintf("%s by another placement than %s.", say.Plural(n, "request was served", "requests were served"), pick(n, "its home", "their home")))
	}
	lines = append(lines, r.troubles()...)
	if t.adopted > 0 || t.nacks > 0 {
		line := say.Plural(uint64(t.adopted), "configuration") + " adopted"
		if t.nacks > 0 {
			line += ", " + say.Plural(uint64(t.nacks), "push", "pushes") + " refused"
		}
		lines = append(lines, line+".")
	}
	return lines
}

// classList names the classes that failed, the most frequent first.
func (r *Router) classList() string {
	type count struct {
		class core.Class
		n     uint64
	}
	var list []count
	for c, n := range r.totals.classes {
		if c != core.ClientGone && c < classPending {
			list = append(list, count{c, n})
		}
	}
	slices.SortFunc(list, func(a, b count) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.class, b.class)) })
	var parts []string
	for i, c := range list {
		if i == 4 {
			parts = append(parts, fmt.Sprintf("and %d classes more", len(list)-i))
			break
		}
		parts = append(parts, say.Count(c.n)+" "+className(c.class))
	}
	return strings.Join(parts, ", ")
}

// whereText says where a request ended.
func (r *Router) whereText(w *row) string {
	switch {
	case w.endpoint >= 0:
		return " at " + r.endName(w.endpoint)
	case w.place >= 0:
		return " at " + r.places[w.place].name
	}
	return ""
}

// troubles tells what happened to endpoints and limits.
func (r *Router) troubles() (lines []string) {
	opened := r.which(func(e *endpoint) bool { return has(e.changes, func(s uint8) bool { return s&3 == stateOpen }) })
	if r.totals.opened > 0 {
		lines = append(lines, fmt.Sprintf("Breakers opened %s: %s.", times(r.totals.opened), opened))
	}
	if r.totals.unhealthy > 0 {
		sick := r.which(func(e *endpoint) bool { return has(e.changes, func(s uint8) bool { return s&stateUnhealthy != 0 }) })
		lines = append(lines, fmt.Sprintf("Health checks failed an endpoint %s: %s.", times(r.totals.unhealthy), sick))
	}
	var full, guests []string
	for i := range r.places {
		p := &r.places[i]
		if top := p.track.guests(); top.cap > 1 && top.guests+1 >= top.cap {
			guests = append(guests, fmt.Sprintf("%s (%d of %d)", p.name, top.guests, top.cap-1))
		}
		if top, ok := p.track.full(); ok {
			text := fmt.Sprintf("%s (%d of %d", p.name, top.total, top.limit)
			if top.guests > 0 {
				text += fmt.Sprintf(", %d of them guests", top.guests)
			}
			full = append(full, text+")")
		}
	}
	if len(full) > 0 {
		lines = append(lines, fmt.Sprintf("At %s: %s.", pick(uint64(len(full)), "its limit", "their limits"), some(full)))
	}
	if len(guests) > 0 {
		lines = append(lines, fmt.Sprintf("As many guests as it takes: %s.", some(guests)))
	}
	return lines
}

// guests returns the moment with most guests.
func (t *track) guests() (top level) {
	for _, l := range t.bins {
		if l.total != absent && l.guests > top.guests {
			top = l
		}
	}
	return top
}

// full returns the worst moment at which a placement was at its limit.
func (t *track) full() (top level, ok bool) {
	for _, l := range t.bins {
		if l.total != absent && l.limit > 0 && l.total >= l.limit && (!ok || l.guests > top.guests) {
			top, ok = l, true
		}
	}
	return top, ok
}

// which lists the endpoints that are so.
func (r *Router) which(is func(*endpoint) bool) string {
	var names []string
	for i := range r.endpoints {
		if is(&r.endpoints[i]) {
			names = append(names, r.endName(int32(i)))
		}
	}
	return some(names)
}

func has(changes []change, is func(uint8) bool) bool {
	return slices.ContainsFunc(changes, func(c change) bool { return is(c.state) })
}

// some joins names, of many the first few.
func some(names []string) string {
	const few = 5
	if len(names) > few+1 {
		return strings.Join(names[:few], ", ") + fmt.Sprintf(" and %d others", len(names)-few)
	}
	return strings.Join(names, ", ")
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return say.Count(uint64(n)) + " times"
}

// clock prints a time: of day in UTC, or since the origin if that is not known.
func (r *Router) clock(t core.Time) string {
	if r.header.Origin == 0 {
		return fmt.Sprintf("+%.3fs", float64(t)/1e9)
	}
	return time.Unix(0, r.header.Origin+int64(t)).UTC().Format("15:04:05.000")
}

func percent(n, of uint64) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(of, 1))) }

func pick(n uint64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
