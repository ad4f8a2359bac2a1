//go:build unix

package http1

import (
	"io"
	"net"
	"syscall"
)

// rawOf returns the socket under c, nil if reading it is not the same as reading
// c: a wrapper that offers SyscallConn promises that it holds no bytes back.
func rawOf(c net.Conn) syscall.RawConn {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// readSocket tries to read; it takes a buffer only for the time of the attempt.
func (in *input) readSocket(fd uintptr) (done bool) {
	in.hold()
	for {
		in.rawN, in.rawErr = syscall.Read(int(fd), in.buf[in.w:])
		switch in.rawErr {
		case nil:
			if in.rawN == 0 {
				in.rawErr = io.EOF
			}
			return true
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			in.release()
			in.waited = true
			return false
		}
		return true
	}
}

// waitSocket is wait on a socket: the poller waits, and nobody's buffer with it.
func (in *input) waitSocket() error {
	if err := in.raw.Read(in.rawRead); err != nil {
		return err // the deadline, or closed
	}
	if in.rawErr != nil {
		in.release()
		return in.rawErr
	}
	in.w += in.rawN
	return nil
}
