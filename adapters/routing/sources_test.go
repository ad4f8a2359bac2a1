package routing_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lockstep/adapters/routing"
	"lockstep/core"
)

func TestEachSourceReadsItsKeyAndRefusesWhatIsUnclear(t *testing.T) {
	const refused = "!"
	for _, c := range []struct{ source, request, want string }{
		{"{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nx-tenant:  acme ", "acme"},
		{"{header: X-Tenant}", "GET / HTTP/1.1\nHost: h", ""},
		{"{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX-Tenant:", ""},
		{"{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX-Tenant: a\nX-Tenant: b", refused},
		{"{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX-Tenant: a\nX-Tenant: a", refused},
		{"{header: X-Tenant, many: first}", "GET / HTTP/1.1\nHost: h\nX-Tenant: a\nX-Tenant: b", "a"},
		{"{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX-Tenant: a, b", "a, b"},
		{"{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX_Tenant: a", ""},
		{"{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX-Tenant: a\tb", refused},
		{"{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX-Tenant: m\u00fcller", "m\u00fcller"},
		{"{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX-Tenant: " + strings.Repeat("k", 256), strings.Repeat("k", 256)},
		{"{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX-Tenant: " + strings.Repeat("k", 257), refused},
		{"{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX-Tenant: a\nConnection: X-Tenant", "a"},
		{"{host_label: 1}", "GET / HTTP/1.1\nHost: Acme.Example.COM:8443", "acme"},
		{"{host_label: -3}", "GET / HTTP/1.1\nHost: x.acme.example.com.", "acme"},
		{"{host_label: 4}", "GET / HTTP/1.1\nHost: a.b.c", ""},
		{"{host_label: -4}", "GET / HTTP/1.1\nHost: a.b.c", ""},
		{"{host_label: 1}", "GET / HTTP/1.1\nHost: 10.0.0.1:80", ""},
		{"{host_label: 1}", "GET / HTTP/1.1\nHost: [2001:db8::1]:80", ""},
		{"{host_label: 1}", "GET http://acme.example.com/ HTTP/1.1\nHost: other.example.com", "acme"},
		{"{host: '*.tenants.example.com'}", "GET / HTTP/1.1\nHost: ACME.tenants.example.com", "acme"},
		{"{host: '*.tenants.example.com'}", "GET / HTTP/1.1\nHost: x.acme.tenants.example.com", ""},
		{"{host: '*.tenants.example.com'}", "GET / HTTP/1.1\nHost: .tenants.example.com", ""},
		{"{host: 'api-*.example.com'}", "GET / HTTP/1.1\nHost: api-acme.example.com", "acme"},
		{"{path_segment: 2}", "GET /t/acme/x?y HTTP/1.1\nHost: h", "acme"},
		{"{path_segment: 2}", "GET /t HTTP/1.1\nHost: h", ""},
		{"{path_segment: 2}", "GET /t/ HTTP/1.1\nHost: h", ""},
		{"{path_segment: 2}", "GET /t//acme HTTP/1.1\nHost: h", ""},
		{"{path_segment: 1}", "GET //acme HTTP/1.1\nHost: h", ""},
		{"{path_segment: 2}", "GET /t/a%63me HTTP/1.1\nHost: h", "acme"},
		{"{path_segment: 2}", "GET /t/a%2563me HTTP/1.1\nHost: h", "a%63me"}, // once, not twice
		{"{path_segment: 2}", "GET /t/ac+me HTTP/1.1\nHost: h", "ac+me"},
		{"{path_segment: 2}", "GET /t/a%2fcme HTTP/1.1\nHost: h", refused},
		{"{path_segment: 2}", "GET /t/a%5ccme HTTP/1.1\nHost: h", refused},
		{"{path_segment: 2}", "GET /t/a%00 HTTP/1.1\nHost: h", refused},
		{"{path_segment: 2}", "GET /t/a%0a HTTP/1.1\nHost: h", refused},
		{"{path_segment: 2}", "GET /t/acme/../beta HTTP/1.1\nHost: h", refused},
		{"{path_segment: 2}", "GET /t/acme/%2e%2E HTTP/1.1\nHost: h", refused},
		{"{path_segment: 2}", "GET /t/acme/. HTTP/1.1\nHost: h", refused},
		{"{path_segment: 2}", "GET /t/acme\\x HTTP/1.1\nHost: h", refused},
		{"{path_segment: 2}", "OPTIONS * HTTP/1.1\nHost: h", ""},
		{"{path_segment: 1, after: /v1/tenants}", "GET /v1/tenants/acme/x HTTP/1.1\nHost: h", "acme"},
		{"{path_segment: 1, after: /v1/tenants}", "GET /v1/tenant%73/acme HTTP/1.1\nHost: h", "acme"},
		{"{path_segment: 1, after: /v1/tenants/}", "GET /v1/tenants/acme HTTP/1.1\nHost: h", "acme"},
		{"{path_segment: 1, after: /v1/tenants}", "GET /v1/tenantsacme HTTP/1.1\nHost: h", ""},
		{"{query: tenant}", "GET /?a=b&tenant=acme HTTP/1.1\nHost: h", "acme"},
		{"{query: tenant}", "GET /?ten%61nt=a%63me+x HTTP/1.1\nHost: h", "acme x"},
		{"{query: tenant}", "GET /?tenant=a&tenant=b HTTP/1.1\nHost: h", refused},
		{"{query: tenant, many: first}", "GET /?tenant=a&tenant=b HTTP/1.1\nHost: h", "a"},
		{"{query: tenant}", "GET /?x=1;tenant=a HTTP/1.1\nHost: h", ""},
		{"{query: tenant}", "GET /?tenant=a%zz HTTP/1.1\nHost: h", refused},
		{"{query: tenant}", "GET /?tenant= HTTP/1.1\nHost: h", ""},
		{"{query: tenant}", "GET /?tenant=%20acme HTTP/1.1\nHost: h", refused},
		{"{query: tenant}", "GET /?Tenant=a HTTP/1.1\nHost: h", ""},
		{"{cookie: t}", "GET / HTTP/1.1\nHost: h\nCookie: a=b; t=acme", "acme"},
		{"{cookie: t}", "GET / HTTP/1.1\nHost: h\nCookie: a=b\nCookie: t=acme;", "acme"},
		{"{cookie: t}", "GET / HTTP/1.1\nHost: h\nCookie: t=\"acme\"", "acme"},
		{"{cookie: t}", "GET / HTTP/1.1\nHost: h\nCookie: t=a%63me", "a%63me"},
		{"{cookie: t}", "GET / HTTP/1.1\nHost: h\nCookie: t=a; t=b", refused},
		{"{cookie: t, many: first}", "GET / HTTP/1.1\nHost: h\nCookie: t=a; t=b", "a"},
		{"{cookie: t}", "GET / HTTP/1.1\nHost: h\nCookie: xt=a; T=b; t", ""},
	} {
		f := find(t, compile(t, "routes: [{key: ["+c.source+"]}]"), request(t, c.request), routing.Peer{})
		got := f.Key
		if f.Refuse == core.BadRequest {
			got = refused
		}
		if got != c.want {
			t.Errorf("%s of %q: %q, want %q", c.source, c.request, got, c.want)
		}
	}
}

