package http1

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// States of a connection.
const (
	stateNew      int32 = iota // no byte has come yet
	stateIdle                  // between two requests
	stateActive                // inside a request
	stateHijacked              // somebody else's
	stateClosed
)

// conn is one connection. Its goroutine runs serve; the timer and the watch
// over the client touch what is atomic or under a lock.
type conn struct {
	server *Server
	rwc    net.Conn
	ctx    context.Context // of its requests
	remote string
	tls    *tls.ConnectionState

	in    *input
	out   output
	watch watch
	away  away
	state atomic.Int32

	requests int64
	run      int  // requests in a row without waiting
	limited  bool // the head under way has its time
	skipped  bool // an empty line before the request: one is accepted

	readFailed  atomic.Bool // no other request can be read
	writeFailed atomic.Bool // nothing more can be sent

	mu  sync.Mutex // of now, and of a response's deadlines
	now ending     // the context of the request under way, nil for none
}

func newConn(s *Server, rwc net.Conn) *conn {
	c := &conn{server: s, rwc: rwc, in: newInput(rwc, &s.pool)}
	c.watch.armed.Store(never)
	c.out.vector = vectorOf(rwc)
	c.remote = rwc.RemoteAddr().String()
	if t, ok := rwc.(interface{ ConnectionState() tls.ConnectionState }); ok {
		state := t.ConnectionState()
		c.tls = &state
	}
	c.ctx = context.WithValue(s.o.BaseContext, http.LocalAddrContextKey, rwc.LocalAddr())
	if s.o.ConnContext != nil {
		c.ctx = s.o.ConnContext(c.ctx, rwc)
	}
	return c
}

// vectorOf returns the socket that takes several slices in one call, nil for
// none. A wrapper with Socket promises that writing there is the same.
func vectorOf(c net.Conn) io.Writer {
	if w, ok := c.(interface{ Socket() net.Conn }); ok {
		c = w.Socket()
	}
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
		return c
	}
	return nil
}

// serve runs the connection to its end.
func (c *conn) serve() {
	defer c.close()
	if c.tls != nil && c.tls.NegotiatedProtocol == "h2" {
		c.handToHTTP2()
		return
	}
	for c.await() {
		begun := time.Now()
		if c.requests == 0 && c.server.o.HTTP2 != nil && c.preface() {
			c.handToHTTP2()
			return
		}
		var h head
		b, fields, fault := c.readHead(&h)
		if fault != ReasonNone {
			c.refuse(fault, &h, b, begun)
			return
		}
		if b == nil {
			continue // that was an empty line
		}
		if !c.answer(&h, b, fields, begun) {
			return
		}
		c.in.release()
		c.out.release(&c.server.pool)
	}
}

// await returns when the first bytes of a request are here, false when none will come.
func (c *conn) await() bool {
	c.yield()
	if c.in.buffered() > 0 {
		return true
	}
	c.in.release()
	patience := c.server.o.IdleTimeout
	if c.requests == 0 {
		patience = c.server.o.HeaderTimeout
	}
	c.set(&c.watch.limits.idle, c.server.now()+int64(patience))
	if c.requests > 0 {
		c.state.Store(stateIdle)
	}
	if c.server.closing.Load() {
		c.leave() // Shutdown may have come by before
	}
	err := c.in.wait()
	if clearLimit(&c.watch.limits.idle) {
		if !c.server.closing.Load() {
			c.server.refused[Idle].Add(1)
		}
		return false
	}
	c.state.Store(stateActive)
	return err == nil
}

// leave is told that the server is closing: an idle connection ends now, one
// that is new within a second.
func (c *conn) leave() {
	limit := &c.watch.limits.idle
	switch at := limit.Load(); c.state.Load() {
	case stateIdle:
		if at != 0 && limit.CompareAndSwap(at, 0) {
			c.interruptRead()
		}
	case stateNew:
		soon := c.server.now() + int64(time.Second)
		if at > soon && limit.CompareAndSwap(at, soon) {
			c.arm(soon)
		}
	}
}

