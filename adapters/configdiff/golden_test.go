package configdiff

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/adapters/configfile"
)

var rewrite = flag.Bool("rewrite", false, "write the outputs wanted in testdata anew")

// load reads a configuration of testdata; its name is that of the file alone.
func load(t testing.TB, name string) Side {
	t.Helper()
	t.Chdir("testdata")
	defer t.Chdir("..")
	f, err := configfile.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return Side{Name: name, File: f, Config: c}
}

func golden(t *testing.T, name string) *ExpectFile {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	f, err := ParseExpect(name, data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// sample is the report that the goldens show.
func sample(t *testing.T) *Report {
	t.Helper()
	r, err := Compare(load(t, "old.yaml"), load(t, "new.yaml"), Options{
		Expect: golden(t, "golden.yaml"), Gates: []Gate{{"rerouted", 900_000}, {Name: "capacity"}}, MinCoverage: 700_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTextAndMarkdownReadAsTheGoldensDo(t *testing.T) {
	r := sample(t)
	for name, write := range map[string]func(*strings.Builder){
		"diff.txt": func(b *strings.Builder) { r.Text(b) },
		"diff.md":  func(b *strings.Builder) { r.Markdown(b) },
	} {
		var b strings.Builder
		write(&b)
		path := filepath.Join("testdata", name)
		if *rewrite {
			if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), b.String()); d != "" {
			t.Errorf("%s: go test -rewrite, then review:\n%s", name, d)
		}
	}
}

func TestTheWorstIsSaidFirst(t *testing.T) {
	r := sample(t)
	rank, last := map[Severity]int{Broken: 0, Warning: 1, Note: 2}, 0
	for _, f := range r.Findings {
		if rank[f.Severity] < last {
			t.Errorf("%s after something milder: %s", f.Severity, f.Text)
		}
		last = rank[f.Severity]
	}
	if r.Passed() {
		t.Error("it passed with a broken promise")
	}
}

func TestNothingOfANameIsMarkdown(t *testing.T) {
	const hostile = "`<script>|@team **x** http://e.com\x1b[2J\u202e"
	report := Report{Effect: EffectRoutes, Old: SideInfo{File: hostile, Version: "``" + hostile}}
	report.find(Warning, "keys", hostile, "", nil)
	report.Tables = []KeyChanges{{Table: "keys", What: Changed, Groups: []KeyGroup{{Keys: 1, From: hostile, To: "```\n```"}}}}
	var b strings.Builder
	report.Markdown(&b)
	text := b.String()
	for _, bad := range []string{"\x1b", "\u202e"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is in the comment:\n%s", bad, text)
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "| old") && strings.Count(line, "|")-strings.Count(line, `\|`) != 8 {
			t.Errorf("a bar of a name ends a cell: %s", line)
		}
		if strings.Contains(line, "@team") && !strings.Contains(line, "``") && !strings.HasPrefix(line, " ") {
			t.Errorf("a name stands outside of code: %s", line)
		}
	}
	if got := code("a`b"); got != "``a`b``" {
		t.Errorf("code: %s", got)
	}
	if got := code("`a"); got != "`` `a ``" {
		t.Errorf("code: %s", got)
	}
}

func TestACommentIsNeverTooLong(t *testing.T) {
	r := Report{Effect: EffectRoutes}
	for range 500 {
		r.find(Warning, "keys", strings.Repeat("x", 500), "", nil)
		r.Placements = append(r.Placements, PlacementChange{Name: strings.Repeat("p", 200), What: Removed})
		r.Settings = append(r.Settings, Section{"s", []Setting{{Path: strings.Repeat("q", 100)}}})
	}
	var b strings.Builder
	r.Text(&b)
	if !strings.Contains(b.String(), "and 100 lines more; --json has all") {
		t.Error("the text has no bound")
	}
	b.Reset()
	r.Markdown(&b)
	if b.Len() > 65_536 {
		t.Errorf("it has %d bytes", b.Len())
	}
	if !strings.Contains(b.String(), "more; `lockstep diff` prints them") {
		t.Error("it does not say that more is left out")
	}
}

func TestFindingsThatAreAlikeAreNotAllWrittenAndBrokenOnesAre(t *testing.T) {
	var r Report
	for range 30 {
		r.find(Broken, "must", "broken promise", "", nil)
		r.find(Note, "endpoints", "some endpoint", "", nil)
	}
	var b strings.Builder
	r.Text(&b)
	if n := strings.Count(b.String(), "broken: "); n != 30 {
		t.Errorf("%d of 30 broken promises are shown", n)
	}
	if n := strings.Count(b.String(), "note: some endpoint"); n != maxAlike || !strings.Contains(b.String(), "note: 20 more about endpoints") {
		t.Errorf("%d notes:\n%s", n, b.String())
	}
}
