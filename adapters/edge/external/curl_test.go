//go:build external

package external

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// origin is what the router's endpoint does.
func origin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/hints", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "after the hint")
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.Copy(w, r.Body)
		w.Header().Set("X-Sum", "42")
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			io.WriteString(w, "plain")
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, "unpacked")
		z.Close()
	})
	mux.HandleFunc("/chunks", func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			io.WriteString(w, "abc")
			_ = http.NewResponseController(w).Flush()
		}
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 64<<20)) })
	mux.HandleFunc("/range", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "range.txt", time.Unix(1, 0), strings.NewReader("0123456789"))
	})
	mux.HandleFunc("/status/", func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscanf(r.URL.Path, "/status/%d", &code)
		w.WriteHeader(code)
	})
	mux.HandleFunc("/refuse", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	echo := func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%s %s %d bytes te=%v length=%d for=%s proto=%s", r.Method, r.RequestURI, n, r.TransferEncoding, r.ContentLength, r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto"))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" || r.RequestURI == "*" || strings.HasPrefix(r.URL.Path, "/dots") {
			echo(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// curlCase is one call. In args PLAIN, TLS, MUTUAL, PROXY and MODERN stand for the
// listeners' URLs, DIR for the certificates' folder. After its output curl writes
// the protocol and the status.
type curlCase struct {
	args  string
	stdin string
	want  string // protocol and status, or "exit N"
	holds string // must be in the output
	why   string
}

var curlCases = []curlCase{
	{"--http1.0 PLAIN/", "", "1 200", "GET / 0 bytes", ""},
	{"--http1.0 TLS/", "", "1 200", "proto=https", ""},
	{"--http1.0 PLAIN/chunks", "", "1 200", "abcabcabc", "no chunks in HTTP/1.0: the body ends with the connection"},
	{"--http1.1 PLAIN/", "", "1.1 200", "proto=http", ""},
	{"--http1.1 TLS/", "", "1.1 200", "proto=https", ""},
	{"--no-alpn TLS/", "", "1.1 200", "proto=https", "without ALPN it is HTTP/1.1"},
	{"--http2 PLAIN/", "", "1.1 200", "GET / 0 bytes", "curl asks with `Upgrade: h2c`, which is never done"},
	{"--http2 TLS/", "", "2 200", "proto=https", ""},
	{"--http2-prior-knowledge PLAIN/", "", "2 200", "proto=http", ""},
	{"--http2-prior-knowledge TLS/", "", "2 200", "proto=https", ""},
	{"--http2 MODERN/", "", "1.1 200", "proto=https", "`http2: none`"},
	{"--tlsv1.2 --tls-max 1.2 TLS/", "", "2 200", "proto=https", ""},
	{"--tlsv1.3 TLS/", "", "2 200", "proto=https", ""},
	{"--tlsv1.0 --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 TLS/", "", "exit 35", "", "older than `min`"},
	{"--tlsv1.2 --tls-max 1.2 MODERN/", "", "exit 35", "", "`min: \"1.3\"`"},
	{"--tlsv1.3 MODERN/", "", "1.1 200", "proto=https", ""},
	{"--tlsv1.2 --tls-max 1.2 --ciphers AES128-SHA TLS/", "", "exit 35", "", "no forward secrecy, so not in Go's list"},
	{"--cert DIR/client.pem MUTUAL/", "", "2 200", "proto=https", ""},
	{"--cert DIR/client.pem --tls-max 1.2 MUTUAL/", "", "2 200", "proto=https", ""},
	{"MUTUAL/", "", "exit 55 or exit 56", "", "a certificate is required; in TLS 1.3 the client learns it after the handshake"},
	{"--tls-max 1.2 MUTUAL/", "", "exit 35", "", "in TLS 1.2 it is asked for within the handshake"},
	{"--haproxy-protocol PROXY/", "", "1.1 200", "for=127.0.0.1", ""},
	{"--haproxy-protocol --http2-prior-knowledge PROXY/", "", "2 200", "for=127.0.0.1", ""},
	{"PROXY/", "", "exit 52", "", "`required: true`"},
	{"--haproxy-protocol PLAIN/", "", "1.1 400", "", "the header is not HTTP"},
	{"http://TLSADDR/", "", "1 400", "Client sent an HTTP request to an HTTPS server", ""},
	{"--haproxy-protocol TLS/", "", "exit 35", "", "the header is not TLS"},
	{"--compressed PLAIN/gzip", "", "1.1 200", "unpacked", "passes as it is"},
	{"--compressed --http2 TLS/gzip", "", "2 200", "unpacked", ""},
	{"PLAIN/gzip", "", "1.1 200", "plain", ""},
	{"-T - PLAIN/", "a body of some length", "1.1 200", "PUT / 21 bytes te=[chunked] length=-1", "chunked upload"},
	{"-T - --http2 TLS/", "a body of some length", "2 200", "PUT / 21 bytes te=[chunked] length=-1", "no length in HTTP/2 either"},
	{"-T - --http1.0 PLAIN/", "x", "exit 25", "", "curl cannot: HTTP/1.0 has no chunks"},
	{"-H Transfer-Encoding:chunked -d abc PLAIN/", "", "1.1 200", "POST / 3 bytes te=[chunked]", ""},
	{"-d abc PLAIN/", "", "1.1 200", "POST / 3 bytes te=[] length=3", ""},
	{"-d abc --http2 TLS/", "", "2 200", "POST / 3 bytes te=[] length=3", ""},
	{"-F a=b PLAIN/", "", "1.1 200", "POST / ", "multipart"},
	{"-H Expect:100-continue --expect100-timeout 60 -d abc PLAIN/", "", "1.1 200", "POST / 3 bytes", "100 Continue comes at once"},
	{"-H Expect:100-continue --expect100-timeout 60 -d abc --http2 TLS/", "", "2 200", "POST / 3 bytes", ""},
	{"-H Expect:100-continue --expect100-timeout 60 -d abc -H X-Routing-Key: PLAIN/", "", "1.1 400", "no_key", "refused before the body"},
	{"-H Expect:a-miracle -d abc PLAIN/", "", "1.1 417", "", "net/http refuses any other expectation"},
	{"-H Expect:100-continue -d abc PLAIN/refuse", "", "1.1 403", "no", ""},
	{"--raw PLAIN/chunks", "", "1.1 200", "\r\n0\r\n\r\n", "chunks, perhaps others than the origin's"},
	{"--raw --http2 TLS/chunks", "", "2 200", "abcabcabc", ""},
	{"-I PLAIN/", "", "1.1 200", "Content-Length: ", "HEAD: the length of the GET"},
	{"-I --http2 TLS/", "", "2 200", "content-length: ", ""},
	{"-I PLAIN/large", "", "1.1 200", "HTTP/1.1 200", ""},
	{"-i PLAIN/trailers -d abc", "", "1.1 200", "X-Sum: 42", "trailers come after the body"},
	{"-i --http2 TLS/trailers -d abc", "", "2 200", "x-sum: 42", ""},
	{"-i PLAIN/hints", "", "1.1 200", "103 Early Hints", ""},
	{"-i --http2 TLS/hints", "", "2 200", "HTTP/2 103", ""},
	{"-r 2-4 PLAIN/range", "", "1.1 206", "234", ""},
	{"-r 2-4 --http2 TLS/range", "", "2 206", "234", ""},
	{"-X OPTIONS --request-target * PLAIN/", "", "1.1 200", "OPTIONS * ", ""},
	{"-X DELETE PLAIN/", "", "1.1 200", "DELETE / ", ""},
	{"-X PATCH -d abc PLAIN/", "", "1.1 200", "PATCH / 3 bytes", ""},
	{"-X BREW PLAIN/", "", "1.1 200", "BREW / ", "any method is routed"},
	{"-p -x PLAIN http://example.com:80/", "", "exit 56", "", "CONNECT: 405"},
	{"-x PLAIN http://example.com/", "", "1.1 200", "GET / ", "the absolute form names no other target"},
	{"--path-as-is PLAIN/dots/../a//b?c=%%", "", "1.1 200", "GET /dots/../a//b?c=%% ", "the path is not cleaned"},
	{"-H Connection:close PLAIN/", "", "1.1 200", "GET / ", ""},
	{"-i PLAIN/status/204", "", "1.1 204", "", ""},
	{"-i --http2 TLS/status/304", "", "2 304", "", ""},
	{"-o /dev/null PLAIN/large", "", "1.1 200", "", "64 MiB"},
	{"-o /dev/null --http2 TLS/large", "", "2 200", "", ""},
	{"-Z --parallel-max 20 --http2 TLS/?[1-20]", "", "2 200", "GET /?20 ", "20 streams at once"},
	{"-Z --parallel-max 20 PLAIN/?[1-20]", "", "1.1 200", "GET /?20 ", ""},
	{"--connect-to elsewhere:443:TLSADDR https://elsewhere/ --insecure", "", "2 200", "proto=https", "an unknown name gets the default certificate"},
	{"--connect-to elsewhere:443:TLSADDR https://elsewhere/", "", "exit 60", "", "which the client refuses"},
}

func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Fatal("curl is not here; install it")
	}
	backend := httptest.NewUnstartedServer(origin())
	backend.Config.DisableGeneralOptionsHandler = true
	backend.Start()
	defer backend.Close()
	dir := certificates(t)
	var table strings.Builder
	table.WriteString("| curl | answer | |\n|---|---|---|\n")
	for _, c := range curlCases {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", strings.ReplaceAll(c.args, "|", "\\|"), c.want, c.why)
	}
	for _, engine := range []string{"http1", "std"} {
		t.Run(engine, func(t *testing.T) { runCurl(t, curl, engine, backend.URL, dir) })
	}
	compare(t, table.String())
}

