package http1

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// How the end of an answer's body is told.
type framing uint8

const (
	undecided framing = iota
	byLength
	byChunks
	byClose
	empty // there is no body
)

// gap is the room kept for headers that are known only when the body begins.
const gap = 192

// response is the http.ResponseWriter of one request.
//
// The head is written into the output at WriteHeader. What depends on the body
// (its length or chunks, its type, whether the connection is kept) goes into a
// gap behind it when the first byte has to leave, or the handler is done.
type response struct {
	c       *conn
	req     *http.Request
	body    *body // of the request
	header  http.Header
	minor   int
	isHead  bool
	expects bool

	status   int // 0 before WriteHeader
	framing  framing
	length   int64 // announced by the handler; -1 if not
	written  int64 // bytes of body that the handler wrote
	headEnd  int   // of the head in the output, before the gap
	sniff    bool  // the type is to be guessed
	trailers bool  // there are trailers to come, or may be
	closes   bool  // the connection ends with this answer
	isTaken  bool  // by Hijack
	done     bool  // the handler has returned
	deadline bool  // the handler has set one; under conn.mu, as past
	past     bool  // none can be set any more

	cont     atomic.Uint32
	contDone atomic.Pointer[chan struct{}]
}

func (w *response) start(c *conn, r *http.Request, h *head, b *body) {
	w.c, w.req, w.body, w.minor, w.length = c, r, b, h.minor, -1
	w.isHead = r.Method == http.MethodHead
	w.closes = r.Close || c.requests >= c.server.o.MaxRequests
	if h.expect && h.length != 0 {
		w.expects = true
		w.cont.Store(contPending)
	}
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header, 8)
	}
	return w.header
}

// TakeHeader makes h the header of the answer, and reports whether it did: not
// if somebody has asked for Header before. It spares a proxy a second map.
func (w *response) TakeHeader(h http.Header) bool {
	if w.header != nil {
		return false
	}
	w.header = h
	return true
}

// taken reports whether somebody has taken the connection over.
func (w *response) taken() bool { return w.isTaken }

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	switch {
	case status < 100 || status > 999:
		panic(fmt.Sprintf("http1: WriteHeader with status %d", status))
	case w.isTaken || w.done:
		return
	case w.status != 0:
		w.c.server.o.Log.Warn("http1: a handler wrote a second header", "status", status, "first", w.status)
		return
	case status < 200 && status != http.StatusSwitchingProtocols:
		w.inform(status)
		return
	}
	w.endContinue()
	w.status = status
	w.writeHead()
}

// allowsBody reports whether an answer with this status may have a body.
func allowsBody(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// writeHead puts the head into the output, but for what the gap is for.
func (w *response) writeHead() {
	o := &w.c.out
	o.hold(&w.c.server.pool)
	b := appendStatus(o.b[:0], w.minor, w.status)
	if _, ok := w.header["Date"]; !ok {
		b = append(b, w.c.server.dateHeader()...)
	}
	w.sniff = allowsBody(w.status) && !w.isHead
	b = w.appendHeader(b)
	w.headEnd = len(b)
	o.b = append(b, make([]byte, gap)...)
	if !allowsBody(w.status) {
		w.framing = empty
		w.fillGap(true)
	}
}

func appendStatus(b []byte, minor, status int) []byte {
	if minor == 1 && status == http.StatusOK {
		return append(b, "HTTP/1.1 200 OK\r\n"...)
	}
	b = append(b, "HTTP/1."...)
	b = strconv.AppendInt(b, int64(minor), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	if text := http.StatusText(status); text != "" {
		b = append(b, text...)
	} else {
		b = append(b, "status code "...)
		b = strconv.AppendInt(b, int64(status), 10)
	}
	return append(b, "\r\n"...)
}

// appendHeader appends the handler's header in order of names, without what
// the server says itself.
func (w *response) appendHeader(b []byte) []byte {
	var few [32]string
	names := few[:0]
	for name := range w.header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := w.header[name]
		switch name {
		case "Content-Length":
			w.takeLength(values)
			continue
		case "Transfer-Encoding":
			continue // framing is the server's
		case "Connection":
			if w.takeConnection(values) {
				continue
			}
		case "Content-Type", "Content-Encoding":
			w.sniff = false
		case "Trailer":
			w.trailers = len(values) > 0
			if w.minor == 0 || len(values) == 0 {
				continue
			}
		}
		if strings.HasPrefix(name, http.TrailerPrefix) {
			w.trailers = true
			continue
		}
		if name == "" || !all(name, inName) {
			w.c.server.o.Log.Warn("http1: a header that cannot be sent is left out", "name", name)
			continue
		}
		for _, v := range values {
			b = appendField(b, name, v)
		}
	}
	return b
}

// takeLength takes the body's length from the handler's header.
func (w *response) takeLength(values []string) {
	if len(values) == 0 {
		return
	}
	n, ok := parseLength([]byte(trim(values[0])))
	if !ok || len(values) > 1 {
		w.c.server.o.Log.Warn("http1: a Content-Length that cannot be is left out", "values", values)
		return
	}
	if w.status >= 200 && w.status != http.StatusNoContent {
		w.length = n
	}
}

// takeConnection looks for close in a handler's Connection header. all reports
// whether there is nothing else in it that should be sent.
func (w *response) takeConnection(values []string) (all bool) {
	all = true
	for _, v := range values {
		for more := true; more; {
			var token string
			switch token, v, more = cutComma(v); {
			case same(token, "close"):
				w.closes = true
			case token != "" && !same(token, "keep-alive"):
				all = false
			}
		}
	}
	return all
}

// appendField appends a header line; a line break in the value becomes a space.
func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	at := len(b)
	b = append(b, trim(value)...)
	for i := at; i < len(b); i++ {
		if b[i] == '\r' || b[i] == '\n' || b[i] == 0 {
			b[i] = ' '
		}
	}
	return append(b, "\r\n"...)
}

