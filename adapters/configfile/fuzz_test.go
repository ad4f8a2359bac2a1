package configfile

import (
	"errors"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// addExamples seeds f with every example there is.
func addExamples(f *testing.F, add func(text string)) {
	f.Helper()
	for _, dir := range []string{"testdata/good", "testdata/bad"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range entries {
			data, err := os.ReadFile(dir + "/" + e.Name())
			if err != nil {
				f.Fatal(err)
			}
			add(string(data))
		}
	}
	add(form1)
	add(form2)
}

// checkProblems holds every error to what a person needs of it.
func checkProblems(t *testing.T, err error) {
	t.Helper()
	var all Problems
	if !errors.As(err, &all) || len(all) == 0 {
		t.Fatalf("the error is %T %v, want Problems", err, err)
	}
	for _, p := range all {
		n := utf8.RuneCountInString(p.Source)
		if p.What == "" || p.File == "" || p.Line < 0 || n > maxWindow || p.Source != "" && (p.Width < 1 || p.Offset < 0 || p.Offset > n) {
			t.Errorf("the problem is %+v", *p)
		}
		if strings.ContainsAny(p.Source, "\x00\x1b\n") {
			t.Errorf("the source line %q can drive a terminal", p.Source)
		}
	}
}

// A file in any form is an error to read or a Spec that Compile takes or
// refuses; what is taken is taken again as the same.
func FuzzLoad(f *testing.F) {
	addExamples(f, func(text string) { f.Add([]byte(text)) })
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("f", data)
		if err != nil {
			checkProblems(t, err)
			return
		}
		c, err := file.Compile()
		if err != nil {
			checkProblems(t, err)
			return
		}
		for i := range c.Placements() {
			file.Effective(c, i)
		}
		file.Capacity(c)
		again, err := Parse("f", data)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := again.Compile(); err != nil || d.Digest() != c.Digest() {
			t.Errorf("read twice, it differs: %v", err)
		}
	})
}

func FuzzTenants(f *testing.F) {
	f.Add("key,placement\na,b\n")
	f.Add("key,placement,region\r\na,b,eu\r\nb,b,us")
	f.Fuzz(func(t *testing.T, text string) {
		l := &loader{file: &File{Form: Native}}
		l.tenants(&source{"f", text}, &l.keys)
		l.keys.settle(&l.decoder)
		if err := l.err(); err != nil {
			checkProblems(t, err)
		}
		for i, k := range l.keys.specs {
			if k.Key == "" || i > 0 && l.keys.specs[i-1].Key >= k.Key {
				t.Errorf("key %d is %q after %q", i, k.Key, l.keys.specs[max(0, i-1)].Key)
			}
			at := l.keys.place(i)
			if line := at.source.line(int(at.line), 1<<20); !strings.HasPrefix(line, k.Key+",") {
				t.Errorf("%q is said to be in the line %q", k.Key, line)
			}
		}
	})
}
