package configimport

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Class says what became of one line of the input.
type Class uint8

// The classes, from the best to the worst. A line of which several things are
// said has the worst of theirs.
const (
	Translated    Class = iota + 1 // it means the same here
	Different                      // it has a counterpart here that differs in what Notes say
	NotTranslated                  // the result says nothing of it
)

// String returns the class as reports write it.
func (c Class) String() string {
	switch c {
	case Translated:
		return "translated"
	case Different:
		return "translated with a difference"
	case NotTranslated:
		return "not translated"
	}
	return "unknown"
}

// MarshalText writes the class for JSON.
func (c Class) MarshalText() ([]byte, error) {
	return []byte(strings.ReplaceAll(c.String(), " ", "_")), nil
}

// Note is one thing to know about a line.
type Note struct {
	Class Class  `json:"class"`
	Why   string `json:"why"`
	Do    string `json:"do,omitempty"` // how to mend it; "": nothing to do
}

// Line is one line of the input that is neither blank nor a comment.
type Line struct {
	File   string `json:"file"`
	Number int    `json:"line"` // from 1
	Text   string `json:"text"` // without white space around it; passwords and keys are ***
	Class  Class  `json:"class"`
	Notes  []Note `json:"notes,omitempty"`
}

// At returns FILE:LINE.
func (l *Line) At() string { return fmt.Sprintf("%s:%d", l.File, l.Number) }

// from is the comment that a value from this line gets.
func (l *Line) from() string { return at(l.File, l.Number) }

// ok marks the line as translated, unless something else is known of it already.
func (l *Line) ok() {
	if l.Class == 0 {
		l.Class = Translated
	}
}

// differs notes a difference.
func (l *Line) differs(why, do string) { l.note(Note{Different, why, do}) }

// not notes that the line, or a part of it, is not translated.
func (l *Line) not(why, do string) { l.note(Note{NotTranslated, why, do}) }

func (l *Line) note(n Note) {
	l.Class = max(l.Class, n.Class)
	if !slices.Contains(l.Notes, n) {
		l.Notes = append(l.Notes, n)
	}
}

// Report says what became of every line.
type Report struct {
	Format        string   `json:"format"` // haproxy or envoy
	Lines         []*Line  `json:"lines"`  // in the order of the input
	Translated    int      `json:"translated"`
	Different     int      `json:"different"`
	NotTranslated int      `json:"not_translated"`
	Everywhere    []string `json:"everywhere"` // differences that no single line causes
}

// Result is a translation.
type Result struct {
	YAML   []byte // in the native form
	Report *Report
	// CSV are tables that the YAML includes, to be written beside it, by name.
	CSV map[string][]byte
}

// tooLarge says that the YAML is more than the native form reads.
func (r *Result) tooLarge() {
	if len(r.YAML) > 4<<20 {
		r.Report.Everywhere = append(r.Report.Everywhere, "THE CONFIGURATION HAS MORE THAN 4 MiB AND IS NOT READ: write it with -o FILE, which puts large tables into CSV files beside it.")
	}
}

// Input is one file to translate, or one that it names.
type Input struct {
	Name string // for places
	Data []byte
}

// Options are what a translation may look at beside its input.
type Options struct {
	// Env returns an environment variable. Nil: none is known.
	Env func(name string) (string, bool)
	// Read returns a file that the configuration names: a map, a list of patterns. Nil: none can be read.
	Read func(path string) ([]byte, error)
	// CSVOver is how many keys a table may have before it is a CSV that the YAML
	// includes. 0: all tables are in the YAML, which is read up to 4 MiB.
	CSVOver int
	// CSVPrefix is what the names of these files begin with.
	CSVPrefix string
}

func (o *Options) env(name string) (string, bool) {
	if o.Env == nil {
		return "", false
	}
	return o.Env(name)
}

func (o *Options) read(path string) ([]byte, error) {
	if o.Read == nil {
		return nil, errors.New("files that the configuration names are not read here")
	}
	return o.Read(path)
}

