package httpproxy

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"lockstep/adapters/driver"
	"lockstep/core"
)

// Requests that come again (R5's queue, R11): the attempts of one request, the
// waits before them, and what is kept of its body.

// answer carries out an admission and what follows from it. The exchange is nil
// if no attempt was the last word; w is where informational responses go, nil
// for nowhere. Nothing is written to the client before an attempt is final. adm
// is left as the last decision.
func (t *RoundTripper) answer(r *http.Request, w http.ResponseWriter, id requestID, adm *driver.Admission, a *driver.Arrival, begun time.Time) (*http.Response, *exchange) {
	var kept *replay
	attempts := 0
	for {
		if adm.Kind == core.Queued || adm.Kind == core.Retry {
			begun := time.Now()
			again := *a // only who waits pays for its place on the heap
			next, err := t.router.Await(r.Context(), adm.Handle, &again)
			if err != nil {
				waited := next.InQueue
				next = *adm
				next.Kind, next.Class, next.Status, next.InQueue = core.Reject, core.ClientGone, 0, waited
			}
			id.seen.waited(adm, &next, begun)
			*adm = next
		}
		if adm.Kind != core.Forward {
			if r.Body != nil && w == nil {
				r.Body.Close() // a server closes its own
			}
			return kept.counted(ownAnswer(r, adm, id.text, adm.Class, adm.Status), attempts), nil
		}
		if adm.Again && kept == nil {
			kept = newReplay(r, adm.Config, &id)
		}
		attempts++
		res, x := t.attempt(r, w, id, adm, begun, kept)
		if x.next.Kind != core.Retry {
			kept.final(w == nil)
			return kept.counted(res, attempts), x
		}
		*adm = x.next
	}
}

// counted says how many attempts were made for an answer, where there may be several.
func (p *replay) counted(res *http.Response, attempts int) *http.Response {
	if p != nil && p.counts {
		res.Header[headerAttempts] = []string{strconv.Itoa(attempts)}
	}
	return res
}

// takeReplay gives the exchange its turn with the body, and the time that the
// request has left.
func (x *exchange) takeReplay() {
	if x.upload != nil {
		x.upload.body = x.replay.reader()
	}
	if spent := time.Since(x.begun); spent > 0 {
		times := *x.times
		times.Request = max(core.Millisecond, times.Request-core.Duration(spent))
		x.times, x.begun = &times, x.begun.Add(spent)
	}
}

// ending is what the router is told of an attempt that may be followed by another.
func (x *exchange) ending(class core.Class, status uint16) driver.Ending {
	return driver.Ending{Class: class, Status: status, Sent: x.call.Sent(), Replayable: x.replayable()}
}

// replayable says whether the whole request can be sent again.
func (x *exchange) replayable() bool {
	if x.client.Err() != nil {
		return false
	}
	u := x.upload
	return u == nil || u.fault.Load() == 0 && x.replay.whole(!u.cut.Load())
}

// report tells the router how the attempt ended, and learns whether another follows.
func (x *exchange) report(class core.Class) {
	if !x.adm.Again || x.status != 0 {
		x.router.Finish(x.adm.Handle, class, x.status, x.call.Sent())
		return
	}
	x.next = x.router.End(x.adm.Handle, x.ending(class, 0))
}

// ask tells the router of a response that failed, before any of it goes to the
// client. It reports whether another attempt follows; this one is over then.
func (x *exchange) ask(res *http.Response) bool {
	x.mu.Lock()
	if x.phase == ended || x.booked || x.cut.Load() != 0 {
		x.mu.Unlock()
		return false
	}
	x.booked = true // the timer sends no Reply of its own
	x.mu.Unlock()
	e := x.ending(core.ClassNone, uint16(res.StatusCode))
	e.RetryAfter = retryAfter(res.Header)
	x.next = x.router.Ask(x.adm.Handle, e)
	if x.next.Kind != core.Retry {
		return false
	}
	x.mu.Lock()
	x.phase, x.class = ended, core.Upstream5xx
	x.timer.Stop()
	x.mu.Unlock()
	x.live.remove(x)
	x.look.replied()
	x.look.ended(core.Upstream5xx, uint16(res.StatusCode), true, &x.next)
	x.unfollow()
	if x.upload != nil {
		x.upload.ended.Store(true) // the next attempt reads it
	}
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10) // a short answer leaves its connection fit for use
	x.call.Cancel()
	res.Body.Close()
	return true
}

