package sim

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/core"
)

// The breaker and the outcomes that move it (R6, R7), from the rules.

// passBreaker judges an admission at the breaker's door and books a probe.
func (c *checker) passBreaker(d *core.Decision, e *endpointModel, row *core.PlacementInfo) {
	if e.state == core.Closed {
		if d.Probe {
			c.failEndpoint("R6", d.Endpoint, "breaker", "a request was made a probe of a closed breaker")
		}
		return
	}
	switch {
	case e.state == core.Open && c.now < e.until:
		c.failEndpoint("R6", d.Endpoint, "breaker.open", "a request was forwarded to an open breaker before its time")
	case e.state == core.HalfOpen && len(e.probes) >= int(row.Breaker.Probes):
		c.failEndpoint("R6", d.Endpoint, "breaker.half_open_probes", fmt.Sprintf("%d half-open probes are out, at most %d may be", len(e.probes)+1, row.Breaker.Probes))
	case !d.Probe:
		c.failEndpoint("R6", d.Endpoint, "breaker", "a request passed a breaker that is not closed, and is no probe")
	}
	if e.state == core.Open {
		c.expect(core.NoteHalfOpened, d.Endpoint)
		e.move(core.HalfOpen)
	}
	guard := c.sent().Add(row.Timeouts.Connect + row.Timeouts.ResponseHeader + core.Second)
	e.probes = append(e.probes, probeModel{d.Handle.Slot, guard})
	c.nextGuard = min(c.nextGuard, guard)
}

// move changes a breaker's state: outcomes of before stop counting.
func (e *endpointModel) move(to core.Circuit) {
	e.state = to
	e.ticket++
	e.failures, e.successes, e.probes = 0, 0, e.probes[:0]
}

// reply books the outcome of a response whose body still flows.
func (c *checker) reply(ev *core.Event, decisions []core.Decision) {
	a := c.attempt(ev.Handle)
	if a == nil || a.replied {
		return
	}
	a.replied = true
	if p := &c.placements[c.endpoints[a.endpoint].placement]; p.index >= 0 {
		c.sample(a, core.ClassNone, ev.Status, c.rows[p.index].Timeouts.Settle)
	}
	c.book(a, ev.Handle.Slot, effect(core.ClassNone, ev.Status))
	a.timed = false
	if j := c.journey(ev.Handle); j != nil && c.retry(ev, j, decisions, core.ClassNone) {
		c.over(a)
		c.awaited(ev, decisions, false)
		return
	}
	c.compareCounts(a.endpoint)
	c.compareOutcomes(a.endpoint)
}

// over ends an attempt.
func (c *checker) over(a *attemptModel) {
	e := &c.endpoints[a.endpoint]
	e.inFlight--
	c.placements[e.placement].inFlight--
	c.placements[e.placement].guests -= int32(flag(a.guest))
	c.drop(a)
	a.gen = 0
	if e.index < 0 && e.inFlight == 0 {
		*e = endpointModel{}
	}
}

func (c *checker) finish(ev *core.Event, decisions []core.Decision) {
	if c.finishWait(ev) {
		return
	}
	a := c.attempt(ev.Handle)
	if a == nil {
		return
	}
	e, what := &c.endpoints[a.endpoint], effect(ev.Class, ev.Status)
	c.sample(a, ev.Class, ev.Status, 0)
	if !a.replied || ev.Class == core.BrokenBody || ev.Class == core.BodyTimeout {
		c.book(a, ev.Handle.Slot, what)
	}
	if e.index >= 0 && what == core.EffectExcluded && c.r.core.Endpoint(a.endpoint).Breaker != e.state {
		c.failEndpoint("R7", a.endpoint, "breaker", fmt.Sprintf("an attempt that ended as %s, which does not count, moved its breaker", ev.Class))
	}
	if j := c.journey(ev.Handle); j != nil {
		if a.replied || !c.retry(ev, j, decisions, ev.Class) {
			c.ends(j)
		}
	}
	endpoint := a.endpoint
	c.over(a)
	c.awaited(ev, decisions, false) // whose turn it is now
	c.compareCounts(endpoint)
	c.compareOutcomes(endpoint)
}

func (c *checker) attempt(h core.Handle) *attemptModel {
	if int(h.Slot) < len(c.attempts) && h.Gen != 0 && c.attempts[h.Slot].gen == h.Gen {
		return &c.attempts[h.Slot]
	}
	return nil
}

