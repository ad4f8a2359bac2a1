package explain

import (
	"fmt"

	"lockstep/core"
	"lockstep/traces"
)

// redecide decides a request again from the state in which it was decided, as
// if c had been adopted just before it. gone are attempts that would not have
// been there under c. ok is false when c is not adopted.
func redecide(state *core.Router, c *core.Config, f *traces.Fact, gone []core.Handle) (d core.Decision, r *core.Router, ok bool) {
	r = new(core.Router)
	r.CopyFrom(state)
	old := r.Config()
	for _, h := range gone {
		r.Step(f.Time, &core.Event{Kind: core.Finish, Handle: h, Class: core.Draining}, nil) // an end that counts for nothing (R7)
	}
	if c.Digest() != old.Digest() {
		r.Step(f.Time, &core.Event{Kind: core.Adopt, Config: c, Origin: core.OriginFile, Deliberate: true}, nil)
		if r.Config() != c {
			return d, r, false
		}
		comeAgain(r, old, f.Time)
	}
	ev := f.Event
	ev.Epoch = r.Epoch()
	ev.Route = traces.RouteOf(c, f.Request.Key, &ev)
	out := r.Step(f.Time, &ev, nil)
	if len(out) == 0 {
		return d, r, false
	}
	return out[len(out)-1], r, true
}

// comeAgain matches again who waits (R12). Their keys are not known here, so each
// keeps its home, which is so under every change that this package tries.
func comeAgain(r *core.Router, old *core.Config, now core.Time) {
	for range 3 { // one whose home is another comes once more after all others
		stale := r.AppendStale(nil)
		if len(stale) == 0 {
			return
		}
		for _, h := range stale {
			j, ok := r.Journey(h)
			if !ok || !j.Waiting {
				continue
			}
			route := j.Route
			at, there := -1, false
			if route.Placement >= 0 && int(route.Placement) < old.Placements() {
				at, there = r.Config().FindPlacement(old.Placement(int(route.Placement)).Name)
			}
			if !there {
				at, route.Refuse = -1, core.UnknownKey
			}
			route.Placement = int32(at)
			r.Step(now, &core.Event{Kind: core.Arrive, Handle: h, Request: j.Request, Epoch: r.Epoch(), Via: j.Via, Prefer: j.Prefer, Route: route}, nil)
		}
		old = r.Config()
	}
}

// judge says whether the push that brought the configuration in force mattered
// for the decision: it is made again under the configuration before it.
func (c *Config) judge(t *Teller, s *Story, d *core.Decision) {
	before := t.past.before
	switch {
	case c == nil:
		return
	case c.Adopted == nil:
		c.Mattered = "whether its push mattered is not known: what was in force before it is not in what was read"
		return
	case before.config == nil:
		c.Mattered = "it is the first configuration of this router: there was none before it under which to decide"
		return
	}
	name := fmt.Sprintf("%s (version %q)", epochText(before.epoch), before.config.Version())
	now := s.state.Config()
	if !sameRoutes(now, before.config) {
		c.Mattered = "whether that push mattered cannot be said: it changed the routes, and host and path are not recorded"
		return
	}
	again, r, ok := redecide(s.state, before.config, &s.fact, nil)
	if !ok {
		c.Mattered = "whether that push mattered cannot be said: " + name + " could not be tried"
		return
	}
	if sameEnd(s.state, d, r, &again) {
		c.Mattered = "that push did not cause this: from this state the decision is the same under " + name
		return
	}
	c.Mattered = fmt.Sprintf("that push mattered: from this state under %s it would have been: %s", name, endText(r, &again))
}

// sameRoutes reports whether a route's number means the same in both configurations.
func sameRoutes(a, b *core.Config) bool {
	return a.Routes() == b.Routes() && (a.Routes() == 1 || a.Edge() == b.Edge())
}

// sameEnd compares two decisions about one request by what its client sees and who serves it.
func sameEnd(ra *core.Router, a *core.Decision, rb *core.Router, b *core.Decision) bool {
	return a.Kind == b.Kind && a.Class == b.Class && a.Status == b.Status && a.Failover == b.Failover &&
		ra.Placement(a.Placement).Name == rb.Placement(b.Placement).Name
}

// endText says in short what was decided.
func endText(r *core.Router, d *core.Decision) string {
	p := r.Placement(d.Placement).Name
	switch d.Kind {
	case core.Forward:
		text := "served by " + p
		if d.Failover != core.FailoverNone {
			text += " as a guest, reason " + d.Failover.String()
		}
		if d.Probe {
			text += ", as a half-open probe"
		}
		return text
	case core.Queued:
		return fmt.Sprintf("it waits in the queue of %s, number %d there", p, d.Count)
	}
	text := fmt.Sprintf("refused with %d, %s", d.Status, d.Class)
	if p != "" {
		text += " at " + p
	}
	return text
}
