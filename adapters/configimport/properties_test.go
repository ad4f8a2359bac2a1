package configimport_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lockstep/adapters/configimport"
)

// accounted holds that each line of text that says something is in the report
// exactly once, and that the totals add up.
func accounted(t *rapid.T, name, text string, r *configimport.Report) {
	seen := map[int]int{}
	classes := map[configimport.Class]int{}
	for _, l := range r.Lines {
		classes[l.Class]++
		if l.File == name {
			seen[l.Number]++
		}
		if l.Class != configimport.Translated && len(l.Notes) == 0 {
			t.Fatalf("%s is %s without a word why: %s", l.At(), l.Class, l.Text)
		}
	}
	for i, raw := range strings.Split(text, "\n") {
		raw = strings.TrimSpace(raw)
		want := 1
		if raw == "" || raw[0] == '#' {
			want = 0
		}
		if seen[i+1] != want {
			t.Fatalf("line %d is %d times in the report, not %d: %s", i+1, seen[i+1], want, raw)
		}
	}
	if classes[configimport.Translated] != r.Translated || classes[configimport.Different] != r.Different || classes[configimport.NotTranslated] != r.NotTranslated ||
		r.Translated+r.Different+r.NotTranslated != len(r.Lines) {
		t.Fatalf("the totals do not add up: %s, counted %v", r.Total(), classes)
	}
}

func report(r *configimport.Result, err error) *configimport.Report {
	var empty *configimport.Empty
	switch {
	case errors.As(err, &empty):
		return empty.Report
	case err != nil:
		return nil
	}
	return r.Report
}

// damaged is a fixture of which lines are missing, twice, moved, cut or of another fixture.
func damaged(t *rapid.T, text string, others []string) string {
	lines := strings.Split(text, "\n")
	for range rapid.IntRange(0, 6).Draw(t, "damages") {
		i := rapid.IntRange(0, len(lines)-1).Draw(t, "line")
		switch rapid.IntRange(0, 5).Draw(t, "how") {
		case 0:
			n := rapid.IntRange(1, 5).Draw(t, "lines")
			lines = slices.Delete(lines, i, min(len(lines), i+n))
		case 1:
			lines = slices.Insert(lines, i, lines[i])
		case 2:
			other := strings.Split(rapid.SampledFrom(others).Draw(t, "other"), "\n")
			lines = slices.Insert(lines, i, rapid.SampledFrom(other).Draw(t, "insert"))
		case 3:
			lines[i] = lines[i][:rapid.IntRange(0, len(lines[i])).Draw(t, "cut")]
		case 4:
			words := strings.Fields(lines[i])
			if len(words) > 1 {
				k := rapid.IntRange(0, len(words)-1).Draw(t, "word")
				words[k] = rapid.SampledFrom([]string{"", "0", "-1", "99999999999", "if", "{", "}", "!", "%[", "/a//b", "\"", "::", "$X", "none", "é", words[0]}).Draw(t, "with")
				lines[i] = "    " + strings.Join(words, " ")
			}
		default:
			lines = slices.Insert(lines, i, rapid.StringMatching(`[ -~]{0,30}`).Draw(t, "garbage"))
		}
		if len(lines) == 0 {
			return ""
		}
	}
	return strings.Join(lines, "\n")
}

func texts(t *testing.T, ending ...string) (paths []string, out map[string]string) {
	out = map[string]string{}
	for path := range fixtures(t) {
		if slices.ContainsFunc(ending, func(e string) bool { return strings.HasSuffix(path, e) }) {
			out[path] = string(read(t, path))
		}
	}
	return slices.Sorted(maps.Keys(out)), out
}

func TestEveryLineOfADamagedHAProxyConfigurationIsAccountedForAndWhatIsMadeCompiles(t *testing.T) {
	paths, all := texts(t, ".cfg")
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom(paths).Draw(t, "fixture")
		text := damaged(t, all[path], slices.Sorted(maps.Values(all)))
		r, err := translate(path, []byte(text))
		rep := report(r, err)
		if rep == nil {
			if !errors.Is(err, configimport.ErrForeign) {
				t.Fatalf("unexpected: %v", err)
			}
			return
		}
		accounted(t, path[strings.LastIndexByte(path, '/')+1:], text, rep)
		if r != nil {
			loads(t, r.YAML)
		}
	})
}

func TestEveryLineOfADamagedEnvoyConfigurationIsAccountedForAndWhatIsMadeCompiles(t *testing.T) {
	paths, all := texts(t, ".yaml", ".json")
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom(paths).Draw(t, "fixture")
		text := damaged(t, all[path], []string{all[path]})
		r, err := translate(path, []byte(text))
		rep := report(r, err)
		if rep == nil {
			if !strings.Contains(err.Error(), path[strings.LastIndexByte(path, '/')+1:]) {
				t.Fatalf("the error does not name the file: %v", err)
			}
			return
		}
		accounted(t, path[strings.LastIndexByte(path, '/')+1:], text, rep)
		if r != nil {
			loads(t, r.YAML)
		}
	})
}

func TestGarbageInAnHAProxyConfigurationIsListed(t *testing.T) {
	paths, all := texts(t, ".cfg")
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom(paths).Draw(t, "fixture")
		lines := strings.Split(all[path], "\n")
		i := rapid.IntRange(0, len(lines)).Draw(t, "where")
		garbage := "zz" + rapid.StringMatching(`[a-z]{1,8}( [a-z0-9:/.]{1,9}){0,4}`).Draw(t, "garbage")
		r, err := translate(path, []byte(strings.Join(slices.Insert(lines, i, garbage), "\n")))
		if err != nil {
			t.Fatal(err)
		}
		found := ""
		for _, l := range r.Report.Lines {
			if l.Text == garbage {
				found = fmt.Sprint(l.Class)
			}
		}
		if found != "not translated" {
			t.Fatalf("%q is %q", garbage, found)
		}
	})
}

func TestAFieldThatEnvoyDoesNotHaveIsListed(t *testing.T) {
	paths, all := texts(t, ".yaml")
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom(paths).Draw(t, "fixture")
		lines := strings.Split(all[path], "\n")
		i := rapid.IntRange(1, len(lines)-1).Draw(t, "where")
		for i < len(lines) && (strings.HasPrefix(strings.TrimSpace(lines[i]), "-") || !strings.Contains(lines[i], ": ")) {
			i++
		}
		if i == len(lines) {
			return
		}
		field := lines[i][:len(lines[i])-len(strings.TrimLeft(lines[i], " "))] + "zz_field: 7"
		r, err := translate(path, []byte(strings.Join(slices.Insert(lines, i, field), "\n")))
		if err != nil {
			return // it did not fit there
		}
		for _, l := range r.Report.Lines {
			if l.Text == "zz_field: 7" && l.Class == configimport.NotTranslated {
				return
			}
		}
		t.Fatalf("line %d is not listed", i+1)
	})
}
