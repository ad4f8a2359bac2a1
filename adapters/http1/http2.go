package http1

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
)

// preface is what a client that speaks HTTP/2 without being asked begins with.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// preface reports whether the connection begins with the preface of HTTP/2. What
// may be its beginning is waited for no longer than for a head.
func (c *conn) preface() bool {
	for {
		got := c.in.unread()
		n := min(len(got), len(preface))
		if string(got[:n]) != preface[:n] {
			return false
		}
		if n == len(preface) {
			return !c.headIsLate()
		}
		c.limitHead()
		if c.in.fill() != nil {
			return false // the head's reader finds out why
		}
	}
}

// handToHTTP2 gives the connection away; it is counted as hijacked until it is closed.
func (c *conn) handToHTTP2() {
	if c.server.o.HTTP2 == nil {
		return
	}
	rest := bytes.Clone(c.in.unread())
	c.give()
	taken := net.Conn(&hijacked{Conn: c.rwc, c: c})
	if len(rest) > 0 {
		taken = &early{Conn: taken, rest: rest}
	} else if c.tls != nil {
		taken = c.rwc // net/http asks for a *tls.Conn; then it counts by itself
		c.server.forget(c)
	}
	c.server.o.HTTP2(taken)
}

// early is a connection of which some bytes have been read already.
type early struct {
	net.Conn
	rest []byte
}

// Read implements net.Conn.
func (e *early) Read(p []byte) (int, error) {
	if len(e.rest) > 0 {
		n := copy(p, e.rest)
		e.rest = e.rest[n:]
		return n, nil
	}
	return e.Conn.Read(p)
}

// NetConn returns the connection underneath.
func (e *early) NetConn() net.Conn { return e.Conn }

// Dual serves HTTP/1.1 on a Server and HTTP/2 on net/http's, on the same
// connections: by ALPN over TLS, by prior knowledge without.
type Dual struct {
	*Server
	h2    *http.Server
	queue *Queue
}

// NewDual joins both. h2 must have a handler and speak HTTP/2 only: over TLS its
// TLSNextProto is set up by net/http itself, without TLS UnencryptedHTTP2 must be
// among its Protocols.
func NewDual(h http.Handler, o Options, h2 *http.Server) *Dual {
	d := &Dual{h2: h2, queue: NewQueue(nil)}
	o.HTTP2 = d.queue.Put
	d.Server = New(h, o)
	return d
}

// Serve is Server.Serve; HTTP/2 is served until Shutdown or Close.
func (d *Dual) Serve(l net.Listener) error {
	d.queue.addr = l.Addr()
	go func() {
		if err := d.h2.Serve(d.queue); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			d.o.Log.Error("http1: HTTP/2 is served no more", "error", err)
		}
	}()
	return d.Server.Serve(l)
}

// Shutdown ends both with patience.
func (d *Dual) Shutdown(ctx context.Context) error {
	var second error
	var both sync.WaitGroup
	both.Go(func() { second = d.h2.Shutdown(ctx) })
	first := d.Server.Shutdown(ctx)
	both.Wait()
	return errors.Join(first, second)
}

// Close cuts both.
func (d *Dual) Close() error { return errors.Join(d.Server.Close(), d.h2.Close()) }
