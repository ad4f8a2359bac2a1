package httpproxy

import (
	"net/http"
	"sync/atomic"
	"time"

	"lockstep/adapters/driver"
	"lockstep/core"
)

// Observer is told of every request and of every attempt of it, for metrics
// and spans. Calls that concern one request never overlap, but they may come
// from different goroutines. They are on the way of the request: an observer
// must not block. It changes nothing but what the comments below let it.
type Observer interface {
	// RequestBegun comes before the request is decided.
	RequestBegun(*Request)
	// AttemptBegun comes before the request goes upstream. It may add to
	// Attempt.Header, which is what goes.
	AttemptBegun(*Request, *Attempt)
	// AttemptEnded comes once for every AttemptBegun.
	AttemptEnded(*Request, *Attempt)
	// Waited comes after each wait: for a place in a queue (R5), for a retry's
	// back-off (R11), or for both in turn.
	Waited(*Request, *Wait)
	// RequestEnded comes last: the answer is out, or nobody takes it any more.
	// Under RoundTripper it comes with the answer's headers, and the end of the
	// last attempt after it.
	RequestEnded(*Request)
}

// Request is one request as observers see it.
type Request struct {
	HTTP  *http.Request // as it came; must not be changed
	ID    string        // X-Request-Id, given or made
	Begun time.Time
	// Route and KeySource name the configured route and where on it the routing key
	// came from, "" for none: names of a closed set, never what a client sent.
	Route, KeySource string
	// TraceID is the W3C trace id, zero for none; the observer that knows it sets it.
	TraceID [16]byte
	// Sampled says that spans of this trace are kept; set with TraceID.
	Sampled bool
	// Span belongs to the observer that sets it.
	Span any

	// Set from the first decision on: where the request went last, or why not.
	Admission driver.Admission
	// Attempts is how many attempts have begun.
	Attempts int
	// Failed are the attempts that a retry followed, in order: at most core.MaxRetries.
	Failed []Failed
	// Queued is how long the request waited for a place, over all its attempts, and
	// BackOff how long for its retries.
	Queued, BackOff time.Duration

	// Set at the end.
	Status   int           // answered; 499 for a client that left before
	Class    core.Class    // ClassNone for a whole answer of the upstream below 500
	Upstream time.Duration // waited for the upstream's headers, over all attempts, failed ones too
	Took     time.Duration // from Begun to the end

	received atomic.Int64
	sent     atomic.Int64
}

// Received returns how many bytes of the request's body have been read.
func (q *Request) Received() int64 { return q.received.Load() }

// Sent returns how many bytes of the upstream's body have gone to the client,
// an upgraded connection's included.
func (q *Request) Sent() int64 { return q.sent.Load() }

// Attempt is one attempt of a request, as observers see it.
type Attempt struct {
	Admission driver.Admission // its own decision
	Begun     time.Time
	Header    http.Header   // what goes upstream
	Span      any           // belongs to the observer that sets it
	Headers   time.Duration // from Begun to the response's headers; 0 for none

	// Set at the end.
	Took   time.Duration
	Status int        // of the upstream, 0 for none
	Class  core.Class // ClassNone for a whole answer below 500
	Sent   bool       // some of the request may have reached the upstream
	// Retry is RetryGranted if a retry follows, else why none does; RetryOff also for
	// an attempt that did not fail.
	Retry core.RetryWhy
}

// Failed is what is kept of an attempt that a retry followed.
type Failed struct {
	URL    string // the endpoint's, as configured
	Class  core.Class
	Status int // of the upstream, 0 for none
	Took   time.Duration
}

// Wait is one wait of a request, as observers see it.
type Wait struct {
	Admission driver.Admission // what made it wait: Kind is Queued or Retry
	Begun     time.Time
	Took      time.Duration
	Queued    time.Duration // of Took, at its end, in a queue; the rest was back-off
	// Next is what ended it: Kind is Forward or Reject. A client that left is a
	// Reject of class ClientGone.
	Next driver.Admission
}

// Observers joins observers into one; nil ones are left out. It returns nil
// when none is left.
func Observers(all ...Observer) Observer {
	var some several
	for _, o := range all {
		if o != nil {
			some = append(some, o)
		}
	}
	switch len(some) {
	case 0:
		return nil
	case 1:
		return some[0]
	}
	return some
}

type several []Observer

// RequestBegun implements Observer.
func (s several) RequestBegun(q *Request) {
	for _, o := range s {
		o.RequestBegun(q)
	}
}

// AttemptBegun implements Observer.
func (s several) AttemptBegun(q *Request, a *Attempt) {
	for _, o := range s {
		o.AttemptBegun(q, a)
	}
}

