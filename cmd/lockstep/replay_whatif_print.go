package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lockstep/core"
	"lockstep/traces/say"
	"lockstep/traces/whatif"
)

// mostShown is how many of each kind of change the text shows.
const mostShown = 10

func (o *whatIf) print(w io.Writer) {
	r := o.result
	name := o.config
	if o.version != "" {
		name += fmt.Sprintf(" (version %s)", o.version)
	}
	fmt.Fprintf(w, "What if %s had been in force, %s, %s\n\n", name, say.Plural(o.routers, "router"), o.span())
	for _, d := range o.damage {
		fmt.Fprintf(w, "NOT JUDGED  %s\n", d)
	}
	o.printGaps(w)
	o.printCounts(w)
	o.printLabels(w)
	o.printMoves(w)
	o.printStatuses(w)
	o.printKeys(w)
	o.printPlaces(w)
	fmt.Fprintln(w, "\nAssumed")
	for _, a := range o.assumed() {
		fmt.Fprintf(w, "  %s\n", a)
	}
	o.printGate(w)
	if r.Requests == 0 && o.gate == nil {
		fmt.Fprintln(w, "\nNo request ended in the recordings: there is nothing to compare.")
	}
}

// span says which time the recordings cover.
func (o *whatIf) span() string {
	r := o.result
	if r.From < int64(365*24*time.Hour) { // of 1970: no origin
		return fmt.Sprintf("%s to %s of a simulation", seconds(r.From), seconds(r.To))
	}
	return utc(r.From) + " to " + utc(r.To)
}

func (o *whatIf) printGaps(w io.Writer) {
	for i := range o.result.Routers {
		for _, g := range o.result.Routers[i].Report.Gaps {
			fmt.Fprintf(w, "GAP         %s: %s steps from step %s on: %s\n", o.result.Routers[i].Name, say.Count(g.Steps), say.Count(g.Step), g.Why)
		}
		if n := o.result.Routers[i].Report.Lost; n > 0 {
			fmt.Fprintf(w, "GAP         %s: %s steps are missing\n", o.result.Routers[i].Name, say.Count(n))
		}
	}
	if a := &o.result.Assumed; a.Restarts > 0 {
		fmt.Fprintf(w, "GAP         begun anew %s from the recorded state; %s that were in flight are not followed\n", timesOf(a.Restarts), say.Plural(a.Lost, "request"))
	}
}

// timesOf is how often.
func timesOf(n uint64) string {
	if n == 1 {
		return "once"
	}
	return say.Count(n) + " times"
}

func (o *whatIf) printCounts(w io.Writer) {
	b, a := &o.result.Before, &o.result.After
	fmt.Fprintf(w, "%-26s %12s %12s %12s\n", "", "recorded", "what if", "change")
	var none []string
	for _, row := range []struct {
		name          string
		before, after uint64
	}{
		{"requests", b.Requests, a.Requests},
		{"refused", b.Refused, a.Refused},
		{"taken by a fallback", b.Failovers, a.Failovers},
		{"answered 5xx or cut off", b.Errors, a.Errors},
		{"left by their clients", b.Gone, a.Gone},
		{"retries by the router", b.Retries, a.Retries},
		{"waited in a queue", b.Queued, a.Queued},
		{"breakers opened", b.Opened, a.Opened},
		{"endpoints found unhealthy", b.Sick, a.Sick},
		{"in flight at the end", b.Open, a.Open},
	} {
		if row.before == 0 && row.after == 0 {
			none = append(none, row.name)
			continue
		}
		fmt.Fprintf(w, "%-26s %12s %12s %12s%s\n", row.name, say.Count(row.before), say.Count(row.after), growth(row.before, row.after),
			grown(row.before, row.after, b.Requests))
	}
	for c := core.NoKey; int(c) < core.Classes; c++ {
		if n, m := b.Classes[c], a.Classes[c]; n != m {
			fmt.Fprintf(w, "  %-24s %12s %12s %12s%s\n", "class "+c.String(), say.Count(n), say.Count(m), growth(n, m), grown(n, m, b.Requests))
		}
	}
	if len(none) > 0 {
		fmt.Fprintf(w, "None on either side: %s.\n", strings.Join(none, ", "))
	}
	if b.Refused+a.Refused > 0 && b.Errors+a.Errors > 0 {
		fmt.Fprintln(w, "A refusal with a 5xx is counted as refused and as answered 5xx.")
	}
}

