package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"

	"lockstep/core"
)

// trace tells the call's watcher what net/http tells.
func (h *h2pool) trace(ctx context.Context, call *Call) context.Context {
	t := &httptrace.ClientTrace{WroteHeaders: func() { call.sent.Store(true) }}
	if w := call.Watcher; w != nil {
		t.WroteRequest = func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				w.Wrote()
			}
		}
		t.Got1xxResponse = func(code int, header textproto.MIMEHeader) error {
			if code != http.StatusContinue {
				w.Informed(code, http.Header(header))
			}
			return nil
		}
	}
	return httptrace.WithClientTrace(ctx, t)
}

// guarded is a request's body that can be taken away from who reads it.
type guarded struct {
	body   io.ReadCloser
	off    atomic.Bool
	inside sync.Mutex // held while a read is under way
}

// Read implements io.Reader.
func (g *guarded) Read(p []byte) (int, error) {
	g.inside.Lock()
	defer g.inside.Unlock()
	if g.off.Load() {
		return 0, errClosed
	}
	return g.body.Read(p)
}

// Close implements io.Closer.
func (g *guarded) Close() error { return g.body.Close() }

// stop returns when nobody reads the body any more.
func (g *guarded) stop(call *Call) {
	if g == nil {
		return
	}
	g.off.Store(true)
	if !g.inside.TryLock() {
		if call.Watcher != nil {
			call.Watcher.Interrupt()
		}
		g.inside.Lock()
	}
	g.inside.Unlock()
}

// Errors of net/http's HTTP/2 that it does not export, by their texts.
// TestHTTP2FailuresHaveTheirClasses notices if they change.
const (
	textUnusable  = "http2: client conn not usable"
	textGoAway    = "http2: Transport received "    // "... GOAWAY": our stream is beyond the last that was taken
	textWentAway  = "http2: server sent GOAWAY"     // "... and closed the connection": it may have taken ours
	textLost      = "http2: client connection lost" // a ping without answer
	textInvalid   = "http: invalid "
	textInvalidH2 = "http2: invalid "
	fromPeer      = "received from peer"
)

// h2StreamError has the form of net/http's own, which converts itself to it.
type h2StreamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

// Error implements error.
func (e h2StreamError) Error() string { return "HTTP/2 stream error" }

const codeRefusedStream = 7 // RFC 9113, 7: nothing of the request was processed

// failure names why there is no response over HTTP/2.
func (h *h2pool) failure(call *Call, err error, reused bool) *Error {
	text := err.Error()
	e := connectionError("waiting for the response over HTTP/2", err)
	e.Reused = reused
	var stream h2StreamError
	switch {
	case errors.As(err, &stream):
		if stream.Code == codeRefusedStream {
			call.sent.Store(false)
		}
		if stream.Cause == nil || stream.Cause.Error() != fromPeer {
			e.Class = core.BadResponse // it was we who found the stream wrong
		}
	case text == textUnusable, strings.HasPrefix(text, textGoAway) && strings.Contains(text, "GOAWAY"):
		call.sent.Store(false)
	case strings.HasPrefix(text, textInvalid), strings.HasPrefix(text, textInvalidH2):
		e.Class = core.BadRequest
	case e.Class == core.ResetBeforeResponse && !broken(err, text):
		e.Class = core.BadResponse
	}
	e.Sent = call.Sent()
	return e
}

// broken reports whether err is the end of a connection rather than something read from it.
func broken(err error, text string) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.Canceled) || errors.As(err, &op) ||
		text == textLost || strings.HasPrefix(text, textWentAway)
}
