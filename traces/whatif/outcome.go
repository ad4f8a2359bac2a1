package whatif

import (
	"lockstep/core"
	"lockstep/traces"
)

// Outcomes on alt's side that no recording holds: what is drawn, when it
// happens, and what it is called.

type pendingKind uint8

const (
	pendReply pendingKind = iota
	pendFinish
	pendCut   // a shorter timeout than the recorded one
	pendLeave // a waiting request is given up
	pendProbe
	pendAgain // a client tries again
)

// pending is something that is to happen on alt's side alone.
type pending struct {
	at         core.Time
	seq        uint64
	kind       pendingKind
	class      core.Class
	ok, sent   bool
	status     uint16
	handle     core.Handle
	retryAfter core.Duration
	endpoint   uint64 // of a probe
	q          *request
	label      Label
	again      *repeat
}

// heap orders what is pending by time, then by when it was scheduled.
type heap []pending

func (h heap) before(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}

func (e *engine) schedule(p pending) {
	e.serial++
	p.seq = e.serial
	e.pending.push(p)
}

func (h *heap) push(p pending) {
	*h = append(*h, p)
	s := *h
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if !s.before(i, up) {
			break
		}
		s[i], s[up] = s[up], s[i]
		i = up
	}
}

func (h *heap) pop() pending {
	s := *h
	top := s[0]
	last := len(s) - 1
	s[0] = s[last]
	s[last] = pending{}
	*h = s[:last]
	s = *h
	for i := 0; ; {
		c := 2*i + 1
		if c >= last {
			return top
		}
		if c+1 < last && s.before(c+1, c) {
			c++
		}
		if !s.before(c, i) {
			return top
		}
		s[i], s[c] = s[c], s[i]
		i = c
	}
}

// forward begins an attempt on alt's side: the recorded one if it goes to the
// same endpoint at the same time, else one whose outcome is drawn.
func (e *engine) forward(now core.Time, d *core.Decision, q *request) {
	s := &q.alt
	e.setAlt(q, d.Handle)
	s.state, s.endpoint, s.began, s.replied = inFlight, e.alt.Identity(d.Endpoint), now, false
	s.attempts++
	s.placement = e.alt.Placement(d.Placement).Name
	e.w.result.After.forwarded(s, d, &e.alt)
	rec := &q.rec
	q.same = rec.endpoint == s.endpoint && rec.began == now && rec.attempts == s.attempts
	e.doubt.forwarded(q, d)
	if q.same {
		e.shorter(q, d)
		return
	}
	e.model(now, q, d)
}

// shorter cuts a recorded attempt that takes longer than the new timeout allows.
func (e *engine) shorter(q *request, d *core.Decision) {
	limits := e.alt.Config().Timeouts(e.alt.Placement(d.Placement).Index)
	old := e.recTimeouts(q)
	if old == nil || limits.ResponseHeader >= old.ResponseHeader && limits.Request >= old.Request {
		return
	}
	e.schedule(pending{
		at: q.alt.began.Add(headerTime(limits, q)), kind: pendCut, q: q, handle: q.alt.handle, class: core.ResponseTimeout, sent: true,
	})
}

// headerTime is how long an attempt may wait for its response's headers.
func headerTime(t *core.TimeoutSpec, q *request) core.Duration {
	return max(0, min(t.ResponseHeader, t.Request-q.alt.began.Sub(q.at)))
}

// recTimeouts are those that the recorded attempt was forwarded with, as far as
// the configuration in force still has its placement.
func (e *engine) recTimeouts(q *request) *core.TimeoutSpec {
	c := e.rec.Config()
	if c == nil {
		return nil
	}
	i, ok := c.FindPlacement(q.rec.placement)
	if !ok {
		return nil
	}
	return c.Timeouts(i)
}