func TestTheFirstSourceWithAKeyCountsAndIsNamed(t *testing.T) {
	c := compile(t, "routes: [{key: [{header: X-A}, {cookie: b}, {query: c}]}]")
	for _, w := range []struct {
		request, key, name string
		source             uint8
	}{
		{"GET /?c=z HTTP/1.1\nHost: h\nX-A: x\nCookie: b=y", "x", "header X-A", 0},
		{"GET /?c=z HTTP/1.1\nHost: h\nCookie: b=y", "y", "cookie b", 1},
		{"GET /?c=z HTTP/1.1\nHost: h\nX-A:\nCookie: b=", "z", "query c", 2},
		{"GET / HTTP/1.1\nHost: h", "", "", 0},
	} {
		f := find(t, c, request(t, w.request), routing.Peer{})
		if f.Key != w.key || f.Source != w.source || f.SourceName() != w.name {
			t.Errorf("%q: key %q from %d, %s", w.request, f.Key, f.Source, f.SourceName())
		}
	}
	plain := find(t, compile(t, ""), request(t, "GET / HTTP/1.1\nHost: h\nX-Routing-Key: acme\nX-Routing-Key: beta"), routing.Peer{})
	if plain.Key != "acme" || plain.SourceName() != "header X-Routing-Key" || !plain.Plain() {
		t.Errorf("without routes of its own, as the baseline: %+v", plain)
	}
}

