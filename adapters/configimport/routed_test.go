package configimport_test

import (
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lockstep/adapters/routing"
	"lockstep/core"
)

// routed says where requests for a host and path go: placements, in order of
// names, of 500 different requests, or the status that refuses them.
func routed(c *core.Config, r *routing.Router, host, path string, header ...string) string {
	q := httptest.NewRequest("GET", "http://x"+path, nil)
	q.Host = host
	for i := 0; i+1 < len(header) && header[i] != ""; i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	var f routing.Found
	r.Find(c, q, &f)
	if f.Refuse != core.ClassNone {
		return f.Refuse.String()
	}
	var out []string
	for i := range 500 {
		to, ok := c.MatchVia(f.Via, f.Key, core.HashString(strconv.Itoa(i)))
		name := to.Refuse.String()
		if to.Refuse == core.UnknownKey {
			name = strconv.Itoa(int(c.RouteInfo(int(f.Via)).Status))
		}
		if ok {
			name = c.Placement(int(to.Placement)).Name
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestRequestsGoWhereEnvoysDocumentationSaysThatTheyGo(t *testing.T) {
	const fixture = "testdata/envoy/cells.yaml"
	r, err := translate(fixture, read(t, fixture))
	if err != nil {
		t.Fatal(err)
	}
	c, err := loads(t, r.YAML).Compile()
	if err != nil {
		t.Fatal(err)
	}
	router := routing.New(routing.Options{})
	defer router.Close()
	for _, q := range []struct {
		host, path, header, value, want string
	}{
		{"api.example.com", "/", "X-Tenant", "acme", "cell-07"},
		{"eu.api.example.com", "/v1", "X-Tenant", "acme", "cell-07"},
		{"api.example.com", "/", "X-Tenant", "visa", "cell-07 cell-12"}, // weighted_clusters
		{"api.example.com", "/", "X-Tenant", "somebody", "shared"},
		{"api.example.com", "/", "", "", "shared"},
		{"api.example.com", "/internal/x", "X-Tenant", "acme", "403"}, // direct_response comes first
		{"api.example.com", "/docs/", "X-Tenant", "acme", "cell-07"},  // the host's own routes, not those of *
		{"debug.example.com", "/x", "X-Cell", "cell-12", "cell-12"},   // cluster_header
		{"debug.example.com", "/x", "X-Cell", "legacy", "503"},
		{"example.org", "/docs/a", "", "", "cell-12 shared"},
		{"example.org", "/old", "", "", "shared"}, // the redirect is not translated
		{"example.org", "/internal", "X-Tenant", "acme", "shared"},
	} {
		if got := routed(c, router, q.host, q.path, q.header, q.value); got != q.want {
			t.Errorf("%s%s %s=%s goes to %s, not %s", q.host, q.path, q.header, q.value, got, q.want)
		}
	}
}

func TestAVirtualHostWithoutAMatchingRouteIs404EvenIfAnotherWouldTakeTheRequest(t *testing.T) {
	const fixture = "testdata/envoy/cells.yaml"
	text := strings.Replace(string(read(t, fixture)), "- match: {prefix: /}\n                          route: {cluster_header: x-cell}", "- match: {path_separated_prefix: /debug}\n                          route: {cluster: shared}", 1)
	r, err := translate(fixture, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := loads(t, r.YAML).Compile()
	if err != nil {
		t.Fatal(err)
	}
	router := routing.New(routing.Options{})
	defer router.Close()
	for path, want := range map[string]string{"/debug/x": "shared", "/other": "404"} {
		if got := routed(c, router, "debug.example.com", path); got != want {
			t.Errorf("%s goes to %s, not %s", path, got, want)
		}
	}
}
