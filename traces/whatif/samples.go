package whatif

import (
	"math"
	"math/bits"
	"slices"
	"sort"

	"lockstep/core"
)

// Samples is what endpoints did, by time: the outcomes of attempts and of active
// probes in all recordings that were added, of all routers together. Its memory
// is bounded: outcomes are kept by buckets of time that grow with what there is,
// a fixed number of each.
type Samples struct {
	width   int64 // of a bucket, ns
	made    int   // buckets there are
	ends    map[uint64]*history
	urls    map[string]uint64 // the identity of one endpoint with it
	answers [64]uint64        // answers by the number of bits of their time in ns
	clients clients
	routers []*learner
}

// history is one endpoint's, its buckets in order of time.
type history struct {
	placement, url string
	buckets        []bucket
	streaks        []streak // by router, then by time
	failing        bool     // the last of them goes on
	lastGood       int64    // when the last attempt of the router that did well began
}

// bucket is what began at one endpoint within one width of time.
type bucket struct {
	number   int64 // time divided by the width
	attempts uint32
	failures uint32 // of those, the ones that count against the endpoint (R7)
	good     uint32 // active probes
	bad      uint32
	peak     int32         // most attempts in flight at one router
	longest  core.Duration // attempt
	kept     []sample
	probes   []probeSample
}

// sample is how one attempt went.
type sample struct {
	took       core.Duration // to its Finish
	replied    core.Duration // to its Reply, 0 for none
	retryAfter core.Duration
	class      core.Class
	status     uint16
	sent       bool
}

// probeSample is how one active probe went.
type probeSample struct {
	took core.Duration // -1: it never answered
	ok   bool
}

const (
	firstWidth    = int64(core.Second)
	mostBuckets   = 1 << 16
	keptAttempts  = 16
	keptProbes    = 4
	enough        = 20                   // attempts in a window that need no wider one
	defaultWindow = 60 * core.Second     // either side
	fallbackTime  = 5 * core.Millisecond // of an answer when no recording holds one
)

// NewSamples returns samples of nothing.
func NewSamples() *Samples {
	return &Samples{width: firstWidth, ends: map[uint64]*history{}, urls: map[string]uint64{}}
}

// Width returns the length of time whose outcomes are kept together.
func (s *Samples) Width() core.Duration { return core.Duration(s.width) }

// Endpoints returns the number of endpoints that any recording shows in use.
func (s *Samples) Endpoints() int { return len(s.ends) }

func (s *Samples) history(id uint64, placement, url string) *history {
	h := s.ends[id]
	if h == nil {
		h = &history{placement: placement, url: url, lastGood: math.MinInt64}
		s.ends[id] = h
		if at, ok := s.urls[url]; !ok || placement < s.ends[at].placement {
			s.urls[url] = id
		}
	}
	return h
}

// near returns the identity under which an endpoint was seen: its own, or, where
// its placement is new or renamed, that of the same URL in another placement.
func (s *Samples) near(id uint64, url string) uint64 {
	if s.ends[id] != nil {
		return id
	}
	if at, ok := s.urls[url]; ok {
		return at
	}
	return id
}

// at returns the bucket of a wall time, and makes it if need be.
func (s *Samples) at(h *history, wall int64) *bucket {
	n := floorDiv(wall, s.width)
	last := len(h.buckets) - 1
	if last >= 0 && h.buckets[last].number == n {
		return &h.buckets[last]
	}
	i := sort.Search(len(h.buckets), func(i int) bool { return h.buckets[i].number >= n })
	if i < len(h.buckets) && h.buckets[i].number == n {
		return &h.buckets[i]
	}
	if s.made >= mostBuckets && len(h.buckets) > 0 {
		s.widen()
		return s.at(h, wall)
	}
	s.made++
	h.buckets = slices.Insert(h.buckets, i, bucket{number: n})
	return &h.buckets[i]
}

// widen doubles the width until half of the buckets are gone, or time cannot be told apart any more.
func (s *Samples) widen() {
	for s.width < int64(24*3600*core.Second) && s.made > mostBuckets/2 {
		s.width *= 2
		s.made = 0
		for _, h := range s.ends {
			h.merge()
			s.made += len(h.buckets)
		}
	}
	if s.made > mostBuckets/2 { // as many endpoints as that: each has a few
		s.made = mostBuckets / 2
	}
}

func (h *history) merge() {
	out := h.buckets[:0]
	for _, b := range h.buckets {
		b.number = floorDiv(b.number, 2)
		if n := len(out); n > 0 && out[n-1].number == b.number {
			out[n-1].join(&b)
			continue
		}
		out = append(out, b)
	}
	clear(h.buckets[len(out):])
	h.buckets = out
}

func (b *bucket) join(o *bucket) {
	b.kept = halves(b.kept, o.kept, b.attempts, o.attempts, keptAttempts)
	b.probes = halves(b.probes, o.probes, b.good+b.bad, o.good+o.bad, keptProbes)
	b.attempts += o.attempts
	b.failures += o.failures
	b.good += o.good
	b.bad += o.bad
	b.peak = max(b.peak, o.peak)
	b.longest = max(b.longest, o.longest)
}

// halves joins what two buckets kept, each by its share of what there was.
func halves[T any](a, b []T, na, nb uint32, most int) []T {
	if len(a)+len(b) <= most {
		return append(a, b...)
	}
	part := min(len(a), max(most-len(b), int(uint64(most)*uint64(na)/max(1, uint64(na)+uint64(nb)))))
	return append(a[:part:part], b[:min(len(b), most-part)]...)
}

