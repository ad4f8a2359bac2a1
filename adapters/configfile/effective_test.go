package configfile

import (
	"strings"
	"testing"
	"time"
)

// textAt returns the text of the file from p on.
func textAt(t *testing.T, text string, p Position) string {
	t.Helper()
	return string([]rune(strings.Split(text, "\n")[p.Line-1])[p.Column-1:])
}

// A property: where Effective says that a value is written, it is written, or
// else the none that switches it off or the list that it heads.
func TestEveryEffectiveValueStandsWhereItSaysItDoes(t *testing.T) {
	const path = "testdata/good/everything.yaml"
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Compile()
	if err != nil {
		t.Fatal(err)
	}
	src := readSource(t, path)
	written := 0
	for i := range c.Placements() {
		for _, v := range f.Effective(c, i) {
			if v.From.Line == 0 {
				continue
			}
			written++
			got := strings.TrimLeft(textAt(t, src, v.From), `"`)
			last := v.Path[strings.LastIndexByte(v.Path, '.')+1:]
			if !strings.HasPrefix(got, v.Value) && !strings.HasPrefix(got, "none") && !strings.HasPrefix(got, last+":") && !sameDuration(got, v.Value) {
				t.Errorf("%s of %s is %s, but %s reads %q", v.Path, c.Placement(i).Name, v.Value, v.From, got)
			}
		}
	}
	if written < 60 {
		t.Errorf("only %d values were found where they are written", written)
	}
}

// sameDuration reports whether text begins with another way to write the length of time in value.
func sameDuration(text, value string) bool {
	word := text[:strings.IndexAny(text+",", ",}")]
	return strings.HasSuffix(value, "s") && durationText(word) == value
}

func TestEveryValueOfAListenerStandsWhereItSaysItDoes(t *testing.T) {
	const path = "testdata/good/everything.yaml"
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	src := readSource(t, path)
	written := 0
	for _, l := range f.Listen {
		values, ok := f.EffectiveListener(l.Name)
		if !ok {
			t.Fatalf("there is no listener %s", l.Name)
		}
		for _, v := range values {
			if v.From.Line == 0 {
				continue
			}
			written++
			got := strings.ReplaceAll(textAt(t, src, v.From), `"`, "")
			if !strings.HasPrefix(got, v.Value) && !sameDuration(got, v.Value) && !strings.HasPrefix(v.Value, "[") {
				t.Errorf("%s of %s is %s, but %s reads %q", v.Path, l.Name, v.Value, v.From, got)
			}
		}
	}
	if written < 28 {
		t.Errorf("only %d values were found where they are written", written)
	}
	if _, ok := f.EffectiveListener("nobody"); ok {
		t.Error("a listener that is not there has settings")
	}
}

func TestADefaultHasNoPlace(t *testing.T) {
	f, err := Parse("c", []byte("lockstep: 1\nplacements: {a: {endpoints: {one: {url: \"http://a:1\"}}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range f.Effective(c, 0) {
		if isURL := strings.HasSuffix(v.Path, ".url"); (v.From.Line > 0) != isURL {
			t.Errorf("%s = %s is said to come from %v", v.Path, v.Value, v.From)
		}
	}
}

// durationText is a length of time as Effective writes it, "" if text is none.
func durationText(text string) string {
	d, err := time.ParseDuration(text)
	if err != nil {
		return ""
	}
	return d.String()
}

// The label is in the digest: were it to change with what a program knows, each
// new version of it would make a new configuration of every file.
func TestTheLabelOfAFileStaysWhenSettingsAreAddedToTheProgram(t *testing.T) {
	f, err := Parse("c", []byte("lockstep: 1\nplacements: {a: {endpoints: {one: {url: \"http://a:1\"}}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if f.Spec.Version != "cb583ae0922a" {
		t.Errorf("the label is %s", f.Spec.Version)
	}
}
