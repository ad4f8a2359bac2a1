package sim

import (
	"runtime"
	"testing"

	"lockstep/core"
)

// TestARunTenTimesAsLongNeedsNoMoreMemory counts every byte that is ever
// allocated, so nothing depends on when garbage is collected. What a run keeps
// is its windows, of which both runs have as many.
func TestARunTenTimesAsLongNeedsNoMoreMemory(t *testing.T) {
	for _, check := range []bool{false, true} {
		allocated := func(length core.Duration) (requests, bytes uint64) {
			p := reference(5000, length)
			p.Window = length / 10
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r := Run(p, Options{Check: check})
			runtime.ReadMemStats(&after)
			c, _ := total(&r)
			return c.Arrivals, after.TotalAlloc - before.TotalAlloc
		}
		few, short := allocated(4 * core.Second)
		many, long := allocated(40 * core.Second)
		// Slabs grow to the most that was ever in flight, and a tick allocates its event.
		if many < 9*few || long > short+(many-few)/2 {
			t.Errorf("checkers %t: %d requests allocated %d bytes, %d allocated %d; want at most half a byte for each more", check, few, short, many, long)
		}
	}
}
