package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/adapters/settings"
	"lockstep/core"
)

// errSpeaksHTTP1 says that a request must go the other way.
var errSpeaksHTTP1 = errors.New("the endpoint speaks HTTP/1.1")

// askAgain is how long an endpoint that chose HTTP/1.1 is not asked for HTTP/2.
const askAgain = 5 * time.Minute

// h2pool holds an endpoint's HTTP/2 connections. Each is an http.ClientConn:
// net/http's protocol, without its pool and without its retries.
type h2pool struct {
	p         *Pool
	transport *http.Transport

	mu      sync.Mutex
	conns   []*h2conn
	dialing *h2dial // under way, nil for none
	plain   time.Time
	closed  bool
	timer   *time.Timer

	stateMu sync.Mutex
	changed chan struct{} // closed when a connection may have room again
}

// h2conn is one connection.
type h2conn struct {
	cc       *http.ClientConn
	opened   time.Time
	idleAt   time.Time // since when nothing is in flight, as the sweep saw it
	life     time.Duration
	requests atomic.Int64
}

// h2dial is one dial, for all who wait for it.
type h2dial struct {
	done chan struct{}
	err  error // to be read after done
}

// socketKey is where the transport's dial finds the connection that we made.
type socketKey struct{}

func (p *Pool) speaksH2() bool {
	switch p.settings.Protocol {
	case settings.H2C:
		return !p.secure
	case settings.H2TLS, settings.Auto:
		return p.secure
	}
	return false
}

func newH2Pool(p *Pool) *h2pool {
	h := &h2pool{p: p, changed: make(chan struct{})}
	var speaks http.Protocols
	speaks.SetHTTP2(p.secure)
	speaks.SetUnencryptedHTTP2(!p.secure)
	given := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return ctx.Value(socketKey{}).(net.Conn), nil
	}
	after, timeout := cmp.Or(p.settings.H2.PingAfter, settings.PingAfter), cmp.Or(p.settings.H2.PingTimeout, settings.PingTimeout)
	h.transport = &http.Transport{
		DialContext: given, DialTLSContext: given, Protocols: &speaks, DisableCompression: true,
		ExpectContinueTimeout:  continueAfter,
		MaxResponseHeaderBytes: int64(p.settings.HeaderMax),
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: after, PingTimeout: timeout},
	}
	return h
}

// roundTrip sends a request over HTTP/2. errSpeaksHTTP1 means that nothing was
// done yet.
func (h *h2pool) roundTrip(call *Call, r *http.Request) (*http.Response, error) {
	if len(r.Header["Upgrade"]) > 0 {
		if h.p.settings.Protocol == settings.Auto {
			return nil, errSpeaksHTTP1
		}
		return nil, badRequest("a request over HTTP/2 cannot be upgraded")
	}
	c, err := h.acquire(call)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(call.Context)
	call.while(cancel) // for as long as the call lives: its Cancel comes at the end too
	out := r.WithContext(h.trace(ctx, call))
	out.Host = cmp.Or(r.Host, h.p.authority)
	var up *guarded
	if r.Body != nil && r.Body != http.NoBody {
		up = &guarded{body: r.Body}
		out.Body = up
	}
	reused := c.requests.Load() > 1
	res, err := c.cc.RoundTrip(out)
	if err == nil {
		res.Request = r
		return res, nil
	}
	cancel()
	up.stop(call)
	return nil, h.failure(call, err, reused)
}

// acquire returns a connection with a stream reserved on it.
func (h *h2pool) acquire(call *Call) (*h2conn, error) {
	limit := time.Duration(h.p.connect.Load())
	ctx, cancel := context.WithTimeout(call.Context, limit)
	defer cancel()
	defer call.while(cancel)()
	for {
		c, dial, changed, err := h.reserve()
		if c != nil || err != nil {
			return c, err
		}
		var dialled chan struct{}
		if dial != nil {
			dialled = dial.done
		}
		select {
		case <-dialled:
			if dial.err != nil {
				return nil, dial.err
			}
		case <-changed:
		case <-ctx.Done():
			return nil, h.waited(ctx, dial != nil, limit)
		}
	}
}

// waited names why nothing came of a wait.
func (h *h2pool) waited(ctx context.Context, dialling bool, limit time.Duration) error {
	switch {
	case !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &Error{Class: core.ClientGone, Detail: "waiting for a connection", Err: errCancelled}
	case dialling:
		return dialError(h.p.addr, ctx.Err())
	}
	return &Error{
		Class:  core.QueueTimeout,
		Detail: fmt.Sprintf("pool_full: the connections to %s had no stream free for %s", h.p.id.URL, limit),
	}
}

// reserve finds a stream, or says what to wait for: a dial, which it has begun
// if there may be one more connection, or a change.
func (h *h2pool) reserve() (*h2conn, *h2dial, chan struct{}, error) {
	h.stateMu.Lock()
	changed := h.changed // taken first: what changes after the look wakes us
	h.stateMu.Unlock()
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Before(h.plain) {
		return nil, nil, nil, errSpeaksHTTP1
	}
	h.conns = slices.DeleteFunc(h.conns, func(c *h2conn) bool { return c.cc.Err() != nil })
	open := 0
	for _, c := range h.conns {
		if h.worn(c, now) {
			continue // it ends with what it carries, and counts no more
		}
		open++
		streams := h.p.settings.H2.Streams
		if (streams == 0 || c.cc.InFlight() < streams) && c.cc.Reserve() == nil {
			c.requests.Add(1)
			return c, nil, nil, nil
		}
	}
	if h.dialing == nil && (h.p.settings.MaxOpen == 0 || open < h.p.settings.MaxOpen || h.closed) {
		h.dialing = &h2dial{done: make(chan struct{})}
		go h.dial(h.dialing)
	}
	return nil, h.dialing, changed, nil
}