func (o *whatIf) printLabels(w io.Writer) {
	r := o.result
	fmt.Fprintf(w, "\nHow sure%33s %12s\n", "decisions", "outcomes")
	for _, row := range []struct {
		name    string
		d, o    uint64
		meaning string
	}{
		{"recorded", r.Decisions.Recorded, r.Outcomes.Recorded, "certain: it follows from what was recorded"},
		{"modelled", r.Decisions.Modelled, r.Outcomes.Modelled, "an estimate: it rests on endpoints doing what they did near that time"},
		{"unknown", r.Decisions.Unknown, r.Outcomes.Unknown, "a guess: it rests on what no recording shows"},
	} {
		fmt.Fprintf(w, "  %-10s %28s %12s   %s\n", row.name, shareOf(row.d, r.Requests), shareOf(row.o, r.Requests), row.meaning)
	}
	fmt.Fprintln(w, "  A decision is who serves or refuses a request, an outcome what its client is told.")
}

func (o *whatIf) printMoves(w io.Writer) {
	r := o.result
	fmt.Fprintf(w, "\nWho changes  %s of %s requests are answered by somebody else (%s)\n", say.Count(r.Moved), say.Count(r.Requests), shareOf(r.Moved, r.Requests))
	all := r.Moves()
	for _, m := range all[:min(len(all), mostShown)] {
		fmt.Fprintf(w, "  %10s  %s -> %s   %s\n", say.Count(m.Requests), m.From, m.To, labelsOf(m.Labels))
		o.printExample(w, m)
	}
	more(w, len(all), "other changes")
}

// printExample shows a request of the label that most have.
func (o *whatIf) printExample(w io.Writer, m *whatif.Move) {
	counts := [...]uint64{m.Labels.Recorded, m.Labels.Modelled, m.Labels.Unknown}
	var e *whatif.Example
	for i := range m.Examples {
		if x := &m.Examples[i]; e == nil || counts[x.Label] > counts[e.Label] {
			e = x
		}
	}
	if e == nil {
		return
	}
	why := ""
	if e.Why != "" {
		why = ": " + e.Why
	}
	fmt.Fprintf(w, "%14s%s  %s  step %s  id %016x%016x  %s%s\n", "", o.when(e), keyOf(e.Key), say.Count(e.Step), e.ID[0], e.ID[1], e.Label, why)
}

func (o *whatIf) printStatuses(w io.Writer) {
	all := o.result.StatusChanges()
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "\nStatuses     %s of %s requests are told another status (%s)\n", say.Count(o.result.Statuses), say.Count(o.result.Requests),
		shareOf(o.result.Statuses, o.result.Requests))
	for _, m := range all[:min(len(all), mostShown)] {
		fmt.Fprintf(w, "  %10s  %s -> %s   %s\n", say.Count(m.Requests), statusOf(m.From), statusOf(m.To), labelsOf(m.Labels))
	}
	more(w, len(all), "other changes")
}

func (o *whatIf) printKeys(w io.Writer) {
	all := o.result.Keys()
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "\nKeys         something changes for %s\n", say.Plural(len(all), "key"))
	for _, k := range all[:min(len(all), mostShown)] {
		fmt.Fprintf(w, "  %10s  %s   other statuses %s, refusals %+d, errors %+d\n", say.Count(k.Moved), keyOf(k.Key), say.Count(k.Statuses), k.Refused, k.Errors)
	}
	more(w, len(all), "other keys")
	if n := o.result.KeysMore; n > 0 {
		fmt.Fprintf(w, "  changes of further keys, not told apart: %s\n", say.Count(n))
	}
}

func (o *whatIf) printPlaces(w io.Writer) {
	all := o.places()
	var rows []placeJSON
	var same []string
	for _, p := range all {
		if p.Before == p.After {
			same = append(same, p.Name)
			continue
		}
		rows = append(rows, p)
	}
	if len(rows) == 0 {
		if len(same) > 0 {
			fmt.Fprintf(w, "\nPlacements   nothing changes at any of %d\n", len(same))
		}
		return
	}
	fmt.Fprintf(w, "\n%-24s %23s %23s %23s %19s\n", "Placements", "attempts", "of guests", "refused", "most in flight")
	for _, p := range rows[:min(len(rows), 2*mostShown)] {
		fmt.Fprintf(w, "  %-22s %10s -> %10s %10s -> %10s %10s -> %10s %8d -> %8d\n", p.Name, say.Count(p.Before.Attempts), say.Count(p.After.Attempts),
			say.Count(p.Before.Guests), say.Count(p.After.Guests), say.Count(p.Before.Refused), say.Count(p.After.Refused), p.Before.Peak, p.After.Peak)
	}
	if n := len(rows) - 2*mostShown; n > 0 {
		fmt.Fprintf(w, "  and %d other placements, see --json\n", n)
	}
	switch n := len(same); {
	case n > mostShown:
		fmt.Fprintf(w, "  nothing changes at %d others\n", n)
	case n > 0:
		fmt.Fprintf(w, "  nothing changes at %s\n", strings.Join(same, ", "))
	}
}

