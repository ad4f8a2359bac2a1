package configfile

import (
	"fmt"
	"slices"
	"time"

	"lockstep/core"
)

// Doubts warns of settings of breakers and selection that compile and do not do
// what they seem to: a ratio whose minimum no load reaches, a slow call that every
// stream is, a share of open breakers that leaves failing endpoints in use.
// c must come from f.Compile.
func (f *File) Doubts(c *core.Config) (out Problems) {
	for i := range c.Placements() {
		p := c.Placement(i)
		at := func(setting, what, hint string) {
			where, _ := f.place("placements." + p.Name + "." + setting)
			out = append(out, where.problem(p.Name+": "+what, hint))
		}
		b, n := &p.Breaker, p.EndEP-p.FirstEP
		if most := max(1, n*int(b.MaxOpenPercent)/100); !b.Off && n > 1 && most < n {
			if b.Window > 0 || f.preset(&p) {
				at("breaker.max_open", fmt.Sprintf("of its %d endpoints at most %d may be left at once: when all fail, %d go on failing", n, most, n-most),
					"write max_open: 100%, unless somebody has to serve")
			}
		}
		if !b.Off && b.SlowRatio > 0 && b.SlowCall <= p.Timeouts.Settle {
			at("breaker.slow_call", fmt.Sprintf("a body that flows for longer than settle (%s) is timed up to then, so every stream is slower than %s",
				time.Duration(p.Timeouts.Settle), time.Duration(b.SlowCall)), "write a slow_call above settle, or a shorter timeouts.settle")
		}
		if few, reach := f.fewFor(&p, n); few {
			at("breaker.min_requests", fmt.Sprintf("at the stated peak an endpoint of a router has %d outcomes in %s, %d are needed: no ratio opens its breaker",
				reach, time.Duration(b.Window), b.MinRequests), "write a smaller min_requests, or a longer window")
		}
		if int(p.Shards) == n && n > 1 {
			at("shards", fmt.Sprintf("every key may use all %d endpoints", n), "write fewer shards, or remove it")
		}
	}
	slices.SortStableFunc(out, byPlace)
	return out
}

// preset reports whether the placement's breaker takes what is not written from a preset.
func (f *File) preset(p *core.PlacementInfo) bool {
	i := slices.IndexFunc(f.Spec.Placements, func(s core.PlacementSpec) bool { return s.Name == p.Name })
	return i >= 0 && f.Spec.Placements[i].Breaker.Preset != ""
}

// fewFor reports whether the stated peak, shared by the most routers and evenly
// by endpoints, brings a window fewer outcomes than a ratio needs.
func (f *File) fewFor(p *core.PlacementInfo, endpoints int) (few bool, reach int64) {
	load, stated := f.Facts.Peak[p.Name]
	if b := &p.Breaker; b.Off || b.Window == 0 || !stated {
		return false, 0
	}
	routers := int64(max(f.Facts.Routers.Max, 1))
	reach = load.PerSecond * int64(p.Breaker.Window/core.Millisecond) / 1000 / routers / int64(endpoints)
	return reach < int64(p.Breaker.MinRequests), reach
}
