package explore

import "lockstep/core"

// ruling is what the rules say of one arrival (R3, R5).
type ruling struct {
	class     core.Class // ClassNone: forward
	placement int
	resort    int // the endpoint that may serve as a last resort, -1 for none
}

// send lets a request for home arrive with one of its keys.
func (w *world) send(home, key int) {
	w.left--
	request := uint64(w.left)
	want := w.rule(home)
	before := w.router.Digest()
	d := w.step(&core.Event{
		Kind: core.Arrive, Request: request, Epoch: w.epoch(),
		Route: core.Route{Hashes: core.Hashes{Key: w.keys[home][key]}, Placement: int32(home), Reason: core.ReasonDedicated},
	})
	switch {
	case d == nil || d.Kind != core.Reject && d.Kind != core.Forward:
		w.fail("R16", "a request got no decision")
	case d.Kind == core.Reject:
		if w.router.Digest() != before {
			w.fail("R2", "a refused request changed the state")
		}
		w.refused(d, want)
	default:
		w.forwarded(home, request, d, want)
	}
}

// blocked says whether its breaker keeps endpoint e from a request (R2).
func (w *world) blocked(e int) bool {
	p := &w.endpoints[e]
	switch p.state {
	case core.Open:
		return w.now < p.until
	case core.HalfOpen:
		return w.probesOut(e) >= w.row(e).Breaker.Probes
	}
	return false
}

// survey says whether placement p has an endpoint free to serve, one that its
// breaker blocks, and the first that only health blocks (-1 for none).
func (w *world) survey(p int) (usable, broken bool, sick int) {
	sick = -1
	for e, id := range w.ids {
		switch {
		case int(id.placement) != p || !w.endpoints[e].current:
		case w.blocked(e):
			broken = true
		case !w.endpoints[e].unhealthy:
			usable = true
		case sick < 0:
			sick = e
		}
	}
	return usable, broken, sick
}

func (w *world) room(p int, guest bool) (guestFull, full bool) {
	l := &w.rows[w.config][p].Limit
	inFlight, guests := w.load(p)
	return guest && (l.Guests < 0 || l.Guests > 0 && guests >= l.Guests), l.InFlight > 0 && inFlight >= l.InFlight
}

// rule walks the candidates of a home placement.
func (w *world) rule(home int) ruling {
	resort := ruling{resort: -1}
	anyBroken, refuses := false, false
	for i, at := range w.rows[w.config][home].Candidates {
		p := int(at)
		row := &w.rows[w.config][p]
		usable, broken, sick := w.survey(p)
		guestFull, full := w.room(p, i > 0)
		switch {
		case usable && !guestFull && !full:
			return ruling{placement: p, resort: -1}
		case usable && !guestFull && row.Limit.WhenFull == core.RejectWhenFull:
			return ruling{class: core.LimitReached, placement: p, resort: -1}
		case usable:
			continue
		}
		anyBroken = anyBroken || broken
		if sick < 0 {
			continue
		}
		if row.LastResort == core.RefuseLastResort {
			refuses = true
		} else if resort.resort < 0 && !guestFull && !full {
			resort = ruling{placement: p, resort: sick}
		}
	}
	switch {
	case resort.resort >= 0:
		return resort
	case anyBroken:
		return ruling{class: core.CircuitOpen, placement: home, resort: -1}
	case refuses:
		return ruling{class: core.NoEndpoint, placement: home, resort: -1}
	}
	return ruling{class: core.LimitReached, placement: home, resort: -1}
}

func (w *world) refused(d *core.Decision, want ruling) {
	switch {
	case want.class == d.Class:
	case want.class == core.ClassNone && d.Class == core.LimitReached:
		w.fail("R5", "a request was refused although %s has room for it", w.placements[want.placement])
	case want.class == core.ClassNone:
		w.fail("R3", "a request was refused as %s although %s can serve it", d.Class, w.placements[want.placement])
	default:
		w.fail("R3", "a request was refused as %s, by the rules it is %s", d.Class, want.class)
	}
}

// forwarded judges an admission by each rule on its own, then books it.
func (w *world) forwarded(home int, request uint64, d *core.Decision, want ruling) {
	e := w.byNumber(d.Endpoint)
	if e < 0 || !w.endpoints[e].current {
		w.fail("R12", "a request went to an endpoint that has left the configuration")
		return
	}
	ep, p := &w.endpoints[e], int(w.ids[e].placement)
	guest := p != home
	guestFull, full := w.room(p, guest)
	switch {
	case ep.state == core.Open && w.now < ep.until:
		w.fail("R6", "a request went to %s, whose breaker is open", w.short(e))
	case w.blocked(e):
		w.fail("R6", "a half-open probe too many went to %s", w.short(e))
	case full:
		w.fail("R5", "%s took more requests than in_flight", w.placements[p])
	case guestFull:
		w.fail("R5", "%s took more guests than its cap", w.placements[p])
	case want.class != core.ClassNone:
		w.fail("R3", "a request went to %s, by the rules it is refused as %s", w.placements[p], want.class)
	case ep.unhealthy && want.resort < 0:
		w.fail("R3", "a request went to %s as a last resort although %s is admissible", w.short(e), w.placements[want.placement])
	case p != want.placement:
		w.fail("R3", "a request went to %s, by the rules %s serves it", w.short(e), w.placements[want.placement])
	case want.resort >= 0 && e != want.resort:
		w.fail("R3", "a request went to %s, by the rules %s is the last resort", w.short(e), w.short(want.resort))
	case d.Placement != w.router.PlacementNumber(p):
		w.fail("R4", "the answer does not name the placement that served")
	case d.Probe != (ep.state != core.Closed):
		w.fail("R6", "a request to a breaker that is %s is said to be a probe: %t", ep.state, d.Probe)
	}
	if w.violation != nil {
		return
	}
	a := attempt{handle: d.Handle, request: request, endpoint: int8(e), guest: guest, probe: d.Probe, ticket: true, guard: core.Never}
	if d.Probe {
		if ep.state == core.Open {
			w.move(e, core.HalfOpen)
		}
		t := &w.row(e).Timeouts
		a.guard = w.now.Add(t.Connect + t.ResponseHeader + core.Second)
	}
	w.attempts[w.n] = a
	w.n++
}
