package fuzz

import (
	"strings"
	"testing"

	"lockstep/core"
)

func TestEndpointsThatHoldLessThanThePeakAreBlamed(t *testing.T) {
	spec := core.Spec{
		Version: "1", Keys: []core.KeySpec{{Key: "k", Placement: "cell"}},
		Placements: []core.PlacementSpec{{Name: "cell", Limit: core.LimitSpec{InFlight: 200}, Endpoints: []core.EndpointSpec{
			{Name: "a", URL: "http://a", Limit: 5}, {Name: "b", URL: "http://b", Limit: 3},
		}}},
	}
	target := &Target{Name: "capped", Spec: spec, Facts: Facts{Peak: map[string]Load{"cell": {PerSecond: 100, Latency: 100 * core.Millisecond}}}}
	o := TryDrill(target, Drill{Property: StatedPeak})
	if o.Err != nil || o.Finding == nil {
		t.Fatal(o.Err, "nothing was found")
	}
	if f := o.Finding; f.Key != "placements.cell.endpoints" || !strings.Contains(f.Value, "hold 8 in flight") {
		t.Errorf("%s: key %s, %s", f.Sentence, f.Key, f.Value)
	}
	target.Spec.Placements[0].Endpoints[0].Limit = 20
	if o := TryDrill(target, Drill{Property: StatedPeak}); o.Err != nil || o.Finding != nil {
		t.Errorf("with room: %v %s", o.Err, describe(o.Finding))
	}
}
