package configfile

import (
	"fmt"
	"slices"
	"time"

	"lockstep/core"
)

// Doubts warns of settings of breakers and selection that compile and do not do
// what they seem to: a ratio whose minimum no load reaches, a slow call that every
// stream is, a share of open breakers that leaves failing endpoints in use; and of
// waits (R5's queue, R11) that cost more than they can give.
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
		f.doubtWaits(&p, at)
	}
	slices.SortStableFunc(out, byPlace)
	return out
}

// doubtWaits warns of a queue that ends in refusals although it is not full, of a
// wait that leaves too little time for the answer, and of retries without a budget.
func (f *File) doubtWaits(p *core.PlacementInfo, at func(setting, what, hint string)) {
	if r := &p.Retries; r.Max > 0 && r.NoBudget {
		at("retries.budget", fmt.Sprintf("without a budget each request that fails is sent up to %d times: endpoints that fail because they are full get %d times their load", r.Max+1, r.Max+1),
			"remove budget: none; the default grants retries for a fifth of the requests in flight")
	}
	l, takes := &p.Limit, f.Facts.Peak[p.Name].Latency
	if l.WhenFull != core.QueueWhenFull || takes <= 0 {
		return
	}
	if left := p.Timeouts.Request - l.Wait; left < takes {
		at("limit.when_full.wait", fmt.Sprintf("a request that waits all of its %s has %s of timeouts.request left, and an answer takes %s: it is served in vain",
			time.Duration(l.Wait), time.Duration(left), time.Duration(takes)), fmt.Sprintf("write a wait of at most %s, or a longer timeouts.request", time.Duration(max(0, p.Timeouts.Request-takes))))
	}
	// With all that it may have in flight, a placement takes one from its queue every takes/InFlight.
	if useful := int64(l.Wait) * int64(l.InFlight) / int64(takes); l.InFlight > 0 && useful < int64(l.Queue) {
		at("limit.when_full.queue", fmt.Sprintf("with %d in flight and %s an answer, %s are enough for %d places: who has a later one of the %d waits for a refusal",
			l.InFlight, time.Duration(takes), time.Duration(l.Wait), useful, l.Queue), fmt.Sprintf("write queue: %d, or a longer wait", max(1, useful)))
	}
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
