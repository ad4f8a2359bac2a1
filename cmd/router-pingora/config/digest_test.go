// Package config_test holds the crate lockstep-config to the Go side: for every
// configuration in the repository, and for damaged copies of them, both must
// come to the same digest, or find the same faults at the same places.
package config_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/adapters/configfile"
	"lockstep/sim/scenario"
	"lockstep/traces"
)

var (
	damaged = flag.Int("damaged", 600, "how many damaged configurations to compare")
	seed    = flag.Uint64("seed", 1, "of the damage")
)

// verdict is what one side makes of a file.
type verdict struct {
	File       string
	Unreadable string // why the file could not be read at all
	Form       string
	Version    string
	Digest     string
	Spec       string
	Edge       any // what is no part of a Spec
	Errors     []problem
	Warnings   []problem
}

// problem is what both sides print of a fault.
type problem struct {
	File   string
	Line   int
	Column int
	What   string
	Hint   string
	Source string
	Offset int
	Width  int
	Other  *configfile.Position
}

const repository = "../../.."

// judgedByRust asks the crate about all files at once. The test is skipped,
// loudly, where cargo is not there.
func judgedByRust(t *testing.T, paths []string) map[string]verdict {
	t.Helper()
	cargo, err := exec.LookPath("cargo")
	if err != nil {
		t.Skip("SKIPPED: cargo is not there, so the Rust side of configurations is not compared")
	}
	cmd := exec.Command(cargo, "run", "--quiet", "--manifest-path", "../Cargo.toml", "--package", "lockstep-config", "--example", "digest")
	cmd.Stdin = strings.NewReader(strings.Join(paths, "\n"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("running the example digest: %v\n%s", err, stderr.String())
	}
	out := map[string]verdict{}
	lines := bufio.NewScanner(&stdout)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var v verdict
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("%v in %.200s", err, lines.Text())
		}
		out[v.File] = v
	}
	return out
}

// judgedByGo is the same of this side.
func judgedByGo(t *testing.T, path string) (v verdict) {
	t.Helper()
	v.File = path
	f, err := configfile.Load(path)
	if err == nil {
		c, fault := f.Compile()
		if err = fault; err == nil {
			v.Form, v.Version, v.Digest = f.Form.String(), c.Version(), fmt.Sprintf("%016x", c.Digest())
			v.Spec, v.Warnings, v.Edge = string(traces.EncodeSpec(&f.Spec)), problemsOf(f.Warnings), edgeOf(t, f)
			return v
		}
	}
	var faults configfile.Problems
	if !errors.As(err, &faults) {
		t.Fatalf("%s: %v", path, err)
	}
	v.Errors = problemsOf(faults)
	return v
}

// edgeOf is the settings that are no part of a Spec, as JSON has them.
func edgeOf(t *testing.T, f *configfile.File) (tree any) {
	t.Helper()
	var listen []configfile.Listener
	for _, l := range f.Listen {
		listen = append(listen, l.WithDefaults())
	}
	var must []string
	for _, p := range f.Must {
		must = append(must, p.Name)
	}
	text, err := json.Marshal(map[string]any{
		"Listen": listen, "ControlPlane": f.ControlPlane, "Recording": f.Recording, "Observe": f.Observe, "Discover": f.Discover,
		"Labels": f.Labels, "Must": must, "Sources": f.Sources, "Watch": f.Watch, "Routers": f.Facts.Routers, "Peak": f.Facts.Peak,
	})
	if err == nil {
		err = json.Unmarshal(text, &tree)
	}
	if err != nil {
		t.Fatal(err)
	}
	return bare(tree)
}

