package incident

import (
	"testing"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/whatif"
)

// TestAMitigationKnowsWhatEachRouterChangesForTheOthers: with a larger limit one router sends more to an endpoint that
// another sends to as before. What the other then meets there is not certain, which only a second round can know.
func TestAMitigationKnowsWhatEachRouterChangesForTheOthers(t *testing.T) {
	w := plainWorld()
	w.routers, w.limit.InFlight = 2, 2
	sources, _ := w.run(t)
	a := &author{sources: sources, shift: make([]int64, len(sources)), draft: &Draft{from: w.origin, to: w.origin + int64(w.length)}}
	samples := whatif.NewSamples()
	if err := a.readAll(samples.Learn); err != nil {
		t.Fatal(err)
	}
	config := w.config("v2", core.LimitSpec{InFlight: 3})
	result, err := a.run(config, samples)
	if err != nil {
		t.Fatal(err)
	}
	alone := whatif.Shares{}
	for i := range sources { // each by itself, as if the others changed nothing
		one, err := whatif.New(whatif.Options{Config: config, Samples: samples})
		if err == nil {
			err = sources[i].Read(0, 0, func(rd *traces.Reader) error { return one.Replay(sources[i].Name, rd) })
		}
		if err != nil {
			t.Fatal(err)
		}
		alone.Recorded += one.Result().Worst.Recorded
	}
	if result.Worst.Recorded == 0 || result.Worst.Recorded >= alone.Recorded {
		t.Errorf("%d requests are recorded, and %d if no router knows of the others: want fewer", result.Worst.Recorded, alone.Recorded)
	}
}
