package sim

import (
	"fmt"
	"slices"

	"lockstep/core"
)

// Ratio and slow trips (R6), from the rules: every outcome of a closed breaker is
// kept with the bucket that it fell into, and those of ten buckets are counted.

// pastOutcome is one outcome of a closed breaker.
type pastOutcome struct {
	bucket       int64
	failed, slow bool
}

// timing reports whether attempts at a placement are timed.
func timing(row *core.PlacementInfo) bool {
	return row.Limit.Adaptive.On() || row.Select == core.EWMA || row.Breaker.SlowRatio > 0 && !row.Breaker.Off
}

// took is how long a timed attempt has been out; timed is false when nobody measures.
func (a *attemptModel) took(now core.Time) (d core.Duration, timed bool) {
	return now.Sub(a.admitted), a.timed
}

// enter keeps an outcome, and forgets those that have left the window.
func (c *checker) enter(e *endpointModel, a *attemptModel, b *core.BreakerSpec, failed bool) {
	if b.FailureRatio == 0 && b.SlowRatio == 0 {
		return
	}
	d, timed := a.took(c.now)
	bucket := int64(c.now) / int64(b.Window/10)
	e.past = append(e.past, pastOutcome{bucket, failed, timed && b.SlowRatio > 0 && d >= b.SlowCall})
	e.past = slices.DeleteFunc(e.past, func(o pastOutcome) bool { return o.bucket <= bucket-10 })
}

// tripped says whether a closed breaker has to open, and by which count.
func (c *checker) tripped(e *endpointModel, b *core.BreakerSpec) (core.Trip, bool) {
	if b.Failures != core.NeverConsecutive && e.failures >= b.Failures {
		return core.TripConsecutive, true
	}
	failed, slow := uint64(0), uint64(0)
	for _, o := range e.past {
		failed += uint64(flag(o.failed))
		slow += uint64(flag(o.slow))
	}
	all := uint64(len(e.past))
	enough := all > 0 && all >= uint64(b.MinRequests)
	switch {
	case enough && b.FailureRatio > 0 && failed*million >= all*uint64(b.FailureRatio):
		c.saw(SawRatioTrip)
		return core.TripRatio, true
	case enough && b.SlowRatio > 0 && slow*million >= all*uint64(b.SlowRatio):
		c.saw(SawSlowTrip)
		return core.TripSlow, true
	}
	return core.TripConsecutive, false
}

// compareWindow holds a router's window against what was entered.
func (c *checker) compareWindow(n int32, e *endpointModel) string {
	if e.state != core.Closed {
		return ""
	}
	b := &c.rows[c.placements[e.placement].index].Breaker
	if b.FailureRatio == 0 && b.SlowRatio == 0 {
		return ""
	}
	var want core.ChoiceView
	bucket := int64(c.now) / int64(b.Window/10)
	for _, o := range e.past {
		if o.bucket > bucket-10 {
			want.Requests++
			want.Failures += uint64(flag(o.failed))
			want.Slow += uint64(flag(o.slow))
		}
	}
	got := c.r.core.Choice(c.now, n)
	if got.Requests == want.Requests && got.Failures == want.Failures && got.Slow == want.Slow {
		return ""
	}
	return fmt.Sprintf("its window holds %d outcomes, %d failures, %d slow, it should hold %d, %d, %d", got.Requests, got.Failures, got.Slow, want.Requests, want.Failures, want.Slow)
}

// sameMode says whether two breakers count the same things over the same time.
func sameMode(a, b *core.BreakerSpec) bool {
	on := func(s *core.BreakerSpec) [2]bool { return [2]bool{s.FailureRatio > 0, s.SlowRatio > 0} }
	return on(a) == on(b) && a.Window == b.Window && a.SlowCall == b.SlowCall
}

// carryChoice takes over what window, slow start and latency keep of an endpoint
// that a push leaves (R6, R10); e has its new index.
func (c *checker) carryChoice(e *endpointModel, old *core.Config, back bool) {
	row := &c.rows[c.config.Endpoint(int(e.index)).Placement]
	if back {
		e.past, e.latency = nil, 0
		e.warm(c.now, row)
		return
	}
	i, _ := old.FindPlacement(e.home)
	was := old.Placement(i)
	if !sameMode(&was.Breaker, &row.Breaker) {
		if e.state == core.Closed && !row.Breaker.Off {
			e.ticket++
			e.failures = 0
		}
		e.past = nil
	}
	if row.Breaker.Off {
		e.past = nil
	}
	if row.SlowStart == 0 {
		e.warming = false
	}
	if row.Select != core.EWMA {
		e.latency = 0
	}
}
