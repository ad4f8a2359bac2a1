//go:build !unix

package http1

import (
	"errors"
	"net"
	"syscall"
)

func rawOf(net.Conn) syscall.RawConn { return nil }

func (*input) readSocket(uintptr) bool { return true }

func (*input) waitSocket() error { return errors.ErrUnsupported }
