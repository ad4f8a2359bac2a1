package whatif

import (
	"lockstep/core"
	"lockstep/traces"
)

// The recorded side: what became of each request, and what that means for alt.

// recorded books what the recorded router decided at a fact. q is the request
// that the fact is about, if any.
func (e *engine) recorded(f *traces.Fact, r *core.Router, decided []core.Decision, q *request) {
	t := &e.w.result.Before
	own := -1
	if f.Event.Kind == core.Arrive && f.Event.Handle == (core.Handle{}) {
		own = len(decided) - 1
	}
	for i := range decided {
		d := &decided[i]
		of := q
		switch d.Kind {
		case core.Forward, core.Reject, core.Queued:
			if i != own {
				if of = e.owner(true, d.Handle); of == nil {
					of = e.inherit(d.Handle)
				}
			}
		case core.NoteOpened:
			t.Opened++
		case core.NoteUnhealthy:
			t.Sick++
		case core.Probe:
			e.recProbes[r.Identity(d.Endpoint)] = probe{token: d.Token, began: f.Time}
		}
		if of == nil {
			continue
		}
		s := &of.rec
		switch d.Kind {
		case core.Forward:
			e.setRec(of, d.Handle)
			s.state, s.endpoint, s.began, s.replied = inFlight, r.Identity(d.Endpoint), f.Time, false
			s.attempts++
			s.placement = r.Placement(d.Placement).Name
			t.forwarded(s, d, r)
			e.doubt.recOver(of)
			e.doubt.recForwarded(r.Endpoint(d.Endpoint).URL, of)
			e.sent = append(e.sent, of)
		case core.Queued:
			e.setRec(of, d.Handle)
			s.state = waiting
			t.Queued++
		case core.Retry:
			e.doubt.recOver(of)
			e.setRec(of, d.Handle)
			s.state = waiting
			t.Retries++
		case core.Reject:
			s.refused, s.class, s.status, s.placement = d.Class, d.Class, d.Status, nameOf(r, d)
			t.refused(s)
			e.recEnds(of)
		}
	}
}

func nameOf(r *core.Router, d *core.Decision) string {
	if d.Placement < 0 {
		return ""
	}
	return r.Placement(d.Placement).Name
}

func (t *Tally) forwarded(s *side, d *core.Decision, r *core.Router) {
	t.Attempts++
	if d.Failover != core.FailoverNone && !s.failover {
		s.failover = true
		t.Failovers++
	}
	p := t.place(s.placement)
	p.Attempts++
	in, _ := r.PlacementCounts(d.Placement)
	p.Peak = max(p.Peak, in)
	if a, ok := r.Attempt(d.Handle); ok && a.Guest {
		p.Guests++
	}
}

func (t *Tally) refused(s *side) {
	t.Refused++
	if s.placement != "" {
		t.place(s.placement).Refused++
	}
}

// recEnds ends a request on the recorded side.
func (e *engine) recEnds(q *request) {
	e.recs.Drop(q.rec.handle)
	q.rec.state = ended
	e.doubt.recOver(q)
	e.w.result.Before.ended(&q.rec)
	e.recTriesAgain(q)
}

// reply is a recorded Reply. alt hears it if its attempt is the same.
func (e *engine) reply(f *traces.Fact, r *core.Router, decided []core.Decision) {
	q := e.owner(true, f.Event.Handle)
	if q == nil {
		e.step(f.Time, &e.tick, nil)
		return
	}
	q.rec.replied, q.rec.upstream = true, f.Event.Status
	retried := len(decided) > 0 && decided[len(decided)-1].Kind == core.Retry
	journey := retried || r.MayComeAgain(f.Event.Handle)
	same := q.same && q.alt.state == inFlight
	e.recorded(f, r, decided, q)
	if !same {
		e.step(f.Time, &e.tick, nil)
		return
	}
	e.ev = f.Event
	e.ev.Handle = q.alt.handle
	e.ev.Replayable = e.ev.Replayable || !journey && q.replayable && e.ev.Status >= 500
	q.alt.replied, q.alt.upstream = true, f.Event.Status
	e.doubt.outcome(q, core.ClassNone, f.Event.Status, f.Time)
	e.step(f.Time, &e.ev, q)
	if retried && q.alt.state == inFlight { // the recorded answer was thrown away; here it goes to the client
		e.schedule(pending{at: f.Time, kind: pendFinish, q: q, handle: q.alt.handle, status: f.Event.Status})
	}
}