// stillSilent reports a recorded timeout that the new configuration would not
// have had yet: the endpoint is taken to stay silent until the new one.
func (e *engine) stillSilent(f *traces.Fact, q *request) bool {
	ev, now := &f.Event, f.Time
	if ev.Class != core.ResponseTimeout && ev.Class != core.ConnectTimeout {
		return false
	}
	i, ok := e.alt.Config().FindPlacement(q.alt.placement)
	old := e.recTimeouts(q)
	if !ok || old == nil {
		return false
	}
	limits := e.alt.Config().Timeouts(i)
	wait, was := headerTime(limits, q), min(old.ResponseHeader, old.Request)
	if ev.Class == core.ConnectTimeout {
		wait, was = min(limits.Connect, limits.Request), min(old.Connect, old.Request)
	}
	until := q.alt.began.Add(wait)
	if wait <= was || until <= now {
		return false
	}
	e.w.result.Assumed.Silent++
	q.same = false
	q.worsen(&q.outcome, Modelled, "the endpoint was silent, and is taken to stay silent until the longer timeout")
	e.schedule(pending{at: until, kind: pendFinish, q: q, handle: q.alt.handle, class: ev.Class, sent: ev.Sent})
	return true
}

// model draws the outcome of an attempt that was not recorded.
func (e *engine) model(now core.Time, q *request, d *core.Decision) {
	hash := fold(e.w.options.Seed, q.hash, uint64(q.alt.attempts), q.alt.endpoint, uint64(q.at))
	id := e.w.samples.near(q.alt.endpoint, e.alt.Endpoint(d.Endpoint).URL)
	o, reach, ok := e.w.samples.draw(e.router, id, e.origin+int64(now), e.w.options.Window, hash)
	label, why := Modelled, "its outcome at "+q.alt.placement+" is drawn"
	if !ok {
		label, why = Unknown, "no recording shows that endpoint near that time"
		o = sample{took: e.w.samples.typical(), status: 200, sent: true}
		e.w.result.Assumed.NeverSeen++
	}
	if ok && id != q.alt.endpoint {
		e.w.result.Assumed.OtherName++
	}
	e.w.result.WidestFor = max(e.w.result.WidestFor, reach)
	if ok && e.doubt.beyond(q, d) {
		label, why = Unknown, "more was in flight there than any recording near that time shows"
		e.w.result.Assumed.BeyondLoad++
	}
	q.worsen(&q.outcome, label, why)
	limits := e.alt.Config().Timeouts(e.alt.Placement(d.Placement).Index)
	wait := headerTime(limits, q)
	head := o.took // until the headers, as far as is known
	if o.replied > 0 {
		head = o.replied
	}
	switch {
	case o.class == core.ResponseTimeout:
		o.took = wait
	case o.class == core.ConnectTimeout:
		o.took = min(limits.Connect, limits.Request)
	case head > wait && (o.replied == 0 || head > wait+limits.Settle):
		o = sample{took: wait, class: core.ResponseTimeout, sent: true}
	}
	p := pending{q: q, handle: q.alt.handle, status: o.status, class: o.class, sent: o.sent, retryAfter: o.retryAfter, label: label}
	if o.replied > 0 && o.replied < o.took {
		r := p
		r.kind, r.at = pendReply, now.Add(o.replied)
		e.schedule(r)
	}
	p.kind, p.at = pendFinish, now.Add(max(o.took, 1))
	e.schedule(p)
}

// happen carries out something that was pending.
func (e *engine) happen(p pending) {
	if p.kind == pendProbe {
		if out, ok := e.altProbes[p.endpoint]; ok && out.token == p.handle.Gen && !out.same {
			delete(e.altProbes, p.endpoint)
			if n := e.number(p.endpoint); n >= 0 {
				e.probeEnds(p.at, n, out.token, p.ok, p.label)
			}
		}
		return
	}
	if p.kind == pendAgain {
		e.comesAgain(p)
		return
	}
	q := p.q
	if q.alt.handle != p.handle || q.alt.state != inFlight && p.kind != pendLeave || q.alt.state == ended || q.alt.state == absent {
		return
	}
	switch p.kind {
	case pendLeave:
		e.step(p.at, &core.Event{Kind: core.Finish, Handle: p.handle, Class: core.ClientGone}, q)
	case pendReply:
		if q.alt.replied {
			return
		}
		q.alt.replied, q.alt.upstream = true, p.status
		e.doubt.outcome(q, core.ClassNone, p.status, p.at)
		e.step(p.at, &core.Event{Kind: core.Reply, Handle: p.handle, Status: p.status, RetryAfter: p.retryAfter, Replayable: q.replayable && p.status >= 500}, q)
	case pendCut:
		if !q.same || q.alt.replied {
			return
		}
		q.same = false
		q.worsen(&q.outcome, Modelled, "it took longer than the new timeout allows")
		e.w.result.Assumed.Cut++
		e.end(p, q)
	case pendFinish:
		e.end(p, q)
	}
	e.close(q)
}