// runCurl makes every call to a router whose listeners have that engine.
func runCurl(t *testing.T, curl, engine, backend, dir string) {
	at := serve(t, fmt.Sprintf(`lockstep: 1
listen:
  plain: {address: "127.0.0.1:0", http_engine: %[1]s}
  tls: {address: "127.0.0.1:0", http_engine: %[1]s, tls: {certs: %[2]s/certs}}
  mutual: {address: "127.0.0.1:0", http_engine: %[1]s, tls: {certs: %[2]s/certs, client_ca: %[2]s/ca.pem}}
  modern: {address: "127.0.0.1:0", http_engine: %[1]s, tls: {certs: %[2]s/certs, min: "1.3"}, http2: none}
  proxy: {address: "127.0.0.1:0", http_engine: %[1]s, proxy_protocol: {from: [127.0.0.0/8], required: true}}
placements: {a: {health: none, endpoints: {x: {url: %[3]q}}}}
keys: {k: a}
`, engine, dir, backend), 5)
	stands := strings.NewReplacer("PLAIN", "http://"+at["plain"], "TLSADDR", at["tls"], "TLS", "https://"+at["tls"], "MUTUAL", "https://"+at["mutual"],
		"MODERN", "https://"+at["modern"], "PROXY", "http://"+at["proxy"], "DIR", dir)
	for _, c := range curlCases {
		args := []string{"-s", "--noproxy", "", "--cacert", filepath.Join(dir, "ca.pem"), "-w", "\n%{http_version} %{response_code}"}
		if !strings.Contains(c.args, "X-Routing-Key:") {
			args = append(args, "-H", "X-Routing-Key: k")
		}
		for _, a := range strings.Fields(c.args) {
			args = append(args, stands.Replace(a))
		}
		got, output := call(curl, args, c.stdin)
		if !slices.Contains(strings.Split(c.want, " or "), got) || !strings.Contains(output, c.holds) {
			t.Errorf("curl %s: %s, want %s; %.300q", c.args, got, c.want, output)
		}
	}
}

// call runs curl and returns the protocol and status that it tells last, or how it failed.
func call(curl string, args []string, stdin string) (result, output string) {
	cmd := exec.Command(curl, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout = &out
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return fmt.Sprintf("exit %d", exit.ExitCode()), out.String()
	case err != nil:
		return err.Error(), ""
	}
	lines := strings.Split(out.String(), "\n")
	return lines[len(lines)-1], out.String()
}
