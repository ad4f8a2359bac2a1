package sim

import (
	"fmt"
	"testing"

	"lockstep/core"
)

// reference is the world of the benchmarks: 16 placements of 4 endpoints,
// 10,000 keys, 1 % failures.
func reference(rate uint32, length core.Duration) Plan {
	spec := core.Spec{Version: "reference"}
	for i := range 16 {
		p := core.PlacementSpec{Name: fmt.Sprintf("p%02d", i), Fallback: []string{fmt.Sprintf("p%02d", (i+1)%16)}}
		for j := range 4 {
			p.Endpoints = append(p.Endpoints, core.EndpointSpec{URL: fmt.Sprintf("http://p%02d-%d:80", i, j)})
		}
		p.Limit = core.LimitSpec{InFlight: 10_000, Guests: 1000}
		spec.Placements = append(spec.Placements, p)
	}
	for i := range 10_000 {
		spec.Keys = append(spec.Keys, core.KeySpec{Key: fmt.Sprintf("key-%05d", i), Placement: fmt.Sprintf("p%02d", i%16)})
	}
	return Plan{
		Name: "reference", Seed: 1, Length: length, Spec: spec,
		Clients: []Client{{Name: "all", Rate: rate, Poisson: true}},
		Backend: Backend{Service: Service{Shape: Exponential, Typical: 5 * core.Millisecond}, Flaky: 10_000},
		Link:    Link{Latency: 250 * core.Microsecond, Jitter: 100 * core.Microsecond},
	}
}

func TestSmoke(t *testing.T) {
	p := reference(2000, 10*core.Second)
	p.Faults = []Fault{{Kind: Refuse, Placement: "p03", At: core.Time(3 * core.Second), Until: core.Time(6 * core.Second)}}
	r := Run(p, Options{Check: true})
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	var total Counts
	for _, w := range r.Windows {
		total.Arrivals += w.Arrivals
		total.OK += w.OK
		for i, n := range w.ByClass {
			total.ByClass[i] += n
		}
		total.Latency.Merge(w.Latency)
	}
	t.Log(r.Digest, r.Steps, total.Arrivals, total.OK, total.ByClass, total.Latency.Quantile(500_000), total.Latency.Quantile(990_000))
	t.Log(r.Sometimes.Reached(), len(r.Transitions), r.Violated, r.Violations)
}

func BenchmarkReference(b *testing.B) {
	for _, check := range []bool{false, true} {
		b.Run(fmt.Sprintf("checkers=%t", check), func(b *testing.B) {
			const rate, seconds = 20_000, 10
			p := reference(rate, seconds*core.Second)
			b.ReportAllocs()
			n := uint64(0)
			for b.Loop() {
				r := Run(p, Options{Check: check})
				for _, w := range r.Windows {
					n += w.Arrivals
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "requests/s")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/request")
		})
	}
}