// retryAfter reads Retry-After (RFC 9110, 10.2.3), 0 for none. A date counts from now.
func retryAfter(h http.Header) core.Duration {
	const longest = core.MaxDuration
	text := h.Get("Retry-After")
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return core.Second * core.Duration(min(max(0, n), int64(longest/core.Second)))
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(0, core.Duration(time.Until(at))), longest)
	}
	return 0
}

// replay is a request body that may have to be sent more than once: it keeps
// what was read of it, up to a limit. Whoever read it for an earlier attempt
// gets no more of it.
type replay struct {
	mu     sync.Mutex // held while it is read
	body   io.ReadCloser
	kept   []byte
	most   int64
	length int64 // announced, -1 for none
	read   int64
	counts bool // the request has retries
	lost   bool // more was read than is kept
	ended  bool // by its own end
	turn   *replayReader
	closed bool // the present reader is
	last   bool // no other attempt follows
	closes bool // and then the body is ours to close
}

// newReplay prepares for the attempts of a request; its body may be empty.
func newReplay(r *http.Request, c *core.Config, id *requestID) *replay {
	p := &replay{body: r.Body, length: bodyLength(r), ended: r.Body == nil || r.Body == http.NoBody}
	if route, ok := id.way.home(c, id.bits); ok && route.Placement >= 0 {
		s := c.Retries(int(route.Placement))
		p.most, p.counts = s.BodyMax, s.Max > 0
	}
	return p
}

// reader begins to read the body from its start, for the next attempt.
func (p *replay) reader() io.ReadCloser {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn, p.closed = &replayReader{from: p, broken: p.lost}, false
	return p.turn
}

// whole reports whether the body can be sent once more: nothing of it is lost,
// nobody is reading it, and what was not read can be (more) or is not there.
func (p *replay) whole(more bool) bool {
	if p == nil || !p.mu.TryLock() {
		return false
	}
	defer p.mu.Unlock()
	return !p.lost && (p.ended || more)
}

// final says that no other attempt follows. closes: the body is ours to close.
func (p *replay) final(closes bool) {
	if p == nil || p.body == nil {
		return
	}
	p.mu.Lock()
	p.last, p.closes = true, closes
	closed := p.closed || p.turn == nil
	p.mu.Unlock()
	if closes && closed {
		p.body.Close()
	}
}

// replayReader is one attempt's view of a replay.
type replayReader struct {
	from   *replay
	at     int
	broken bool // what it is to begin with is lost
}

// Read implements io.Reader.
func (b *replayReader) Read(p []byte) (int, error) {
	r := b.from
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.turn != b || b.broken {
		return 0, errUpload
	}
	if b.at < len(r.kept) {
		n := copy(p, r.kept[b.at:])
		b.at += n
		return n, nil
	}
	if r.ended {
		return 0, io.EOF
	}
	n, err := r.body.Read(p)
	switch {
	case r.lost || r.last:
	case int64(len(r.kept)+n) > r.most:
		r.lost, r.kept = true, nil
	default:
		r.kept = append(r.kept, p[:n]...)
		b.at += n
	}
	r.read += int64(n)
	r.ended = r.ended || err == io.EOF || r.length >= 0 && r.read >= r.length
	return n, err
}

// Close implements io.Closer.
func (b *replayReader) Close() error {
	r := b.from
	if !r.mu.TryLock() {
		return r.body.Close() // whoever reads it is to stop
	}
	mine := r.turn == b
	r.closed = r.closed || mine
	closes := r.last && r.closes && mine
	r.mu.Unlock()
	if closes {
		return r.body.Close()
	}
	return nil
}
