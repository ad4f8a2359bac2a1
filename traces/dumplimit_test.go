package traces

import (
	"testing"
	"time"

	"lockstep/core"
)

func TestDumpsArePerPlacementAndTenMinutesUpToACap(t *testing.T) {
	l := DumpLimiter{Every: DumpEvery, Left: 3}
	for _, c := range []struct {
		placement string
		at        time.Duration
		want      bool
	}{
		{"a", 0, true},
		{"a", 10*time.Minute - 1, false},
		{"b", time.Minute, true},
		{"a", 10 * time.Minute, true},
		{"a", time.Hour, false}, // over the cap
		{"c", time.Hour, false},
	} {
		if got := l.Allow(c.placement, core.Time(c.at)); got != c.want {
			t.Errorf("%s at %v: %v, want %v", c.placement, c.at, got, c.want)
		}
	}
}
