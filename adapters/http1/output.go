package http1

import (
	"io"
	"net"
)

// writePiece is the most that one write, which has WriteTimeout, is given.
const writePiece = 64 << 10

// output gathers what goes to the client.
type output struct {
	pooled *outBuffer
	b      []byte // b[start:] is to be sent; pooled.b, or larger
	start  int

	vector io.Writer // the socket, where it takes several slices in one call; else nil
	vec    [3][]byte
	bufs   net.Buffers
}

func (o *output) hold(p *buffers) {
	if o.pooled == nil {
		o.pooled = p.getOut()
		o.b = o.pooled.b[:0]
	}
}

// release gives the buffer back; what is in it is forgotten.
func (o *output) release(p *buffers) {
	if o.pooled != nil {
		p.out.Put(o.pooled)
		o.pooled, o.b, o.start = nil, nil, 0
	}
}

// room is how much fits without growing.
func (o *output) room() int { return cap(o.b) - len(o.b) }

// flush sends what is gathered.
func (c *conn) flush() error {
	o := &c.out
	if len(o.b) == o.start {
		return nil
	}
	b := o.b[o.start:]
	o.start, o.b = 0, o.b[:0]
	return c.write(b)
}

// write sends b, which has WriteTimeout for each piece.
func (c *conn) write(b []byte) error {
	for len(b) > 0 {
		piece := b[:min(len(b), writePiece)]
		b = b[len(piece):]
		limit := &c.watch.limits.write
		c.set(limit, c.server.now()+int64(c.server.o.WriteTimeout))
		_, err := c.rwc.Write(piece)
		if err := c.wrote(clearLimit(limit), err); err != nil {
			return err
		}
	}
	return nil
}

// writeWith sends what is gathered and then p, in as few calls as the
// connection permits. With crlf, a line end follows p, perhaps not yet sent.
func (c *conn) writeWith(p []byte, crlf bool) error {
	o := &c.out
	if o.vector != nil && len(p) <= writePiece {
		o.bufs = append(net.Buffers(o.vec[:0]), o.b[o.start:], p)
		if crlf {
			o.bufs = append(o.bufs, lineEnd[:])
		}
		o.start, o.b = 0, o.b[:0]
		limit := &c.watch.limits.write
		c.set(limit, c.server.now()+int64(c.server.o.WriteTimeout))
		_, err := o.bufs.WriteTo(o.vector)
		o.vec, o.bufs = [3][]byte{}, nil
		return c.wrote(clearLimit(limit), err)
	}
	// Elsewhere several slices are several writes, through TLS as many records: so
	// the buffer is filled up, and what is left goes by itself if it is long.
	n := min(len(p), o.room())
	o.b, p = append(o.b, p[:n]...), p[n:]
	if len(p) > 0 {
		if err := c.flush(); err != nil {
			return err
		}
		if len(p) > outSize/2 {
			if err := c.write(p); err != nil {
				return err
			}
			p = nil
		}
		o.b = append(o.b, p...)
	}
	if crlf {
		o.b = append(o.b, lineEnd[:]...)
	}
	return nil
}

// lineEnd is a constant.
var lineEnd = [2]byte{'\r', '\n'}

// wrote takes up the end of a write. One that failed ends everything else.
func (c *conn) wrote(late bool, err error) error {
	if late {
		c.server.refused[WriteTimeout].Add(1)
		if err == nil {
			err = errWriteTimeout
		}
	}
	if err != nil {
		c.writeFailed.Store(true)
		c.cancelRequest()
	}
	return err
}

// errWriteTimeout is for a write that ended in the very moment it was too late.
var errWriteTimeout error = &BodyError{WriteTimeout}
