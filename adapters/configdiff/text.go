package configdiff

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Bounds of the text; JSON has more.
const (
	maxShown = 20  // groups of a table, things that golden requests do not exercise
	maxLines = 400 // of one section
)

// section is one titled part of the text.
type section struct {
	title string
	lines []string
}

func (s *section) add(format string, args ...any) {
	s.lines = append(s.lines, clean(fmt.Sprintf(format, args...)))
}

// Text writes the report for a terminal.
func (r *Report) Text(w io.Writer) {
	verdict := "OK"
	if !r.Passed() {
		verdict = "FAIL"
	}
	fmt.Fprintf(w, "%s  %s\n", verdict, clean(r.headline()))
	fmt.Fprintf(w, "    old  %s\n    new  %s\n", clean(r.Old.text()), clean(r.New.text()))
	r.textFindings(w)
	for _, s := range r.sections() {
		fmt.Fprintf(w, "\n%s\n", s.title)
		for i, line := range s.lines {
			if i == maxLines {
				fmt.Fprintf(w, "  and %s more; --json has all\n", count(len(s.lines)-i, "line"))
				break
			}
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
}

// maxAlike bounds the findings of one severity about one thing that are written
// one by one; what is broken is never left out.
const maxAlike = 10

func (r *Report) textFindings(w io.Writer) {
	type kind struct {
		severity Severity
		about    string
	}
	seen := map[kind]int{}
	for i := range r.Findings {
		f := &r.Findings[i]
		id := kind{f.Severity, f.About}
		if seen[id]++; seen[id] > maxAlike && f.Severity != Broken {
			continue
		}
		fmt.Fprintf(w, "\n%s: %s\n", f.Severity, clean(f.text()))
		if f.Hint != "" {
			fmt.Fprintf(w, "  hint: %s\n", clean(f.Hint))
		}
	}
	for _, severity := range []Severity{Warning, Note} {
		for _, about := range slices.Sorted(maps.Keys(abouts(r.Findings))) {
			if more := seen[kind{severity, about}] - maxAlike; more > 0 {
				fmt.Fprintf(w, "\n%s: %s more about %s: see below, or --json\n", severity, thousands(more), about)
			}
		}
	}
}

func abouts(list []Finding) map[string]bool {
	out := map[string]bool{}
	for i := range list {
		out[list[i].About] = true
	}
	return out
}

func (f *Finding) text() string {
	if f.At == nil {
		return f.Text
	}
	return f.Text + "   " + f.At.String()
}

func (s *SideInfo) text() string {
	return fmt.Sprintf("%s   %s form, version %s: %s, %s, %s, %s", s.File, s.Form, s.Version,
		count(s.Routes, "route"), count(s.Placements, "placement"), count(s.Endpoints, "endpoint"), count(s.Keys, "key"))
}

// headline is the report in one sentence.
func (r *Report) headline() string {
	switch r.Effect {
	case EffectNone:
		if r.outside() {
			return "no decision changes: the digests are equal; what differs is never served from"
		}
		return "no decision changes: the digests are equal"
	case EffectNoDecision:
		return "no decision changes: everything that decides is equal; labels, connections or push guards differ"
	case EffectSettings:
		return "every key keeps its candidates; settings change that decide when a candidate is left, or which endpoint serves"
	}
	moved, _ := r.rerouted()
	keys, whole := r.measure(func(k *KeyChanges) uint64 { return uint64(k.Rerouted) })
	gone, _ := r.removed()
	text := fmt.Sprintf("%s of %s (%s) get other candidates, %s removed", thousands(int(keys)), count(int(whole), "key"), movedText(moved, keys, whole), thousands(int(gone)))
	added := 0
	for i := range r.Tables {
		added += r.Tables[i].Added
	}
	text += fmt.Sprintf(", %s added", thousands(added))
	if n := len(r.Routes); n > 0 {
		text += "; " + count(n, "route") + " differ"
		if n == 1 {
			text += "s"
		}
	}
	return text
}

// outside reports whether something differs that is outside the digest.
func (r *Report) outside() bool {
	if len(r.Settings)+len(r.Placements)+len(r.Tables) > 0 {
		return true
	}
	for i := range r.Must {
		if p := &r.Must[i]; p.Reworded || p.Old != p.New {
			return true
		}
	}
	return false
}

// sections are the details, the ones that matter most first; those without lines are left out.
func (r *Report) sections() (out []section) {
	for _, s := range []section{
		r.expectSection(), r.mustSection(), r.guardSection(), r.keySection(), r.routeSection(), r.capacitySection(),
		r.placementSection(), r.endpointSection(), r.settingSection(), r.gateSection(),
	} {
		if len(s.lines) > 0 {
			out = append(out, s)
		}
	}
	return out
}

func (r *Report) keySection() section {
	s := section{title: "Keys"}
	for i := range r.Tables {
		r.Tables[i].lines(&s)
	}
	for i := range r.Routes {
		if k := r.Routes[i].Keys; k != nil {
			k.lines(&s)
		}
	}
	return s
}

func (k *KeyChanges) lines(s *section) {
	of := "table " + k.Table
	if k.Route != "" {
		of = "route " + k.Route + ", table " + k.Table
	}
	if k.What != Changed {
		of += " (" + k.What + ")"
	}
	s.add("%s: %s before, %s now; %s rerouted (%s; another home: %s), %s added, %s removed", of, count(k.Old, "key"), thousands(k.New),
		thousands(k.Rerouted), share(k.Moved, uint64(k.Old)*million), thousands(k.HomeMoved), thousands(k.Added), thousands(k.Removed))
	shown := 0
	list := func(groups []KeyGroup, verb string) {
		for i := range groups {
			if shown++; shown <= maxShown {
				groups[i].lines(s, verb)
			}
		}
	}
	list(k.Groups, "")
	list(k.RemovedFrom, "removed")
	list(k.AddedTo, "added")
	if more := shown - min(shown, maxShown) + k.MoreGroups; more > 0 {
		s.add("  and %s of keys, each smaller; --json has more", count(more, "group"))
	}
}

func (g *KeyGroup) lines(s *section, verb string) {
	switch {
	case verb == "removed":
		s.add("  %9s  removed, from %s", thousands(g.Keys), g.From)
	case verb == "added":
		s.add("  %9s  added, to %s", thousands(g.Keys), g.To)
	default:
		what := ""
		switch {
		case g.Moved == 0:
			what = "   (only X-Route-Reason)"
		case !g.HomeMoves:
			what = "   (same home)"
		}
		s.add("  %9s  %s", thousands(g.Keys), g.From)
		s.add("  %9s  → %s%s", "", g.To, what)
		if g.Moved > 0 && g.Moved < million {
			s.add("  %9s  %s of each key moves", "", share(uint64(g.Moved), million))
		}
		if g.OldReason != g.NewReason {
			s.add("  %9s  X-Route-Reason: %s → %s", "", g.OldReason, g.NewReason)
		}
		if g.OldAt != nil || g.NewAt != nil {
			s.add("  %9s  fallback: %s → %s", "", where(g.OldAt), where(g.NewAt))
		}
	}
	for _, e := range g.Examples {
		s.add("  %9s  such as %s   %s", "", e.Key, places(e.OldAt, e.NewAt))
	}
}

// where is a place for a person.
func where(at *Position) string {
	if at == nil {
		return "default"
	}
	return at.String()
}

// places is where something is written on both sides, or on the one that has it.
func places(old, now *Position) string {
	switch {
	case old == nil && now == nil:
		return ""
	case old == nil:
		return now.String()
	case now == nil:
		return old.String()
	}
	return old.String() + " → " + now.String()
}

func (r *Report) routeSection() section {
	s := section{title: "Routes"}
	for i := range r.Routes {
		c := &r.Routes[i]
		name := cmp.Or(c.Name, "the one route")
		switch c.What {
		case Added:
			s.add("%s: added in place %d; unknown keys: %s", name, c.NewPlace, c.NewUnknown)
		case Removed:
			s.add("%s: removed from place %d; unknown keys were: %s", name, c.OldPlace, c.OldUnknown)
		default:
			s.add("%s", name)
			if c.Order {
				s.add("  place %d → %d", c.OldPlace, c.NewPlace)
			}
			if c.OldUnknown != c.NewUnknown {
				s.add("  unknown keys: %s → %s", c.OldUnknown, c.NewUnknown)
			}
			s.settings(c.Settings)
		}
	}
	return s
}

// settings lists values old → new with both places, in columns.
func (s *section) settings(list []Setting) {
	path, value := 0, 0
	text := func(v *Setting) string { return orDash(v.Old) + " → " + orDash(v.New) }
	for i := range list {
		path, value = max(path, len(list[i].Path)), min(60, max(value, len([]rune(text(&list[i])))))
	}
	for i := range list {
		v := &list[i]
		s.add("  %-*s  %-*s  %s → %s", path, v.Path, value, text(v), where(v.OldAt), where(v.NewAt))
	}
}

func (r *Report) placementSection() section {
	s := section{title: "Placements"}
	many, told := r.shared()
	for _, m := range many {
		s.add("%s: %s", count(len(m.placements), "placement"), names(m.placements))
		s.settings([]Setting{m.setting})
	}
	for i := range r.Placements {
		p := &r.Placements[i]
		own := p.own(told)
		same := ""
		if p.SameAs != "" {
			same = ", with the endpoints of " + p.SameAs
		}
		switch {
		case p.What == Added:
			s.add("%s: added, home of %s%s   %s", p.Name, count(p.Keys, "key"), same, where(p.NewAt))
		case p.What == Removed:
			s.add("%s: removed, was home of %s%s   %s", p.Name, count(p.Keys, "key"), same, where(p.OldAt))
		case len(own) > 0:
			s.add("%s: home of %s   %s", p.Name, count(p.Keys, "key"), places(p.OldAt, p.NewAt))
			s.settings(own)
		}
	}
	return s
}

func (r *Report) endpointSection() section {
	s := section{title: "Endpoints"}
	for i := range r.Placements {
		p := &r.Placements[i]
		if len(p.Endpoints) == 0 && p.Hash == nil {
			continue
		}
		s.add("%s", p.Name)
		for _, e := range p.Endpoints {
			name := e.URL
			if e.Name != e.URL {
				name = strings.TrimSpace(e.Name + " " + e.URL)
			}
			s.add("  %-8s %s   %s", e.What, name, places(e.OldAt, e.NewAt))
			for _, v := range e.Settings {
				s.add("           %s %s → %s", v.Path, orDash(v.Old), orDash(v.New))
			}
		}
		if p.Hash != nil && p.Hash.Keys > 0 {
			s.add("  of its %s, %s (%s) go to another endpoint while all are sound and idle; sticky cookies are not counted",
				count(p.Hash.Keys, "key"), thousands(p.Hash.Moved), share(uint64(p.Hash.Moved), uint64(p.Hash.Keys)))
		}
	}
	return s
}

func (r *Report) capacitySection() section {
	s := section{title: "Capacity at the peak of facts, in flight at each router"}
	c := &r.Capacity
	if c.Facts == "" {
		return s
	}
	for i := range c.Placements {
		p := &c.Placements[i]
		if !p.Changed {
			continue
		}
		if len(s.lines) == 0 {
			whose := map[string]string{"each": "each side's own facts", "old": "the facts of OLD on both sides", "new": "the facts of NEW on both sides"}[c.Facts]
			s.add("by %s; the fewest routers: %d → %d", whose, c.OldRouters, c.NewRouters)
			s.add("it knows nothing of bursts, retries or the time a breaker takes to open: lockstep sim and fuzz do")
		}
		note := ""
		if p.Worse {
			note = "   WORSE"
		}
		s.add("%s%s", p.Placement, note)
		if p.Old != nil {
			s.add("  old  %s", loadText(p.Old))
		}
		if p.New != nil {
			s.add("  new  %s", loadText(p.New))
		}
	}
	return s
}

func (r *Report) settingSection() section {
	s := section{title: "Other settings"}
	for _, group := range r.Settings {
		s.add("%s", group.Name)
		s.settings(group.Settings)
	}
	return s
}

func (r *Report) guardSection() section {
	s := section{title: "Push guards of the configuration in force (R13)"}
	if !r.Guards.On {
		if r.Effect == EffectRoutes {
			s.add("none: routers take this push whatever it changes")
		}
		return s
	}
	for _, g := range r.Guards.Guards {
		if g.Beyond {
			s.add("REFUSED  %-18s over %d%%: %s   %s", g.Name, g.Percent, g.Text, where(g.At))
			continue
		}
		if r.Effect != EffectNone {
			s.add("passes   %-18s at most %d%%   %s", g.Name, g.Percent, where(g.At))
		}
	}
	if r.Guards.Refused {
		s.add("if it is meant, mark it deliberate: %s", r.Guards.Mark)
	}
	return s
}

func (r *Report) mustSection() section {
	s := section{title: "Promises (must)"}
	words := map[string]string{Held: "held", BrokenNow: "BROKEN", NeedsRuns: "needs runs", NotThere: "-"}
	asBefore := map[string][]string{} // by how they stand, or who holds them
	for i := range r.Must {
		p := &r.Must[i]
		if p.Old == p.New && !p.Reworded && p.New != BrokenNow {
			id := cmp.Or(p.By, p.New)
			asBefore[id] = append(asBefore[id], p.Name)
			continue
		}
		s.add("%-10s → %-10s  %s: %s   %s", words[p.Old], words[p.New], p.Name, cmp.Or(p.NewText, p.OldText), where(p.At))
		if p.Reworded {
			s.add("  it was: %s", p.OldText)
		}
		for n, b := range p.Breaches {
			if n == maxShown {
				s.add("  and %d more", len(p.Breaches)-n)
				break
			}
			s.add("  %s   %s", b.What, where(b.At))
			for n, step := range b.Way {
				s.add("    %d  %s", n+1, step)
			}
		}
		if p.By != "" {
			s.add("  not provable here; held by %s", p.By)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(asBefore)) {
		if id == Held {
			s.add("proved to hold, as before: %s", strings.Join(asBefore[id], ", "))
			continue
		}
		s.add("not provable here, as before: %s", strings.Join(asBefore[id], ", "))
		s.add("  held by %s", id)
	}
	return s
}

func (r *Report) gateSection() section {
	s := section{title: "Limits (--fail-on)"}
	for _, g := range r.Gates {
		verdict := "passes"
		if !g.Passed {
			verdict = "FAILS"
		}
		s.add("%-6s  %s: %s", verdict, g.Gate, g.Text)
	}
	return s
}