func TestTheFirstRouteThatTakesARequestCounts(t *testing.T) {
	c := compile(t, `listen: {edge: {address: ":1"}, mesh: {address: ":2"}}
routes:
  - {name: v1, match: {host: api.example.com, path: /v1}}
  - {name: mesh, match: {listen: mesh, host: [api.example.com, "*.example.com"]}}
  - {name: below, match: {host: "*.example.com"}}
  - {name: address, match: {host: "[2001:db8::1]"}}
  - {name: path, match: {path: [/x, /y/z]}}`)
	for _, w := range []struct{ target, host, listener, want string }{
		{"/", "[2001:DB8::1]:8443", "", "address"},
		{"/", "[2001:db8::2]", "", ""},
		{"/v1", "api.example.com", "edge", "v1"},
		{"/v1/x?y", "API.example.com:443", "edge", "v1"},
		{"/v%31/x", "api.example.com", "", "v1"},
		{"/v10", "api.example.com", "mesh", "mesh"},
		{"/v10", "api.example.com", "edge", "below"},
		{"/", "a.b.example.com.", "edge", "below"},
		{"/", "example.com", "edge", ""},
		{"/", "xexample.com", "edge", ""},
		{"/x", "other", "", "path"},
		{"/y/z/", "other", "", "path"},
		{"/y", "other", "", ""},
		{"//x", "other", "", ""},
		{"http://api.example.com/v1", "other", "", "v1"},
		{"http://api.example.com", "other", "mesh", "mesh"},
	} {
		f := find(t, c, request(t, "GET "+w.target+" HTTP/1.1\nHost: "+w.host), routing.Peer{Listener: w.listener})
		if f.RouteName() != w.want || (f.Refuse == core.NoRoute) != (w.want == "") {
			t.Errorf("%s at %s: %q %s, want %q", w.target, w.host, f.RouteName(), f.Refuse, w.want)
		}
		if u, err := url.Parse(w.target); err == nil && u.Host == "" {
			if via, ok := routing.Route(c, w.host, u.EscapedPath(), w.listener); ok != (w.want != "") || ok && via != int(f.Via) {
				t.Errorf("%s at %s: Route says %d, %t", w.target, w.host, via, ok)
			}
		}
	}
	if f := find(t, c, request(t, "GET /v1/../x HTTP/1.1\nHost: api.example.com"), routing.Peer{}); f.Refuse != core.BadRequest || f.RouteName() != "" {
		t.Errorf("a path with .. is %s where routes go by path", f.Refuse)
	}
}

func TestARouteMayDemandAVerifiedCertificate(t *testing.T) {
	c := compile(t, `routes: [{match: {host: h}, client_cert: required}, {}]`)
	leaf := new(x509.Certificate)
	verified := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf}}}
	for _, w := range []struct {
		host  string
		state *tls.ConnectionState
		want  core.Class
	}{
		{"h", verified, core.ClassNone},
		{"h", &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}, core.Unauthorized},
		{"h", new(tls.ConnectionState), core.Unauthorized},
		{"h", nil, core.Unauthorized},
		{"other", nil, core.ClassNone},
	} {
		f := find(t, c, request(t, "GET / HTTP/1.1\nHost: "+w.host+"\nX-Routing-Key: acme"), routing.Peer{TLS: w.state})
		if f.Refuse != w.want || w.want == core.Unauthorized && f.Key != "" {
			t.Errorf("%s with %v: refused as %v with key %q, want %v", w.host, w.state, f.Refuse, f.Key, w.want)
		}
	}
}

