// Package say prints counts, lengths of time and what trips a breaker as all
// texts about recordings do. It knows no rule and no trace.
package say

import (
	"strconv"
	"time"

	"lockstep/core"
)

// Count prints a count with commas.
func Count[N int | uint64](n N) string {
	s := strconv.FormatUint(uint64(n), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural prints a count with its noun; more is the plural where it is not one
// with an s.
func Plural[N int | uint64](n N, one string, more ...string) string {
	switch {
	case n == 1:
		return "1 " + one
	case len(more) > 0:
		return Count(n) + " " + more[0]
	}
	return Count(n) + " " + one + "s"
}

// Span prints a length of time with three figures or so.
func Span(d core.Duration) string {
	t := time.Duration(d)
	switch {
	case t >= time.Second:
		return t.Round(10 * time.Millisecond).String()
	case t >= time.Millisecond:
		return t.Round(10 * time.Microsecond).String()
	}
	return t.Round(10 * time.Nanosecond).String()
}

// Trip says which count tripped a breaker, after what says that it did: "" for
// failures in a row.
func Trip(t core.Trip) string {
	switch t {
	case core.TripRatio:
		return " for its share of failures"
	case core.TripSlow:
		return " for its share of slow calls"
	}
	return ""
}
