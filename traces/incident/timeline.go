package incident

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lockstep/core"
	"lockstep/traces/say"
)

// Line is one line of the time line.
type Line struct {
	Time   string `json:"time"`
	Router string `json:"router"` // who saw it first, and how many others did
	Text   string `json:"text"`
	Step   uint64 `json:"step"` // at the router that saw it first

	at   int64
	kind Kind
	end  bool
}

// lead is how long before the window the time line begins.
const lead = 60 * int64(core.Second)

// pageLines and sortLines are how many lines are told in all, and of one kind.
const (
	pageLines = 40
	sortLines = 5
)

// group is one thing that mattered, seen by one router or several, once or
// again and again without a pause.
type group struct {
	Span
	first, last int64 // corrected
	routers     []int
	spans       int
	ended       int // the router that saw last of it
}

func (a *author) at(s *Span, t int64) int64 { return t + a.shift[s.Router] }

// gather folds the spans of the window and what led to it.
func (a *author) gather() {
	from, to := a.draft.from-lead, a.draft.to+int64(core.Second)
	var all []*Span
	for _, s := range a.surveys {
		for _, p := range s.list {
			last := p.Last
			if p.Open {
				last = s.latest
			}
			if a.at(p, p.First) < to && a.at(p, last) >= from {
				all = append(all, p)
			}
		}
	}
	slices.SortStableFunc(all, func(x, y *Span) int {
		return cmp.Or(cmp.Compare(a.at(x, x.First), a.at(y, y.First)), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Subject, y.Subject), cmp.Compare(x.Router, y.Router))
	})
	open := map[string]*group{}
	for _, p := range all {
		key := fmt.Sprint(p.Kind, "\x00", p.Subject, "\x00", p.Detail, "\x00", p.ReportedCause)
		switch p.Kind {
		case Adopted:
			if key = fmt.Sprint(p.Kind); p.Config != nil {
				key = fmt.Sprint(p.Kind, p.Config.Digest(), p.Origin, p.HasPrevious)
			}
		case Missing:
			key = fmt.Sprint(p.Kind, p.Router, p.FromStep)
		}
		first, last := a.at(p, p.First), a.at(p, p.Last)
		g := open[key]
		if g == nil || first-g.last > quiet && !g.Open || p.Kind == Adopted && slices.Contains(g.routers, p.Router) {
			g = &group{Span: *p, first: first, last: last}
			g.Count, g.Open = 0, false
			open[key] = g
			a.groups = append(a.groups, g)
		}
		g.spans++
		switch {
		case last > g.last:
			g.Cut, g.ended = p.Cut, p.Router
		case last == g.last && p.Cut:
			g.Cut, g.ended = true, p.Router
		}
		g.last, g.Count, g.Open, g.Before = max(g.last, last), g.Count+p.Count, g.Open || p.Open, g.Before && p.Before
		g.Peak, g.PeakGuests = maxPeak(g, p)
		if !slices.Contains(g.routers, p.Router) {
			g.routers = append(g.routers, p.Router)
		}
	}
}

func maxPeak(g *group, p *Span) (peak, guests int) {
	if p.Peak > g.Peak {
		return p.Peak, p.PeakGuests
	}
	return g.Peak, g.PeakGuests
}

// timeline writes the lines.
func (a *author) timeline() {
	var lines []Line
	told := map[Kind]int{}
	rest := map[Kind][]*group{}
	for _, g := range a.groups {
		if told[g.Kind]++; told[g.Kind] > sortLines && g.Kind != Missing {
			rest[g.Kind] = append(rest[g.Kind], g)
			continue
		}
		lines = append(lines, a.begins(g))
		if text := a.endText(g); text != "" && !g.Open {
			who := a.who(g)
			if g.Cut {
				who = a.surveys[g.ended].Name
			}
			lines = append(lines, Line{Router: who, Text: text, at: g.last, kind: g.Kind, end: true})
		}
	}
	for k := range kinds {
		if len(rest[k]) > 0 {
			lines = append(lines, a.folded(k, rest[k]))
			a.draft.Folded += len(rest[k]) - 1
		}
	}
	if d := a.draft; !d.Quiet && d.Over {
		lines = append(lines, Line{Text: "recovery: there is no sign of it after this", at: d.to - 1, kind: kinds, end: true})
	}
	slices.SortStableFunc(lines, func(x, y Line) int {
		return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.kind, y.kind), order(x.end, y.end), cmp.Compare(x.Text, y.Text))
	})
	if n := len(lines) - pageLines; n > 0 {
		slices.SortStableFunc(lines, func(x, y Line) int { return cmp.Compare(weight(&x), weight(&y)) })
		lines = lines[:pageLines]
		a.draft.Folded += n
		slices.SortStableFunc(lines, func(x, y Line) int { return cmp.Compare(x.at, y.at) })
	}
	for i := range lines {
		lines[i].Time = a.draft.clock.day(lines[i].at)
	}
	a.draft.Timeline = lines
}

