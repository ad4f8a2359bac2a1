package accesslog

import (
	"errors"
	"fmt"
	"strings"
)

// template is a log format with variables between fixed text: nginx's
// log_format and Envoy's format string.
type template struct {
	lead   string // before the first variable
	pieces []piece
}

type piece struct {
	name  string // as it was written
	field field
	after string // fixed text behind it; "" for the last
	list  bool   // it may hold ", " and " : " itself
}

// compileTemplate reads a format; lookup says what a variable means.
func compileTemplate(format string, next func(string) (before, name, rest string, err error), lookup func(name string) field) (*template, error) {
	t := new(template)
	text := &t.lead
	for format != "" {
		before, name, rest, err := next(format)
		if err != nil {
			return nil, err
		}
		*text += before
		if format = rest; name == "" {
			continue
		}
		if n := len(t.pieces); n > 0 && t.pieces[n-1].after == "" {
			return nil, fmt.Errorf("nothing stands between %s and %s, so nobody can tell where one ends", t.pieces[n-1].name, name)
		}
		f := lookup(name)
		t.pieces = append(t.pieces, piece{name: name, field: f, list: f.means >= upstreams && f.means <= upstreamConnectTimes})
		text = &t.pieces[len(t.pieces)-1].after
	}
	if len(t.pieces) == 0 {
		return nil, errors.New("there is no variable in it")
	}
	return t, nil
}

// parse fills in an entry from a line.
func (t *template) parse(p *parser, line string, e *Entry) error {
	rest, ok := strings.CutPrefix(line, t.lead)
	if !ok {
		return fmt.Errorf("it begins with %q, expected %q", short(line), t.lead)
	}
	for i := range t.pieces {
		w := &t.pieces[i]
		v := rest
		if w.after == "" {
			rest = ""
		} else {
			at := w.end(rest)
			if at < 0 {
				return fmt.Errorf("after %s, at %q, expected %q", w.name, short(rest), w.after)
			}
			v, rest = rest[:at], rest[at+len(w.after):]
		}
		if w.field.means == ignored {
			continue
		}
		if err := w.field.set(p, e, unescape(v)); err != nil {
			return err
		}
	}
	if rest != "" {
		return fmt.Errorf("it goes on with %q where the format ends", short(rest))
	}
	return nil
}

// end finds where the value at the start of s ends, -1 for nowhere.
func (w *piece) end(s string) int {
	for from := 0; ; {
		at := strings.Index(s[from:], w.after)
		if at < 0 {
			return -1
		}
		at += from
		switch {
		case w.after[0] == '"' && escaped(s, at):
		case w.list && w.after[0] == ' ' && at > 0 && (s[at-1] == ',' || s[at-1] == ':' && at > 1 && s[at-2] == ' '):
		case w.list && w.after[0] == ' ' && strings.HasPrefix(s[at:], " : "):
		default:
			return at
		}
		from = at + 1
	}
}

// escaped reports whether an odd number of backslashes stands before s[at].
func escaped(s string, at int) bool {
	n := 0
	for at > n && s[at-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}
