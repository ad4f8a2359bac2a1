//go:build peers

package accesslog_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lockstep/adapters/accesslog"
	"lockstep/adapters/configfile"
	"lockstep/adapters/configimport"
	"lockstep/traces"
)

// The logs of the real nginx and HAProxy, under load, with failures in the
// middle: they must be read without a malformed line, import in order, and
// compare must find nothing that it cannot explain. It needs both programs:
//
//	apt-get install nginx-light haproxy
//	go test -tags peers -run Peers ./adapters/accesslog -lines 1000000 -keep DIR
var (
	wantLines = flag.Int("lines", 6000, "requests that each server gets")
	keepLogs  = flag.String("keep", "", "folder in which the logs and the configuration are left")
)

// cellConfig is what both servers are set up as: tenants in two cells and a
// shared one, which also takes unknown keys and what fails over.
const cellConfig = `lockstep: 1
defaults: {health: none, breaker: {consecutive_failures: 3, open: 1s}}
placements:
  cell-a: {fallback: none, endpoints: {a1: {url: "http://%s"}, a2: {url: "http://%s"}}}
  cell-b: {fallback: [shared], endpoints: {b1: {url: "http://%s"}, b2: {url: "http://%s"}}}
  shared: {fallback: none, endpoints: {s1: {url: "http://%s"}, s2: {url: "http://%s"}}}
routes: [{key: [{header: X-Routing-Key}], unknown_key: {to: shared}}]
keys: {%s}
`

const (
	tenantsInA, tenantsInB = 20, 20
	tenants                = 50 // the last ten are not in the list
)

// peersRig is six backends and what it takes to break some.
type peersRig struct {
	dir      string
	backends []*backend // a1 a2 b1 b2 s1 s2
	config   string     // file
}

type backend struct {
	addr   string
	mu     sync.Mutex
	server *http.Server
	broken atomic.Bool // answers 503
	seen   atomic.Int64
}

func (b *backend) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	b.seen.Add(1)
	if b.broken.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ok\n")
}

// up listens, at the same address as before if there was one.
func (b *backend) up(t *testing.T) {
	at := b.addr
	if at == "" {
		at = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addr, b.server = l.Addr().String(), &http.Server{Handler: b}
	go b.server.Serve(l)
}

func (b *backend) down() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.server.Close()
}

