package httpproxy

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/http1"
	"lockstep/adapters/upstream"
	"lockstep/core"
)

// Router is what the proxy needs of the machine behind it; *driver.Driver is one.
type Router interface {
	// Arrive decides one request: Forward, Reject or Queued.
	Arrive(driver.Arrival) driver.Admission
	// Reply reports a response whose body outlives settle (R7).
	Reply(h core.Handle, status uint16)
	// Finish ends the attempt that a Forward began.
	Finish(h core.Handle, class core.Class, status uint16, sent bool)
	// End is Finish, and Ask is Reply, for an attempt that may be followed by another (R11).
	End(h core.Handle, e driver.Ending) driver.Admission
	Ask(h core.Handle, e driver.Ending) driver.Admission
	// Await waits until a request that is queued, or to be tried again, goes on.
	Await(ctx context.Context, h core.Handle, a *driver.Arrival) (driver.Admission, error)
}

// phase is how far an exchange has come.
type phase uint8

const (
	awaiting  phase = iota // no response headers yet
	flowing                // the body flows
	tunnelled              // upgraded: bytes flow both ways
	ended                  // Finish is out
)

// exchange is the life of one attempt, from Forward to Finish. Its client's
// goroutine, those of net/http and its own timer all touch it.
type exchange struct {
	router Router
	live   *live
	adm    driver.Admission
	times  *core.TimeoutSpec // those of the configuration it was forwarded under (R12)
	begun  time.Time
	client context.Context // ends when the client goes away
	call   upstream.Call   // the request upstream
	leave  func() bool     // stops waiting for the client to go away; nil where hook does
	hook   hooks
	writer http.ResponseWriter // the client's side; nil under RoundTripper
	upload *upload             // nil without a request body
	replay *replay             // what is kept of it for another attempt; nil for nothing
	next   driver.Admission    // the Retry that follows; Kind DecisionNone for none
	look   *look               // nil when nobody observes
	way    *way
	sticky *stickiness

	wrote atomic.Int64  // ns after begun when all of the request was written, plus 1; 0 before
	cut   atomic.Uint32 // the class for which we cut it ourselves, first one wins
	moves atomic.Uint32 // grows at the begin and end of each body read: odd inside one

	hints    bool                          // informational responses are passed on; they are optional (RFC 9110, 15.2)
	hint     atomic.Uint32                 // hintNone, hintWriting or hintOver
	hintDone atomic.Pointer[chan struct{}] // closed when the one being written is

	out  http.Request // what goes upstream, of url
	url  url.URL
	body download

	mu      sync.Mutex
	phase   phase
	status  uint16
	class   core.Class // why it ended; to be read by whoever saw it end
	why     error      // what the upstream did wrong, in words; the same
	booked  bool       // Reply is out
	closer  func()
	timer   *time.Timer
	due     time.Duration // after begun, when the timer fires
	settles time.Duration // after begun, when the outcome is booked (R7)
	watch   watch
}

// start puts the exchange under its timer and where an Abort finds it.
func (x *exchange) start() {
	x.mu.Lock()
	x.due = time.Duration(min(x.times.Request, x.times.ResponseHeader, x.times.Settle))
	x.timer = time.AfterFunc(x.due, x.tick)
	x.mu.Unlock()
	if x.live.add(x) {
		x.sever(core.Draining)
	}
}

// hooks are contexts that tell of their end without an allocation: package http1's.
type hooks interface {
	OnCancel(http1.Canceller) bool
	OffCancel(http1.Canceller)
}

// follow cancels the call when the client goes away, until unfollow.
func (x *exchange) follow() {
	if h, ok := x.client.(hooks); ok && h.OnCancel(&x.call) {
		x.hook = h
		return
	}
	x.leave = context.AfterFunc(x.client, x.call.Cancel)
}

func (x *exchange) unfollow() {
	if x.hook != nil {
		x.hook.OffCancel(&x.call)
		return
	}
	x.leave()
}

// replied notes the response headers. Without a body the exchange ends here.
func (x *exchange) replied(status int, p phase) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.phase == ended {
		return
	}
	x.look.replied()
	x.status, x.phase, x.settles = uint16(status), p, time.Since(x.begun)+time.Duration(x.times.Settle)
	if x.settles < x.due { // else the timer comes soon enough to move itself
		x.due = x.settles
		x.timer.Reset(time.Duration(x.times.Settle))
	}
}

