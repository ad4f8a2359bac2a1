package loop

import "lockstep/core"

// Requests that come again (R5's queue, R11). Core holds no routing keys, so the
// loop keeps those of the requests that may come again, and matches them anew
// when another configuration is in force. Each such match is an Arrive that
// names the waiting request: it is recorded, and replay needs nothing else.

// kept is what is kept of a request that may come again.
type kept struct {
	Request
	split uint64
}

// remember keeps the key of a request that may come again.
func (l *Loop) remember(h core.Handle, ev *core.Event, req *Request) {
	for int(h.Slot) >= len(l.kept) {
		l.kept = append(l.kept, kept{})
	}
	l.kept[h.Slot] = kept{*req, ev.Split}
}

// Finish feeds the Finish or Reply of an attempt. If a retry is to follow, it
// returns that Retry: the attempt is over, and its request waits under the new
// handle; the caller must call Recheck with it before the next event. Otherwise
// the kind is DecisionNone.
func (l *Loop) Finish(ev *core.Event) (retry core.Decision) {
	out := l.step(ev, nil)
	if len(out) == 0 || out[len(out)-1].Kind != core.Retry {
		return core.Decision{}
	}
	return out[len(out)-1]
}

// Recheck matches the waiting request that h names again, if another
// configuration has come since it was matched. What that decides is delivered.
// One that has to leave its queue comes a second time, after all who keep their
// places. It reports false if the request must be matched and the loop cannot,
// because there are several routes: then it waits until the caller has resolved
// it anew and says so with ComeAgain.
func (l *Loop) Recheck(h core.Handle) bool {
	j, ok := l.router.Journey(h)
	if !ok || !j.Expected {
		return true
	}
	if int(h.Slot) >= len(l.kept) {
		return false
	}
	k := &l.kept[h.Slot]
	ev := core.Event{Kind: core.Arrive, Handle: h, Epoch: j.Epoch, Via: j.Via, Split: k.split}
	if j.Epoch == l.router.Epoch() {
		ev.Route = j.Route
	} else if l.rematch(&ev, j.Request, &k.Request); ev.Epoch != l.router.Epoch() {
		return false
	}
	l.comeAgain(&ev, &j, k.Request)
	return true
}

// ComeAgain feeds the Arrive of a waiting request that its caller has resolved
// anew: ev has Handle, Epoch, Route, Via, Split and Source.
func (l *Loop) ComeAgain(ev *core.Event, req *Request) {
	if j, ok := l.router.Journey(ev.Handle); ok && j.Expected {
		l.remember(ev.Handle, ev, req)
		l.comeAgain(ev, &j, *req)
	}
}

func (l *Loop) comeAgain(ev *core.Event, j *core.Journey, req Request) {
	ev.Kind, ev.Request, ev.Method, ev.Length, ev.Prefer = core.Arrive, j.Request, j.Method, j.Length, j.Prefer
	l.step(ev, &req)
}

// MatchAgain rechecks every waiting request, in the order that SPEC gives. Those
// that the loop cannot match are left to their callers.
func (l *Loop) MatchAgain() {
	for again := true; again; {
		l.stale = l.router.AppendStale(l.stale[:0])
		again = false
		for _, h := range l.stale {
			again = l.Recheck(h) || again
		}
	}
}

// own reports whether the last decision is the caller's, who gets it back.
func own(ev *core.Event, out []core.Decision) bool {
	switch ev.Kind {
	case core.Arrive:
		return ev.Handle == core.Handle{}
	case core.Adopt:
		return true
	case core.Finish, core.Reply:
		return len(out) > 0 && out[len(out)-1].Kind == core.Retry
	}
	return false
}
