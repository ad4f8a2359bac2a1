package httpproxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"lockstep/adapters/driver"
	"lockstep/adapters/httpproxy"
	"lockstep/adapters/routing"
	"lockstep/adapters/settings"
	"lockstep/core"
)

// routed is basic with a route for api.example.com, whose key is a path segment,
// and one for everything below example.org.
func routed() core.Spec {
	s := basic()
	s.Tables = []core.TableSpec{{Name: "api", Keys: []core.KeySpec{{Key: "acme", Placement: "visa"}, {Key: "moving", Placement: "half"}}}}
	s.Splits = []core.SplitSpec{{Name: "half", Parts: []core.PartSpec{{Placement: "tier1", Share: 500_000}, {Placement: "tier3", Share: 500_000}}}}
	s.Table, s.Default = "api", ""
	s.Routes = []core.RouteSpec{{Default: "tier3"}}
	s.NoRouteStatus = 421
	s.Edge = settings.Whole{Routing: &settings.Routing{Routes: []settings.Route{
		{
			Name: "api", Hosts: []string{"api.example.com"},
			Sources: []settings.Source{{Segment: 1}},
			SplitBy: &settings.Source{Cookie: "uid"},
		},
		{Name: "org", Hosts: []string{"*.example.org"}, Sources: []settings.Source{{Header: "X-Tenant"}}},
	}}}.Text()
	return s
}

// ask sends a request to a host and returns the answer with its body read.
func (g *rig) ask(method, host, path, body string, header ...string) (*http.Response, string) {
	g.t.Helper()
	var content io.Reader
	if body != "" {
		content = io.MultiReader(strings.NewReader(body)) // of no known length: it goes in chunks
	}
	r, err := http.NewRequest(method, "http://router:80"+path, content)
	if err != nil {
		g.t.Fatal(err)
	}
	r.Host = host
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	res, err := g.client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return res, string(text)
}

func TestRequestsTakeTheRouteOfTheirHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, routed())
		seen := http.Header{}
		for _, host := range []string{"visa:80", "tier1:80", "tier3:80"} {
			g.serve(host, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = r.Header.Clone()
				_, _ = io.Copy(io.Discard, r.Body)
			}))
		}
		for _, w := range []struct {
			host, path string
			header     []string
			status     int
			to, says   string
		}{
			{"api.example.com", "/acme/x", nil, 200, "visa", ""},
			{"API.example.com:80", "/acme", nil, 200, "visa", ""},
			{"api.example.com", "/nobody", nil, 421, "", "unknown_key: no placement is configured for the routing key"},
			{"api.example.com", "/", nil, 400, "", "no_key: the request has no routing key where its route looks for one"},
			{"api.example.com", "/acme/../x", nil, 400, "", "bad_request"},
			{"a.example.org", "/", []string{"X-Tenant", "visa"}, 200, "visa", ""},
			{"a.example.org", "/", []string{"X-Tenant", "nobody"}, 200, "tier3", ""},
			{"a.example.org", "/", []string{"X-Tenant", "visa", "X-Tenant", "acme"}, 400, "", "bad_request"},
			{"other", "/acme", nil, 421, "", "no_route: no route takes requests for this host and path"},
		} {
			res, text := g.ask("GET", w.host, w.path, "", w.header...)
			if res.StatusCode != w.status || res.Header.Get("X-Routed-To") != w.to || !strings.HasPrefix(text, w.says) {
				t.Errorf("%s%s %q: %d to %q, %q", w.host, w.path, w.header, res.StatusCode, res.Header.Get("X-Routed-To"), text)
			}
		}
		g.ask("GET", "api.example.com", "/acme", "", "X-Routing-Key", "evil", "X-Forwarded-For", "9.9.9.9", "X-Forwarded-Proto", "https",
			"Forwarded", "for=9.9.9.9", "Connection", "X-Routing-Key, X-Forwarded-For", "X_Routing_Key", "evil")
		if seen.Get("X-Routing-Key") != "acme" || strings.Contains(seen.Get("X-Forwarded-For"), "9.9.9.9") || seen.Get("X-Forwarded-Proto") != "http" ||
			seen.Get("Forwarded") != "" || seen["X_routing_key"] != nil {
			t.Errorf("the upstream sees %v", seen)
		}
	})
}

// TestATokenThatDoesNotHoldIs401 needs a file that is watched, and so no bubble.
func TestATokenThatDoesNotHoldIs401(t *testing.T) {
	s := basic()
	s.Edge = settings.Whole{Routing: &settings.Routing{Routes: []settings.Route{
		{Name: "api", Sources: []settings.Source{{JWT: &settings.JWT{Claim: "tenant", JWKS: "no-such-file.json"}}}},
	}}}.Text()
	config, err := core.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	d := driver.New(driver.Options{})
	defer d.Close()
	d.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone)
	finder := routing.New(routing.Options{})
	defer finder.Close()
	h := httpproxy.NewHandler(d, httpproxy.Options{Routing: finder})
	for token, want := range map[string]int{"Bearer x.y.z": 401, "Basic eA==": 400} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", token)
		h.ServeHTTP(w, r)
		if w.Code != want || (w.Header().Get("WWW-Authenticate") == "Bearer") != (want == 401) {
			t.Errorf("%s: %d, WWW-Authenticate %q", token, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
}

func TestTheBodyLimitIsThatOfTheRoutesOwnPlacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, routed())
		g.serve("visa:80", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
		for size, want := range map[int]int{100: 200, 101: 413} {
			if res, text := g.ask("POST", "api.example.com", "/acme", strings.Repeat("x", size)); res.StatusCode != want {
				t.Errorf("%d bytes in chunks: %d %s", size, res.StatusCode, text)
			}
		}
	})
}

func TestAUserStaysOnOneSideOfASplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, routed())
		for _, host := range []string{"tier1:80", "tier3:80"} {
			g.serve(host, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		}
		sides := map[string]int{}
		for _, user := range []string{"ann", "bob", "cem", "dan", "eve", "fay", "gus", "hal", "ivy", "joe"} {
			first := ""
			for range 5 {
				res, _ := g.ask("GET", "api.example.com", "/moving", "", "Cookie", "uid="+user)
				to := res.Header.Get("X-Routed-To")
				if first == "" {
					first = to
					sides[to]++
				}
				if to != first {
					t.Errorf("%s goes to %s and to %s", user, first, to)
				}
			}
		}
		if sides["tier1"] == 0 || sides["tier3"] == 0 {
			t.Errorf("all ten are on one side: %v", sides)
		}
	})
}

func TestTheLogHasTheKeyWhereverItCameFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, routed())
		g.serve("visa:80", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		g.ask("GET", "api.example.com", "/acme", "")
		g.access.Close()
		if text := g.log.String(); !strings.Contains(text, `"routing_key":"acme"`) {
			t.Error(text)
		}
	})
}
