package promise

import (
	"testing"

	"lockstep/core"
)

// BenchmarkJudge is a request that arrives and ends well, decided by a router and seen by a judge of every kind of promise.
func BenchmarkJudge(b *testing.B) {
	must := []Promise{
		{Kind: SurviveLoss, Lose: Loss{1, OfPlacements}, Within: core.Second},
		{Kind: HomeFirst},
		{Kind: ServedBy, Region: "eu"},
		{Kind: TestRequests, Most: 1},
		{Kind: Recover, Within: core.Second},
		{Kind: FailOver, Within: core.Second},
		{Kind: Available},
		{Kind: Latency, Latency: core.Second},
		{Kind: InFlight, Placement: "cell-a", Most: 10},
		{Kind: HealthProbes, Most: 1},
		{Kind: NoGuests, Labels: map[string]string{"kind": "cell"}},
	}
	for _, c := range []struct {
		name string
		must []Promise
	}{{"without", nil}, {"with", must}} {
		b.Run(c.name, func(b *testing.B) {
			w := build(b, nil, c.must...)
			b.ReportAllocs()
			for b.Loop() {
				w.end(w.send("cell-a"), core.ClassNone)
			}
		})
	}
}
