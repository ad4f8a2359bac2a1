package upstream

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/core"
)

// An HTTP/1.1 request is written and its response read by the goroutine that
// asks, with blocking calls on a pooled connection: no goroutine waits on an
// idle one, no channel is crossed. Only a body gets a goroutine of its own,
// because an answer may come before its end.

const (
	readBuffer = 4 << 10
	sendBuffer = 32 << 10
	// continueAfter is how long a body is held back for a 100 Continue.
	continueAfter = time.Second
	// uploadGrace is how long the end of a response waits for a body that has
	// been read to be written: the endpoint has it, our goroutine has yet to say so.
	uploadGrace = 50 * time.Millisecond
	// headRoom is where the size of a chunk is put in front of its bytes.
	headRoom = 18
)

// buffers are shared by all pools of a set: an idle connection holds none.
type buffers struct {
	readers sync.Pool // of *bufio.Reader
	heads   sync.Pool // of *[]byte
	chunks  sync.Pool // of *[]byte
}

func (b *buffers) init() {
	b.readers.New = func() any { return bufio.NewReaderSize(nil, readBuffer) }
	b.heads.New = func() any { return new(make([]byte, 0, 2<<10)) }
	b.chunks.New = func() any { return new(make([]byte, headRoom+sendBuffer+2)) }
}

// roundTrip sends one request and reads the head of its response. Whatever it
// returns, the connection is taken care of.
func (c *conn) roundTrip(call *Call, r *http.Request, reused bool) (*http.Response, *Error) {
	f := framingOf(r)
	spare := &c.pool.set.buffers
	buffer := spare.heads.Get().(*[]byte)
	defer spare.heads.Put(buffer)
	head, bad := appendHead((*buffer)[:0], r, c.pool.authority, f)
	*buffer = head[:0]
	if bad != nil {
		c.requests--
		c.pool.put(c)
		return nil, bad
	}
	if !call.attach(c) {
		c.drop(call)
		return nil, &Error{Class: core.ClientGone, Detail: "before the request was sent", Err: errCancelled}
	}
	if err := c.writeHead(call, head); err != nil {
		c.drop(call)
		err.Reused = reused
		return nil, err
	}
	var up *upload
	if f.body {
		up = startUpload(c, call, r, f)
	} else if call.Watcher != nil {
		call.Watcher.Wrote()
	}
	br := spare.readers.Get().(*bufio.Reader)
	br.Reset(c.stream)
	res, err := c.readResponse(call, r, br, up)
	if err == nil {
		return c.respond(call, r, res, br, up)
	}
	spare.readers.Put(br)
	c.abort()
	up.abandon(call)
	c.drop(call)
	return nil, c.failure(err, up, reused)
}

// writeHead writes a request's head in one piece and learns whether any of it went out.
func (c *conn) writeHead(call *Call, head []byte) *Error {
	before := c.wire.wrote.Load()
	call.sent.Store(true) // while the write is under way nobody knows better
	_, err := c.stream.Write(head)
	if err == nil {
		return nil
	}
	sent := c.wire.wrote.Load() > before
	call.sent.Store(sent)
	e := connectionError("writing the request", err)
	e.Sent = sent
	return e
}

// failure names why there is no response. Some of the request had been sent.
func (c *conn) failure(err error, up *upload, reused bool) *Error {
	e := new(Error)
	switch {
	case up != nil && up.unread != nil:
		e = &Error{Class: core.ClientGone, Detail: "reading the request's body", Err: up.unread}
	case errors.As(err, &e):
	default:
		e = connectionError("waiting for the response", err)
	}
	e.Sent, e.Reused = true, reused
	return e
}

// readResponse reads heads until one is final.
func (c *conn) readResponse(call *Call, r *http.Request, br *bufio.Reader, up *upload) (*response, error) {
	limit := c.pool.settings.HeaderMax
	for {
		head, err := readHead(br, limit, true)
		if err != nil {
			return nil, err
		}
		limit -= len(head) // informational ones count too, or they could go on for ever
		res, bad := parseHead(head)
		if bad != nil {
			return nil, bad
		}
		switch {
		case res.StatusCode == http.StatusContinue:
			up.proceed()
			fallthrough
		case res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols:
			if len(res.codings) > 0 || len(res.lengths) > 0 {
				return nil, notHTTP("an informational response has a body")
			}
			if res.StatusCode != http.StatusContinue && call.Watcher != nil {
				call.Watcher.Informed(res.StatusCode, res.Header)
			}
			continue
		case res.StatusCode == http.StatusSwitchingProtocols && len(r.Header["Upgrade"]) == 0:
			return nil, notHTTP("it switches protocols unasked")
		}
		return res, nil
	}
}

// respond makes the http.Response of a final head.
func (c *conn) respond(call *Call, r *http.Request, res *response, br *bufio.Reader, up *upload) (*http.Response, *Error) {
	up.answered()
	kind, length, bad := res.frame(r.Method)
	res.Request = r
	switch {
	case bad != nil:
		c.pool.set.buffers.readers.Put(br)
		c.abort()
		up.abandon(call)
		c.drop(call)
		bad.Sent = true
		return nil, bad
	case res.StatusCode == http.StatusSwitchingProtocols:
		res.Body = &tunnel{call: call, conn: c, br: br}
	case kind == noBody:
		res.Body = http.NoBody
		c.done(call, br, up, res.keep)
	default:
		b := &res.body
		b.call, b.conn, b.res, b.up, b.br, b.kind, b.left = call, c, res, up, br, kind, length
		res.Body = b
	}
	return res.Response, nil
}

