package incident

import (
	"cmp"
	"math"
	"slices"

	"lockstep/core"
)

// signs count, second by second, what an incident looks like from outside.
type signs struct {
	width   int64 // of a bucket in ns
	buckets map[int64]*bucket
	last    *bucket
	at      int64
}

// bucket is what one second saw.
type bucket struct {
	hurt  uint32 // requests that failed or were refused, by their end
	moved uint32 // requests that went to a fallback
	gone  uint32 // requests whose client left before it had its answer
	ended uint32 // requests, whatever became of them
	point uint32 // breakers opened, health lost, panics, bugs
	begin int64  // when the first of the requests arrived
	end   int64
}

// mostBuckets bounds them: beyond, each is made twice as long.
const mostBuckets = 1 << 17

func newSigns() signs { return signs{width: int64(core.Second), buckets: map[int64]*bucket{}} }

// bucket returns that of a time.
func (s *signs) bucket(t int64) *bucket {
	at := floor(t, s.width)
	if s.last != nil && s.at == at {
		return s.last
	}
	if s.buckets[at] == nil && len(s.buckets) >= mostBuckets {
		s.widen()
		at = floor(t, s.width)
	}
	if s.buckets[at] == nil {
		s.buckets[at] = &bucket{begin: math.MaxInt64, end: math.MinInt64}
	}
	s.last, s.at = s.buckets[at], at
	return s.last
}

// sign returns the bucket of a sign of trouble, of a request that began earlier.
func (s *signs) sign(t, began int64) *bucket {
	b := s.bucket(t)
	b.begin, b.end = min(b.begin, began), max(b.end, t)
	return b
}

// request books the end of any request.
func (s *signs) request(t, began int64, o Outcome, c core.Class) {
	s.bucket(t).ended++
	switch {
	case o == Failed || o == Refused:
		s.sign(t, began).hurt++
	case c == core.ClientGone:
		s.sign(t, began).gone++
	}
}

func (s *signs) widen() {
	old := s.buckets
	s.width, s.buckets, s.last = 2*s.width, make(map[int64]*bucket, len(old)/2), nil
	for at, b := range old {
		at = floor(at*(s.width/2), s.width)
		if c := s.buckets[at]; c != nil {
			c.hurt, c.moved, c.gone, c.ended, c.point = c.hurt+b.hurt, c.moved+b.moved, c.gone+b.gone, c.ended+b.ended, c.point+b.point
			c.begin, c.end = min(c.begin, b.begin), max(c.end, b.end)
			continue
		}
		s.buckets[at] = b
	}
}

func floor(t, width int64) int64 {
	if t < 0 {
		return (t - width + 1) / width
	}
	return t / width
}

func (s *signs) moved(t, began int64) { s.sign(t, began).moved++ }
func (s *signs) point(t int64)        { s.sign(t, t).point++ }

// episode is a time in which signs of trouble follow each other closely.
type episode struct {
	from, to int64
	hurt     uint64
	signs    uint64
	open     bool // a state of trouble has not ended where the recording does
}

// longState is how long a breaker, a panic or ill health may last and still
// hold an episode together; beyond, only its begin and its end count.
const longState = 10 * 60 * int64(core.Second)

// background is how many hurt, moved and gone requests a second are usual: three
// times the median over all seconds of a recording, silent ones included.
func (s *survey) background() (usual bucket) {
	n := int((s.latest - s.first) / s.signs.width)
	median := func(of func(*bucket) uint32) uint32 {
		list := make([]uint32, 0, len(s.signs.buckets))
		for _, b := range s.signs.buckets {
			list = append(list, of(b))
		}
		slices.Sort(list)
		if at := len(list) - 1 - n/2; at >= 0 && n >= 60 { // a short recording has no usual
			return 3 * list[at]
		}
		return 0
	}
	usual.hurt = median(func(b *bucket) uint32 { return b.hurt })
	usual.moved = median(func(b *bucket) uint32 { return b.moved })
	usual.gone = median(func(b *bucket) uint32 { return b.gone })
	return usual
}

// bad reports whether a bucket holds a sign of trouble. One in twenty that fails
// is trouble however usual it is; clients that leave are trouble when they are
// as many, and more than a few.
func (b *bucket) bad(usual *bucket) bool {
	const few = 10
	return b.point > 0 || b.moved > usual.moved ||
		b.hurt > usual.hurt || 20*b.hurt > b.ended ||
		b.gone > max(usual.gone, few) && 20*b.gone > b.ended
}

// episodes finds them over all routers; shift is what to add to a router's clock.
func episodes(surveys []*survey, shift []int64) []episode {
	var marks []episode
	for i, s := range surveys {
		usual := s.background()
		for _, b := range s.signs.buckets {
			if b.bad(&usual) {
				marks = append(marks, episode{
					from: b.begin + shift[i], to: b.end + shift[i], hurt: uint64(b.hurt),
					signs: uint64(b.hurt) + uint64(b.moved) + uint64(b.gone) + uint64(b.point),
				})
			}
		}
		for _, p := range s.list {
			if p.Kind != BreakerOpen && p.Kind != Unhealthy && p.Kind != Panic {
				continue
			}
			from, to := p.First, p.Last
			if p.Open {
				to = s.latest
			}
			if to-from > longState {
				marks = append(marks, episode{from: from + shift[i], to: from + shift[i]})
				from = to
			}
			marks = append(marks, episode{from: from + shift[i], to: to + shift[i], open: p.Open})
		}
	}
	slices.SortFunc(marks, func(a, b episode) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	var out []episode
	for _, m := range marks {
		if n := len(out) - 1; n >= 0 && m.from-out[n].to <= quiet {
			e := &out[n]
			e.to, e.hurt, e.signs, e.open = max(e.to, m.to), e.hurt+m.hurt, e.signs+m.signs, e.open || m.open
			continue
		}
		out = append(out, m)
	}
	return out
}

// worst returns the index of the episode that hurt most requests, -1 for none.
func worst(all []episode) int {
	at := -1
	for i, e := range all {
		if at < 0 || e.hurt > all[at].hurt || e.hurt == all[at].hurt && e.signs > all[at].signs {
			at = i
		}
	}
	return at
}
