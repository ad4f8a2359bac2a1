package http1

import (
	"sync"
	"time"
)

// Bounds of fairness between connections.
const (
	maxRun   = 16                    // requests in a row without once having to wait
	turnWait = 20 * time.Microsecond // without another arrival, and the gate opens
	turnMax  = time.Millisecond      // it opens at the latest
)

// turns is a gate at which connections wait that never have to: those whose next
// request is always here already. The scheduler asks the network for others'
// only when nothing else can run, or every 10 ms. So one client that pipelines
// would hold up all that share its processor by 10 ms a request, and
// runtime.Gosched, or a sleep of each by itself, would not help: another like it
// runs meanwhile. When all of them stand at the gate, nothing can run, and the
// network is asked.
type turns struct {
	mu    sync.Mutex
	open  chan struct{} // nil while nobody waits
	since time.Time     // the first one does
	timer *time.Timer
}

// wait returns when the gate opens.
func (t *turns) wait() {
	t.mu.Lock()
	switch {
	case t.open == nil:
		t.open, t.since = make(chan struct{}), time.Now()
		if t.timer == nil {
			t.timer = time.AfterFunc(turnWait, t.pass)
		} else {
			t.timer.Reset(turnWait)
		}
	case time.Since(t.since) < turnMax:
		t.timer.Reset(turnWait)
	}
	open := t.open
	t.mu.Unlock()
	<-open
}

// pass opens the gate.
func (t *turns) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open != nil {
		close(t.open)
		t.open = nil
	}
}

// yield lets others have their turn after maxRun requests without a wait.
func (c *conn) yield() {
	if c.in.waited {
		c.in.waited, c.run = false, 0
		return
	}
	if c.run++; c.run >= maxRun {
		c.run = 0
		c.server.turns.wait()
	}
}
