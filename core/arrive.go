package core

// Admission (R1-R5): evaluate first, commit last. Evaluation reads the state
// and fills a verdict; only a verdict to forward changes anything (R2).

// Block says what keeps an endpoint from taking a request, the first that applies (R2).
type Block uint8

// Blocks, in the order in which R2 asks.
const (
	BlockNone Block = iota
	BlockRetiring
	BlockBreaker
	BlockHealth
	BlockCap // its own limit of requests in flight is reached
)

// verdict is the outcome of an evaluation.
type verdict struct {
	class     Class // ClassNone: forward
	rule      uint8 // that refuses, 0 for the class's own
	failover  Failover
	circuit   Circuit
	endpoint  int32            // number; the one to use, or whose breaker refuses; -1 for none
	placement int32            // number; the one that serves or refuses
	candidate int              // position in the home placement's list
	rotates   int              // admissible[:rotates] take a rotation step
	wait      bool             // in placement's queue (R5)
	exhausted bool             // no candidate decided
	pin       bool             // the client's cookie is to name the endpoint (R10)
	spec      *placementConfig // of placement, of a verdict to forward
}

func (r *Router) arrive(now Time, ev *Event, out []Decision) []Decision {
	if ev.Handle.Gen != 0 || ev.Handle.Slot != 0 {
		return r.comeAgain(now, ev, out)
	}
	if class, home := r.precheck(ev); class != ClassNone {
		d := note(Reject, ruleOf(class), now)
		d.Class, d.Status, d.Placement, d.Reason = class, class.Row().Status, home, ev.Route.Reason
		switch class {
		case UnknownKey:
			d.Status = r.config.routes[ev.Via].status
		case NoRoute:
			d.Status = r.config.noRouteStatus
		}
		if class == Internal {
			out = r.ignore(now, 12, CauseBadRoute, out)
		}
		return append(out, d)
	}
	var v verdict
	r.evaluate(now, ev, &v)
	switch {
	case v.wait:
		return r.arriveQueued(now, ev, v.placement, out)
	case v.class != ClassNone:
		return append(out, v.reject(now, ev))
	}
	return r.commit(now, ev, &v, out)
}

// reject is the answer of a verdict that refuses.
func (v *verdict) reject(now Time, ev *Event) Decision {
	d := note(Reject, ruleOf(v.class), now)
	if v.rule != 0 {
		d.Rule = v.rule
	}
	d.Class, d.Status = v.class, v.class.Row().Status
	d.Reason, d.Failover, d.Circuit = ev.Route.Reason, v.failover, v.circuit
	d.Placement, d.Endpoint = v.placement, v.endpoint
	return d
}

// precheck refuses what needs no look at any endpoint. home is the number of
// the key's own placement where there is one, else -1.
func (r *Router) precheck(ev *Event) (class Class, home int32) {
	if ev.Route.Refuse != ClassNone || r.draining || r.config == nil || ev.Epoch != r.epoch {
		if class = r.refusal(ev); class != ClassNone {
			return class, -1
		}
	}
	at := int(ev.Route.Placement)
	if at < 0 || at >= len(r.config.placements) {
		return Internal, -1
	}
	home = r.numbers.placement[at]
	if limit := r.config.placements[at].bodyMax; limit > 0 && ev.Length > limit {
		return BodyTooLarge, home
	}
	return ClassNone, home
}

// refusal is the part of precheck that asks neither for a placement nor its limits.
func (r *Router) refusal(ev *Event) Class {
	switch {
	case ev.Route.Refuse == NoKey || ev.Route.Refuse.byBytes():
		return ev.Route.Refuse
	case r.draining && ev.again == nil: // one that waits came before the drain
		return Draining
	case r.config == nil:
		return NotReady
	case ev.Epoch != r.epoch:
		return Internal
	case ev.Route.Refuse == UnknownKey && int(ev.Via) < len(r.config.routes):
		return UnknownKey
	case ev.Route.Refuse.ByEdge():
		return ev.Route.Refuse
	}
	return ClassNone
}

func ruleOf(c Class) uint8 {
	switch c {
	case NoKey, UnknownKey, NoRoute:
		return 1
	case LimitReached, QueueTimeout, Shed, FairShare:
		return 5
	case CircuitOpen, NoEndpoint:
		return 3
	case NotReady:
		return 13
	case Draining:
		return 14
	}
	return 16
}

