package planted

import (
	"slices"

	"lockstep/core"
)

// routes are bugs in who may serve whom, and in who does (R1 to R4).
func routes() []Bug {
	return []Bug{
		{Property: "R1", Name: "the last fallback is forgotten", Seeds: 20, Tamper: spec(func(s *core.Spec) {
			for i := range s.Placements {
				if p := &s.Placements[i]; len(p.Fallback) > 0 {
					p.Fallback = p.Fallback[:len(p.Fallback)-1]
				}
			}
		})},
		{Property: "R1", Name: "unknown keys go to the placement written first", Seeds: 20, Tamper: spec(func(s *core.Spec) { s.Default = s.Placements[0].Name })},
		{Property: "R2", Name: "a refused request takes a rotation step", Seeds: 20, Tamper: func() Tamper {
			return Tamper{Decide: func(r *core.Router, now core.Time, _ *core.Event, d *core.Decision) {
				if d.Kind == core.Reject && d.Class != core.Draining {
					spin(r, now)
				}
			}}
		}},
		{Property: "R2", Name: "an unhealthy endpoint serves while others could", Seeds: 50, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if d.Kind != core.Forward || d.Probe || r.Endpoint(d.Endpoint).Unhealthy {
				return
			}
			sick := func(_ int32, e *core.EndpointView) bool { return e.Breaker == core.Closed && e.Unhealthy }
			if n, ok := among(r, int32(r.Placement(d.Placement).Index), sick); ok {
				d.Endpoint = n
			}
		})},
		{Property: "R3", Name: "a request is sent past a home that could serve it", Seeds: 20, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if !decided(ev, d) || d.Kind != core.Forward || guest(r, ev, d) || d.Probe {
				return
			}
			for _, c := range r.Config().Placement(int(ev.Route.Placement)).Candidates[1:] {
				if n, ok := among(r, c, usable); ok {
					d.Placement, d.Endpoint = r.PlacementNumber(int(c)), n
					return
				}
			}
		})},
		{Property: "R3", Name: "health blocks a request", Seeds: 50, Tamper: decide(func(r *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.Forward && r.Endpoint(d.Endpoint).Unhealthy {
				refuse(r, d, core.NoEndpoint)
			}
		})},
		{Property: "R3", Name: "a refusal tells another breaker's state", Seeds: 50, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Class == core.CircuitOpen && d.Circuit == core.Open {
				d.Circuit = core.HalfOpen
			}
		})},
		{Property: "R4", Name: "the placement that was left is named in the answer", Seeds: 20, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if guest(r, ev, d) {
				d.Placement = r.PlacementNumber(int(ev.Route.Placement))
			}
		})},
		{Property: "R4", Name: "the wrong failover reason is told", Seeds: 20, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if guest(r, ev, d) {
				d.Failover = core.FailoverLimit
			}
		})},
		{Property: "R4", Name: "a probe's answer says closed", Seeds: 20, Tamper: decide(func(_ *core.Router, _ *core.Event, d *core.Decision) {
			if d.Kind == core.Forward && d.Probe {
				d.Circuit = core.Closed
			}
		})},
		{Property: "R4", Name: "the end of a request frees another's slot", Seeds: 20, Tamper: crossed},
	}
}

// crossed ends the youngest attempts first.
func crossed() Tamper {
	var live []core.Handle
	return Tamper{
		Event: func(_ *core.Router, _ core.Time, ev *core.Event) {
			if ev.Kind == core.Finish && len(live) > 0 {
				ev.Handle = live[len(live)-1]
				live = live[:len(live)-1]
			}
		},
		Decide: func(_ *core.Router, _ core.Time, _ *core.Event, d *core.Decision) {
			if d.Kind == core.Forward && !slices.Contains(live, d.Handle) {
				live = append(live, d.Handle)
			}
		},
	}
}

// ways are bugs in which table a route asks, and on which side of a split a
// request falls (R1).
func ways() []Bug {
	return []Bug{
		{Property: "R1", Name: "every route asks the first one's table", Seeds: 50, Routed: true, Tamper: spec(func(s *core.Spec) {
			for i := range s.Routes {
				s.Routes[i].Table = s.Table
			}
		})},
		{Property: "R1", Name: "the parts of a split get each other's shares", Seeds: 50, Routed: true, Tamper: spec(func(s *core.Spec) {
			for i := range s.Splits {
				p := s.Splits[i].Parts
				p[0].Share, p[len(p)-1].Share = p[len(p)-1].Share, p[0].Share
			}
		})},
		{Property: "R3", Name: "a split is drawn anew for every configuration", Seeds: 50, Routed: true, Tamper: event(func(r *core.Router, ev *core.Event) {
			c := r.Config()
			if ev.Kind != core.Arrive || c == nil {
				return
			}
			for i := range c.Splits() {
				parts := c.Split(i)
				if slices.ContainsFunc(parts, func(p core.Part) bool { return p.Placement == int(ev.Route.Placement) }) {
					n := (ev.SplitHash() ^ c.Digest()) % uint64(len(parts))
					ev.Route.Placement = int32(parts[n].Placement)
					return
				}
			}
		})},
		{Property: "R16", Name: "an unknown key gets the status of the first route", Seeds: 50, Routed: true, Tamper: decide(func(r *core.Router, ev *core.Event, d *core.Decision) {
			if d.Kind == core.Reject && d.Class == core.UnknownKey && ev.Via > 0 {
				_, d.Status = r.Config().Unknown()
			}
		})},
	}
}
