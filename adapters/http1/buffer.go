package http1

import (
	"net"
	"sync"
	"syscall"
)

const (
	inSize  = 4 << 10  // of a pooled buffer for what comes in
	outSize = 16 << 10 // of one for what goes out
)

// inBuffer is where a request's head and the framing of its body are read.
type inBuffer struct {
	b      [inSize]byte
	fields []field
}

// outBuffer gathers an answer's head and the beginning of its body.
type outBuffer struct{ b [outSize]byte }

// buffers are shared by all connections of a server.
type buffers struct {
	in, out sync.Pool
}

func (p *buffers) getIn() *inBuffer {
	if b, ok := p.in.Get().(*inBuffer); ok {
		return b
	}
	return &inBuffer{fields: make([]field, 0, 32)}
}

func (p *buffers) getOut() *outBuffer {
	if b, ok := p.out.Get().(*outBuffer); ok {
		return b
	}
	return new(outBuffer)
}

// input is what has been read from a connection and not yet been used. It holds
// a buffer only while there are bytes in it, or somebody is about to put some in.
type input struct {
	conn net.Conn
	raw  syscall.RawConn // nil for what is not a plain socket
	pool *buffers

	pooled *inBuffer
	buf    []byte // pooled.b, or a larger one of its own for a large head
	r, w   int    // buf[r:w] is unread

	waited bool // the last wait had to wait; never set without raw

	one     [1]byte
	rawRead func(fd uintptr) (done bool)
	rawN    int
	rawErr  error
}

func newInput(c net.Conn, pool *buffers) *input {
	in := &input{conn: c, pool: pool}
	in.raw = rawOf(c)
	if in.raw != nil {
		in.rawRead = in.readSocket
	}
	return in
}

// unread is what has come and not been used.
func (in *input) unread() []byte { return in.buf[in.r:in.w] }

func (in *input) buffered() int { return in.w - in.r }

// hold makes sure that there is a buffer.
func (in *input) hold() {
	if in.pooled == nil {
		in.pooled = in.pool.getIn()
		in.buf = in.pooled.b[:]
	}
}

// release gives the buffer back if nothing is in it.
func (in *input) release() {
	if in.r < in.w || in.pooled == nil {
		return
	}
	in.pooled.fields = in.pooled.fields[:0]
	in.pool.in.Put(in.pooled)
	in.pooled, in.buf, in.r, in.w = nil, nil, 0, 0
}

// prepend puts a byte before what is unread; there is nothing read before it.
func (in *input) prepend(c byte) {
	in.hold()
	if in.r > 0 {
		in.r--
		in.buf[in.r] = c
		return
	}
	if in.w == len(in.buf) {
		in.grow()
	}
	copy(in.buf[1:], in.buf[:in.w])
	in.buf[0] = c
	in.w++
}

func (in *input) grow() {
	larger := make([]byte, 2*len(in.buf))
	copy(larger, in.buf[in.r:in.w])
	in.buf, in.r, in.w = larger, 0, in.w-in.r
}

// wait reads the first bytes of a request and holds no buffer meanwhile.
func (in *input) wait() error {
	if in.raw != nil {
		return in.waitSocket()
	}
	n, err := in.conn.Read(in.one[:])
	if n == 0 {
		return err
	}
	in.hold()
	in.buf[0], in.r, in.w = in.one[0], 0, 1
	return nil
}

// fill reads more behind what is unread, which may move.
func (in *input) fill() error {
	in.hold()
	switch {
	case in.r == in.w:
		in.r, in.w = 0, 0
	case in.w < len(in.buf):
	case in.r > 0:
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
	default:
		in.grow()
	}
	for {
		n, err := in.conn.Read(in.buf[in.w:])
		if n > 0 {
			in.w += n
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// take moves what is unread into p.
func (in *input) take(p []byte) int {
	n := copy(p, in.buf[in.r:in.w])
	in.r += n
	return n
}
