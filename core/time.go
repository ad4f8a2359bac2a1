package core

import "math"

// Time is a point on the trace's clock: nanoseconds since the trace's origin.
// It never decreases; Step clamps a smaller value to the largest it has seen.
// Zero is the origin.
type Time int64

// Duration is a length of time in nanoseconds.
type Duration int64

// Units of Duration.
const (
	Microsecond Duration = 1000
	Millisecond          = 1000 * Microsecond
	Second               = 1000 * Millisecond
)

// Never is the deadline of a machine that waits for nothing.
const Never Time = math.MaxInt64

// MaxDuration is the longest setting that Compile accepts: 30 days.
const MaxDuration Duration = 30 * 24 * 3600 * Second

// Add returns t+d, held at Never on overflow.
func (t Time) Add(d Duration) Time {
	if s := t + Time(d); s >= t || d < 0 {
		return s
	}
	return Never
}

// Sub returns the length of time from u to t.
func (t Time) Sub(u Time) Duration { return Duration(t - u) }
