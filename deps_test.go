// Package lockstep_test holds the repository to its import policy and its
// dependency budget. The policy is the two tables below.
package lockstep_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers says which of our packages a folder, and what lies below it, may
// import besides its own. The longest folder that matches counts. Tests obey
// it too, with what inTests adds.
var layers = []struct {
	folder, imports, inTests, because string
}{
	{"core", "", "traces/story", "decisions are a pure function; which std packages it may use is in core/purity_test.go; its tests run the stories"},
	{"core/loop", "core", "adapters/realclock", "simulation and production run this one loop, so it knows neither; its tests use the mock clock"},
	{"traces", "core core/loop", "", "a stranger's reader needs the format and the core, not a router"},
	{"sim", "core core/loop traces", "", "a simulation that saw real IO would no longer be determined by its seed"},
	{"adapters", "core core/loop traces", "", "production must not depend on what models it"},
	{"cmd", "core core/loop traces sim adapters", "", "only a program sees both sides; the twin test compares them here"},
	{"", "", "", "this test needs nothing of ours"},
}

// libraries says where a module from outside may be imported. core, core/loop,
// traces and sim have none: what they compute must not change with a version.
var libraries = []struct {
	module, folder string
	testsOnly      bool
	because        string
}{
	{"github.com/benbjohnson/clock", "adapters", false, "the injectable clock, behind loop.Clock"},
	{"github.com/benbjohnson/clock", "core/loop", true, "the loop runs on clock.NewMock"},
	{"github.com/coder/websocket", "adapters/controlplane", false, "WebSocket framing"},
	{"github.com/coder/websocket", "adapters/httpproxy", true, "the other end of the WebSockets that pass through"},
	{"github.com/pires/go-proxyproto", "adapters/edge", false, "the PROXY header; its default trusts every peer, so the policy is ours"},
	{"github.com/coder/websocket", "cmd", true, "a test is a baseline router to lockstep control"},
	{"github.com/expr-lang/expr", "cmd", false, "expressions in scenarios, checked before they run; no modules of its own"},
	{"github.com/fsnotify/fsnotify", "adapters/filewatch", false, "inotify and its kin"},
	{"github.com/golang-jwt/jwt/v5", "adapters/routing", false, "signatures of tokens that carry a key"},
	{"github.com/goccy/go-yaml", "adapters/configfile", false, "YAML with positions"},
	{"github.com/goccy/go-yaml", "adapters/configimport", false, "the same, for configurations of Envoy: with anchors, which ours has not"},
	{"github.com/golang-jwt/jwt/v5", "adapters/routing", false, "tokens whose claims are routing keys; no modules of its own"},
	{"github.com/goccy/go-yaml", "cmd", true, "a scenario as another reader of YAML sees it, for its schema"},
	{"github.com/pires/go-proxyproto", "adapters/upstream", false, "writing and parsing of the PROXY protocol"},
	{"github.com/prometheus/client_golang", "adapters/metrics", false, "metrics: exposition and native histograms"},
	{"github.com/prometheus/client_golang", "adapters/metrics", true, "promlint holds the names"},
	{"github.com/santhosh-tekuri/jsonschema/v6", "cmd", true, "the schema of scenarios holds for every one that is shipped"},
	{"github.com/santhosh-tekuri/jsonschema/v6", "adapters/configfile", true, "the schema that editors get and the loader must agree"},
	{"github.com/spf13/cobra", "cmd", false, "commands, help, completion"},
	{"go.opentelemetry.io/otel", "adapters/tracing", false, "spans, OTLP over HTTP; unsampled requests take another way than otelhttp's"},
	{"go.opentelemetry.io/otel", "adapters/tracing", true, "an exporter in memory"},
	{"golang.org/x/sys", "adapters/lifecycle", false, "the monotonic clock that systemd counts by"},
	{"golang.org/x/sys", "cmd/bench", false, "epoll and timerfd: a generator that costs less than what it measures"},
	{"golang.org/x/net", "adapters/discovery", false, "DNS messages: std's resolver does not tell the time to live"},
	{"golang.org/x/net", "adapters/upstream", true, "frames of HTTP/2 that no honest server sends"},
	{"golang.org/x/sys", "adapters/upstream", true, "sockets of a test in a network namespace"},
	{"github.com/sony/gobreaker/v2", "core", true, "a breaker that others wrote, as an oracle"},
	{"github.com/failsafe-go/failsafe-go", "core", true, "the same, with rates over a window"},
	{"golang.org/x/term", "cmd", false, "is this a terminal, and how wide"},
	{"github.com/google/go-cmp", "", true, "differences"},
	{"pgregory.net/rapid", "", true, "properties"},
}

// Budgets, counted over what the programs in cmd link.
const (
	maxDirect = 16 // modules that our production code imports
	maxLinked = 50 // modules linked in all
)

const module = "lockstep"

// fault says what is wrong with an import, "" if nothing.
func fault(folder, imported string, test bool) string {
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case imported == "C":
		return "cgo is off: it would tie the build to a C compiler"
	case first == module:
		return ownFault(folder, strings.TrimPrefix(imported, module+"/"), test)
	case !strings.Contains(first, "."):
		return "" // std
	}
	for _, l := range libraries {
		if within(imported, l.module) && within(folder, l.folder) && (test || !l.testsOnly) {
			return ""
		}
	}
	return "libraries in deps_test.go does not allow it here"
}

