package scenario

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Text writes v as YAML that the command's decoder reads back: structs by their
// yaml tags without zero fields, trees as they are. It writes only what this
// package and a configuration tree hold: maps, lists, text, counts, switches.
func Text(v any) string {
	w := &writer{}
	w.value(reflect.ValueOf(v), 0)
	return strings.TrimPrefix(w.b.String(), "\n") + "\n"
}

// Pairs is a map whose order is kept.
type Pairs []Pair

// Pair is one entry of Pairs.
type Pair struct {
	Key   string
	Value any
}

type writer struct{ b strings.Builder }

// value writes v behind a key or a dash; what needs lines of its own begins with a line feed.
func (w *writer) value(v reflect.Value, depth int) {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		if v.IsNil() {
			w.b.WriteString(" null")
			return
		}
		v = v.Elem()
	}
	if t, ok := textOf(v); ok {
		w.b.WriteString(" " + scalar(t))
		return
	}
	if pairs, ok := v.Interface().(Pairs); ok {
		for _, p := range pairs {
			w.line(depth, scalar(p.Key)+":")
			w.value(reflect.ValueOf(p.Value), depth+1)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		w.structure(v, depth)
	case reflect.Map:
		w.table(v, depth)
	case reflect.Slice:
		if v.Len() == 0 {
			w.b.WriteString(" []")
		}
		for i := range v.Len() {
			w.line(depth, "-")
			w.value(v.Index(i), depth+1)
		}
	default:
		w.b.WriteString(" " + scalar(fmt.Sprint(v)))
	}
}

func (w *writer) line(depth int, text string) {
	w.b.WriteString("\n" + strings.Repeat("  ", depth) + text)
}

func (w *writer) table(v reflect.Value, depth int) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	if len(keys) == 0 {
		w.b.WriteString(" {}")
	}
	for _, k := range keys {
		w.line(depth, scalar(k.String())+":")
		w.value(v.MapIndex(k), depth+1)
	}
}

func (w *writer) structure(v reflect.Value, depth int) {
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			w.structure(v.Field(i), depth)
		case v.Field(i).IsZero():
		default:
			w.line(depth, name+":")
			w.value(v.Field(i), depth+1)
		}
	}
}

func textOf(v reflect.Value) (string, bool) {
	m, ok := v.Interface().(encoding.TextMarshaler)
	if !ok {
		return "", false
	}
	text, err := m.MarshalText()
	return string(text), err == nil
}

// scalar quotes text that a YAML reader could take for something else.
func scalar(s string) string {
	plain := s != "" && s != "null" && s != "~" && s[0] != '-' && !strings.HasSuffix(s, ":")
	for i := 0; i < len(s) && plain; i++ {
		c := s[i]
		plain = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_./:", c) >= 0 ||
			c == '%' && i > 0
	}
	if plain {
		return s
	}
	return strconv.Quote(s)
}
