package configdiff

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// Bounds of a comment: GitHub takes 65,536 characters, and nobody reads as many.
const (
	maxFindings = 20
	maxDetail   = 12_000 // bytes of one folded part
	maxComment  = 60_000
)

// Markdown writes the report as a comment on a pull request: what matters first,
// the details folded. Names and keys stand in code, where neither HTML nor
// mentions nor links mean anything.
func (r *Report) Markdown(w io.Writer) {
	verdict := "✅ OK"
	if !r.Passed() {
		verdict = "❌ FAIL"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### lockstep diff: %s\n\n%s\n\n", verdict, code(r.headline()))
	fmt.Fprintf(&b, "| | file | version | routes | placements | endpoints | keys |\n|---|---|---|--:|--:|--:|--:|\n")
	for _, side := range []struct {
		name string
		info *SideInfo
	}{{"old", &r.Old}, {"new", &r.New}} {
		i := side.info
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | %d | %s |\n", side.name, cell(i.File), cell(i.Version), i.Routes, i.Placements, i.Endpoints, thousands(i.Keys))
	}
	if len(r.Findings) > 0 {
		b.WriteString("\n")
	}
	marks := map[Severity]string{Broken: "❌ **broken**", Warning: "⚠️ **warning**"}
	shown, notes := 0, section{title: "Notes"}
	for _, f := range r.Findings {
		if f.Severity == Note {
			notes.add("%s", f.text())
			continue
		}
		if shown++; shown <= maxFindings {
			fmt.Fprintf(&b, "- %s %s\n", marks[f.Severity], code(f.text()))
		}
	}
	if shown > maxFindings {
		fmt.Fprintf(&b, "- and %s more; `lockstep diff` prints them\n", count(shown-maxFindings, "finding"))
	}
	if len(notes.lines) > 0 {
		notes.title = count(len(notes.lines), "note")
		b.WriteString(folded(notes))
	}
	for _, s := range r.sections() {
		part := folded(s)
		if b.Len()+len(part) > maxComment {
			fmt.Fprintf(&b, "\nMore is left out here, %s first: `lockstep diff` prints it.\n", html.EscapeString(s.title))
			break
		}
		b.WriteString(part)
	}
	_, _ = io.WriteString(w, b.String()) // the command sees the error of its own writer
}

// folded is one part, closed until somebody clicks it.
func folded(s section) string {
	var lines strings.Builder
	for i, line := range s.lines {
		if lines.Len()+len(line) > maxDetail {
			fmt.Fprintf(&lines, "and %s more\n", count(len(s.lines)-i, "line"))
			break
		}
		lines.WriteString(line + "\n")
	}
	fence := strings.Repeat("`", max(3, longestRun(lines.String())+1))
	return fmt.Sprintf("\n<details><summary>%s</summary>\n\n%stext\n%s%s\n\n</details>\n", html.EscapeString(s.title), fence, lines.String(), fence)
}

// code is text in which nothing is markdown.
func code(s string) string {
	s = clean(s)
	fence := strings.Repeat("`", longestRun(s)+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || s == "" {
		s = " " + s + " "
	}
	return fence + s + fence
}

// cell is code in a table, where a bar ends the cell even within code.
func cell(s string) string { return strings.ReplaceAll(code(s), "|", `\|`) }

// longestRun is the longest run of backticks.
func longestRun(s string) (longest int) {
	run := 0
	for _, r := range s {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}