// ownFault is fault for an import of our own.
func ownFault(folder, target string, test bool) string {
	l := layers[len(layers)-1] // the folder "", which holds every other
	for _, c := range layers {
		if within(folder, c.folder) && len(c.folder) > len(l.folder) {
			l = c
		}
	}
	allowed := strings.Fields(l.imports)
	if test {
		allowed = append(allowed, strings.Fields(l.inTests)...)
	}
	if l.folder != "" {
		allowed = append(allowed, l.folder)
	}
	for _, a := range allowed {
		// core is one package: to import it is not to import core/loop.
		if target == a || a != "core" && within(target, a) {
			return ""
		}
	}
	return l.because
}

// within reports whether p is folder or below it; everything is below "".
func within(p, folder string) bool {
	return folder == "" || p == folder || strings.HasPrefix(p, folder+"/")
}

// importsOf calls visit for every import of every Go file of the module.
func importsOf(t *testing.T, visit func(file, imported string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(file) != ".go":
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			visit(filepath.ToSlash(file), imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func isTest(file string) bool { return strings.HasSuffix(file, "_test.go") }

func folderOf(file string) string {
	if dir := path.Dir(file); dir != "." {
		return dir
	}
	return ""
}

func TestEveryImportIsAllowedByThePolicy(t *testing.T) {
	seen := 0
	importsOf(t, func(file, imported string) {
		seen++
		if why := fault(folderOf(file), imported, isTest(file)); why != "" {
			t.Errorf("%s imports %s: %s", file, imported, why)
		}
	})
	if seen < 50 {
		t.Errorf("found only %d imports: is this run at the root of the repository?", seen)
	}
}

func TestEveryPermittedLibraryIsUsed(t *testing.T) {
	used := make([]bool, len(libraries))
	importsOf(t, func(file, imported string) {
		for i, l := range libraries {
			used[i] = used[i] || within(imported, l.module) && within(folderOf(file), l.folder) && isTest(file) == l.testsOnly
		}
	})
	for i, l := range libraries {
		if !used[i] {
			t.Errorf("nothing in %q imports %s: delete its line", l.folder, l.module)
		}
	}
}

func TestThePolicyRefusesWhatItShould(t *testing.T) {
	for _, c := range []struct {
		folder, imported string
		test, refused    bool
	}{
		{"core", "lockstep/core/loop", false, true},
		{"core", "pgregory.net/rapid", false, true},
		{"core", "pgregory.net/rapid", true, false},
		{"core/loop", "lockstep/core", false, false},
		{"core/loop", "lockstep/traces", false, true},
		{"core/loop", "github.com/benbjohnson/clock", false, true},
		{"core/loop", "github.com/benbjohnson/clock", true, false},
		{"traces", "lockstep/core/loop", false, false},
		{"traces/story", "lockstep/traces", false, false},
		{"traces", "lockstep/sim", false, true},
		{"sim/fuzz", "lockstep/sim/scenario", false, false},
		{"sim", "lockstep/adapters/driver", false, true},
		{"sim", "lockstep/adapters/driver", true, true},
		{"sim/scenario", "github.com/goccy/go-yaml", false, true},
		{"adapters/httpproxy", "lockstep/adapters/driver", false, false},
		{"adapters/httpproxy", "lockstep/sim", false, true},
		{"adapters/httpproxy", "github.com/coder/websocket", false, true},
		{"adapters/controlplane", "github.com/coder/websocket", false, false},
		{"cmd/lockstep", "lockstep/sim", false, false},
		{"cmd/lockstep", "github.com/gin-gonic/gin", false, true},
		{"adapters/driver", "lockstep/cmd/lockstep", false, true},
		{"coreutils", "lockstep/core", false, true},
		{"", "lockstep/core", true, true},
	} {
		if why := fault(c.folder, c.imported, c.test); (why != "") != c.refused {
			t.Errorf("%s importing %s (in a test: %v): refused %q, want refused %v", c.folder, c.imported, c.test, why, c.refused)
		}
	}
}

func TestDirectDependenciesStayWithinBudget(t *testing.T) {
	var direct []string
	importsOf(t, func(file, imported string) {
		for _, l := range libraries {
			if !isTest(file) && within(imported, l.module) && !slices.Contains(direct, l.module) {
				direct = append(direct, l.module)
			}
		}
	})
	if len(direct) > maxDirect {
		t.Errorf("%d direct dependencies, at most %d: %v", len(direct), maxDirect, direct)
	}
}

func TestLinkedModulesStayWithinBudget(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	linked := strings.Fields(string(out))
	slices.Sort(linked)
	linked = slices.Compact(linked)
	if len(linked) > maxLinked {
		t.Errorf("%d linked modules, at most %d: %v", len(linked), maxLinked, linked)
	}
	if !slices.Contains(linked, module) {
		t.Errorf("go list found %v, not even our own module", linked)
	}
}
