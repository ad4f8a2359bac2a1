package explain

import (
	"fmt"
	"io"
	"strings"

	"lockstep/core"
)

func Print(w io.Writer, stories []*Story) {
	if len(stories) > 1 {
		fmt.Fprintf(w, "%d requests carried this id, oldest first: retries of the client, or an id used twice\n\n", len(stories))
	}
	for i, s := range stories {
		if i > 0 {
			fmt.Fprintln(w)
		}
		s.Print(w)
	}
}

func (s *Story) Print(w io.Writer) {
	fmt.Fprintf(w, "%s   %s\n\n", s.Time, s.headline())
	section := func(name string, lines ...string) {
		for i, line := range lines {
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(w, "%-12s %s\n", name, line)
		}
	}
	section("Why", s.Why)
	if len(s.Before) > 0 {
		fmt.Fprintln(w, "\nBefore it")
		for _, m := range s.Before {
			fmt.Fprintf(w, "  %-16s %-90s step %s\n", m.Time, m.Text, thousands(m.Step))
		}
	}
	fmt.Fprintln(w)
	if s.Route != "" {
		section("Key", s.Route)
	}
	for i, c := range s.Candidates {
		section([]string{"Candidates", ""}[min(i, 1)], c.lines(i+1)...)
	}
	section("Config", s.Config)
	section("Decided", s.Decisions...)
	section("Outcome", s.Outcome...)
	section("Proof", s.Proof)
	section("Not recorded", "path, query, headers, body")
}

// headline is who, what came of it and how long it took.
func (s *Story) headline() string {
	if !s.arrive {
		return fmt.Sprintf("step %s, %s", thousands(s.Step), s.Event)
	}
	parts := []string{quoted(s.Key)}
	switch {
	case s.Status != 0:
		parts = append(parts, fmt.Sprint(s.Status))
	case s.Duration != 0:
		parts = append(parts, "no status was sent")
	}
	switch {
	case !s.ended:
		parts = append(parts, "still in flight where the trace ends")
	case !s.Sent && s.Duration != 0:
		parts = append(parts, "after "+span(core.Duration(s.Duration)), "nothing was sent to any endpoint")
	case !s.Sent:
		parts = append(parts, "nothing was sent to any endpoint")
	default:
		parts = append(parts, "after "+span(core.Duration(s.Duration)), "by "+s.endpoint)
	}
	return strings.Join(append(parts, "step "+thousands(s.Step)), "   ")
}

func (c *Candidate) lines(n int) []string {
	room := fmt.Sprintf("%d in flight", c.InFlight)
	if c.Limit > 0 {
		room = fmt.Sprintf("%d of %d in flight", c.InFlight, c.Limit)
	}
	if c.Guests > 0 || c.GuestCap != 0 {
		room += fmt.Sprintf(", %d guests", c.Guests)
	}
	if c.GuestCap != 0 {
		room += fmt.Sprintf(" of %d", max(c.GuestCap, 0))
	}
	lines := []string{fmt.Sprintf("%d  %s   %s   %s", n, c.Placement, c.Verdict, room)}
	const shown = 12
	for i, e := range c.Endpoints {
		if i == shown {
			lines = append(lines, fmt.Sprintf("     and %d more endpoints", len(c.Endpoints)-shown))
			break
		}
		lines = append(lines, "     "+e.line())
	}
	return lines
}

func (e *Endpoint) line() string {
	state := "sound"
	switch {
	case e.Blocked == "shard":
		state = "not in the key's shard"
	case e.Blocked != "":
		state = "blocked by " + e.Blocked
	}
	s := fmt.Sprintf("%s  %s: breaker %s", e.Name, state, e.Breaker)
	if e.Until != "" {
		s += " until " + e.Until
	}
	if e.Failures > 0 {
		s += fmt.Sprintf(" (%s in a row)", plural(e.Failures, "failure"))
	}
	if e.Unhealthy {
		s += ", unhealthy"
	}
	room := fmt.Sprintf(", %d in flight", e.InFlight)
	if e.Limit > 0 {
		room = fmt.Sprintf(", %d of %d in flight", e.InFlight, e.Limit)
	}
	return s + room + e.chosen()
}
