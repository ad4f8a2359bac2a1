package explain

import (
	"fmt"
	"io"
	"strings"

	"lockstep/core"
	"lockstep/traces/say"
)

// notRecorded is what no recording holds of a request.
const notRecorded = "method and path, query, headers, body, and which client it was"

// notRecorded adds what only the control plane may know.
func (s *Story) notRecorded() string {
	if s.Config != nil && s.Config.Adopted != nil && s.Config.Adopted.Origin == core.OriginControl.String() {
		return notRecorded + "; nor who pushed the configuration"
	}
	return notRecorded
}

// width is how long a line of text gets before it is folded.
const width = 158

// Print writes stories as text.
func Print(w io.Writer, stories []*Story) {
	if len(stories) > 1 && sameID(stories) {
		fmt.Fprintf(w, "%d requests carried this id, oldest first: retries of the client, or an id used twice\n\n", len(stories))
	}
	for i, s := range stories {
		if i > 0 {
			fmt.Fprintf(w, "\n%s\n\n", strings.Repeat("-", 40))
		}
		if len(stories) > 1 {
			fmt.Fprintf(w, "(%d of %d)  ", i+1, len(stories))
		}
		s.Print(w)
	}
}

func sameID(stories []*Story) bool {
	for _, s := range stories {
		if s.ID == "" || s.ID != stories[0].ID {
			return false
		}
	}
	return true
}

// Print writes the story as text of at most 160 columns or so.
func (s *Story) Print(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n", s.Headline())
	p := printer{w}
	if s.Assumed != "" {
		p.section("Assumed", s.Assumed)
	}
	p.section("Why", s.Why)
	if len(s.Before) > 0 {
		fmt.Fprintln(w, "\nBefore it")
		for _, line := range s.timeLines() {
			fmt.Fprintln(w, line)
		}
	}
	fmt.Fprintln(w)
	if s.Route != "" {
		p.section("Key", s.Route)
	}
	p.section("Candidates", s.candidateLines()...)
	p.section("Config", s.Config.lines()...)
	p.section("Decided", s.Decisions...)
	p.section("Outcome", s.Outcome...)
	p.section("Instead", s.insteadLines()...)
	for _, m := range s.Missing {
		p.section("MISSING", m)
	}
	p.section("Proof", s.Proof)
	if s.arrive && s.Assumed == "" {
		p.section("Not recorded", s.notRecorded())
	}
}

// Headline is when, who, what came of it and how long it took.
func (s *Story) Headline() string {
	parts := []string{s.Time}
	if s.Assumed != "" {
		parts = []string{"WHAT IF, not a recording"}
	}
	switch {
	case s.Assumed != "" && s.Sent:
		parts = append(parts, quoted(s.Key), "would be sent to "+s.Endpoint)
	case s.Assumed != "" && s.Status == 0:
		parts = append(parts, quoted(s.Key), "would wait in a queue")
	case s.Assumed != "":
		parts = append(parts, quoted(s.Key), fmt.Sprintf("would be refused with %d", s.Status))
	case s.arrive:
		parts = append(parts, quoted(s.Key), s.statusText(), s.sentText())
	default:
		parts = append(parts, s.Event)
	}
	if s.Router != "" && s.Assumed == "" {
		parts = append(parts, s.Router)
	}
	if s.Step > 0 {
		parts = append(parts, "step "+say.Count(s.Step))
	}
	return strings.Join(parts, "   ")
}

// statusText is what the client was told, and after how long.
func (s *Story) statusText() string {
	after := " after " + say.Span(core.Duration(s.Duration))
	switch {
	case !s.ended && s.Status != 0:
		return fmt.Sprintf("%d, its body still flowed where what was read ends", s.Status)
	case !s.ended:
		return "not ended where what was read ends"
	case len(s.Missing) > 0 && s.Status == 0:
		return "its end is not recorded"
	case s.Status == 0:
		return "no status was sent" + after
	case s.Duration == 0 && !s.Sent:
		return fmt.Sprintf("%d at once", s.Status)
	}
	return fmt.Sprintf("%d%s", s.Status, after)
}

// sentText is where something was sent to.
func (s *Story) sentText() string {
	switch {
	case !s.Sent:
		return "nothing was sent to any endpoint"
	case s.attempts > 1:
		return fmt.Sprintf("%d attempts, the last to %s", s.attempts, s.Endpoint)
	}
	return "sent to " + s.Endpoint
}

