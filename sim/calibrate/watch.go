package calibrate

import (
	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// Request is one request as its client saw it, from its arrival to its end.
type Request struct {
	Router   int // from 1
	At, End  core.Time
	Key      string
	Via      uint16
	Home     string // placement where it belongs, "" for none
	Method   core.Method
	Priority uint8
	Length   int64
	Failover core.Failover // of the first decision about it
	Class    core.Class    // ClassNone for a complete answer below 500
	Refused  bool          // nothing was sent to any endpoint, or its wait ended without another attempt
}

// Attempt is one attempt at an endpoint, from its Forward to its end.
type Attempt struct {
	Endpoint Endpoint
	At, End  core.Time
	Class    core.Class
	Status   uint16 // 0 when there was no response
}

// Endpoint names an endpoint as a plan does.
type Endpoint struct{ Placement, Name string }

// Sink is told what a Watch sees, in the order of steps: of requests and
// attempts when they end, whatever else when it happens. Arrived comes with the
// arrival, when neither class nor end are known.
type Sink interface {
	Arrived(r *Request)
	Ended(r *Request)
	Attempted(a *Attempt)
	Probed(at core.Time, e Endpoint, ok bool)
	Adopted(at core.Time, router int, ev *core.Event, answer *core.Decision)
	Draining(at core.Time, router int)
}

// Watch follows the steps of one router. It is a loop.Observer.
type Watch struct {
	sink   Sink
	number int
	shift  core.Duration // from the router's time to the plan's
	router *core.Router
	names  []Endpoint // by number
	config *core.Config
	flying traces.Flights[flight]
}

// flight is a request that is in flight or waits.
type flight struct {
	request Request
	began   core.Time // of the present attempt
	at      int32     // its endpoint, -1 while the request waits
	status  uint16    // that Reply told
}

// NewWatch follows router number n, from 1, whose times are shifted by so much.
func NewWatch(s Sink, n int, r *core.Router, shift core.Duration) *Watch {
	return &Watch{sink: s, number: n, router: r, shift: shift}
}

var _ loop.Observer = (*Watch)(nil)

// Observe sees the next step.
func (w *Watch) Observe(now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	w.See(w.router, now, ev, req, decisions)
}

// See sees one step of a recording: r is the router after it. Where another
// router goes on, as after a gap, what was in flight is forgotten.
func (w *Watch) See(r *core.Router, now core.Time, ev *core.Event, req *loop.Request, decided []core.Decision) {
	if r != w.router {
		w.router, w.flying, w.config, w.names = r, traces.Flights[flight]{}, nil, nil
	}
	if r.Config() != w.config {
		w.rename()
	}
	now = now.Add(w.shift)
	var own *core.Decision
	if len(decided) > 0 {
		own = &decided[len(decided)-1]
	}
	switch ev.Kind {
	case core.Arrive:
		if ev.Handle == (core.Handle{}) && own != nil {
			w.arrive(now, ev, req, own)
			decided = decided[:len(decided)-1]
		}
	case core.Reply, core.Finish:
		w.ends(now, ev, decided)
	case core.Probed:
		if n := int(ev.Endpoint); n >= 0 && n < len(w.names) {
			w.sink.Probed(now, w.names[n], ev.OK)
		}
	case core.Adopt:
		if own != nil {
			w.sink.Adopted(now, w.number, ev, own)
		}
	case core.Drain:
		w.sink.Draining(now, w.number)
	}
	for i := range decided {
		w.goesOn(now, &decided[i])
	}
}

// rename follows a configuration that was adopted.
func (w *Watch) rename() {
	w.config, w.names = w.router.Config(), w.names[:0]
	for n := range w.router.Endpoints() {
		v := w.router.Endpoint(int32(n))
		name := v.Name
		if name == "" {
			name = v.URL
		}
		w.names = append(w.names, Endpoint{w.router.Placement(v.Placement).Name, name})
	}
}

func (w *Watch) arrive(now core.Time, ev *core.Event, req *loop.Request, own *core.Decision) {
	q := Request{
		Router: w.number, At: now, Via: ev.Via, Method: ev.Method, Priority: ev.Priority, Length: ev.Length,
		Failover: own.Failover,
	}
	if req != nil {
		q.Key = req.Key
	}
	if p := int(ev.Route.Placement); w.config != nil && p >= 0 && p < w.config.Placements() {
		q.Home = w.config.Placement(p).Name
	}
	if own.Kind == core.Reject {
		q.Class, q.Refused = own.Class, true // known at once
	}
	w.sink.Arrived(&q)
	if own.Kind == core.Reject {
		q.End = now
		w.sink.Ended(&q)
		return
	}
	f := flight{request: q, began: now, at: -1}
	if own.Kind == core.Forward {
		f.at = own.Endpoint
	}
	w.flying.Put(own.Handle, f)
}

// goesOn is a decision about a request that waited.
func (w *Watch) goesOn(now core.Time, d *core.Decision) {
	f := w.flying.Of(d.Handle)
	if f == nil || f.at >= 0 {
		return
	}
	switch d.Kind {
	case core.Forward:
		f.began, f.at = now, d.Endpoint
	case core.Reject:
		f.request.Class, f.request.Refused, f.request.End = d.Class, true, now
		w.sink.Ended(&f.request)
		w.flying.Drop(d.Handle)
	}
}

// ends is the end of an attempt, or what its response began with.
func (w *Watch) ends(now core.Time, ev *core.Event, decided []core.Decision) {
	f := w.flying.Of(ev.Handle)
	if f == nil {
		return
	}
	to, again := traces.Moved(ev, decided)
	if ev.Kind == core.Reply {
		f.status = ev.Status
		if !again {
			return
		}
	}
	status, class := ev.Status, ev.Class
	if status == 0 && class == core.ClassNone {
		status = f.status
	}
	class = traces.Outcome(class, status)
	if n := int(f.at); n >= 0 && n < len(w.names) {
		w.sink.Attempted(&Attempt{Endpoint: w.names[n], At: f.began, End: now, Class: class, Status: status})
	}
	next := *f
	w.flying.Drop(ev.Handle)
	if again {
		next.at, next.status = -1, 0
		w.flying.Put(to, next)
		return
	}
	next.request.Class, next.request.End = class, now
	w.sink.Ended(&next.request)
}