// add books one attempt that began at a wall time.
func (s *Samples) add(h *history, wall int64, draw uint64, o sample) {
	b := s.at(h, wall)
	b.attempts++
	if failed(&o) {
		b.failures++
	}
	b.longest = max(b.longest, o.took)
	if o.class == core.ClassNone {
		s.answers[bits.Len64(uint64(max(o.took, 0)))%64]++
	}
	if len(b.kept) < keptAttempts {
		b.kept = append(b.kept, o)
	} else if at := below(draw, uint64(b.attempts)); at < keptAttempts {
		b.kept[at] = o
	}
}

func failed(o *sample) bool {
	return o.class.Effect() == core.EffectFailure || o.class == core.ClassNone && o.status >= 500
}

func (s *Samples) addProbe(h *history, wall int64, draw uint64, o probeSample) {
	b := s.at(h, wall)
	if o.ok {
		b.good++
	} else {
		b.bad++
	}
	if len(b.probes) < keptProbes {
		b.probes = append(b.probes, o)
	} else if at := below(draw, uint64(b.good)+uint64(b.bad)); at < keptProbes {
		b.probes[at] = o
	}
}

// span returns the buckets of h that lie within reach of the time, both sides.
func (s *Samples) span(h *history, from, to int64) []bucket {
	from, to = floorDiv(from, s.width), floorDiv(to, s.width)
	i := sort.Search(len(h.buckets), func(i int) bool { return h.buckets[i].number >= from })
	j := i
	for j < len(h.buckets) && h.buckets[j].number <= to {
		j++
	}
	return h.buckets[i:j]
}

// draw returns what an attempt of a router at an endpoint that begins then would
// meet: one of the attempts that failed in the streak in which it falls, else one
// of those that began near that time. reach is how far it had to look.
func (s *Samples) draw(router int, id uint64, wall int64, window core.Duration, hash uint64) (o sample, reach core.Duration, ok bool) {
	h := s.ends[id]
	if h == nil {
		return sample{}, 0, false
	}
	if f := s.streak(h, router, wall); f != nil {
		return f.kept[below(hash, uint64(min(f.count, keptFailures)))], 0, true
	}
	near, reach := s.window(h, wall, window, func(b *bucket) uint64 { return uint64(b.attempts) })
	total := uint64(0)
	for i := range near {
		total += uint64(near[i].attempts)
	}
	at := below(hash, total)
	for i := range near {
		b := &near[i]
		if at < uint64(b.attempts) {
			return b.kept[at%uint64(len(b.kept))], reach, true
		}
		at -= uint64(b.attempts)
	}
	return sample{}, reach, false
}

// drawProbe is draw for an active probe.
func (s *Samples) drawProbe(id uint64, wall int64, window core.Duration, hash uint64) (o probeSample, agree, ok bool) {
	h := s.ends[id]
	if h == nil {
		return probeSample{}, false, false
	}
	near, _ := s.window(h, wall, window, func(b *bucket) uint64 { return enough / 4 * (uint64(b.good) + uint64(b.bad)) })
	var good, bad uint64
	for i := range near {
		good, bad = good+uint64(near[i].good), bad+uint64(near[i].bad)
	}
	at := below(hash, good+bad)
	for i := range near {
		b := &near[i]
		n := uint64(b.good) + uint64(b.bad)
		if at < n {
			return b.probes[at%uint64(len(b.probes))], (good == 0 || bad == 0) && good+bad >= 4, true
		}
		at -= n
	}
	return probeSample{}, false, false
}

// window widens around a time until it holds enough, or is as wide as it may be.
func (s *Samples) window(h *history, wall int64, most core.Duration, weight func(*bucket) uint64) ([]bucket, core.Duration) {
	for reach := int64(0); ; reach = max(s.width, 2*reach) {
		reach = min(reach, int64(most))
		near := s.span(h, wall-reach, wall+reach)
		total := uint64(0)
		for i := range near {
			total += weight(&near[i])
		}
		if total >= enough || reach >= int64(most) {
			return near, core.Duration(max(reach, s.width))
		}
	}
}

// calm is what is known of an endpoint around a stretch of time.
type calm struct {
	attempts uint64
	failures uint64
	peak     int32         // most in flight at one router
	rate     uint32        // most attempts of a bucket
	longest  core.Duration // attempt, 0 for none
}

// around sums up what began at an endpoint from so long before a time until so
// long after it, and what lies one bucket about that.
func (s *Samples) around(id uint64, wall int64, before, after core.Duration) (c calm) {
	h := s.ends[id]
	if h == nil {
		return c
	}
	from, to := wall-int64(before)-s.width, wall+int64(after)+s.width
	for i := range h.streaks {
		if f := &h.streaks[i]; f.from <= to && f.to >= from {
			c.failures++
		}
	}
	near := s.span(h, from, to)
	for i := range near {
		b := &near[i]
		c.attempts += uint64(b.attempts)
		c.failures += uint64(b.failures)
		c.peak, c.rate, c.longest = max(c.peak, b.peak), max(c.rate, b.attempts), max(c.longest, b.longest)
	}
	return c
}

// typical is about the median time of an answer, of all endpoints.
func (s *Samples) typical() core.Duration {
	total := uint64(0)
	for _, n := range s.answers {
		total += n
	}
	if total == 0 {
		return fallbackTime
	}
	seen := uint64(0)
	for i, n := range s.answers {
		if seen += n; 2*seen >= total {
			return core.Duration(uint64(3) << max(i, 2) >> 2) // the middle of i bits
		}
	}
	return fallbackTime
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// below maps a hash to 0..n-1; 0 for n = 0.
func below(h, n uint64) uint64 {
	hi, _ := bits.Mul64(h, n)
	return hi
}

// fold joins words to a hash.
func fold(h uint64, words ...uint64) uint64 {
	for _, w := range words {
		z := h ^ w + 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		h = z ^ z>>31
	}
	return h
}
