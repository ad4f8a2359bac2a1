package http1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

var errNoHalf = fmt.Errorf("http1: this connection has no half to close: %w", errors.ErrUnsupported)

// What is taken in of a body that nobody read, to keep the connection.
const maxDiscard = 256 << 10

// Bounds of the framing of a chunked body: a line with a size, and how many
// bytes of extensions there may be beyond 16 a chunk.
const (
	maxChunkLine = 256
	maxExcess    = 16 << 10
)

// body is the body of a request. It may be read by another goroutine than the
// handler's, and even after the handler has returned: then it fails.
type body struct {
	c   *conn
	req *http.Request
	res *response

	mu      sync.Mutex // held by a read; stop waits for it
	reading atomic.Bool
	closed  atomic.Bool
	whole   atomic.Bool  // it has been read to its end, or there is none
	asked   atomic.Bool  // it has been read from
	left    atomic.Int64 // bytes to come, of a body with a length

	chunked bool
	chunk   int64 // bytes left of the current chunk
	begun   bool  // a chunk has been read before
	last    bool  // the last chunk has been read
	excess  int64 // bytes of framing beyond what chunks need
	got     int64 // bytes of the body so far
	waited  int64 // ns spent waiting for them
	end     int64 // when all of it must be here
	err     error
}

func (b *body) start(c *conn, r *http.Request, h *head, res *response) {
	b.c, b.req, b.res = c, r, res
	b.chunked = h.te
	b.left.Store(h.length)
	b.end = c.server.now() + int64(c.server.o.BodyTotal)
}

// blocks reports whether what is left of the body keeps the connection from
// carrying another request. waiting says that the client may never send it.
func (b *body) blocks(waiting bool) bool {
	return b.c != nil && !b.whole.Load() && (waiting || b.reading.Load() || b.left.Load() > maxDiscard)
}

// unread reports whether the client may still be sending the body.
func (b *body) unread() bool { return b.c != nil && !b.whole.Load() }

// Close implements io.Closer. It does not wait for the rest.
func (b *body) Close() error {
	b.closed.Store(true)
	return nil
}

// Read implements io.Reader. It fails with a *BodyError when the client is to
// blame, with io.ErrUnexpectedEOF or the connection's error when it is gone.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading.Store(true)
	defer b.reading.Store(false)
	switch {
	case b.err != nil:
		return 0, b.err
	case b.closed.Load():
		return 0, http.ErrBodyReadAfterClose
	case len(p) == 0:
		return 0, nil
	}
	if !b.asked.Load() {
		b.asked.Store(true)
		b.res.sendContinue()
	}
	n, err := b.next(p)
	if err != nil {
		b.over(err)
	}
	return n, err
}

