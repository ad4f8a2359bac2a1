package http1

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is what Serve returns after Shutdown or Close.
var ErrClosed = http.ErrServerClosed

// Server serves HTTP/1.1 on connections. Use New. All methods may be called
// from any goroutine.
type Server struct {
	handler http.Handler
	o       Options
	began   time.Time
	pool    buffers
	turns   turns
	date    atomic.Pointer[dateLine]
	request *http.Request // what every request is copied from

	closing atomic.Bool
	refused [Reasons]atomic.Uint64
	served  atomic.Uint64

	mu        sync.Mutex
	conns     map[*conn]struct{} // hijacked ones included, until they are closed
	listeners map[net.Listener]struct{}
	drained   []chan struct{} // closed when conns is empty
}

// New returns a server for h, which must see requests as they came: a mux that
// cleans paths belongs behind nothing or nowhere.
func New(h http.Handler, o Options) *Server {
	s := &Server{
		handler: h, o: o.withDefaults(), began: time.Now(), request: new(http.Request),
		conns: map[*conn]struct{}{}, listeners: map[net.Listener]struct{}{},
	}
	// Handlers ask for this to learn that they run under a server.
	s.o.BaseContext = context.WithValue(s.o.BaseContext, http.ServerContextKey, &http.Server{Handler: h})
	return s
}

// now is the time since the server began, in ns.
func (s *Server) now() int64 { return int64(time.Since(s.began)) }

// Serve accepts connections on l and serves each in a goroutine of its own. It
// returns ErrClosed after Shutdown or Close, else why l accepts no more. It
// closes l.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.track(l) {
		return ErrClosed
	}
	defer s.untrack(l)
	var wait time.Duration
	for {
		c, err := l.Accept()
		if err == nil {
			wait = 0
			go s.ServeConn(c)
			continue
		}
		if s.closing.Load() {
			return ErrClosed
		}
		var passing interface{ Temporary() bool } // out of file descriptors, most of all
		if !errors.As(err, &passing) || !passing.Temporary() {
			return err
		}
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		s.o.Log.Error("http1: accepting; trying again", "error", err, "in", wait)
		time.Sleep(wait)
	}
}

func (s *Server) track(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) untrack(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

// ServeConn serves one connection and returns when it has ended, or was
// hijacked. TLS connections have their handshake behind them. The connection is
// closed unless it was hijacked.
func (s *Server) ServeConn(rwc net.Conn) {
	c := newConn(s, rwc)
	s.mu.Lock()
	if s.closing.Load() {
		s.mu.Unlock()
		rwc.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	c.serve()
}

// forget is called when a connection has been closed.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) == 0 {
		for _, d := range s.drained {
			close(d)
		}
		s.drained = nil
	}
}

// Shutdown closes the listeners and the idle connections, and lets requests
// under way end; their answers carry Connection: close. A connection that has
// sent nothing yet gets a second to do so. Shutdown returns when no connection
// is left, those included that were hijacked, or with ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing.Store(true)
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.leave()
	}
	if len(s.conns) == 0 {
		s.mu.Unlock()
		return nil
	}
	drained := make(chan struct{})
	s.drained = append(s.drained, drained)
	s.mu.Unlock()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close closes the listeners and every connection at once, hijacked ones too.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closing.Store(true)
	for l := range s.listeners {
		l.Close()
	}
	open := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		c.cut()
	}
	return nil
}

// Counts is what a server is doing.
type Counts struct {
	Idle     int    // connections that wait for a request
	Active   int    // connections inside a request
	Hijacked int    // connections that were taken over, until they are closed
	Served   uint64 // requests that a handler has seen, since the beginning
}

// Open is the number of connections.
func (c Counts) Open() int { return c.Idle + c.Active + c.Hijacked }

// Counts returns what the server is doing now.
func (s *Server) Counts() (n Counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		switch c.state.Load() {
		case stateNew, stateIdle:
			n.Idle++
		case stateActive:
			n.Active++
		case stateHijacked:
			n.Hijacked++
		}
	}
	n.Served = s.served.Load()
	return n
}

// Refused returns how many requests and connections ended for a reason.
func (s *Server) Refused(r Reason) uint64 {
	if int(r) >= Reasons {
		return 0
	}
	return s.refused[r].Load()
}

// dateLine is the Date header of a second.
type dateLine struct {
	second int64
	text   string
}

// dateHeader returns the line "Date: …" with its CRLF.
func (s *Server) dateHeader() string {
	now := time.Now()
	second := now.Unix()
	if d := s.date.Load(); d != nil && d.second == second {
		return d.text
	}
	d := &dateLine{second, "Date: " + now.UTC().Format(http.TimeFormat) + "\r\n"}
	s.date.Store(d)
	return d.text
}
