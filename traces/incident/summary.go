package incident

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/core"
	"lockstep/traces/say"
)

// trouble reports whether a kind can be the first cause of an incident by
// itself, rather than a change that may have led to one.
func (k Kind) trouble() bool {
	switch k {
	case Failing, BreakerOpen, Unhealthy, Panic, Refusing, Draining, Bug, Guests, Full, Leaving:
		return true
	}
	return false
}

// firstCause is the first sign of trouble in order of events, nil for none. In a
// window that was found, what went on before it began is usual here, and comes
// first only where nothing else is there; a state, such as an open breaker, is not.
func (a *author) firstCause() *group {
	if a.draft.Found {
		for i, g := range a.groups {
			if a.inside(g) && (g.Kind != Full || a.leads(i)) {
				return g
			}
		}
	}
	for _, g := range a.groups {
		if !g.Kind.trouble() || g.last < a.draft.from && !g.Open {
			continue
		}
		// That a placement is full, has guests, or is left by clients may be usual.
		if g.first >= a.draft.from || g.Kind != Full && g.Kind != Guests && g.Kind != Leaving {
			return g
		}
	}
	return nil
}

// inside reports whether a group is trouble that began in the window, or a state that reaches into it.
func (a *author) inside(g *group) bool {
	return g.Kind.trouble() && (g.first >= a.draft.from || g.Kind.state() && (g.last >= a.draft.from || g.Open))
}

// leads reports whether a placement that was full is what trouble began with:
// what comes next is that it refuses, or sends its own elsewhere.
func (a *author) leads(full int) bool {
	for _, g := range a.groups[full+1:] {
		if a.inside(g) && g.Kind != Full {
			return (g.Kind == Refusing || g.Kind == Guests) && g.Subject == a.groups[full].Subject
		}
	}
	return true
}

// changes are what was changed on purpose, or lost, shortly before a time.
func (a *author) changes(at int64) (out []*group) {
	for _, g := range a.groups {
		switch g.Kind {
		case Adopted, Nacked, ControlLost, Draining, Missing:
			if g.first <= at && g.first >= at-lead && (g.Kind != Adopted || g.HasPrevious) {
				out = append(out, g)
			}
		}
	}
	return out
}

// summarise writes the title and the three sentences.
func (a *author) summarise() {
	d := a.draft
	total := &d.Impact.Total
	if d.Quiet {
		d.Title = "Nothing out of the ordinary"
		d.Summary = []string{fmt.Sprintf("Nothing out of the ordinary from %s to %s: %s, none of them failed, was refused or went elsewhere, and no breaker, health or panic changed. How long answers took is not judged.",
			d.From, d.To, say.Plural(total.Requests, "request", "requests"))}
		if total.Hurt() > 0 || total.Elsewhere > 0 {
			d.Summary[0] = fmt.Sprintf("Nothing out of the ordinary from %s to %s: of %s %s failed, %s were refused and %s were served elsewhere, no more a second than three times what is usual in these recordings, and no breaker, health or panic changed. How long answers took is not judged.",
				d.From, d.To, say.Plural(total.Requests, "request", "requests"), say.Count(total.Failed), say.Count(total.Refused), say.Count(total.Elsewhere))
		}
		if a.holes() {
			d.Title = "Nothing out of the ordinary in what could be read, and not all could"
			d.Summary[0] += " That is of what could be read, and not all could: see what is not known."
		}
		return
	}
	cause := a.firstCause()
	d.Title = a.title(cause)
	d.Summary = []string{a.whatHappened(cause), a.toWhom(), a.whatCameFirst(cause)}
	if a.holes() {
		d.Summary = append(d.Summary, "Not all of the recordings is there or could be read: see what is not known.")
	}
}

// open reports whether a state of trouble lasts to the end of the recordings.
func (a *author) open() bool {
	for _, g := range a.groups {
		if g.Open && (g.Kind == BreakerOpen || g.Kind == Unhealthy || g.Kind == Panic) {
			return true
		}
	}
	return false
}

// holes reports whether some of the recordings is missing or could not be read.
func (a *author) holes() bool {
	for _, s := range a.surveys {
		if r := &s.report; len(r.Gaps) > 0 || r.Lost > 0 || len(r.Damage) > 0 || r.Divergence != nil {
			return true
		}
	}
	return false
}

