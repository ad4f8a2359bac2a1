//go:build linux

package upstream_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"lockstep/adapters/discovery/dnstest"
	"lockstep/adapters/driver"
	"lockstep/adapters/httpproxy"
	"lockstep/adapters/upstream"
	"lockstep/core"
)

// namespace is a network of the test's own: a loopback on which nftables drops,
// refuses and counts what the test says.
type namespace struct {
	t    *testing.T
	name string
	file *os.File
}

// newNamespace makes one. It needs root, ip and nft; where they are not to be
// had the test says so and proves nothing.
func newNamespace(t *testing.T) *namespace {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TRIED: network namespaces need root")
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("NOT TRIED: there is no %s here (packages iproute2 and nftables)", tool)
		}
	}
	n := &namespace{t: t, name: "lockstep-" + strconv.Itoa(os.Getpid())}
	if out, err := exec.Command("ip", "netns", "add", n.name).CombinedOutput(); err != nil {
		t.Skipf("NOT TRIED: this machine permits no network namespace: %s", out)
	}
	t.Cleanup(func() { exec.Command("ip", "netns", "del", n.name).Run() })
	n.run("ip", "link", "set", "lo", "up")
	var err error
	if n.file, err = os.Open("/run/netns/" + n.name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.file.Close() })
	n.run("nft", "add table inet t")
	n.run("nft", "add chain inet t in { type filter hook input priority 0; }")
	return n
}

// run runs a program inside.
func (n *namespace) run(name string, args ...string) string {
	n.t.Helper()
	out, err := exec.Command("ip", append([]string{"netns", "exec", n.name, name}, args...)...).CombinedOutput()
	if err != nil {
		n.t.Fatalf("%s %v: %v %s", name, args, err, out)
	}
	return string(out)
}

// rule adds an nftables rule for what comes in, until the function that it returns is called.
func (n *namespace) rule(format string, args ...any) (mend func()) {
	n.t.Helper()
	n.run("nft", "add rule inet t in "+fmt.Sprintf(format, args...))
	return func() { n.run("nft", "flush chain inet t in") }
}

// dropped counts the packets that the rules with a counter have taken.
func (n *namespace) dropped() (packets int) {
	for _, m := range regexp.MustCompile(`counter packets (\d+)`).FindAllStringSubmatch(n.run("nft", "list", "ruleset"), -1) {
		one, _ := strconv.Atoi(m[1])
		packets += one
	}
	return packets
}

// inside runs f on a thread that is in the namespace: sockets that it opens stay there.
func (n *namespace) inside(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			n.t.Errorf("entering the namespace: %v", err)
			return
		}
		f()
	}()
	<-done
}

func (n *namespace) dialer(resolver *net.Resolver) upstream.DialFunc {
	return func(ctx context.Context, network, address string) (c net.Conn, err error) {
		if host, _, _ := net.SplitHostPort(address); net.ParseIP(host) == nil {
			return (&net.Dialer{Resolver: resolver}).DialContext(ctx, network, address)
		}
		n.inside(func() { c, err = new(net.Dialer).DialContext(ctx, network, address) })
		return c, err
	}
}

// serve runs f on every connection to a port inside.
func (n *namespace) serve(f func(*net.TCPConn)) (port int) {
	var l net.Listener
	var err error
	n.inside(func() { l, err = net.Listen("tcp", "127.0.0.1:0") })
	if err != nil {
		n.t.Fatal(err)
	}
	accept(n.t, l, func(c net.Conn) { f(c.(*net.TCPConn)) })
	return l.Addr().(*net.TCPAddr).Port
}

// finished is how an attempt ended.
type finished struct {
	class core.Class
	sent  bool
}

// ends is a driver that hands over how each attempt ended.
type ends struct {
	*driver.Driver
	all chan finished
}

// Finish implements httpproxy.Router.
func (e *ends) Finish(h core.Handle, class core.Class, status uint16, sent bool) {
	e.Driver.Finish(h, class, status, sent)
	e.all <- finished{class, sent}
}

