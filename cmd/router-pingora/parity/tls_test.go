package parity

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
)

// secure is native behind TLS, with two certificates.
const secure = `lockstep: 1
version: v1
listen: {edge: {address: "127.0.0.1:0", tls: {certs: [{cert: "<dir>/a.crt", key: "<dir>/a.key"}, {cert: "<dir>/b.crt", key: "<dir>/b.key"}], default: a.example}}}
access_log: {fields: baseline}
routes: [{unknown_key: {to: visa}}]
defaults: {health: none, fallback: none}
placements: {visa: {endpoints: {a: {url: "http://<visa>"}}}}
keys: {visa: visa, acme: visa}
`

// sealed is native before an upstream that speaks TLS.
const sealed = `lockstep: 1
version: v1
access_log: {fields: baseline}
routes: [{unknown_key: {to: visa}}]
defaults: {health: none, fallback: none}
placements: {visa: {endpoints: {a: {url: "https://<tls-good>"}}, upstream: {tls: {ca: "<dir>/ca.pem"}}}}
keys: {visa: visa, acme: visa}
`

// withCerts gives the case the listener's certificates.
func withCerts(r *run) {
	withCA(r)
	for _, name := range []string{"a", "b"} {
		cert, key := trusted().issue(name + ".example")
		r.file(name+".crt", cert)
		r.file(name+".key", key)
	}
}

// client is a client's TLS that asks for a name and offers protocols.
func client(name string, protocols ...string) *tls.Config {
	return &tls.Config{RootCAs: trusted().pool(), ServerName: name, NextProtos: protocols}
}

// shakes holds what a handshake comes to: the certificate's name, the
// version and the protocol chosen, or that there is none.
type shakes struct {
	config func() *tls.Config
	want   string
}

func (s shakes) play(r *run) {
	r.t.Helper()
	got := "refused"
	conn, err := tls.Dial("tcp", r.router.addr(), s.config())
	if err == nil {
		// In TLS 1.3 a server that wants a certificate says so after the handshake.
		_, err = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nX-Routing-Key: visa\r\n\r\n")
		state := conn.ConnectionState()
		if state.NegotiatedProtocol != "h2" && err == nil {
			_, err = io.ReadAll(conn)
		}
		if err == nil {
			got = fmt.Sprintf("%s %s %q", state.PeerCertificates[0].Subject.CommonName, tls.VersionName(state.Version), state.NegotiatedProtocol)
		}
		conn.Close()
	}
	r.same("the handshake", got, s.want)
}

// over asks by HTTP/2, as net/http does it, and holds the whole answer.
type over struct {
	scheme    string
	config    *tls.Config
	method    string
	key, path string
	body      string
	want      answer
	saw       arrived
}

func (o over) play(r *run) {
	r.t.Helper()
	var protocols http.Protocols
	protocols.SetHTTP2(o.scheme == "https")
	protocols.SetUnencryptedHTTP2(o.scheme == "http")
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: o.config, Protocols: &protocols, DisableCompression: true}, Timeout: patience}
	defer c.CloseIdleConnections()
	q, err := http.NewRequest(o.method, o.scheme+"://"+r.router.addr()+o.path, strings.NewReader(o.body))
	if err != nil {
		r.t.Fatal(err)
	}
	q.Host = "a.example"
	if o.key != "" {
		q.Header.Set("X-Routing-Key", o.key)
	}
	q.Header.Set("User-Agent", "parity")
	res, err := c.Do(q)
	if err != nil {
		r.t.Fatalf("over HTTP/2: %v", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	got := fmt.Sprintf("%s %d\n%s\n%s\n", res.Proto, res.StatusCode, headerText(res.Header), short(string(body)))
	if len(res.Trailer) > 0 {
		got += "[trailers]\n" + headerText(res.Trailer)
	}
	if err != nil {
		got += "[cut]\n"
	}
	o.want.proto = "HTTP/2.0"
	r.same("the answer over HTTP/2 to "+o.method+" "+o.path, got, o.want.text())
	if o.saw.at != "" {
		seen := r.origin(o.saw.at).last()
		r.same("what the upstream saw of "+o.path, seen.head+"\n"+short(seen.text())+"\n", o.saw.text())
	}
}

// withHTTP2Origin gives the case an origin <h2c> that speaks HTTP/2 alone, and
// answers how long it takes a request's body to be.
func withHTTP2Origin(r *run) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		fmt.Fprintf(w, "%s %d", q.Proto, q.ContentLength)
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	r.t.Cleanup(s.Close)
	r.alike.names = append(r.alike.names, s.Listener.Addr().String(), "<h2c>")
}

