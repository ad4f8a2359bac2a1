package scenario

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// expectations checks that every expectation can be judged.
func (b *builder) expectations() {
	if len(b.file.Expect) == 0 {
		b.fail("expect", "there are no expectations", "say what must hold")
	}
	seen, used := map[string]bool{}, b.formulas()
	for i := range b.file.Expect {
		e := &b.file.Expect[i]
		path := "expect[" + strconv.Itoa(i) + "]"
		if e.Name == "" || seen[e.Name] {
			b.fail(path+".name", "is missing or used twice", "give each expectation a name of its own")
		}
		seen[e.Name] = true
		b.known(path, e.Placement, e.Endpoint)
		b.span(e, path)
		b.asked(e, path)
		switch {
		case used[identifier(e.Name)]: // what others ask of it is not known here
		case !e.asks():
			b.fail(path, "asks for nothing", "add a figure, such as availability: \">= 99.9%\"")
		case e.Holds.Text == "":
			b.narrowed(e, path)
		}
	}
	if t := b.file.Twin; t != nil && !seen[t.MustFail] {
		b.fail("twin.must_fail", strconv.Quote(t.MustFail)+" is not an expectation", oneOf(t.MustFail, slices.Sorted(maps.Keys(seen))))
	}
}

// span checks that figures, which are kept by window, can be cut at From and To.
func (b *builder) span(e *Expectation, path string) {
	w := b.file.window()
	for _, x := range [...]struct {
		name string
		at   Span
	}{{"from", e.From}, {"to", e.To}} {
		if x.at.length()%w != 0 {
			b.fail(path+"."+x.name, Time.format(int64(x.at))+" is not a multiple of the window", "figures are kept in windows of "+Time.format(int64(w))+": see window")
		}
	}
	if e.From >= b.file.Length {
		b.fail(path+".from", "is not before "+Time.format(int64(b.file.Length))+", when clients stop sending", "choose an earlier time, or a longer length")
	}
	if e.To != 0 && e.To <= e.From {
		b.fail(path+".to", "is not after from", "leave it out for the end")
	}
}

// asked checks what e asks for.
func (b *builder) asked(e *Expectation, path string) {
	for _, label := range sortedKeys(e.Classes) {
		if _, ok := classOf(label); !ok {
			b.fail(path+".classes", strconv.Quote(label)+" is not a class", oneOf(label, classNames()))
		}
	}
	for _, f := range e.figures() {
		if f.bound.unit != f.unit && f.bound.value != 0 {
			b.fail(path+"."+f.name, "has the wrong unit: "+f.bound.String(), "write "+f.unit.example())
		}
		if f.unit == Part && f.bound.value > 1_000_000 && f.name != "amplification" {
			b.fail(path+"."+f.name, "is a share of the whole, and "+f.bound.String()+" is more", "write at most 100%")
		}
	}
	switch e.UnchangedWithout {
	case "", "faults", "pushes", "bursts":
	default:
		b.fail(path+".unchanged_without", strconv.Quote(e.UnchangedWithout)+" cannot be left out", oneOf(e.UnchangedWithout, []string{"faults", "pushes", "bursts"}))
	}
}

// narrowed checks that a name narrows something of what e asks for.
func (b *builder) narrowed(e *Expectation, path string) {
	asked := map[string]bool{"transitions": e.Transitions != nil, "answers": e.Answers != nil}
	for _, f := range e.figures() {
		asked[f.name] = true
	}
	for _, field := range [...]struct {
		name, figures string
		said          bool
	}{
		{"endpoint", "served half_open_probes half_open_probes_at_once half_open_probes_per_window health_probes health_probes_per_window " +
			"opened closed unhealthy transitions", e.Endpoint != ""},
		{"router", "opened closed unhealthy acks nacks answers_per_window dumps transitions answers", e.Router != 0},
	} {
		figures := strings.Fields(field.figures)
		if field.said && !slices.ContainsFunc(figures, func(f string) bool { return asked[f] }) {
			b.fail(path+"."+field.name, "narrows nothing that is asked for", "remove it: it is of "+strings.Join(figures, ", "))
		}
	}
}

// asks reports whether e asks for anything.
func (e *Expectation) asks() bool {
	return len(e.figures()) > 0 || e.Transitions != nil || e.Answers != nil || e.UnchangedWithout != "" || e.Holds.Text != ""
}