// AttemptEnded implements Observer, in the opposite order: what the last one
// has set is still there for the first.
func (s several) AttemptEnded(q *Request, a *Attempt) {
	for i := len(s) - 1; i >= 0; i-- {
		s[i].AttemptEnded(q, a)
	}
}

// Waited implements Observer.
func (s several) Waited(q *Request, w *Wait) {
	for _, o := range s {
		o.Waited(q, w)
	}
}

// RequestEnded implements Observer, in the opposite order.
func (s several) RequestEnded(q *Request) {
	for i := len(s) - 1; i >= 0; i-- {
		s[i].RequestEnded(q)
	}
}

// sight is a request under observation. A nil one is a request that nobody
// observes; all its methods then do nothing, and it costs nothing.
type sight struct {
	Request
	observer Observer // nil when only the log wants to know
}

// withStatus is the class of an end whose upstream answered status (R16).
func withStatus(class core.Class, status int) core.Class {
	if class == core.ClassNone && status >= http.StatusInternalServerError {
		return core.Upstream5xx
	}
	return class
}

// sight begins the observation of a request.
func (t *RoundTripper) sight(r *http.Request, id string, begun time.Time) *sight {
	if t.observer == nil && !t.detail {
		return nil
	}
	s := &sight{observer: t.observer}
	s.HTTP, s.ID, s.Begun = r, id, begun
	if s.observer != nil {
		s.observer.RequestBegun(&s.Request)
	}
	return s
}

// routed notes which route the request took and where its key came from.
func (s *sight) routed(w *way) {
	if s != nil {
		s.Route, s.KeySource = w.RouteName(), w.SourceName()
	}
}

// ended ends the observation.
func (s *sight) ended(adm *driver.Admission, status int, class core.Class, now time.Time) {
	if s == nil {
		return
	}
	s.Admission, s.Status, s.Class, s.Took = *adm, status, withStatus(class, status), now.Sub(s.Begun)
	if s.observer != nil {
		s.observer.RequestEnded(&s.Request)
	}
}

// look is an attempt under observation; nil like its sight.
type look struct {
	Attempt
	of *sight
}

// attempt begins the observation of an attempt, whose header goes upstream.
func (s *sight) attempt(adm *driver.Admission, header http.Header) *look {
	if s == nil {
		return nil
	}
	s.Admission = *adm
	s.Attempts++
	l := &look{of: s}
	l.Admission, l.Begun, l.Header = *adm, time.Now(), header
	if s.observer != nil {
		s.observer.AttemptBegun(&s.Request, &l.Attempt)
	}
	return l
}

// waited notes a wait that began with adm and ended with next.
func (s *sight) waited(adm, next *driver.Admission, begun time.Time) {
	if s == nil {
		return
	}
	w := Wait{Admission: *adm, Begun: begun, Took: time.Since(begun), Next: *next}
	if w.Queued = w.Took; adm.Kind == core.Retry {
		w.Queued = min(w.Took, time.Duration(next.InQueue))
	}
	s.Queued += w.Queued
	s.BackOff += w.Took - w.Queued
	s.Admission = *next
	if s.observer != nil {
		s.observer.Waited(&s.Request, &w)
	}
}

// replied notes the response's headers.
func (l *look) replied() {
	if l != nil {
		l.Headers = time.Since(l.Begun)
	}
}

// ended ends the observation of an attempt; next is what the router said to its end.
func (l *look) ended(class core.Class, status uint16, sent bool, next *driver.Admission) {
	if l == nil {
		return
	}
	l.Took, l.Class, l.Status, l.Sent = time.Since(l.Begun), withStatus(class, int(status)), int(status), sent
	if l.Headers == 0 && status == 0 {
		l.of.Upstream += l.Took // it waited in vain
	} else {
		l.of.Upstream += l.Headers
	}
	l.Retry = next.Why
	switch {
	case next.Kind == core.Retry:
		l.Retry = core.RetryGranted
		l.of.Failed = append(l.of.Failed, Failed{l.Admission.URL, l.Class, l.Status, l.Took})
	case next.Why == core.RetryGranted: // the router was not asked
		l.Retry = core.RetryOff
	}
	if l.of.observer != nil {
		l.of.observer.AttemptEnded(&l.of.Request, &l.Attempt)
	}
}

// gave counts bytes of body on their way to the client.
func (l *look) gave(n int) {
	if l != nil {
		l.of.sent.Add(int64(n))
	}
}

// took counts bytes of body that came from the client.
func (s *sight) took(n int) {
	if s != nil {
		s.received.Add(int64(n))
	}
}