func TestOnlyAVerifiedCertificateGivesAKey(t *testing.T) {
	cert := func(uris, dns, emails string) *x509.Certificate {
		c := &x509.Certificate{DNSNames: strings.Fields(dns), EmailAddresses: strings.Fields(emails)}
		for _, u := range strings.Fields(uris) {
			parsed, err := url.Parse(u)
			if err != nil {
				t.Fatal(err)
			}
			c.URIs = append(c.URIs, parsed)
		}
		return c
	}
	for _, w := range []struct{ source, uris, dns, emails, want string }{
		{`"spiffe://example/tenant/*"`, "spiffe://example/tenant/acme", "", "", "acme"},
		{`"spiffe://example/tenant/*"`, "spiffe://example/tenant/acme/x", "", "", ""},
		{`"spiffe://example/tenant/*"`, "spiffe://evil/tenant/acme spiffe://example/tenant/", "", "", ""},
		{`"spiffe://example/tenant/*"`, "spiffe://example/tenant/acme spiffe://example/tenant/beta", "", "", "!"},
		{`"spiffe://example/tenant/*", many: first`, "spiffe://example/tenant/acme spiffe://example/tenant/beta", "", "", "acme"},
		{`"spiffe://example/tenant/*/api"`, "spiffe://example/tenant/acme/api", "", "", "acme"},
		{`"*.clients.example.com"`, "", "Acme.clients.example.com", "", "acme"},
		{`"*.clients.example.com"`, "", "x.acme.clients.example.com", "", ""},
		{`{email: "*@acme.example"}`, "", "", "joe@acme.example", "joe"},
		{`{email: "ops@*"}`, "", "", "ops@acme.example", "acme.example"},
		{`{dns: "*.clients.example.com"}`, "spiffe://x/y", "", "", ""},
	} {
		c := compile(t, "routes: [{key: [{client_cert_san: "+w.source+"}]}]")
		leaf := cert(w.uris, w.dns, w.emails)
		state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf}}}
		f := find(t, c, request(t, "GET / HTTP/1.1\nHost: h"), routing.Peer{TLS: state})
		got := f.Key
		if f.Refuse == core.BadRequest {
			got = "!"
		}
		if got != w.want {
			t.Errorf("%s of %s%s%s: %q, want %q", w.source, w.uris, w.dns, w.emails, got, w.want)
		}
		state.VerifiedChains = nil
		if f := find(t, c, request(t, "GET / HTTP/1.1\nHost: h"), routing.Peer{TLS: state}); f.Key != "" || f.Refuse != core.ClassNone {
			t.Errorf("a certificate that nobody verified gives %q", f.Key)
		}
	}
}

func TestWhoIsKeptOnOneSideOfASplitIsHashed(t *testing.T) {
	c := compile(t, "routes: [{split_by: {cookie: uid}}]")
	split := func(cookie string) uint64 {
		return find(t, c, request(t, "GET / HTTP/1.1\nHost: h\nX-Routing-Key: acme\nCookie: "+cookie), routing.Peer{}).Split
	}
	if split("uid=joe") != core.HashString("joe") || split("uid=ann") == split("uid=joe") {
		t.Error("the hash is not that of the cookie")
	}
	if split("x=y") != 0 || split("uid=a; uid=b") != 0 {
		t.Error("without one cookie the request is drawn")
	}
}

func TestHeadersThatOnlyTrustedPeersMaySetAreStripped(t *testing.T) {
	const lies = "GET / HTTP/1.1\nHost: h\nX-Tenant: acme\nX-Routing-Key: beta\nX_Routing_Key: beta\nX-Forwarded-For: 1.2.3.4\nX_Forwarded_For: 1.2.3.4\n" +
		"X-Forwarded-Host: evil\nX-Forwarded-Proto: https\nForwarded: for=1.2.3.4\nX-Real-Ip: 1.2.3.4\nX-Routed-To: cell\nX-Other: kept\nX_Other: kept"
	clean := func(config string, peer routing.Peer) http.Header {
		r := request(t, lies)
		f := find(t, compile(t, config), r, peer)
		out := r.Header.Clone()
		f.Clean(out)
		return out
	}
	names := func(h http.Header) string {
		var all []string
		for _, n := range []string{"X-Routing-Key", "X_routing_key", "X-Forwarded-For", "X_forwarded_for", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-Ip", "X-Routed-To", "X-Other", "X_other"} {
			if v := h[n]; v != nil {
				all = append(all, n+"="+v[0])
			}
		}
		return strings.Join(all, " ")
	}
	const everything = "X-Forwarded-For=1.2.3.4 X_forwarded_for=1.2.3.4 X-Forwarded-Host=evil X-Forwarded-Proto=https Forwarded=for=1.2.3.4 X-Real-Ip=1.2.3.4 X-Routed-To=cell X-Other=kept X_other=kept"
	for _, w := range []struct {
		name, config string
		peer         routing.Peer
		want         string
	}{
		{"the baseline leaves all as it is", "", routing.Peer{}, "X-Routing-Key=beta X_routing_key=beta " + everything},
		{"a listener with a list of trusted peers", "", routing.Peer{Judged: true}, "X-Routing-Key=beta X-Other=kept X_other=kept"},
		{"a trusted peer", "", routing.Peer{Judged: true, Trusted: true}, "X-Routing-Key=beta X_routing_key=beta " + everything},
		{"a route with its own source", "routes: [{key: [{header: X-Tenant}]}]", routing.Peer{}, "X-Routing-Key=acme X-Other=kept X_other=kept"},
		{"a trusted peer there", "routes: [{key: [{header: X-Tenant}]}]", routing.Peer{Judged: true, Trusted: true}, "X-Routing-Key=acme " + everything},
	} {
		if got := names(clean(w.config, w.peer)); got != w.want {
			t.Errorf("%s:\n got %s\nwant %s", w.name, got, w.want)
		}
	}
}

