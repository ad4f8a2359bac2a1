package configimport_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

func read(t testing.TB, path string) []byte {
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

func TestMoreRulesThanRoutesMakeAConfigurationThatLoadsAndSaysWhatIsMissing(t *testing.T) {
	var hosts, text strings.Builder
	text.WriteString("defaults\n mode http\n")
	for f := range 3 {
		fmt.Fprintf(&text, "frontend f%d\n bind :808%d\n use_backend %%[req.hdr(host),lower,map(hosts.map,b)]\n", f, f)
	}
	text.WriteString("backend b\n server s 10.0.0.1:80\n")
	for i := range 2100 { // three hosts of a domain are one route with a table
		fmt.Fprintf(&hosts, "h%d.d%d.example.com b\n", i, i/3)
	}
	r, err := configimport.HAProxy([]configimport.Input{{Name: "many.cfg", Data: []byte(text.String())}}, configimport.Options{
		Read: func(string) ([]byte, error) { return []byte(hosts.String()), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	loads(t, r.YAML)
	var missing []string
	for _, l := range r.Report.Lines {
		if l.Class == configimport.NotTranslated {
			missing = append(missing, l.Text)
		}
	}
	if want := []string{"frontend f1", "frontend f2"}; !slices.Equal(missing, want) {
		t.Errorf("what has no room for its routes: %q, want %q", missing, want)
	}
}

func TestAnEmptyEnvoyConfigurationIsSaidToBeEmpty(t *testing.T) {
	_, err := configimport.Envoy(configimport.Input{Name: "empty.yaml"}, configimport.Options{})
	if err == nil || err.Error() != "empty.yaml: there is nothing in the file" {
		t.Errorf("the error is %v", err)
	}
}

func TestAHugeNameDoesNotFillTheReport(t *testing.T) {
	text := "defaults\n mode http\nfrontend f\n bind :8080\n use_backend " + strings.Repeat("x", 1<<20) + "\n default_backend b\nbackend b\n server s 10.0.0.1:80\n"
	r, err := configimport.HAProxy([]configimport.Input{{Name: "huge.cfg", Data: []byte(text)}}, configimport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if report := r.Report.Text(true); len(report) > 8<<10 {
		t.Errorf("the report has %d bytes", len(report))
	}
}

func TestAnAddressWithAControlCharacterIsNoHost(t *testing.T) {
	text := "defaults\n mode http\nfrontend f\n bind :8080\n default_backend b\nbackend b\n server s 10.0.0.1:80\n server t \x0110.0.0.2:80\n"
	r, err := configimport.HAProxy([]configimport.Input{{Name: "odd.cfg", Data: []byte(text)}}, configimport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	loads(t, r.YAML)
	if last := r.Report.Lines[len(r.Report.Lines)-1]; last.Class != configimport.NotTranslated {
		t.Errorf("%s is %s", last.Text, last.Class)
	}
}

func TestAKeySourceWithoutAPossibleNameIsNotTranslated(t *testing.T) {
	for _, expr := range []string{"%[req.hdr({-Tenant),map(m)]", "%[req.cook(a b),map(m)]", "%[req.hdr(),map(m)]"} {
		text := "defaults\n mode http\nfrontend f\n bind :8080\n use_backend " + expr + "\n default_backend b\nbackend b\n server s 10.0.0.1:80\n balance hdr({x)\n"
		r, err := configimport.HAProxy([]configimport.Input{{Name: "odd.cfg", Data: []byte(text)}}, configimport.Options{
			Read: func(string) ([]byte, error) { return []byte("k b\n"), nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		loads(t, r.YAML)
		if r.Report.NotTranslated == 0 {
			t.Errorf("%s is translated:\n%s", expr, r.YAML)
		}
	}
}