// end feeds alt the end of an attempt that is not the recorded one.
func (e *engine) end(p pending, q *request) {
	e.doubt.outcome(q, p.class, p.status, p.at)
	if e.ask(p.at, q, p.class, p.status, p.retryAfter) {
		return
	}
	e.step(p.at, &core.Event{
		Kind: core.Finish, Handle: p.handle, Class: p.class, Status: p.status, Sent: p.sent, RetryAfter: p.retryAfter,
		Replayable: q.replayable && !q.alt.replied,
	}, q)
}

// probe is an active probe that alt sends.
func (e *engine) probe(now core.Time, d *core.Decision) {
	id := e.alt.Identity(d.Endpoint)
	rec, ok := e.recProbes[id]
	p := probe{token: d.Token, began: now, same: ok && rec.began == now}
	e.altProbes[id] = p
	if p.same {
		return
	}
	label := Modelled
	o, agree, ok := e.w.samples.drawProbe(e.w.samples.near(id, e.alt.Endpoint(d.Endpoint).URL), e.origin+int64(now), e.w.options.Window, fold(e.w.options.Seed, id, uint64(now)))
	switch {
	case !ok:
		e.w.result.Assumed.ProbesUnseen++
		o, label = probeSample{took: core.Millisecond, ok: true}, Unknown
	case agree: // whenever it had been sent, the answer was the same
		label = Recorded
	}
	if o.took >= 0 {
		e.schedule(pending{at: now.Add(o.took), kind: pendProbe, endpoint: id, handle: core.Handle{Gen: d.Token}, ok: o.ok, label: label})
	}
}

func (e *engine) probeEnds(now core.Time, n int32, token uint32, good bool, label Label) {
	e.doubt.probed(n, good, label)
	e.step(now, &core.Event{Kind: core.Probed, Endpoint: n, Token: token, OK: good}, nil)
}

// wait lets a request wait on alt's side.
func (e *engine) wait(q *request, d *core.Decision) {
	e.doubt.over(q)
	e.setAlt(q, d.Handle)
	q.alt.state, q.same = waiting, false
}

func (e *engine) altRefused(q *request, d *core.Decision) {
	s := &q.alt
	s.refused, s.class, s.status, s.placement = d.Class, d.Class, d.Status, nameOf(&e.alt, d)
	e.w.result.After.refused(s)
	e.altDone(q)
}

// altEnds ends an attempt, or a wait, on alt's side.
func (e *engine) altEnds(q *request, class core.Class, status uint16) {
	if q.alt.state != inFlight && q.alt.state != waiting {
		return
	}
	q.alt.class, q.alt.status = class, told(class, status, &q.alt)
	e.altDone(q)
}

func (e *engine) altDone(q *request) {
	e.alts.Drop(q.alt.handle)
	e.doubt.over(q)
	q.alt.state = ended
	e.w.result.After.ended(&q.alt)
	e.triesAgain(q)
	e.close(q)
}

// close compares both sides of a request that has ended on both.
func (e *engine) close(q *request) {
	if q.rec.state != ended || q.alt.state != ended && !q.skipped || q.closed {
		return
	}
	q.closed = true
	if !q.modelled && !q.skipped {
		e.w.result.compare(e, q)
	}
	e.closing = append(e.closing, q)
}
