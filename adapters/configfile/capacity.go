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
// their own. It knows nothing of bursts, retries or the time a breaker takes to
// open; sim and fuzz do. c must come from f.Compile.
func (f *File) Capacity(c *core.Config) Problems {
	if f.Facts.Routers.Min == 0 {
		return nil
	}
	need := make([]int64, c.Placements())
	for name, load := range f.Facts.Peak {
		if i, ok := c.FindPlacement(name); ok {
			need[i] = inFlight(load, f.Facts.Routers.Min)
		}
	}
	var out Problems
	for i := range need {
		p := c.Placement(i)
		if room := int64(p.Limit.InFlight); room > 0 && need[i] > room {
			out = append(out, f.warn(p.Name, fmt.Sprintf("%s is too small for its own peak: %d in flight at each router, the limit is %d", p.Name, need[i], room),
				"raise limit.in_flight, or correct facts.peak"))
		}
		if need[i] > 0 && len(p.Candidates) > 1 {
			out = append(out, f.failover(c, p, need)...)
		}
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

// failover walks p's fallbacks as R3 and R5 do with p down, and warns where its load finds no room.
func (f *File) failover(c *core.Config, p core.PlacementInfo, need []int64) Problems {
	const unlimited = int64(1) << 40
	load := need[p.Candidates[0]]
	left := load
	for _, i := range p.Candidates[1:] {
		q := c.Placement(int(i))
		guests, room := unlimited, unlimited
		if q.Limit.Guests != 0 {
			guests = max(0, int64(q.Limit.Guests))
		}
		if q.Limit.InFlight > 0 {
			room = max(0, int64(q.Limit.InFlight)-need[i])
		}
		take := min(left, guests)
		if take > room && q.Limit.WhenFull == core.RejectWhenFull {
			return Problems{f.warn(q.Name, fmt.Sprintf("%s cannot take the load of %s: %d of its own and %d guests in flight at each router, the limit is %d",
				q.Name, p.Name, need[i], take, q.Limit.InFlight), "raise limit.in_flight, or cap limit.guests and give "+p.Name+" a further fallback")}
		}
		left -= min(take, room)
	}
	if left <= 0 {
		return nil
	}
	return Problems{f.warn(p.Name, fmt.Sprintf("the fallbacks of %s take %d of the %d requests that it has in flight at each router", p.Name, load-left, load),
		"raise limit.guests of its fallbacks, or add one")}
}

// warn shows a warning at the limit of a placement, or at the placement when it has none.
func (f *File) warn(placement, what, hint string) *Problem {
	at, ok := f.place("placements." + placement + ".limit")
	if !ok {
		at, _ = f.place("placements." + placement)
	}
	return at.problem(what, hint)
}