// survey is what one look at a placement's endpoints found. The admissible
// ones are r.admissible.
type survey struct {
	admissible int
	breaker    int32 // first endpoint that its breaker blocks, -1 for none
	health     int32 // first endpoint that only health blocks, -1 for none
	capped     bool  // some are blocked by their cap
}

func (r *Router) survey(p *placementConfig, state *placement, now Time) survey {
	all := r.numbers.endpoint[p.first:p.end]
	if p.plain && !state.panic && r.sound(all) {
		r.admissible = all
		return survey{admissible: len(all), breaker: -1, health: -1}
	}
	s := survey{breaker: -1, health: -1}
	blind := state.panic && p.panicDo == PanicAll
	r.admissible = r.found[:0]
	for _, n := range all {
		r.look(&s, n, p, now, blind)
	}
	r.found, s.admissible = r.admissible, len(r.admissible)
	return s
}

// sound says that neither breaker nor health blocks any of them, as is usual.
func (r *Router) sound(all []int32) bool {
	endpoints := r.endpoints
	for _, n := range all {
		if e := &endpoints[n]; e.breaker.state != Closed || e.health.unhealthy {
			return false
		}
	}
	return true
}

// block asks R2 of one endpoint in the configuration; blind ignores health (R9).
func (r *Router) block(e *endpoint, p *placementConfig, now Time, blind bool) Block {
	if e.breaker.state != Closed && !e.breaker.admits(now, &p.breaker) {
		return BlockBreaker
	}
	if e.health.unhealthy && !blind {
		return BlockHealth
	}
	if e.inFlight >= e.limit {
		return BlockCap
	}
	return BlockNone
}

// room says whether a placement takes one more (R5).
type room uint8

const (
	roomYes room = iota
	roomGuestsFull
	roomFull
	roomShed   // its priority has no share of what is left
	roomUnfair // its tenant holds its share
)

// room asks R5 of one request; it changes nothing and may be asked again.
func (s *placement) room(p *placementConfig, ev *Event, guest bool) room {
	if p.shares {
		return s.sharedRoom(p, ev, guest)
	}
	return s.plainRoom(p, guest)
}

// plainRoom is room where the limit is no more than numbers; it is inlined.
func (s *placement) plainRoom(p *placementConfig, guest bool) room {
	if guest && p.limit.Guests != 0 && s.guests >= max(p.limit.Guests, 0) {
		return roomGuestsFull
	}
	if p.limit.InFlight > 0 && s.inFlight >= p.limit.InFlight {
		return roomFull
	}
	return roomYes
}

// evaluate walks the candidates (R3). The first with an admissible endpoint
// and room serves; a full one that rejects refuses. It fills in v, which is
// zero, field by field: copying a fresh struct costs a tenth of a decision.
func (r *Router) evaluate(now Time, ev *Event, v *verdict) {
	if ev.again == nil || ev.again.attempts == 0 {
		r.walk(now, ev, v)
		return
	}
	// A retry goes to an endpoint that it has not tried, as long as there is one (R11).
	ev.fresh, ev.skipped = true, false
	r.walk(now, ev, v)
	ev.fresh = false
	if ev.skipped && v.exhausted {
		*v = verdict{}
		r.walk(now, ev, v)
	}
}

// walk is one pass of an evaluation over the candidates.
func (r *Router) walk(now Time, ev *Event, v *verdict) {
	list := r.config.placements[ev.Route.Placement].candidates
	left := leaving{breaker: -1}
	for i, c := range list {
		p := &r.config.placements[c]
		number := r.numbers.placement[c]
		state := &r.placements[number]
		var s survey
		if p.sharded {
			s = r.surveyShard(p, state, now, ev.Route.Key)
		} else {
			s = r.survey(p, state, now)
		}
		if ev.fresh {
			r.skipTried(ev, &s)
		}
		if state.panic && p.panicDo != PanicAll {
			if left.passed = r.tests(&s); s.admissible == 0 {
				if p.panicDo == PanicFail {
					v.class, v.rule, v.endpoint, v.placement, v.failover = NoEndpoint, 9, -1, number, left.first
					return
				}
				left.blocked(r, p, number, i, ev, s)
				continue
			}
		}
		if s.admissible == 0 && (s.breaker >= 0 || !s.capped) {
			left.passed = false
			left.blocked(r, p, number, i, ev, s)
			continue
		}
		room := state.plainRoom(p, i > 0)
		if p.shares {
			room = state.sharedRoom(p, ev, i > 0)
		}
		if room == roomYes && (s.admissible == 0 || state.queue.count > 0 && state.behind(&p.limit, ev, i > 0)) {
			room = roomFull // every sound endpoint is at its cap, or others wait
		}
		switch room {
		case roomYes:
			v.placement, v.spec, v.candidate, v.failover = number, p, i, left.first
			r.choose(now, p, ev, v)
			return
		case roomFull, roomShed, roomUnfair:
			if r.full(p, number, room, ev, i, s.admissible == 0, v) {
				v.failover = left.first
				return
			}
		}
		if s.admissible == 0 && s.health >= 0 {
			left.offer(r, p, number, i, ev, s.health, left.first)
		}
		left.full(room)
	}
	v.exhausted = true
	if left.chosen {
		r.serveInPanic(now, ev, &left, v)
		return
	}
	*v = left.verdict(r, r.numbers.placement[list[0]])
	v.exhausted = true
}