// book applies one outcome to the endpoint that served (R4).
func (c *checker) book(a *attemptModel, slot uint32, what core.Effect) {
	what = c.countsAgainst(slot, what)
	e := &c.endpoints[a.endpoint]
	if e.index < 0 {
		return
	}
	row := &c.rows[c.placements[e.placement].index]
	c.clocked(e, a, row, what)
	if row.Breaker.Off || a.ticket != e.ticket {
		return
	}
	if e.state == core.HalfOpen {
		e.probes = slices.DeleteFunc(e.probes, func(p probeModel) bool { return p.slot == slot })
		if d, timed := a.took(c.now); what == core.EffectOK && timed && row.Breaker.SlowRatio > 0 && d >= row.Breaker.SlowCall {
			what = core.EffectFailure
		}
		c.bookProbe(a.endpoint, e, row, what)
		return
	}
	switch what {
	case core.EffectOK:
		e.failures = 0
	case core.EffectFailure:
		e.failures++
	default:
		return
	}
	c.enter(e, a, &row.Breaker, what == core.EffectFailure)
	if why, due := c.tripped(e, &row.Breaker); due {
		c.trip(a.endpoint, e, row, why)
	}
}

func (c *checker) bookProbe(n int32, e *endpointModel, row *core.PlacementInfo, what core.Effect) {
	switch what {
	case core.EffectFailure:
		e.reopened++
		e.move(core.Open)
		c.expect(core.NoteOpened, n)
	case core.EffectOK:
		if e.successes++; e.successes >= row.Breaker.Successes {
			e.reopened = 0
			e.move(core.Closed)
			e.warm(c.now, row)
			c.expect(core.NoteClosed, n)
		}
	}
}

// trip opens a closed breaker, unless so many of its placement are open already.
func (c *checker) trip(n int32, e *endpointModel, row *core.PlacementInfo, why core.Trip) {
	e.past = e.past[:0]
	open := 0
	own := c.numbers[row.FirstEP:row.EndEP]
	for _, k := range own {
		open += flag(c.endpoints[k].state != core.Closed)
	}
	if open >= max(1, len(own)*int(row.Breaker.MaxOpenPercent)/100) {
		e.failures = 0
		c.expectTrip(core.NoteTripCapped, n, why)
		return
	}
	e.move(core.Open)
	c.expectTrip(core.NoteOpened, n, why)
}

// opened judges how long a breaker is open, and takes it over.
func (c *checker) opened(d *core.Decision) {
	if d.Kind != core.NoteOpened {
		return
	}
	e := &c.endpoints[d.Endpoint]
	e.until = d.Until
	b := &c.rows[c.placements[e.placement].index].Breaker
	want := b.Open
	for i := uint32(0); i < e.reopened && want < b.OpenMax && b.Growth > million; i++ {
		want = portion(want, uint64(b.Growth), million)
	}
	want = min(want, b.OpenMax)
	jitter := coreDraw(c.r.seed, e.identity, uint64(e.ticket), coreOpenJitter)
	want += core.Duration(below(jitter, uint64(portion(want, uint64(b.Jitter), million))))
	if took := d.Until.Sub(d.At); took != want {
		c.failEndpoint("R6", d.Endpoint, "breaker.open", fmt.Sprintf("it is open for %d ns, by the rules for %d ns", took, want))
	}
}

// fireGuards ends what has waited too long: half-open probes and active probes
// that never answered, in the order of their deadlines.
func (c *checker) fireGuards() {
	c.nextGuard = core.Never
	for n := range c.endpoints {
		e := &c.endpoints[n]
		if first := e.firstGuard(); first <= c.now {
			e.reopened++
			e.move(core.Open)
			c.expected = append(c.expected, expectation{first, core.NoteOpened, int32(n), core.TripConsecutive})
		} else {
			c.nextGuard = min(c.nextGuard, first)
		}
		c.fireProbe(int32(n), e)
		if e.token == 0 {
			continue
		}
		if e.guard <= c.now {
			c.observe(int32(n), false, e.guard)
		} else {
			c.nextGuard = min(c.nextGuard, e.guard)
		}
	}
	slices.SortStableFunc(c.expected, func(a, b expectation) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.kind, b.kind), cmp.Compare(a.endpoint, b.endpoint))
	})
}

func (e *endpointModel) firstGuard() core.Time {
	first := core.Never
	for i := range e.probes {
		first = min(first, e.probes[i].guard)
	}
	return first
}
