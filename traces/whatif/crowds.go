package whatif

import (
	"slices"

	"lockstep/core"
)

// crowds are, by URL and router, when the router gave the endpoint more to bear
// than any recording shows: the numbers of the buckets of Samples, in order. Each
// router sees only what it sends itself, and what it sends may be as recorded, while
// another overloads the same endpoint.
type crowds map[string]map[string][]int64

func (c crowds) note(url, router string, bucket int64) {
	by := c[url]
	if by == nil {
		by = map[string][]int64{}
		c[url] = by
	}
	if i, there := slices.BinarySearch(by[router], bucket); !there {
		by[router] = slices.Insert(by[router], i, bucket)
	}
}

// byAnother says whether a router other than this one crowds the endpoint while
// an attempt that begins now may be in flight, or did so recently enough that its own
// attempts may still be there.
func (c crowds) byAnother(url, router string, wall, width int64, lasts core.Duration) bool {
	for name, s := range c[url] {
		if name == router {
			continue
		}
		i, _ := slices.BinarySearch(s, floorDiv(wall-int64(lasts), width))
		if i < len(s) && s[i] <= floorDiv(wall+int64(lasts), width) {
			return true
		}
	}
	return false
}
