package report

import (
	"lockstep/core"
	"lockstep/traces"
)

// before looks at what the step is about to end, and begins anew where the
// recording does.
func (r *Router) before(f *traces.Fact, core0 *core.Router) {
	r.ends = false
	if f.Event.Kind == core.Finish || f.Event.Kind == core.Reply {
		r.attempt, r.ends = core0.Attempt(f.Event.Handle)
	}
	if r.begun && f.Step != r.last+1 {
		r.missed(f, core0)
	}
}

// missed is told that steps are missing before f, whose state is the one given.
func (r *Router) missed(f *traces.Fact, state *core.Router) {
	r.gaps = append(r.gaps, gap{r.seen, max(state.Now(), r.seen), f.Step - r.last - 1})
	for h, n := range r.flying.All() {
		row := &r.rows.list[*n]
		row.class, row.span = classLost, r.seen.Sub(row.time)
		r.book(row)
		r.flying.Drop(h)
	}
	for _, t := range r.series.all {
		r.series.set(t, r.seen, level{total: absent})
	}
	for i := range r.endpoints {
		r.endpoints[i].state(r, r.seen, stateUnknown)
	}
	r.refresh(max(state.Now(), r.seen), state)
}

// after books one step.
func (r *Router) after(f *traces.Fact, state *core.Router, decided []core.Decision) {
	shown := r.inCut(f.Time)
	switch {
	case !r.begun && !shown:
		return
	case !r.begun:
		r.begun = true
		r.start, r.end, r.seen = f.Time, f.Time, f.Time
		r.series.begin(f.Time)
		r.epoch = state.Epoch()
		r.refresh(f.Time, state)
	}
	r.last, r.seen = f.Step, f.Time
	if shown {
		r.end = max(r.end, f.Time)
	}
	r.request(f, state, decided, shown)
	if !shown {
		return
	}
	for i := range decided {
		r.note(f, state, &decided[i])
	}
	if f.Event.Kind == core.Adopt {
		r.refresh(f.Time, state)
		return
	}
	r.touch(f.Time, state, decided)
}

// touch samples what the step may have changed.
func (r *Router) touch(at core.Time, state *core.Router, decided []core.Decision) {
	if r.ends {
		r.sampleEndpoint(at, state, r.attempt.Endpoint)
	}
	for i := range decided {
		d := &decided[i]
		if d.Endpoint >= 0 {
			r.sampleEndpoint(at, state, d.Endpoint)
		}
		if d.Placement >= 0 {
			r.samplePlace(at, state, d.Placement, d.Kind == core.NoteLimitChanged)
		}
	}
	// A request that waits leaves its queue without a decision when its client goes.
	for n := range r.placeOf {
		if at0 := r.placeOf[n]; at0 >= 0 && r.places[at0].track.now.queue > 0 {
			r.samplePlace(at, state, int32(n), false)
		}
	}
}

// request follows requests through one step.
func (r *Router) request(f *traces.Fact, state *core.Router, decided []core.Decision, shown bool) {
	own := len(decided) - 1
	for i := range decided {
		d := &decided[i]
		switch d.Kind {
		case core.Forward, core.Reject, core.Queued:
			if i == own && f.Event.Kind == core.Arrive {
				continue // below
			}
			if w := r.byHandle(d.Handle); w != nil {
				r.decided(w, d, state)
			}
		case core.Abort:
			if w := r.byHandle(d.Handle); w != nil {
				w.class = d.Class
			}
		}
	}
	switch f.Event.Kind {
	case core.Arrive:
		if own < 0 {
			return
		}
		if d := &decided[own]; f.Event.Handle == (core.Handle{}) {
			if shown {
				r.arrived(f, state, d)
			}
		} else if w := r.byHandle(f.Event.Handle); w != nil && (d.Kind == core.Forward || d.Kind == core.Reject || d.Kind == core.Queued) {
			r.bind(f.Event.Handle, d.Handle)
			r.decided(w, d, state)
		}
	case core.Reply, core.Finish:
		r.ended(f, decided)
	}
}

// byHandle returns the request in flight that h names, nil for none of ours.
func (r *Router) byHandle(h core.Handle) *row {
	if n := r.flying.Of(h); n != nil {
		return &r.rows.list[*n]
	}
	return nil
}

// bind makes now name the request that was named by before.
func (r *Router) bind(before, now core.Handle) {
	if now == before || now.Gen == 0 {
		return
	}
	row := *r.flying.Of(before)
	r.flying.Drop(before)
	r.flying.Put(now, row)
}