// bare is a tree without what is empty: null and [] mean the same.
func bare(tree any) any {
	switch v := tree.(type) {
	case map[string]any:
		for name, value := range v {
			if v[name] = bare(value); v[name] == nil {
				delete(v, name)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = bare(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	}
	return tree
}

func problemsOf(ps configfile.Problems) (out []problem) {
	for _, p := range ps {
		out = append(out, problem{p.File, p.Line, p.Column, p.What, p.Hint, p.Source, p.Offset, p.Width, p.Other})
	}
	return out
}

// ownWords are faults whose text is a parser's own: of them the line counts.
func ownWords(what string) bool {
	return strings.HasPrefix(what, "this is not valid ") || strings.HasPrefix(what, "the YAML parser gave up")
}

// stricter reports whether the Rust side refuses as no YAML what the parser of the
// Go side reads on from: {a: b c: d} is to that one a value "b c: d".
func stricter(g, r verdict) bool {
	return len(r.Errors) == 1 && ownWords(r.Errors[0].What) && !(len(g.Errors) == 1 && ownWords(g.Errors[0].What))
}

// elsewhere reports whether both find the same faults and one of them at another
// place: the parser of the Go side misplaces plain text that goes on in a further line.
func elsewhere(g, r verdict) bool {
	if len(g.Errors) != len(r.Errors) {
		return false
	}
	apart := 0
	for i, p := range g.Errors {
		q := r.Errors[i]
		if p.What != q.What || p.Hint != q.Hint {
			return false
		}
		if p.Line != q.Line || p.Column != q.Column {
			apart++
		}
	}
	return apart == 1
}

// differs says in what two verdicts differ, "" for nothing.
func differs(g, r verdict) string {
	switch {
	case r.Unreadable != "" || r.File == "":
		return "Rust does not read it: " + r.Unreadable
	case (len(g.Errors) == 0) != (len(r.Errors) == 0):
		return fmt.Sprintf("Go finds %s, Rust %s", show(g.Errors), show(r.Errors))
	case g.Digest != r.Digest || g.Spec != r.Spec || g.Version != r.Version || g.Form != r.Form:
		return fmt.Sprintf("Go %s %s %s, Rust %s %s %s\n go   %s\n rust %s", g.Form, g.Version, g.Digest, r.Form, r.Version, r.Digest, g.Spec, r.Spec)
	}
	if d := cmp.Diff(g.Edge, bare(r.Edge)); d != "" {
		return "the settings of the edge differ:\n" + d
	}
	if len(g.Errors) == 1 && len(r.Errors) == 1 && ownWords(g.Errors[0].What) && ownWords(r.Errors[0].What) {
		return ""
	}
	if flat(g.Errors) != flat(r.Errors) {
		return fmt.Sprintf("the faults differ:\n go   %s\n rust %s", show(g.Errors), show(r.Errors))
	}
	if flat(g.Warnings) != flat(r.Warnings) {
		return fmt.Sprintf("the warnings differ:\n go   %s\n rust %s", show(g.Warnings), show(r.Warnings))
	}
	return ""
}

// flat is all of the problems as one text, other places included.
func flat(ps []problem) string {
	if len(ps) == 0 {
		return ""
	}
	text, err := json.Marshal(ps)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func show(ps []problem) string {
	if len(ps) == 0 {
		return "nothing"
	}
	var b strings.Builder
	for _, p := range ps {
		fmt.Fprintf(&b, "\n   %s:%d:%d (%d of %q, %d wide) %s (%s)", filepath.Base(p.File), p.Line, p.Column, p.Offset, p.Source, p.Width, p.What, p.Hint)
	}
	return b.String()
}

// collection is the files to compare: those of the repository, and texts in
// files of their own.
type collection struct {
	t     *testing.T
	dir   string
	paths []string
}

func (c *collection) add(name, text string) {
	path := filepath.Join(c.dir, fmt.Sprintf("%04d-%s", len(c.paths), name))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.paths = append(c.paths, path)
}

// everyConfiguration collects every YAML and JSON file of the repository, the
// configurations inside scenarios, and the examples in its texts. What is no
// configuration at all must be refused by both sides alike.
func everyConfiguration(t *testing.T) *collection {
	t.Helper()
	c := &collection{t: t, dir: t.TempDir()}
	err := filepath.WalkDir(repository, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "target" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		switch filepath.Ext(path) {
		case ".yaml", ".yml", ".json":
			c.paths = append(c.paths, path)
			c.inline(path)
		case ".md":
			c.examples(path)
		case ".go":
			c.literals(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// section begins a part of a configuration; template is a hole for Printf to fill.
var template, section = regexp.MustCompile(`%(\[\d\])?[qsdv]`), regexp.MustCompile(`^(facts|listen|control_plane|recording|routing|admin|access_log|metrics|tracing|routes|priority|defaults|profiles|placements|keys|tables|must|include|a|b|x): `)

// literals adds the texts in tests of the Go side that are, or may be completed to, a
// configuration: most of them are there because something is wrong with them.
func (c *collection) literals(path string) {
	if !strings.HasSuffix(path, "_test.go") || !strings.Contains(filepath.ToSlash(path), "/adapters/") {
		return
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(lit.Value)
		switch {
		case err != nil:
			c.t.Fatal(err)
		case template.MatchString(text): // its holes are not YAML
		case strings.Contains(text, "lockstep: 1") || strings.Contains(text, `"placements"`) || strings.Contains(text, `"cellEndpoints"`):
			c.add(filepath.Base(path), text)
		case section.MatchString(text):
			c.add(filepath.Base(path), "lockstep: 1\n"+text+"\n")
			c.add(filepath.Base(path), "lockstep: 1\nplacements: {a: {endpoints: {x: {url: \"http://a:1\"}}}, b: {endpoints: {x: {url: \"http://b:1\"}}}}\n"+text+"\n")
		}
		return true
	})
}

// inline adds the configuration that a scenario holds.
func (c *collection) inline(path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	var tree struct {
		Config any `yaml:"config"`
	}
	_ = configfile.DecodeYAML(path, data, &tree) // the other fields of a scenario are unknown here
	if _, own := tree.Config.(map[string]any); own {
		c.add(filepath.Base(path), scenario.Text(tree.Config))
	}
}

// examples adds the blocks of a text that are marked as YAML or JSON.
func (c *collection) examples(path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	blocks := strings.Split(string(data), "\n```")
	for i := 1; i < len(blocks); i++ {
		kind, text, _ := strings.Cut(blocks[i], "\n")
		if kind == "yaml" || kind == "json" {
			c.add(strings.TrimSuffix(filepath.Base(path), ".md")+"."+kind, text)
		}
	}
}

func TestEveryConfigurationMeansTheSameToBothRouters(t *testing.T) {
	c := everyConfiguration(t)
	rust := judgedByRust(t, c.paths)
	good := 0
	for _, path := range c.paths {
		g := judgedByGo(t, path)
		if g.Digest != "" {
			good++
		}
		if d := differs(g, rust[path]); d != "" {
			t.Errorf("%s: %s", path, d)
		}
	}
	t.Logf("%d files, examples and texts of tests, of which %d compile", len(c.paths), good)
	if good < 30 {
		t.Errorf("only %d of %d compile: the collection is not what it was", good, len(c.paths))
	}
}

// A damaged configuration is where two readers part: both must refuse it for the
// same reason, or read the same into it.
func TestADamagedConfigurationMeansTheSameToBothRouters(t *testing.T) {
	whole := everyConfiguration(t)
	var texts []string
	for _, path := range whole.paths {
		if judgedByGo(t, path).Digest == "" {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	c := &collection{t: t, dir: t.TempDir()}
	random := rand.New(rand.NewPCG(*seed, 0))
	for range *damaged {
		text := texts[random.IntN(len(texts))]
		for range 1 + random.IntN(2) {
			text = damage(random, text, texts)
		}
		c.add("damaged", text)
	}
	rust := judgedByRust(t, c.paths)
	refused, parted := 0, 0
	for _, path := range c.paths {
		g := judgedByGo(t, path)
		if stricter(g, rust[path]) || elsewhere(g, rust[path]) {
			parted++
			continue
		}
		if g.Digest == "" {
			refused++
		}
		if d := differs(g, rust[path]); d != "" {
			data, _ := os.ReadFile(path)
			t.Errorf("%s: %s\n%s", filepath.Base(path), d, data)
		}
	}
	t.Logf("%d damaged configurations, %d refused by both, %d not read alike by the parsers of YAML", len(c.paths), refused, parted)
	if parted > len(c.paths)/100 {
		t.Errorf("the parsers of YAML do not read %d of %d alike: they have parted", parted, len(c.paths))
	}
}

// damage changes one thing: a line, a word, or a value.
func damage(random *rand.Rand, text string, others []string) string {
	lines := strings.Split(text, "\n")
	i := random.IntN(len(lines))
	words := strings.FieldsFunc(lines[i], func(r rune) bool { return strings.ContainsRune(" ,{}[]:\"", r) })
	switch n := random.IntN(6); {
	case n == 0: // a line is gone
		lines = append(lines[:i], lines[i+1:]...)
	case n == 1: // a line is there twice
		lines = append(lines[:i+1], lines[i:]...)
	case n == 2 && len(words) > 0: // a word is misspelt
		w := words[random.IntN(len(words))]
		at := random.IntN(len(w))
		lines[i] = strings.Replace(lines[i], w, w[:at]+string("xaeiou057-_."[random.IntN(12)])+w[at:], 1)
	case n == 3 && len(words) > 0: // a word is another
		w := words[random.IntN(len(words))]
		values := []string{"none", "0", "-1", "1", "99999999999", "5s", "0s", "50%", "10MiB", "true", `""`, "null", "~", "[]", "{}", "a", "[a, b]", "{a: b}", "1.5", `"5s"`, "''", "http://x"}
		lines[i] = strings.Replace(lines[i], w, values[random.IntN(len(values))], 1)
	case n == 4: // a line of another file stands here
		other := strings.Split(others[random.IntN(len(others))], "\n")
		lines[i] = other[random.IntN(len(other))]
	default: // a piece of the line is gone
		if len(lines[i]) > 0 {
			from := random.IntN(len(lines[i]))
			lines[i] = lines[i][:from] + lines[i][min(len(lines[i]), from+1+random.IntN(4)):]
		}
	}
	return strings.Join(lines, "\n")
}

// folders are configurations of several files.
func folders() map[string]map[string]string {
	const main = `lockstep: 1
include: [placements/*.yaml, "t/*.csv", placements/a.yaml, {table: vip, csv: vip.csv}]
routes: [{table: vip, match: {path: /vip}}, {table: t}, {}]
defaults: {limit: {in_flight: 10}}
placements: {c: {endpoints: {one: {url: "http://c:1"}}}}
keys: {z: c}
`
	const a = "lockstep: 1\nplacements:\n  a:\n    profile: small\n    endpoints: {one: {url: \"http://a:1\"}}\n"
	const b = "profiles: {small: {limit: {guests: 3}}}\nkeys: {y: a}\n"
	return map[string]map[string]string{
		"tables grow together": {
			"main.yaml": main, "placements/a.yaml": a, "placements/b.yaml": b, "vip.csv": "key,placement\nv,c\n",
			"t/eu.csv": "key,placement,region\r\nb,c,eu\r\nk 1,a,eu\r\n", "t/us.csv": "key,placement\na,c\nab,c 95% a 5%\n\xff,c\n",
		},
		"nothing matches": {"main.yaml": main},
		"two definitions": {
			"main.yaml": main, "placements/a.yaml": "placements: {c: {endpoints: {one: {url: \"http://a:1\"}}}}\ndefaults: {}\nkeys: {z: c}\n",
			"t/a.csv": "key,placement\nz,c\n", "t/b.csv": "key,placement\nb,c\nz,c\n", "vip.csv": "key,placement\nv,c\nv,c\n",
		},
		"what an included file may not say": {
			"main.yaml": main, "placements/a.yaml": "include: [x]\nlockstep: 2\n", "t/a.csv": "key,placement\n", "vip.csv": "",
		},
		"bad lists of tenants": {
			"main.yaml": main, "placements/a.yaml": "version: x\n", "t/a.csv": "placement,key\n",
			"t/b.csv": "key,placement\nb,c\na,c\na\n,c\nd,\nd,c,eu\n\"e\",c\nb,c\nf,nowhere\n\ng,c 5%\nh,c x% a 5%\ni,c 1% a", "vip.csv": "key,placement\nf,d",
		},
		"a pattern that is none": {"main.yaml": "lockstep: 1\ninclude: [\"[x\", {table: x, csv: main.yaml}, {table: y}, 7, [a], no-text.yaml]\n", "no-text.yaml": "a: \xff"},
		"a bootstrap beside the file": {
			"main.yaml": "lockstep: 1\ncontrol_plane: {url: \"ws://x\", last_known_good: {dir: d, bootstrap: ../b.yaml}}\nplacements: {c: {endpoints: {one: {url: \"http://c:1\"}}}}",
		},
	}
}

func TestWhatAConfigurationIncludesMeansTheSameToBothRouters(t *testing.T) {
	var paths []string
	for name, files := range folders() {
		dir := filepath.Join(t.TempDir(), strings.ReplaceAll(name, " ", "-"))
		for file, text := range files {
			path := filepath.Join(dir, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		paths = append(paths, filepath.Join(dir, "main.yaml"))
	}
	rust := judgedByRust(t, paths)
	for _, path := range paths {
		if d := differs(judgedByGo(t, path), rust[path]); d != "" {
			t.Errorf("%s: %s", path, d)
		}
	}
}