// readHead reads a request's head: b is all of it, as offsets in h and fields
// count; b is nil after an empty line with nothing behind it.
func (c *conn) readHead(h *head) (b []byte, fields []field, fault Reason) {
	in, o := c.in, &c.server.o
	var scan, line, lines int // where to look on, where the current line begins, how many there were
	for {
		b = in.unread()
		n := bytes.IndexByte(b[scan:], '\n')
		if n < 0 {
			scan = len(b)
			if fault := headFault(b, lines, o); fault != ReasonNone {
				return b[:line], nil, fault
			}
			c.limitHead()
			if err := in.fill(); err != nil {
				if c.headIsLate() {
					return in.unread()[:line], nil, HeaderTimeout
				}
				return in.unread()[:line], nil, ClientClosedEarly
			}
			continue
		}
		end := scan + n // of the line
		if end == line || b[end-1] != '\r' {
			return b[:line], nil, BareLF
		}
		switch text := b[line : end-1]; {
		case len(text) > 0 && lines == 0:
			fault = h.parseLine(text, o.MaxTarget)
		case len(text) == 0 && lines > 0:
			if c.headIsLate() {
				return b[:line], nil, HeaderTimeout
			}
			return c.takeHead(h, b[:end+1])
		case len(text) == 0:
			if c.skipped {
				return b[:0], nil, BadRequestLine
			}
			c.skipped = true
			in.r += 2
			if in.buffered() == 0 && !c.limited {
				return nil, nil, ReasonNone
			}
			scan, line = 0, 0
			continue
		}
		if fault != ReasonNone {
			return b[:end+1], nil, fault
		}
		lines++
		scan, line = end+1, end+1
	}
}

// limitHead begins the time that a head has, once it turns out to need any.
func (c *conn) limitHead() {
	if !c.limited {
		c.limited = true
		c.set(&c.watch.limits.request, c.server.now()+int64(c.server.o.HeaderTimeout))
	}
}

// headIsLate ends the time that a head has.
func (c *conn) headIsLate() bool {
	if !c.limited {
		return false
	}
	c.limited = false
	return clearLimit(&c.watch.limits.request)
}

// headFault judges a head that is not complete: whether more of it is wanted.
func headFault(b []byte, lines int, o *Options) Reason {
	switch {
	case lines == 0 && len(b) > 0 && charClass[b[0]]&inMethod == 0 && b[0] != '\r':
		return BadMethod // it will not become a request, and perhaps a line end never comes
	case lines == 0 && len(b) > o.MaxTarget+64:
		return URITooLong
	case lines == 0 && len(b) > 64 && bytes.IndexByte(b[:33], ' ') < 0:
		return BadMethod
	case len(b) > o.MaxHeaderBytes:
		return HeaderTooLarge
	case lines > o.MaxHeaders+1:
		return TooManyHeaders
	}
	return ReasonNone
}

// takeHead parses a complete head and takes it out of the input. b stays valid
// until the input is filled again.
func (c *conn) takeHead(h *head, b []byte) ([]byte, []field, Reason) {
	if len(b) > c.server.o.MaxHeaderBytes {
		return b, nil, HeaderTooLarge
	}
	fields, fault := h.parseFields(b, h.fieldsAt, c.server.o.MaxHeaders, c.in.pooled.fields[:0])
	c.in.pooled.fields = fields
	if fault == ReasonNone {
		fault = h.judge(b)
	}
	if fault == ReasonNone && h.length > c.server.o.MaxBody {
		fault = BodyTooLarge
	}
	if fault != ReasonNone {
		return b, nil, fault
	}
	c.in.r += len(b)
	c.skipped = false
	return b, fields, ReasonNone
}

// exchange is one request and its answer.
type exchange struct {
	url  url.URL
	ctx  requestContext
	body body
	res  response
}

