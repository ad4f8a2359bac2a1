package configfile

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Position is a place in a file. Line and Column count from 1; Column counts
// characters. The zero Position is nowhere.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// String returns file:line:column.
func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Problem is one fault in a file, or one warning.
type Problem struct {
	Position
	What   string    `json:"what"`            // what is wrong, naming the value
	Hint   string    `json:"hint,omitempty"`  // how to mend it
	Source string    `json:"source"`          // the line, or the part of it around the fault
	Offset int       `json:"offset"`          // characters of Source before the token
	Width  int       `json:"width"`           // characters of the token, at least 1
	Other  *Position `json:"other,omitempty"` // the first of two definitions
}

// Error returns the problem as a person reads it: place and fault, the source
// line, a caret under the token, the hint.
func (p *Problem) Error() string {
	var b strings.Builder
	if p.Line == 0 {
		fmt.Fprintf(&b, "%s: %s", p.File, p.What)
	} else {
		fmt.Fprintf(&b, "%s: %s", p.Position, p.What)
	}
	if p.Source != "" {
		fmt.Fprintf(&b, "\n  | %s\n  | %s%s", p.Source, blank(p.Source, p.Offset), strings.Repeat("^", p.Width))
	}
	if p.Other != nil {
		fmt.Fprintf(&b, "\n  first: %s", *p.Other)
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, "\n  hint: %s", p.Hint)
	}
	return b.String()
}

// blank returns white space as wide as the first n characters of s: tabs stay tabs.
func blank(s string, n int) string {
	var b strings.Builder
	for _, r := range s {
		if n--; n < 0 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Problems is every fault found, by file, line and column.
type Problems []*Problem

// Error returns all problems, an empty line between two.
func (ps Problems) Error() string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.Error()
	}
	return strings.Join(texts, "\n\n")
}

func byPlace(a, b *Problem) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// maxProblems bounds what is worth reading, and the time to find it.
const maxProblems = 100

// source is the text of one file.
type source struct{ name, text string }

// place is where a token stands; the zero place is nowhere.
type place struct {
	source    *source
	line, col int32 // from 1
	width     int32 // characters
}

func (p place) position() Position {
	if p.source == nil {
		return Position{}
	}
	return Position{p.source.name, int(p.line), int(p.col)}
}

// problem shows what at p.
func (p place) problem(what, hint string) *Problem {
	out := &Problem{Position: p.position(), What: what, Hint: hint}
	if p.source != nil && p.line > 0 {
		out.Source, out.Offset, out.Width = p.source.window(p)
	}
	return out
}

// maxWindow is the most of a source line that is shown, in characters.
const maxWindow = 100

// window returns the part of p's line to show, and the caret under p in it.
func (s *source) window(p place) (text string, offset, width int) {
	line := []rune(s.line(int(p.line), int(p.col)+maxWindow))
	offset = min(int(p.col)-1, len(line))
	from := 0
	if len(line) > maxWindow && offset > maxWindow/2 {
		from = offset - maxWindow/2
	}
	line = line[from:min(len(line), from+maxWindow)]
	offset -= from
	width = max(1, min(int(p.width), len(line)-offset))
	for i, r := range line {
		if r != '\t' && (r < ' ' || r == 0x7f || r == utf8.RuneError) {
			line[i] = '?' // nothing in a hostile file may drive the terminal
		}
	}
	return string(line), offset, width
}

// line returns the first limit characters of line n.
func (s *source) line(n, limit int) string {
	rest := s.text
	for range n - 1 {
		i := strings.IndexByte(rest, '\n')
		if i < 0 {
			return ""
		}
		rest = rest[i+1:]
	}
	rest, _, _ = strings.Cut(rest, "\n")
	at := 0
	for i := range rest {
		if at == limit {
			return rest[:i]
		}
		at++
	}
	return strings.TrimSuffix(rest, "\r")
}
