package parity

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// overHTTP2 is native before an upstream that speaks HTTP/2 without TLS.
var overHTTP2 = `lockstep: 1
version: v1
access_log: {fields: baseline}
routes: [{unknown_key: {reject: 421}}]
defaults: {health: none, fallback: none, upstream: {protocol: h2c}}
placements: {visa: {endpoints: {a: {url: "http://<h2c>"}}}}
keys: {visa: visa}
`

// newH2C is an upstream that speaks HTTP/2 alone and tells what it got.
func newH2C(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a body that breaks off is told by what there is of it
		text := fmt.Sprintf("%s %s %s key=%s from=%s %q", r.Method, r.RequestURI, r.Proto, r.Header.Get("X-Routing-Key"), r.Header.Get("X-Forwarded-For"), body)
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		if r.URL.Path == "/broken" {
			panic(http.ErrAbortHandler)
		}
		if r.Method != http.MethodHead {
			io.WriteString(w, text)
		}
	})}
	s.Protocols.SetUnencryptedHTTP2(true)
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// http2Cases are upstreams that speak HTTP/2.
func http2Cases() []*testCase {
	told := func(text string) answer {
		return visaOK(fmt.Sprintf("Content-Length: %d\nContent-Type: text/plain", len(text)), text)
	}
	reset := "reset_before_response: the upstream of visa closed the connection before it answered"
	return []*testCase{{name: "an upstream that speaks HTTP/2", config: overHTTP2, yaml: true, steps: []step{
		ask{send: get("visa", "/x?y=1"), want: told(`GET /x?y=1 HTTP/2.0 key=visa from=127.0.0.1 ""`)},
		ask{send: post("/p", "Content-Length: 5", "hello"), want: told(`POST /p HTTP/2.0 key=visa from=127.0.0.1 "hello"`)},
		ask{send: post("/c", "Transfer-Encoding: chunked", "5\nhello\n0\n\n"), want: told(`POST /c HTTP/2.0 key=visa from=127.0.0.1 "hello"`)},
		ask{
			send: get("visa", "/broken"), log: base("GET", "/broken", "visa", "visa", "dedicated", "http://<h2c>", 502),
			want: answer{status: 502, to: "visa", why: "dedicated", circuit: "closed", with: ownHeaders(reset), body: reset},
		},
		ask{send: get("visa", "/x"), want: told(`GET /x HTTP/2.0 key=visa from=127.0.0.1 ""`)},
	}}}
}
