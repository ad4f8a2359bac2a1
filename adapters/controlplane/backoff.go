package controlplane

import (
	"math/bits"
	"time"

	"lockstep/core"
)

// Bounds of the wait before a reconnect (BASELINE).
const (
	minWait = time.Second
	maxWait = time.Minute
)

// backoff returns the wait before reconnect number attempt, from 0: between 1
// and 2 s at first, doubling, at most 60 s. Where in the upper half of its range
// it falls is a hash of seed and draw, so that routers which lost their control
// plane together do not come back together.
func backoff(seed, draw uint64, attempt int) time.Duration {
	upper := maxWait
	if attempt < 5 {
		upper = 2 * minWait << attempt
	}
	lower := max(minWait, upper/2)
	part, _ := bits.Mul64(core.RequestHash(seed, draw), uint64(upper-lower))
	return lower + time.Duration(part)
}