// decide settles how the body is framed and whether the connection is kept.
// final says that the handler is done, so that all of the body is here.
func (w *response) decide(final bool) {
	switch {
	case w.framing != undecided:
		return
	case w.isHead:
		w.framing = empty
		if final && w.length < 0 && w.written > 0 {
			w.length = w.written
		}
	case w.length >= 0:
		w.framing = byLength
	case final && !w.trailers:
		w.framing, w.length = byLength, w.written
	case w.minor == 1:
		w.framing = byChunks
	default:
		w.framing, w.closes = byClose, true
	}
	w.fillGap(final)
}

// fillGap writes the headers that depend on the body, and closes the gap.
func (w *response) fillGap(final bool) {
	o := &w.c.out
	begun := o.b[w.headEnd+gap:]
	var room [gap]byte
	t := room[:0]
	if w.sniff && len(begun) > 0 {
		t = append(t, "Content-Type: "...)
		t = append(t, http.DetectContentType(begun)...)
		t = append(t, "\r\n"...)
	}
	switch {
	case w.length >= 0:
		t = append(t, "Content-Length: "...)
		t = strconv.AppendInt(t, w.length, 10)
		t = append(t, "\r\n"...)
	case w.framing == byChunks:
		t = append(t, "Transfer-Encoding: chunked\r\n"...)
	}
	w.closes = w.closes || w.c.server.closing.Load() || w.c.readFailed.Load() || w.body.blocks(w.expects && !w.body.asked.Load())
	switch {
	case w.status == http.StatusSwitchingProtocols:
		w.closes = true
	case w.closes:
		t = append(t, "Connection: close\r\n"...)
	case w.minor == 0:
		t = append(t, "Connection: keep-alive\r\n"...)
	}
	t = append(t, "\r\n"...)
	chunk := w.framing == byChunks && len(begun) > 0
	if chunk {
		t = appendChunkSize(t, len(begun))
	}
	shift := gap - len(t)
	copy(o.b[shift:], o.b[:w.headEnd])
	copy(o.b[shift+w.headEnd:], t)
	o.start = shift
	if chunk {
		o.b = append(o.b, "\r\n"...)
	}
}

func appendChunkSize(b []byte, n int) []byte {
	return append(strconv.AppendInt(b, int64(n), 16), "\r\n"...)
}

