package configfile

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/core"
)

type inner struct {
	Name string `yaml:"name"`
	At   core.Duration
}

// either reads a name alone or the whole struct.
type either inner

func (e *either) UnmarshalYAML(read func(any) error) error {
	if err := read(&e.Name); err == nil {
		return nil
	}
	return read((*inner)(e))
}

type outer struct {
	inner    `yaml:",inline"`
	Wait     time.Duration     `yaml:"wait"`
	Share    float64           `yaml:"share"`
	On       bool              `yaml:"on"`
	Small    uint8             `yaml:"small"`
	Words    []string          `yaml:"words"`
	Map      map[string]int    `yaml:"map"`
	Labels   map[string]string `yaml:"labels"`
	One, Two either
	Next     *inner `yaml:"next"`
	Any      any    `yaml:"any"`
	Skipped  string `yaml:"-"`
}

func TestDecodeYAMLReadsTheUsualTypes(t *testing.T) {
	var got outer
	err := DecodeYAML("f", []byte(`
name: no
at: 250ms
wait: 1h
share: 0.5
on: true
small: 255
words: [yes, 007]
map: {a: -1}
labels: {null: ~x}
one: bare
two: {name: long, at: 1s}
next: {name: n}
any: {a: [1, {b: c}]}
`), &got)
	if err != nil {
		t.Fatal(err)
	}
	want := outer{
		inner: inner{"no", 250 * core.Millisecond}, Wait: time.Hour, Share: 0.5, On: true, Small: 255,
		Words: []string{"yes", "007"}, Map: map[string]int{"a": -1}, Labels: map[string]string{"null": "~x"},
		One: either{Name: "bare"}, Two: either{"long", core.Second}, Next: &inner{Name: "n"},
		Any: map[string]any{"a": []any{"1", map[string]any{"b": "c"}}},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(outer{})); d != "" {
		t.Error(d)
	}
}

func TestDecodeYAMLShowsEveryFaultAtOnce(t *testing.T) {
	err := DecodeYAML("f", []byte(`nam: x
wait: 5
share: "0.5"
on: yes
small: 256
words: word
map: {a: b, a: 2}
one: {nam: x}
next:
Skipped: x
`), new(outer))
	var all Problems
	if !errors.As(err, &all) {
		t.Fatalf("the error is %v, want Problems", err)
	}
	var got []string
	for _, p := range all {
		got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.What))
	}
	want := []string{
		`1:1 there is no setting named "nam" here`,
		`2:7 "5" is not a length of time`,
		`3:8 "0.5" is not a number`,
		`4:5 "yes" is neither true nor false`,
		`5:8 "256" is not a count that fits`,
		`6:8 this must be a list, not a single value`,
		`7:10 "b" is not a count`,
		`7:13 "a" is defined twice`,
		`8:7 there is no setting named "nam" here`,
		`9:1 there is no value here`,
		`10:1 there is no setting named "Skipped" here`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestHostileYAMLIsAnErrorAndNotACrash(t *testing.T) {
	for name, text := range map[string]string{
		"brackets":           strings.Repeat("[", 100_000),
		"braces":             strings.Repeat("{a: ", 100_000),
		"dashes":             strings.Repeat("- ", 100_000) + "x",
		"question marks":     strings.Repeat("? ", 100_000) + "x",
		"indentation":        indented(2000),
		"an alias bomb":      "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
		"a merge key":        "a: {<<: {b: c}}\n",
		"a tag":              "a: !!binary aGk=\n",
		"a directive":        "%YAML 1.2\n---\na: b\n",
		"two documents":      "a: b\n---\na: c\n",
		"nothing":            "",
		"not text":           "a: \xff\xfe\n",
		"a key that is list": "[a, b]: c\n",
		"too much":           "a: " + strings.Repeat("x", maxYAML),
	} {
		var into any
		err := DecodeYAML("f", []byte(text), &into)
		var all Problems
		if !errors.As(err, &all) {
			t.Errorf("%s: the error is %v, want Problems", name, err)
		} else if len(err.Error()) > 1000 {
			t.Errorf("%s: the error has %d characters: nobody reads that", name, len(err.Error()))
		}
	}
}

// indented nests n maps by indentation.
func indented(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestACaretStandsUnderItsTokenBehindTabsAndWideCharacters(t *testing.T) {
	src := &source{"f", "first\n\té: x" + strings.Repeat("y", 300) + " end\r\nlast"}
	p := place{src, 2, 5, 1}.problem("w", "h")
	line, caret, _ := strings.Cut(strings.SplitN(p.Error(), "\n", 2)[1], "\n")
	if !strings.HasPrefix(line, "  | \té: xyyy") || !strings.HasPrefix(caret, "  | \t   ^\n") {
		t.Errorf("shown as\n%s\n%s", line, caret)
	}
	p = place{src, 2, 307, 3}.problem("w", "h")
	if got := string([]rune(p.Source)[p.Offset : p.Offset+p.Width]); got != "end" {
		t.Errorf("the caret in a long line is under %q, want end", got)
	}
}

// What was read from the first of two definitions must not be looked for in the
// node of the second: a push that did so ended the router.
func TestASettingThatIsWrittenTwiceIsAFaultWhateverTheSecondSays(t *testing.T) {
	const placements = "lockstep: 1\nplacements: {a: {endpoints: {x: {url: \"http://a:1\"}}}}\n"
	for _, text := range []string{
		"routes: [{name: x}]\nroutes: ~",
		"routes: [{name: x}]\nroutes: 5",
		"must: {a: {p99: 3s}}\nmust: ~",
		"must: {a: {in_flight: {placement: b, at_most: 3}, in_flight: ~}}",
		"listen: {a: {address: \":1\"}}\nlisten: []",
		"routes: [{key: [{header: X}], key: ~}]",
		"routes: [{match: {host: [a, b]}, match: ~}]",
		"defaults: {sticky: {ttl: 1s}, sticky: ~}",
		"control_plane: {last_known_good: {soak: 3s}, last_known_good: ~}",
	} {
		var faults Problems
		if _, err := Parse("f", []byte(placements+text)); !errors.As(err, &faults) {
			t.Errorf("%s: %v, want Problems", text, err)
		}
	}
}
