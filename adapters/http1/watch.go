package http1

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// watchAfter is how long a handler runs before somebody looks whether its
// client is still there. Most requests are over by then, and cost nothing.
const watchAfter = 50 * time.Millisecond

// never is a time that does not come.
const never = math.MaxInt64

// longAgo is a deadline that ends whatever waits.
var longAgo = time.Unix(1, 0)

// limits are the times by which a connection's phases must be over, as ns since
// the server began, 0 for none. Who swaps one for 0 owns what comes of it: the
// phase's end, or its being too late.
type limits struct {
	idle    atomic.Int64 // the next request's first byte
	request atomic.Int64 // the whole head
	body    atomic.Int64 // the read of a body under way
	write   atomic.Int64 // the write under way
	look    atomic.Int64 // when to begin to watch for the client's leaving
}

// watch is a connection's one timer. It is armed for the earliest limit that it
// has seen, and not disarmed: setting a later limit, or clearing one, costs no
// more than a store. So a busy connection's timer fires every 50 ms, an idle
// one's once.
type watch struct {
	limits limits
	armed  atomic.Int64 // when the timer fires, never if it does not

	mu    sync.Mutex // serialises the timer's doings
	timer *time.Timer
	over  bool
}

// set makes limit l be at; clearLimit ends it.
func (c *conn) set(l *atomic.Int64, at int64) {
	l.Store(at)
	if c.watch.armed.Load() > at {
		c.arm(at)
	}
}

// clearLimit takes limit l away. late reports that its time has come first.
func clearLimit(l *atomic.Int64) (late bool) { return l.Swap(0) == 0 }

func (c *conn) arm(at int64) {
	w := &c.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || w.armed.Load() <= at {
		return
	}
	w.armed.Store(at)
	wait := time.Duration(at - c.server.now())
	if w.timer == nil {
		w.timer = time.AfterFunc(wait, c.fire)
		return
	}
	w.timer.Reset(wait)
}

// fire is the timer's callback: it acts on limits whose time has come and arms
// the timer for the next.
func (c *conn) fire() {
	w := &c.watch
	w.mu.Lock()
	if w.over {
		w.mu.Unlock()
		return
	}
	// Before any limit is read: a limit that is set from here on arms the timer itself.
	w.armed.Store(never)
	now, next := c.server.now(), int64(never)
	due := func(l *atomic.Int64) bool {
		at := l.Load()
		switch {
		case at == 0:
		case at <= now:
			return l.CompareAndSwap(at, 0)
		default:
			next = min(next, at)
		}
		return false
	}
	if due(&w.limits.idle) || due(&w.limits.request) || due(&w.limits.body) {
		c.interruptRead()
	}
	if due(&w.limits.write) {
		_ = c.rwc.SetWriteDeadline(longAgo) // a connection that cannot is closing
	}
	look := due(&w.limits.look)
	if look {
		c.away.begin()
	}
	if next < never {
		w.armed.Store(next)
		w.timer.Reset(time.Duration(next - now))
	}
	w.mu.Unlock()
	if look {
		c.away.watch(c)
	}
}

// stop ends the timer for good.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// interruptRead ends a read under way, and every later one until resumeRead.
func (c *conn) interruptRead() { _ = c.rwc.SetReadDeadline(longAgo) }

func (c *conn) resumeRead() { _ = c.rwc.SetReadDeadline(time.Time{}) }

// away watches for a client that goes away while a handler runs: it reads one
// byte, which a client that only waits does not send.
type away struct {
	mu      sync.Mutex
	done    chan struct{} // of the watch under way, nil for none
	got     bool
	early   byte // what came instead of the end: the next request's first byte
	gone    bool
	one     [1]byte
	stopped bool // by end: an error is ours
}

func (a *away) begin() {
	a.mu.Lock()
	a.done, a.stopped = make(chan struct{}), false
	a.mu.Unlock()
}

// watch reads until a byte, the end, or end.
func (a *away) watch(c *conn) {
	n, err := c.rwc.Read(a.one[:])
	a.mu.Lock()
	if n > 0 {
		a.got, a.early = true, a.one[0]
	}
	gone := err != nil && n == 0 && !a.stopped
	a.gone = a.gone || gone
	done := a.done
	a.done = nil
	a.mu.Unlock()
	if gone {
		c.cancelRequest()
	}
	close(done)
}

// endWatch ends the watch over the client, if one is on, and hands over the
// byte that it may have read.
func (c *conn) endWatch() {
	if !clearLimit(&c.watch.limits.look) {
		return
	}
	// The timer has begun a watch, or is about to under its lock, or there was none to begin.
	c.watch.mu.Lock()
	c.away.mu.Lock()
	done := c.away.done
	c.away.stopped = true
	c.away.mu.Unlock()
	c.watch.mu.Unlock()
	if done != nil {
		c.interruptRead()
		<-done
		c.resumeRead()
	}
	if c.away.got {
		c.away.got = false
		c.in.prepend(c.away.early)
	}
}
