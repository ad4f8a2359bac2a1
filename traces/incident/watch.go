package incident

import (
	"lockstep/core"
	"lockstep/traces"
)

// Outcome is what became of a request. Every request has exactly one.
type Outcome uint8

// Outcomes.
const (
	Home      Outcome = iota // served by the placement that its key belongs to
	Elsewhere                // served by a fallback
	Failed                   // sent to an endpoint, and no good answer came
	Refused                  // answered by the router; the request reached no endpoint, or none any more
	Client                   // ended by the client's own doing: it left, or its request was wrong
	Unknown                  // how it ended is not in the recording
	outcomes
)

// String returns the outcome's name.
func (o Outcome) String() string {
	return [...]string{"served at home", "served elsewhere", "failed", "refused", "client's own", "not known"}[min(o, outcomes-1)]
}

// flight is one request between its arrival and its end.
type flight struct {
	id       [2]uint64
	step     uint64    // of its arrival
	at       core.Time // of its arrival
	home     string    // placement its key belongs to, "" when there is none
	served   string    // placement of the latest attempt, "" before the first
	endpoint int32     // number of the latest attempt's, -1 before the first
	sent     core.Time // when the latest attempt went out
	guest    bool
	replied  core.Class // how its attempt was booked while the body flowed
	booked   bool       // that it was
	status   uint16
	key      string // valid until the fact after its arrival
	row      *Row   // of the tally, nil when it is not counted
}

// sink is told what a watch sees. Pointers are valid during the call.
type sink interface {
	resume(f *traces.Fact, r *core.Router)                 // the first fact, or the first after missing ones; r is as it was before
	missing(from, to uint64, since, until core.Time)       // steps that are in no file
	lost(fl *flight)                                       // how a request ended is missing
	before(f *traces.Fact, r *core.Router)                 // every fact
	note(f *traces.Fact, r *core.Router, d *core.Decision) // every decision
	arrived(f *traces.Fact, fl *flight)                    // a new request
	sentTo(f *traces.Fact, r *core.Router, fl *flight, d *core.Decision)
	attempted(f *traces.Fact, r *core.Router, fl *flight, c core.Class) // an attempt ended, or was booked
	ended(f *traces.Fact, fl *flight, o Outcome, c core.Class, status uint16)
}

// watch follows one router through a replay and tells a sink.
type watch struct {
	to      sink
	router  *core.Router
	last    uint64
	at      core.Time // of the last fact
	skip    bool      // the fact has been seen: dumps overlap
	own     bool      // the event's attempt was there before the step
	flights map[core.Handle]*flight
	free    []*flight
}

func newWatch(to sink) *watch { return &watch{to: to, flights: map[core.Handle]*flight{}} }

// options are those of a replay that the watch follows.
func (w *watch) options() traces.Options {
	return traces.Options{Before: w.before, After: w.after}
}

func (w *watch) before(f *traces.Fact, r *core.Router) {
	if w.skip = f.Step <= w.last; w.skip {
		return
	}
	if r != w.router || f.Step != w.last+1 {
		w.resume(f, r)
	}
	if w.own = false; f.Event.Kind == core.Reply || f.Event.Kind == core.Finish {
		_, w.own = r.Attempt(f.Event.Handle)
	}
	w.to.before(f, r)
}

// resume begins with a state that was not reached by replay.
func (w *watch) resume(f *traces.Fact, r *core.Router) {
	if w.last > 0 && f.Step > w.last+1 {
		w.to.missing(w.last+1, f.Step-1, w.at, f.Time)
		w.end()
	}
	w.router = r
	w.to.resume(f, r)
}

// end forgets the requests in flight: how they ended is not known.
func (w *watch) end() {
	for h, fl := range w.flights {
		w.to.lost(fl)
		w.drop(h, fl)
	}
}

func (w *watch) drop(h core.Handle, fl *flight) {
	delete(w.flights, h)
	w.free = append(w.free, fl)
}

