package whatif

import "lockstep/core"

// crowds are, by URL and router, when the router gave the endpoint more to bear
// than any recording shows. Each router sees only what it sends itself, and what it
// sends may be as recorded, while another overloads the same endpoint.
type crowds map[string]map[string]span

// span is wall time, from the first such attempt to the last: one for each
// router and URL, so that a long recording costs no more than a short one.
type span struct{ first, last int64 }

func (c crowds) note(url, router string, wall int64) {
	by := c[url]
	if by == nil {
		by = map[string]span{}
		c[url] = by
	}
	s, ok := by[router]
	if !ok {
		s = span{wall, wall}
	}
	by[router] = span{min(s.first, wall), max(s.last, wall)}
}

// byAnother says whether a router other than this one crowds the endpoint while
// an attempt that begins now may be in flight, or did so recently enough that its own
// attempts may still be there.
func (c crowds) byAnother(url, router string, wall int64, lasts core.Duration) bool {
	for name, s := range c[url] {
		if name != router && wall >= s.first-int64(lasts) && wall <= s.last+int64(lasts) {
			return true
		}
	}
	return false
}
