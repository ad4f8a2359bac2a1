package http1

import (
	"context"
	"sync"
)

// requestContext is the context of one request. It is context.WithCancel's for
// a parent that never ends, without what most requests never need: a channel
// comes with the first Done. It lies in the exchange.
type requestContext struct {
	context.Context // the connection's: it has the values, and no end

	mu    sync.Mutex
	err   error
	done  chan struct{}    // nil until somebody asks
	hook  Canceller        // OnCancel's, nil for none
	after map[*func()]bool // AfterFunc's, nil for none
}

// Canceller is told of the end of a request's context.
type Canceller interface{ Cancel() }

// OnCancel is context.AfterFunc for a caller that runs once for nearly every
// request: it allocates nothing, and there can be one at a time; false means
// that there is one already. c.Cancel is called in a goroutine of its own.
func (r *requestContext) OnCancel(c Canceller) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.err != nil:
		go c.Cancel()
	case r.hook != nil:
		return false
	default:
		r.hook = c
	}
	return true
}

// OffCancel takes back OnCancel.
func (r *requestContext) OffCancel(c Canceller) {
	r.mu.Lock()
	if r.hook == c {
		r.hook = nil
	}
	r.mu.Unlock()
}

// Done implements context.Context.
func (r *requestContext) Done() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done == nil {
		r.done = make(chan struct{})
		if r.err != nil {
			close(r.done)
		}
	}
	return r.done
}

// Err implements context.Context.
func (r *requestContext) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// AfterFunc is what package context asks of a context of another make, so that
// its children cost no goroutine.
func (r *requestContext) AfterFunc(f func()) (stop func() bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		go f()
		return func() bool { return false }
	}
	if r.after == nil {
		r.after = map[*func()]bool{}
	}
	r.after[&f] = true
	return func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		waits := r.after[&f]
		delete(r.after, &f)
		return waits
	}
}

// end ends the context; only the first call counts.
func (r *requestContext) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	r.err = context.Canceled
	if r.done != nil {
		close(r.done)
	}
	if r.hook != nil {
		go r.hook.Cancel()
		r.hook = nil
	}
	for f := range r.after {
		go (*f)()
	}
	r.after = nil
}

// ending is a context that can be ended.
type ending interface{ end() }

type cancelFunc context.CancelFunc

func (f cancelFunc) end() { f() }

// begin returns the context of a request, and how it ends.
func (c *conn) begin(x *exchange) (context.Context, ending) {
	if c.ctx.Done() != nil { // a BaseContext that ends
		ctx, cancel := context.WithCancel(c.ctx)
		return ctx, cancelFunc(cancel)
	}
	x.ctx.Context = c.ctx
	return &x.ctx, &x.ctx
}
