package httpproxy

import (
	"time"

	"lockstep/core"
)

// One timer watches an exchange all its life. It waits for the response
// headers first, then for settle, then looks at the body now and then, so that
// a read costs two atomic additions and no timer. It is armed for settle at the
// latest from the beginning: a short request arms it once and stops it. A body that stands still is
// cut after at least BodyIdle and at most a quarter more.

// idleLooks is how many looks in a row must find the body where it was.
const idleLooks = 4

// watch is what the looks at a body remember.
type watch struct {
	moves uint32 // exchange.moves at the last look
	still int    // looks since it changed
}

// tick is the timer's callback.
func (x *exchange) tick() {
	x.mu.Lock()
	class, next := core.ClassNone, time.Duration(0)
	since := time.Since(x.begun)
	switch x.phase {
	case awaiting:
		class, next = x.awaited(since)
	case flowing, tunnelled:
		class, next = x.watchBody(since)
	}
	if next > 0 {
		x.due = since + next
		x.timer.Reset(next)
	}
	x.mu.Unlock()
	if class != core.ClassNone {
		x.sever(class)
	}
}

// awaited looks at an exchange without response headers: it is cut, or looked
// at again after next. Request counts from the beginning, ResponseHeader from
// when the request was written.
func (x *exchange) awaited(since time.Duration) (class core.Class, next time.Duration) {
	left := time.Duration(x.times.Request) - since
	header := time.Duration(x.times.ResponseHeader)
	if at := x.wrote.Load(); at > 0 {
		header -= since - time.Duration(at-1)
	}
	switch {
	case left <= 0 && x.upload.stalled():
		return core.RequestTimeout, 0 // it does not send its body: not the upstream's fault
	case (left <= 0 || header <= 0) && x.hinting():
		return core.ClientGone, 0 // it does not take what we have
	case left <= 0 || header <= 0:
		return core.ResponseTimeout, 0
	}
	return core.ClassNone, min(left, header)
}

// watchBody books the outcome at settle (R7) and then watches for a standstill.
// A standstill outside a read is the client's: it does not take what we have.
func (x *exchange) watchBody(since time.Duration) (class core.Class, next time.Duration) {
	if since < x.settles {
		return core.ClassNone, x.settles - since
	}
	if !x.booked {
		x.booked = true
		x.router.Reply(x.adm.Handle, x.status)
	}
	if x.phase == tunnelled {
		return core.ClassNone, 0 // an upgraded connection may be silent for as long as it likes
	}
	next = max(time.Duration(x.times.BodyIdle)/idleLooks, time.Millisecond)
	moves := x.moves.Load()
	if moves != x.watch.moves || x.watch.still == 0 {
		x.watch = watch{moves: moves, still: 1}
		return core.ClassNone, next
	}
	if x.watch.still++; x.watch.still <= idleLooks {
		return core.ClassNone, next
	}
	if moves%2 == 1 {
		return core.BodyTimeout, 0
	}
	return core.ClientGone, 0
}
