package sim

import (
	"testing"

	"lockstep/core"
)

// An endpoint that leaves half-open and comes back may be tried again while the
// test request of before is still out: that one no longer counts (R12).
func TestAProbeThatWasCalledInIsNotOutAtOnceWithTheNext(t *testing.T) {
	both := core.Spec{Version: "1", Keys: []core.KeySpec{{Key: "k", Placement: "p"}}, Placements: []core.PlacementSpec{{
		Name: "p", Select: core.First, Endpoints: []core.EndpointSpec{{URL: "http://a:80"}, {URL: "http://b:80"}},
		Breaker: core.BreakerSpec{Failures: 1, Open: core.Second}, Health: core.HealthSpec{Off: true}, Timeouts: core.TimeoutSpec{ResponseHeader: 2 * core.Second},
	}}}
	one := both
	one.Version, one.Placements = "2", []core.PlacementSpec{both.Placements[0]}
	one.Placements[0].Endpoints = both.Placements[0].Endpoints[1:]
	again := both
	again.Version = "3"
	r := Run(Plan{
		Length: 10 * core.Second, Spec: both, Clients: []Client{{Name: "c", Rate: 10}},
		Faults: []Fault{{Kind: Hang, Endpoint: "http://a:80", Placement: "p"}},
		Pushes: []Push{{At: 4 * sec, Spec: &one}, {At: 4*sec + sec/2, Spec: &again}},
	}, Options{Check: true})
	if r.Err != nil || r.Violated > 0 {
		t.Fatal(r.Err, r.Violations)
	}
	probes, most := uint64(0), 0
	for i := range r.Windows {
		probes, most = probes+r.Windows[i].Endpoints[0].Probes, max(most, r.Windows[i].Endpoints[0].PeakProbes)
	}
	if probes < 2 || most != 1 {
		t.Errorf("%d test requests, %d at once", probes, most)
	}
}
