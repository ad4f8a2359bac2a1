package report

import (
	"testing"

	"lockstep/core"
)

// Twenty times, since a map is walked in another order each time.
func TestTheMostFrequentClassComesFirstAndTheOrderIsAlwaysTheSame(t *testing.T) {
	for range 20 {
		r := Router{totals: totals{classes: map[core.Class]uint64{
			core.LimitReached: 1, core.BadRequest: 1, core.Upstream5xx: 2, core.BodyTooLarge: 1, core.Draining: 3,
		}}}
		want := "3 " + className(core.Draining) + ", 2 " + className(core.Upstream5xx) + ", 1 " + className(min(core.LimitReached, core.BadRequest, core.BodyTooLarge))
		if got := r.classList(); len(got) < len(want) || got[:len(want)] != want {
			t.Fatalf("%s, want %s first", got, want)
		}
	}
}