// finish is a recorded Finish.
func (e *engine) finish(f *traces.Fact, r *core.Router, decided []core.Decision) {
	ev := &f.Event
	q := e.owner(true, ev.Handle)
	if q == nil {
		e.step(f.Time, &e.tick, nil)
		return
	}
	wait := q.rec.state == waiting
	retried := len(decided) > 0 && decided[len(decided)-1].Kind == core.Retry
	e.recorded(f, r, decided, q)
	if wait { // a deadline that fires with it comes first
		e.step(f.Time, &e.tick, nil)
	}
	same := q.same && q.alt.state == inFlight
	if !retried && q.rec.state != ended {
		s := &q.rec
		s.class, s.status = ev.Class, told(ev.Class, ev.Status, s)
		e.recEnds(q)
	}
	gone := ev.Class == core.ClientGone && !retried
	if gone {
		q.gone = f.Time
	}
	switch {
	case same:
		e.sameEnds(f, q)
	case gone && (q.alt.state == waiting || q.alt.state == inFlight):
		e.leave(f.Time, q)
	default:
		e.step(f.Time, &e.tick, nil)
	}
	e.close(q)
}

// told is the status that the client saw at the end of an attempt.
func told(class core.Class, status uint16, s *side) uint16 {
	switch {
	case class == core.ClientGone:
		return 0
	case class == core.ClassNone && status == 0:
		return s.upstream
	case class == core.ClassNone, class == core.Upstream5xx:
		return status
	}
	if row := class.Row(); row.Status != 0 {
		return row.Status
	}
	return 0 // cut off
}

// leave is a client that goes away, as it did in the recording at that time.
func (e *engine) leave(now core.Time, q *request) {
	e.ev = core.Event{Kind: core.Finish, Handle: q.alt.handle, Class: core.ClientGone, Sent: true}
	e.doubt.outcome(q, core.ClientGone, 0, now)
	e.step(now, &e.ev, q)
}

// sameEnds feeds alt the recorded end of an attempt that is the same there.
func (e *engine) sameEnds(f *traces.Fact, q *request) {
	ev := &f.Event
	if e.stillSilent(f, q) {
		e.step(f.Time, &e.tick, nil)
		return
	}
	h := q.alt.handle
	e.doubt.outcome(q, ev.Class, ev.Status, f.Time)
	if e.ask(f.Time, q, ev.Class, ev.Status, ev.RetryAfter) {
		return
	}
	e.ev = *ev
	e.ev.Handle = h
	e.ev.Replayable = e.ev.Replayable || q.replayable && !q.alt.replied
	e.step(f.Time, &e.ev, q)
}

// ask tells alt of headers of 500 and more before any of it goes to the client,
// as an edge does whose request may be retried (R11); it reports whether one follows.
func (e *engine) ask(now core.Time, q *request, class core.Class, status uint16, after core.Duration) bool {
	if class != core.ClassNone && class != core.Upstream5xx || status < 500 || q.alt.replied || !e.alt.MayComeAgain(q.alt.handle) {
		return false
	}
	q.alt.replied, q.alt.upstream = true, status
	e.step(now, &core.Event{Kind: core.Reply, Handle: q.alt.handle, Status: status, RetryAfter: after, Replayable: q.replayable}, q)
	return q.alt.state != inFlight
}

// probed feeds alt the recorded result of a probe that it sent at the same time.
func (e *engine) probed(f *traces.Fact, r *core.Router) {
	id := r.Identity(f.Event.Endpoint)
	rec, known := e.recProbes[id]
	alt, sent := e.altProbes[id]
	delete(e.recProbes, id)
	n := e.number(id)
	switch {
	case id == 0 || n < 0:
	case known && sent && alt.same && rec.token == f.Event.Token:
		delete(e.altProbes, id)
		e.probeEnds(f.Time, n, alt.token, f.Event.OK, Recorded)
		return
	case !known && !sent && e.alt.Endpoint(n).Probing: // it was out when the recording began
		e.probeEnds(f.Time, n, f.Event.Token, f.Event.OK, Recorded)
		return
	}
	e.step(f.Time, &e.tick, nil)
}

// number returns alt's number of an endpoint, -1 if it has none.
func (e *engine) number(id uint64) int32 {
	for n := range e.alt.Endpoints() {
		if e.alt.Identity(int32(n)) == id {
			return int32(n)
		}
	}
	return -1
}
