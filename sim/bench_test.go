package sim

import (
	"fmt"
	"runtime/debug"
	"syscall"
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

// BenchmarkReference simulates 20,000 requests/s for 10 s. Beside the time on
// the wall it reports CPU time, which a busy machine disturbs less.
func BenchmarkReference(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the commands that simulate have it
	for _, check := range []bool{false, true} {
		b.Run(fmt.Sprintf("checkers=%t", check), func(b *testing.B) {
			p := reference(20_000, 10*core.Second)
			b.ReportAllocs()
			var requests uint64
			before := cpuTime(b)
			for b.Loop() {
				r := Run(p, Options{Check: check})
				c, _ := total(&r)
				requests += c.Arrivals
			}
			cpu := cpuTime(b) - before
			b.ReportMetric(float64(requests)/b.Elapsed().Seconds(), "requests/s")
			b.ReportMetric(float64(cpu)/float64(requests), "cpu-ns/request")
		})
	}
}

// cpuTime returns the CPU time of the process in nanoseconds.
func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
