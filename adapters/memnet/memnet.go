// Package memnet is a network in memory for tests: testing/synctest can see
// when everybody on it waits, which it cannot see of sockets. Only tests
// import it.
package memnet

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// Network joins dialers to listeners by address. The zero value is empty and ready.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*Listener
}

// Listen opens an address. A second Listen on it replaces the first.
func (n *Network) Listen(address string) *Listener {
	l := &Listener{address: address, conns: make(chan net.Conn), done: make(chan struct{}), open: map[net.Conn]bool{}}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners == nil {
		n.listeners = map[string]*Listener{}
	}
	n.listeners[address] = l
	return l
}

// Dial has the form of net.Dialer.DialContext. An address without a listener,
// or whose listener refuses, refuses; one that nobody accepts on hangs until ctx ends.
func (n *Network) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[address]
	n.mu.Unlock()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	if l == nil || l.refuses() {
		return nil, refused
	}
	near, far := net.Pipe()
	select {
	case l.conns <- l.track(far):
		return near, nil
	case <-l.done:
		return nil, refused
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
}

// Listener is one open address. It implements net.Listener.
type Listener struct {
	address string
	conns   chan net.Conn
	once    sync.Once
	done    chan struct{}

	mu     sync.Mutex
	refuse bool
	open   map[net.Conn]bool
}

// Refuse makes the listener refuse, or accept again. Refusing cuts every open connection.
func (l *Listener) Refuse(refuse bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse = refuse
	for c := range l.open {
		if refuse {
			c.Close()
		}
	}
}

func (l *Listener) refuses() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refuse
}

func (l *Listener) track(c net.Conn) net.Conn {
	t := &conn{Conn: c, listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c] = true
	return t
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return addr(l.address) }

type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }

// conn is the server's end of a connection; the client is always 192.0.2.1.
type conn struct {
	net.Conn
	listener *Listener
}

func (*conn) RemoteAddr() net.Addr { return addr("192.0.2.1:4000") }

// Close implements net.Conn.
func (c *conn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c.Conn)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
