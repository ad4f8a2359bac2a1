package explain

import (
	"fmt"
	"io"
	"strings"

	"lockstep/traces/say"
)

// Markdown writes stories in a form for a ticket: the time line in a code block,
// the candidates as a table.
func Markdown(w io.Writer, stories []*Story) {
	if len(stories) > 1 && sameID(stories) {
		fmt.Fprintf(w, "%d requests carried this id, oldest first: retries of the client, or an id used twice.\n\n", len(stories))
	}
	for i, s := range stories {
		if i > 0 {
			fmt.Fprintln(w)
		}
		s.Markdown(w)
	}
}

// Markdown writes the story.
func (s *Story) Markdown(w io.Writer) {
	fmt.Fprintf(w, "### %s\n\n", escaped(s.Headline()))
	if s.Assumed != "" {
		fmt.Fprintf(w, "**Assumed:** %s\n\n", escaped(s.Assumed))
	}
	fmt.Fprintf(w, "**Why:** %s\n", escaped(s.Why))
	if len(s.Before) > 0 {
		fmt.Fprintf(w, "\n**Before it**\n\n```text\n")
		for _, line := range s.timeLines() {
			fmt.Fprintln(w, strings.TrimPrefix(line, "  "))
		}
		fmt.Fprintln(w, "```")
	}
	if s.Route != "" {
		fmt.Fprintf(w, "\n**Key:** %s\n", escaped(s.Route))
	}
	s.candidateTable(w)
	list := func(name string, lines []string) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(w, "\n**%s:**\n\n", name)
		for _, line := range lines {
			fmt.Fprintf(w, "- %s\n", escaped(line))
		}
	}
	list("Outcome", append(append([]string{}, s.Decisions...), s.Outcome...))
	list("Configuration", s.Config.lines())
	list("Instead", s.insteadLines())
	list("Missing in the recording", s.Missing)
	fmt.Fprintf(w, "\n**Proof:** %s\n", escaped(s.Proof))
	if s.arrive && s.Assumed == "" {
		fmt.Fprintf(w, "\n**Not recorded:** %s\n", s.notRecorded())
	}
}

func (s *Story) candidateTable(w io.Writer) {
	if len(s.Candidates) == 0 {
		return
	}
	fmt.Fprintf(w, "\n| # | candidate | verdict | room | endpoints |\n|---|---|---|---|---|\n")
	for i := range s.Candidates {
		c := &s.Candidates[i]
		fmt.Fprintf(w, "| %d | %s | %s | %s | %s |\n", i+1, escaped(c.Placement), escaped(c.Verdict), c.roomText(), escaped(strings.Join(c.endpointLines(), "; ")))
	}
	if s.Fallback != "" {
		fmt.Fprintf(w, "\nFallback of %s: %s\n", escaped(s.Candidates[0].Placement), escaped(s.Fallback))
	}
}

// MarkdownList writes a list of requests as a table.
func MarkdownList(w io.Writer, list []*Entry, more int, command func(e *Entry) string) {
	fmt.Fprintf(w, "| # | time | router | id | key | status | placement | why | step |\n|---|---|---|---|---|---|---|---|---|\n")
	for i, e := range list {
		status := "-"
		if e.Status != 0 {
			status = fmt.Sprint(e.Status)
		}
		fmt.Fprintf(w, "| %d | %s | %s | %s | %s | %s | %s | %s | %s |\n", i+1, e.Time, escaped(e.Router), e.ID, escaped(quoted(e.Key)), status, escaped(e.Place), escaped(e.Why), say.Count(e.Step))
	}
	if more > 0 {
		fmt.Fprintf(w, "\nAnd %s more.\n", say.Count(uint64(more)))
	}
	if len(list) > 0 {
		fmt.Fprintf(w, "\nEach in full: `%s`\n", command(list[0]))
	}
}

// escaped takes away what Markdown would read as its own.
func escaped(s string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "*", "\\*", "_", "\\_", "`", "\\`", "<", "&lt;", "#", "\\#", "[", "\\[").Replace(s)
}
