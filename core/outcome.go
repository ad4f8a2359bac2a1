package core

// Outcomes (R6, R7): what the end of an attempt says about its endpoint. A
// request books one outcome, at Finish or, when its body outlives settle, at
// Reply; after a Reply at most one broken body more.

// reply books the outcome of a response whose body still flows.
func (r *Router) reply(now Time, ev *Event, out []Decision) []Decision {
	s := r.slots.find(ev.Handle)
	if s == nil || s.state == slotWaiting {
		return r.ignore(now, 7, CauseUnknownHandle, out)
	}
	if s.replied {
		return r.ignore(now, 7, CauseSecondReply, out)
	}
	class, ok := outcomeOf(ClassNone, ev.Status)
	if !ok {
		return r.ignore(now, 7, CauseBadStatus, out)
	}
	if s.began != 0 {
		r.sampleReply(now, s, class)
	}
	began := s.began
	s.replied, s.began = true, 0
	r.remix(s)
	home := r.endpoints[s.endpoint].placement
	panicked := r.placements[home].panic
	out = r.book(now, s, ev.Handle.Slot, class, began, out)
	if s.state == slotJourney && class == Upstream5xx {
		if due, why := r.mayRetry(now, ev.Handle.Slot, ev, class); why == RetryGranted {
			return r.backOff(now, due, ev.Handle.Slot, ev, class, out)
		}
	}
	return r.reweighed(now, home, panicked, out)
}

// finish books the outcome if it is still owed and frees the slot.
func (r *Router) finish(now Time, ev *Event, out []Decision) []Decision {
	s := r.slots.find(ev.Handle)
	if s == nil {
		return r.ignore(now, 7, CauseUnknownHandle, out)
	}
	if s.state == slotWaiting {
		return r.giveUp(now, ev.Handle.Slot, out)
	}
	class, ok := outcomeOf(ev.Class, ev.Status)
	if !ok {
		out = r.ignore(now, 7, CauseBadStatus, out)
	}
	if s.began != 0 {
		r.sample(s, class, now.Sub(s.began-1), s.began)
	}
	if (!s.replied || class == BrokenBody || class == BodyTimeout) && !r.quiet(s, class) {
		out = r.book(now, s, ev.Handle.Slot, class, s.began, out)
	}
	if s.state == slotJourney {
		return r.finishJourney(now, ev, class, out)
	}
	return r.free(now, s, ev.Handle.Slot, out)
}

// quiet says that book would change nothing: a good outcome at a closed breaker
// that counts no failures, where nobody measures or keeps a window. It is the
// outcome of nearly every request.
func (r *Router) quiet(s *slot, class Class) bool {
	e := &r.endpoints[s.endpoint]
	return class == ClassNone && e.breaker.state == Closed && e.breaker.failures == 0 &&
		s.generation == e.breaker.gen && s.began == 0 && len(r.extras) == 0
}

// finishJourney ends an attempt of a request that may come again. A response is
// asked about with Reply, before any of it goes to the client, so only an
// attempt without one can be retried here (R11).
func (r *Router) finishJourney(now Time, ev *Event, class Class, out []Decision) []Decision {
	n := ev.Handle.Slot
	s := r.slots.at(n)
	if !s.replied && class != Upstream5xx {
		if due, why := r.mayRetry(now, n, ev, class); why == RetryGranted {
			return r.backOff(now, due, n, ev, class, out)
		}
	}
	r.endJourney(n)
	s.state = slotPlain
	return r.free(now, s, n, out)
}

// poisoned applies R7's guard: of the attempts of one request only the first
// failure counts against an endpoint.
func (r *Router) poisoned(n uint32, effect Effect) Effect {
	j := r.journey(n)
	if effect != EffectFailure {
		return effect
	}
	if j.failed {
		return EffectExcluded
	}
	j.failed = true
	r.touchJourney(n)
	return effect
}

// outcomeOf joins the edge's class and the upstream's status into one class. A
// status or class outside its range is the edge's fault: internal, not ok.
func outcomeOf(class Class, status uint16) (Class, bool) {
	switch {
	case class >= classes:
		return Internal, false
	case class != ClassNone:
		return class, true
	case status < 100 || status > 599:
		return Internal, false
	case status >= 500:
		return Upstream5xx, true
	}
	return ClassNone, true
}

// book applies one outcome to the breaker of the endpoint that served (R4).
// began is when a timed attempt was admitted plus 1, 0 when nobody measures.
func (r *Router) book(now Time, s *slot, n uint32, class Class, began Time, out []Decision) []Decision {
	e := &r.endpoints[s.endpoint]
	effect := class.Effect()
	if s.state == slotJourney {
		effect = r.poisoned(n, effect)
	}
	if e.config < 0 {
		return out // a retiring endpoint's breaker stands still (R12)
	}
	if began != 0 && effect != EffectExcluded {
		r.measure(now, s.endpoint, now.Sub(began-1), effect)
	}
	b := r.breakerSpec(e)
	if b.Off {
		return out
	}
	if s.generation != e.breaker.gen {
		if effect == EffectExcluded {
			return out
		}
		return r.ignore(now, 6, CauseOldGeneration, out)
	}
	r.touchEndpoint(s.endpoint)
	slow := b.SlowRatio != 0 && began != 0 && now.Sub(began-1) >= b.SlowCall
	if e.breaker.state == HalfOpen {
		if slow && effect == EffectOK {
			effect = EffectFailure // the endpoint that was left for being slow still is
		}
		r.timers.set(timerBreakerGuard, s.endpoint, e.breaker.dropProbe(n))
		return r.bookProbe(now, s.endpoint, effect, out)
	}
	out = r.ensure(e.breaker.state == Closed, now, "an attempt holds the ticket of an open breaker", out)
	switch effect {
	case EffectExcluded:
		return out
	case EffectOK:
		e.breaker.failures = 0
	case EffectFailure:
		e.breaker.failures++
	}
	if b.Window != 0 {
		r.enter(now, s.endpoint, effect, slow, b)
	}
	if e.breaker.failures >= b.Failures {
		return r.trip(now, s.endpoint, TripConsecutive, out)
	}
	if b.Window != 0 {
		if why, due := r.extras[s.endpoint].window.trips(b); due {
			return r.trip(now, s.endpoint, why, out)
		}
	}
	return out
}

