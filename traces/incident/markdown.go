package incident

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"lockstep/traces/say"
)

// Markdown writes the draft as a page for people to complete.
func (d *Draft) Markdown(w io.Writer) error {
	p := &page{w: w}
	p.line("# Incident: %s", d.Title)
	p.line("")
	for _, s := range d.Summary {
		p.line("%s", s)
	}
	p.line("")
	p.line("*A draft from recordings%s. Counts are from replaying them; what is modelled says so. People add what machines did not see.*", d.by())
	p.facts(d)
	p.timeline(d)
	p.impact(d)
	if !d.Quiet {
		p.decisions(d)
		p.pushes(d)
		p.mitigations(d)
	}
	p.section("What is not known", d.Unknown)
	p.section("Open questions", d.Questions)
	p.line("\n## Notes and actions\n")
	p.line("| what | who | by when |")
	p.line("|---|---|---|")
	p.line("| | | |")
	return p.err
}

func (d *Draft) by() string {
	if d.version == "" {
		return ""
	}
	return " by lockstep " + d.version
}

// assumed says once what the comparison of clocks rests on.
func (p *page) assumed(d *Draft) {
	var all []string
	for _, k := range d.Clocks {
		for _, e := range k.Evidence {
			if e.Used && !slices.Contains(all, e.Assumes) {
				all = append(all, e.Assumes)
			}
		}
	}
	if len(all) > 0 {
		p.line("- Assumed for that: %s.", strings.Join(all, "; "))
	}
}

// oneByOne is how many routers are told one by one.
const oneByOne = 6

// page writes and keeps the first error.
type page struct {
	w   io.Writer
	err error
}

func (p *page) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *page) section(name string, items []string) {
	if len(items) == 0 {
		return
	}
	p.line("\n## %s\n", name)
	for _, s := range items {
		p.line("- %s", s)
	}
}

// facts are the window, the recordings and their clocks.
func (p *page) facts(d *Draft) {
	p.line("\n## When, and from what\n")
	end := "over"
	if !d.Over {
		end = "not known to be over"
	}
	if d.Quiet {
		end = "nothing to be over"
	}
	p.line("- Window: %s to %s, %s; at its end: %s. %s", d.From, d.To, short(d.Lasted), end, d.Window)
	for i := range d.Routers {
		r := &d.Routers[i]
		if i == oneByOne && len(d.Routers) > oneByOne+1 {
			p.line("- And %d more recordings, to %s; --json lists them.", len(d.Routers)-i, d.Routers[len(d.Routers)-1].Name)
			break
		}
		p.line("- Recording of %s: `%s`, %s from %s to %s.", r.Name, r.Path, say.Plural(r.Requests, "request", "requests"), r.First, r.Last)
	}
	p.line("- %s", d.ClockNote)
	for i, k := range d.Clocks {
		if i == oneByOne && len(d.Clocks) > oneByOne+1 {
			p.line("- Clocks: and of %d more routers; --json lists them.", len(d.Clocks)-i)
			break
		}
		p.line("- Clocks: %s.", k.Text)
	}
	p.assumed(d)
	for i, o := range d.Others {
		if i == 5 {
			p.line("- And %d more such times; name a window with --from and --to.", len(d.Others)-i)
			break
		}
		p.line("- Another time of trouble: %s to %s, %s hurt; name it with --from and --to.", o.From, o.To, say.Plural(o.Hurt, "request", "requests"))
	}
}

func (p *page) timeline(d *Draft) {
	if len(d.Timeline) == 0 {
		return
	}
	p.line("\n## Time line\n")
	several := len(d.Routers) > 1
	unit := "UTC"
	if d.clock.simulated {
		unit = "since start"
	}
	if several {
		p.line("| %s | seen by | what | step |", unit)
		p.line("|---|---|---|---:|")
	} else {
		p.line("| %s | what | step |", unit)
		p.line("|---|---|---:|")
	}
	for i := range d.Timeline {
		l := &d.Timeline[i]
		step := ""
		if l.Step > 0 {
			step = say.Count(l.Step)
		}
		if several {
			p.line("| %s | %s | %s | %s |", l.Time, cell(l.Router), cell(l.Text), step)
		} else {
			p.line("| %s | %s | %s |", l.Time, cell(l.Text), step)
		}
	}
	if d.Folded > 0 {
		p.line("\n%s left out, here and in --json, so that a page suffices; `lockstep report` shows them.", say.Plural(d.Folded, "line is", "lines are"))
	}
}

// cell is text in a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