// answer runs the handler for a request; it reports whether the connection can
// carry another.
func (c *conn) answer(h *head, b []byte, fields []field, begun time.Time) (again bool) {
	x := new(exchange)
	text := string(b)
	if !fillURL(&x.url, text[h.methodEnd+1:h.targetEnd]) {
		c.refuse(BadTarget, h, b, begun)
		return false
	}
	ctx, now := c.begin(x)
	defer now.end()
	r := c.server.request.WithContext(ctx)
	if h.te && h.trailer {
		var fault Reason
		if r.Trailer, fault = h.trailers(text, fields); fault != ReasonNone {
			c.refuse(fault, h, b, begun)
			return false
		}
	}
	c.fillRequest(r, h, text, fields, x)
	c.setNow(now)
	c.requests++
	c.server.served.Add(1)
	x.res.start(c, r, h, &x.body)
	if r.Body == http.NoBody {
		c.in.release() // a request that waits for its answer needs none
		c.lookLater()
	} else {
		x.body.start(c, r, h, &x.res)
	}
	whole := c.call(&x.res, r)
	if x.res.taken() {
		return false
	}
	again = c.finish(x, whole)
	c.setNow(nil)
	return again
}

// fillRequest makes r the request that h describes; text is its head.
func (c *conn) fillRequest(r *http.Request, h *head, text string, fields []field, x *exchange) {
	r.Method, r.RequestURI = text[:h.methodEnd], text[h.methodEnd+1:h.targetEnd]
	r.URL = &x.url
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, h.minor
	if h.minor == 0 {
		r.Proto = "HTTP/1.0"
	}
	r.Header = h.header(text, fields)
	r.Host = h.name
	r.RemoteAddr, r.TLS = c.remote, c.tls
	r.Close = !h.keepAlive()
	r.ContentLength = h.length
	if h.te {
		r.TransferEncoding = []string{"chunked"}
	}
	r.Body = http.NoBody
	if h.length != 0 {
		r.Body = &x.body
	}
}

// call runs the handler. whole is false if it panicked: then the client must
// not take what it got for an answer.
func (c *conn) call(w http.ResponseWriter, r *http.Request) (whole bool) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			c.server.o.Log.Error("http1: a handler panicked", "remote", c.remote, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	c.server.handler.ServeHTTP(w, r)
	return true
}

// finish ends an exchange whose handler has returned.
func (c *conn) finish(x *exchange, whole bool) (again bool) {
	if !whole {
		x.res.abandon()
		x.body.stop()
		c.endWatch()
		return false
	}
	again = x.res.finish()
	unread := x.body.unread()
	if !x.body.stop() || c.readFailed.Load() {
		again = false
	}
	c.endWatch() // after the last read of the body, which may begin it
	if c.writeFailed.Load() || c.away.gone {
		return false
	}
	if again && !x.body.discard() {
		again = false
	}
	if !again && (unread || !x.res.req.Close) {
		c.linger()
	}
	return again
}

// lookLater begins to watch for the client's leaving in a while.
func (c *conn) lookLater() {
	if c.in.buffered() == 0 { // else its next request is here already
		c.set(&c.watch.limits.look, c.server.now()+int64(watchAfter))
	}
}

func (c *conn) setNow(e ending) {
	c.mu.Lock()
	c.now = e
	c.mu.Unlock()
}

// cancelRequest ends the context of the request under way.
func (c *conn) cancelRequest() {
	c.mu.Lock()
	now := c.now
	c.mu.Unlock()
	if now != nil {
		now.end()
	}
}

// cut closes the connection from outside.
func (c *conn) cut() {
	c.rwc.Close()
	c.cancelRequest()
}

// close ends the connection, unless it is somebody else's now.
func (c *conn) close() {
	c.watch.stop()
	c.in.r = c.in.w
	c.in.release()
	c.out.release(&c.server.pool)
	if c.state.Load() == stateHijacked {
		return
	}
	c.state.Store(stateClosed)
	c.rwc.Close()
	c.server.forget(c)
}

// Bounds of the end of a connection whose client may still be sending.
const (
	lingerFor   = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// linger closes the connection's sending side and takes in what is still on its
// way: closing at once would make the system reset the connection, and the
// client might lose the answer that it has not read yet.
func (c *conn) linger() {
	half, ok := c.rwc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.in.r = c.in.w
	if c.rwc.SetReadDeadline(time.Now().Add(lingerFor)) != nil {
		return
	}
	for taken := 0; taken < lingerBytes; {
		if c.in.fill() != nil {
			return
		}
		taken += c.in.buffered()
		c.in.r = c.in.w
	}
}
