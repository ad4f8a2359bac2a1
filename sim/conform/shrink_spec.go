package conform

import (
	"reflect"
	"slices"

	"lockstep/core"
	"lockstep/sim"
	"lockstep/traces"
)

// respec makes the configurations of a case smaller, all of them together and
// then each: placements, then list elements and settings, one by one.
func (s *shrinker) respec() (done bool) {
	if len(s.best.inputs) > manyInputs {
		return false
	}
	all := s.best.configs()
	for a, first := range all { // one configuration in place of two
		for _, other := range all[a+1:] {
			if now := s.best.configs(); slices.Contains(now, first) && slices.Contains(now, other) {
				done = s.try(func(c *Case) { c.replace(map[*core.Config]*core.Config{other: first}) }) || done
			}
		}
	}
	done = s.smaller(nil) || done
	if all = s.best.configs(); len(all) > 1 {
		for i := range all {
			if at := s.best.configs(); i < len(at) {
				done = s.smaller(at[i]) || done
			}
		}
	}
	return done
}

// smaller takes things away from one configuration, nil: from every one.
func (s *shrinker) smaller(one *core.Config) (done bool) {
	change := func(f func(*core.Spec) bool) bool {
		replaced := map[*core.Config]*core.Config{}
		for _, c := range s.best.configs() {
			if one != nil && c != one {
				continue
			}
			spec := clone(traces.SpecOf(c))
			if !f(&spec) {
				continue
			}
			if next, err := core.Compile(spec); err == nil && next.Digest() != c.Digest() {
				replaced[c] = next
			}
		}
		if len(replaced) == 0 || !s.try(func(c *Case) { c.replace(replaced) }) {
			return false
		}
		if one != nil {
			one = replaced[one]
		}
		return true
	}
	for _, name := range s.best.placements() {
		done = change(func(spec *core.Spec) bool {
			*spec = sim.WithoutPlacement(*spec, name)
			return true
		}) || done
	}
	for i := s.best.spots(one) - 1; i >= 0; i-- {
		done = change(func(spec *core.Spec) bool { return takeAway(spec, i) }) || done
	}
	return done
}

// configs lists the configurations that are pushed, each once. The one at the start is part of the snapshot.
func (c *Case) configs() (all []*core.Config) {
	for i := range c.inputs {
		if x := c.inputs[i].ev.Config; x != nil && x != c.start && !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	return all
}

func (c *Case) placements() (names []string) {
	for _, x := range c.configs() {
		for i := range x.Placements() {
			if name := x.Placement(i).Name; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func (c *Case) replace(configs map[*core.Config]*core.Config) {
	for i := range c.inputs {
		if next := configs[c.inputs[i].ev.Config]; next != nil {
			c.inputs[i].ev.Config = next
		}
	}
}

// spots is how many things can be taken away from a configuration, or from the largest.
func (c *Case) spots(one *core.Config) (most int) {
	for _, x := range c.configs() {
		if one == nil || x == one {
			spec := traces.SpecOf(x)
			most = max(most, len(things(&spec)))
		}
	}
	return most
}

// thing is an element of a list, or a setting that is not at zero.
type thing struct {
	v  reflect.Value
	at int // of the list, -1: v is a setting
}

// things lists what can be taken away from a configuration, in its own order.
func things(s *core.Spec) (all []thing) {
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			if !v.IsZero() {
				all = append(all, thing{v, -1})
				for i := range v.NumField() {
					walk(v.Field(i))
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				all = append(all, thing{v, i})
				walk(v.Index(i))
			}
		default:
			if !v.IsZero() {
				all = append(all, thing{v, -1})
			}
		}
	}
	walk(reflect.ValueOf(s).Elem())
	return all
}

// takeAway takes the i-th thing away; false: there is none.
func takeAway(s *core.Spec, i int) bool {
	all := things(s)
	if i >= len(all) {
		return false
	}
	t := all[i]
	if t.at < 0 {
		t.v.SetZero()
		return true
	}
	reflect.Copy(t.v.Slice(t.at, t.v.Len()), t.v.Slice(t.at+1, t.v.Len()))
	t.v.SetLen(t.v.Len() - 1)
	return true
}

// ShrinkText returns the smallest configuration that Go refuses, or takes, as it
// does this one, while fails says so. It is for questions that ask Compile alone.
func ShrinkText(text []byte, fails func(text []byte) bool, more func() bool) []byte {
	spec, err := traces.DecodeSpec(text)
	if err != nil || !fails(traces.EncodeSpec(&spec)) {
		return text // it is the text that matters, not what it says
	}
	for changed := true; changed; {
		changed = false
		for i := len(things(&spec)) - 1; i >= 0 && more(); i-- {
			next := clone(spec)
			if takeAway(&next, i) && fails(traces.EncodeSpec(&next)) {
				spec, changed = next, true
			}
		}
	}
	return traces.EncodeSpec(&spec)
}
