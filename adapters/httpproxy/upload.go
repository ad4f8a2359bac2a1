package httpproxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"lockstep/core"
)

// errUpload ends an upload; whose fault it is stands in upload.fault.
var errUpload = errors.New("the request body was cut")

// upload is a request body on its way upstream: it counts what a Content-Length
// did not announce, and knows whose fault a broken upload is.
//
// http.Transport returns no failure while it still reads the request's body. So
// an upstream that breaks off while a slow client uploads would go unnoticed
// until the client sends more; interrupt ends that read.
type upload struct {
	body   io.ReadCloser
	left   int64               // bytes still allowed; -1 for no limit
	seen   *sight              // nil when nobody observes
	client http.ResponseWriter // whose read can be given a deadline; nil under RoundTripper
	fault  atomic.Uint32       // the client's, as a core.Class
	inside atomic.Bool         // a read from the client is under way
	ended  atomic.Bool         // nobody wants the rest
	cut    atomic.Bool         // we ended it, while the client was there
	whole  atomic.Bool         // it has come to its own end
	why    atomic.Pointer[classed]
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	u.inside.Store(true)
	if u.ended.Load() {
		return 0, errUpload
	}
	n, err := u.body.Read(p)
	u.inside.Store(false)
	u.seen.took(n)
	if u.ended.Load() && err != io.EOF {
		return n, errUpload
	}
	if u.left >= 0 {
		if u.left -= int64(n); u.left < 0 {
			u.fault.Store(uint32(core.BodyTooLarge))
			return 0, errUpload
		}
	}
	u.whole.Store(err == io.EOF)
	if err != nil && err != io.EOF {
		var named classed
		if errors.As(err, &named) {
			u.why.Store(&named)
		}
		u.fault.Store(uint32(uploadFault(err)))
	}
	return n, err
}

// Close implements io.Closer. A server's body is the server's to close: that
// waits for what the client has not sent yet.
func (u *upload) Close() error {
	u.ended.Store(true)
	if u.client == nil {
		return u.body.Close()
	}
	return nil
}

// stalled reports whether the request waits for its own client.
func (u *upload) stalled() bool { return u != nil && u.inside.Load() && !u.ended.Load() }

// unfinished reports whether some of the body has not been read.
func (u *upload) unfinished() bool { return u != nil && !u.whole.Load() }

// interrupt ends the upload, a read under way included. Nothing more can be
// read from its client then.
func (u *upload) interrupt() {
	switch {
	case u == nil || u.whole.Load():
	case u.client == nil:
		u.Close()
	default:
		u.cut.Store(true)
		u.release()
	}
}

// release ends a read that may be under way, without taking it on us.
func (u *upload) release() {
	u.Close()
	if u.client != nil {
		// An error here means a writer without deadlines: then the client's next byte ends the read.
		_ = http.NewResponseController(u.client).SetReadDeadline(time.Unix(1, 0))
	}
}

// classed is an error that knows its class: the server that we run in (package
// http1) found what is wrong with the body, and its text says what.
type classed interface {
	error
	Class() core.Class
}

// uploadFault names why the client's body could not be read: it went away, did
// not send it in time, or what it sent is not HTTP.
func uploadFault(err error) core.Class {
	var op *net.OpError
	var big *http.MaxBytesError
	var named classed
	if errors.As(err, &named) {
		return named.Class()
	}
	if errors.As(err, &big) {
		return core.BodyTooLarge // a limit of whoever wraps the handler
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return core.RequestTimeout // the server that we run in gave up on it
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) {
		return core.ClientGone
	}
	return core.BadRequest
}
