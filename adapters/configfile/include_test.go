package configfile

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/core"
)

// folder writes files into a new folder and returns the path of main.yaml.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "main.yaml")
}

// faults returns the position, without the folder, and text of each fault.
func faults(t *testing.T, main string) []string {
	t.Helper()
	_, err := loadAndCompile(main)
	var all Problems
	if err != nil && !errors.As(err, &all) {
		t.Fatal(err)
	}
	var out []string
	for _, p := range all {
		s := p.String() + ": " + p.What
		if p.Other != nil {
			s += ", first " + p.Other.String()
		}
		out = append(out, strings.ReplaceAll(s, filepath.Dir(main)+string(filepath.Separator), ""))
	}
	return out
}

const includeMain = `lockstep: 1
include: [placements/*.yaml, "t/*.csv", placements/a.yaml]
defaults: {limit: {in_flight: 10}}
placements: {c: {endpoints: {one: {url: "http://c:1"}}}}
keys: {z: c}
`

func TestIncludedFilesGrowTheTablesAndEveryPlaceIsKnown(t *testing.T) {
	main := folder(t, map[string]string{
		"main.yaml":         includeMain,
		"placements/a.yaml": "lockstep: 1\nplacements:\n  a:\n    profile: small\n    endpoints: {one: {url: \"http://a:1\"}}\n",
		"placements/b.yaml": "profiles: {small: {limit: {guests: 3}}}\nkeys: {y: a}\n",
		"t/eu.csv":          "key,placement,region\r\nb,c,eu\r\nk 1,a,eu\r\n",
		"t/us.csv":          "\ufeffkey,placement\na,c\n",
	})
	f, err := Load(main)
	if err != nil {
		t.Fatal(err)
	}
	want := []core.KeySpec{{Key: "a", Placement: "c"}, {Key: "b", Placement: "c"}, {Key: "k 1", Placement: "a"}, {Key: "y", Placement: "a"}, {Key: "z", Placement: "c"}}
	if d := cmp.Diff(want, f.Spec.Keys); d != "" {
		t.Error(d)
	}
	dir := filepath.Dir(main) + string(filepath.Separator)
	for path, want := range map[string]string{
		"placements.a.limit.guests":    "placements/b.yaml:1:36",
		"placements.a.limit.in_flight": "main.yaml:3:31",
		"placements.a":                 "placements/a.yaml:3:3",
		"keys.k 1":                     "t/eu.csv:3:1",
		"keys.z":                       "main.yaml:5:8",
	} {
		if at, ok := f.Where(path); !ok || at.String() != dir+filepath.FromSlash(want) {
			t.Errorf("%s is at %v (%t), want %s", path, at, ok, want)
		}
	}
	if at, ok := f.Where("placements.a.breaker.open"); ok || at.String() != dir+filepath.FromSlash("placements/a.yaml:3:3") {
		t.Errorf("what is not written is at %v (%t), want the placement and false", at, ok)
	}
	if !slices.Contains(f.Watch, dir+filepath.FromSlash("t/*.csv")) || len(f.Sources) != 5 {
		t.Errorf("watches %v and has read %v", f.Watch, f.Sources)
	}
}

func TestEveryFaultOfAnIncludeIsShown(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"nothing matches": {
			nil, []string{
				`main.yaml:2:11: "placements/*.yaml" matches no file`,
				`main.yaml:2:30: "t/*.csv" matches no file`,
				`main.yaml:2:41: "placements/a.yaml" matches no file`,
			},
		},
		"two definitions": {
			map[string]string{
				"placements/a.yaml": "placements: {c: {endpoints: {one: {url: \"http://a:1\"}}}}\ndefaults: {}\nkeys: {z: c}\n",
				"t/a.csv":           "key,placement\nz,c\n", "t/b.csv": "key,placement\nb,c\nz,c\n",
			},
			[]string{
				`placements/a.yaml:1:14: "c" is defined twice, first main.yaml:4:14`,
				`placements/a.yaml:2:1: "defaults" is defined twice, first main.yaml:3:1`,
				`placements/a.yaml:3:8: "z" is defined twice, first main.yaml:5:8`,
				`t/a.csv:2:1: "z" is defined twice, first placements/a.yaml:3:8`,
				`t/b.csv:3:1: "z" is defined twice, first t/a.csv:2:1`,
			},
		},
		"included files that include or are of another version": {
			map[string]string{"placements/a.yaml": "include: [x]\nlockstep: 2\n", "t/a.csv": "key,placement\n"},
			[]string{
				`placements/a.yaml:1:1: an included file cannot include others`,
				`placements/a.yaml:2:1: "lockstep" is defined twice, first main.yaml:1:1`,
			},
		},
		"bad lists of tenants": {
			map[string]string{
				"placements/a.yaml": "version: x\n",
				"t/a.csv":           "placement,key\n",
				"t/b.csv":           "key,placement\nb,c\na,c\na,d\na\n,c\nd,\nd,c,eu\n\"e\",c\nb,c\nf,nowhere",
			},
			[]string{
				`t/a.csv:1:1: this is not the header of a list of tenants`,
				`t/b.csv:3:1: "a" comes after "b"`,
				`t/b.csv:5:1: this line has 1 field, the header 2`,
				`t/b.csv:6:1: the key or the placement is empty`,
				`t/b.csv:7:1: the key or the placement is empty`,
				`t/b.csv:8:1: this line has 3 fields, the header 2`,
				`t/b.csv:9:1: there is a quote in this line`,
				`t/b.csv:10:1: "b" is defined twice, first t/b.csv:2:1`,
			},
		},
		"a tenant of a placement that is not there": {
			map[string]string{"placements/a.yaml": "version: x\n", "t/a.csv": "key,placement\nf,d"},
			[]string{`t/a.csv:2:1: keys.f: there is no placement named "d"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"main.yaml": includeMain}
			for n, text := range c.files {
				files[n] = text
			}
			if d := cmp.Diff(c.want, faults(t, folder(t, files))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestAPushedConfigurationNamesNoLocalFiles(t *testing.T) {
	_, err := Parse("push", []byte("lockstep: 1\ninclude: [/etc/passwd]\nplacements: {a: {endpoints: {one: {url: \"http://a:1\"}}}}\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "push:2:11: a configuration that is not a file on disk cannot include others") {
		t.Errorf("the error is %v", err)
	}
}

func TestAFileThatIsNotThereIsNotAContentError(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the error is %v, want not exist", err)
	}
}

func TestTheLabelFollowsTheMeaningAndNothingElse(t *testing.T) {
	label := func(text string) string {
		f, err := Parse("c", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return f.Spec.Version
	}
	base := "lockstep: 1\nplacements: {a: {endpoints: {one: {url: \"http://a:1\"}}}, b: {endpoints: {one: {url: \"http://b:1\"}}}}\n"
	same := "# a comment\nfacts: {routers: 5}\n" + base
	turned := "lockstep: 1\nplacements: {b: {endpoints: {one: {url: \"http://b:1\"}}}, a: {endpoints: {one: {url: \"http://a:1\"}}}}\n"
	other := base + "keys: {k: a}\n"
	if label(base) != label(same) || label(base) != label(turned) {
		t.Error("a comment, facts or the order of placements changed the label")
	}
	if label(base) == label(other) {
		t.Error("another key did not change the label")
	}
}
