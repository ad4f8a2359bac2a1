package sim

import (
	"math/bits"

	"lockstep/core"
)

// Histogram counts latencies in log-linear buckets: exact to a microsecond up
// to 16 us, then 16 buckets to each doubling, so a quantile is at most 6.25 %
// too high. Everything above 38 minutes is in the last bucket. The zero value is empty.
type Histogram struct {
	total   uint64
	buckets *[histogramBuckets]uint32 // made at the first value
}

const (
	histogramSub     = 16
	histogramBuckets = histogramSub * 28
)

func bucketOf(d core.Duration) int {
	us := uint64(max(d, 0) / core.Microsecond)
	if us < histogramSub {
		return int(us)
	}
	shift := bits.Len64(us) - 5
	return min(shift*histogramSub+int(us>>shift), histogramBuckets-1)
}

// upper returns the largest value of a bucket.
func upper(bucket int) core.Duration {
	if bucket < histogramSub {
		return core.Duration(bucket) * core.Microsecond
	}
	shift := bucket/histogramSub - 1
	low := core.Duration(histogramSub+bucket%histogramSub) << shift
	return (low + 1<<shift - 1) * core.Microsecond
}

// Add counts one value; a negative one counts as 0.
func (h *Histogram) Add(d core.Duration) {
	if h.buckets == nil {
		h.buckets = new([histogramBuckets]uint32)
	}
	h.buckets[bucketOf(d)]++
	h.total++
}

// Merge adds all that o counted.
func (h *Histogram) Merge(o Histogram) {
	if o.buckets == nil {
		return
	}
	if h.buckets == nil {
		h.buckets = new([histogramBuckets]uint32)
	}
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
	h.total += o.total
}

// Count returns how many values there are.
func (h Histogram) Count() uint64 { return h.total }

// Quantile returns a value that at least ppm millionths of all values do not
// exceed, rounded up to its bucket's end; 0 when there are no values.
func (h Histogram) Quantile(ppm uint32) core.Duration {
	if h.total == 0 {
		return 0
	}
	hi, lo := bits.Mul64(h.total, uint64(min(ppm, million)))
	rank, rest := bits.Div64(hi, lo, million)
	if rest > 0 || rank == 0 {
		rank++
	}
	var seen uint64
	for i, n := range h.buckets {
		if seen += uint64(n); seen >= rank {
			return upper(i)
		}
	}
	return upper(histogramBuckets - 1)
}

// Buckets returns what was counted as a Service has it: the counts of all
// buckets that hold any, with an empty one before each that follows a hole.
func (h Histogram) Buckets() (out []Bucket) {
	if h.total == 0 {
		return nil
	}
	last := -1
	for i, n := range h.buckets {
		if n == 0 {
			continue
		}
		if last < i-1 && i > 0 {
			out = append(out, Bucket{UpTo: upper(i - 1)})
		}
		out = append(out, Bucket{UpTo: upper(i), Count: n})
		last = i
	}
	if len(out) > 0 && out[0].UpTo == 0 { // less than a microsecond
		out[0].UpTo = 1
	}
	return out
}