// done ends an exchange whose response is at its end: the connection goes back
// to the pool if all is well.
func (c *conn) done(call *Call, br *bufio.Reader, up *upload, keep bool) {
	keep = keep && br.Buffered() == 0 && up.finished()
	br.Reset(nil)
	c.pool.set.buffers.readers.Put(br)
	call.detach()
	if keep {
		c.pool.put(c)
		return
	}
	if up.running() {
		c.wire.Close() // a goodbye would wait for what is being written
		up.leave()
	} else {
		c.goodbye()
	}
	c.pool.forget()
}

// drop closes a connection that has failed.
func (c *conn) drop(call *Call) {
	call.detach()
	c.wire.Close()
	c.pool.forget()
}

// upload is a request's body on its way to the endpoint.
type upload struct {
	conn *conn
	call *Call
	r    *http.Request
	f    framing

	ready  chan bool     // for Expect: whether the body is wanted; nil without
	done   chan struct{} // closed at the end
	whole  atomic.Bool   // the body has been read to its end
	given  atomic.Bool   // nobody wants the rest: that it cannot be read is no fault then
	unread error         // why it could not be read; to be read after done
	failed error         // why it could not be written; to be read after done
}

func startUpload(c *conn, call *Call, r *http.Request, f framing) *upload {
	u := &upload{conn: c, call: call, r: r, f: f, done: make(chan struct{})}
	if f.expect {
		u.ready = make(chan bool, 1)
	}
	go u.run()
	return u
}

func (u *upload) run() {
	defer close(u.done)
	defer u.r.Body.Close()
	if u.ready != nil && !u.wanted() {
		u.failed = errClosed
		return
	}
	if u.copy(); u.unread != nil {
		u.conn.abort() // half a body must not look like a whole one; whoever waits for the response learns of it
		return
	}
	if u.failed == nil && u.call.Watcher != nil {
		u.call.Watcher.Wrote()
	}
}

// wanted waits for the word that the body is welcome. No word within a second
// means yes: the endpoint may not know of Expect.
func (u *upload) wanted() bool {
	t := time.NewTimer(continueAfter)
	defer t.Stop()
	select {
	case yes := <-u.ready:
		return yes
	case <-t.C:
		return true
	}
}

// copy writes the body.
func (u *upload) copy() {
	spare := &u.conn.pool.set.buffers
	buffer := spare.chunks.Get().(*[]byte)
	defer spare.chunks.Put(buffer)
	b := *buffer
	for left := u.f.length; ; {
		room := b[headRoom : headRoom+sendBuffer]
		if !u.f.chunked {
			room = room[:min(int64(len(room)), left+1)] // one more than announced shows that there is more
		}
		n, err := u.r.Body.Read(room)
		if err == io.EOF {
			u.whole.Store(true)
		}
		if !u.f.chunked {
			if left -= int64(n); left < 0 {
				u.unread = errors.New("the body is longer than its Content-Length")
				return
			}
			if left == 0 && err == nil {
				u.whole.Store(true)
			}
		}
		if n > 0 && u.failed == nil {
			u.failed = u.piece(b, n)
		}
		switch {
		case u.failed != nil:
			return
		case err == io.EOF && !u.f.chunked && left > 0:
			u.unread = io.ErrUnexpectedEOF
			return
		case err == io.EOF:
			u.failed = u.last()
			return
		case err != nil && u.given.Load():
			u.failed = errClosed
			return
		case err != nil:
			u.unread = err
			return
		}
	}
}

// piece writes n bytes that lie behind the room for a chunk's size.
func (u *upload) piece(b []byte, n int) error {
	if !u.f.chunked {
		_, err := u.conn.stream.Write(b[headRoom : headRoom+n])
		return err
	}
	at := headRoom - 2
	copy(b[at:], crlf)
	for size := n; size > 0; size >>= 4 {
		at--
		b[at] = "0123456789abcdef"[size&15]
	}
	copy(b[headRoom+n:], crlf)
	_, err := u.conn.stream.Write(b[at : headRoom+n+2])
	return err
}

// last writes what ends a chunked body: an empty chunk and the trailers.
func (u *upload) last() error {
	if !u.f.chunked {
		return nil
	}
	end, bad := appendFields([]byte("0\r\n"), u.r.Trailer)
	if bad != nil {
		u.unread = bad
		return nil
	}
	_, err := u.conn.stream.Write(append(end, crlf...))
	return err
}

// proceed says that the endpoint wants the body.
func (u *upload) proceed() { u.tell(true) }

// answered says that the answer is there: a body that was held back stays.
func (u *upload) answered() { u.tell(false) }

func (u *upload) tell(wanted bool) {
	if u == nil || u.ready == nil {
		return
	}
	select {
	case u.ready <- wanted:
	default:
	}
}

// finished reports whether all of the body has been written.
func (u *upload) finished() bool {
	if u == nil {
		return true
	}
	if !u.running() {
		return u.failed == nil && u.unread == nil
	}
	if !u.whole.Load() {
		return false
	}
	t := time.NewTimer(uploadGrace)
	defer t.Stop()
	select {
	case <-u.done:
		return u.failed == nil && u.unread == nil
	case <-t.C:
		return false
	}
}

// running reports whether the upload has not come to its end.
func (u *upload) running() bool {
	if u == nil {
		return false
	}
	select {
	case <-u.done:
		return false
	default:
		return true
	}
}

// leave tells an upload that nobody wants the rest.
func (u *upload) leave() {
	u.tell(false)
	u.given.Store(true)
	_ = u.r.Body.Close()
}

// abandon ends an upload whose connection has ended and waits until nobody
// reads the body any more.
func (u *upload) abandon(call *Call) {
	u.tell(false)
	if !u.running() {
		return
	}
	u.given.Store(true)
	if call.Watcher != nil {
		call.Watcher.Interrupt()
	}
	<-u.done
}
