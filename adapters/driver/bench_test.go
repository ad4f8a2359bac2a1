package driver

import (
	"fmt"
	"testing"

	"lockstep/core"
)

// benchSpec is 10,000 keys over placements of 4 endpoints; 16 of them are the
// shape that the budgets are given for.
func benchSpec(placements int) (s core.Spec, keys []string) {
	s = core.Spec{Version: "bench", Default: "p00"}
	for i := range placements {
		p := core.PlacementSpec{Name: fmt.Sprintf("p%02d", i)}
		for j := range 4 {
			p.Endpoints = append(p.Endpoints, core.EndpointSpec{URL: fmt.Sprintf("http://10.0.%d.%d:80", i, j)})
		}
		s.Placements = append(s.Placements, p)
	}
	for i := range 10_000 {
		keys = append(keys, fmt.Sprintf("tenant-%05d", i))
		s.Keys = append(s.Keys, core.KeySpec{Key: keys[i], Placement: s.Placements[i%placements].Name})
	}
	return s, keys
}

// BenchmarkPair is one request's decisions with lock and clock, not recorded,
// 64 in flight as in core's; package flightrec has the same with recording.
func BenchmarkPair(b *testing.B) {
	s, keys := benchSpec(16)
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

// BenchmarkPairWithRetries is BenchmarkPair where every request may be retried, and none is.
func BenchmarkPairWithRetries(b *testing.B) {
	s, keys := benchSpec(16)
	for i := range s.Placements {
		s.Placements[i].Retries.Max = 1
	}
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

// BenchmarkPairThroughQueue is a request that waits in the queue of its placement
// until the one before it ends, and is forwarded then.
func BenchmarkPairThroughQueue(b *testing.B) {
	s, keys := benchSpec(1)
	s.Placements[0].Limit = core.LimitSpec{InFlight: 1, WhenFull: core.QueueWhenFull, Queue: 64, Wait: 10 * core.Second}
	d := New(Options{})
	adopt(b, d, s)
	defer d.Close()
	holder := d.Arrive(Arrival{Key: keys[0]}).Handle
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		a := Arrival{Key: keys[i*7&4095], ID: [2]uint64{1, uint64(i)}}
		waits := d.Arrive(a).Handle
		d.Finish(holder, core.ClassNone, 200, true)
		adm, err := d.Await(b.Context(), waits, &a)
		if err != nil || adm.Kind != core.Forward {
			b.Fatal(adm.Kind, err)
		}
		holder = adm.Handle
	}
}

// BenchmarkAdopt is how long the lock is held by a push that changes one
// placement: with that of a snapshot (package flightrec) the longest hold.
func BenchmarkAdopt(b *testing.B) {
	for _, placements := range []int{16, 1024} {
		b.Run(fmt.Sprintf("%d_placements_of_4", placements), func(b *testing.B) {
			s, _ := benchSpec(placements)
			var configs [2]*core.Config
			for i := range configs {
				s.Version = fmt.Sprint(i)
				s.Placements[0].Endpoints[0].URL = fmt.Sprintf("http://10.1.0.%d:80", i)
				configs[i] = compile(b, s)
			}
			d := New(Options{})
			d.Run(b.Context())
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				d.Adopt(configs[i&1], core.Epoch{}, core.OriginFile, core.FaultNone)
			}
			d.Close()
		})
	}
}