func TestTheRequestIDOfAStrangerIsKeptUnlessToldOtherwise(t *testing.T) {
	for _, w := range []struct {
		config  string
		trusted bool
		want    bool
	}{{"", false, true}, {"routes: [{name: x}]", false, true}, {"routing: {request_id: trusted}", false, false}, {"routing: {request_id: trusted}", true, true}} {
		router := routing.New(routing.Options{Peer: func(*http.Request) routing.Peer { return routing.Peer{Judged: true, Trusted: w.trusted} }})
		r := request(t, "GET / HTTP/1.1\nHost: h")
		router.Find(compile(t, w.config), r, new(routing.Found))
		if got := router.TrustedID(r); got != w.want {
			t.Errorf("%q, trusted %t: kept %t", w.config, w.trusted, got)
		}
		router.Close()
	}
}

func TestSettingsThatThisProgramDoesNotKnowRefuseEverything(t *testing.T) {
	c, err := core.Compile(core.Spec{
		Version: "1", Edge: `{"routing":{"routes":[{"name":"x","sources":[],"telepathy":true}]}}`,
		Placements: []core.PlacementSpec{{Name: "a", Endpoints: []core.EndpointSpec{{URL: "http://a"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if routing.Check(c) == nil {
		t.Error("Check finds nothing wrong")
	}
	if f := find(t, c, request(t, "GET / HTTP/1.1\nHost: h"), routing.Peer{}); f.Refuse != core.Internal {
		t.Errorf("refused as %s", f.Refuse)
	}
}

func TestFindingAHeaderAllocatesNothing(t *testing.T) {
	for _, config := range []string{"", "routes: [{match: {host: h, path: /v1}, key: [{header: X-Routing-Key}, {cookie: c}, {query: q}]}, {}]"} {
		c, r := compile(t, config), request(t, "GET /v1/x?y=z HTTP/1.1\nHost: h\nX-Routing-Key: acme")
		router := routing.New(routing.Options{})
		var f routing.Found
		if n := testing.AllocsPerRun(100, func() { router.Find(c, r, &f) }); n > 0 || f.Key != "acme" {
			t.Errorf("%q: %v allocations, key %q", config, n, f.Key)
		}
		router.Close()
	}
}

func BenchmarkFind(b *testing.B) {
	for _, v := range []struct{ name, config string }{
		{"baseline", ""},
		{"route and header", "routes: [{match: {host: h, path: /v1}, key: [{header: X-Routing-Key}]}, {}]"},
		{"path segment", "routes: [{key: [{path_segment: 2}]}]"},
		{"cookie", "routes: [{key: [{cookie: tenant}]}]"},
	} {
		b.Run(v.name, func(b *testing.B) {
			c, r := compile(b, v.config), request(b, "GET /v1/acme?y=z HTTP/1.1\nHost: h\nX-Routing-Key: acme\nCookie: a=b; tenant=acme")
			router := routing.New(routing.Options{})
			defer router.Close()
			var f routing.Found
			b.ReportAllocs()
			for b.Loop() {
				router.Find(c, r, &f)
			}
		})
	}
}
