package sim

import "lockstep/core"

// The tally counts what Result reports. Every request is booked in the window
// in which it arrived, under its home placement.

// openWindow starts the next window and schedules the one after.
func (w *world) openWindow() {
	r := w.result
	if len(r.Windows) > 0 && w.options.Stop != nil && w.options.Stop() {
		r.Err, w.heap = ErrStopped, heap{}
		return
	}
	r.Windows = append(r.Windows, Window{
		From:       w.now,
		Placements: make([]PlacementCounts, len(w.dir.placements)),
		Endpoints:  make([]EndpointCounts, len(w.dir.endpoints)),
	})
	w.windows = int32(len(r.Windows) - 1)
	w.window = &r.Windows[w.windows]
	if next := w.now.Add(w.plan.Window); next < w.length {
		w.heap.pushShared(next, 0, evWindow, 0)
	}
}

// counts returns where a call is booked: its window, and its home's counts
// there, nil for a call without a home.
func (w *world) counts(c *call) (*Counts, *PlacementCounts) {
	win := &w.result.Windows[c.window]
	if c.home < 0 {
		return &win.Counts, nil
	}
	return &win.Counts, &win.Placements[c.home]
}

// tallyArrive books an arrival, and the refusal if it was one.
func (w *world) tallyArrive(c *call, r *router, d *core.Decision) {
	all, home := w.counts(c)
	all.Arrivals++
	again := uint64(flag(c.tries > 0))
	all.Retries += again
	if again > 0 {
		w.result.Sometimes.add(SawRetry)
	}
	if home != nil {
		home.Arrivals++
		home.Retries += again
		home.Failover[d.Failover&3]++
	}
	if d.Failover != core.FailoverNone {
		w.result.Sometimes.add(SawFailover)
	}
	if d.Kind != core.Reject {
		return
	}
	w.bookRefusal(c, d)
	w.tallyRefusal(c, r, d)
	w.checkCalm(c, d.Class)
}

// bookRefusal counts a request that the router refused.
func (w *world) bookRefusal(c *call, d *core.Decision) {
	all, home := w.counts(c)
	all.Refused++
	all.ByClass[d.Class]++
	if home != nil {
		home.Refused++
		home.ByClass[d.Class]++
	}
}

// tallyRefusal says whose fault a refusal was.
func (w *world) tallyRefusal(c *call, r *router, d *core.Decision) {
	saw := &w.result.Sometimes
	switch d.Class {
	case core.CircuitOpen:
		saw.add(SawCircuitOpen)
	case core.Draining:
		saw.add(SawDrainRefusal)
		return
	case core.LimitReached:
		saw.add(SawLimit)
	case core.NoEndpoint:
	default:
		return
	}
	rows := r.table.rows
	home := &rows[w.arrival.Route.Placement]
	for i, at := range home.Candidates {
		p, limit := r.table.homes[at], &rows[at].Limit
		full := limit.InFlight > 0 && r.inFlight[p] >= limit.InFlight
		switch {
		case i > 0 && (full || limit.Guests != 0 && r.guests[p] >= max(limit.Guests, 0)):
			saw.add(SawGuestRefused)
			w.window.Placements[p].GuestRefused++
		case i == 0 && d.Class == core.LimitReached && full && r.inFlight[p]-r.guests[p] < limit.InFlight:
			w.window.Placements[p].HomeRefusedByGuests++
		}
	}
}

// tallyForward books an attempt with the placement and endpoint that serve it.
func (w *world) tallyForward(c *call, r *router, d *core.Decision) {
	c.placement, c.endpoint = r.placements[d.Placement], r.endpoints[d.Endpoint]
	c.guest = c.placement != c.home
	if r.sick[c.endpoint] {
		w.result.Sometimes.add(SawLastResort)
	}
	p := &w.window.Placements[c.placement]
	r.inFlight[c.placement]++
	p.PeakInFlight = max(p.PeakInFlight, int(r.inFlight[c.placement]))
	if c.guest {
		r.guests[c.placement]++
		p.ServedGuest++
		p.PeakGuests = max(p.PeakGuests, int(r.guests[c.placement]))
	} else {
		p.ServedHome++
	}
	e := &w.window.Endpoints[c.endpoint]
	e.Requests++
	if d.Probe {
		e.Probes++
		e.PeakProbes = max(e.PeakProbes, r.core.Endpoint(d.Endpoint).Probes)
	}
}

// outcome is the class of an attempt's end.
func (c *call) outcome() core.Class {
	if c.class == core.ClassNone && c.status >= 500 {
		return core.Upstream5xx
	}
	return c.class
}

// tallyAttempt books the end of an attempt.
func (w *world) tallyAttempt(c *call, r *router) {
	r.inFlight[c.placement]--
	r.guests[c.placement] -= int32(flag(c.guest))
	if c.outcome().Effect() == core.EffectFailure {
		w.result.Windows[c.window].Endpoints[c.endpoint].Failures++
	}
}

// untallyAttempt takes back what tallyAttempt booked.
func (w *world) untallyAttempt(c *call, r *router) {
	r.inFlight[c.placement]++
	r.guests[c.placement] += int32(flag(c.guest))
	if c.outcome().Effect() == core.EffectFailure {
		w.result.Windows[c.window].Endpoints[c.endpoint].Failures--
	}
}

// tallyFinish books the end of a request. It is OK when its client got a whole
// response below 500.
func (w *world) tallyFinish(c *call) {
	class := c.outcome()
	all, home := w.counts(c)
	w.checkCalm(c, class)
	if class != core.ClassNone {
		all.ByClass[class]++
		if home != nil {
			home.ByClass[class]++
		}
		if class == core.ClientGone {
			w.result.Sometimes.add(SawClientGone)
		}
		return
	}
	took := w.now.Sub(c.arrived)
	all.OK++
	all.Latency.Add(took)
	if home != nil {
		home.OK++
		home.Latency.Add(took)
	}
}

// tallyLost books a request whose router crashed.
func (w *world) tallyLost(c *call) {
	all, home := w.counts(c)
	all.Lost++
	if home != nil {
		home.Lost++
	}
}