// tlsCases are TLS on both sides, and HTTP/2.
func tlsCases() []*testCase {
	behind := func(name, config string, steps ...step) *testCase {
		return &testCase{name: name, config: config, yaml: true, before: withCerts, steps: steps}
	}
	asks := func(name string, protocols ...string) func() *tls.Config {
		return func() *tls.Config { return client(name, protocols...) }
	}
	text := "Content-Length: 2\nContent-Type: text/plain"
	secured := arrived{at: "visa", line: "GET /x HTTP/1.1", key: "visa", proto: "https"}
	overTLS := secured
	overTLS.with = "User-Agent: parity"
	mutual := strings.Replace(secure, "default: a.example", `default: a.example, client_ca: "<dir>/ca.pem"`, 1)
	const unsigned = "unauthorized: the token of the request does not hold" // the class has one text
	optional := strings.Replace(mutual, `client_ca`, `client_cert: optional, client_ca`, 1)
	sanKey := strings.Replace(optional, "routes: [{unknown_key: {to: visa}}]", `routes: [{key: [{client_cert_san: "*.example"}], unknown_key: {to: visa}}]`, 1)
	certRoute := strings.Replace(optional, "routes: [{unknown_key: {to: visa}}]", "routes: [{client_cert: required, unknown_key: {to: visa}}]", 1)
	shown := func(c tls.Certificate) func(*run) *tls.Config {
		return func(*run) *tls.Config {
			config := client("a.example")
			config.Certificates = []tls.Certificate{c}
			return config
		}
	}
	return []*testCase{
		behind("TLS: the answer is as without, and the upstream hears https", secure, ask{
			send: get("visa", "/x"), tls: func(*run) *tls.Config { return client("a.example") }, want: visaOK(text, "ok"), saw: secured,
		}),
		behind("TLS: the certificate is the one of the name asked for", secure,
			shakes{asks("a.example"), `a.example TLS 1.3 ""`}, shakes{asks("b.example"), `b.example TLS 1.3 ""`}),
		behind("TLS: an unknown name gets the default certificate", secure, shakes{func() *tls.Config {
			c := client("unknown.example")
			c.InsecureSkipVerify = true
			return c
		}, `a.example TLS 1.3 ""`}),
		behind("TLS: ALPN chooses", secure,
			shakes{asks("a.example", "http/1.1"), `a.example TLS 1.3 "http/1.1"`}, shakes{asks("a.example", "h2", "http/1.1"), `a.example TLS 1.3 "h2"`}),
		behind("TLS: the oldest version is 1.2", secure,
			shakes{func() *tls.Config { c := client("a.example"); c.MaxVersion = tls.VersionTLS12; return c }, `a.example TLS 1.2 ""`},
			shakes{func() *tls.Config {
				c := client("a.example")
				c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
				return c
			}, "refused"}),
		behind("TLS: min 1.3 refuses 1.2", strings.Replace(secure, "default: a.example", `default: a.example, min: "1.3"`, 1),
			shakes{func() *tls.Config { c := client("a.example"); c.MaxVersion = tls.VersionTLS12; return c }, "refused"}, shakes{asks("a.example"), `a.example TLS 1.3 ""`}),
		behind("TLS: a client certificate is required", mutual, shakes{asks("a.example"), "refused"},
			shakes{func() *tls.Config {
				c := client("a.example")
				c.Certificates = []tls.Certificate{trusted().pair("client.example")}
				return c
			}, `a.example TLS 1.3 ""`},
			shakes{func() *tls.Config {
				c := client("a.example")
				c.Certificates = []tls.Certificate{stranger().pair("client.example")}
				return c
			}, "refused"}),
		behind("client_cert_san: a verified certificate is the key", sanKey, ask{
			send: get("", "/x"), tls: shown(trusted().pair("acme.example")), want: visaOK(text, "ok"), saw: arrived{at: "visa", line: "GET /x HTTP/1.1", key: "acme", proto: "https"},
		}, ask{
			send: get("", "/x"), tls: shown(trusted().pair("other.example", "acme.example")), want: refused(400, "bad_request: the request is not one that can be passed on"),
		}),
		behind("unauthorized: a route wants a client certificate", certRoute, ask{
			send: get("visa", "/x"), tls: func(*run) *tls.Config { return client("a.example") }, want: answer{
				status: 401, with: "Www-Authenticate: Bearer\n" + ownHeaders(unsigned), body: unsigned,
			},
		}, ask{send: get("visa", "/x"), tls: shown(trusted().pair("acme.example")), want: visaOK(text, "ok"), saw: secured}),
		behind("TLS: HTTP/2", secure, over{
			scheme: "https", config: client("a.example"), method: "GET", key: "visa", path: "/x", want: visaOK(text, "ok"), saw: overTLS,
		}),
		behind("TLS: a refusal over HTTP/2", secure, over{
			scheme: "https", config: client("a.example"), method: "GET", path: "/x", want: refused(400, "no_key: the request has no X-Routing-Key header"),
		}),
		behind("TLS to the upstream, verified by its authority", sealed, ask{
			send: get("visa", "/x"), want: visaOK(text, "ok"), saw: arrived{at: "tls-good", line: "GET /x HTTP/1.1", key: "visa"},
			log: base("GET", "/x", "visa", "visa", "dedicated", "https://<tls-good>", 200),
		}),
		{name: "HTTP/2 to the upstream: what has no body ends with its head", before: withHTTP2Origin, yaml: true, config: strings.NewReplacer(
			"https://<tls-good>", "http://<h2c>", `tls: {ca: "<dir>/ca.pem"}`, "protocol: h2c").Replace(sealed), steps: []step{
			ask{send: get("visa", "/x"), want: visaOK("Content-Length: 10\nContent-Type: text/plain; charset=utf-8", "HTTP/2.0 0")},
			ask{send: "POST /x HTTP/1.1\nHost: a.example\nX-Routing-Key: visa\nContent-Length: 3\n\nabc", want: visaOK("Content-Length: 10\nContent-Type: text/plain; charset=utf-8", "HTTP/2.0 3")},
		}},
		basic("HTTP/2 without TLS, by prior knowledge", over{
			scheme: "http", method: "GET", key: "visa", path: "/x", want: visaOK(text, "ok"), saw: arrived{at: "visa", line: "GET /x HTTP/1.1", key: "visa", with: "User-Agent: parity"},
		}),
		basic("HTTP/2: an upload has no length and goes up in chunks, or has one and keeps it", over{
			scheme: "http", method: "POST", key: "visa", path: "/x", body: "hello", want: visaOK(text, "ok"),
			saw: arrived{at: "visa", line: "POST /x HTTP/1.1", key: "visa", with: "Content-Length: 5\nUser-Agent: parity", body: "hello"},
		}),
		basic("HTTP/2: a body that breaks resets its stream", does(func(r *run) {
			r.origin("visa").script("/x", "HTTP/1.1 200 OK\nContent-Length: 10\n\nhello{close}")
		}), over{scheme: "http", method: "GET", key: "visa", path: "/x", want: func() answer {
			a := visaOK("Content-Length: 10", "hello")
			a.cut = true
			return a
		}()}),
		basic("HTTP/2: trailers come down", does(func(r *run) {
			r.origin("visa").script("/x", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X-Sum\n\n5\nhello\n0\nX-Sum: 12\n\n")
		}), over{scheme: "http", method: "GET", key: "visa", path: "/x", want: func() answer {
			a := visaOK("", "hello")
			a.trailers = "X-Sum: 12"
			return a
		}()}),
	}
}