// order puts what begins before what ends.
func order(x, y bool) int {
	switch {
	case x == y:
		return 0
	case y:
		return -1
	}
	return 1
}

// weight orders lines by what can be left out last.
func weight(l *Line) int {
	switch l.kind {
	case Missing, Adopted, Failing, BreakerOpen, Refusing, Bug, kinds:
		return 0
	case Retiring, LimitMoved, Capped:
		return 2
	}
	return 1
}

func (a *author) begins(g *group) Line {
	return Line{Router: a.who(g), Text: a.beginText(g), Step: g.Step, at: g.first, kind: g.Kind}
}

// who says which routers saw it.
func (a *author) who(g *group) string {
	name := a.surveys[g.Router].Name
	if n := len(g.routers) - 1; n > 0 {
		name += " and " + say.Plural(n, "other", "others")
	}
	return name
}

// folded is one line for several things of one kind.
func (a *author) folded(k Kind, list []*group) Line {
	last, count := list[0], uint64(0)
	for _, g := range list {
		count += g.Count
		if g.last > last.last {
			last = g
		}
	}
	what := say.Plural(len(list), "more of this sort", "more of this sort")
	return Line{
		Router: a.who(list[0]), Step: list[0].Step, at: list[0].first, kind: k,
		Text: fmt.Sprintf("%s: %s, %s in all, until %s", kindText(k), what, say.Plural(count, "time", "times"), a.draft.clock.day(last.last)),
	}
}

func kindText(k Kind) string {
	switch k {
	case Failing:
		return "endpoints that fail"
	case BreakerOpen:
		return "breakers that open"
	case Unhealthy:
		return "endpoints that fail their probes"
	case Guests:
		return "guests"
	case Full:
		return "placements at their limit"
	case Refusing:
		return "refusals"
	case Leaving:
		return "clients that leave"
	}
	return strings.ReplaceAll(k.String(), "_", " ")
}

// until says how often and how long a thing was seen.
func (a *author) until(g *group, noun string) string {
	if g.Count <= 1 {
		return ""
	}
	return fmt.Sprintf("; %s %s until %s", say.Count(g.Count), noun, a.draft.clock.day(g.last))
}

func roomText(g *group) string {
	if g.Limit == 0 {
		return fmt.Sprintf("%d in flight", g.Peak)
	}
	s := fmt.Sprintf("%d of %d in flight", g.Peak, g.Limit)
	if g.PeakGuests > 0 {
		s += fmt.Sprintf(", %d of them guests", g.PeakGuests)
	}
	return s
}

// beginText says what began.
func (a *author) beginText(g *group) string {
	if g.Before {
		return a.beforeText(g)
	}
	switch g.Kind {
	case Failing:
		return fmt.Sprintf("%s: first failure, %s%s", g.Subject, g.Detail, a.until(g, "such failures"))
	case BreakerOpen:
		by := ""
		if g.Streak > 0 {
			by = fmt.Sprintf(" after %s in a row, the first %s", say.Plural(g.Streak, "failure", "failures"), g.StreakClass)
		}
		return "breaker of " + g.Subject + " opens" + by + " (R6)"
	case Capped:
		return "breaker of " + g.Subject + " stays closed: too many of its placement are open (R6)" + a.until(g, "times")
	case Unhealthy:
		return g.Subject + " fails its active probes: unhealthy (R8)"
	case Panic:
		return g.Subject + " enters panic: too few of its endpoints are usable (R9)"
	case Guests:
		return fmt.Sprintf("first guest of %s at %s, because of %s (R3)%s", g.Subject, g.Detail, g.ReportedCause, a.until(g, "guests"))
	case Full:
		return g.Subject + " reaches its limit: " + roomText(g) + " (R5)" + a.until(g, "times the last slot was taken")
	case Refusing:
		return a.refusingText(g)
	}
	return a.otherText(g)
}

func (a *author) beforeText(g *group) string {
	switch g.Kind {
	case BreakerOpen:
		return "breaker of " + g.Subject + " is open already where the recording begins"
	case Unhealthy:
		return g.Subject + " is unhealthy already where the recording begins"
	case Panic:
		return g.Subject + " is in panic already where the recording begins"
	}
	return "draining already where the recording begins"
}