func (r *Router) breakerSpec(e *endpoint) *BreakerSpec {
	return &r.config.placements[r.placements[e.placement].config].breaker
}

// bookProbe applies the outcome of a half-open probe that has been dropped from the guards.
func (r *Router) bookProbe(now Time, number int32, effect Effect, out []Decision) []Decision {
	e := &r.endpoints[number]
	switch effect {
	case EffectFailure:
		return r.relapse(now, number, out)
	case EffectOK:
		if e.breaker.successes++; e.breaker.successes < r.breakerSpec(e).Successes {
			return out
		}
		out = r.ensure(e.breaker.move(breakerRecover), now, "recovered from a state other than half_open", out)
		e.breaker.reopened = 0
		r.warm(now, number, true)
		r.timers.set(timerBreakerGuard, number, Never)
		return append(out, r.about(NoteClosed, 6, now, number))
	}
	return out
}

// trip opens a closed breaker unless too many of its placement are open.
func (r *Router) trip(now Time, number int32, why Trip, out []Decision) []Decision {
	e := &r.endpoints[number]
	p := &r.config.placements[r.placements[e.placement].config]
	open, total := 0, int(p.end-p.first)
	for i := p.first; i < p.end; i++ {
		open += int(bit(r.endpoints[r.numbers.endpoint[i]].breaker.state != Closed))
	}
	if open >= max(1, total*int(p.breaker.MaxOpenPercent)/100) {
		e.breaker.failures = 0
		r.emptyWindow(number)
		d := r.about(NoteTripCapped, 6, now, number)
		d.Count, d.Trip = uint32(open), why
		return append(out, d)
	}
	r.emptyWindow(number)
	return r.open(now, number, breakerTrip, why, out)
}

// relapse opens a half-open breaker again, for longer.
func (r *Router) relapse(now Time, number int32, out []Decision) []Decision {
	b := &r.endpoints[number].breaker
	b.reopened = min(b.reopened+1, maxReopened)
	r.timers.set(timerBreakerGuard, number, Never)
	return r.open(now, number, breakerRelapse, TripConsecutive, out)
}

func (r *Router) open(now Time, number int32, in breakerInput, why Trip, out []Decision) []Decision {
	e := &r.endpoints[number]
	out = r.ensure(e.breaker.move(in), now, "opened from a state that cannot open", out)
	e.breaker.until = now.Add(e.breaker.openTime(r.breakerSpec(e), r.seed, e.id))
	r.touchEndpoint(number)
	d := r.about(NoteOpened, 6, now, number)
	d.Until, d.Trip = e.breaker.until, why
	return r.weigh(now, e.placement, append(out, d))
}

// breakerGuard fails a half-open probe that never answered.
func (r *Router) breakerGuard(at Time, number int32, out []Decision) []Decision {
	home := r.endpoints[number].placement
	panicked := r.placements[home].panic
	return r.reweighed(at, home, panicked, r.relapse(at, number, out))
}

// free ends the attempt in slot n and lets the next in the queue have its room.
func (r *Router) free(now Time, s *slot, n uint32, out []Decision) []Decision {
	home := r.endpoints[s.endpoint].placement
	out = r.vacate(now, s, out)
	r.slots.release(n)
	if r.placements[home].queue.count > 0 {
		return r.turn(now, home, out)
	}
	return out
}

// vacate gives back what an attempt held; an endpoint that retires goes with its last one.
func (r *Router) vacate(now Time, s *slot, out []Decision) []Decision {
	sound, rest := r.yield(s)
	if !sound {
		out = r.ensure(false, now, "a slot without its count", out)
	}
	if !rest {
		return out
	}
	e := &r.endpoints[s.endpoint]
	if s.tenant != 0 {
		out = r.uncount(now, s, r.placements[e.placement].tenants, out)
	}
	if e.config < 0 && e.inFlight == 0 {
		out = r.retire(now, s.endpoint, out)
	}
	return out
}

// yield takes back what occupy booked. sound: there was as much; rest: the
// attempt counts for a tenant, or its endpoint retires.
func (r *Router) yield(s *slot) (sound, rest bool) {
	e := &r.endpoints[s.endpoint]
	p := &r.placements[e.placement]
	guest := int32(bit(s.guest))
	sound = e.inFlight > 0 && p.inFlight > 0 && p.guests >= guest
	e.inFlight--
	p.inFlight--
	p.guests -= guest
	r.sum -= s.mixed
	r.touchEndpoint(s.endpoint)
	r.touchPlacement(e.placement)
	return sound, s.tenant != 0 || e.config < 0
}
