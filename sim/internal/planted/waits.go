package planted

import (
	"slices"

	"lockstep/core"
)

// waits are bugs in the queue (R5).
func waits() []Bug {
	queued := func(r *core.Router, ev *core.Event) (core.Journey, bool) {
		j, ok := r.Journey(ev.Handle)
		return j, ok && j.Waiting
	}
	return []Bug{
		{Property: "R5", Waits: true, Name: "a request may wait longer than the queue says", Seeds: 50, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.Queued {
				d.Until += core.Time(core.Millisecond)
			}
		})},
		{Property: "R5", Waits: true, Name: "a queue holds one more than its places", Seeds: 50, Tamper: spec(func(s *core.Spec) {
			for i := range s.Placements {
				if l := &s.Placements[i].Limit; l.WhenFull == core.QueueWhenFull {
					l.Queue++
				}
			}
		})},
		{Property: "R5", Waits: true, Name: "the newest is always next", Seeds: 100, Tamper: spec(func(s *core.Spec) {
			for i := range s.Placements {
				if l := &s.Placements[i].Limit; l.WhenFull == core.QueueWhenFull {
					l.Order = core.NewestFirst - l.Order
				}
			}
		})},
		{Property: "R5", Waits: true, Name: "a full queue is refused as a timeout", Seeds: 50, Tamper: decide(func(_ *core.Router, ev *core.Event, d *core.Decision) {
			if d.Kind == core.Reject && d.Class == core.LimitReached && ev.Kind == core.Arrive {
				d.Class, d.Status = core.QueueTimeout, 503
			}
		})},
		{Property: "R5", Waits: true, Name: "a place is kept for a client that has gone", Seeds: 100, Tamper: event(func(r *core.Router, ev *core.Event) {
			if _, ok := queued(r, ev); ok && ev.Kind == core.Finish {
				ev.Handle = core.Handle{Slot: spare, Gen: 1}
			}
		})},
	}
}

// again are bugs in retries (R7, R11).
func again() []Bug {
	flying := func(r *core.Router, ev *core.Event) (core.Journey, bool) {
		j, ok := r.Journey(ev.Handle)
		return j, ok && !j.Waiting && (ev.Kind == core.Finish || ev.Kind == core.Reply)
	}
	return []Bug{
		{Property: "R11", Waits: true, Name: "a retry comes at once", Seeds: 50, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.Retry {
				d.Until = d.At + 1
			}
		})},
		{Property: "R11", Waits: true, Name: "what may have been processed is sent again", Seeds: 100, Tamper: event(func(r *core.Router, ev *core.Event) {
			if _, ok := flying(r, ev); ok && ev.Kind == core.Finish {
				ev.Sent = false
			}
		})},
		{Property: "R11", Waits: true, Name: "a body that is gone is sent again", Seeds: 100, Tamper: event(func(r *core.Router, ev *core.Event) {
			if _, ok := flying(r, ev); ok {
				ev.Replayable = true
			}
		})},
		{Property: "R11", Waits: true, Name: "the budget is larger than it says", Seeds: 100, Tamper: spec(func(s *core.Spec) {
			for i := range s.Placements {
				if q := &s.Placements[i].Retries; q.Max > 0 && !q.NoBudget {
					q.Floor += 2
				}
			}
		})},
		{Property: "R11", Waits: true, Name: "one retry more than there may be", Seeds: 100, Tamper: spec(func(s *core.Spec) {
			for i := range s.Placements {
				if q := &s.Placements[i].Retries; q.Max > 0 && q.Max < core.MaxRetries {
					q.Max++
				}
			}
		})},
		{Property: "R11", Waits: true, Name: "a failure that is worth a retry gets none", Seeds: 50, Tamper: event(func(r *core.Router, ev *core.Event) {
			if _, ok := flying(r, ev); ok && ev.Kind == core.Finish {
				ev.Replayable = false
			}
		})},
		{Property: "R11", Waits: true, Name: "a retry goes where the request has failed", Seeds: 200, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if d.Kind != core.Forward || d.Count < 2 {
				return
			}
			p := r.Placement(d.Placement)
			info := r.Config().Placement(p.Index)
			j, _ := r.Journey(d.Handle)
			before := j.Tried[:min(j.Attempts-1, len(j.Tried))]
			if slices.Contains(before, r.Identity(d.Endpoint)) {
				return
			}
			for i := info.FirstEP; i < info.EndEP; i++ {
				if n := r.EndpointNumber(i); slices.Contains(before, r.Identity(n)) && usable(n, view(r, n)) {
					d.Endpoint = n
					return
				}
			}
		})},
		{Property: "R7", Waits: true, Name: "every failure of a poisonous request counts", Seeds: 200, Tamper: func() Tamper {
			return Tamper{Event: func(r *core.Router, now core.Time, ev *core.Event) {
				if j, ok := flying(r, ev); ok && j.Failed && ev.Kind == core.Finish && ev.Class.Effect() == core.EffectFailure {
					if a, ok := r.Attempt(ev.Handle); ok && a.Current && !a.Probe && r.Deadline() > now {
						strike(r, now, a.Endpoint)
					}
				}
			}}
		}},
	}
}

func view(r *core.Router, n int32) *core.EndpointView {
	v := r.Endpoint(n)
	return &v
}

// strike sends a request of its own to an endpoint's placement, which fails if
// that endpoint is picked.
func strike(r *core.Router, now core.Time, endpoint int32) {
	at := r.Placement(r.Endpoint(endpoint).Placement).Index
	if at < 0 {
		return
	}
	out := r.Step(now, &core.Event{Kind: core.Arrive, Request: 1, Route: core.Route{Hashes: core.Hashes{Key: 1}, Placement: int32(at)}, Epoch: r.Epoch()}, nil)
	d := out[len(out)-1]
	if d.Kind == core.Forward && d.Endpoint == endpoint {
		r.Step(now, &core.Event{Kind: core.Finish, Handle: d.Handle, Class: core.BrokenBody}, nil)
	} else if d.Handle.Gen != 0 {
		r.Step(now, &core.Event{Kind: core.Finish, Handle: d.Handle, Class: core.ClientGone}, nil)
	}
}
