package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/adapters/settings"
	"lockstep/core"
)

// sweepEvery is how often idle connections are looked at.
const sweepEvery = time.Second

// Pool holds the connections to one endpoint and sends requests on them.
type Pool struct {
	set      *Set
	id       Identity
	settings settings.Upstream
	edge     string        // the text that settings came from
	idleFor  time.Duration // how long an idle connection is kept
	connect  atomic.Int64  // ns, of the latest request: a dial belongs to whoever needs it

	scheme    string
	host      string // as in the URL
	authority string // what Host says, unless the request has its own
	addr      string // host:port to dial
	secure    bool
	tls       *tlsSource // nil without TLS
	h2        *h2pool    // nil where only HTTP/1.1 is spoken

	mu       sync.Mutex
	idle     []*conn // the most recently used last
	open     int     // connections idle, in use and being dialled
	waiters  []*waiter
	closed   bool
	made     uint64 // connections so far, for the spread of lifetimes
	timer    *time.Timer
	sweeping bool
	warming  bool
}

// waiter is a request that waits for a connection. It gets one, or nil: leave to dial.
type waiter struct {
	peer string
	got  chan *conn
}

// Scheme and Host are the endpoint's, as its URL has them.
func (p *Pool) Scheme() string { return p.scheme }

// Host is the endpoint's authority.
func (p *Pool) Host() string { return p.host }

// TellsClient reports whether connections say who the client is: then
// Call.Client and Call.Local matter.
func (p *Pool) TellsClient() bool { return p.settings.ProxyProtocol != "" }

// RoundTrip sends a request and returns when the response's headers are there.
// Nothing is ever sent twice. r.Body is read by another goroutine, perhaps
// beyond the return if there is a response; if there is an error, nobody reads
// it any more. The response's body must be read to its end or closed. The body
// of a 101 is an io.ReadWriteCloser with CloseWrite. An error is an *Error.
func (p *Pool) RoundTrip(call *Call, r *http.Request) (*http.Response, error) {
	if p.h2 != nil {
		if res, err := p.h2.roundTrip(call, r); !errors.Is(err, errSpeaksHTTP1) {
			return res, err
		}
	}
	for {
		c, reused, err := p.take(call)
		if err != nil {
			return nil, err
		}
		res, fault := c.roundTrip(call, r, reused)
		if fault == nil {
			return res, nil
		}
		if reused && !fault.Sent && fault.Class == core.ResetBeforeResponse && !call.Cancelled() {
			continue // a dead connection took not one byte: this is the same first attempt
		}
		return nil, fault
	}
}

// take returns a connection that carries nothing, and whether it has before.
func (p *Pool) take(call *Call) (c *conn, reused bool, err error) {
	peer := p.peerOf(call)
	p.mu.Lock()
	for {
		c := p.popLocked(peer)
		if c == nil {
			break
		}
		p.mu.Unlock()
		if c.usable(time.Now()) == "" {
			c.requests++
			return c, c.requests > 1, nil
		}
		c.goodbye()
		p.forget()
		p.mu.Lock()
	}
	if p.settings.MaxOpen == 0 || p.open < p.settings.MaxOpen || p.closed {
		p.open++
		p.mu.Unlock()
		ctx, cancel := context.WithTimeout(call.Context, time.Duration(p.connect.Load()))
		defer cancel()
		defer call.while(cancel)()
		c, err := p.fresh(ctx, call)
		return c, false, err
	}
	return p.wait(call, peer) // unlocks
}

