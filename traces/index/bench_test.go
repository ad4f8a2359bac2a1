package index_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
	"lockstep/traces/index"
)

// sample is a trace of n requests by 10,000 keys at 16 placements of 4, 100 in
// flight, with random ids, as production has them.
func sample(tb testing.TB, n int) []byte {
	s := core.Spec{Version: "1", Default: "p00"}
	for p := range 16 {
		spec := core.PlacementSpec{Name: fmt.Sprintf("p%02d", p), Limit: core.LimitSpec{InFlight: 1000}}
		for e := range 4 {
			spec.Endpoints = append(spec.Endpoints, core.EndpointSpec{URL: fmt.Sprintf("http://10.0.%d.%d:80", p, e)})
		}
		s.Placements = append(s.Placements, spec)
	}
	keys := make([]string, 10_000)
	for k := range keys {
		keys[k] = fmt.Sprintf("tenant-%05d", k)
		s.Keys = append(s.Keys, core.KeySpec{Key: keys[k], Placement: s.Placements[k%16].Name})
	}
	c, err := core.Compile(s)
	if err != nil {
		tb.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	r := core.New(core.Options{Seed: 1})
	now, out := core.Time(0), r.Step(0, &core.Event{Kind: core.Adopt, Config: c}, nil)
	var b bytes.Buffer
	w := traces.NewWriter(&b, traces.Binary, traces.Header{}, r)
	var flying []core.Handle
	step := func(ev core.Event, req *loop.Request) {
		out = r.Step(now, &ev, out[:0])
		w.Observe(now, &ev, req, out)
	}
	for range n {
		now += 20_000
		req := &loop.Request{Key: keys[rng.IntN(len(keys))], ID: [2]uint64{rng.Uint64(), rng.Uint64()}}
		ev := core.Event{Kind: core.Arrive, Request: core.RequestHash(req.ID[0], req.ID[1]), Length: -1}
		ev.Route = traces.RouteOf(c, req.Key, &ev)
		step(ev, req)
		for i := range out {
			if out[i].Kind == core.Forward {
				flying = append(flying, out[i].Handle)
			}
		}
		if len(flying) > 100 {
			i := rng.IntN(len(flying))
			h := flying[i]
			flying[i] = flying[len(flying)-1]
			flying = flying[:len(flying)-1]
			step(core.Event{Kind: core.Finish, Handle: h, Status: 200, Sent: true}, nil)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// BenchmarkBuild is an index made by reading a trace, to the bytes of its file.
func BenchmarkBuild(b *testing.B) {
	const requests = 500_000
	trace := sample(b, requests)
	size := 0
	b.ReportAllocs()
	for b.Loop() {
		rd, err := traces.NewReader(bytes.NewReader(trace))
		if err != nil {
			b.Fatal(err)
		}
		ix := index.NewBuilder(index.Everything)
		if err := ix.Read(rd); err != nil {
			b.Fatal(err)
		}
		size = len(ix.Index(int64(len(trace))).Encode())
	}
	b.ReportMetric(float64(b.N)*requests/b.Elapsed().Seconds()/1e6, "Mrequests/s")
	b.ReportMetric(float64(size)/requests, "B/request")
	b.ReportMetric(float64(len(trace))/requests, "traceB/request")
}
