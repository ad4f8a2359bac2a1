package fuzz

import (
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// retries-bounded: while all of a placement fails, retries add at most half to
// what it is sent. Servers that fail because they are full would get more load
// the more of it fails, and nothing would let them recover.

const (
	// retriedPercent is how many retries, of a hundred requests, are too many; the budget that is the default gives 20.
	retriedPercent = 50
	// retriedFloor is how many a second of each router are allowed besides: the default's.
	retriedFloor = 3
)

// retryDrills: each way to fail that p retries, of the whole placement.
func retryDrills(p *core.PlacementInfo) (list []Drill) {
	if p.Retries.Max == 0 {
		return nil
	}
	for _, x := range [...]struct {
		on   core.RetryOn
		kind sim.FaultKind
	}{{core.OnConnect, sim.Refuse}, {core.On5xx, sim.Flaky}} {
		if p.Retries.On&x.on != 0 {
			list = append(list, Drill{Property: RetriesBounded, Placement: p.Name, Fault: x.kind})
		}
	}
	return list
}

func (t *Target) judgeRetries(d *Drill, r *sim.Result) *Finding {
	from, n := t.judgedFrom(d), slices.Index(r.Placements, d.Placement)
	var retried, all uint64
	for i := range r.Windows {
		if w := &r.Windows[i]; w.From >= from {
			retried, all = retried+w.Placements[n].Retried, all+w.Placements[n].Arrivals
		}
	}
	allowed := all*retriedPercent/100 + retriedFloor*uint64(judged/core.Second)
	if retried <= allowed {
		return nil
	}
	return &Finding{
		Where: d.Placement, At: from, Allowed: all + allowed, event: "its retries are still granted",
		Promised: fmt.Sprintf("at most %d retries to 100 requests, and %d a second besides", retriedPercent, retriedFloor),
		Sentence: fmt.Sprintf("%s sends %d attempts for every 100 requests while each of its endpoints %s", d.Placement, 100*(all+retried)/max(all, 1), failing(d.Fault)),
	}
}

// retryFixes gives p the budget that is the default.
func (t *Target) retryFixes(p *core.PlacementInfo) []fix {
	now, then := "none", "{percent: 20, floor: 3}"
	if !p.Retries.NoBudget {
		now = fmt.Sprintf("%d%% of the requests in flight, and %d a second", p.Retries.Percent, p.Retries.Floor)
	}
	k := knob{"retries.budget", func(p *core.PlacementInfo) int64 {
		return int64(flag(p.Retries.Max == 0))<<62 | int64(flag(p.Retries.NoBudget))<<61 | int64(p.Retries.Percent)<<32 | int64(p.Retries.Floor)
	}, func(p *core.PlacementSpec, _ int64) {
		p.Retries.NoBudget, p.Retries.Percent, p.Retries.Floor = false, 0, 0
	}}
	return []fix{t.turn(p, k, 0, now, then, "when a fifth of the requests in flight are retries, one that fails is not tried again")}
}
