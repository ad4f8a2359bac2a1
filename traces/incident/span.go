package incident

import "lockstep/core"

// Kind says what a span is about.
type Kind uint8

// Kinds of spans, in the order in which a reader is told of two at one time.
const (
	Missing     Kind = iota // steps that are in no file
	Adopted                 // a configuration came into force
	Nacked                  // a push was refused
	ControlLost             // the control plane was away
	Draining                // the router was told to leave
	Failing                 // attempts at an endpoint failed
	BreakerOpen             // an endpoint's breaker was open
	Capped                  // a breaker should have opened, and too many were
	Unhealthy               // an endpoint failed its active probes
	Panic                   // too few endpoints of a placement were usable
	Guests                  // requests went to a fallback
	Full                    // a placement had no slot left
	Refusing                // requests were refused
	Leaving                 // clients left before they had their answers
	LimitMoved              // an adaptive limit changed
	Retiring                // endpoints left the configuration
	Bug                     // a broken invariant of the router
	kinds
)

// String returns the kind's name.
func (k Kind) String() string {
	return [...]string{
		"missing", "adopted", "nacked", "control_lost", "draining", "failing", "breaker_open", "trip_capped", "unhealthy",
		"panic", "guests", "full", "refusing", "clients_leaving", "limit_moved", "retiring", "bug",
	}[min(k, kinds-1)]
}

// state reports whether a span of the kind begins and ends, rather than being
// several events near each other.
func (k Kind) state() bool {
	switch k {
	case ControlLost, Draining, BreakerOpen, Unhealthy, Panic:
		return true
	}
	return false
}

// Span is something that mattered at one router, from its first sight to its
// last. Times are of that router's clock.
type Span struct {
	Kind    Kind
	Router  int    // index of the source
	Subject string // placement, placement/endpoint, or the home that guests left
	Detail  string // class, reason, or where guests went
	First   int64  // wall ns, or ns since the origin
	Last    int64  // of a state that ended: its end
	Step    uint64 // of the first
	Request uint64 // step to explain: where the request of the first arrived; 0 for none
	Count   uint64 // events in it; of a breaker, how often it was seen to open
	Before  bool   // it was so when the recording, or what follows a gap, begins
	Open    bool   // a state that has not ended where the recordings do
	Cut     bool   // a state that has not ended where this recording does, while others go on

	Key           string // routing key of the first
	Peak          int    // of Full: requests in flight, guests among them
	PeakGuests    int
	Limit         int // of Full and Refusing: the limit in force at the first
	Streak        int // of BreakerOpen: failures in a row that opened it, 0 when it was another trip
	StreakClass   core.Class
	Epoch         core.Epoch
	Origin        core.Origin
	Config        *core.Config // Adopted: what came
	Previous      *core.Config // Adopted: what went; nil when there was none, or it is not known
	HasPrevious   bool         // Adopted: there was one
	FromStep      uint64       // Missing: its steps
	UpToStep      uint64
	ReportedCause string // Missing, Nacked: why
}

// spanKey is what spans are kept by while a recording is read. Numbers are the router's.
type spanKey struct {
	kind   Kind
	number int32
	other  int32
	detail uint8
}

// quiet is how long nothing of a kind must happen for what comes then to be
// told as something new, and how far apart two signs of one incident may be.
const quiet = 30 * int64(core.Second)

// mostSpans bounds the spans kept of one router.
const mostSpans = 1 << 14

// spans keeps what mattered at one router.
type spans struct {
	router   int
	from, to int64 // of what is kept, 0 open
	list     []*Span
	current  map[spanKey]*Span
	dropped  uint64 // events that found no room
}

// book adds an event at a time to the span of its key, or begins one, which
// the caller fills in.
func (s *spans) book(k spanKey, t int64, step uint64) (span *Span, begun bool) {
	if span = s.current[k]; span != nil && (span.Open || t-span.Last <= quiet) {
		span.Last = max(span.Last, t)
		span.Count++
		return span, false
	}
	span = s.begin(k.kind, t, step)
	s.current[k] = span
	return span, true
}

func (s *spans) begin(k Kind, t int64, step uint64) *Span {
	span := &Span{Kind: k, Router: s.router, First: t, Last: t, Step: step, Count: 1, Open: k.state()}
	switch {
	case s.to != 0 && t > s.to:
		// read beyond the window only to see how what is in flight ends
	case len(s.list) >= mostSpans && !s.prune():
		s.dropped++
	default:
		s.list = append(s.list, span)
	}
	return span
}

// prune forgets what ended before the window, and reports whether that made room.
func (s *spans) prune() bool {
	if s.from == 0 {
		return false
	}
	kept := s.list[:0]
	for _, p := range s.list {
		if p.Open || p.Last >= s.from || p.Kind == Adopted {
			kept = append(kept, p)
		}
	}
	s.list = kept
	return len(kept) < mostSpans
}

// close ends a state; without one it says nothing.
func (s *spans) close(k spanKey, t int64) {
	if span := s.current[k]; span != nil && span.Open {
		span.Open, span.Last = false, max(t, span.First)
	}
	delete(s.current, k)
}

// forget begins all counted spans anew: numbers may name something else from here on.
func (s *spans) forget() {
	for k := range s.current {
		if !k.kind.state() {
			delete(s.current, k)
		}
	}
}