// full decides a candidate that has no room, if it does not let the request go on.
func (r *Router) full(p *placementConfig, number int32, m room, ev *Event, at int, capped bool, v *verdict) bool {
	wait, refusal := r.placements[number].atFull(p, number, ev, at > 0, m, capped)
	switch {
	case wait:
		v.wait, v.placement = true, number
	case refusal == roomYes:
		return false
	default:
		v.class, v.endpoint, v.placement, v.candidate = refusal.class(), -1, number, at
	}
	return true
}

// leaving remembers why candidates were left.
type leaving struct {
	first      Failover // reason of the first one left: the header's
	class      Class    // of a refusal, when only room was missing: by the first one that had none
	circuit    bool     // some were left as circuit_open
	unhealthy  bool     // some were left as upstream_unhealthy, with no last resort
	breaker    int32    // first breaker-blocked endpoint in candidate order
	passed     bool     // the candidate at hand is in panic and has sound endpoints (R9)
	chosen     bool     // the last resort is one of a placement's sound endpoints, by selection (R9)
	resort     int32    // endpoint to use when nothing else can, -1 with none found
	resortAt   int      // its candidate's position plus 1, 0 for none
	resortHome int32    // number of its placement
	resortWhy  Failover // the reason in the header if it serves
}

func (l *leaving) leave(f Failover) {
	if l.first == FailoverNone {
		l.first = f
	}
}

func (l *leaving) full(m room) {
	l.leave(FailoverLimit)
	l.lacks(m)
}

// lacks books that room was missing, for what the first time says in a refusal.
func (l *leaving) lacks(m room) {
	if l.class == ClassNone {
		l.class = m.class()
	}
}

// blocked books a candidate without any admissible endpoint.
func (l *leaving) blocked(r *Router, p *placementConfig, number int32, at int, ev *Event, s survey) {
	before := l.first
	if s.breaker >= 0 {
		l.circuit = true
		if l.breaker < 0 {
			l.breaker = s.breaker
		}
		l.leave(FailoverCircuitOpen)
	} else {
		l.leave(FailoverUnhealthy)
	}
	if s.health < 0 && !l.passed {
		return
	}
	if p.lastResort == RefuseLastResort {
		l.unhealthy = true
		return
	}
	if l.resortAt == 0 {
		l.offer(r, p, number, at, ev, s.health, before)
		l.chosen = l.passed && l.resortAt > 0
	}
}

// offer keeps an endpoint that only health blocks as the last resort, if its
// placement has room and none before it was found. why is the reason in the
// header if it serves.
func (l *leaving) offer(r *Router, p *placementConfig, number int32, at int, ev *Event, endpoint int32, why Failover) {
	if p.lastResort != UseLastResort || l.resortAt != 0 {
		return
	}
	s := &r.placements[number]
	m := s.room(p, ev, at > 0)
	if m == roomYes && s.behind(&p.limit, ev, at > 0) {
		m = roomFull
	}
	if m != roomYes {
		l.lacks(m)
		return
	}
	l.resort, l.resortAt, l.resortHome, l.resortWhy = endpoint, at+1, number, why
}

