package httpproxy

import (
	"errors"
	"io"

	"lockstep/core"
)

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
	d.look.gave(n)
	switch {
	case err == io.EOF:
		d.finish(core.ClassNone)
	case err != nil:
		class, ours := d.fault()
		if !ours {
			class, d.why = core.BrokenBody, err
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
func (t *tunnel) Read(p []byte) (int, error) {
	n, err := t.stream.Read(p)
	t.look.gave(n)
	return n, err
}

// Write implements io.Writer.
func (t *tunnel) Write(p []byte) (int, error) {
	n, err := t.stream.Write(p)
	if t.look != nil {
		t.look.of.took(n)
	}
	return n, err
}

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
	t.finish(core.Class(t.cut.Load()))
	return t.stream.Close()
}
