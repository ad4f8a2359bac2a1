package core

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestTheIntegerRootIsTheRoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(0, 1<<40).Draw(t, "n")
		if got := sqrt(n); got*got > n || (got+1)*(got+1) <= n {
			t.Fatalf("sqrt(%d) = %d", n, got)
		}
	})
}

// closed feeds an adaptive limit with windows of a server that answers in
// `service` while no more than `workers` are in it, and in proportion above.
func closed(a *adaptive, s *AdaptiveSpec, windows, workers, offered int32, service Duration, seen func(limit int32)) {
	for range windows {
		n := min(a.now(s), offered)
		took := service
		if n > workers {
			took = service * Duration(n) / Duration(workers)
		}
		a.peak, a.busy = max(a.peak, n), true
		if a.phase != phaseDraining {
			a.count, a.sum = minSamples, uint64(took)*minSamples
		}
		a.turn(s, n)
		seen(a.now(s))
	}
}

func spec(t *testing.T, a AdaptiveSpec) *AdaptiveSpec {
	t.Helper()
	c, err := Compile(Spec{Version: "1", Placements: []PlacementSpec{{Name: "p", Endpoints: []EndpointSpec{{URL: "http://p"}}, Limit: LimitSpec{Adaptive: a}}}})
	if err != nil {
		t.Fatal(err)
	}
	return &c.placements[0].limit.Adaptive
}

func TestALimitNeverLeavesItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &AdaptiveSpec{Window: Second, Tolerance: rapid.Uint32Range(110, 190).Draw(t, "tolerance"), Remeasure: rapid.Uint32Range(4, 40).Draw(t, "remeasure")}
		s.Min = rapid.Int32Range(1, 1000).Draw(t, "min")
		s.Max = rapid.Int32Range(s.Min, MaxInFlight).Draw(t, "max")
		s.Start = rapid.Int32Range(s.Min, s.Max).Draw(t, "start")
		a := newAdaptive(s)
		for range 200 {
			a.count = uint32(rapid.IntRange(0, 100).Draw(t, "samples"))
			a.sum = uint64(a.count) * uint64(rapid.Int64Range(1, int64(MaxDuration)).Draw(t, "latency"))
			a.peak, a.busy = rapid.Int32Range(0, a.now(s)+5).Draw(t, "peak"), true
			a.turn(s, a.peak)
			if now := a.now(s); now < s.Min || now > s.Max {
				t.Fatalf("the limit is %d, outside %d to %d", now, s.Min, s.Max)
			}
		}
	})
}

func TestWithConstantLatencyALimitRisesUntilItIsNotInTheWay(t *testing.T) {
	s := spec(t, AdaptiveSpec{Min: 10, Max: 800})
	a := newAdaptive(s)
	closed(a, s, 200, math.MaxInt32, 300, 100*Millisecond, func(int32) {})
	if a.now(s) < 300 {
		t.Errorf("300 are offered, the limit is %d", a.now(s))
	}
	closed(a, s, 200, math.MaxInt32, 5000, 100*Millisecond, func(int32) {})
	if now := a.now(s); now < 400 { // or it is being halved, to measure
		t.Errorf("5000 are offered, the limit is %d of at most 800", now)
	}
}

// A server of 50 workers is offered more than it can do, for an hour: the limit
// stays near tolerance x workers. Were the calm latency not measured anew by
// half the limit, it would follow the overload up.
func TestUnderLastingOverloadALimitStaysNearTheKnee(t *testing.T) {
	for _, start := range []int32{10, 800} {
		s := spec(t, AdaptiveSpec{Min: 10, Max: 800, Start: start})
		a := newAdaptive(s)
		highest := int32(0)
		closed(a, s, 300, 50, 5000, 100*Millisecond, func(int32) {})
		closed(a, s, 3300, 50, 5000, 100*Millisecond, func(now int32) { highest = max(highest, now) })
		if highest > 120 {
			t.Errorf("from %d: 50 workers, the limit rose to %d", start, highest)
		}
		if a.base > 130*Millisecond {
			t.Errorf("from %d: the calm latency is taken for %d ms", start, a.base/Millisecond)
		}
	}
}

// A server that becomes three times slower for good is calm again at that pace.
func TestASlowerServerIsMeasuredAnew(t *testing.T) {
	s := spec(t, AdaptiveSpec{Min: 10, Max: 200})
	a := newAdaptive(s)
	closed(a, s, 100, 1000, 150, 100*Millisecond, func(int32) {})
	closed(a, s, 300, 1000, 150, 300*Millisecond, func(int32) {})
	if a.base < 290*Millisecond || a.now(s) < 75 {
		t.Errorf("the calm latency is %d ms, the limit %d", a.base/Millisecond, a.now(s))
	}
}
