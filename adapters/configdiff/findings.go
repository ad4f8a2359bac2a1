package configdiff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// findings says what a reviewer should read, section by section; Compare orders
// them by severity.
func (x *comparison) findings(r *Report) {
	r.mustFindings()
	r.guardFindings()
	r.keyFindings(x)
	r.routeFindings()
	r.capacityFindings()
	r.placementFindings()
	for _, s := range r.Settings {
		r.find(Note, "settings", fmt.Sprintf("%s: %s differ", s.Name, count(len(s.Settings), "setting")), "", s.Settings[0].NewAt)
	}
	if r.Effect == EffectSettings && len(r.Placements)+len(r.Tables) == 0 {
		r.find(Warning, "settings", "what decides differs, and nothing in this report says how", "report this: diff does not know a setting", nil)
	}
}

func (r *Report) mustFindings() {
	for i := range r.Must {
		p := &r.Must[i]
		switch {
		case p.New == BrokenNow:
			what := "broken by the new configuration"
			if p.Old == BrokenNow {
				what = "broken, as it was"
			}
			more := ""
			if len(p.Breaches) > 1 {
				more = fmt.Sprintf(" (and %d more)", len(p.Breaches)-1)
			}
			r.find(Broken, "must", fmt.Sprintf("must %s is %s: %s%s", p.Name, what, p.Breaches[0].What, more), p.Breaches[0].Hint, p.Breaches[0].At)
		case p.Old != NotThere && p.New == NotThere:
			r.find(Warning, "must", fmt.Sprintf("must %s is no longer promised: %s", p.Name, p.OldText), "", p.At)
		case p.Reworded:
			r.find(Warning, "must", fmt.Sprintf("must %s promises something else: %s; it was: %s", p.Name, p.NewText, p.OldText), "", p.At)
		case p.Old == BrokenNow:
			r.find(Note, "must", fmt.Sprintf("must %s was broken, and is not any more", p.Name), "", p.At)
		case p.Old == NotThere:
			r.find(Note, "must", fmt.Sprintf("must %s is new: %s", p.Name, p.NewText), "", p.At)
		}
	}
}

func (r *Report) guardFindings() {
	var beyond []string
	var at *Position
	for _, g := range r.Guards.Guards {
		if g.Beyond {
			beyond = append(beyond, fmt.Sprintf("%s (%s refuses over %d%%)", g.Text, g.Name, g.Percent))
			at = cmp.Or(at, g.At)
		}
	}
	if len(beyond) > 0 {
		r.find(Warning, "push_guards", "routers refuse this push: "+strings.Join(beyond, "; "), "if it is meant, mark it deliberate: "+r.Guards.Mark, at)
	}
}

func (r *Report) keyFindings(x *comparison) {
	for i := range r.Tables {
		k := &r.Tables[i]
		if k.Removed > 0 {
			r.find(Warning, "keys", fmt.Sprintf("table %s: %s gone%s", k.Table, countAre(k.Removed, "key"), x.afterwards(k.Table)), "", firstAt(k.RemovedFrom))
		}
		r.reroutedFinding(k)
		if k.RegionChanged > 0 {
			r.find(Warning, "keys", fmt.Sprintf("table %s: the region of %s changes: promises count by it", k.Table, count(k.RegionChanged, "key")), "", nil)
		}
		if k.Added > 0 {
			r.find(Note, "keys", fmt.Sprintf("table %s: %s new", k.Table, countAre(k.Added, "key")), "", firstAt(k.AddedTo))
		}
	}
	for i := range r.Routes {
		if k := r.Routes[i].Keys; k != nil {
			r.reroutedFinding(k)
			if k.Removed > 0 {
				r.find(Warning, "keys", fmt.Sprintf("route %s: %s of its table before not in its table now", k.Route, countAre(k.Removed, "key")), "", nil)
			}
		}
	}
}

