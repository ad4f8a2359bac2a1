package driver

import (
	"fmt"
	"testing"

	"lockstep/core"
)

// benchSpec is the shape that PERFORMANCE figures are given for: 10,000 keys,
// 16 placements of 4 endpoints.
func benchSpec() (s core.Spec, keys []string) {
	s = core.Spec{Version: "bench", Default: "p00"}
	for i := range 16 {
		p := core.PlacementSpec{Name: fmt.Sprintf("p%02d", i)}
		for j := range 4 {
			p.Endpoints = append(p.Endpoints, core.EndpointSpec{URL: fmt.Sprintf("http://10.0.%d.%d:80", i, j)})
		}
		s.Placements = append(s.Placements, p)
	}
	for i := range 10_000 {
		keys = append(keys, fmt.Sprintf("tenant-%05d", i))
		s.Keys = append(s.Keys, core.KeySpec{Key: keys[i], Placement: s.Placements[i%16].Name})
	}
	return s, keys
}

// BenchmarkPair is one request's decisions with lock and clock, not recorded,
// 64 in flight as in core's; package flightrec has the same with recording.
func BenchmarkPair(b *testing.B) {
	s, keys := benchSpec()
	d := New(Options{})
	adopt(b, d, s)
	defer d.Close()
	var flying [64]core.Handle
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h := &flying[i&63]
		d.Finish(*h, core.ClassNone, 200, true)
		*h = d.Arrive(Arrival{Key: keys[i*7&4095], ID: [2]uint64{1, uint64(i)}}).Handle
	}
}
