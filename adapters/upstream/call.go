package upstream

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// Watcher hears of what happens on the way to the response headers. Its methods
// must not block for long, but for Informed, which may write to the client.
type Watcher interface {
	// Wrote says that all of the request is written. It comes at most once, from
	// any goroutine.
	Wrote()
	// Informed hands over an informational response other than 100 and 101. It
	// is called by the goroutine that called RoundTrip, except over HTTP/2.
	Informed(code int, h http.Header)
	// Interrupt ends a read of the request's body that may be under way: the
	// connection has ended, and nobody wants the rest. It is called only for a
	// request with a body.
	Interrupt()
}

// Call is one request on its way. It is used for one RoundTrip and must not be
// copied. Watcher and Context are set before.
type Call struct {
	// Context ends when nobody wants the answer; dials obey it. RoundTrip does
	// not watch it once there is a connection: Cancel does that.
	Context context.Context
	Watcher Watcher
	// Client is who asks, for endpoints that are told by PROXY protocol; nil
	// means that the router itself does.
	Client net.Addr
	// Local is the address that the client connected to, likewise.
	Local net.Addr

	sent atomic.Bool

	mu        sync.Mutex
	cancelled bool
	conn      *conn  // that carries the request, until it goes back
	stop      func() // ends whatever else is under way: a dial, a wait, a stream
}

// Sent reports whether some byte of the request may have reached the endpoint.
func (c *Call) Sent() bool { return c.sent.Load() }

// Cancel ends the call, whatever it is at: RoundTrip returns, a body breaks. It
// may be called from any goroutine, more than once, and after the end, where it
// does nothing.
func (c *Call) Cancel() {
	c.mu.Lock()
	c.cancelled = true
	conn, stop := c.conn, c.stop
	c.mu.Unlock()
	if conn != nil {
		conn.abort()
	}
	if stop != nil {
		stop()
	}
}

// Cancelled reports whether Cancel has been called.
func (c *Call) Cancelled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cancelled
}

// attach puts the call on a connection; false if it has been cancelled.
func (c *Call) attach(k *conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = k
	return !c.cancelled
}

// detach takes the call off its connection: a later Cancel does not touch it.
func (c *Call) detach() {
	c.mu.Lock()
	c.conn = nil
	c.mu.Unlock()
}

// while makes Cancel call stop, until the function that it returns is called.
// If Cancel came before, stop is called at once.
func (c *Call) while(stop func()) (done func()) {
	c.mu.Lock()
	c.stop = stop
	cancelled := c.cancelled
	c.mu.Unlock()
	if cancelled {
		stop()
	}
	return func() {
		c.mu.Lock()
		c.stop = nil
		c.mu.Unlock()
	}
}