func newPeersRig(t *testing.T) *peersRig {
	r := &peersRig{dir: t.TempDir()}
	if *keepLogs != "" {
		r.dir = filepath.Join(*keepLogs, t.Name())
		if err := os.MkdirAll(r.dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var addrs []any
	for range 6 {
		b := new(backend)
		b.up(t)
		t.Cleanup(b.down)
		r.backends, addrs = append(r.backends, b), append(addrs, b.addr)
	}
	var keys []string
	for i := range tenantsInA + tenantsInB {
		keys = append(keys, fmt.Sprintf("t%02d: %s", i, homeOf(i)))
	}
	r.config = r.file(t, "router.yaml", fmt.Sprintf(cellConfig, append(addrs, strings.Join(keys, ", "))...))
	return r
}

func homeOf(tenant int) string {
	switch {
	case tenant < tenantsInA:
		return "cell-a"
	case tenant < tenantsInA+tenantsInB:
		return "cell-b"
	}
	return "shared"
}

func (r *peersRig) file(t *testing.T, name, text string) string {
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// nginxPlain is a log_format as text that has what compare needs.
const nginxPlain = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time $upstream_addr $upstream_status $upstream_response_time "$http_x_routing_key"`

// nginxSetup: a map from the key to an upstream, as its manual has it. The backup
// of cell-b is the shared cell.
const nginxSetup = `daemon off; pid DIR/nginx.pid; error_log DIR/nginx.err; worker_processes 1;
events { worker_connections 2048; }
http {
  log_format routed escape=json '{"time":"$msec","request_id":"$request_id","http_x_routing_key":"$http_x_routing_key","request_method":"$request_method","request_uri":"$request_uri","host":"$host",'
    '"status":"$status","body_bytes_sent":"$body_bytes_sent","request_time":"$request_time","upstream_addr":"$upstream_addr","upstream_status":"$upstream_status",'
    '"upstream_connect_time":"$upstream_connect_time","upstream_header_time":"$upstream_header_time","upstream_response_time":"$upstream_response_time"}';
  log_format plain '` + nginxPlain + `';
  access_log DIR/nginx.json routed buffer=64k flush=1s;
  access_log DIR/nginx.log plain buffer=64k flush=1s;
  access_log DIR/nginx-combined.log combined buffer=64k flush=1s;
  client_body_temp_path DIR/t1; proxy_temp_path DIR/t2; fastcgi_temp_path DIR/t3; uwsgi_temp_path DIR/t4; scgi_temp_path DIR/t5;
  map $http_x_routing_key $pool { default shared; include DIR/nginx.map; }
  upstream cell-a { server A1 max_fails=3 fail_timeout=1s; server A2 max_fails=3 fail_timeout=1s; keepalive 64; }
  upstream cell-b { server B1 max_fails=3 fail_timeout=1s; server B2 max_fails=3 fail_timeout=1s; server S1 backup; server S2 backup; keepalive 64; }
  upstream shared { server S1; server S2; keepalive 64; }
  server { listen LISTEN; location / { proxy_pass http://$pool; proxy_http_version 1.1; proxy_set_header Connection ""; keepalive_requests 10000000; } }
}
`

const haproxySetup = `global
  log stdout format raw local0
  nbthread 1
defaults
  mode http
  log global
  option httplog
  option redispatch 1
  retries 2
  timeout connect 2s
  timeout client 30s
  timeout server 5s
frontend fe
  bind LISTEN
  capture request header X-Routing-Key len 32
  capture request header X-Request-Id len 40
  http-request set-header X-Request-Id %[uuid()] unless { req.hdr(X-Request-Id) -m found }
  use_backend shared if { req.hdr(X-Routing-Key),map(DIR/haproxy.map,shared) -m str cell-b } { nbsrv(cell-b) eq 0 }
  use_backend %[req.hdr(X-Routing-Key),map(DIR/haproxy.map,shared)]
backend cell-a
  server a1 A1 check inter 500ms fall 2 rise 1
  server a2 A2 check inter 500ms fall 2 rise 1
backend cell-b
  server b1 B1 check inter 500ms fall 2 rise 1
  server b2 B2 check inter 500ms fall 2 rise 1
backend shared
  server s1 S1
  server s2 S2
`

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// fill puts the places of this run into a configuration of a server.
func (r *peersRig) fill(text, listen string) string {
	b := r.backends
	return strings.NewReplacer("DIR", r.dir, "LISTEN", listen, "A1", b[0].addr, "A2", b[1].addr, "B1", b[2].addr, "B2", b[3].addr, "S1", b[4].addr, "S2", b[5].addr).Replace(text)
}

// run starts a server, waits until it listens, and returns how to end it.
func run(t *testing.T, listen string, out io.Writer, name string, args ...string) (stop func()) {
	cmd := exec.Command(name, args...)
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() {
		cmd.Process.Signal(os.Interrupt) // nginx: fast shutdown, with its logs flushed
		cmd.Wait()
	})
	t.Cleanup(end)
	for range 100 {
		c, err := net.Dial("tcp", listen)
		if err == nil {
			c.Close()
			return end
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s does not listen: %s", name, errs.String())
	return nil
}

func program(t *testing.T, name string) string {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		if path := filepath.Join(dir, name); isProgram(path) {
			return path
		}
	}
	t.Skipf("NOT TRIED: there is no %s here; apt-get install nginx-light haproxy", name)
	return ""
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
}

func (r *peersRig) nginx(t *testing.T) {
	path, listen := program(t, "nginx"), freeAddress(t)
	var list strings.Builder
	for i := range tenantsInA + tenantsInB {
		fmt.Fprintf(&list, "t%02d %s;\n", i, homeOf(i))
	}
	r.file(t, "nginx.map", list.String())
	stop := run(t, listen, io.Discard, path, "-p", r.dir, "-c", r.file(t, "nginx.conf", r.fill(nginxSetup, listen)))
	r.load(t, listen)
	stop()
}

func (r *peersRig) haproxy(t *testing.T) {
	path, listen := program(t, "haproxy"), freeAddress(t)
	var list strings.Builder
	for i := range tenantsInA + tenantsInB {
		fmt.Fprintf(&list, "t%02d %s\n", i, homeOf(i))
	}
	r.file(t, "haproxy.map", list.String())
	out, err := os.Create(filepath.Join(r.dir, "haproxy.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	stop := run(t, listen, out, path, "-f", r.file(t, "haproxy.cfg", r.fill(haproxySetup, listen)))
	r.load(t, listen)
	stop()
}

// load sends the requests over kept connections. In the second third a2 answers
// 503, and b1, then b2 as well, refuse connections.
func (r *peersRig) load(t *testing.T, addr string) {
	const connections = 16
	var sent atomic.Int64
	stage := func(n int64) {
		all := int64(*wantLines)
		switch n {
		case all * 3 / 9:
			r.backends[1].broken.Store(true)
			r.backends[2].down()
		case all * 4 / 9:
			r.backends[1].broken.Store(false)
		case all * 5 / 9:
			r.backends[3].down()
		case all * 6 / 9:
			r.backends[2].up(t)
			r.backends[3].up(t)
		}
	}
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for sent.Load() < int64(*wantLines) {
				if err := drive(addr, &sent, stage); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// drive sends requests on one connection until it is closed or all are sent.
func drive(addr string, sent *atomic.Int64, stage func(int64)) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReaderSize(c, 16<<10)
	var head []byte
	for {
		n := sent.Add(1)
		if n > int64(*wantLines) {
			sent.Add(-1)
			return nil
		}
		stage(n)
		head = fmt.Appendf(head[:0], "GET /v1/items?n=%d HTTP/1.1\r\nHost: api.example.com\r\nX-Routing-Key: t%02d\r\nX-Request-Id: %032x\r\n\r\n", n, (n*7919)%tenants, n)
		if _, err := c.Write(head); err != nil {
			return nil // the server closed it: go on with another
		}
		if ok, err := answer(in); err != nil || !ok {
			return nil
		}
	}
}

// answer reads one response; ok is false when the connection ends with it.
func answer(in *bufio.Reader) (ok bool, err error) {
	length, ok := 0, true
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(bytes.ToLower(line), []byte(": "))
		switch string(name) {
		case "content-length":
			length, _ = strconv.Atoi(string(value))
		case "connection":
			ok = string(value) != "close"
		}
	}
	_, err = in.Discard(length)
	return ok, err
}

// feed is a log of this run, under the configuration that the servers were set up as.
func (r *peersRig) feed(t *testing.T, file string, format accesslog.Format, o accesslog.FormatOptions) accesslog.Feed {
	f, err := configfile.Load(r.config)
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return accesslog.Feed{Input: accesslog.Input{Files: []string{filepath.Join(r.dir, file)}, Format: format, Options: o}, Config: c}
}

// judge holds a log to what its server did: all of it is read, its trace replays,
// and where we would not place a request the same, breakers or retries say why.
func (r *peersRig) judge(t *testing.T, f accesslog.Feed) {
	c, err := accesslog.Compare(f)
	if err != nil {
		t.Fatal(err)
	}
	judged, agree := c.Judged()
	explained := c.Count(accesslog.WeFailOver) + c.Count(accesslog.TheyFailedOver) + c.Count(accesslog.TheyRetried) + c.Count(accesslog.RefusedByThem)
	t.Logf("%s: %d requests, %d judged, %d (%.2f%%) placed the same, %d by another endpoint of the placement, %d explained by failover; %d lines malformed",
		filepath.Base(f.Files[0]), c.Requests, judged, agree, 100*float64(agree)/float64(max(1, judged)), c.Count(accesslog.OtherEndpoint), explained, c.Malformed)
	if c.Malformed > 0 || c.Requests < *wantLines-100 || judged < *wantLines-100 {
		t.Errorf("%+v", c.Stats)
	}
	if agree+explained != judged || 2*explained > judged {
		t.Errorf("%d of %d agree, %d are explained: %+v", agree, judged, explained, c.Groups)
	}
	begin := time.Now()
	var out bytes.Buffer
	i, err := accesslog.Import(&out, f, accesslog.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d lines imported in %v; %d of %d attempts end as logged", filepath.Base(f.Files[0]), i.Lines, time.Since(begin).Round(time.Millisecond), i.Outcomes.Logged, i.Outcomes.Attempts)
	reader, err := traces.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	v := traces.NewVerifier(traces.Options{})
	err = v.Run(reader)
	if report := v.Report(); err != nil || !report.OK() {
		t.Errorf("the trace of %s: %v %v", f.Files[0], err, report.Divergence)
	}
}

func TestPeersNginxLogsAreReadWholeAndCompareAgreesWithWhatNginxDid(t *testing.T) {
	r := newPeersRig(t)
	r.nginx(t)
	r.judge(t, r.feed(t, "nginx.json", accesslog.NginxJSON, accesslog.FormatOptions{}))
	r.judge(t, r.feed(t, "nginx.log", accesslog.Nginx, accesslog.FormatOptions{LogFormat: nginxPlain}))
}

func TestPeersHAProxyLogsAreReadWholeAndCompareAgreesWithWhatHAProxyDid(t *testing.T) {
	r := newPeersRig(t)
	r.haproxy(t)
	f := r.feed(t, "haproxy.log", accesslog.HAProxy, accesslog.FormatOptions{Captures: []string{"X-Routing-Key", "X-Request-Id"}})
	r.judge(t, f)
	r.translated(t, f)
}

// translated compares the log with what its own server's configuration is
// translated to. Its one rule that is not translated, the shared cell for cell-b
// when no server of that is up, is what is left different.
func (r *peersRig) translated(t *testing.T, f accesslog.Feed) {
	text, err := os.ReadFile(filepath.Join(r.dir, "haproxy.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	result, err := configimport.HAProxy([]configimport.Input{{Name: "haproxy.cfg", Data: text}}, configimport.Options{Read: os.ReadFile})
	if err != nil {
		t.Fatal(err)
	}
	file, err := configfile.Parse("haproxy.cfg", result.YAML)
	if err == nil {
		f.Config, err = file.Compile()
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := accesslog.Compare(f)
	if err != nil {
		t.Fatal(err)
	}
	judged, agree := c.Judged()
	left := c.Count(accesslog.OtherPlacement) + c.Count(accesslog.RefusedByThem)
	t.Logf("under its own configuration, translated: %d of %d placed the same, %d left to the rule that is not translated", agree, judged, left)
	if judged < *wantLines-100 || agree+left != judged {
		t.Errorf("%+v", c.Groups)
	}
	for _, g := range c.Groups {
		for _, e := range g.Examples {
			if tenant, _ := strconv.Atoi(strings.TrimPrefix(e.Key, "t")); g.Verdict == accesslog.OtherPlacement && homeOf(tenant) != "cell-b" {
				t.Errorf("%s:%d: a tenant of %s is placed elsewhere: %+v", e.File, e.Line, homeOf(tenant), e)
			}
		}
	}
}
