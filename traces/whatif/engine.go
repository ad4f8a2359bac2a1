package whatif

import (
	"lockstep/core"
	"lockstep/traces"
)

// engine replays one router's recording: the recorded router (rec) as the
// verifier steps it, and beside it the same router under the new configuration (alt).
type engine struct {
	w                *WhatIf
	name             string
	router           int // its number among those that were learnt from
	origin           int64
	verifier         *traces.Verifier
	rec              *core.Router
	alt              core.Router
	begun            bool
	now              core.Time
	openRec, openAlt uint64 // in flight, as counted last
	serial           uint64 // of what is pending

	recs, alts traces.Flights[*request]
	free       []*request
	sent       []*request // that the recorded router forwarded at this fact
	closing    []*request // ended on both sides, to be used again after the step
	pending    heap
	recProbes  map[uint64]probe // by identity of the endpoint
	altProbes  map[uint64]probe
	keys       map[string]string
	clients    recent[client] // who was failed
	doubt      doubt

	ev   core.Event // what alt is fed
	tick core.Event
	out  []core.Decision
}

// probe is an active probe that is out.
type probe struct {
	token uint32
	began core.Time
	same  bool // alt: it is the recorded one
}

func newEngine(w *WhatIf, name string) *engine {
	e := &engine{w: w, name: name, router: w.samples.number(name), keys: map[string]string{}, tick: core.Event{Kind: core.Tick}}
	e.verifier = traces.NewVerifier(traces.Options{Before: e.before, After: e.after, Stop: e.over})
	return e
}

// over reports whether what is to be replayed has been.
func (e *engine) over() bool {
	return e.w.options.Until != 0 && e.origin+int64(e.now) >= e.w.options.Until
}

// before brings alt up to the time of a fact: what is due before it comes first.
func (e *engine) before(f *traces.Fact, r *core.Router) {
	if r != e.rec {
		e.restart(r)
	}
	if k := f.Event.Kind; (k == core.Reply || k == core.Finish) && e.owner(true, f.Event.Handle) == nil {
		e.inherit(f.Event.Handle)
	}
	e.advance(f.Time, r.Deadline())
	e.now = f.Time
	if len(e.w.known) > 0 {
		e.doubt.others(f.Time)
	}
}

// restart makes alt from the state at which the replay begins: all that was
// learnt stays as far as identity carries it (R12), since the new configuration is adopted by it.
func (e *engine) restart(r *core.Router) {
	if e.begun {
		e.w.result.Assumed.Restarts++
	}
	for _, q := range e.recs.All() {
		e.lose(*q)
	}
	for _, q := range e.alts.All() {
		e.lose(*q)
	}
	e.recs, e.alts = traces.Flights[*request]{}, traces.Flights[*request]{}
	e.pending = e.pending[:0]
	e.recProbes, e.altProbes = map[uint64]probe{}, map[uint64]probe{}
	e.rec, e.begun = r, true
	e.now = r.Now()
	e.alt.CopyFrom(r)
	e.doubt = newDoubt(e)
	if r.Config() == nil {
		return // NEW comes in place of the first configuration
	}
	e.adopt(r.Now(), &core.Event{Kind: core.Adopt, Config: e.w.options.Config})
	for _, h := range e.alt.AppendStale(nil) { // their keys are in no recording
		e.w.result.Assumed.WaitsLeft++
		e.step(r.Now(), &core.Event{Kind: core.Finish, Class: core.ClientGone, Handle: h}, e.inherit(h))
	}
}

// lose forgets a request that was in flight when a gap began.
func (e *engine) lose(q *request) {
	if q.rec.state != absent {
		e.w.result.Assumed.Lost += bit(q.alt.state != absent && q.alt.state != ended || q.rec.state != ended)
		q.rec.state, q.alt.state = absent, absent
	}
}

func (e *engine) adopt(now core.Time, ev *core.Event) {
	e.step(now, ev, nil)
	e.doubt.adopted()
}

// advance runs what is due on alt's side alone up to a time. recDue is when the
// recorded router had to wake: what both have to do then, alt does when the
// recorded router did, which may have been a little late.
func (e *engine) advance(to, recDue core.Time) {
	for {
		wake := e.alt.Deadline()
		if wake >= recDue || wake >= to {
			wake = core.Never
		}
		if len(e.pending) > 0 && e.pending[0].at <= to && e.pending[0].at <= wake {
			e.happen(e.pending.pop())
			continue
		}
		if wake == core.Never {
			return
		}
		e.step(wake, &e.tick, nil)
	}
}

// flush runs what a step left to be done at once.
func (e *engine) flush(now core.Time) {
	for len(e.pending) > 0 && e.pending[0].at <= now {
		e.happen(e.pending.pop())
	}
}