// timeLines are the lines of what happened before.
func (s *Story) timeLines() (out []string) {
	at, long := 0, 0
	for _, m := range s.Before {
		at, long = max(at, len(m.Time)), max(long, min(len(m.Text), 116))
	}
	for _, m := range s.Before {
		step := ""
		if m.Step > 0 {
			step = "   step " + say.Count(m.Step)
		}
		out = append(out, strings.TrimRight(fmt.Sprintf("  %-*s   %-*s%s", at, m.Time, long, m.Text, step), " "))
	}
	return out
}

// candidateLines are the candidates in the order in which they were asked.
func (s *Story) candidateLines() (out []string) {
	name, verdict := 0, 0
	for i := range s.Candidates {
		c := &s.Candidates[i]
		name, verdict = max(name, len(c.Placement)), max(verdict, min(len(c.Verdict), 80))
	}
	for i := range s.Candidates {
		c := &s.Candidates[i]
		out = append(out, fmt.Sprintf("%d  %-*s   %-*s   %s", i+1, name, c.Placement, verdict, c.Verdict, c.roomText()))
		for _, line := range c.endpointLines() {
			out = append(out, "     "+line)
		}
	}
	if len(s.Candidates) > 0 && s.Fallback != "" {
		what := "-  none left    "
		if s.Sent {
			what = "-  "
		}
		out = append(out, fmt.Sprintf("%sfallback of %s: %s", what, s.Candidates[0].Placement, s.Fallback))
	}
	return out
}

// endpointLines are the endpoints: those at rest in one line.
func (c *Candidate) endpointLines() (out []string) {
	const shown = 12
	var rest []string
	for i := range c.Endpoints {
		if e := &c.Endpoints[i]; e.atRest() {
			rest = append(rest, e.Name)
		}
	}
	if n := len(rest); n > 1 {
		more := ""
		if n > shown {
			rest, more = rest[:shown], fmt.Sprintf(" and %d more", n-shown)
		}
		out = append(out, strings.Join(rest, " ")+more+"  sound: healthy, breakers closed")
	}
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		if e.atRest() && len(rest) > 1 {
			continue
		}
		if len(out) > shown {
			return append(out, fmt.Sprintf("and %d more endpoints", len(c.Endpoints)-i))
		}
		out = append(out, e.line())
	}
	return out
}

// atRest reports whether there is nothing to say of the endpoint but that it is sound.
func (e *Endpoint) atRest() bool {
	return e.Blocked == "" && e.Breaker == core.Closed.String() && e.Failures == 0 && !e.Unhealthy && e.Limit == 0 && e.chosen() == ""
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
		s += fmt.Sprintf(" (%s in a row)", say.Plural(e.Failures, "failure"))
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

// lines are what is said of the configuration.
func (c *Config) lines() []string {
	if c == nil {
		return []string{"none yet"}
	}
	if c.tried {
		return []string{fmt.Sprintf("version %q, digest %s", c.Version, c.Digest)}
	}
	text := fmt.Sprintf("epoch %s, version %q, digest %s", c.Epoch, c.Version, c.Digest)
	if a := c.Adopted; a != nil {
		text += fmt.Sprintf(", adopted %s from %s (step %s)", a.Time, a.Origin, say.Count(a.Step))
	} else {
		text += ", adopted before what was read begins"
	}
	if c.Mattered == "" {
		return []string{text}
	}
	return []string{text, c.Mattered}
}

// insteadLines are the changes that would have helped.
func (s *Story) insteadLines() (out []string) {
	for i := range s.Instead {
		out = append(out, s.Instead[i].Line())
	}
	if len(s.Tried) == 0 {
		return out
	}
	tried := strings.Join(s.Tried, ", ")
	if len(out) == 0 {
		return []string{"no single setting that was tried would have changed it: " + tried}
	}
	return append(out, "tried too, without effect: "+tried)
}

// printer writes sections: a name, then lines.
type printer struct{ w io.Writer }

func (p printer) section(name string, lines ...string) {
	for _, line := range lines {
		deep := strings.Repeat(" ", 2+len(line)-len(strings.TrimLeft(line, " ")))
		for i, part := range fold(line, width-13-len(deep)) {
			if i > 0 {
				part = deep + part
			}
			fmt.Fprintf(p.w, "%-12s %s\n", name, part)
			name = ""
		}
	}
}

// fold breaks a line between words.
func fold(line string, limit int) (out []string) {
	for len(line) > limit {
		at := strings.LastIndexByte(line[:limit], ' ')
		if at <= limit/2 {
			break
		}
		out = append(out, strings.TrimRight(line[:at], " "))
		line = strings.TrimLeft(line[at:], " ")
	}
	return append(out, line)
}
