package say

import (
	"testing"

	"lockstep/core"
)

func TestCountsAndLengthsReadAsPeopleWriteThem(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Count(0), "0"},
		{Count(999), "999"},
		{Count(1000), "1,000"},
		{Count(uint64(18_446_744_073_709_551_615)), "18,446,744,073,709,551,615"},
		{Plural(1, "request"), "1 request"},
		{Plural(0, "request"), "0 requests"},
		{Plural(2000, "entry", "entries"), "2,000 entries"},
		{Span(1_234_567_890), "1.23s"},
		{Span(12_345_678), "12.35ms"},
		{Span(12_345), "12.35µs"},
		{Trip(core.TripSlow), " for its share of slow calls"},
		{Trip(0), ""},
		{Span(75 * 60 * core.Second), "1h15m0s"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