// wait is take for a pool that has all the connections it may have; it is
// called with the lock held. The wait and the dial that may follow have the
// connect timeout together.
func (p *Pool) wait(call *Call, peer string) (*conn, bool, error) {
	w := &waiter{peer: peer, got: make(chan *conn, 1)}
	p.waiters = append(p.waiters, w)
	p.evictLocked(peer)
	p.mu.Unlock()
	limit := time.Duration(p.connect.Load())
	ctx, cancel := context.WithTimeout(call.Context, limit)
	defer cancel()
	defer call.while(cancel)()
	select {
	case c := <-w.got:
		if c != nil {
			c.requests++
			return c, c.requests > 1, nil
		}
		c, err := p.fresh(ctx, call)
		return c, false, err
	case <-ctx.Done():
	}
	if !p.leave(w) { // it was served at the last moment
		if c := <-w.got; c != nil {
			p.put(c)
		} else {
			p.forget()
		}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, false, &Error{
			Class:  core.QueueTimeout,
			Detail: fmt.Sprintf("pool_full: all %d connections to %s were busy for %s", p.settings.MaxOpen, p.id.URL, limit),
		}
	}
	return nil, false, &Error{Class: core.ClientGone, Detail: "waiting for a connection", Err: errCancelled}
}

// leave takes w out of the queue; false if it has been served.
func (p *Pool) leave(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.waiters {
		if other == w {
			p.waiters = append(p.waiters[:i], p.waiters[i+1:]...)
			return true
		}
	}
	return false
}

// popLocked takes the idle connection that was used last, nil for none.
func (p *Pool) popLocked(peer string) *conn {
	for i := len(p.idle) - 1; i >= 0; i-- {
		if c := p.idle[i]; c.peer == peer {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			return c
		}
	}
	return nil
}

// evictLocked closes the longest idle connection of another client: with PROXY
// protocol a pool can be full of connections that this client may not use.
func (p *Pool) evictLocked(peer string) {
	if len(p.idle) == 0 || p.idle[0].peer == peer {
		return
	}
	c := p.idle[0]
	p.idle = p.idle[1:]
	go func() {
		c.goodbye()
		p.forget()
	}()
}

// put gives back a connection that can carry another request, as far as its
// owner knows.
func (p *Pool) put(c *conn) {
	now := time.Now()
	c.idleAt = now
	s := &p.settings
	worn := s.MaxRequests > 0 && c.requests >= s.MaxRequests || c.life > 0 && now.Sub(c.opened) >= c.life
	p.mu.Lock()
	if p.closed || worn {
		p.mu.Unlock()
		c.goodbye()
		p.forget()
		return
	}
	for i, w := range p.waiters {
		if w.peer == c.peer {
			p.waiters = append(p.waiters[:i], p.waiters[i+1:]...)
			w.got <- c
			p.mu.Unlock()
			return
		}
	}
	p.idle = append(p.idle, c)
	if len(p.waiters) > 0 {
		p.evictLocked(p.waiters[0].peer)
	}
	p.armLocked()
	p.mu.Unlock()
}

// forget counts a connection out that has been closed, or was never made, and
// lets the next one who waits dial.
func (p *Pool) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiters) > 0 && !p.closed {
		p.waiters[0].got <- nil // the place is handed on
		p.waiters = p.waiters[1:]
		return
	}
	p.open--
	if p.settings.Warm > 0 {
		p.armLocked()
	}
}

// fresh dials; the place in p.open is the caller's and is given back on failure.
func (p *Pool) fresh(ctx context.Context, call *Call) (*conn, error) {
	c, err := p.dial(ctx, call)
	if err != nil {
		p.forget()
		return nil, err
	}
	c.requests = 1
	return c, nil
}

// dial opens a connection, handshake included.
func (p *Pool) dial(ctx context.Context, call *Call) (*conn, error) {
	w, stream, err := p.open1(ctx, call)
	if err != nil {
		return nil, err
	}
	return p.conn(w, stream, p.peerOf(call)), nil
}

func (p *Pool) conn(w *wire, stream net.Conn, peer string) *conn {
	now := time.Now()
	return &conn{
		pool: p, wire: w, stream: stream, peer: peer, opened: now, idleAt: now,
		life: p.spread(p.settings.MaxLifetime), peeker: newPeeker(w.Conn),
	}
}

