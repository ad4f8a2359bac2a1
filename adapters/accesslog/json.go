package accesslog

import (
	"errors"
	"fmt"
	"strings"

	"lockstep/core"
)

// node is one member of a JSON line that says something: a value, or an object
// with members of its own.
type node struct {
	field field
	kids  map[string]*node
	// rest says what a member means that kids does not have; nil: nothing.
	rest func(name string) field
	// attempts: a list of the attempts before the last one, ours.
	attempts bool
}

var errJSON = errors.New("it is no JSON object")

// maxDepth bounds how deep objects that nobody asks for may be nested.
const maxDepth = 64

// jsonReader walks through one line without building anything.
type jsonReader struct {
	s  string
	at int
}

func (r *jsonReader) space() {
	for r.at < len(r.s) && (r.s[r.at] == ' ' || r.s[r.at] == '\t' || r.s[r.at] == '\r' || r.s[r.at] == '\n') {
		r.at++
	}
}

// take reads one byte if it is c.
func (r *jsonReader) take(c byte) bool {
	r.space()
	if r.at < len(r.s) && r.s[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *jsonReader) bad(want string) error {
	return fmt.Errorf("at %q (byte %d), expected %s", short(r.s[min(r.at, len(r.s)):]), r.at+1, want)
}

// text reads a string and returns it unescaped.
func (r *jsonReader) text() (string, error) {
	if !r.take('"') {
		return "", r.bad("a string")
	}
	from := r.at
	for {
		i := strings.IndexByte(r.s[r.at:], '"')
		if i < 0 {
			return "", r.bad(`the closing "`)
		}
		r.at += i
		if escaped(r.s, r.at) {
			r.at++
			continue
		}
		v := r.s[from:r.at]
		r.at++
		return unescape(v), nil
	}
}

// bare reads a number, true, false or null.
func (r *jsonReader) bare() (string, error) {
	r.space()
	from := r.at
	for r.at < len(r.s) && strings.IndexByte(" \t\r\n,]}:\"[{", r.s[r.at]) < 0 {
		r.at++
	}
	if from == r.at {
		return "", r.bad("a value")
	}
	if v := r.s[from:r.at]; v != "null" {
		return v, nil
	}
	return "", nil
}

// skip reads over any value.
func (r *jsonReader) skip(depth int) error {
	r.space()
	switch {
	case r.at == len(r.s):
		return r.bad("a value")
	case depth > maxDepth:
		return fmt.Errorf("objects are nested deeper than %d", maxDepth)
	case r.s[r.at] == '"':
		_, err := r.text()
		return err
	case r.s[r.at] == '{':
		return r.members(func(string) error { return r.skip(depth + 1) })
	case r.s[r.at] == '[':
		return r.items(func() error { return r.skip(depth + 1) })
	}
	_, err := r.bare()
	return err
}

// members calls visit for each member of an object; visit reads its value.
func (r *jsonReader) members(visit func(name string) error) error {
	if !r.take('{') {
		return r.bad("{")
	}
	if r.take('}') {
		return nil
	}
	for {
		name, err := r.text()
		if err != nil {
			return err
		}
		if !r.take(':') {
			return r.bad(`":"`)
		}
		if err := visit(name); err != nil {
			return err
		}
		if r.take('}') {
			return nil
		}
		if !r.take(',') {
			return r.bad(`"," or "}"`)
		}
	}
}

// items calls visit for each item of a list; visit reads it.
func (r *jsonReader) items(visit func() error) error {
	if !r.take('[') {
		return r.bad("[")
	}
	if r.take(']') {
		return nil
	}
	for {
		if err := visit(); err != nil {
			return err
		}
		if r.take(']') {
			return nil
		}
		if !r.take(',') {
			return r.bad(`"," or "]"`)
		}
	}
}

// parseJSON reads a line of JSON; what syslog puts before it is passed over.
func parseJSON(p *parser, line string, e *Entry) error {
	from := strings.IndexByte(line, '{')
	if from < 0 {
		return errJSON
	}
	r := &p.json
	*r = jsonReader{s: line, at: from}
	if err := p.object(r, e, p.root, 0); err != nil {
		return err
	}
	if r.space(); r.at != len(r.s) {
		return r.bad("the end of the line")
	}
	return nil
}

// object reads an object whose members a node knows.
func (p *parser) object(r *jsonReader, e *Entry, n *node, depth int) error {
	return r.members(func(name string) error {
		kid := n.kids[name]
		if kid == nil && n.rest != nil {
			kid = n.learn(name)
		}
		return p.value(r, e, kid, depth)
	})
}

// maxLearnt bounds how many names of members are remembered.
const maxLearnt = 4096

// learn finds out what a name means that has not come before. What is known is
// not asked again; names that come late in a log of very many are.
func (n *node) learn(name string) *node {
	kid := &node{field: n.rest(name)}
	if len(n.kids) < maxLearnt {
		n.kids[strings.Clone(name)] = kid
	}
	return kid
}

// value reads the value of a member that kid says the meaning of.
func (p *parser) value(r *jsonReader, e *Entry, kid *node, depth int) error {
	r.space()
	switch {
	case kid == nil || r.at == len(r.s):
		return r.skip(depth)
	case kid.attempts:
		return p.ownAttempts(r, e)
	case r.s[r.at] == '{' && kid.kids != nil:
		return p.object(r, e, kid, depth+1)
	case r.s[r.at] == '{' || kid.field.means == ignored && kid.kids == nil:
		return r.skip(depth)
	case r.s[r.at] == '[':
		return r.items(func() error { return p.value(r, e, kid, depth+1) })
	}
	var v string
	var err error
	if r.s[r.at] == '"' {
		v, err = r.text()
	} else {
		v, err = r.bare()
	}
	if err != nil {
		return err
	}
	return kid.field.set(p, e, v)
}

// ownAttempts reads our list of the attempts that a retry followed.
func (p *parser) ownAttempts(r *jsonReader, e *Entry) error {
	return r.items(func() error {
		a := Attempt{Took: unknown}
		err := r.members(func(name string) error {
			r.space()
			var v string
			var err error
			if r.at < len(r.s) && r.s[r.at] == '"' {
				v, err = r.text()
			} else {
				v, err = r.bare()
			}
			switch name {
			case "upstream_url":
				a.Upstream = v
			case "class":
				a.Class = ownClass(v)
			case "status_code":
				a.Status, _ = status(v)
			case "duration_ms":
				a.Took, _ = duration(tookMillis, v)
			}
			return err
		})
		if a.Class == core.ClassNone && a.Status >= 500 {
			a.Class = core.Upstream5xx
		}
		p.before = append(p.before, a)
		return err
	})
}
