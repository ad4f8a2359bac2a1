package core

// Ratio and slow trips (R6): outcomes of a closed breaker counted over a
// sliding window of ten buckets. Time is cut into buckets of window / 10 that
// begin at multiples of that length since the origin; the window is the bucket
// that now lies in and the nine before it, so it spans from nine tenths of the
// setting to all of it. Buckets move when an outcome comes: no timer, and a
// quiet endpoint costs nothing.

const windowBuckets = 10

// tally counts outcomes; each count holds at its largest value.
type tally struct{ requests, failures, slow uint32 }

// window is the outcomes of one endpoint. The zero window is empty.
type window struct {
	head    int64 // number of the newest bucket; 0 while all are empty
	total   [3]uint64
	buckets [windowBuckets]tally // bucket number b is at b % windowBuckets
}

// roll moves the window so that its newest bucket is the one of now; width is the length of one.
func (w *window) roll(now Time, width Duration) {
	b := int64(now) / int64(width)
	if b-w.head >= windowBuckets {
		*w = window{head: b}
		return
	}
	for w.head < b {
		w.head++
		old := &w.buckets[w.head%windowBuckets]
		w.total[0] -= uint64(old.requests)
		w.total[1] -= uint64(old.failures)
		w.total[2] -= uint64(old.slow)
		*old = tally{}
	}
}

// add counts one outcome in the newest bucket. A full bucket takes no more,
// which keeps its ratios.
func (w *window) add(failed, slow bool) {
	t := &w.buckets[w.head%windowBuckets]
	if t.requests == 1<<32-1 {
		return
	}
	t.requests++
	t.failures += uint32(bit(failed))
	t.slow += uint32(bit(slow))
	w.total[0]++
	w.total[1] += bit(failed)
	w.total[2] += bit(slow)
}

// trips reports whether a ratio is reached; failures count before slowness.
// A total is below 10 x 2^32, so a product with a ratio fits.
func (w *window) trips(s *BreakerSpec) (Trip, bool) {
	requests := w.total[0]
	switch {
	case requests < uint64(s.MinRequests):
		return TripConsecutive, false
	case s.FailureRatio != 0 && w.total[1]*1e6 >= uint64(s.FailureRatio)*requests:
		return TripRatio, true
	case s.SlowRatio != 0 && w.total[2]*1e6 >= uint64(s.SlowRatio)*requests:
		return TripSlow, true
	}
	return TripConsecutive, false
}

// enter counts an outcome of a closed breaker in its window.
func (r *Router) enter(now Time, n int32, effect Effect, slow bool, s *BreakerSpec) {
	w := &r.extras[n].window
	w.roll(now, s.Window/windowBuckets)
	w.add(effect == EffectFailure, slow)
}

func (r *Router) emptyWindow(n int32) {
	if int(n) < len(r.extras) {
		r.extras[n].window = window{}
	}
}

// sameTripMode reports whether two settings count the same things over the same
// time. Thresholds may differ: they apply at the next outcome.
func sameTripMode(a, b *BreakerSpec) bool {
	return a.Window == b.Window && a.SlowCall == b.SlowCall &&
		(a.FailureRatio != 0) == (b.FailureRatio != 0) && (a.SlowRatio != 0) == (b.SlowRatio != 0)
}

// ratios fills in and checks the settings of ratio and slow trips.
func (c *compiler) ratios(b *BreakerSpec, path string) {
	if b.FailureRatio > 1e6 || b.SlowRatio > 1e6 {
		c.fail(path, "failure_ratio or slow_ratio is above 100 %", "use 1 % to 100 %")
	}
	if b.SlowRatio == 0 && b.SlowCall != 0 {
		c.fail(path+".slow_call", "does nothing without slow_ratio", "add slow_ratio, such as 80%, or remove it")
	}
	if b.SlowRatio != 0 {
		orDefault(&b.SlowCall, 2*Second)
		c.duration(b.SlowCall, path+".slow_call")
	}
	if b.FailureRatio == 0 && b.SlowRatio == 0 {
		switch {
		case b.Window != 0:
			c.fail(path+".window", "does nothing without a ratio", "add failure_ratio or slow_ratio, or remove it")
		case b.MinRequests != 0:
			c.fail(path+".min_requests", "does nothing without a ratio", "add failure_ratio or slow_ratio, or remove it")
		case b.Failures == NeverConsecutive && !b.Off:
			c.fail(path+".consecutive_failures", "is none, and no ratio is set: nothing opens this breaker", "add failure_ratio or slow_ratio, or write breaker: none")
		}
		return
	}
	orDefault(&b.Window, 10*Second)
	orDefault(&b.MinRequests, 20)
	if b.Window < 100*Millisecond || b.Window > 3600*Second {
		c.fail(path+".window", "is outside 100ms to 1h", "write a length of time with its unit, such as 10s")
	}
}
