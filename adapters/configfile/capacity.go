package configfile

import (
	"fmt"
	"slices"

	"lockstep/core"
)

// Capacity compares what the facts state with what the limits allow, by plain
// arithmetic: requests in flight are rate x latency, shared evenly by the fewest
// routers that the facts allow. It warns of a placement too small for its own
// load, and of fallbacks too small to take a failed placement's load beside
// their own, and of settings about room that do nothing. It knows nothing of bursts, retries or the time a breaker takes to
// open; sim and fuzz do. c must come from f.Compile.
func (f *File) Capacity(c *core.Config) Problems {
	out := f.odd(c)
	if f.Facts.Routers.Min == 0 {
		return out
	}
	for _, l := range f.Loads(c) {
		i, _ := c.FindPlacement(l.Placement)
		p := c.Placement(i)
		if l.Limit > 0 && l.InFlight > l.Limit {
			out = append(out, f.warn(p.Name, fmt.Sprintf("%s is too small for its own peak: %d in flight at each router, the limit is %d", p.Name, l.InFlight, l.Limit),
				"raise limit.in_flight, or correct facts.peak"))
		}
		if a := &p.Limit.Adaptive; a.On() && l.InFlight > int64(a.Start) {
			out = append(out, f.warn(p.Name, fmt.Sprintf("after a restart at its peak %s refuses some for a while: %d in flight at each router, its adaptive limit starts at %d", p.Name, l.InFlight, a.Start),
				"raise limit.adaptive.start"))
		}
		out = append(out, f.endpointCaps(c, p, l.InFlight)...)
		out = append(out, f.failover(&l)...)
	}
	slices.SortStableFunc(out, byPlace)
	return out
}

// inFlight is Little's law, rounded up, for one router of n. Above any limit it says the largest.
func inFlight(load PeakLoad, n int) int64 {
	perRouter := float64(load.PerSecond) * float64(load.Latency) / 1e9 / float64(n)
	if perRouter > 1<<31 {
		return 1 << 31
	}
	whole := int64(perRouter)
	if float64(whole) < perRouter {
		whole++
	}
	return whole
}

// failover warns where the load of a placement that is down finds no room.
func (f *File) failover(l *PlacementLoad) Problems {
	for _, t := range l.Fallbacks {
		if t.Refused > 0 {
			return Problems{f.warn(t.Placement, fmt.Sprintf("%s cannot take the load of %s: %d of its own and %d guests in flight at each router, the limit is %d",
				t.Placement, l.Placement, t.Own, t.Takes+t.Refused, t.Limit), "raise limit.in_flight and the limits of its endpoints, or cap limit.guests and give "+l.Placement+" a further fallback")}
		}
	}
	if l.Left <= 0 || len(l.Fallbacks) == 0 {
		return nil
	}
	return Problems{f.warn(l.Placement, fmt.Sprintf("the fallbacks of %s take %d of the %d requests that it has in flight at each router", l.Placement, l.InFlight-l.Left, l.InFlight),
		"raise limit.guests of its fallbacks, or add one")}
}

// limitOf is the highest limit that p can have, 0 for none.
func limitOf(p core.PlacementInfo) int64 {
	limit := int64(p.Limit.InFlight)
	if most := int64(p.Limit.Adaptive.Max); most > 0 && (limit == 0 || most < limit) {
		return most
	}
	return limit
}

// caps is how many requests the endpoints of p hold by their own limits, 0 when
// one of them has none, and the largest of those limits.
func caps(c *core.Config, p core.PlacementInfo) (held, largest int64) {
	for i := p.FirstEP; i < p.EndEP; i++ {
		limit := int64(c.Endpoint(i).Limit)
		if limit == 0 {
			return 0, 0
		}
		held, largest = held+limit, max(largest, limit)
	}
	return held, largest
}

// endpointCaps compares a load with what the endpoints of its placement hold by
// their own limits: all of them, and all but the largest.
func (f *File) endpointCaps(c *core.Config, p core.PlacementInfo, need int64) Problems {
	held, largest := caps(c, p)
	at := func(what, hint string) Problems {
		place, ok := f.place("placements." + p.Name + ".endpoints")
		if !ok {
			place, _ = f.place("placements." + p.Name)
		}
		return Problems{place.problem(what, hint)}
	}
	switch {
	case held == 0 || need == 0:
		return nil
	case need > held:
		return at(fmt.Sprintf("the endpoints of %s are too small for its own peak: %d in flight at each router, their limits add up to %d", p.Name, need, held),
			"raise the limits of its endpoints, add one, or correct facts.peak")
	case p.EndEP-p.FirstEP > 1 && need > held-largest:
		return at(fmt.Sprintf("%s is too small for its own peak without its largest endpoint: %d in flight at each router, the limits of the rest add up to %d", p.Name, need, held-largest),
			"raise the limits of its endpoints, or add one")
	}
	return nil
}

// warn shows a warning at the limit of a placement, or at the placement when it has none.
func (f *File) warn(placement, what, hint string) *Problem {
	at, ok := f.place("placements." + placement + ".limit")
	if !ok {
		at, _ = f.place("placements." + placement)
	}
	return at.problem(what, hint)
}