// Write implements io.Writer.
func (w *response) Write(p []byte) (int, error) {
	if err := w.mayWrite(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	w.written += int64(len(p))
	o := &w.c.out
	switch {
	case w.isHead:
	case w.framing == undecided && len(p) <= o.room():
		o.b = append(o.b, p...)
	default:
		w.decide(false)
		if err := w.writeOn(p); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// WriteString implements io.StringWriter.
func (w *response) WriteString(s string) (int, error) {
	if err := w.mayWrite(len(s)); err != nil {
		return 0, err
	}
	if o := &w.c.out; w.framing == undecided && !w.isHead && len(s) <= o.room() {
		o.b = append(o.b, s...)
		w.written += int64(len(s))
		return len(s), nil
	}
	return w.Write([]byte(s))
}

// mayWrite reports why n bytes of body cannot be written, nil if they can.
func (w *response) mayWrite(n int) error {
	switch {
	case w.isTaken:
		return http.ErrHijacked
	case w.done:
		return errDone
	case w.status == 0:
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case n == 0:
		return nil
	case !allowsBody(w.status):
		return http.ErrBodyNotAllowed
	case w.length >= 0 && w.written+int64(n) > w.length:
		return http.ErrContentLength
	case w.c.writeFailed.Load():
		return errBroken
	}
	return nil
}

var (
	errDone   = errors.New("http1: the handler has returned")
	errBroken = errors.New("http1: the connection is broken")
)

// writeOn writes body behind a head whose framing is decided.
func (w *response) writeOn(p []byte) error {
	o := &w.c.out
	o.hold(&w.c.server.pool)
	chunk := w.framing == byChunks
	if chunk {
		if o.room() < 32 {
			if err := w.c.flush(); err != nil {
				return err
			}
		}
		o.b = appendChunkSize(o.b, len(p))
	}
	if len(p)+2 <= o.room() && len(p) < outSize/2 {
		o.b = append(o.b, p...)
		if chunk {
			o.b = append(o.b, "\r\n"...)
		}
		return nil
	}
	return w.c.writeWith(p, chunk)
}

// Flush implements http.Flusher.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError sends what has been written so far, the header at least.
func (w *response) FlushError() error {
	if w.isTaken {
		return http.ErrHijacked
	}
	if w.done {
		return errDone
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.decide(false)
	if err := w.c.flush(); err != nil {
		return err
	}
	w.c.out.release(&w.c.server.pool) // it may be long until more comes
	return nil
}

// finish sends the rest after the handler has returned; it reports whether the
// connection can be kept.
func (w *response) finish() (again bool) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.decide(true)
	w.done = true
	if w.framing == byChunks {
		w.c.out.hold(&w.c.server.pool)
		w.c.out.b = w.appendTrailers(append(w.c.out.b, "0\r\n"...))
	}
	short := w.framing == byLength && w.written < w.length
	if w.c.flush() != nil {
		return false
	}
	w.endDeadlines()
	if short {
		w.c.writeFailed.Store(true) // only the end of the connection can tell the client
	}
	return !w.closes && !short
}

// appendTrailers appends the trailers that were announced, or set with
// http.TrailerPrefix, and the empty line.
func (w *response) appendTrailers(b []byte) []byte {
	if w.trailers {
		var names []string
		for _, list := range w.header["Trailer"] {
			for name := range strings.SplitSeq(list, ",") {
				names = append(names, http.CanonicalHeaderKey(trim(name)))
			}
		}
		for name := range w.header {
			if strings.HasPrefix(name, http.TrailerPrefix) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			b = w.appendTrailer(b, name)
		}
	} else {
		for name := range w.header { // set after the head was sent
			if strings.HasPrefix(name, http.TrailerPrefix) {
				b = w.appendTrailer(b, name)
			}
		}
	}
	return append(b, "\r\n"...)
}

func (w *response) appendTrailer(b []byte, name string) []byte {
	bare := strings.TrimPrefix(name, http.TrailerPrefix)
	if bare == "" || !all(bare, inName) || bare == "Content-Length" || bare == "Transfer-Encoding" || bare == "Trailer" {
		return b
	}
	for _, v := range w.header[name] {
		b = appendField(b, bare, v)
	}
	return b
}

// abandon ends an answer of which the client must see that it is not whole:
// what was flushed stays, and the connection is cut.
func (w *response) abandon() {
	w.done = true
	w.endContinue()
	if w.framing != byClose {
		return
	}
	// A mere end would look like the body's own, and so would TLS's goodbye: reset it.
	under := w.c.rwc
	if t, ok := under.(interface{ NetConn() net.Conn }); ok {
		under = t.NetConn()
	}
	if linger, ok := under.(interface{ SetLinger(sec int) error }); ok {
		_ = linger.SetLinger(0)
	}
	under.Close()
}

// SetReadDeadline serves http.ResponseController.
func (w *response) SetReadDeadline(t time.Time) error {
	return w.setDeadline(w.c.rwc.SetReadDeadline, t)
}

// SetWriteDeadline serves http.ResponseController.
func (w *response) SetWriteDeadline(t time.Time) error {
	return w.setDeadline(w.c.rwc.SetWriteDeadline, t)
}

// setDeadline sets one for this request only: a timer of the handler's that
// comes too late must not cut the next request on the connection.
func (w *response) setDeadline(set func(time.Time) error, t time.Time) error {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	if w.past {
		return errDone
	}
	w.deadline = true
	return set(t)
}

// endDeadlines ends what the handler has set.
func (w *response) endDeadlines() {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	w.past = true
	if w.deadline {
		_ = w.c.rwc.SetDeadline(time.Time{})
	}
}

// EnableFullDuplex serves http.ResponseController: it is always on.
func (w *response) EnableFullDuplex() error { return nil }

// Hijack implements http.Hijacker.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	switch {
	case w.isTaken:
		return nil, nil, http.ErrHijacked
	case w.done:
		return nil, nil, errDone
	}
	if w.status != 0 {
		if err := w.FlushError(); err != nil {
			return nil, nil, err
		}
	}
	w.endContinue()
	w.isTaken = true
	w.body.stop()
	return w.c.hand()
}

// unanswered reports whether nothing of the answer has been written yet.
func (w *response) unanswered() bool { return w.cont.Load() != contOver }
