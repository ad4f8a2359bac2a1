package configimport_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/adapters/configfile"
	"lockstep/adapters/configimport"
)

var rewrite = flag.Bool("rewrite", false, "write the wanted translations anew")

// fixtures lists the inputs in testdata with the function that translates them.
func fixtures(t *testing.T) map[string]func() (*configimport.Result, error) {
	t.Helper()
	out := map[string]func() (*configimport.Result, error){}
	for _, pattern := range []string{"testdata/haproxy/*.cfg", "testdata/envoy/*.yaml", "testdata/envoy/*.json"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no fixture matches %s: %v", pattern, err)
		}
		for _, p := range paths {
			if strings.Contains(p, ".want.") {
				continue
			}
			out[p] = func() (*configimport.Result, error) { return translate(p, read(t, p)) }
		}
	}
	return out
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// translate is what the command does, with one variable known.
func translate(path string, data []byte) (*configimport.Result, error) {
	in := configimport.Input{Name: filepath.Base(path), Data: data}
	o := configimport.Options{Read: configimport.ReadBeside(path), Env: func(name string) (string, bool) { return "8090", name == "CELL_PORT" }}
	if strings.HasSuffix(path, ".cfg") {
		return configimport.HAProxy([]configimport.Input{in}, o)
	}
	return configimport.Envoy(in, o)
}

func TestEachFixtureBecomesTheConfigurationAndTheReportThatAreWanted(t *testing.T) {
	for path, run := range fixtures(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			r, err := run()
			if err != nil {
				t.Fatal(err)
			}
			for suffix, got := range map[string]string{".want.native": string(r.YAML), ".want.report": r.Report.Text(true)} {
				want := path + suffix
				if *rewrite {
					if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				if diff := cmp.Diff(string(read(t, want)), got); diff != "" {
					t.Errorf("%s differs from what is made; -rewrite writes it anew, review the diff\n%s", want, diff)
				}
			}
		})
	}
}

func TestEveryTranslationLoadsCompilesAndHasNoRouteThatIsNeverReached(t *testing.T) {
	for path, run := range fixtures(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			r, err := run()
			if err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string][]byte{"plain": r.YAML, "annotated": r.Annotated()} {
				f := loads(t, text)
				if w := append(f.Shadowed(), f.Unused()...); len(w) > 0 {
					t.Errorf("%s: %v", name, w)
				}
			}
		})
	}
}

// loads holds that text is a configuration that compiles.
func loads(t interface {
	Helper()
	Fatalf(string, ...any)
}, text []byte,
) *configfile.File {
	t.Helper()
	f, err := configfile.Parse("made.yaml", text)
	if err != nil {
		t.Fatalf("the translation does not load: %v\n%s", problems(err), text)
	}
	if _, err := f.Compile(); err != nil {
		t.Fatalf("the translation does not compile: %v\n%s", problems(err), text)
	}
	return f
}

// problems shows each problem with its place.
func problems(err error) string {
	var all configfile.Problems
	if !errors.As(err, &all) {
		return err.Error()
	}
	var b strings.Builder
	for _, p := range all {
		b.WriteString(p.String() + ": " + p.What + "\n")
	}
	return b.String()
}

func TestTheSameInputMakesTheSameBytes(t *testing.T) {
	for path, run := range fixtures(t) {
		first, err := run()
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			again, err := run()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(first.YAML)+first.Report.Text(true), string(again.YAML)+again.Report.Text(true)); diff != "" {
				t.Fatalf("%s: %s", path, diff)
			}
		}
	}
}
