package controlplane

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"

	"lockstep/adapters/driver"
	"lockstep/core"
)

// network is one address in memory: whoever dials reaches the server that
// listens at that moment, or is refused.
type network struct {
	mu     sync.Mutex
	server *listener
	dials  int
}

// serve puts a handler at the address until the returned function takes it away
// and cuts every connection.
func (n *network) serve(h http.Handler) (down func()) {
	l := &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	n.server = l
	n.mu.Unlock()
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(l) }()
	return func() {
		n.mu.Lock()
		n.server = nil
		n.mu.Unlock()
		_ = s.Close()
		l.cut()
	}
}

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n.mu.Lock()
	n.dials++
	l := n.server
	n.mu.Unlock()
	if l == nil {
		return nil, errors.New("connection refused")
	}
	return l.dial(ctx)
}

// dialed returns how often somebody dialed.
func (n *network) dialed() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials
}

func (n *network) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: n.dial, DisableKeepAlives: true}}
}

type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	mu     sync.Mutex
	open   []net.Conn
}

func (l *listener) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
	case <-l.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l.mu.Lock()
	l.open = append(l.open, there)
	l.mu.Unlock()
	return here, nil
}

// cut closes the connections that http.Server no longer knows of.
func (l *listener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.open {
		_ = c.Close()
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8081} }

// router is a real driver with a Client that runs until the test ends.
func router(t *testing.T, n *network, change func(*Options)) *driver.Driver {
	t.Helper()
	d := driver.New(driver.Options{})
	o := Options{URL: "ws://localhost:8081", HTTP: n.client(), Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	c, err := NewClient(d, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		d.Close()
	})
	return d
}

// form1 is a configuration file in the baseline's first form.
func form1(version string) string {
	return `{"version":"` + version + `","routingTable":{"visa":"visa","acme":"tier1"},` +
		`"cellEndpoints":{"visa":"http://127.0.0.1:9001","tier1":"http://127.0.0.1:9002"},"defaultPlacement":"tier1"}`
}

// inForce returns the version in force, "" for none.
func inForce(d *driver.Driver) string {
	c, _ := d.Config()
	if c == nil {
		return ""
	}
	return c.Version()
}

func mustCompile(t *testing.T, text string) *core.Config {
	t.Helper()
	c, err := compile("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
