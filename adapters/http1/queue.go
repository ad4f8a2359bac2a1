package http1

import (
	"net"
	"sync"
)

// Queue is a listener of connections that somebody else has accepted and made
// ready.
type Queue struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
	addr  net.Addr
}

// NewQueue returns an empty queue with that address, which may be nil.
func NewQueue(addr net.Addr) *Queue {
	return &Queue{conns: make(chan net.Conn), done: make(chan struct{}), addr: addr}
}

// Put hands a connection over; it waits until somebody takes it, and closes it
// when nobody does any more.
func (q *Queue) Put(c net.Conn) {
	select {
	case q.conns <- c:
	case <-q.done:
		c.Close()
	}
}

// Accept implements net.Listener. After Close it gives net.ErrClosed.
func (q *Queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. It may be called more than once.
func (q *Queue) Close() error {
	q.once.Do(func() { close(q.done) })
	return nil
}

// Addr implements net.Listener.
func (q *Queue) Addr() net.Addr { return q.addr }