func (a *author) title(cause *group) string {
	total := &a.draft.Impact.Total
	what := "Trouble"
	if cause != nil {
		what = causeText(cause)
	}
	if total.Hurt() == 0 {
		if gone := total.Client; gone > 0 && 20*gone > total.Requests {
			return fmt.Sprintf("%s; %s of %s ended by the client's own doing", what, say.Count(gone), say.Plural(total.Requests, "request", "requests"))
		}
		if total.Elsewhere > 0 {
			return fmt.Sprintf("%s; every request was answered, %s of them elsewhere", what, say.Count(total.Elsewhere))
		}
		return what + "; no request was hurt"
	}
	return fmt.Sprintf("%s; %s of %s %s not served", what, say.Count(total.Hurt()), say.Plural(total.Requests, "request", "requests"), were(total.Hurt()))
}

// causeText is the begin of a sentence about what came first.
func causeText(g *group) string {
	switch g.Kind {
	case Failing:
		return fmt.Sprintf("%s failed (%s)", g.Subject, g.Detail)
	case BreakerOpen:
		if g.Before {
			return "the breaker of " + g.Subject + " was open already where the recording begins"
		}
		return "the breaker of " + g.Subject + " opened"
	case Unhealthy:
		return g.Subject + " failed its active probes"
	case Panic:
		return g.Subject + " had too few usable endpoints"
	case Refusing:
		if g.Subject == "" {
			return fmt.Sprintf("requests were refused (%s)", g.Detail)
		}
		if g.Detail == core.LimitReached.String() {
			return fmt.Sprintf("%s was full and refused requests (%s)", g.Subject, g.Detail)
		}
		return fmt.Sprintf("requests for %s were refused (%s)", g.Subject, g.Detail)
	case Draining:
		return "a router drained"
	case Guests:
		return fmt.Sprintf("requests of %s went to %s (%s)", g.Subject, g.Detail, g.ReportedCause)
	case Full:
		return g.Subject + " reached its limit"
	case Leaving:
		return fmt.Sprintf("clients of %s left before they had their answers", cmp.Or(g.Subject, "the router"))
	}
	return "a broken invariant of the router"
}

// whatHappened is the first sentence: what, and for how long.
func (a *author) whatHappened(cause *group) string {
	d := a.draft
	var parts []string
	if cause != nil {
		parts = append(parts, causeText(cause))
	}
	add := func(text string) {
		if text != "" && !slices.Contains(parts, text) && len(parts) < 6 {
			parts = append(parts, text)
		}
	}
	add(a.others(cause, Failing, "failed too"))
	add(a.others(cause, Unhealthy, "failed active probes"))
	opened, breakers, cut := uint64(0), map[string]bool{}, false
	for _, g := range a.groups {
		if g.Kind == BreakerOpen && g != cause && g.first < d.to && (g.last >= d.from || g.Open) {
			opened += g.Count
			breakers[g.Subject] = true
			cut = cut || g.first < d.from || g.last > d.to // how often in the window is not known
		}
	}
	switch n := len(breakers); {
	case n == 1 && (cut || opened == 0):
		add("the breaker of " + names(breakers) + " was open")
	case n == 1:
		add("the breaker of " + names(breakers) + " opened" + times(opened))
	case n > 1:
		add(fmt.Sprintf("%d breakers were open", n))
	}
	if cause == nil || cause.Kind != Guests {
		add(a.guestsText())
	}
	for _, text := range a.refusals(cause) {
		add(text)
	}
	end := "After that there was no further sign of it."
	if !d.Over {
		end = "It was not over where the window ends."
		if left := a.latest() - d.to; d.Found && !a.open() {
			end = fmt.Sprintf("Whether it was over is not known: the recordings end %s after the last sign.", short(max(left, 0)))
		}
	}
	if len(parts) == 0 {
		parts = []string{"there were signs of trouble"}
	}
	return fmt.Sprintf("From %s to %s, for %s: %s. %s", d.From, d.To, short(d.Lasted), strings.Join(parts, "; "), end)
}

// others says how many more endpoints had trouble of a kind.
func (a *author) others(cause *group, k Kind, what string) string {
	set := map[string]bool{}
	for _, g := range a.groups {
		if g.Kind == k && (cause == nil || g.Subject != cause.Subject || k != cause.Kind && cause.Kind != Failing) && g.first < a.draft.to && (g.last >= a.draft.from || g.Open) {
			set[g.Subject] = true
		}
	}
	switch len(set) {
	case 0:
		return ""
	case 1, 2:
		return names(set) + " " + what
	}
	return fmt.Sprintf("%d other endpoints %s", len(set), what)
}

// guestsText says how many requests went elsewhere, from where and to whom.
func (a *author) guestsText() string {
	homes, hosts, all := map[string]bool{}, map[string]bool{}, uint64(0)
	for way, n := range a.tally.guests {
		homes[way[0]], hosts[way[1]] = true, true
		all += n
	}
	few := func(set map[string]bool) string {
		if len(set) > 3 {
			return fmt.Sprintf("%d placements", len(set))
		}
		return names(set)
	}
	if all == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %s went to %s", say.Plural(all, "request", "requests"), few(homes), few(hosts))
}

