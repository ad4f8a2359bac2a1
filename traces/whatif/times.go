package whatif

import (
	"slices"

	"lockstep/core"
)

// times holds points in time, and counts those still to come. They are in lanes,
// each in order. What is added is mostly now and a length of time that seldom
// changes, so that few lanes do, and nothing is sorted.
type times [][]core.Time

// mostLanes bounds the lanes; what would need one more is put in its place in the last.
const mostLanes = 8

// add adds a point in time, and forgets what is past.
func (t *times) add(now, at core.Time) {
	t.count(now)
	s := *t
	for i, lane := range s {
		if n := len(lane); n == 0 || lane[n-1] <= at {
			s[i] = append(lane, at)
			return
		}
	}
	if len(s) < mostLanes {
		*t = append(s, []core.Time{at})
		return
	}
	last := s[mostLanes-1]
	place, _ := slices.BinarySearch(last, at)
	s[mostLanes-1] = slices.Insert(last, place, at)
}

// count forgets what is past, and counts the rest.
func (t *times) count(now core.Time) (n int) {
	for i, lane := range *t {
		for len(lane) > 0 && lane[0] < now {
			lane = lane[1:]
		}
		(*t)[i] = lane
		n += len(lane)
	}
	return n
}
