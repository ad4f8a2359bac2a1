package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/traces"
)

// loggedRun is a real router that served, with its log and its recording.
type loggedRun struct{ config, log, recording string }

// serveLogged sends n requests of four keys one after the other; the upstream of
// one cell goes away after half of them.
func serveLogged(t *testing.T, n int) loggedRun {
	t.Helper()
	dir := t.TempDir()
	out := loggedRun{filepath.Join(dir, "c.yaml"), filepath.Join(dir, "access.log"), filepath.Join(dir, "rec")}
	listen, operators := freeAddress(t), freeAddress(t)
	mortal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	defer mortal.Close()
	text := fmt.Sprintf(`lockstep: 1
listen: {edge: {address: %q, trust_headers_from: ["127.0.0.1"]}}
admin: {address: %q}
defaults: {health: none, breaker: {consecutive_failures: 3, open: 60s}}
placements:
  cell-a: {endpoints: {a1: {url: %q}, a2: {url: %q}}}
  cell-b: {fallback: [cell-a], endpoints: {b1: {url: %q}}}
keys: {ann: cell-a, bob: cell-b}
routes: [{unknown_key: {reject: 421}}]
`, listen, operators, okUpstream(t), okUpstream(t), mortal.URL)
	if err := os.WriteFile(out.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log, errs safeBuffer
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- runServe(ctx, serveOptions{config: out.config, record: out.recording, dumps: t.TempDir()}, &log, &errs)
	}()
	p := &process{t: t, url: "http://" + listen, admin: "http://" + operators, dir: t.TempDir()}
	p.until("serving", func() bool { code, _ := p.get(p.admin + "/readyz"); return code == 200 })
	for i := range n {
		if i == n/2 {
			mortal.CloseClientConnections()
			mortal.Close()
		}
		req, _ := http.NewRequest("GET", p.url+"/orders?n=1", nil)
		req.Header.Set("X-Request-Id", fmt.Sprintf("%032x", i+1))
		if key := []string{"ann", "bob", "eve", ""}[i%4]; key != "" {
			req.Header.Set("X-Routing-Key", key)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err, errs.String())
	}
	if err := os.WriteFile(out.log, []byte(log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// placed is where each request of a recording was sent, or as what it was refused, by its id.
func placed(t *testing.T, paths ...string) map[[2]uint64]string {
	t.Helper()
	files, err := traceFiles(paths)
	if err != nil {
		t.Fatal(err)
	}
	out := map[[2]uint64]string{}
	v := traces.NewVerifier(traces.Options{After: func(f *traces.Fact, r *core.Router, decided []core.Decision) {
		if f.Event.Kind != core.Arrive || len(decided) == 0 {
			return
		}
		d := &decided[len(decided)-1]
		if out[f.Request.ID] = d.Class.String(); d.Kind == core.Forward {
			out[f.Request.ID] = r.Endpoint(d.Endpoint).Name
		}
	}})
	for _, path := range files {
		if _, err := replayFile(v, path, nil); err != nil {
			t.Fatal(err)
		}
	}
	if r := v.Report(); !r.OK() {
		t.Fatal(r.Divergence, r.Damage)
	}
	return out
}

func TestOurOwnLogIsReadWholeAndItsTraceDecidesAsTheRecordingOfTheSameRun(t *testing.T) {
	const n = 200
	run := serveLogged(t, n)
	trace := filepath.Join(t.TempDir(), "log.lst")
	code, out, errs := lockstep("import", "lockstep", run.log, "-c", run.config, "-o", trace, "--json")
	var said struct {
		Requests, Malformed int
		Attempts            struct{ Assumed int }
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil || code != exitOK || said.Requests != n || said.Malformed != 0 || said.Attempts.Assumed != 0 {
		t.Errorf("exit %d, %v: %s%s", code, err, out, errs)
	}
	recorded, imported := placed(t, run.recording), placed(t, trace)
	if len(recorded) != n || len(imported) != n {
		t.Errorf("%d requests recorded, %d imported", len(recorded), len(imported))
	}
	for id, want := range recorded {
		if imported[id] != want {
			t.Errorf("request %s went to %s, by its log to %s", traces.FormatRequestID(id), want, imported[id])
		}
	}
	code, out, errs = lockstep("compare", run.log, "-c", run.config, "--fail-under", "100%")
	if code != exitOK || !strings.Contains(out, "100.00% of 150 requests judged") || !strings.Contains(out, "lockstep (guessed)") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

const nginxSample = "../../adapters/accesslog/testdata/nginx.json"

func TestCompareFailsUnderItsLimitAndImportRefusesWhatItCannotDo(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "c.yaml")
	text := "lockstep: 1\nplacements: {all: {endpoints: {x: {url: \"http://127.0.0.1:1\"}}}}\nroutes: [{unknown_key: {to: all}}]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	found := filepath.Join(dir, "dns.yaml")
	if err := os.WriteFile(found, []byte("lockstep: 1\nplacements: {all: {endpoints: {dns: \"all.internal:80\"}}}\nroutes: [{unknown_key: {to: all}}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	real := "../../adapters/accesslog/testdata/router.yaml"
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"compare", nginxSample, "-c", real, "--fail-under", "80%"}, exitOK, "OK    "},
		{[]string{"compare", nginxSample, "-c", found}, exitOK, "the endpoints of all are found by DNS"},
		{[]string{"compare", "--format", "nginx-json", nginxSample, "-c", config, "--fail-under", "99%"}, exitFailed, "fewer than half of the requests can be judged"},
		{[]string{"compare", nginxSample}, exitUsage, "-c CONFIG"},
		{[]string{"compare", nginxSample, "-c", real, "--fail-under", "99"}, exitUsage, "write it with its unit"},
		{[]string{"compare", nginxSample, "-c", real, "--listener", "nope"}, exitUsage, `has no listener named "nope"`},
		{[]string{"compare", "--format", "nginx-json", nginxSample, "-c", config}, exitOK, "no request can be judged"},
		{[]string{"compare", os.DevNull, "-c", real, "--format", "nginx"}, exitUsage, "there is no request in the log"},
		{[]string{"compare", nginxSample, "-c", real, "--format", "apache"}, exitUsage, "is no format"},
		{[]string{"compare", nginxSample, "-c", real, "--field", "x"}, exitUsage, "NAME=VARIABLE"},
		{[]string{"compare", nginxSample, "-c", real, "--zone", "Nowhere"}, exitUsage, "--zone"},
		{[]string{"compare", nginxSample, "-c", real, "--window", "0s"}, exitUsage, "--window"},
		{[]string{"compare", "-", "-c", real}, exitUsage, "name it"},
		{[]string{"import", "apache", nginxSample, "-o", "x.lst"}, exitUsage, `"apache" is no format: use one of caddy, envoy`},
		{[]string{"import"}, exitUsage, "name the format"},
		{[]string{"import", "haproxy", nginxSample, "-c", real, "-o", filepath.Join(dir, "x.lst")}, exitUsage, "probably nginx-json"},
		{[]string{"import", "nginx-json", nginxSample, "-c", real, "-o", filepath.Join(dir, "x.txt")}, exitUsage, "end the name with .lst"},
		{[]string{"import", "nginx-json", nginxSample, "-c", real, "-o", nginxSample}, exitUsage, "end the name"},
		{[]string{"import", "nginx-json", nginxSample, "-o", filepath.Join(dir, "y.lst")}, exitOK, "No configuration was given"},
		{[]string{"import", "nginx-json", nginxSample, "-c", real, "-o", "-"}, exitOK, `{"lockstep":1`},
	} {
		code, out, errs := lockstep(c.args...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("lockstep %s: exit %d, want %d and %q:\n%s%s", strings.Join(c.args, " "), code, c.code, c.want, out, errs)
		}
	}
}

func TestAShareIsNeitherAllNorNothingWhenItIsNot(t *testing.T) {
	for want, parts := range map[string][2]int{"0.00%": {0, 7}, "<0.01%": {1, 100_000}, "33.33%": {1, 3}, ">99.99%": {99_999, 100_000}, "100.00%": {7, 7}, "none": {0, 0}} {
		if got := share(parts[0], parts[1]); got != want {
			t.Errorf("%d of %d is %s, not %s", parts[0], parts[1], got, want)
		}
	}
}
