package core

import "testing"

func TestViewsOutsideTheirRangeAreEmpty(t *testing.T) {
	r := busy(t)
	for _, n := range []int32{-1, int32(r.Placements())} {
		if v := r.Placement(n); v != (PlacementView{Index: -1}) {
			t.Errorf("placement %d: %+v", n, v)
		}
	}
	for _, n := range []int32{-1, int32(r.Endpoints())} {
		if v := r.Endpoint(n); v != (EndpointView{Index: -1, Placement: -1}) {
			t.Errorf("endpoint %d: %+v", n, v)
		}
		if b := r.Blocked(r.now, n); b != BlockRetiring {
			t.Errorf("endpoint %d is blocked by %d", n, b)
		}
	}
	if _, ok := r.Attempt(Handle{77, 1}); ok {
		t.Error("an attempt that never was")
	}
}

func TestViewsShowTheState(t *testing.T) {
	r := busy(t)
	for i, want := range []PlacementView{{Name: "tier1", Index: 0, InFlight: 1, Guests: 1}, {Name: "visa", Index: 1, InFlight: 2}} {
		if got := r.Placement(int32(i)); got != want {
			t.Errorf("placement %d: %+v, want %+v", i, got, want)
		}
	}
	second := Time(Second)
	for i, want := range []EndpointView{
		{Name: "http://t", URL: "http://t", Index: 0, Placement: 0, InFlight: 1, Breaker: Closed, NextProbe: Never},
		{Name: "http://a", URL: "http://a", Index: -1, Placement: 1, InFlight: 1, Breaker: HalfOpen, Until: second + 1, NextProbe: Never},
		{Name: "http://b", URL: "http://b", Index: 1, Placement: 1, InFlight: 1, Breaker: HalfOpen, Until: second + 1, Probes: 1, Probing: true, NextProbe: r.timers.get(timerHealth, 2)},
		{Name: "http://c", URL: "http://c", Index: 2, Placement: 1, Breaker: Open, Until: second + 1, Probing: true, NextProbe: r.timers.get(timerHealth, 3)},
	} {
		if got := r.Endpoint(int32(i)); got != want {
			t.Errorf("endpoint %d:\n got %+v\nwant %+v", i, got, want)
		}
	}
	for n, want := range []Block{BlockNone, BlockRetiring, BlockBreaker, BlockNone} {
		if got := r.Blocked(second+2, int32(n)); got != want {
			t.Errorf("endpoint %d is blocked by %d, want %d", n, got, want)
		}
	}
	if got := r.Blocked(second, 3); got != BlockBreaker {
		t.Errorf("an open endpoint before its time is blocked by %d", got)
	}
	r.endpoints[0].health.unhealthy = true
	if got := r.Blocked(second, 0); got != BlockHealth {
		t.Errorf("an unhealthy endpoint is blocked by %d", got)
	}
	if r.EndpointNumber(2) != 3 || r.PlacementNumber(1) != 1 {
		t.Errorf("numbers %d %d", r.EndpointNumber(2), r.PlacementNumber(1))
	}
	h := Handle{2, r.slots.at(2).gen}
	if a, ok := r.Attempt(h); !ok || a.Handle != h || a.Endpoint != 2 || !a.Probe || a.Guest || a.Replied {
		t.Errorf("attempt %+v %v", a, ok)
	}
}
