package fuzz

import (
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// probes-alone: when health probes fail everywhere, and requests do not, nobody
// is refused (a common cause, as Facebook's of 2021-10). It is judged from when
// every endpoint has been found unhealthy.

func (t *Target) judgeProbesAlone(r *sim.Result) *Finding {
	from := t.judgedFrom(&Drill{Property: ProbesAlone})
	for i := range r.Windows {
		w := &r.Windows[i]
		if w.From < from || unserved(&w.Counts) == 0 {
			continue
		}
		f := &Finding{At: w.From, Sentence: "requests are refused because health probes fail, although every endpoint serves", Promised: "none refused", event: "its requests are refused"}
		for n := range w.Placements {
			if unserved(&w.Placements[n].Counts) > 0 {
				f.Where = r.Placements[n]
				f.Sentence = f.Where + "'s requests are refused because health probes fail, although every endpoint serves"
				break
			}
		}
		return f
	}
	return nil
}

// unserved counts refusals but those for want of room.
func unserved(c *sim.Counts) uint64 { return c.Refused - c.ByClass[core.LimitReached] }

// probesAloneFixes lets endpoints that only health blocks serve as the last resort.
func (t *Target) probesAloneFixes(where string) []fix {
	p, ok := find(&t.Spec, where)
	if !ok || p.LastResort == core.UseLastResort {
		return nil
	}
	k := knob{"last_resort", func(p *core.PlacementInfo) int64 { return int64(p.LastResort) }, func(p *core.PlacementSpec, to int64) {
		p.LastResort = core.LastResort(to)
	}}
	return []fix{t.turn(&p, k, int64(core.UseLastResort), "refuse", "use", "with nothing else left, requests go to endpoints whose probes fail")}
}

// unknown-keys-apart: unknown keys, as many as fill it, refuse no request of a
// dedicated cell. A tier, or a placement that others fall back to, is shared
// anyway.

// unknownTo is the dedicated cell that unknown keys go to, nil when they do not.
func (t *Target) unknownTo() *core.PlacementInfo {
	p, ok := find(&t.Spec, t.Spec.Default)
	if !ok || p.Kind != core.ReasonDedicated || p.Limit.InFlight == 0 || t.loads()[p.Name].PerSecond == 0 {
		return nil
	}
	for _, q := range t.Spec.Placements {
		if slices.Contains(q.Fallback, p.Name) {
			return nil
		}
	}
	if !slices.ContainsFunc(t.Spec.Keys, func(k core.KeySpec) bool { return k.Placement == p.Name }) {
		return nil
	}
	return &p
}

// flood sends requests with unknown keys, as many as fill a placement.
func (t *Target) flood(placement string) sim.Client {
	p, _ := find(&t.Spec, placement)
	latency := max(t.loads()[placement].Latency, core.Millisecond)
	rate := int64(p.Limit.InFlight) * int64(core.Second) / int64(latency)
	return sim.Client{Name: "unknown keys", Rate: uint32(max(rate, 1)), Unknown: million, Poisson: true, From: settled}
}

func (t *Target) judgeUnknown(d *Drill, r *sim.Result) *Finding {
	n := slices.Index(r.Placements, d.Placement)
	for i := range r.Windows {
		if w := &r.Windows[i]; w.From >= settled && w.Placements[n].Refused > 0 {
			return &Finding{
				Where: d.Placement, At: w.From, Promised: "none refused", event: "it is full, and the first of its own requests are refused with them",
				Sentence: fmt.Sprintf("requests with unknown keys fill %s, and its own are refused with them", d.Placement),
			}
		}
	}
	return nil
}

func (t *Target) unknownFixes(d *Drill) []fix {
	return []fix{{
		key: "unknown_key.to", value: d.Placement + ", a dedicated cell", text: "unknown_key: {reject: 421}",
		price: "requests with unknown keys are refused",
		apply: func(s *core.Spec) { s.Default = "" },
	}}
}