// refusals says how many requests were refused where and as what, the most first.
func (a *author) refusals(cause *group) (out []string) {
	count := a.tally.refusals
	all := slices.Collect(maps.Keys(count))
	slices.SortFunc(all, func(x, y refusal) int {
		return cmp.Or(cmp.Compare(count[y], count[x]), cmp.Compare(x.placement, y.placement), cmp.Compare(x.class, y.class))
	})
	for _, w := range all {
		if cause != nil && cause.Kind == Refusing && cause.Subject == w.placement && cause.Detail == w.class.String() {
			continue
		}
		at := ""
		if w.placement != "" {
			at = " at " + w.placement
		}
		out = append(out, fmt.Sprintf("%s refused%s (%s%s)", say.Plural(count[w], "request was", "requests were"), at, w.class, a.room(w)))
	}
	return out
}

// room says how full a placement was when it first refused for want of room.
func (a *author) room(w refusal) string {
	for _, g := range a.groups {
		if g.Kind == Refusing && g.Subject == w.placement && g.Detail == w.class.String() && g.Limit > 0 && g.Peak >= g.Limit {
			return ", first with " + roomText(g)
		}
	}
	return ""
}

func times(n uint64) string {
	if n <= 1 {
		return ""
	}
	return fmt.Sprintf(" %s times", say.Count(n))
}

func names(set map[string]bool) string {
	var all []string
	for name := range set {
		all = append(all, name)
	}
	slices.Sort(all)
	return list(all)
}

// list joins parts of a sentence.
func list(parts []string) string {
	n := len(parts)
	if n < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:n-1], ", ") + " and " + parts[n-1]
}

// toWhom is the second sentence.
func (a *author) toWhom() string {
	im := &a.draft.Impact
	t := &im.Total
	if t.Requests == 0 {
		return "No request arrived in that time."
	}
	if t.Hurt() == 0 {
		s := fmt.Sprintf("Of the %s that arrived in that time none failed and none was refused", say.Plural(t.Requests, "request", "requests"))
		if t.Elsewhere > 0 {
			s += fmt.Sprintf("; %s (%s) were served by another placement than their own", say.Count(t.Elsewhere), share(t.Elsewhere, t.Requests))
		}
		return s + gone(t) + "."
	}
	s := fmt.Sprintf("Of the %s that arrived in that time %s (%s) %s not served: %s failed and %s %s refused",
		say.Plural(t.Requests, "request", "requests"), say.Count(t.Hurt()), share(t.Hurt(), t.Requests), were(t.Hurt()), say.Count(t.Failed), say.Count(t.Refused), were(t.Refused))
	s += fmt.Sprintf("; %s of %s %s hit", say.Count(uint64(im.Hit)), say.Plural(im.Keys, "tenant", "tenants"), were(uint64(im.Hit)))
	if len(im.Tenants) > 0 {
		worst := im.Tenants[0]
		s += fmt.Sprintf(", most of all %s with %s of its %s", quoted(worst.Name), say.Count(worst.Hurt()), say.Count(worst.Requests))
	}
	return s + gone(t) + "."
}

func were(n uint64) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// gone says how many left or were wrong, where they are many.
func gone(t *Row) string {
	if 100*t.Client < t.Requests {
		return ""
	}
	return fmt.Sprintf("; %s (%s) ended by the client's own doing: it left before its answer, or its request was wrong", say.Count(t.Client), share(t.Client, t.Requests))
}

// whatCameFirst is the third sentence.
func (a *author) whatCameFirst(cause *group) string {
	if cause == nil {
		return "What came first is not in the recordings."
	}
	clock := a.draft.clock
	s := fmt.Sprintf("First in order of events: %s, at %s (%s, step %s)", causeText(cause), clock.day(cause.first), a.surveys[cause.Router].Name, say.Count(cause.Step))
	if cause.first < a.draft.from {
		s += ", before this window begins"
	}
	for _, g := range a.changes(cause.first) {
		if g != cause {
			s += fmt.Sprintf("; %s before that, %s", short(cause.first-g.first), a.beginText(g))
		}
	}
	return s + ". That is the order of events, which is not proof of cause."
}

// quoted prints a routing key.
func quoted(key string) string {
	if key == "" {
		return "(no key)"
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == '|' || r == '`' }) {
		return fmt.Sprintf("%q", key)
	}
	return key
}
