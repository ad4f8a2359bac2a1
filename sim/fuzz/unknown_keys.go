package fuzz

import (
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// unknown-keys-apart: unknown keys, as many as fill it, refuse no request of a
// dedicated cell. A tier, or a placement that others fall back to, is shared
// anyway; the only placement has nobody to be kept apart from.

// unknownTo is the dedicated cell that unknown keys go to, nil when they do not.
func (t *Target) unknownTo() *core.PlacementInfo {
	p, ok := find(&t.Spec, t.Spec.Default)
	if !ok || len(t.Spec.Placements) == 1 || p.Kind != core.ReasonDedicated || p.Limit.InFlight == 0 || t.loads()[p.Name].PerSecond == 0 {
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
