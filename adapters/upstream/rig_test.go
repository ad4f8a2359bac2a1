package upstream_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"lockstep/adapters/settings"
	"lockstep/adapters/upstream"
	"lockstep/core"
)

// watcher notes what a call tells.
type watcher struct {
	mu          sync.Mutex
	wrote       int
	informed    []int
	interrupted int
	onInterrupt func()
}

func (w *watcher) Wrote() {
	w.mu.Lock()
	w.wrote++
	w.mu.Unlock()
}

func (w *watcher) Informed(code int, _ http.Header) { w.informed = append(w.informed, code) }

func (w *watcher) Interrupt() {
	w.interrupted++
	if w.onInterrupt != nil {
		w.onInterrupt()
	}
}

// configOf is a configuration of one placement "p" with one endpoint.
func configOf(t testing.TB, url string, u settings.Upstream, times core.TimeoutSpec) *core.Config {
	t.Helper()
	c, err := core.Compile(core.Spec{
		Version: "1", Default: "p",
		Placements: []core.PlacementSpec{{
			Name: "p", Health: core.HealthSpec{Off: true}, Timeouts: times,
			Endpoints: []core.EndpointSpec{{URL: url}}, Edge: settings.Placement{Upstream: &u}.Text(),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// client sends requests to one endpoint.
type client struct {
	t      testing.TB
	set    *upstream.Set
	config *core.Config
	url    string
}

func newClient(t testing.TB, o upstream.Options, url string, u settings.Upstream) *client {
	c := &client{t, upstream.New(o), configOf(t, url, u, core.TimeoutSpec{}), url}
	t.Cleanup(c.set.CloseIdle)
	return c
}

func (c *client) pool() *upstream.Pool {
	c.t.Helper()
	p, err := c.set.Get(upstream.Identity{Placement: "p", URL: c.url}, c.config, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

func (c *client) call() *upstream.Call {
	return &upstream.Call{Context: context.Background(), Watcher: new(watcher)}
}

// get sends a GET, or a POST if there is a body, and reads the answer to its end.
func (c *client) get(body string) (status int, text string, err error) {
	c.t.Helper()
	r, _ := http.NewRequest("GET", c.url+"/path?q", nil)
	if body != "" {
		r, _ = http.NewRequest("POST", c.url+"/path?q", strings.NewReader(body))
	}
	return c.send(c.call(), r)
}

func (c *client) send(call *upstream.Call, r *http.Request) (int, string, error) {
	c.t.Helper()
	res, err := c.pool().RoundTrip(call, r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	return res.StatusCode, string(all), err
}

// failure is err as an *upstream.Error.
func failure(t testing.TB, err error) *upstream.Error {
	t.Helper()
	var e *upstream.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v (%T) is not an *upstream.Error", err, err)
	}
	return e
}

// server runs f on every connection to a port of its own, on the loopback.
func server(t testing.TB, f func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accept(t, l, f)
	return l.Addr().String()
}

func accept(t testing.TB, l net.Listener, f func(net.Conn)) {
	var running sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			running.Go(func() {
				defer c.Close()
				f(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
}

// answering reads requests without a body and answers each with text.
func answering(text string) func(net.Conn) {
	return func(c net.Conn) {
		in := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