func (w *watch) after(f *traces.Fact, r *core.Router, decided []core.Decision) {
	if w.skip {
		return
	}
	w.last, w.at = f.Step, f.Time
	ev := &f.Event
	fl := w.flights[ev.Handle]
	if fl != nil && w.own && (ev.Kind == core.Reply || ev.Kind == core.Finish) {
		w.outcome(f, r, fl)
	}
	retried := false
	for i := range decided {
		d := &decided[i]
		w.to.note(f, r, d)
		last := i == len(decided)-1
		switch d.Kind {
		case core.Forward, core.Queued, core.Reject:
			w.decide(f, r, d, last && ev.Kind == core.Arrive && ev.Handle == core.Handle{})
		case core.Retry:
			if fl != nil && d.Handle != ev.Handle {
				retried = true
				delete(w.flights, ev.Handle)
				w.flights[d.Handle] = fl
				fl.booked, fl.endpoint = false, -1
			}
		}
	}
	if fl != nil && ev.Kind == core.Finish && !retried && w.over(r, ev.Handle) {
		w.finish(f, fl)
	}
}

// over reports whether nothing of a request is left in the router.
func (w *watch) over(r *core.Router, h core.Handle) bool {
	if _, flies := r.Attempt(h); flies {
		return false
	}
	j, waits := r.Journey(h)
	return !waits || !j.Waiting
}

// decide books a Forward, Queued or Reject. own: of the request that has just come.
func (w *watch) decide(f *traces.Fact, r *core.Router, d *core.Decision, own bool) {
	fl := w.flights[d.Handle]
	if own {
		fl = w.begin(f, r)
		w.to.arrived(f, fl)
		if d.Kind != core.Reject {
			w.flights[d.Handle] = fl
		}
	}
	if fl == nil {
		return // it came before the recording, or before what is missing
	}
	switch d.Kind {
	case core.Forward:
		fl.served, fl.endpoint, fl.sent = r.Placement(d.Placement).Name, d.Endpoint, d.At
		fl.guest = d.Failover != core.FailoverNone
		fl.booked, fl.status, fl.replied = false, 0, core.ClassNone
		w.to.sentTo(f, r, fl, d)
	case core.Reject:
		o := Refused
		if clients(d.Class) {
			o = Client
		}
		w.to.ended(f, fl, o, d.Class, d.Status)
		w.drop(d.Handle, fl)
	}
}

func (w *watch) begin(f *traces.Fact, r *core.Router) *flight {
	fl := new(flight)
	if n := len(w.free); n > 0 {
		fl, w.free = w.free[n-1], w.free[:n-1]
	}
	*fl = flight{id: f.Request.ID, step: f.Step, at: f.Time, endpoint: -1, key: f.Request.Key}
	if p := f.Event.Route.Placement; p >= 0 {
		fl.home = r.Placement(r.PlacementNumber(int(p))).Name
	}
	return fl
}

// outcome books how an attempt ended, once.
func (w *watch) outcome(f *traces.Fact, r *core.Router, fl *flight) {
	ev := &f.Event
	if ev.Status != 0 {
		fl.status = ev.Status
	}
	c := traces.Outcome(ev.Class, ev.Status)
	if fl.booked && c != core.BrokenBody && c != core.BodyTimeout {
		return
	}
	w.to.attempted(f, r, fl, c)
	if ev.Kind == core.Reply {
		fl.booked, fl.replied = true, c
	}
}

// finish ends a request.
func (w *watch) finish(f *traces.Fact, fl *flight) {
	c := traces.Outcome(f.Event.Class, f.Event.Status)
	if c == core.ClassNone && fl.booked {
		c = fl.replied
	}
	status := fl.status
	if s := c.Row().Status; s != 0 {
		status = s
	}
	o := Failed
	switch {
	case c == core.ClassNone && fl.guest:
		o = Elsewhere
	case c == core.ClassNone:
		o = Home
	case clients(c):
		o = Client
	}
	w.to.ended(f, fl, o, c, status)
	w.drop(f.Event.Handle, fl)
}

// clients reports whether a class is the client's own doing, whatever the
// router and its upstreams are like.
func clients(c core.Class) bool {
	switch c {
	case core.NoKey, core.BadRequest, core.BodyTooLarge, core.ClientGone, core.RequestTimeout, core.HeaderTooLarge, core.URITooLong:
		return true
	}
	return false
}