// router is a whole router before one endpoint.
type realRouter struct {
	t    *testing.T
	url  string
	ends *ends
}

func (n *namespace) router(t *testing.T, endpoint string, times core.TimeoutSpec, resolver *net.Resolver) *realRouter {
	t.Helper()
	config, err := core.Compile(core.Spec{Version: "1", Default: "p", Placements: []core.PlacementSpec{{
		Name: "p", Health: core.HealthSpec{Off: true}, Breaker: core.BreakerSpec{Off: true}, Timeouts: times,
		Endpoints: []core.EndpointSpec{{URL: endpoint}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	e := &ends{driver.New(driver.Options{}), make(chan finished, 1000)}
	h := httpproxy.NewHandler(e, httpproxy.Options{Dial: n.dialer(resolver)})
	e.Driver.Handle(h.Deliver)
	e.Driver.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone)
	e.Driver.Run(context.Background())
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = nil
	s.Start()
	t.Cleanup(func() { s.Close(); h.CloseIdleConnections(); e.Driver.Close() })
	return &realRouter{t, s.URL, e}
}

// get sends one request through the router. A body that breaks is status 0.
func (r *realRouter) get(body string) (status int, end finished, took time.Duration) {
	begin := time.Now()
	q, _ := http.NewRequest("GET", r.url, nil)
	if body != "" {
		q, _ = http.NewRequest("POST", r.url, strings.NewReader(body))
	}
	q.Header.Set("X-Routing-Key", "k")
	q.Close = true // a connection each: what the client's own transport does again is not the router's
	res, err := http.DefaultTransport.RoundTrip(q)
	if err == nil {
		status = res.StatusCode
		if _, err := io.ReadAll(res.Body); err != nil {
			status = 0
		}
		res.Body.Close()
	}
	return status, <-r.ends.all, time.Since(begin)
}

func short() core.TimeoutSpec {
	return core.TimeoutSpec{
		Connect: 400 * core.Millisecond, ResponseHeader: 400 * core.Millisecond, Request: 3 * core.Second,
		BodyIdle: 400 * core.Millisecond, Settle: 50 * core.Millisecond,
	}
}

// head reads a request's head.
func head(c net.Conn) { http.ReadRequest(bufio.NewReader(c)) }

// reset ends a connection with RST.
func reset(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}

const half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"

// The table of R16's network classes over real sockets: README.md shows it.
func TestEveryNetworkClassOfR16OnRealSockets(t *testing.T) {
	n := newNamespace(t)
	names := dnstest.New(t)
	names.Change(func() { names.Code = dnsmessage.RCodeNameError })
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, names.Address)
	}}
	var port int // of the row's server
	drop := func() { n.rule("tcp dport %d drop", port); n.rule("tcp sport %d drop", port) }
	secure := &tls.Config{Certificates: []tls.Certificate{newAuthority(t).pair("e.test")}}
	rows := []struct {
		name   string
		scheme string
		host   string
		serve  func(c *net.TCPConn)
		before func() // with the port known
		want   finished
		status int
		within time.Duration
	}{
		{"a name that does not exist", "http", "no.test", nil, nil, finished{core.DNS, false}, 502, time.Second},
		{"nobody listens", "http", "", nil, nil, finished{core.ConnectRefused, false}, 502, time.Second},
		{"a firewall refuses", "http", "", answering2, func() { n.rule("tcp dport %d reject with tcp reset", port) }, finished{core.ConnectRefused, false}, 502, time.Second},
		{"a firewall drops", "http", "", answering2, func() { drop() }, finished{core.ConnectTimeout, false}, 502, 900 * time.Millisecond},
		{"not TLS", "https", "", func(c *net.TCPConn) { io.WriteString(c, "220 hello\r\n"); io.Copy(io.Discard, c) }, nil, finished{core.TLS, false}, 502, time.Second},
		{"a certificate of an unknown CA", "https", "", func(c *net.TCPConn) { tls.Server(c, secure).Handshake() }, nil, finished{core.TLS, false}, 502, time.Second},
		{"a handshake that stands still", "https", "", func(c *net.TCPConn) { io.Copy(io.Discard, c) }, nil, finished{core.ConnectTimeout, false}, 502, 900 * time.Millisecond},
		{"RST after the request", "http", "", func(c *net.TCPConn) { head(c); reset(c) }, nil, finished{core.ResetBeforeResponse, true}, 502, time.Second},
		{"FIN after the request", "http", "", func(c *net.TCPConn) { head(c) }, nil, finished{core.ResetBeforeResponse, true}, 502, time.Second},
		{"RST inside the header", "http", "", func(c *net.TCPConn) {
			head(c)
			io.WriteString(c, half[:20])
			time.Sleep(20 * time.Millisecond)
			reset(c)
		}, nil, finished{core.ResetBeforeResponse, true}, 502, time.Second},
		{"silence", "http", "", func(c *net.TCPConn) { io.Copy(io.Discard, c) }, nil, finished{core.ResponseTimeout, true}, 504, 900 * time.Millisecond},
		{"a partition after the request", "http", "", func(c *net.TCPConn) { head(c); drop(); io.WriteString(c, ok); time.Sleep(time.Second) }, nil, finished{core.ResponseTimeout, true}, 504, 900 * time.Millisecond},
		{"another protocol", "http", "", func(c *net.TCPConn) { head(c); io.WriteString(c, "220 hello\r\n\r\n") }, nil, finished{core.BadResponse, true}, 502, time.Second},
		{"RST inside the body", "http", "", func(c *net.TCPConn) { head(c); io.WriteString(c, half); time.Sleep(50 * time.Millisecond); reset(c) }, nil, finished{core.BrokenBody, true}, 0, time.Second},
		{"FIN inside the body", "http", "", func(c *net.TCPConn) { head(c); io.WriteString(c, half) }, nil, finished{core.BrokenBody, true}, 0, time.Second},
		{"a body that stands still", "http", "", func(c *net.TCPConn) { head(c); io.WriteString(c, half); io.Copy(io.Discard, c) }, nil, finished{core.BodyTimeout, true}, 0, 1500 * time.Millisecond},
		{"a partition inside the body", "http", "", func(c *net.TCPConn) {
			head(c)
			io.WriteString(c, half)
			time.Sleep(50 * time.Millisecond)
			drop()
			io.WriteString(c, "er half")
			io.Copy(io.Discard, c)
		}, nil, finished{core.BodyTimeout, true}, 0, 1500 * time.Millisecond},
		{"its own 5xx", "http", "", func(c *net.TCPConn) { head(c); io.WriteString(c, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") }, nil, finished{core.ClassNone, true}, 503, time.Second},
		{"all well", "http", "", answering2, nil, finished{core.ClassNone, true}, 200, time.Second},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			port = 9 // discard: nobody is there
			if row.serve != nil {
				port = n.serve(row.serve)
			}
			host := row.host
			if host == "" {
				host = "127.0.0.1"
			}
			if row.before != nil {
				row.before()
			}
			defer n.run("nft", "flush chain inet t in")
			for _, body := range []string{"", "a body"} {
				if body != "" && strings.Contains(row.name, "partition") {
					continue // the first has cut the network
				}
				r := n.router(t, fmt.Sprintf("%s://%s:%d", row.scheme, host, port), short(), resolver)
				status, end, took := r.get(body)
				if end != row.want || status != row.status || took > row.within {
					t.Errorf("body %q: %d %s sent %v after %v, want %d %s sent %v within %v",
						body, status, end.class, end.sent, took, row.status, row.want.class, row.want.sent, row.within)
				}
			}
		})
	}
}

func answering2(c *net.TCPConn) { answering(ok)(c) }

func TestLossIsRepairedAndAnsweredAsIfThereWereNone(t *testing.T) {
	n := newNamespace(t)
	var mu sync.Mutex
	requests := 0
	port := n.serve(func(c *net.TCPConn) {
		in := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			mu.Lock()
			requests++
			mu.Unlock()
			io.WriteString(c, ok)
		}
	})
	n.rule("tcp dport %d numgen random mod 100 < 10 counter drop", port)
	n.rule("tcp sport %d numgen random mod 100 < 10 counter drop", port)
	times := core.TimeoutSpec{Connect: 30 * core.Second, ResponseHeader: 30 * core.Second}
	r := n.router(t, fmt.Sprintf("http://127.0.0.1:%d", port), times, nil)
	const clients, each = 8, 10
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range each {
				if status, end, took := r.get("a body"); status != 200 || end.class != core.ClassNone {
					t.Errorf("%d %s after %v", status, end.class, took)
				}
			}
		})
	}
	all.Wait()
	if requests != clients*each {
		t.Errorf("%d requests came as %d", clients*each, requests)
	}
	dropped := n.dropped()
	if dropped == 0 {
		t.Error("no packet was lost")
	}
	t.Logf("%d packets were lost", dropped)
}