func (h *h2pool) worn(c *h2conn, now time.Time) bool {
	s := &h.p.settings
	return s.MaxRequests > 0 && c.requests.Load() >= int64(s.MaxRequests) || c.life > 0 && now.Sub(c.opened) >= c.life
}

// dial opens one connection, on nobody's account.
func (h *h2pool) dial(d *h2dial) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(h.p.connect.Load()))
	defer cancel()
	c, err := h.connect(ctx)
	h.mu.Lock()
	h.dialing = nil
	d.err = err
	switch {
	case errors.Is(err, errSpeaksHTTP1):
		h.plain = time.Now().Add(askAgain)
	case err == nil:
		h.conns = append(h.conns, c)
		if h.timer == nil {
			h.timer = time.AfterFunc(sweepEvery, h.sweep)
		}
	}
	h.mu.Unlock()
	if c != nil {
		c.cc.SetStateHook(h.stateChanged)
	}
	close(d.done)
}

func (h *h2pool) connect(ctx context.Context) (*h2conn, error) {
	w, err := h.p.openWire(ctx, &Call{})
	if err != nil {
		return nil, err
	}
	var stream net.Conn = w
	if h.p.secure {
		t, err := h.handshake(ctx, w)
		if err != nil {
			return nil, err
		}
		stream = t
	}
	cc, err := h.transport.NewClientConn(context.WithValue(ctx, socketKey{}, stream), h.p.scheme, h.p.addr)
	if err != nil {
		w.Close()
		return nil, connectionError("beginning HTTP/2 with "+h.p.addr, err)
	}
	now := time.Now()
	return &h2conn{cc: cc, opened: now, idleAt: now, life: h.p.spread(h.p.settings.MaxLifetime)}, nil
}

// handshake agrees on HTTP/2. Where only HTTP/1.1 is to be had the connection
// goes to those who speak it, or is closed.
func (h *h2pool) handshake(ctx context.Context, w *wire) (*tls.Conn, error) {
	offer := []string{"h2"}
	if h.p.settings.Protocol == settings.Auto {
		offer = []string{"h2", "http/1.1"}
	}
	t, err := h.p.handshake(ctx, w, offer...)
	if err != nil {
		return nil, err
	}
	switch {
	case t.ConnectionState().NegotiatedProtocol == "h2":
		return t, nil
	case h.p.settings.Protocol == settings.Auto:
		h.p.adopt(w, t)
		return nil, errSpeaksHTTP1
	}
	w.Close()
	return nil, &Error{Class: core.TLS, Detail: h.p.addr + " does not offer h2 (ALPN)"}
}

// stateChanged is told by a connection that it has room again, or has ended.
// It may be called while h.mu is held.
func (h *h2pool) stateChanged(*http.ClientConn) {
	h.stateMu.Lock()
	close(h.changed)
	h.changed = make(chan struct{})
	h.stateMu.Unlock()
}

// sweep closes connections that carry nothing and whose time is over.
func (h *h2pool) sweep() {
	now := time.Now()
	var over []*h2conn
	h.mu.Lock()
	h.conns = slices.DeleteFunc(h.conns, func(c *h2conn) bool {
		switch {
		case c.cc.Err() != nil:
			return true
		case c.cc.InFlight() > 0:
			c.idleAt = now
			return false
		case h.closed, h.worn(c, now), now.Sub(c.idleAt) >= h.p.idleFor && len(h.conns)-len(over) > h.p.settings.Warm:
			over = append(over, c)
			return true
		}
		return false
	})
	if len(h.conns) > 0 || !h.closed && h.p.settings.Warm > 0 {
		h.timer.Reset(sweepEvery)
	} else {
		h.timer = nil
	}
	h.mu.Unlock()
	for _, c := range over {
		c.cc.Close()
	}
	h.warm()
}

// warm opens one connection if there are fewer than are kept without need.
func (h *h2pool) warm() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.dialing != nil || len(h.conns) >= h.p.settings.Warm || time.Now().Before(h.plain) {
		return
	}
	h.dialing = &h2dial{done: make(chan struct{})}
	go h.dial(h.dialing)
	if h.timer == nil {
		h.timer = time.AfterFunc(sweepEvery, h.sweep)
	}
}

// closeIdle closes what carries nothing.
func (h *h2pool) closeIdle() {
	var over []*h2conn
	h.mu.Lock()
	h.conns = slices.DeleteFunc(h.conns, func(c *h2conn) bool {
		idle := c.cc.InFlight() == 0
		if idle {
			over = append(over, c)
		}
		return idle
	})
	h.mu.Unlock()
	for _, c := range over {
		c.cc.Close()
	}
}

// close ends the pool; the sweep closes what still carries something.
func (h *h2pool) close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.closeIdle()
}

func (h *h2pool) count(s *Stats) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		if c.cc.Err() != nil {
			continue
		}
		s.Open++
		if c.cc.InFlight() == 0 {
			s.Idle++
		}
	}
	if h.dialing != nil {
		s.Open++
	}
}
