//go:build linux || darwin || freebsd || netbsd || openbsd

package upstream

import (
	"io"
	"net"
	"syscall"
)

// peeker looks into a socket's receive buffer.
type peeker struct {
	raw  syscall.RawConn // nil for what is no socket
	look func(fd uintptr)
	one  [1]byte
	n    int
	err  error
}

// newPeeker returns the peeker of a connection.
func newPeeker(c net.Conn) *peeker {
	p := new(peeker)
	socket, ok := c.(syscall.Conn)
	if !ok {
		return p
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return p
	}
	p.raw = raw
	p.look = func(fd uintptr) { // made once: a request must not pay for a closure
		for {
			p.n, _, p.err = syscall.Recvfrom(int(fd), p.one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			if p.err != syscall.EINTR {
				return
			}
		}
	}
	return p
}

// peek says without waiting or reading what lies in the buffer: n > 0 if there
// is something, an error if the peer has gone. What is no socket counts as quiet.
func (p *peeker) peek() (n int, err error) {
	if p.raw == nil {
		return 0, nil
	}
	if err := p.raw.Control(p.look); err != nil {
		return 0, err
	}
	switch {
	case p.err == syscall.EAGAIN:
		return 0, nil
	case p.err != nil:
		return 0, p.err
	case p.n <= 0:
		return 0, io.EOF
	}
	return p.n, nil
}
