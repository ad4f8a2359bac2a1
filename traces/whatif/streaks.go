package whatif

import (
	"math"
	"sort"

	"lockstep/core"
)

// A streak is attempts at one endpoint, seen by one router, that failed one
// after the other. It bridges what buckets cannot: while a breaker is open nobody
// tries, and what was tried last and next says what would have been met.
type streak struct {
	router int
	from   int64 // wall time at which the first of them began
	last   int64 // at which the last of them began
	to     int64 // half way to the next that did well; without one, as long as an outcome is looked for
	count  uint32
	asked  bool // whether it is more than chance
	chance bool
	kept   [keptFailures]sample
}

const (
	keptFailures = 4
	leastStreak  = 3
	mostStreaks  = 4096 // of one endpoint; beyond them the oldest buckets have to do
)

// follow adds an attempt that ended to the endpoint's streaks.
func (h *history) follow(router int, wall int64, draw uint64, o *sample) {
	if o.class.Effect() == core.EffectExcluded {
		return
	}
	n := len(h.streaks)
	current := n > 0 && h.failing
	switch {
	case !failed(o):
		h.lastGood = max(h.lastGood, wall)
		if !current || wall <= h.streaks[n-1].from {
			return // it began before, and got through
		}
		s := &h.streaks[n-1]
		h.failing = false
		if wall < s.last || s.count < leastStreak { // among those that failed, one did well
			h.streaks = h.streaks[:n-1]
			return
		}
		s.to = s.last + (wall-s.last)/2
	case wall <= h.lastGood:
		// One that began after it did well: this says nothing about what came next.
	case current:
		s := &h.streaks[n-1]
		if s.count++; s.count <= keptFailures {
			s.kept[s.count-1] = *o
		} else if at := below(draw, uint64(s.count)); at < keptFailures {
			s.kept[at] = *o
		}
		s.from, s.last = min(s.from, wall), max(s.last, wall)
		s.to = s.last + int64(defaultWindow)
	case n < mostStreaks:
		h.failing = true
		h.streaks = append(h.streaks, streak{router: router, from: wall, last: wall, to: wall + int64(defaultWindow), count: 1, kept: [keptFailures]sample{*o}})
	}
}

// close ends what is failing when a router's recording ends.
func (h *history) close() {
	if n := len(h.streaks); h.failing && h.streaks[n-1].count < leastStreak {
		h.streaks = h.streaks[:n-1]
	}
	h.failing, h.lastGood = false, math.MinInt64
}

// byChance says that an endpoint which fails as large a share of its attempts as
// this one does besides would fail so many in a row once in a thousand times, or
// more often: then the streak says nothing about what another would have met.
func (s *Samples) byChance(h *history, f *streak) bool {
	if f.asked {
		return f.chance
	}
	var attempts, failures uint64
	near := s.span(h, f.from-int64(defaultWindow), f.last+int64(defaultWindow))
	for i := range near {
		attempts, failures = attempts+uint64(near[i].attempts), failures+uint64(near[i].failures)
	}
	n := uint64(f.count)
	share, p := uint64(0), uint64(1_000_000)
	if attempts > n && failures > n {
		share = (failures - n) * 1_000_000 / (attempts - n)
	}
	for range min(f.count, 1000) {
		p = p * share / 1_000_000
	}
	f.asked, f.chance = true, p >= 1000
	return f.chance
}

// streak returns the streak in which a time lies: of that router before any other's.
func (s *Samples) streak(h *history, router int, wall int64) (found *streak) {
	for first := 0; first < len(h.streaks); {
		end := first + 1
		for end < len(h.streaks) && h.streaks[end].router == h.streaks[first].router {
			end++
		}
		part := h.streaks[first:end]
		i := sort.Search(len(part), func(i int) bool { return part[i].from > wall })
		if i > 0 && wall <= part[i-1].to && !s.byChance(h, &part[i-1]) {
			if part[0].router == router {
				return &part[i-1]
			}
			found = &part[i-1]
		}
		first = end
	}
	return found
}
