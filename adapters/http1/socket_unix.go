//go:build unix

package http1

import (
	"io"
	"net"
	"syscall"
)

// rawOf returns the socket under c if c is nothing but a socket.
func rawOf(c net.Conn) syscall.RawConn {
	var raw syscall.RawConn
	var err error
	switch c := c.(type) {
	case *net.TCPConn:
		raw, err = c.SyscallConn()
	case *net.UnixConn:
		raw, err = c.SyscallConn()
	}
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