func (r *Report) reroutedFinding(k *KeyChanges) {
	where := "table " + k.Table
	if k.Route != "" {
		where = "route " + k.Route + ", table " + k.Table
	}
	if k.Rerouted > 0 {
		text := fmt.Sprintf("%s: %s of %s (%s) get other candidates", where, thousands(k.Rerouted), count(k.Old, "key"), movedText(k.Moved, uint64(k.Rerouted), uint64(k.Old)))
		switch {
		case k.HomeMoved == k.Rerouted:
			text += ", all of them another home"
		case k.HomeMoved > 0:
			text += fmt.Sprintf(", %s of them another home", thousands(k.HomeMoved))
		default:
			text += "; every home stays: it shows only when a placement is down or full"
		}
		r.find(Warning, "keys", text, "", firstAt(k.Groups))
	}
	if k.ReasonChanged > 0 {
		r.find(Note, "keys", fmt.Sprintf("%s: X-Route-Reason of %s changes%s", where, count(k.ReasonChanged, "key"), reasons(k.Groups)), "", nil)
	}
}

// movedText is what moves of all keys; of a split key a part may.
func movedText(moved, keys, whole uint64) string {
	text := share(moved, whole*million)
	if moved != keys*million {
		text += " in all: of split keys a part moves"
	}
	return text
}

