package whatif

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"lockstep/core"
)

func TestTimesCountsThoseStillToCome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var got times
		var want []core.Time
		now := core.Time(0)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now += core.Time(rapid.IntRange(0, 3).Draw(t, "passes"))
			if rapid.Bool().Draw(t, "adds") {
				at := now + core.Time(rapid.IntRange(0, 60).Draw(t, "lasts"))
				got.add(now, at)
				want = append(want, at)
			}
			want = slices.DeleteFunc(want, func(at core.Time) bool { return at < now })
			if n := got.count(now); n != len(want) {
				t.Fatalf("%d at %d, want %d: %v", n, now, len(want), want)
			}
		}
	})
}
