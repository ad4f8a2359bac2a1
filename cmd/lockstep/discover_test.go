package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lockstep/adapters/configfile"
	"lockstep/adapters/discovery"
	"lockstep/adapters/discovery/dnstest"
	"lockstep/adapters/lifecycle"
)

// endpointsOf is the router's endpoints of a placement, as URLs.
func endpointsOf(r *router, placement string) (urls []string) {
	c, _ := r.driver.Config()
	for i := range c.Endpoints() {
		if e := c.Endpoint(i); c.Placement(e.Placement).Name == placement {
			urls = append(urls, e.URL)
		}
	}
	return urls
}

// dnsFile writes a configuration whose placement p is found at a name server.
func dnsFile(t *testing.T, server, port string) *configfile.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	text := `lockstep: 1
placements:
  p: {endpoints: {dns: "p.test:` + port + `", server: "` + server + `"}, health: none}
  q: {endpoints: {dns: "srv:_http._tcp.q.test", server: "` + server + `"}, health: none}
routes: [{unknown_key: {to: p}}]
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := configfile.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestServeFollowsWhatDNSSays(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) }))
	defer upstream.Close()
	u, _ := url.Parse(upstream.URL)
	names := dnstest.New(t)
	names.Change(func() { names.A("p.test.", 300, "127.0.0.1") })
	r, err := newRouter(routerOptions{log: slog.New(slog.DiscardHandler), errs: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	f, file := r.found, dnsFile(t, names.Address, u.Port())
	if _, err := f.use(file); err != nil {
		t.Fatal(err)
	}
	if got := endpointsOf(r, "p"); !slices.Equal(got, []string{upstream.URL}) {
		t.Errorf("p is %v", got)
	}
	if got := endpointsOf(r, "q"); !slices.Equal(got, []string{"http://_http._tcp.q.test"}) {
		t.Errorf("q, which DNS does not know, is %v", got)
	}
	w := httptest.NewRecorder()
	q := httptest.NewRequest("GET", "http://router/", nil)
	q.Header.Set("X-Routing-Key", "any")
	r.proxy.ServeHTTP(w, q)
	if w.Body.String() != "p.test:"+u.Port() {
		t.Errorf("%d: the upstream was asked for %q", w.Code, w.Body)
	}

	version := r.configInfo().Version
	names.Change(func() {
		names.A("p.test.", 300, "127.0.0.2")
		names.SRV("_http._tcp.q.test.", 300, 0, 0, 81, "a.test.")
	})
	found, failed := discovery.All(t.Context(), dnsNames(file), nil)
	if len(failed) > 0 {
		t.Fatal(failed)
	}
	f.changed(file, found)
	if p, q := endpointsOf(r, "p"), endpointsOf(r, "q"); len(p) != 2 || !slices.Equal(q, []string{"http://a.test:81"}) {
		t.Errorf("p is %v, q is %v", p, q)
	}
	if now := r.configInfo().Version; now == version {
		t.Error("other endpoints have the same label")
	}
	again := r.driver.Digest()
	f.changed(file, found)
	if r.driver.Digest() != again {
		t.Error("the same endpoints changed something")
	}
	// The file is loaded again while DNS is away: what was known stays.
	names.Change(func() { names.Silent = true })
	if _, err := f.use(file); err != nil || len(endpointsOf(r, "p")) != 2 {
		t.Errorf("p is %v, %v", endpointsOf(r, "p"), err)
	}
}

func TestCheckWarnsOfNamesThatDNSDoesNotKnow(t *testing.T) {
	names := dnstest.New(t)
	names.Change(func() { names.A("p.test.", 300, "127.0.0.1") })
	file := dnsFile(t, names.Address, "80")
	var out bytes.Buffer
	if code := run([]string{"check", file.Path}, &out, io.Discard); code != 0 {
		t.Errorf("exit %d: %s", code, &out)
	}
	if !strings.Contains(out.String(), `c.yaml:4:24: the endpoints of "q" are not found now`) || strings.Contains(out.String(), `of "p"`) {
		t.Errorf("%s", &out)
	}
}

func TestASuccessorKeepsTheLastAnswerOfItsPredecessorWhenDNSIsSilent(t *testing.T) {
	names := dnstest.New(t)
	names.Change(func() { names.A("p.test.", 300, "127.0.0.1") })
	file := dnsFile(t, names.Address, "8080")
	first, err := newRouter(routerOptions{log: slog.New(slog.DiscardHandler), errs: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	if _, err := first.found.use(file); err != nil {
		t.Fatal(err)
	}
	want := endpointsOf(first, "p")
	state, err := lifecycle.ReadState(lifecycle.TakeState(first.driver))
	if err != nil || len(want) == 0 {
		t.Fatal(want, err)
	}
	names.Change(func() { names.Silent = true })
	next, err := newRouter(routerOptions{log: slog.New(slog.DiscardHandler), errs: io.Discard, state: state})
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	if _, err := next.found.use(file); err != nil {
		t.Fatal(err)
	}
	if got := endpointsOf(next, "p"); !slices.Equal(got, want) {
		t.Errorf("the successor has %v, want %v of its predecessor", got, want)
	}
	if _, epoch := next.driver.Config(); epoch.Number != 1 {
		t.Errorf("epoch %d, want the one there was: nothing has changed", epoch.Number)
	}
}
