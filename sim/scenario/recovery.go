package scenario

import (
	"cmp"
	"slices"

	"lockstep/core"
)

// quality is what became of the requests of one window.
type quality struct {
	from    core.Time
	ok, all uint64
}

// defaultLevel is the availability that counts as recovered unless e says another.
const defaultLevel = 990_000

// recoveryStart is the end of the last fault that ended within e, or From.
func (s *scope) recoveryStart() core.Time {
	start := s.e.From.time()
	for i := range s.run.plan.Faults {
		if end := s.run.plan.FaultEnd(i); end < core.Time(s.run.plan.Length) && s.e.within(end) {
			start = max(start, end)
		}
	}
	return start
}

// recoveryTime is how long after recoveryStart every window to the end of e has
// its availability; never when the last one has not. A window without requests says nothing.
func (s *scope) recoveryTime() int64 {
	start, level := s.recoveryStart(), cmp.Or(uint64(s.e.Recovered), defaultLevel)
	back, bad := start, false
	for _, q := range s.quality {
		end := q.from.Add(s.run.result.Window)
		if q.all == 0 {
			continue
		}
		if bad = end > start && q.ok*million < q.all*level; bad {
			back = end
		}
	}
	if bad {
		return int64(core.Never)
	}
	return int64(back.Sub(start))
}

// silent reports whether nobody sent a request from recoveryStart on.
func (s *scope) silent() bool {
	start := s.recoveryStart()
	return !slices.ContainsFunc(s.quality, func(q quality) bool { return q.all > 0 && q.from.Add(s.run.result.Window) > start })
}
