package incident

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"lockstep/core"
	"lockstep/traces/say"
)

// impact turns the counts into what is printed.
func (a *author) impact() {
	t, im, clock := a.tally, &a.draft.Impact, a.draft.clock
	for _, s := range a.surveys {
		a.draft.Routers = append(a.draft.Routers, Router{
			Name: s.Name, Path: s.Path, First: clock.full(s.first), Last: clock.full(s.latest), Requests: s.requests, Steps: s.steps,
		})
	}
	finish := func(r *Row) {
		if r.Hurt() > 0 {
			r.First, r.Last = clock.day(r.first), clock.day(r.last)
		}
		r.Classes = map[string]uint64{}
		for _, c := range r.classes {
			r.Classes[c.class.String()] += c.n
		}
	}
	rows := t.hardest()
	im.Total, im.Beyond, im.Keys = t.total, t.beyond, len(rows)
	im.Total.Name = "all"
	finish(&im.Total)
	for i, r := range rows {
		if r.Hurt() > 0 {
			im.Hit++
		}
		if i >= a.options.Top {
			im.Rest.merge(r)
			im.RestCount++
			continue
		}
		if a.options.LabelsOf != nil {
			r.Labels = a.options.LabelsOf(r.Name)
		}
		finish(r)
		im.Tenants = append(im.Tenants, r)
	}
	im.Rest.merge(&t.rest)
	im.Rest.Name = "the rest"
	finish(&im.Rest)
	im.Placements = slices.Collect(maps.Values(t.places))
	slices.SortFunc(im.Placements, func(x, y *Place) int { return cmp.Compare(x.Name, y.Name) })
	for _, p := range im.Placements {
		finish(&p.Row)
	}
	for status, n := range t.status {
		im.Statuses = append(im.Statuses, Status{status, n})
	}
	slices.SortFunc(im.Statuses, func(x, y Status) int { return cmp.Compare(x.Status, y.Status) })
}

// pushes writes what is known of the configurations in force. What several
// routers did alike is told once.
func (a *author) pushes() {
	type key struct{ config, previous uint64 }
	digest := func(c *core.Config) uint64 {
		if c == nil {
			return 0
		}
		return c.Digest()
	}
	all := slices.Clone(a.tally.pushes)
	slices.SortStableFunc(all, func(x, y *Push) int {
		return cmp.Or(cmp.Compare(x.at+a.shift[x.router], y.at+a.shift[y.router]), cmp.Compare(x.router, y.router))
	})
	first := map[key]*Push{}
	for _, p := range all {
		k := key{digest(p.span.Config), digest(p.span.Previous)}
		if f := first[k]; f != nil && f.First == p.First {
			f.join(p)
			continue
		}
		p.Time, p.Routers = a.draft.clock.day(p.at+a.shift[p.router]), 1
		first[k] = p
		a.draft.Pushes = append(a.draft.Pushes, p)
	}
	for _, p := range a.draft.Pushes {
		p.Text = p.say()
	}
}

// join adds what the same push did at another router.
func (p *Push) join(o *Push) {
	p.Routers++
	p.Refused, p.Moved, p.Tried = p.Refused+o.Refused, p.Moved+o.Moved, p.Tried+o.Tried
	p.Changed, p.Served, p.SentHome, p.Worse = p.Changed+o.Changed, p.Served+o.Served, p.SentHome+o.SentHome, p.Worse+o.Worse
}

// say judges a push in one sentence.
func (p *Push) say() string {
	where := p.Router
	if p.Routers > 1 {
		where = fmt.Sprintf("%s and %s", p.Router, say.Plural(p.Routers-1, "other", "others"))
	}
	name := fmt.Sprintf("The push of %s (%q, epoch %s, at %s)", p.Time, p.Version, p.Epoch, where)
	switch {
	case p.First:
		return fmt.Sprintf("%q (epoch %s) was the first configuration of %s, adopted %s from %s: there is none before it to compare with.", p.Version, p.Epoch, where, p.Time, p.Origin)
	case p.Refused+p.Moved == 0:
		return name + " was followed by no refusal and no failover in the window."
	case !p.Known:
		return name + " came after a configuration that is not in the recording: whether it mattered cannot be told."
	}
	of := fmt.Sprintf("the %s of the window that were refused (%s) or went elsewhere (%s) under it", say.Plural(p.Refused+p.Moved, "request", "requests"), say.Count(p.Refused), say.Count(p.Moved))
	if p.Tried < p.Refused+p.Moved {
		of = fmt.Sprintf("%s, taken evenly, of %s", say.Count(p.Tried), of)
	}
	if p.Changed == 0 {
		return fmt.Sprintf("%s did not change these decisions: of %s, each is decided the same under %q, in the state in which it was decided.", name, of, p.Previous)
	}
	s := fmt.Sprintf("%s did change decisions: of %s, %s would have been decided otherwise under %q, each in the state in which it was decided", name, of, say.Count(p.Changed), p.Previous)
	if p.Served > 0 {
		s += fmt.Sprintf("; %s that were refused would have been sent to an endpoint", say.Count(p.Served))
	}
	if n := p.Changed - p.Served - p.SentHome - p.Worse; n > 0 {
		s += fmt.Sprintf("; %s would have been refused for another reason, or sent elsewhere than they were", say.Count(n))
	}
	if p.SentHome > 0 {
		s += fmt.Sprintf("; %s that went elsewhere would have gone to their own placement", say.Count(p.SentHome))
	}
	if p.Worse > 0 {
		s += fmt.Sprintf("; %s that went elsewhere would have been refused", say.Count(p.Worse))
	}
	return s + "."
}

