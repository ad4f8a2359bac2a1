package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"

	"github.com/benbjohnson/clock"

	"lockstep/adapters/settings"
)

// Options say what to listen on.
type Options struct {
	Listeners []settings.Listener
	// Open holds addresses that are open already, by the listener's name, such as
	// those that systemd hands over. Listen takes them in place of opening the
	// listener's own address; it closes them when it fails, and an unknown name is
	// an error.
	Open map[string]net.Listener
	// Engines are engines beside net/http and package http1, by name; nil: there
	// are none. One named as that package's takes its place.
	Engines map[string]NewEngine
	// ConnState is told of every change of a connection's state by net/http; nil:
	// nobody is. Other engines have no such states.
	ConnState func(net.Conn, http.ConnState)
	Log       *slog.Logger // what an operator should know; nil: nothing is said
	// Clock tells when to look at files again and how long to wait after a failed
	// accept; nil means the real one.
	Clock clock.Clock
	// PollOnly looks at files every few seconds only, without notices of the file system.
	PollOnly bool
}

// Engine speaks HTTP on connections that are ready: limits, PROXY header and
// TLS handshake lie behind them. *http.Server is one.
type Engine interface {
	// Serve takes connections from l until Shutdown or Close; then it returns
	// http.ErrServerClosed. Connections over TLS are *tls.Conn.
	Serve(l net.Listener) error
	// Shutdown lets requests under way end, tells clients to go, and returns nil,
	// or the error of ctx. Connections that were handed over it forgets.
	Shutdown(ctx context.Context) error
	// Close cuts what is left.
	Close() error
}

// NewEngine makes an engine for one listener. The handler is to be called with
// contexts made by ConnContext.
type NewEngine func(l settings.Listener, h http.Handler, errors *slog.Logger) Engine

// Edge is a set of open listeners.
type Edge struct {
	listeners []*listener
	active    sync.WaitGroup     // handlers at work: an engine forgets those that took their connection over
	handler   http.Handler       // nil before Serve
	stop      context.CancelFunc // ends the watching of files
	watching  sync.WaitGroup
}

// Listen opens every address and reads every certificate. Nothing is accepted
// before Serve. An error names the listener, its address or file, and what to do;
// nothing stays open then.
func Listen(o Options) (*Edge, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Clock == nil {
		o.Clock = clock.New()
	}
	ctx, stop := context.WithCancel(context.Background())
	e := &Edge{stop: stop}
	if err := e.open(ctx, o); err != nil {
		e.Close()
		for _, l := range o.Open {
			l.Close()
		}
		return nil, err
	}
	return e, nil
}

func (e *Edge) open(ctx context.Context, o Options) error {
	given := map[string]bool{}
	for _, s := range o.Listeners {
		l, err := newListener(e, s.WithDefaults(), o)
		if err != nil {
			return err
		}
		e.listeners = append(e.listeners, l)
		given[s.Name] = true
	}
	for name := range o.Open {
		if !given[name] {
			return fmt.Errorf("an open socket named %q was handed over, and the configuration has no listener of that name; give both the same name", name)
		}
	}
	for _, l := range e.listeners {
		if l.tls != nil {
			e.watching.Go(func() { l.tls.watch(ctx, o) })
		}
	}
	return nil
}

// bind opens the address of s.
func bind(s settings.Listener, open map[string]net.Listener) (net.Listener, error) {
	if l := open[s.Name]; l != nil {
		return l, nil
	}
	l, err := net.Listen("tcp", s.Address)
	what := fmt.Sprintf("listener %q cannot listen on %s: ", s.Name, s.Address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, errors.New(what + "the port is taken by another program; end that one, or choose another port")
	case errors.Is(err, syscall.EACCES):
		return nil, errors.New(what + "this user may not open the port; choose one above 1023, or give the program CAP_NET_BIND_SERVICE")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, errors.New(what + "this machine does not have that address; write one that it has, or the port alone for all")
	case err != nil:
		return nil, fmt.Errorf("%s%w", what, err)
	}
	return l, nil
}

// Serve answers with h on every listener until Shutdown or Close. It returns the
// first error of one that ended by itself, nil when all were ended. It may be
// called once.
func (e *Edge) Serve(h http.Handler) error {
	e.handler = h
	failed := make(chan error, len(e.listeners))
	for _, l := range e.listeners {
		go func() {
			if err := l.serve(); err != nil {
				failed <- fmt.Errorf("listener %q: %w", l.s.Name, err)
				return
			}
			failed <- nil
		}()
	}
	for range e.listeners {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

// Shutdown stops accepting, tells clients to go (Connection: close, GOAWAY),
// waits for requests under way until ctx ends, and then cuts what is left. whole
// is true if nothing was.
func (e *Edge) Shutdown(ctx context.Context) (whole bool) {
	defer e.Close()
	var all sync.WaitGroup
	results := make([]error, len(e.listeners))
	for i, l := range e.listeners {
		l.stop()
		all.Go(func() { results[i] = l.engine.Shutdown(ctx) })
	}
	all.Wait()
	if errors.Join(results...) != nil {
		return false
	}
	upgraded := make(chan struct{})
	go func() { e.active.Wait(); close(upgraded) }()
	select {
	case <-upgraded:
		return true
	case <-ctx.Done():
		return false
	}
}

// Close cuts everything at once.
func (e *Edge) Close() {
	e.stop()
	for _, l := range e.listeners {
		l.stop()
		l.engine.Close()
	}
	e.watching.Wait()
}

// Addrs returns the address of each listener by its name, as it was opened.
func (e *Edge) Addrs() map[string]net.Addr {
	out := map[string]net.Addr{}
	for _, l := range e.listeners {
		out[l.s.Name] = l.socket.Addr()
	}
	return out
}

// ServeHTTP counts the handlers at work and gives each request the TLS state of
// its connection.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.active.Add(1)
	defer e.active.Done()
	if r.TLS == nil {
		if c := Of(r.Context()); c != nil && c.TLS != nil {
			r.TLS = c.TLS
		}
	}
	e.handler.ServeHTTP(w, r)
}
