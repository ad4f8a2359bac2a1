package fuzz

import (
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// returns-when-mended: an endpoint or a placement that refused connections, or
// answered 500, for a time serves its own requests again soon after it was mended.

// mendingTime is how soon, unless a promise says otherwise: longer than the
// minute that a breaker's open time commonly grows to, with its jitter.
const mendingTime = 120 * core.Second

// mendingDrills: one endpoint where others are left, and the whole placement;
// once shortly, once so long that health has noticed, and once so long that breakers
// have grown.
func (t *Target) mendingDrills(p *core.PlacementInfo) (list []Drill) {
	names, all := t.endpointNames(p.Name)
	if all < 2 {
		names = nil
	}
	const short, long, longest = 30 * core.Second, 300 * core.Second, 6 * 3600 * core.Second
	for _, e := range append(names, "") {
		for _, length := range [...]core.Duration{short, min(longest, max(long, noticed(&p.Health)))} {
			list = append(list, Drill{Property: ReturnsMended, Placement: p.Name, Endpoint: e, Fault: sim.Refuse, For: length / core.Second * core.Second})
		}
		// No health keeps test requests away, so each of them fails and the open time grows.
		list = append(list, Drill{Property: ReturnsMended, Placement: p.Name, Endpoint: e, Fault: sim.Flaky, For: long})
	}
	return list
}

// noticed is how long active probes need at most to find an endpoint unhealthy (R8).
func noticed(h *core.HealthSpec) core.Duration {
	if h.Off {
		return 0
	}
	return core.Duration(h.Fall+1) * (h.Every + h.Every/10 + h.Timeout + core.Second)
}

func longestNoticed(s *core.Spec) (longest core.Duration) {
	for _, p := range compiled(s) {
		longest = max(longest, noticed(&p.Health))
	}
	return longest
}

// enough requests in the time before the fault show that an endpoint is used.
const enough = 5

func (t *Target) judgeMending(d *Drill, r *sim.Result) *Finding {
	from, n := t.judgedFrom(d), slices.Index(r.Placements, d.Placement)
	before, after := make([]uint64, len(r.Endpoints)), make([]uint64, len(r.Endpoints))
	var away uint64
	for i := range r.Windows {
		w := &r.Windows[i]
		for e := range w.Endpoints {
			served := w.Endpoints[e].Requests - w.Endpoints[e].Probes
			if w.From < settled {
				before[e] += served
			} else if w.From >= from {
				after[e] += served
			}
		}
		if p := &w.Placements[n]; w.From >= from {
			away += p.Failover[1] + p.Failover[2] + p.Failover[3]
		}
	}
	_, within := t.promised(Recover, "", mendingTime)
	f := &Finding{Where: d.Placement, At: from, Promised: fmt.Sprintf("served at home again %s after it is mended", span(within))}
	for e := range r.Endpoints {
		id := &r.Endpoints[e]
		if id.Placement == n && before[e] >= enough && after[e] == 0 && (d.Endpoint == "" || d.Endpoint == id.Name || d.Endpoint == id.URL) {
			f.Endpoint, f.event = id.Name, "still no request for "+id.Name
			f.Sentence = fmt.Sprintf("%s %s gets no request %s after it was mended", d.Placement, id.Name, span(within))
			return f
		}
	}
	if away == 0 {
		return nil
	}
	f.event = "its requests are still refused or served elsewhere"
	f.Sentence = fmt.Sprintf("%s does not serve all of its own requests %s after it was mended", d.Placement, span(within))
	return f
}

// mendingFixes lists what brings requests back to p sooner.
func (t *Target) mendingFixes(p *core.PlacementInfo) (list []fix) {
	const open, openMax, every, rise, successes = 30 * core.Second, 60 * core.Second, 10 * core.Second, 2, 2
	b, h := &p.Breaker, &p.Health
	if !b.Off && b.Open > openMax {
		k := knob{"breaker.open", func(p *core.PlacementInfo) int64 { return int64(p.Breaker.Open) }, func(p *core.PlacementSpec, to int64) {
			p.Breaker.Open, p.Breaker.OpenMax = core.Duration(to), openMax
		}}
		list = append(list, t.turnTime(p, k, open, span(b.Open), "while it is down, a test request every "+span(open)+" in place of every "+span(b.Open)))
	}
	if !b.Off && b.Growth > million && b.OpenMax > openMax && b.Open <= openMax {
		k := knob{"breaker.open_max", func(p *core.PlacementInfo) int64 { return int64(p.Breaker.OpenMax) }, func(p *core.PlacementSpec, to int64) {
			p.Breaker.OpenMax = core.Duration(to)
		}}
		list = append(list, t.turnTime(p, k, openMax, span(b.OpenMax), "while it is down, a test request every "+span(openMax)+" or sooner, before "+span(b.OpenMax)))
	}
	if !b.Off && b.Successes > successes {
		k := knob{"breaker.half_open_successes", func(p *core.PlacementInfo) int64 { return int64(p.Breaker.Successes) }, func(p *core.PlacementSpec, to int64) {
			p.Breaker.Successes = uint32(to)
		}}
		now := fmt.Sprintf("%d test requests in a row must succeed", b.Successes)
		list = append(list, t.turn(p, k, successes, now, fmt.Sprint(successes), fmt.Sprintf("%d good test requests close it, before %d", successes, b.Successes)))
	}
	if !h.Off && h.Every > every {
		k := knob{"health.every", func(p *core.PlacementInfo) int64 { return int64(p.Health.Every) }, func(p *core.PlacementSpec, to int64) {
			p.Health.Every = core.Duration(to)
		}}
		now := fmt.Sprintf("%s, and %d good probes in a row are asked for", span(h.Every), h.Rise)
		list = append(list, t.turnTime(p, k, every, now, "a probe of each endpoint every "+span(every)+" in place of every "+span(h.Every)))
	}
	if !h.Off && h.Rise > rise {
		k := knob{"health.rise", func(p *core.PlacementInfo) int64 { return int64(p.Health.Rise) }, func(p *core.PlacementSpec, to int64) {
			p.Health.Rise = uint32(to)
		}}
		now := fmt.Sprintf("%d good probes in a row, one every %s", h.Rise, span(h.Every))
		list = append(list, t.turn(p, k, rise, now, fmt.Sprint(rise), fmt.Sprintf("%d good probes in a row are enough, before %d", rise, h.Rise)))
	}
	return list
}