// finish ends the attempt, once; later calls change nothing. It says whether
// this call was the one.
func (x *exchange) finish(class core.Class) bool {
	x.mu.Lock()
	if x.phase == ended {
		x.mu.Unlock()
		return false
	}
	x.phase, x.class = ended, class
	x.timer.Stop()
	x.mu.Unlock()
	x.live.remove(x)
	x.report(class)
	x.look.ended(class, x.status, x.call.Sent(), &x.next)
	x.unfollow()
	x.call.Cancel()
	return true
}

// endedAs is the class of a request whose last exchange this is; nil for one
// that had none.
func (x *exchange) endedAs(adm *driver.Admission) core.Class {
	if x == nil {
		return adm.Class
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.class
}

// sever cuts the exchange for a reason of ours: the request upstream is
// cancelled, and whoever waits for the client is freed. The one who runs the
// exchange finds the class and finishes it.
func (x *exchange) sever(class core.Class) {
	if !x.cut.CompareAndSwap(0, uint32(class)) {
		return
	}
	x.mu.Lock()
	phase, closer := x.phase, x.closer
	x.mu.Unlock()
	if phase != tunnelled || closer == nil { // else closer ends it, perhaps with a last word
		x.call.Cancel()
	}
	switch {
	case phase == awaiting:
		x.upload.interrupt()
		if x.hinting() {
			x.stopWriting()
		}
	case phase == tunnelled && closer != nil:
		closer()
	case phase == flowing && x.writer != nil:
		x.stopWriting()
	}
}

// stopWriting ends a write to the client that may be under way.
func (x *exchange) stopWriting() {
	// An error here means a writer without deadlines: then only the upstream is cut.
	_ = http.NewResponseController(x.writer).SetWriteDeadline(time.Unix(1, 0))
}

// Interrupt implements upstream.Watcher: the upstream's connection has ended,
// and nobody wants the rest of the client's body.
func (x *exchange) Interrupt() {
	if x.client.Err() == nil {
		x.upload.interrupt()
		return
	}
	x.upload.release()
}

// onSever sets what sever closes; if it came too late it closes at once.
func (x *exchange) onSever(f func()) {
	x.mu.Lock()
	x.closer = f
	x.mu.Unlock()
	if x.cut.Load() != 0 {
		f()
	}
}

// fault says why there is no upstream answer, or no more of it, on our own or
// the client's account; ok is false when it is the upstream's.
func (x *exchange) fault() (class core.Class, ok bool) {
	if c := core.Class(x.cut.Load()); c != core.ClassNone {
		return c, true
	}
	if x.upload != nil {
		if c := core.Class(x.upload.fault.Load()); c != core.ClassNone {
			return c, true
		}
		if x.upload.cut.Load() {
			return core.ClassNone, false // we ended the client's read, which ends its context too
		}
	}
	if x.client.Err() != nil {
		return core.ClientGone, true
	}
	return core.ClassNone, false
}

// Wrote implements upstream.Watcher.
func (x *exchange) Wrote() { x.wrote.Store(int64(time.Since(x.begun)) + 1) }

// States of the client's side before the answer.
const (
	hintNone    uint32 = iota // free
	hintWriting               // an informational response is being written
	hintOver                  // it belongs to the answer
)

// Informed implements upstream.Watcher: it passes an informational response
// (103 Early Hints) to the client. The client may not take it, so no lock is
// held meanwhile.
func (x *exchange) Informed(code int, header http.Header) {
	if !x.hints {
		return
	}
	done := make(chan struct{})
	defer close(done)
	x.hintDone.Store(&done)
	if !x.hint.CompareAndSwap(hintNone, hintWriting) {
		return
	}
	h := x.writer.Header()
	for k, v := range header {
		if !hopByHop(k) {
			h[k] = v
		}
	}
	x.writer.WriteHeader(code)
	for k := range header {
		delete(h, k)
	}
	x.hint.Store(hintNone)
}

// hinting reports whether the client is being written to before the answer.
func (x *exchange) hinting() bool { return x.hint.Load() == hintWriting }

// endHints returns when the answer has the client's side to itself.
func (x *exchange) endHints() {
	for !x.hint.CompareAndSwap(hintNone, hintOver) {
		<-*x.hintDone.Load()
	}
}