// placeJSON is one placement on both sides.
type placeJSON struct {
	Name   string           `json:"name"`
	Before whatif.PlaceUsed `json:"recorded"`
	After  whatif.PlaceUsed `json:"what_if"`
}

// places lists the placements that either side used, those that change most first.
func (o *whatIf) places() []placeJSON {
	var out []placeJSON
	for name, p := range o.result.Before.Places {
		out = append(out, placeJSON{Name: name, Before: *p})
	}
	for name, p := range o.result.After.Places {
		i := slices.IndexFunc(out, func(q placeJSON) bool { return q.Name == name })
		if i < 0 {
			i = len(out)
			out = append(out, placeJSON{Name: name})
		}
		out[i].After = *p
	}
	moves := func(p *placeJSON) int64 {
		return abs(int64(p.After.Attempts)-int64(p.Before.Attempts)) + abs(int64(p.After.Refused)-int64(p.Before.Refused))
	}
	slices.SortFunc(out, func(a, b placeJSON) int {
		if d := moves(&b) - moves(&a); d != 0 {
			return int(max(-1, min(1, d)))
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// assumed says in sentences what the run rests on.
func (o *whatIf) assumed() []string {
	a := &o.result.Assumed
	lines := []string{
		"The new configuration is in force all along, from the recorded state on: breakers, health, rotation and what is in flight stay where the endpoint does (R12).",
		fmt.Sprintf("A request that goes to the same endpoint at the same time is answered as it was. Any other outcome is drawn from what that endpoint did near then, in all recordings (kept by %s, looked for up to 60 s away).", seconds(int64(o.width))),
	}
	add := func(n uint64, format string) {
		if n > 0 {
			lines = append(lines, fmt.Sprintf(format, say.Count(n)))
		}
	}
	if o.retries {
		lines = append(lines, "Clients' retries are simulated again: who has his answer now does not come again; who is failed now comes as often, and as late, as the recordings show.")
		add(a.NotAgain, "Recorded retries that do not come: %s.")
		add(a.Again, "Retries that come besides: %s.")
	} else {
		lines = append(lines, "Clients' retries are not simulated again: those that were recorded come as they did, and no others (--retries).")
		add(a.Repeats, "Requests whose id had come before, which were probably such retries: %s.")
	}
	add(a.AdoptsLeft, "Pushes in the recording are left out: %s.")
	add(a.NeverSeen, "Outcomes of endpoints that no recording shows near that time, taken as answered 200 in the typical time: %s.")
	add(a.OtherName, "Outcomes of endpoints that are new in their placement, drawn from what the same URL did in another: %s.")
	add(a.BeyondLoad, "Outcomes where an endpoint has more to bear than any recording shows near that time: %s. They are drawn as if it bore that.")
	add(a.ProbesUnseen, "Active probes of endpoints that no recording shows probed near that time, taken as good: %s.")
	add(a.Silent, "Attempts that timed out, and are taken to stay silent for the longer timeout: %s.")
	add(a.Cut, "Attempts that the shorter timeout cuts: %s.")
	add(a.KeysUnknown, "Requests whose routing key is not in the new configuration: %s. If recordings hash their keys, give a configuration whose keys are hashed with the same key.")
	add(a.Routes, "Requests by a route number that the new configuration does not have, taken by its first route: %s. What a route matches is not in a recording.")
	add(a.OtherRoutes, "Requests that another route of the new configuration would place elsewhere: %s. It has more routes than the recorded one, or fewer, and what a route matches is not in a recording: they are taken by the number of their route, and unknown.")
	add(a.WaitsLeft, "Requests that waited when the recording began, and are left out: %s.")
	return lines
}

func (o *whatIf) printGate(w io.Writer) {
	v := o.gate
	if v == nil {
		return
	}
	fmt.Fprintln(w)
	if !v.Judged && o.result.Worst.Total() == 0 {
		fmt.Fprintln(w, "NOT JUDGED  no request ended in the recordings: there is nothing to hold to a limit")
		return
	}
	if !v.Judged {
		fmt.Fprintf(w, "NOT JUDGED  %s of the requests depend on what no recording shows; there is a verdict up to %s (unknown<=...)\n", perCent(v.Unknown), perCent(v.Most))
		return
	}
	for _, l := range v.Lines {
		word := "held"
		if !l.Held {
			word = "BROKEN"
		}
		fmt.Fprintf(w, "%-11s %s   it is %s\n", word, l.Limit, l.Value)
	}
	word := "PASS"
	switch {
	case !v.Passed:
		word = "FAIL"
	case o.broken():
		fmt.Fprintln(w, "NOT JUDGED  a part of the recordings could not be read: the limits hold for the rest only")
		return
	}
	fmt.Fprintf(w, "%-11s %s of the requests depend on what no recording shows\n", word, perCent(v.Unknown))
}
