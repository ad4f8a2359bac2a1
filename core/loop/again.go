package loop

import "lockstep/core"

// Requests that come again (R5's queue, R11). Core holds no routing keys, so the
// loop keeps those of the requests that may come again, and matches them anew
// when another configuration is in force. Each such match is an Arrive that
// names the waiting request: it is recorded, and replay needs nothing else.

// remember keeps the key of a request that may come again.
func (l *Loop) remember(h core.Handle, req *Request) {
	for int(h.Slot) >= len(l.keys) {
		l.keys = append(l.keys, Request{})
	}
	l.keys[h.Slot] = *req
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
func (l *Loop) Recheck(h core.Handle) {
	if j, ok := l.router.Journey(h); ok && j.Expected {
		l.matchAgain(h)
	}
}

// MatchAgain matches every waiting request under the configuration in force, if
// it was matched under another. What that decides is delivered. One that has to
// leave its queue comes a second time, after all who keep their places.
func (l *Loop) MatchAgain() {
	for {
		l.stale = l.router.AppendStale(l.stale[:0])
		if len(l.stale) == 0 {
			return
		}
		for _, h := range l.stale {
			l.Recheck(h)
		}
	}
}

func (l *Loop) matchAgain(h core.Handle) {
	j, ok := l.router.Journey(h)
	if !ok || int(h.Slot) >= len(l.keys) {
		return
	}
	req := l.keys[h.Slot]
	ev := core.Event{Kind: core.Arrive, Handle: h, Epoch: l.router.Epoch(), Request: j.Request, Method: j.Method, Length: j.Length}
	if c := l.router.Config(); c != nil {
		ev.Route, _ = c.Match(req.Key)
	}
	l.step(&ev, &req)
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