// reasons lists the changes of X-Route-Reason, each once.
func reasons(groups []KeyGroup) string {
	var out []string
	for i := range groups {
		if g := &groups[i]; g.OldReason != g.NewReason {
			if text := g.OldReason + " → " + g.NewReason; !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
	}
	if len(out) == 0 {
		return ""
	}
	return ": " + strings.Join(out, ", ")
}

func firstAt(groups []KeyGroup) *Position {
	if len(groups) == 0 || len(groups[0].Examples) == 0 {
		return nil
	}
	g := &groups[0]
	return cmp.Or(g.NewAt, g.Examples[0].NewAt, g.Examples[0].OldAt)
}

// afterwards says what becomes of keys that a table no longer has.
func (x *comparison) afterwards(table string) string {
	var out []string
	for _, route := range askedBy(x.new.Config, x.newRoutes, table) {
		text := "they go to " + unknownText(x.new.Config, &route.info) + ", reason default"
		if route.info.Unknown < 0 {
			text = fmt.Sprintf("they are refused with %d", route.info.Status)
		}
		if len(x.newRoutes) > 1 {
			text += " by route " + route.name
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		return "; no route asks this table"
	}
	return "; " + strings.Join(out, ", ")
}

func (r *Report) routeFindings() {
	for i := range r.Routes {
		c := &r.Routes[i]
		name := cmp.Or(c.Name, "the one route")
		switch c.What {
		case Added:
			r.find(Warning, "routes", fmt.Sprintf("route %s is new, in place %d: requests that it takes went elsewhere", name, c.NewPlace), "", nil)
		case Removed:
			r.find(Warning, "routes", fmt.Sprintf("route %s is gone: its requests take a later route, or none", name), "", nil)
		default:
			if c.OldUnknown != c.NewUnknown {
				r.find(Warning, "routes", fmt.Sprintf("route %s: unknown keys: %s; it was: %s", name, c.NewUnknown, c.OldUnknown), "", c.UnknownAt)
			}
			if c.Order {
				r.find(Warning, "routes", fmt.Sprintf("route %s stands in another order, place %d for %d: the first route that takes a request counts", name, c.NewPlace, c.OldPlace), "", nil)
			}
			for _, s := range c.Settings {
				if !strings.HasPrefix(s.Path, "unknown_key.") {
					r.find(Warning, "routes", fmt.Sprintf("route %s: %s: %s → %s", name, s.Path, orDash(s.Old), orDash(s.New)), "", cmp.Or(s.NewAt, s.OldAt))
				}
			}
		}
	}
}

func (r *Report) capacityFindings() {
	for i := range r.Capacity.Placements {
		c := &r.Capacity.Placements[i]
		if c.Worse {
			r.find(Warning, "capacity", capacityWorse(c), "", c.At)
		}
		if c.Stale {
			r.find(Warning, "capacity", fmt.Sprintf("facts.peak of %s is as before, though %s left and %s came: is it still true?", c.Placement, count(c.Left, "key"), thousands(c.Came)), "state the new peak: the arithmetic here counts with the old one", nil)
		}
	}
	if r.Capacity.Facts == "" && r.Effect != EffectNone {
		r.find(Note, "capacity", "nothing is said of capacity: neither side states facts.routers", "write facts: {routers: 8..16, peak: {cell-07: {requests: 600/s, latency: 50ms}}}", nil)
	}
}

// capacityWorse says what of a placement's load finds no room now, and did before.
func capacityWorse(c *CapacityChange) string {
	n := func(n int64) string { return thousands(int(n)) }
	var before struct{ short, left string }
	before.short, before.left = "a new placement", "a new placement"
	if c.Old != nil {
		before.short, before.left = n(short(c.Old))+" before", n(c.Old.Left)+" before"
	}
	var out []string
	if missing := short(c.New); missing > 0 {
		out = append(out, fmt.Sprintf("at its own peak %s of the %s that it has in flight at each router find no room (%s)", n(missing), n(c.New.InFlight), before.short))
	}
	if c.New.Left > 0 {
		out = append(out, fmt.Sprintf("with it down, nobody takes %s of the %s that it has in flight at each router (%s)", n(c.New.Left), n(c.New.InFlight), before.left))
	}
	return c.Placement + ": " + strings.Join(out, "; ")
}

func (r *Report) placementFindings() {
	many, told := r.shared()
	for i := range r.Placements {
		p := &r.Placements[i]
		same := ""
		if p.SameAs != "" {
			same = fmt.Sprintf("; it has the endpoints of %s: a new name is another placement, its breakers, health and counts begin anew", p.SameAs)
		}
		switch p.What {
		case Removed:
			r.find(Warning, "placements", fmt.Sprintf("placement %s is removed; it was the home of %s%s", p.Name, count(p.Keys, "key"), same), "", p.OldAt)
			continue
		case Added:
			r.find(Note, "placements", fmt.Sprintf("placement %s is new; it is the home of %s", p.Name, count(p.Keys, "key")), "", p.NewAt)
			continue
		}
		r.endpointFinding(p)
		if own := p.own(told); len(own) > 0 {
			r.find(Note, "placements", fmt.Sprintf("placement %s: %s", p.Name, settingsText(own)), "", cmp.Or(own[0].NewAt, own[0].OldAt))
		}
	}
	for _, s := range many {
		r.find(Note, "placements", fmt.Sprintf("%s: %s (%s)", count(len(s.placements), "placement"), settingsText([]Setting{s.setting}), names(s.placements)), "", cmp.Or(s.setting.NewAt, s.setting.OldAt))
	}
}

// settingsText lists some settings in one line.
func settingsText(list []Setting) string {
	const most = 4
	var out []string
	for i := range list[:min(len(list), most)] {
		s := &list[i]
		out = append(out, fmt.Sprintf("%s %s → %s", s.Path, orDash(s.Old), orDash(s.New)))
	}
	if len(list) > most {
		out = append(out, fmt.Sprintf("and %d more", len(list)-most))
	}
	return strings.Join(out, ", ")
}

func (r *Report) endpointFinding(p *PlacementChange) {
	n := map[string]int{}
	for _, e := range p.Endpoints {
		n[e.What]++
	}
	if len(p.Endpoints) == 0 {
		return
	}
	text := fmt.Sprintf("placement %s: %s added, %d removed, %d changed", p.Name, count(n[Added], "endpoint"), n[Removed], n[Changed])
	severity := Note
	if n[Removed] > 0 {
		severity = Warning
	}
	if p.Hash != nil && p.Hash.Keys > 0 {
		text += fmt.Sprintf("; %s of its %s (%s) go to another endpoint of it", thousands(p.Hash.Moved), count(p.Hash.Keys, "key"), share(uint64(p.Hash.Moved), uint64(p.Hash.Keys)))
	}
	r.find(severity, "endpoints", text, "", cmp.Or(p.Endpoints[0].NewAt, p.Endpoints[0].OldAt))
}
