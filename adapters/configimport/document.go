package configimport

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The YAML that is written: maps in the order of writing, with the origin of
// each value as a comment. A value is text that is YAML already, a tree, or a
// list of trees.

type tree struct{ entries []*leaf }

type leaf struct {
	key   string
	value any    // string, *tree or []*tree
	from  string // the comment: where it comes from; "": nowhere in particular
	named bool   // key is a name of somebody's, not a setting
}

// set writes a value at a path such as limit/in_flight; one that is there is replaced.
func (t *tree) set(path string, value any, from ...string) {
	head, rest, nested := strings.Cut(path, "/")
	if nested {
		t.child(head).set(rest, value, from...)
		return
	}
	at := t.get(head)
	if at == nil {
		at = &leaf{key: head}
		t.entries = append(t.entries, at)
	}
	slices.Sort(from)
	at.value, at.from = value, joined(slices.Compact(from))
}

// joined keeps a comment short where many lines lead to one value.
func joined(from []string) string {
	if len(from) > 3 {
		return strings.Join(from[:2], ", ") + " and others"
	}
	return strings.Join(from, ", ")
}

// setWhole is set for a key that may hold slashes.
func (t *tree) setWhole(key string, value any, from ...string) {
	t.entries = append(t.entries, &leaf{key, value, joined(from), true})
}

func (t *tree) get(key string) *leaf {
	for _, e := range t.entries {
		if e.key == key {
			return e
		}
	}
	return nil
}

// child returns the tree at key, made where there is none.
func (t *tree) child(key string) *tree {
	if e := t.get(key); e != nil {
		if c, ok := e.value.(*tree); ok {
			return c
		}
	}
	c := &tree{}
	t.set(key, c)
	return c
}

// order sorts the entries as in keys.
func (t *tree) order(keys ...string) {
	slices.SortStableFunc(t.entries, func(a, b *leaf) int { return slices.Index(keys, a.key) - slices.Index(keys, b.key) })
}

func (t *tree) remove(key string) {
	t.entries = slices.DeleteFunc(t.entries, func(e *leaf) bool { return e.key == key })
}

// write appends the map in block style; item says that a dash stands before it.
func (t *tree) write(b *strings.Builder, indent string, item bool) {
	for i, e := range t.entries {
		if i > 0 || !item {
			b.WriteString(indent)
		}
		name := e.key
		if e.named {
			name = quoted(name)
		}
		b.WriteString(name + ":")
		switch v := e.value.(type) {
		case string:
			b.WriteString(" " + v + comment(e.from) + "\n")
		case *tree:
			b.WriteString(comment(e.from) + "\n")
			v.write(b, indent+"  ", false)
		case []*tree:
			b.WriteString(comment(e.from) + "\n")
			for _, one := range v {
				b.WriteString(indent + "  - ")
				one.write(b, indent+"    ", true)
			}
		}
	}
}

func comment(from string) string {
	if from == "" {
		return ""
	}
	return "  # " + strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, from)
}

// plain returns the value without comments, to compare it.
func (e *leaf) plain() string {
	var b strings.Builder
	bare(&tree{[]*leaf{e}}).write(&b, "", false)
	return b.String()
}

func bare(t *tree) *tree {
	out := &tree{}
	for _, e := range t.entries {
		v := e.value
		if c, ok := v.(*tree); ok {
			v = bare(c)
		}
		out.entries = append(out.entries, &leaf{key: e.key, value: v, named: e.named})
	}
	return out
}

// plainText is text that YAML and the native form take as it is.
var plainText = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_./-]*$`)

// quoted writes text as a YAML scalar.
func quoted(s string) string {
	switch strings.ToLower(s) {
	case "none", "null", "true", "false", "yes", "no", "on", "off", "y", "n":
	default:
		if plainText.MatchString(s) {
			return s
		}
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}

// flowList writes [a, b], or a alone where there is one.
func flowList(words []string) string {
	var out []string
	for _, w := range words {
		out = append(out, quoted(w))
	}
	if len(out) == 1 {
		return out[0]
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// longest is the most that the native form takes as a length of time.
const longest = 30 * 24 * time.Hour

// lengthOfTime writes a duration as the native form does. It must be within 1ms to longest.
func lengthOfTime(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// clamped notes on l when d is outside what the native form takes.
func clamped(d time.Duration, l *Line) time.Duration {
	switch {
	case d < time.Millisecond:
		l.differs("times begin at 1ms here", "")
		return time.Millisecond
	case d > longest:
		l.differs("times end at 30 days here", "")
		return longest
	}
	return d
}