// over takes up the body's end, its own or another.
func (b *body) over(err error) {
	b.err = err
	if err == io.EOF {
		b.whole.Store(true)
		b.c.in.release()
		b.c.lookLater()
		return
	}
	b.c.readFailed.Store(true)
	var refused *BodyError
	switch {
	case errors.As(err, &refused):
		b.c.server.refused[refused.Reason].Add(1)
		b.tell(refused.Reason)
	case !timedOut(err): // else it was a deadline of the handler's
		b.c.cancelRequest()
	}
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// tell reports a refused body.
func (b *body) tell(why Reason) {
	if hook := b.c.server.o.Refused; hook != nil {
		hook(&Refusal{
			Reason: why, RemoteAddr: b.c.remote, Method: b.req.Method, Target: b.req.RequestURI, Host: b.req.Host, RoutedBody: true,
		})
	}
}

// next reads some of the body; io.EOF may come with its last bytes.
func (b *body) next(p []byte) (n int, err error) {
	if b.chunked {
		return b.nextOfChunks(p)
	}
	left := b.left.Load()
	n, err = b.some(p[:min(int64(len(p)), left)])
	left -= int64(n)
	b.left.Store(left)
	if left == 0 {
		return n, io.EOF // an error that came with the last byte concerns nobody
	}
	return n, err
}

// some reads body bytes, from what is here or from the connection.
func (b *body) some(p []byte) (int, error) {
	if b.c.in.buffered() > 0 {
		n := b.c.in.take(p)
		b.got += int64(n)
		return n, nil
	}
	n, err := b.wait(func() (int, error) { return b.c.rwc.Read(p) })
	b.got += int64(n)
	if n > 0 {
		err = nil // it will come again
	}
	return n, err
}

// wait runs a read that has BodyIdle and MinBodyRate.
func (b *body) wait(read func() (int, error)) (int, error) {
	o := &b.c.server.o
	now := b.c.server.now()
	patience, late := int64(o.BodyIdle), BodyTimeout
	if o.MinBodyRate > 0 && b.res.unanswered() {
		if slow := int64(o.BodyGrace) + b.got/o.MinBodyRate*1e9 - b.waited; slow < patience {
			patience, late = max(slow, 1), BodyTooSlow
		}
	}
	if left := b.end - now; left < patience {
		patience, late = max(left, 1), BodyTimeout
	}
	limit := &b.c.watch.limits.body
	b.c.set(limit, now+patience)
	n, err := read()
	if clearLimit(limit) {
		return 0, &BodyError{late}
	}
	b.waited += b.c.server.now() - now
	if err == io.EOF && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// more reads more of the framing.
func (b *body) more() error {
	_, err := b.wait(func() (int, error) { return 0, b.c.in.fill() })
	return err
}

func (b *body) nextOfChunks(p []byte) (int, error) {
	for b.chunk == 0 {
		if b.last {
			return 0, io.EOF
		}
		if err := b.nextChunk(); err != nil {
			return 0, err
		}
	}
	n, err := b.some(p[:min(int64(len(p)), b.chunk)])
	b.chunk -= int64(n)
	if b.got > b.c.server.o.MaxBody {
		return 0, &BodyError{BodyTooLarge}
	}
	return n, err
}

// nextChunk reads up to the data of the next chunk, or to the end of the trailers.
func (b *body) nextChunk() error {
	if b.begun {
		for b.c.in.buffered() < 2 {
			if rest := b.c.in.unread(); len(rest) == 1 && rest[0] != '\r' {
				break
			}
			if err := b.more(); err != nil {
				return err
			}
		}
		if rest := b.c.in.unread(); rest[0] != '\r' || rest[1] != '\n' {
			return &BodyError{BadChunkEnd}
		}
		b.c.in.r += 2
	}
	b.begun = true
	line, err := b.line(maxChunkLine, BadChunkSize)
	if err != nil {
		return err
	}
	size, digits, ok := chunkSize(line)
	if !ok {
		return &BodyError{BadChunkSize}
	}
	if b.excess += int64(len(line)-digits) - 16; b.excess < 0 {
		b.excess = 0
	}
	if b.excess > maxExcess {
		return &BodyError{BadChunkSize}
	}
	b.c.in.r += len(line) + 2
	b.chunk = size
	if size > 0 {
		return nil
	}
	b.last = true
	return b.readTrailers()
}

// chunkSize reads the line before a chunk, without its CRLF: hex digits, then
// perhaps an extension after a semicolon.
func chunkSize(line []byte) (size int64, digits int, ok bool) {
	for digits < len(line) && charClass[line[digits]]&isHex != 0 {
		c := lower(line[digits])
		if isDigit(c) {
			c -= '0'
		} else {
			c -= 'a' - 10
		}
		size = size<<4 | int64(c)
		if digits++; digits > 15 {
			return 0, digits, false
		}
	}
	if digits == 0 || digits < len(line) && line[digits] != ';' {
		return 0, digits, false
	}
	return size, digits, all(line[digits:], inValue)
}

// line returns the next line without its CRLF and leaves it in the input. One
// longer than limit fails with why.
func (b *body) line(limit int, why Reason) ([]byte, error) {
	for scan := 0; ; {
		rest := b.c.in.unread()
		n := bytes.IndexByte(rest[scan:], '\n')
		if n < 0 {
			if scan = len(rest); scan > limit {
				return nil, &BodyError{why}
			}
			if err := b.more(); err != nil {
				return nil, err
			}
			continue
		}
		end := scan + n
		switch {
		case end == 0 || rest[end-1] != '\r':
			return nil, &BodyError{BareLF}
		case end-1 > limit:
			return nil, &BodyError{why}
		}
		return rest[:end-1], nil
	}
}

// readTrailers reads the lines after the last chunk into the request's Trailer.
func (b *body) readTrailers() error {
	o := &b.c.server.o
	total, lines := 0, 0
	for {
		line, err := b.line(o.MaxHeaderBytes-total, TrailerTooLarge)
		if err != nil {
			return err
		}
		b.c.in.r += len(line) + 2
		if len(line) == 0 {
			return nil
		}
		total += len(line) + 2
		if lines++; total > o.MaxHeaderBytes || lines > o.MaxHeaders {
			return &BodyError{TrailerTooLarge}
		}
		f, fault := parseField(line)
		if fault != ReasonNone {
			return &BodyError{fault}
		}
		name := string(line[f.name:f.nameEnd])
		if !mayTrail(name) {
			return &BodyError{BadTrailer}
		}
		if b.req.Trailer == nil {
			b.req.Trailer = http.Header{}
		}
		b.req.Trailer[name] = append(b.req.Trailer[name], string(line[f.value:f.valueEnd]))
	}
}

// stop ends reads by others when the handler has returned. ok is false if one
// was under way: then it cannot be known what it took.
func (b *body) stop() (ok bool) {
	if b.c == nil {
		return true
	}
	ok = true
	b.closed.Store(true)
	if b.reading.Load() {
		ok = false
		b.c.interruptRead()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		return ok
	}
	return ok && b.err == io.EOF
}

// discard takes in the rest of a body that nobody wanted, if it is short; ok is
// false if the connection cannot go on behind it.
func (b *body) discard() (ok bool) {
	if b.c == nil || b.whole.Load() {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.c.in.hold()
	defer b.c.in.release()
	scrap := make([]byte, 4<<10)
	for taken := 0; taken <= maxDiscard; {
		n, err := b.next(scrap)
		if err == io.EOF {
			b.whole.Store(true)
			return true
		}
		if err != nil {
			return false
		}
		taken += n
	}
	return false
}