// late is how much of a window a recording may lack and not be told of: a
// router that has nothing to do records nothing.
const late = 5 * int64(core.Second)

// unknown lists what the recordings do not tell.
func (a *author) unknown() {
	d := a.draft
	add := func(format string, args ...any) { d.Unknown = append(d.Unknown, fmt.Sprintf(format, args...)) }
	for i, s := range a.surveys {
		r := &s.report
		for _, g := range r.Gaps {
			add("%s: a GAP of %s from step %s on (%s). What happened in it is not counted.", s.Name, say.Plural(g.Steps, "step", "steps"), say.Count(g.Step), g.Why)
		}
		if r.Lost > 0 {
			add("%s: %s lie between those that could be read and are in no file.", s.Name, say.Plural(r.Lost, "step", "steps"))
		}
		for n, err := range r.Damage {
			if n == 3 {
				add("%s: and %d more damaged parts; lockstep verify lists them.", s.Name, len(r.Damage)-n)
				break
			}
			add("%s: DAMAGE: %v", s.Name, err)
		}
		if r.Divergence != nil {
			add("%s: replay stopped at a DIVERGENCE at step %s; nothing after it is told, and what is told may be wrong. lockstep replay says more.", s.Name, say.Count(r.Divergence.Step))
		}
		for _, spec := range r.Specs {
			add("%s was recorded under version %s of the rules.", s.Name, spec)
		}
		if first := s.first + a.shift[i]; first > d.from+late {
			add("%s: its recording begins at %s, after the window does.", s.Name, d.clock.full(first))
		}
		if last := s.latest + a.shift[i]; last < d.to-late {
			add("%s: its recording ends at %s, before the window does.", s.Name, d.clock.full(last))
		}
		if s.dropped > 0 {
			add("%s: %s did not fit into the time line.", s.Name, say.Plural(s.dropped, "event", "events"))
		}
	}
	if n := d.Impact.Total.Unknown; n > 0 {
		add("How %s of the window ended: still in flight where the recording ends, or their end is among what is missing.", say.Plural(n, "request", "requests"))
	}
	if n := d.Impact.Beyond; n > 0 {
		add("Tenants are counted one by one up to %s; %s of others are among the rest.", say.Count(mostKeys), say.Plural(n, "request", "requests"))
	}
	add("Not recorded: paths, queries, headers, bodies, who sent a request, and what happened inside the endpoints or before requests reached a router.")
}

// questions are those that the recordings raise and cannot answer.
func (a *author) questions() {
	d := a.draft
	if d.Quiet {
		return
	}
	add := func(format string, args ...any) { d.Questions = append(d.Questions, fmt.Sprintf(format, args...)) }
	if cause := a.firstCause(); cause != nil {
		switch cause.Kind {
		case Failing, BreakerOpen, Unhealthy, Panic:
			add("Why did %s fail at %s? The routers saw that it did, not why.", cause.Subject, d.clock.day(cause.first))
		case Refusing, Full, Guests:
			add("Why did so much come for %s at %s, or stay so long?", cmp.Or(cause.Subject, "the router"), d.clock.day(cause.first))
		}
		if len(a.changes(cause.first)) > 0 {
			add("Were the changes shortly before it related to it?")
		}
	}
	if d.Impact.Total.Hurt() > 0 {
		add("Who noticed, when, and by what? The first request that was not served arrived at %s.", d.Impact.Total.First)
	}
	for _, g := range a.groups {
		if g.Kind == BreakerOpen && !g.Open && !g.Cut && !g.Before {
			add("What mended %s before %s?", g.Subject, d.clock.day(g.last))
			break
		}
	}
	if !d.Over {
		add("When and how did it end? The window ends before it does.")
	}
}
