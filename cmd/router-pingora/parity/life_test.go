package parity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

const term = syscall.SIGTERM

// lifeCases are the end of a router, and its replacement.
func lifeCases() []*testCase {
	const shutting = "drain: the router is shutting down"
	aborted := answer{status: 503, to: "visa", why: "dedicated", circuit: "closed", body: shutting, closed: true, with: "Connection: close\n" + ownHeaders(shutting)}
	terminate := does(func(r *run) { r.router.signal(term) })
	ended := does(func(r *run) { r.router.wait() })
	return []*testCase{
		{name: "SIGTERM drains: what is in flight finishes, nobody new is accepted, the end is in good order", config: native, yaml: true, args: []string{"--drain", "10s"}, steps: []step{
			ask{send: get("visa", "/held"), script: "HTTP/1.1 200 OK\nContent-Length: 10\n\nhello{hold}world", want: answer{status: 200, to: "visa", why: "dedicated", circuit: "closed", with: "Content-Length: 10", body: "helloworld", cut: false}, later: "held"},
			held{"visa", 1},
			comes{"held", "hello"},
			terminate,
			does(func(r *run) {
				until(r.t, "a router that is not ready", func() bool { code, _ := fetch("http://" + r.router.admin() + "/readyz"); return code == 503 })
				until(r.t, "a closed port", func() bool { return refusesDial(r.router.addr()) })
			}),
			finish{name: "held"},
			ended,
		}},
		{name: "at the drain's deadline what is left is aborted", config: native, yaml: true, args: []string{"--drain", "300ms"}, steps: []step{
			ask{
				send: get("visa", "/held"), script: "{hang}", want: aborted, later: "held",
				log: base("GET", "/held", "visa", "visa", "dedicated", "http://<visa>", 503),
			},
			does(func(r *run) {
				until(r.t, "the request at the origin", func() bool { return r.origin("visa").last().is("GET /held") })
			}),
			terminate,
			finish{name: "held"},
			ended,
		}},
		{name: "an idle connection is closed by a drain", config: native, yaml: true, steps: []step{
			ask{on: "idle", send: get("visa", "/x"), want: ok("visa", "dedicated", "closed")},
			terminate, ended,
			does(func(r *run) {
				if _, err := r.links["idle"].in.ReadByte(); err != io.EOF {
					r.t.Errorf("the idle connection ends with %v, want an end in good order", err)
				}
			}),
		}},
		{name: "a lame duck serves on and is not ready", config: native, yaml: true, args: []string{"--lame-duck", "30s", "--drain", "1s"}, steps: []step{
			terminate, does(func(r *run) {
				until(r.t, "a router that is not ready", func() bool { code, _ := fetch("http://" + r.router.admin() + "/readyz"); return code == 503 })
			}),
			ask{send: get("visa", "/x"), want: leaving(ok("visa", "dedicated", "closed"))},
			does(func(r *run) { r.router.signal(syscall.SIGKILL); <-r.router.ended; r.router.down = true }),
		}, unrecorded: "it is killed: a lame duck of a length that no machine is too slow for would be waited for"},
		{name: "a hot upgrade fails no request and keeps the breakers", config: upgraded, yaml: true, args: []string{"--drain", "4s"}, steps: []step{
			each{"visa", "/status/500 /status/500 /", "500 closed visa, 500 closed visa, 503 open"}, does(upgradeUnderLoad), each{"visa", "/", "503 open"},
		}},
	}
}

// upgraded has a breaker that stays open.
var upgraded = strings.Replace(native, "fallback: none}", "fallback: none, breaker: {consecutive_failures: 2, open: 1h}}", 1)

// refusesDial reports whether nobody listens at an address.
func refusesDial(address string) bool {
	c, err := net.DialTimeout("tcp", address, patience)
	if err == nil {
		c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// upgradeUnderLoad replaces the router while clients go on asking, each on a
// connection that it keeps.
func upgradeUnderLoad(r *run) {
	r.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var sent atomic.Int64
	var failed sync.Map
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: patience}
			defer c.CloseIdleConnections()
			for n := 0; ctx.Err() == nil; n++ {
				if err := askOnce(c, r.router.addr(), n%2 == 1); err != nil {
					failed.Store(fmt.Sprintf("client %d, request %d", i, n), err)
				}
				sent.Add(1)
			}
		})
	}
	more := func(n int64) {
		at := sent.Load()
		until(r.t, "requests", func() bool { return sent.Load() >= at+n })
	}
	more(100)
	old := r.router.pid
	r.program.upgrade(r.router)
	more(100)
	until(r.t, "the end of the predecessor", func() bool { return gone(old) })
	more(100)
	stop()
	all.Wait()
	failed.Range(func(who, err any) bool { r.t.Errorf("%v: %v", who, err); return true })
	r.tell("the upgrade", "no request failed")
}

// askOnce sends a GET, or a POST that its client cannot repeat.
func askOnce(c *http.Client, address string, post bool) error {
	q, err := http.NewRequest(http.MethodGet, "http://"+address+"/", nil)
	if post {
		q, err = http.NewRequest(http.MethodPost, "http://"+address+"/", io.MultiReader(strings.NewReader("half"), strings.NewReader("body")))
	}
	if err != nil {
		return err
	}
	q.Header.Set("X-Routing-Key", "acme")
	res, err := c.Do(q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != 200 || string(body) != "ok") {
		err = fmt.Errorf("%d %q", res.StatusCode, body)
	}
	return err
}