// after is told of a fact that was replayed, and feeds alt what it means there.
func (e *engine) after(f *traces.Fact, r *core.Router, decided []core.Decision) {
	res := &e.w.result
	res.Facts++
	wall := e.origin + int64(f.Time)
	if res.From == 0 || wall < res.From {
		res.From = wall
	}
	res.To = max(res.To, wall)
	switch ev := &f.Event; ev.Kind {
	case core.Arrive:
		e.arrive(f, r, decided)
	case core.Reply:
		e.reply(f, r, decided)
	case core.Finish:
		e.finish(f, r, decided)
	case core.Probed:
		e.recorded(f, r, decided, nil)
		e.probed(f, r)
	case core.Adopt:
		e.recorded(f, r, decided, nil)
		e.adopts(f, decided)
	case core.Control, core.Drain:
		e.recorded(f, r, decided, nil)
		e.ev = *ev
		e.step(f.Time, &e.ev, nil)
	default:
		e.recorded(f, r, decided, nil)
		e.step(f.Time, &e.tick, nil)
	}
	for _, q := range e.sent {
		e.doubt.missed(q)
	}
	e.sent = e.sent[:0]
	e.flush(f.Time)
	e.free = append(e.free, e.closing...)
	e.closing = e.closing[:0]
}

// adopts replaces the first configuration by NEW, and leaves later ones out.
func (e *engine) adopts(f *traces.Fact, decided []core.Decision) {
	if n := len(decided); n == 0 || decided[n-1].Kind != core.Ack {
		e.step(f.Time, &e.tick, nil)
		return
	}
	if e.alt.Config() == nil {
		e.ev = f.Event
		e.ev.Config, e.ev.Change = e.w.options.Config, nil
		e.adopt(f.Time, &e.ev)
		return
	}
	for i := range decided {
		e.w.result.Assumed.AdoptsLeft += bit(decided[i].Kind == core.NoteAdopted)
	}
	e.step(f.Time, &e.tick, nil)
}

// arrive feeds a request that came. One that the recorded router matched again
// is alt's own affair: there the configuration never changes.
func (e *engine) arrive(f *traces.Fact, r *core.Router, decided []core.Decision) {
	if f.Event.Handle != (core.Handle{}) {
		e.recorded(f, r, decided, nil)
		e.step(f.Time, &e.tick, nil)
		return
	}
	q := e.take()
	q.key, q.id, q.hash, q.step, q.at = e.intern(f.Request.Key), f.Request.ID, f.Event.Request, f.Step, f.Time
	q.replayable, q.split = f.Event.Replayable, f.Event.Split
	e.w.result.Before.Requests++
	comes := e.repeats(q)
	if e.w.options.Retries {
		q.event = new(core.Event)
		*q.event = f.Event
	}
	e.recorded(f, r, decided, q)
	if comes {
		e.comes(f.Time, &f.Event, q)
		return
	}
	q.skipped = true
	e.step(f.Time, &e.tick, nil)
	e.close(q)
}

// comes feeds alt a request.
func (e *engine) comes(now core.Time, recorded *core.Event, q *request) {
	res := &e.w.result
	res.After.Requests++
	e.ev = *recorded
	ev := &e.ev
	ev.Epoch = e.alt.Epoch()
	c := e.alt.Config()
	if c != nil && int(ev.Via) >= c.Routes() {
		res.Assumed.Routes++
		ev.Via = 0
	}
	ev.Route = traces.RouteOf(c, q.key, ev)
	if ev.Route.Refuse == core.UnknownKey && recorded.Route.Refuse == core.ClassNone {
		res.Assumed.KeysUnknown++
	}
	label, why := e.doubt.judge(ev)
	q.worsen(&q.decision, label, why)
	if e.otherRoute(c, ev, q.key) {
		res.Assumed.OtherRoutes++
		q.worsen(&q.decision, Unknown, "the new configuration has other routes, and what a route matches is not in a recording")
	}
	e.step(now, ev, q)
	e.doubt.decided(ev, q)
	e.close(q)
}

// otherRoute reports whether it matters by which route a request comes, while the
// number that was recorded means nothing because there are more routes now, or fewer.
func (e *engine) otherRoute(c *core.Config, ev *core.Event, key string) bool {
	if was := e.rec.Config(); c == nil || was == nil || was.Routes() == c.Routes() || ev.Route.Refuse.ByEdge() {
		return false
	}
	for via := range c.Routes() {
		other := *ev
		other.Via = uint16(via)
		if r := traces.RouteOf(c, key, &other); r.Placement != ev.Route.Placement || r.Refuse != ev.Route.Refuse {
			return true
		}
	}
	return false
}

// intern keeps one copy of each key, so that a key pins no block of the recording.
func (e *engine) intern(key string) string {
	if k, ok := e.keys[key]; ok {
		return k
	}
	if len(e.keys) >= mostKeys {
		clear(e.keys)
	}
	k := string(append([]byte(nil), key...))
	e.keys[k] = k
	return k
}

