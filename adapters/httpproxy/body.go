package httpproxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"lockstep/core"
)

// errUpload ends an upload; the class is in upload.fault.
var errUpload = errors.New("the request body was cut")

// upload is a request body on its way upstream: it counts what a Content-Length
// did not announce, and knows whose fault a broken upload is.
type upload struct {
	body   io.ReadCloser
	left   int64 // bytes still allowed; -1 for no limit
	fault  atomic.Uint32
	inside atomic.Bool // a read from the client is under way
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	u.inside.Store(true)
	n, err := u.body.Read(p)
	u.inside.Store(false)
	if u.left >= 0 {
		if u.left -= int64(n); u.left < 0 {
			u.fault.Store(uint32(core.BodyTooLarge))
			return 0, errUpload
		}
	}
	if err != nil && err != io.EOF {
		u.fault.Store(uint32(uploadFault(err)))
	}
	return n, err
}

// Close implements io.Closer.
func (u *upload) Close() error { return u.body.Close() }

// stalled reports whether the request waits for its own client.
func (u *upload) stalled() bool { return u != nil && u.inside.Load() }

// uploadFault names why the client's body could not be read: it went away, or
// what it sent is not HTTP.
func uploadFault(err error) core.Class {
	var op *net.OpError
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return core.BodyTooLarge // a limit of whoever wraps the handler
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) {
		return core.ClientGone
	}
	return core.BadRequest
}

// download is a response body on its way to the client. Its end ends the exchange.
type download struct {
	*exchange
	body io.ReadCloser
}

// Read implements io.Reader. An end that is not the body's own is an error
// here, whoever made it, so that no reader takes half an answer for a whole.
func (d *download) Read(p []byte) (int, error) {
	d.moves.Add(1)
	n, err := d.body.Read(p)
	d.moves.Add(1)
	switch {
	case err == io.EOF:
		d.finish(core.ClassNone)
	case err != nil:
		class, ours := d.fault()
		if !ours {
			class = core.BrokenBody
		}
		d.finish(class)
	}
	return n, err
}

// Close implements io.Closer. A body closed before its end was not wanted any
// more: the client is gone.
func (d *download) Close() error {
	class, ours := d.fault()
	if !ours {
		class = core.ClientGone
	}
	d.finish(class)
	return d.body.Close()
}

// tunnel is the body of a 101: what is written to it goes upstream.
type tunnel struct {
	*exchange
	stream io.ReadWriteCloser
}

// Read implements io.Reader.
func (t *tunnel) Read(p []byte) (int, error) { return t.stream.Read(p) }

// Write implements io.Writer.
func (t *tunnel) Write(p []byte) (int, error) { return t.stream.Write(p) }

// CloseWrite tells the upstream that no more comes.
func (t *tunnel) CloseWrite() error {
	if half, ok := t.stream.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close implements io.Closer. An upgraded connection has no end of its own:
// unless we cut it, it ended well.
func (t *tunnel) Close() error {
	class, _ := t.fault()
	t.finish(class)
	return t.stream.Close()
}