func (a *author) refusingText(g *group) string {
	switch {
	case g.Subject == "":
		return fmt.Sprintf("first request refused: %s%s", g.Detail, a.until(g, "such refusals"))
	case g.Detail == core.LimitReached.String():
		return fmt.Sprintf("first request refused at %s: %s, %s (R5)%s", g.Subject, g.Detail, roomText(g), a.until(g, "such refusals"))
	}
	return fmt.Sprintf("first request for %s refused: %s%s", g.Subject, g.Detail, a.until(g, "such refusals"))
}

// otherText is of what is no trouble by itself.
func (a *author) otherText(g *group) string {
	switch g.Kind {
	case Missing:
		return fmt.Sprintf("GAP: steps %s to %s are in no file, up to %s: nothing is known of them", say.Count(g.FromStep), say.Count(g.UpToStep), a.draft.clock.day(g.last))
	case Adopted:
		return a.adoptedText(g)
	case Nacked:
		s := "a push is refused: " + g.Detail
		if g.Epoch != (core.Epoch{}) {
			s = fmt.Sprintf("a push of epoch %s is refused: %s", epochText(g.Epoch), g.Detail)
		}
		if g.ReportedCause != "" {
			s += ", " + g.ReportedCause
		}
		return s + a.until(g, "such pushes")
	case ControlLost:
		return "the connection to the control plane is lost; no decision depends on it (R13)"
	case Draining:
		return "the router is told to drain: new requests are refused (R14)"
	case Leaving:
		return fmt.Sprintf("first client of %s leaves before it has its answer%s", cmp.Or(g.Subject, "the router"), a.until(g, "such clients"))
	case LimitMoved:
		return fmt.Sprintf("the adaptive limit of %s moves (R5)%s", g.Subject, a.until(g, "changes"))
	case Retiring:
		return say.Plural(g.Count, "endpoint leaves", "endpoints leave") + " the configuration (R12)"
	case Bug:
		return "BUG: a broken invariant of the router, " + g.Detail + a.until(g, "times")
	}
	return g.Kind.String()
}

func (a *author) adoptedText(g *group) string {
	s := "a configuration"
	if g.Config != nil {
		s = fmt.Sprintf("configuration %q", g.Config.Version())
	}
	if !g.HasPrevious {
		s = "the router starts with " + s
		s += fmt.Sprintf(" (epoch %s), from %s (R12)", epochText(g.Epoch), g.Origin)
	} else {
		s += fmt.Sprintf(" (epoch %s) comes into force, from %s (R12)", epochText(g.Epoch), g.Origin)
	}
	if len(g.routers) > 1 {
		s += fmt.Sprintf(", at %d routers by %s", len(g.routers), a.draft.clock.day(g.last))
	}
	return s
}

// cutText says what a recording that ends leaves open.
func (a *author) cutText(g *group) string {
	left := ""
	switch g.Kind {
	case BreakerOpen:
		left = "with the breaker of " + g.Subject + " open"
	case Unhealthy:
		left = "with " + g.Subject + " unhealthy"
	case Panic:
		left = "with " + g.Subject + " in panic"
	case Draining:
		left = "while the router drains"
	default:
		return ""
	}
	return fmt.Sprintf("the recording of %s ends, %s", a.surveys[g.ended].Name, left)
}

// endText says what ended, "" for what needs no line.
func (a *author) endText(g *group) string {
	if g.Cut {
		return a.cutText(g)
	}
	switch g.Kind {
	case BreakerOpen:
		if g.Count > uint64(len(g.routers)) {
			return fmt.Sprintf("breaker of %s closes, having opened %s (R6)", g.Subject, say.Plural(g.Count, "time", "times"))
		}
		return "breaker of " + g.Subject + " closes (R6)"
	case Unhealthy:
		return g.Subject + " passes its active probes again: healthy (R8)"
	case Panic:
		return g.Subject + " leaves panic (R9)"
	case ControlLost:
		return "the connection to the control plane is back"
	case Draining:
		return "drained (R14)"
	case Refusing:
		if g.Count > 1 {
			if g.Detail == core.LimitReached.String() {
				return fmt.Sprintf("last request refused at %s: %s", g.Subject, g.Detail)
			}
			return fmt.Sprintf("last request for %s refused: %s", cmp.Or(g.Subject, "the router"), g.Detail)
		}
	}
	return ""
}
