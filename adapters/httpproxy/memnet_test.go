package httpproxy_test

import (
	"context"
	"net"
	"sync"
	"syscall"
	"testing"
)

// memnet is a network in memory, so that synctest sees when everybody waits.
type memnet struct {
	mu        sync.Mutex
	listeners map[string]*memListener
}

func newMemnet() *memnet { return &memnet{listeners: map[string]*memListener{}} }

func (n *memnet) listen(t *testing.T, address string) *memListener {
	l := &memListener{address: address, conns: make(chan net.Conn), done: make(chan struct{})}
	n.mu.Lock()
	n.listeners[address] = l
	n.mu.Unlock()
	t.Cleanup(func() { l.Close() })
	return l
}

// dial implements httpproxy.DialFunc: an address without listener refuses, and
// one whose listener does not accept hangs.
func (n *memnet) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[address]
	n.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	near, far := net.Pipe()
	select {
	case l.conns <- named{far}:
		return near, nil
	case <-l.done:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
}

type memListener struct {
	address string
	conns   chan net.Conn
	once    sync.Once
	done    chan struct{}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *memListener) Addr() net.Addr { return memAddr(l.address) }

type memAddr string

func (memAddr) Network() string  { return "tcp" }
func (a memAddr) String() string { return string(a) }

// named is the server's end of a connection; the client is always 192.0.2.1.
type named struct{ net.Conn }

func (named) RemoteAddr() net.Addr { return memAddr("192.0.2.1:4000") }
