package fuzz

import (
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