func TestAKeptConnectionThatAPartitionHasCutIsNotSentOnTwice(t *testing.T) {
	n := newNamespace(t)
	requests := make(chan string, 10)
	port := n.serve(func(c *net.TCPConn) {
		in := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(r.Body)
			requests <- r.Method + string(body)
			io.WriteString(c, ok)
		}
	})
	r := n.router(t, fmt.Sprintf("http://127.0.0.1:%d", port), short(), nil)
	if status, _, _ := r.get(""); status != 200 || <-requests != "GET" {
		t.Fatal(status)
	}
	mend := n.rule("tcp dport %d drop", port)
	for _, body := range []string{"", "pay"} {
		// The first goes out on the kept connection, which nothing shows to be dead;
		// it may have arrived, so it is not sent again. The second dials.
		want := finished{core.ResponseTimeout, true}
		if body != "" {
			want = finished{core.ConnectTimeout, false}
		}
		if _, end, took := r.get(body); end != want || took > 2*time.Second {
			t.Errorf("body %q: %s sent %v after %v", body, end.class, end.sent, took)
		}
	}
	mend()
	if status, _, _ := r.get("pay"); status != 200 {
		t.Errorf("after the partition: %d", status)
	}
	// The kernel may still have the GET, and sends it when it can: late, but once.
	came := map[string]int{}
	for came["POSTpay"] == 0 {
		came[<-requests]++
	}
	for more := true; more; {
		select {
		case again := <-requests:
			came[again]++
		default:
			more = false
		}
	}
	if came["GET"] > 1 || came["POSTpay"] != 1 || len(came) > 2 {
		t.Errorf("after the partition came %v", came)
	}
}

