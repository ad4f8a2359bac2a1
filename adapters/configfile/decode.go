package configfile

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/core"
)

// DecodeYAML decodes one YAML document strictly into the struct that into
// points to, for files other than configurations. Fields are named by their
// yaml tag; one with ",inline" is an embedded struct. Unknown fields, keys
// defined twice and values of the wrong kind are errors, all reported at once
// with their place. time.Duration and core.Duration are written with units
// (5s). A type may implement encoding.TextUnmarshaler, or
// UnmarshalYAML(func(any) error) error to choose by trying. A content error is a Problems.
func DecodeYAML(name string, data []byte, into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("decoding %s: into must be a pointer, not %T", name, into)
	}
	root, fault := readYAML(&source{name, string(data)})
	if fault != nil {
		return Problems{fault}
	}
	d := &decoder{}
	d.decode(root, v.Elem())
	return d.err()
}

// decoder turns nodes into Go values and collects what does not fit.
type decoder struct {
	lenient  bool // as the baseline reads: unknown and duplicate keys are warnings, null is nothing, text is quoted
	problems Problems
	warnings Problems
	faults   int // found so far, those reported before included
	fields   map[reflect.Type][]field
	reported map[string]bool
}

func (d *decoder) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(d.problems, byPlace)
	return d.problems
}

// fail reports a fault once: a value that many placements inherit is read many times.
func (d *decoder) fail(at place, what, hint string) {
	d.faults++
	d.report(&d.problems, at.problem(what, hint))
}

func (d *decoder) report(to *Problems, p *Problem) {
	id := p.String() + p.What
	if len(*to) >= maxProblems || d.reported[id] {
		return
	}
	if d.reported == nil {
		d.reported = map[string]bool{}
	}
	d.reported[id] = true
	*to = append(*to, p)
}

// soft is where a fault goes that the baseline accepts and the native form refuses.
func (d *decoder) soft() *Problems {
	if d.lenient {
		return &d.warnings
	}
	return &d.problems
}

// nodeDecoder is a type of this package that reads more than one kind of node.
type nodeDecoder interface{ decodeNode(d *decoder, n *node) }

// yamlUnmarshaler is the usual way for a type to try several forms.
type yamlUnmarshaler interface{ UnmarshalYAML(func(any) error) error }

// mistake is an error of a text that is not in its type's form.
type mistake struct{ what, hint string }

func (m *mistake) Error() string { return m.what + "; " + m.hint }

func (d *decoder) decode(n *node, v reflect.Value) {
	if v.Type() == reflect.TypeFor[*node]() {
		v.Set(reflect.ValueOf(n))
		return
	}
	if n.kind == null {
		if !d.lenient {
			d.fail(n.at, "there is no value here", "write one, or remove the key")
		}
		return
	}
	if d.custom(n, v) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem())
	case reflect.Struct:
		d.structure(n, v)
	case reflect.Map:
		d.table(n, v)
	case reflect.Slice:
		d.list(n, v)
	case reflect.Interface:
		v.Set(reflect.ValueOf(plain(n)))
	default:
		d.scalar(n, v)
	}
}

// custom lets types that read themselves do so.
func (d *decoder) custom(n *node, v reflect.Value) bool {
	switch v.Type() {
	case reflect.TypeFor[time.Duration](), reflect.TypeFor[core.Duration]():
		if d.want(n, scalar) {
			d.text(n, func() error { return setDuration(v, n.text) })
		}
		return true
	}
	switch t := v.Addr().Interface().(type) {
	case nodeDecoder:
		t.decodeNode(d, n)
	case yamlUnmarshaler:
		d.text(n, func() error {
			return t.UnmarshalYAML(func(into any) error {
				sub := &decoder{}
				sub.decode(n, reflect.ValueOf(into).Elem())
				return sub.err()
			})
		})
	case encoding.TextUnmarshaler:
		if d.want(n, scalar) {
			d.text(n, func() error { return t.UnmarshalText([]byte(n.text)) })
		}
	default:
		return false
	}
	return true
}