func (e *engine) take() *request {
	if n := len(e.free); n > 0 {
		q := e.free[n-1]
		e.free = e.free[:n-1]
		*q = request{}
		return q
	}
	return new(request)
}

// step feeds alt one event; q is the request that it is about, if any.
func (e *engine) step(now core.Time, ev *core.Event, q *request) {
	e.now = now
	out := e.alt.Step(now, ev, e.out[:0])
	own := -1
	if ev.Kind == core.Arrive && ev.Handle == (core.Handle{}) {
		own = len(out) - 1
	}
	retried := false
	for i := range out {
		d := &out[i]
		of := q
		if i != own && d.Kind != core.Retry {
			of = nil
		}
		retried = retried || d.Kind == core.Retry
		e.decide(now, d, of)
	}
	e.out = out
	if ev.Kind == core.Finish && q != nil && !retried {
		e.altEnds(q, ev.Class, ev.Status)
	}
}

// decide takes one decision of alt.
func (e *engine) decide(now core.Time, d *core.Decision, q *request) {
	t := &e.w.result.After
	switch d.Kind {
	case core.Forward, core.Reject, core.Queued:
		if q == nil {
			if q = e.waiter(d.Handle); q == nil {
				return
			}
			e.doubt.turn(q, d)
		}
		if d.Kind == core.Forward {
			e.forward(now, d, q)
		} else if d.Kind == core.Queued {
			e.wait(q, d)
			t.Queued++
		} else {
			e.altRefused(q, d)
		}
	case core.Retry:
		t.Retries++
		e.wait(q, d)
		if j, ok := e.alt.Journey(d.Handle); ok && j.Expected { // matched before the recording: its key is not in it
			e.w.result.Assumed.WaitsLeft++
			e.schedule(pending{at: now, kind: pendLeave, q: q, handle: d.Handle})
		}
	case core.Abort:
		if q := e.waiter(d.Handle); q != nil && !q.same {
			e.schedule(pending{at: now, kind: pendFinish, q: q, handle: d.Handle, class: core.Draining})
		}
	case core.Probe:
		e.probe(now, d)
	case core.NoteOpened:
		t.Opened++
	case core.NoteUnhealthy:
		t.Sick++
	}
}

// waiter returns the request that a handle of alt names.
func (e *engine) waiter(h core.Handle) *request {
	if q := e.owner(false, h); q != nil {
		return q
	}
	return e.inherit(h)
}

// inherit makes a request of one that was there when the recording began; nil
// for a handle that names nothing.
func (e *engine) inherit(h core.Handle) *request {
	q := e.take()
	q.inherited = true
	e.inherits(q, &q.rec, e.rec, h)
	e.inherits(q, &q.alt, &e.alt, h)
	if q.rec.state == absent && q.alt.state == absent {
		e.free = append(e.free, q)
		return nil
	}
	q.same = q.rec.state == inFlight && q.alt.state == inFlight
	if q.rec.state != absent {
		e.recs.Put(h, q)
	}
	if q.alt.state != absent {
		e.alts.Put(h, q)
	}
	return q
}

func (e *engine) inherits(q *request, s *side, r *core.Router, h core.Handle) {
	if e.owner(s == &q.rec, h) != nil {
		return
	}
	if a, ok := r.Attempt(h); ok {
		s.state, s.handle, s.endpoint, s.attempts, s.replied = inFlight, h, r.Identity(a.Endpoint), 1, a.Replied
		s.placement = r.Placement(r.Endpoint(a.Endpoint).Placement).Name
		q.hash = a.Request
	} else if j, ok := r.Journey(h); ok && j.Waiting {
		s.state, s.handle, s.attempts = waiting, h, uint8(j.Attempts)
		q.hash = j.Request
	}
}

// owner returns the request that is known by a handle on a side.
func (e *engine) owner(rec bool, h core.Handle) *request {
	all := &e.alts
	if rec {
		all = &e.recs
	}
	if q := all.Of(h); q != nil {
		return *q
	}
	return nil
}

func (e *engine) setAlt(q *request, h core.Handle) {
	e.alts.Drop(q.alt.handle)
	e.alts.Put(h, q)
	q.alt.handle = h
}

func (e *engine) setRec(q *request, h core.Handle) {
	e.recs.Drop(q.rec.handle)
	e.recs.Put(h, q)
	q.rec.handle = h
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// finishUp counts what is in flight at the end of the recording.
func (e *engine) finishUp() {
	e.w.result.Before.Open += open(&e.recs) - e.openRec
	e.w.result.After.Open += open(&e.alts) - e.openAlt
	e.openRec, e.openAlt = open(&e.recs), open(&e.alts)
}

func open(all *traces.Flights[*request]) (n uint64) {
	for range all.All() {
		n++
	}
	return n
}