func (p *page) impact(d *Draft) {
	im := &d.Impact
	p.line("\n## Impact\n")
	head, rule := "| tenant |", "|---|"
	for _, l := range d.labels {
		head += " " + cell(l) + " |"
		rule += "---|"
	}
	p.line("%s requests | served at home | served elsewhere | failed | refused | client's own | not known | how | first | last |", head)
	p.line("%s---:|---:|---:|---:|---:|---:|---:|---|---|---|", rule)
	for _, r := range im.Tenants {
		p.row(quoted(r.Name), r, len(d.labels))
	}
	if im.Rest.Requests > 0 {
		p.row(fmt.Sprintf("%s more", say.Count(uint64(im.RestCount))), &im.Rest, len(d.labels))
	}
	p.row("**all**", &im.Total, len(d.labels))
	p.line("\n| placement | its requests | failed | refused | served elsewhere | guests it took | most in flight | limit at the end | refused when full |")
	p.line("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, r := range im.Placements {
		limit := "none"
		if r.Limit > 0 {
			limit = say.Count(uint64(r.Limit))
		}
		if r.GuestCap >= 0 {
			limit += fmt.Sprintf(", guests %d", r.GuestCap)
		}
		p.line("| %s | %s | %s | %s | %s | %s | %s | %s | %s |", cell(r.Name), say.Count(r.Requests), say.Count(r.Failed), say.Count(r.Refused),
			say.Count(r.Elsewhere), say.Count(r.Guests), say.Count(uint64(r.Peak)), limit, say.Count(r.Full))
	}
	for _, r := range im.Placements {
		if r.ForGuests > 0 {
			p.line("\n%s refused %s of its own while guests held slots that they could have had.", r.Name, say.Plural(r.ForGuests, "request", "requests"))
		}
	}
	var parts []string
	for _, s := range im.Statuses {
		name := fmt.Sprint(s.Status)
		if s.Status == 0 {
			name = "no status"
		}
		parts = append(parts, name+": "+say.Count(s.Count))
	}
	if len(parts) > 0 {
		p.line("\nAnswers by status: %s.", strings.Join(parts, ", "))
	}
	if len(d.Routers) > 1 && len(im.Placements) > 0 {
		p.line("\nMost in flight and limits are those of one router.")
	}
}

func (p *page) row(name string, r *Row, labels int) {
	var classes []string
	for c, n := range r.Classes {
		classes = append(classes, c+" "+say.Count(n))
	}
	slices.Sort(classes)
	for i := range labels {
		text := ""
		if i < len(r.Labels) {
			text = r.Labels[i]
		}
		name += " | " + cell(text)
	}
	p.line("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |", name, say.Count(r.Requests), say.Count(r.Home), say.Count(r.Elsewhere),
		say.Count(r.Failed), say.Count(r.Refused), say.Count(r.Client), say.Count(r.Unknown), strings.Join(classes, ", "), r.First, r.Last)
}

func (p *page) decisions(d *Draft) {
	if len(d.Decisions) == 0 {
		return
	}
	p.line("\n## Decisions that mattered\n")
	if slices.ContainsFunc(d.Clocks, func(k Skew) bool { return k.Applied }) {
		p.line("Times within a reason are by that router's own clock.\n")
	}
	for i := range d.Decisions {
		x := &d.Decisions[i]
		who := ""
		if len(d.Routers) > 1 {
			who = ", " + x.Router
		}
		p.line("- %s%s: %s. %s  \n  `%s`", x.Time, who, x.What, x.Why, x.Command)
	}
}

func (p *page) pushes(d *Draft) {
	p.line("\n## Configurations in force, and whether they mattered\n")
	if len(d.Pushes) == 0 {
		p.line("- The configuration in force was adopted before what was read: whether the push of it mattered cannot be told from here.")
	}
	for _, x := range d.Pushes {
		p.line("- %s", x.Text)
	}
}

func (p *page) mitigations(d *Draft) {
	if len(d.Mitigations) == 0 {
		return
	}
	p.line("\n## What would have helped\n")
	p.line("Each was tried, by what-if, on the requests as they came. Clients that would have tried again, or not have had to, are not modelled.\n")
	p.line("| change | refused | failed | served elsewhere | recorded / modelled / unknown |")
	p.line("|---|---|---|---|---|")
	for i := range d.Mitigations {
		m := &d.Mitigations[i]
		if m.Error != "" {
			p.line("| %s | not tried: %s | | | |", cell(m.What), cell(m.Error))
			continue
		}
		all := m.Shares.Recorded + m.Shares.Modelled + m.Shares.Unknown
		p.line("| %s | %s → %s | %s → %s | %s → %s | %s / %s / %s |", cell(m.What), say.Count(m.Before.Refused), say.Count(m.After.Refused),
			say.Count(m.Before.Failed), say.Count(m.After.Failed), say.Count(m.Before.Elsewhere), say.Count(m.After.Elsewhere),
			share(m.Shares.Recorded, all), share(m.Shares.Modelled, all), share(m.Shares.Unknown, all))
	}
	if m := &d.Mitigations[len(d.Mitigations)-1]; m.Error == "" && m.Before.Requests != d.Impact.Total.Requests {
		p.line("\nCounted over %s, those of the window and some beside it: a what-if begins with a block of the recording and lets what is in flight end.", say.Plural(m.Before.Requests, "request", "requests"))
	}
	p.line("\nRecorded: their fate follows from what was recorded. Modelled: drawn from what that endpoint did near that time. Unknown: depends on what no recording shows, such as an endpoint with more to bear than it ever had near that time, or one that was hardly asked while its breaker was open; such requests are taken to go as others did, which may be too kind.")
}
