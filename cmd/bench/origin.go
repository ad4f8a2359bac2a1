//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/sys/unix"
)

// origin answers every GET with the same body: the cheapest upstream, so that what is measured is the proxy.
type origin struct {
	poll     *poller
	listener int
	answer   []byte
	buffer   []byte
	partial  map[int32][]byte // of connections whose last head is not whole
}

// newOrigin listens on addr and returns the address that it got.
func newOrigin(addr string, size int) (*origin, string, error) {
	poll, err := newPoller()
	if err != nil {
		return nil, "", err
	}
	fd, got, err := listen(addr)
	if err != nil {
		poll.close()
		return nil, "", err
	}
	if err := poll.watch(fd); err != nil {
		return nil, "", err
	}
	o := &origin{poll: poll, listener: fd, buffer: make([]byte, 64<<10), partial: map[int32][]byte{}}
	o.answer = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", size)
	o.answer = append(o.answer, bytes.Repeat([]byte("x"), size)...)
	return o, got, nil
}

// serve runs until the listener fails.
func (o *origin) serve() error {
	runtime.LockOSThread()
	for {
		ready, err := o.poll.wait()
		if err != nil {
			return err
		}
		for _, e := range ready {
			if int(e.Fd) != o.listener {
				o.read(e.Fd)
				continue
			}
			if err := o.accept(); err != nil {
				return err
			}
		}
	}
}

func (o *origin) accept() error {
	fd, _, err := unix.Accept4(o.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ECONNABORTED) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("accepting: %w", err)
	}
	return errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1), o.poll.watch(fd))
}

// read answers every head that is whole; a connection that ends, or takes no more, is closed.
func (o *origin) read(fd int32) {
	n, err := unix.Read(int(fd), o.buffer)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return
	}
	if err == nil && n == 0 {
		err = io.EOF
	}
	b := o.buffer[:max(n, 0)]
	if before := o.partial[fd]; len(before) > 0 {
		b = append(before, b...)
	}
	for err == nil {
		_, rest, whole := bytes.Cut(b, headEnd)
		if !whole {
			break
		}
		b = rest
		var sent int
		if sent, err = unix.Write(int(fd), o.answer); err == nil && sent < len(o.answer) {
			err = io.ErrShortWrite // the client does not read: not a client of ours
		}
	}
	if err != nil {
		delete(o.partial, fd)
		_ = unix.Close(int(fd))
		return
	}
	if len(b) > 0 || len(o.partial[fd]) > 0 {
		o.partial[fd] = append(o.partial[fd][:0:0], b...)
	}
}
