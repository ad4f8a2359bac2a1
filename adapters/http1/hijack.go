package http1

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"time"
)

// hand gives the connection to the handler.
func (c *conn) hand() (net.Conn, *bufio.ReadWriter, error) {
	c.endWatch()
	c.give()
	rest := bytes.Clone(c.in.unread())
	c.in.r = c.in.w
	taken := &hijacked{Conn: c.rwc, c: c}
	var from io.Reader = taken
	if len(rest) > 0 {
		from = io.MultiReader(bytes.NewReader(rest), taken)
	}
	in := bufio.NewReaderSize(from, max(4096, len(rest)))
	if len(rest) > 0 {
		_, _ = in.Peek(len(rest)) // so that Buffered tells of them
	}
	return taken, bufio.NewReadWriter(in, bufio.NewWriter(taken)), nil
}

// give makes the connection somebody else's.
func (c *conn) give() {
	c.state.Store(stateHijacked)
	c.watch.stop()
	_ = c.rwc.SetDeadline(time.Time{}) // whoever has it sets its own
}

// hijacked is a connection that the handler has; the server counts it until it is closed.
type hijacked struct {
	net.Conn
	c *conn
}

// Close implements net.Conn.
func (h *hijacked) Close() error {
	err := h.Conn.Close()
	if h.c.state.CompareAndSwap(stateHijacked, stateClosed) {
		h.c.server.forget(h.c)
	}
	return err
}

// CloseWrite ends one direction.
func (h *hijacked) CloseWrite() error {
	if half, ok := h.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errNoHalf
}

// ReadFrom implements io.ReaderFrom, so that the system may move the bytes.
func (h *hijacked) ReadFrom(r io.Reader) (int64, error) { return io.Copy(h.Conn, r) }

// NetConn returns the connection underneath.
func (h *hijacked) NetConn() net.Conn { return h.Conn }
