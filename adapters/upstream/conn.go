package upstream

import (
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// conn is one HTTP/1.1 connection to an endpoint. One goroutine at a time owns
// it; only abort may be called by others.
type conn struct {
	pool     *Pool
	wire     *wire    // the socket
	stream   net.Conn // what requests are written to: wire, or TLS over it
	peer     string   // the client that it belongs to under PROXY protocol, else ""
	opened   time.Time
	idleAt   time.Time // since when it has been idle
	life     time.Duration
	requests int // begun on it
	peeker   *peeker
}

// wire is the socket below TLS: it knows whether anything has been handed to
// the kernel.
type wire struct {
	net.Conn
	wrote atomic.Int64 // bytes
}

// Write implements net.Conn.
func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	if n > 0 {
		w.wrote.Add(int64(n))
	}
	return n, err
}

// abort cuts the connection, reads and writes under way included. Its owner
// finds out and releases it.
func (c *conn) abort() { c.wire.Close() }

// goodbye closes an idle connection in order.
func (c *conn) goodbye() {
	if t, ok := c.stream.(*tls.Conn); ok {
		// An idle connection has room for the few bytes of close_notify; if the
		// peer is stuck, the deadline spares us a wait.
		_ = t.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		_ = t.CloseWrite()
	}
	c.wire.Close()
}

// closeWrite ends the sending direction of an upgraded connection.
func (c *conn) closeWrite() error {
	if half, ok := c.stream.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	if half, ok := c.wire.Conn.(interface{ CloseWrite() error }); ok && c.stream == net.Conn(c.wire) {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// usable says why an idle connection cannot carry another request now, "" if it can.
func (c *conn) usable(now time.Time) string {
	s := &c.pool.settings
	switch {
	case s.MaxRequests > 0 && c.requests >= s.MaxRequests:
		return "max_requests"
	case c.life > 0 && now.Sub(c.opened) >= c.life:
		return "max_lifetime"
	case now.Sub(c.idleAt) >= c.pool.idleFor:
		return "idle"
	case c.dead():
		return "closed by the endpoint"
	}
	return ""
}

// dead reports whether an idle connection has been closed by its endpoint, or
// holds bytes that nobody asked for: it looks without reading. A TLS connection
// that has carried no request yet may hold session tickets.
func (c *conn) dead() bool {
	n, err := c.peeker.peek()
	if err != nil {
		return true
	}
	_, secure := c.stream.(*tls.Conn)
	return n > 0 && (c.requests > 0 || !secure)
}
