package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/adapters/configfile"
)

const smallHAProxy = `defaults
    mode http
    timeout connect 1s
    timeout server 5s
frontend api
    bind 127.0.0.1:8080
    http-request deny if { src 10.0.0.0/8 }
    default_backend cell
backend cell
    server a 127.0.0.1:9001
    server b 127.0.0.1:9002
`

const smallEnvoy = `static_resources:
  listeners:
    - address: {socket_address: {address: 127.0.0.1, port_value: 8080}}
      filter_chains:
        - filters:
            - typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                route_config:
                  virtual_hosts:
                    - domains: ["*"]
                      routes: [{match: {path_separated_prefix: /}, route: {cluster: cell}}]
  clusters:
    - name: cell
      load_assignment:
        endpoints:
          - lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 9001}}}}]
`

func importConfig(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(append([]string{"import"}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnImportedConfigurationGoesToStandardOutputAndItsReportToStandardError(t *testing.T) {
	for format, in := range map[string]string{"haproxy-config": smallHAProxy, "envoy-config": smallEnvoy} {
		path := written(t, "in.cfg", in)
		code, stdout, stderr := importConfig(t, format, path)
		if code != exitOK || !strings.Contains(stderr, " lines: ") {
			t.Fatalf("%s: exit %d\n%s", format, code, stderr)
		}
		f, err := configfile.Parse("made", []byte(stdout))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Compile(); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "made.yaml")
		code, rest, _ := importConfig(t, format, "-o", out, path)
		if data, err := os.ReadFile(out); err != nil || string(data) != stdout || rest != "" || code != exitOK {
			t.Fatalf("%s -o: exit %d, %v, %q", format, code, err, rest)
		}
	}
}

func TestStrictImportFailsWhenALineIsNotTranslatedAndNamesIt(t *testing.T) {
	path := written(t, "haproxy.cfg", smallHAProxy)
	code, _, stderr := importConfig(t, "haproxy-config", path, "--strict")
	if code != exitFailed || !strings.Contains(stderr, path+":7  http-request deny") || !strings.Contains(stderr, ", 1 not translated") {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	whole := written(t, "haproxy.cfg", strings.Replace(smallHAProxy, "    http-request deny if { src 10.0.0.0/8 }\n", "", 1))
	if code, _, stderr := importConfig(t, "haproxy-config", whole, "--strict"); code != exitOK {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
}

func TestAnAnnotatedImportHasTheReportOnTopAndStillLoads(t *testing.T) {
	code, stdout, stderr := importConfig(t, "haproxy-config", written(t, "haproxy.cfg", smallHAProxy), "--annotate")
	if code != exitOK || stderr != "" || !strings.HasPrefix(stdout, "# NOT TRANSLATED\n") {
		t.Fatalf("exit %d, %q\n%s", code, stderr, stdout)
	}
	if _, err := configfile.Parse("made", []byte(stdout)); err != nil {
		t.Fatal(err)
	}
}

func TestImportAsJSONHasEveryLineWithItsClass(t *testing.T) {
	code, stdout, _ := importConfig(t, "haproxy-config", written(t, "haproxy.cfg", smallHAProxy), "--json")
	var got struct {
		Configuration string
		Report        struct {
			Lines []struct {
				Line  int
				Class string
			}
			NotTranslated int `json:"not_translated"`
		}
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != exitOK {
		t.Fatal(code, err)
	}
	if len(got.Report.Lines) != 11 || got.Report.NotTranslated != 1 || got.Report.Lines[6].Class != "not_translated" || !strings.Contains(got.Configuration, "placements:") {
		t.Fatalf("%+v", got)
	}
}

func TestAFileThatIsNoSuchConfigurationIsBadInput(t *testing.T) {
	for format, texts := range map[string][]string{
		"haproxy-config": {"", "listen 80;\nserver { }\n", smallEnvoy, "frontend only\n"},
		"envoy-config":   {"", "listen 80;\nserver { }\n", smallHAProxy, "a: [", `{"static_resources": {`, "placements: {}\n", "dynamic_resources: {}\n"},
	} {
		for _, text := range texts {
			if code, stdout, stderr := importConfig(t, format, written(t, "in", text)); code != exitUsage || stdout != "" || !strings.Contains(stderr, "lockstep: ") {
				t.Errorf("%s of %q: exit %d\n%s%s", format, text, code, stdout, stderr)
			}
		}
	}
	if code, _, _ := importConfig(t, "haproxy-config", "no-such-file.cfg"); code != exitUsage {
		t.Errorf("a file that is not there: exit %d", code)
	}
}

func TestALargeMapBecomesACSVBesideTheOutput(t *testing.T) {
	path := written(t, "haproxy.cfg", strings.Replace(smallHAProxy, "    default_backend cell\n", "    use_backend %[req.hdr(X-Tenant),map(/etc/haproxy/tenants.map)]\n", 1))
	var text strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&text, "tenant-%d cell\n", i)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "tenants.map"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "made.yaml")
	if code, _, stderr := importConfig(t, "haproxy-config", path, "-o", out); code != exitOK {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	f, err := configfile.Load(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Spec.Tables) != 1 || len(f.Spec.Tables[0].Keys) != 6000 || !strings.HasSuffix(f.Sources[1], "made-tenants.csv") {
		t.Fatalf("%d tables, read from %v", len(f.Spec.Tables), f.Sources)
	}
}

func TestVariablesOfAnImportComeFromItsFlag(t *testing.T) {
	path := written(t, "haproxy.cfg", strings.Replace(smallHAProxy, "127.0.0.1:9001", `"127.0.0.1:${CELL_PORT_OF_TEST}"`, 1))
	if _, stdout, stderr := importConfig(t, "haproxy-config", path); strings.Contains(stdout, "a: {url") || !strings.Contains(stderr, "CELL_PORT_OF_TEST") {
		t.Fatalf("%s%s", stdout, stderr)
	}
	if _, stdout, _ := importConfig(t, "haproxy-config", path, "--env", "CELL_PORT_OF_TEST=9003"); !strings.Contains(stdout, "http://127.0.0.1:9003") {
		t.Fatal(stdout)
	}
}

func TestATranslationIsNotWrittenOverWhatItIsMadeOf(t *testing.T) {
	path := written(t, "haproxy.cfg", smallHAProxy)
	code, _, stderr := importConfig(t, "haproxy-config", path, "-o", filepath.Join(filepath.Dir(path), ".", "haproxy.cfg"))
	if code != 2 || !strings.Contains(stderr, "would write over the configuration") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != smallHAProxy {
		t.Errorf("the configuration is %q now, %v", data, err)
	}
}
