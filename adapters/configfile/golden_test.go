package configfile

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "write the errors found as the errors wanted")

// loadAndCompile is what check and serve do with a file.
func loadAndCompile(path string) (*File, error) {
	f, err := Load(path)
	if err == nil {
		_, err = f.Compile()
	}
	return f, err
}

func examples(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples in %s: %v", pattern, err)
	}
	return paths
}

func TestEveryFaultIsShownWhereItIsAndHowToMendIt(t *testing.T) {
	for _, path := range examples(t, "testdata/bad/*.*") {
		if strings.HasSuffix(path, ".txt") {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			_, err := loadAndCompile(path)
			var faults Problems
			if !errors.As(err, &faults) {
				t.Fatalf("the error is %v, want Problems", err)
			}
			golden := strings.TrimSuffix(path, filepath.Ext(path)) + ".txt"
			got := err.Error() + "\n"
			if *rewrite {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestGoodExamplesLoadWithoutWarnings(t *testing.T) {
	for _, path := range append(examples(t, "testdata/good/*"), examples(t, "../../scenarios/configs/*.yaml")...) {
		f, err := loadAndCompile(path)
		if err != nil {
			t.Errorf("%s:\n%v", path, err)
			continue
		}
		c, _ := f.Compile()
		if w := append(f.Warnings, f.Capacity(c)...); len(w) > 0 {
			t.Errorf("%s:\n%v", path, w)
		}
	}
}

func readSource(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