// arrived begins the row of a new request.
func (r *Router) arrived(f *traces.Fact, state *core.Router, d *core.Decision) {
	if d.Kind != core.Forward && d.Kind != core.Reject && d.Kind != core.Queued {
		return // ignored: it named another epoch
	}
	if len(r.rows.list) >= r.rows.most {
		r.rows.thin(&r.flying)
	}
	ev := &f.Event
	w := row{
		time: f.Time, step: f.Step, id: f.Request.ID, key: r.rows.key(f.Request.Key), home: -1, place: -1, endpoint: -1,
		class: classPending, flags: uint16(ev.Method)<<shiftMethod | uint16(ev.Priority&7)<<shiftPrio,
	}
	if c := state.Config(); c != nil && ev.Route.Placement >= 0 && int(ev.Route.Placement) < c.Placements() {
		w.home = r.placeAt(state.PlacementNumber(int(ev.Route.Placement)))
	}
	n := int32(len(r.rows.list))
	r.rows.list = append(r.rows.list, w)
	r.flying.Put(d.Handle, n)
	r.decided(&r.rows.list[n], d, state)
}

// decided books a forward, a refusal or a wait.
func (r *Router) decided(w *row, d *core.Decision, state *core.Router) {
	w.rule = d.Rule
	if d.Placement >= 0 {
		w.place = r.placeAt(d.Placement)
	}
	if d.Kind != core.Forward || w.flags&flagFailover == 0 {
		w.flags = w.flags&^flagFailover | uint16(d.Failover)&flagFailover
	}
	switch d.Kind {
	case core.Forward:
		r.forwarded(w, d)
	case core.Queued:
		w.flags |= flagQueued
		r.rows.addLeg(w, leg{endpoint: -1, place: w.place, from: d.At, wait: true})
	case core.Reject:
		r.rows.endLeg(w, d.At, d.Class, d.Status)
		w.class, w.status, w.span = d.Class, d.Status, d.At.Sub(w.time)
		w.flags |= flagRefused
		if d.Placement >= 0 {
			p := state.Placement(d.Placement)
			r.rows.rooms = append(r.rows.rooms, room{uint32(p.InFlight), uint32(p.Guests), uint32(p.Limit)})
			w.room = int32(len(r.rows.rooms) - 1)
		}
		r.flying.Drop(d.Handle)
		r.book(w)
	}
}

// forwarded begins an attempt.
func (r *Router) forwarded(w *row, d *core.Decision) {
	w.flags = w.flags&^(flagFailover|flagCircuit|flagProbe) | uint16(d.Failover)&flagFailover | uint16(d.Circuit)<<shiftCircuit&flagCircuit
	if d.Probe {
		w.flags |= flagProbe
	}
	if d.Pin {
		w.flags |= flagPin
	}
	w.endpoint = r.endAt(d.Endpoint)
	w.attempts = min(w.attempts, 254) + 1
	r.rows.endLeg(w, d.At, core.ClassNone, 0)
	if w.leg != 0 {
		r.rows.addLeg(w, leg{endpoint: w.endpoint, place: w.place, from: d.At, failover: d.Failover, circuit: d.Circuit})
	}
}

// ended books the end of an attempt, and of its request unless a retry follows.
func (r *Router) ended(f *traces.Fact, decided []core.Decision) {
	ev := &f.Event
	w := r.byHandle(ev.Handle)
	if w == nil {
		return
	}
	if ev.Sent {
		w.flags |= flagSent
	}
	if n := len(decided) - 1; n >= 0 && decided[n].Kind == core.Retry {
		r.retried(w, f, &decided[n])
		r.bind(ev.Handle, decided[n].Handle)
		return
	}
	if ev.Status != 0 {
		w.status = ev.Status
	}
	if ev.Kind == core.Reply {
		w.flags |= flagReplied
		return
	}
	w.class = traces.Outcome(ev.Class, w.status)
	if status := w.class.Row().Status; status != 0 {
		w.status = status
	}
	w.span = f.Time.Sub(w.time)
	r.rows.endLeg(w, f.Time, w.class, w.status)
	r.flying.Drop(ev.Handle)
	r.book(w)
}

// retried ends an attempt after which another follows, and begins the wait for it.
func (r *Router) retried(w *row, f *traces.Fact, d *core.Decision) {
	if w.leg == 0 {
		r.rows.addLeg(w, leg{
			endpoint: w.endpoint, place: w.place, from: w.time,
			failover: core.Failover(w.flags & flagFailover), circuit: core.Circuit(w.flags & flagCircuit >> shiftCircuit),
		})
	}
	r.rows.endLeg(w, f.Time, d.Class, d.Status)
	r.rows.addLeg(w, leg{endpoint: -1, place: w.place, from: f.Time, wait: true})
}

// book counts a request whose end is known, or will never be.
func (r *Router) book(w *row) {
	if w.class == classFlying {
		w.span = r.end.Sub(w.time)
	}
	kind := w.kind()
	r.rates.add(&r.series, w.time, kind)
	r.totals.add(w, kind)
}
