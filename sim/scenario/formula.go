package scenario

import (
	"slices"
	"strconv"
	"strings"

	"lockstep/core"
)

// Formula is an expression over figures, such as "p99 <= 2 * before.p99": a
// figure of the expectation's own span, or of another expectation's, by its
// name with _ for every character that is neither letter nor digit.
type Formula struct {
	Text    string
	checked *Expression // by File.Plan
}

// UnmarshalText takes the text; Plan checks it.
func (f *Formula) UnmarshalText(text []byte) error {
	*f = Formula{Text: string(text)}
	return nil
}

// MarshalText writes a formula as UnmarshalText reads it.
func (f Formula) MarshalText() ([]byte, error) { return []byte(f.Text), nil }

// Ref is a figure that an expression names: of another expectation's span, or
// of its own where Of is "".
type Ref struct{ Of, Figure string }

// String returns the reference as it is written.
func (r Ref) String() string { return strings.TrimPrefix(r.Of+"."+r.Figure, ".") }

// Expression is a checked formula. Holds takes the values of Uses, in that
// order, each in the unit of its figure.
type Expression struct {
	Uses  []Ref
	Holds func(values []int64) (bool, error)
}

// Compile checks an expression, which may name every figure in units as its
// own, and as a field of each name in others. The command owns the language.
type Compile func(text string, units map[string]Unit, others []string) (*Expression, error)

// identifier is how expressions write an expectation's name.
func identifier(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
}

// formulas compiles what expectations say under holds, and returns which names they use.
func (b *builder) formulas() (used map[string]bool) {
	used = map[string]bool{}
	units, names := map[string]Unit{}, []string{}
	for _, f := range new(Expectation).vocabulary() {
		units[f.name] = f.unit
	}
	for i := range b.file.Expect {
		names = append(names, identifier(b.file.Expect[i].Name))
	}
	for i := range b.file.Expect {
		e, path := &b.file.Expect[i], "expect["+strconv.Itoa(i)+"]"
		if e.Holds.Text == "" {
			continue
		}
		x, err := b.Compile(e.Holds.Text, units, names)
		if err != nil {
			b.fail(path+".holds", err.Error(), `compare figures of this span or of another expectation's, such as p99 <= 2 * before.p99; a time is duration("40ms"), a share 0.99`)
			continue
		}
		e.Holds.checked = x
		for _, r := range x.Uses {
			if n := slices.Index(names, r.Of); n >= 0 && slices.Contains(names[n+1:], r.Of) {
				b.fail(path+".holds", "two expectations are written "+r.Of, "give one of them another name")
			}
			used[r.Of] = true
		}
	}
	return used
}

// holds judges e's formula. It fails where it cannot be computed, and where a
// figure that it names is of nothing or a time that never came: two of those are
// not equal.
func (j *judgement) holds(e *Expectation) Check {
	x := e.Holds.checked
	c := Check{Expectation: e.Name, Figure: "holds", Wanted: e.Holds.Text}
	values, got, void := make([]int64, len(x.Uses)), make([]string, len(x.Uses)), false
	for i, r := range x.Uses {
		of := j.named(r.Of, e)
		s := j.narrow(of)
		for _, f := range of.vocabulary() {
			if f.name != r.Figure {
				continue
			}
			values[i] = f.measure(s)
			got[i] = r.String() + " " + f.unit.format(values[i])
			void = void || f.unit == Time && values[i] == int64(core.Never)
			if why := f.void(s); why != "" {
				got[i], void = r.String()+" of "+why, true
			}
		}
	}
	c.Got = list(got)
	ok, err := x.Holds(values)
	if err != nil {
		c.Got += ": " + err.Error()
	}
	c.OK = ok && err == nil && !void
	return c
}

// named returns the expectation of that identifier; own where there is none.
func (j *judgement) named(id string, own *Expectation) *Expectation {
	i := slices.IndexFunc(j.file.Expect, func(e Expectation) bool { return identifier(e.Name) == id })
	if id == "" || i < 0 {
		return own
	}
	return &j.file.Expect[i]
}