// ErrForeign is the error of a file that is no configuration of that kind.
var ErrForeign = errors.New("this is not such a configuration")

// settle counts the lines; one that nothing has read is not translated.
func (r *Report) settle() {
	for _, l := range r.Lines {
		if l.Class == 0 {
			l.not("nothing here reads this line", "look up what it does, and whether it must go on being done")
		}
		switch l.Class {
		case Translated:
			r.Translated++
		case Different:
			r.Different++
		default:
			r.NotTranslated++
		}
	}
}

// Text writes the report for a person: what is not translated, then what
// differs, each with its place, and the total. With all, the lines that are
// translated as well.
func (r *Report) Text(all bool) string {
	var b strings.Builder
	classes := []Class{NotTranslated, Different}
	if all {
		classes = append(classes, Translated)
	}
	for _, c := range classes {
		head := false
		for _, l := range r.Lines {
			if l.Class != c {
				continue
			}
			if !head {
				fmt.Fprintf(&b, "%s\n", strings.ToUpper(c.String()))
				head = true
			}
			writeLine(&b, l)
		}
		if head {
			b.WriteByte('\n')
		}
	}
	if len(r.Everywhere) > 0 {
		b.WriteString("EVERYWHERE\n")
		for _, e := range r.Everywhere {
			fmt.Fprintf(&b, "  %s\n", e)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s\n", r.Total())
	return b.String()
}

// Total is the last line of a report.
func (r *Report) Total() string {
	return fmt.Sprintf("%d lines: %d translated, %d translated with a difference, %d not translated",
		len(r.Lines), r.Translated, r.Different, r.NotTranslated)
}

func writeLine(b *strings.Builder, l *Line) {
	fmt.Fprintf(b, "  %s  %s\n", l.At(), shortened(l.Text, 120))
	for _, n := range l.Notes {
		mark := ""
		if n.Class != l.Class {
			mark = n.Class.String() + ": "
		}
		fmt.Fprintf(b, "      %s%s\n", mark, shortened(n.Why, 400))
		if n.Do != "" {
			fmt.Fprintf(b, "      -> %s\n", n.Do)
		}
	}
}

// shortened keeps a line of the input, or what holds parts of it, readable, and
// harmless on a terminal. It has at most so many characters.
func shortened(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-3]) + "..."
	}
	return text
}

// secrets are what a report must not show: it is pasted into tickets and reviews.
var secrets = []*regexp.Regexp{
	regexp.MustCompile(`(?i)(\b(?:insecure-password|password|ca-sign-pass|passwd)\s+)\S+`),
	regexp.MustCompile(`(?i)(\bauth\s+[^\s:]+:)\S+`),
	regexp.MustCompile(`(?i)(\bauthorization\s+).+`),
	regexp.MustCompile(`(?i)("?(?:inline_?string|inline_?bytes|password|secret|token)"?\s*:\s*)[^,}\s][^,}]*`),
	regexp.MustCompile(`^()[A-Za-z0-9+/=]{40,}$`),
}

// masked is text without passwords and keys.
func masked(text string) string {
	for _, s := range secrets {
		text = s.ReplaceAllString(text, "${1}***")
	}
	return text
}

// isText reports whether a raw line says something: it is neither blank nor a comment.
func isText(raw string) bool {
	raw = strings.TrimSpace(raw)
	return raw != "" && raw[0] != '#'
}

// linesOf makes a Line of each raw line that says something, by number, and the
// raw lines themselves.
func linesOf(in Input) (raw []string, byNumber map[int]*Line, list []*Line) {
	raw = strings.Split(strings.TrimPrefix(string(in.Data), "\ufeff"), "\n")
	byNumber = map[int]*Line{}
	for i, text := range raw {
		if isText(text) {
			l := &Line{File: in.Name, Number: i + 1, Text: masked(strings.ToValidUTF8(strings.TrimSpace(text), "\ufffd"))}
			byNumber[i+1] = l
			list = append(list, l)
		}
	}
	return raw, byNumber, list
}
