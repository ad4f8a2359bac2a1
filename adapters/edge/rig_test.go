package edge_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"

	"lockstep/adapters/edge"
	"lockstep/adapters/memnet"
	"lockstep/adapters/settings"
)

// rig is an Edge over a network in memory.
type rig struct {
	t    *testing.T
	net  memnet.Network
	edge *edge.Edge
	log  lockedBuffer

	mu   sync.Mutex
	from net.Addr // whom the next connection comes from
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// addressed gives connections in memory an address.
type addressed struct {
	net.Listener
	g *rig
}

type addressedConn struct {
	net.Conn
	remote net.Addr
}

func (a addressed) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	if err != nil {
		return nil, err
	}
	a.g.mu.Lock()
	defer a.g.mu.Unlock()
	return &addressedConn{c, a.g.from}, nil
}

func (c *addressedConn) RemoteAddr() net.Addr { return c.remote }

// setFrom says whom the next connections come from.
func (g *rig) setFrom(ip string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.from = &net.TCPAddr{IP: net.ParseIP(ip), Port: 4711}
}

// newRig serves on "edge:443" with the listener's settings; call it inside a
// synctest bubble.
func newRig(t *testing.T, s settings.Listener, h http.Handler) *rig {
	t.Helper()
	g := &rig{t: t}
	g.setFrom("192.0.2.1")
	s.Name = "edge"
	s.Engine = cmp.Or(s.Engine, under)
	var err error
	g.edge, err = edge.Listen(edge.Options{
		Listeners: []settings.Listener{s}, PollOnly: true,
		Open: map[string]net.Listener{"edge": addressed{g.net.Listen("edge:443"), g}},
		Log:  slog.New(slog.NewTextHandler(&g.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- g.edge.Serve(h) }()
	t.Cleanup(func() {
		g.edge.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return g
}

func (g *rig) dial() net.Conn {
	g.t.Helper()
	c, err := g.connect(context.Background(), "tcp", "edge:443")
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

func (g *rig) connect(ctx context.Context, network, _ string) (net.Conn, error) {
	c, err := g.net.Dial(ctx, network, "edge:443")
	if err != nil {
		return nil, err
	}
	b := &buffered{Conn: c, pending: make(chan []byte, 1000)}
	go b.run()
	return b, nil
}

// buffered is a pipe that takes what is written without waiting for its reader,
// as a socket does: in a handshake both sides may write at once.
type buffered struct {
	net.Conn
	pending chan []byte
	mu      sync.Mutex
	closed  bool
}

func (b *buffered) run() {
	for p := range b.pending {
		if _, err := b.Conn.Write(p); err != nil {
			return
		}
	}
}

func (b *buffered) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, net.ErrClosed
	}
	b.pending <- bytes.Clone(p)
	return len(p), nil
}

// Close implements net.Conn. What is not written yet is lost.
func (b *buffered) Close() error {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.pending)
	}
	b.mu.Unlock()
	return b.Conn.Close()
}

// handshake dials and returns the state, or the error of the handshake or of
// what the server says after it.
func (g *rig) handshake(c *tls.Config) (*tls.ConnectionState, error) {
	g.t.Helper()
	conn := tls.Client(g.dial(), c)
	defer conn.Close()
	if err := conn.Handshake(); err != nil {
		return nil, err
	}
	// A server that wants a certificate complains after a TLS 1.3 handshake; its
	// tickets come then too.
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 200")) {
		return nil, fmt.Errorf("the answer is %q", answer)
	}
	state := conn.ConnectionState()
	return &state, nil
}

// client speaks HTTP to the rig.
func (g *rig) client(c *tls.Config, protocols func(*http.Protocols)) *http.Client {
	t := &http.Transport{DialContext: g.connect, TLSClientConfig: c, Protocols: new(http.Protocols)}
	protocols(t.Protocols)
	g.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t}
}

// tell answers with what the handler knows of the connection.
var tell = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	c := edge.Of(r.Context())
	fmt.Fprintf(w, "%s %s peer=%s client=%s remote=%s trusted=%t tls=%t chains=", r.Proto, c.Listener, c.Peer.Addr(), c.Client, r.RemoteAddr, c.Trusted, r.TLS != nil)
	if c.TLS != nil {
		for _, chain := range c.TLS.VerifiedChains {
			fmt.Fprintf(w, "%s<%s", chain[0].Subject.CommonName, chain[1].Subject.CommonName)
		}
	}
})

// talk sends bytes and returns all that comes back.
func (g *rig) talk(data string) string {
	g.t.Helper()
	c := g.dial()
	defer c.Close()
	go io.WriteString(c, data)
	all, _ := io.ReadAll(c)
	return string(all)
}