func TestDelayCountsAgainstTheTimeouts(t *testing.T) {
	n := newNamespace(t)
	far := n.serve(answering2)
	const delay = 100 * time.Millisecond
	near := n.serve(func(c *net.TCPConn) { // a relay that holds back each piece
		up, err := n.dialer(nil)(context.Background(), "tcp", "127.0.0.1:"+strconv.Itoa(far))
		if err != nil {
			return
		}
		defer up.Close()
		go relay(up, c, delay)
		relay(c, up, delay)
	})
	for _, row := range []struct {
		header core.Duration
		want   core.Class
	}{{core.Second, core.ClassNone}, {150 * core.Millisecond, core.ResponseTimeout}} {
		times := short()
		times.ResponseHeader = row.header
		_, end, took := n.router(t, fmt.Sprintf("http://127.0.0.1:%d", near), times, nil).get("")
		if end.class != row.want || row.want == core.ClassNone && took < 2*delay {
			t.Errorf("%s after %v", end.class, took)
		}
	}
}

// relay copies with a delay.
func relay(to io.Writer, from io.Reader, delay time.Duration) {
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		time.Sleep(delay)
		if n > 0 {
			if _, werr := to.Write(b[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			to.(interface{ CloseWrite() error }).CloseWrite()
			return
		}
	}
}