// adopt takes in a connection that was opened in the hope of HTTP/2.
func (p *Pool) adopt(w *wire, stream net.Conn) {
	p.mu.Lock()
	p.open++
	p.mu.Unlock()
	p.put(p.conn(w, stream, ""))
}

// spread shortens a lifetime by up to a tenth: connections made together do not
// end together.
func (p *Pool) spread(life time.Duration) time.Duration {
	p.mu.Lock()
	p.made++
	n := p.made * 7919 % 1000
	p.mu.Unlock()
	return life - life/10*time.Duration(n)/1000
}

// armLocked sees to it that the pool is looked at soon.
func (p *Pool) armLocked() {
	if p.sweeping || p.closed {
		return
	}
	p.sweeping = true
	if p.timer == nil {
		p.timer = time.AfterFunc(sweepEvery, p.sweep)
		return
	}
	p.timer.Reset(sweepEvery)
}

// sweep closes idle connections whose time is over or whose endpoint has closed
// them, and opens what the warm minimum lacks.
func (p *Pool) sweep() {
	now := time.Now()
	var over []*conn
	p.mu.Lock()
	p.sweeping = false
	kept := p.idle[:0]
	for _, c := range p.idle {
		why := c.usable(now)
		if why == "idle" && p.open-len(over) <= p.settings.Warm {
			why = ""
			c.idleAt = now // it is one of the warm ones
		}
		if why != "" {
			over = append(over, c)
			continue
		}
		kept = append(kept, c)
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	p.mu.Unlock()
	for _, c := range over {
		c.goodbye()
		p.forget()
	}
	p.warm()
	p.mu.Lock()
	if len(p.idle) > 0 || p.settings.Warm > 0 {
		p.armLocked()
	}
	p.mu.Unlock()
}

// warm dials until there are as many connections as are kept open without need.
// A dial that fails is tried again at the next sweep.
func (p *Pool) warm() {
	if p.h2 != nil {
		p.h2.warm()
		return
	}
	p.mu.Lock()
	if p.warming || p.closed || p.open >= p.settings.Warm || p.settings.ProxyProtocol != "" {
		p.mu.Unlock()
		return
	}
	p.warming = true
	p.mu.Unlock()
	go func() {
		for p.warmOne() {
		}
		p.mu.Lock()
		p.warming = false
		p.mu.Unlock()
	}()
}

func (p *Pool) warmOne() bool {
	p.mu.Lock()
	if p.closed || p.open >= p.settings.Warm {
		p.mu.Unlock()
		return false
	}
	p.open++
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(p.connect.Load()))
	defer cancel()
	c, err := p.dial(ctx, &Call{})
	if err != nil {
		p.forget()
		return false
	}
	p.put(c)
	return true
}

// closeIdle closes what carries no request; the pool goes on.
func (p *Pool) closeIdle() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.goodbye()
		p.forget()
	}
	if p.h2 != nil {
		p.h2.closeIdle()
	}
}

// close ends the pool: idle connections are closed now, the others when what
// they carry has ended. Requests under way, waiting ones included, go on.
func (p *Pool) close() {
	p.mu.Lock()
	p.closed = true
	for _, w := range p.waiters {
		p.open++
		w.got <- nil // over the limit, but only for as long as this pool's last requests last
	}
	p.waiters = nil
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	if p.h2 != nil {
		p.h2.close()
	}
	p.closeIdle()
}

// Stats is what a pool looks like now.
type Stats struct {
	Open    int // connections, those being dialled included
	Idle    int // of those, the ones that carry nothing
	Waiting int // requests that wait for a connection
}

// Stats counts the pool's connections.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	s := Stats{p.open, len(p.idle), len(p.waiters)}
	p.mu.Unlock()
	if p.h2 != nil {
		p.h2.count(&s)
	}
	return s
}