// verdict closes an evaluation that found no candidate to decide: the last
// resort if there is one, else 503, or 429 when only room was missing.
func (l *leaving) verdict(r *Router, home int32) verdict {
	switch {
	case l.resortAt > 0:
		spec := &r.config.placements[r.placements[l.resortHome].config]
		return verdict{endpoint: l.resort, placement: l.resortHome, spec: spec, candidate: l.resortAt - 1, failover: l.resortWhy}
	case l.circuit:
		return verdict{class: CircuitOpen, endpoint: l.breaker, placement: home, circuit: r.endpoints[l.breaker].breaker.state}
	case l.unhealthy:
		return verdict{class: NoEndpoint, endpoint: -1, placement: home}
	}
	if l.class == ClassNone {
		l.class = LimitReached
	}
	return verdict{class: l.class, endpoint: -1, placement: home}
}

// commit takes the slot, the probe and the rotation step of a verdict to forward.
// What nearly every request needs is in functions that call nothing, so that
// they keep in registers what they work on.
func (r *Router) commit(now Time, ev *Event, v *verdict, out []Decision) []Decision {
	n := ev.slot // one that waited has its slot
	if ev.again == nil {
		var ok bool
		if n, ok = r.slots.take(); !ok {
			return r.tableFull(now, ev, v.placement, out)
		}
	}
	s := r.slots.at(n) // zero, as release left it, or that of a request that waited
	if ev.again == nil {
		s.request, s.gen = ev.Request, r.nextSerial()
	}
	if v.rotates > 0 {
		r.rotate(r.admissible[:v.rotates], v.endpoint)
	}
	v.rule = 3
	if r.endpoints[v.endpoint].breaker.state != Closed {
		v.rule = 6
		out = r.admitProbe(now, v.endpoint, n, v.spec, out)
	}
	if v.spec.timed {
		s.began = r.now + 1
	}
	r.occupy(s, v)
	if v.spec.shares {
		r.takeShare(now, s, v.placement, ev)
	}
	if ev.again != nil || r.config.placements[ev.Route.Placement].retries.Max > 0 {
		r.depart(now, n, ev, r.endpoints[v.endpoint].id)
	}
	out = append(out, Decision{})
	v.forward(&out[len(out)-1], now, ev, n, s)
	return out
}

// occupy books the attempt in s at the endpoint and the placement of v.
func (r *Router) occupy(s *slot, v *verdict) {
	e, p := &r.endpoints[v.endpoint], &r.placements[v.placement]
	v.circuit = e.breaker.state
	s.generation, s.endpoint = e.breaker.gen, v.endpoint
	s.guest, s.probe = v.candidate > 0, v.circuit != Closed
	s.mixed = s.mix(e.id)
	r.sum += s.mixed
	e.inFlight++
	p.inFlight++
	p.guests += int32(bit(s.guest))
	r.touchEndpoint(v.endpoint)
	r.touchPlacement(v.placement)
}

// forward fills in d, which is zero, for the attempt in s, which is slot n.
func (v *verdict) forward(d *Decision, now Time, ev *Event, n uint32, s *slot) {
	d.Kind, d.Rule, d.At, d.Handle, d.Probe = Forward, v.rule, now, Handle{n, s.gen}, s.probe
	d.Reason, d.Failover, d.Circuit = ev.Route.Reason, v.failover, v.circuit
	d.Placement, d.Endpoint, d.Pin = v.placement, v.endpoint, v.pin
	if ev.again != nil && ev.again.attempts > 1 {
		d.Count = uint32(ev.again.attempts)
	}
}

// tableFull refuses a request for which the table of attempts has no slot.
func (r *Router) tableFull(now Time, ev *Event, placement int32, out []Decision) []Decision {
	out = r.ignore(now, 5, CauseTableFull, out)
	d := note(Reject, 5, now)
	d.Class, d.Status, d.Reason, d.Placement = LimitReached, 429, ev.Route.Reason, placement
	return append(out, d)
}

// admitProbe makes the request in slot n a half-open probe of the endpoint (R6).
func (r *Router) admitProbe(now Time, number int32, n uint32, pc *placementConfig, out []Decision) []Decision {
	b := &r.endpoints[number].breaker
	if b.state == Open {
		out = r.ensure(b.move(breakerAdmit), now, "a probe from closed", out)
		out = append(out, r.about(NoteHalfOpened, 6, now, number))
		out = r.weigh(now, r.endpoints[number].placement, out)
	}
	guard := r.now.Add(pc.timeouts.Connect + pc.timeouts.ResponseHeader + Second)
	r.timers.set(timerBreakerGuard, number, b.addProbe(n, guard))
	return out
}