// text reports the error of read at n, with its own places and hints where it has them.
func (d *decoder) text(n *node, read func() error) {
	err := read()
	var many Problems
	var m *mistake
	switch {
	case err == nil:
	case errors.As(err, &many):
		d.faults++
		for _, p := range many {
			d.report(&d.problems, p)
		}
	case errors.As(err, &m):
		d.fail(n.at, m.what, m.hint)
	default:
		d.fail(n.at, err.Error(), "")
	}
}

// want reports a node of another kind.
func (d *decoder) want(n *node, k kind) bool {
	if n.kind == k {
		return true
	}
	hint := map[kind]string{scalar: "write one value", mapping: "write {name: value}", sequence: "write [a, b]"}[k]
	d.fail(n.at, fmt.Sprintf("this must be %s, not %s", k, n.kind), hint)
	return false
}

// duplicates reports keys defined twice in one mapping, and whether there are some.
func (d *decoder) duplicates(n *node) (some bool) {
	if len(n.entries) < 2 {
		return false
	}
	seen := make(map[string]int, len(n.entries))
	for i, e := range n.entries {
		if first, ok := seen[e.key]; ok {
			d.twice(e.key, n.entries[first].at, e.at)
			some = true
			continue
		}
		seen[e.key] = i
	}
	return some
}

func (d *decoder) twice(key string, first, second place) {
	hint := "keep one of the two"
	if d.lenient {
		hint = "the last one counts: remove the other"
	}
	p := second.problem(strconv.Quote(key)+" is defined twice", hint)
	p.Other = new(first.position())
	d.report(d.soft(), p)
}

func (d *decoder) structure(n *node, v reflect.Value) {
	if !d.want(n, mapping) {
		return
	}
	twice := d.duplicates(n)
	fields := d.fieldsOf(v.Type())
	for _, e := range n.entries {
		f := findField(fields, e.key)
		switch {
		case f == nil:
			d.unknown(e, fields)
		case f.later != "":
			d.later(e.at, e.key, f.later)
		default:
			before := d.faults
			if twice && !d.lenient {
				v.FieldByIndex(f.index).SetZero() // of two the last counts, whose node is what get finds
			}
			d.decode(e.value, v.FieldByIndex(f.index))
			if d.faults == before {
				d.check(e, f, v.FieldByIndex(f.index))
			}
		}
	}
}

func (d *decoder) later(at place, name, rule string) {
	d.fail(at, fmt.Sprintf("%q is not supported yet (%s, later)", name, rule), "remove it")
}

func (d *decoder) unknown(e entry, fields []field) {
	var names []string
	for _, f := range fields {
		if f.later == "" {
			names = append(names, f.name)
		}
	}
	hint := "use one of: " + strings.Join(names, ", ")
	if best := core.Nearest(e.key, names); best != "" {
		hint = "did you mean " + strconv.Quote(best) + "?"
	}
	d.report(d.soft(), e.at.problem("there is no setting named "+strconv.Quote(e.key)+" here", hint))
}

// check applies the tags of a field to its decoded value.
func (d *decoder) check(e entry, f *field, v reflect.Value) {
	if o, ok := v.Interface().(interface{ inner() (any, bool) }); ok {
		value, set := o.inner()
		if !set {
			return
		}
		v = reflect.ValueOf(value)
	}
	if len(f.oneof) > 0 && e.value.kind == scalar {
		d.choice(e.value, f.oneof)
	}
	if f.positive && e.value.kind == scalar && (v.IsZero() || v.CanInt() && v.Int() < 0) {
		d.fail(e.value.at, strconv.Quote(e.key)+" must be more than zero", "write a larger value, or remove it for the default")
	}
}

func (d *decoder) table(n *node, v reflect.Value) {
	if !d.want(n, mapping) {
		return
	}
	d.duplicates(n)
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.entries)))
	for _, e := range n.entries {
		item := reflect.New(v.Type().Elem()).Elem()
		d.decode(e.value, item)
		v.SetMapIndex(reflect.ValueOf(e.key).Convert(v.Type().Key()), item)
	}
}

func (d *decoder) list(n *node, v reflect.Value) {
	if !d.want(n, sequence) {
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		d.decode(item, out.Index(i))
	}
	v.Set(out)
}
