package whatif_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
	"lockstep/traces/whatif"
)

// plain is a router of 16 placements of 4 endpoints, with 1,000 keys.
func plain(t testing.TB, change func(*core.PlacementSpec)) *core.Config {
	t.Helper()
	return compiled(t, func(s *core.Spec) {
		for i := range s.Placements {
			if change != nil {
				change(&s.Placements[i])
			}
		}
	})
}

// compiled is plain, changed as a whole.
func compiled(t testing.TB, change func(*core.Spec)) *core.Config {
	t.Helper()
	s := core.Spec{Version: "v1", Default: "p00"}
	for i := range 16 {
		p := core.PlacementSpec{Name: fmt.Sprintf("p%02d", i), Limit: core.LimitSpec{InFlight: 100}, Health: core.HealthSpec{Off: true}, Fallback: []string{fmt.Sprintf("p%02d", (i+1)%16)}}
		for e := range 4 {
			p.Endpoints = append(p.Endpoints, core.EndpointSpec{URL: fmt.Sprintf("http://10.0.%d.%d:80", i, e)})
		}
		s.Placements = append(s.Placements, p)
	}
	for i := range 1000 {
		s.Keys = append(s.Keys, core.KeySpec{Key: fmt.Sprintf("tenant-%d", i), Placement: fmt.Sprintf("p%02d", i%16)})
	}
	change(&s)
	c, err := core.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// busy records a router that serves so many requests, 20,000 a second for 2 ms
// each; every hundredth fails.
func busy(t testing.TB, c *core.Config, requests int) []byte {
	t.Helper()
	var file bytes.Buffer
	r := core.New(core.Options{Seed: 1})
	w := traces.NewWriter(&file, traces.Binary, traces.Header{Name: "busy", Seed: 1, Origin: 1_700_000_000_000_000_000}, r)
	var out []core.Decision
	step := func(now core.Time, ev *core.Event, req *loop.Request) *core.Decision {
		out = r.Step(now, ev, out[:0])
		w.Observe(now, ev, req, out)
		return &out[max(0, len(out)-1)]
	}
	step(0, &core.Event{Kind: core.Adopt, Config: c}, nil)
	var flight []core.Handle
	for i := range requests {
		now := core.Time(i) * core.Time(50*core.Microsecond)
		if len(flight) >= 40 {
			ev := core.Event{Kind: core.Finish, Handle: flight[0], Status: 200, Sent: true}
			if i%100 == 0 {
				ev.Status = 500
			}
			out = r.Step(now, &ev, out[:0])
			w.Observe(now, &ev, nil, out)
			flight = flight[1:]
		}
		id := [2]uint64{uint64(i), 7}
		req := &loop.Request{Key: fmt.Sprintf("tenant-%d", i*7919%1000), ID: id}
		ev := core.Event{Kind: core.Arrive, Request: core.RequestHash(id[0], id[1]), Epoch: r.Epoch()}
		ev.Route = traces.RouteOf(c, req.Key, &ev)
		if d := step(now, &ev, req); d.Kind == core.Forward {
			flight = append(flight, d.Handle)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func BenchmarkWhatIf(b *testing.B) {
	const requests = 200_000
	c := plain(b, nil)
	data := busy(b, c, requests)
	open := func() *traces.Reader {
		rd, err := traces.NewReader(bytes.NewReader(data))
		if err != nil {
			b.Fatal(err)
		}
		return rd
	}
	learn := func() *whatif.Samples {
		s := whatif.NewSamples()
		if err := s.Learn("busy", open()); err != nil {
			b.Fatal(err)
		}
		return s
	}
	rate := func(b *testing.B, events uint64) {
		b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
	}
	b.Run("learn", func(b *testing.B) {
		for range b.N {
			learn()
		}
		rate(b, 2*requests)
	})
	samples := learn()
	for name, config := range map[string]*core.Config{
		"nothing-changes":  plain(b, func(p *core.PlacementSpec) { p.BodyMax = 1 << 40 }),
		"all-is-modelled":  plain(b, func(p *core.PlacementSpec) { p.Select = core.First }),
		"limits-that-bite": plain(b, func(p *core.PlacementSpec) { p.Limit.InFlight = 2 }),
	} {
		b.Run(name, func(b *testing.B) {
			events := uint64(0)
			for range b.N {
				w, err := whatif.New(whatif.Options{Config: config, Samples: samples})
				if err != nil {
					b.Fatal(err)
				}
				if err := w.Replay("busy", open()); err != nil {
					b.Fatal(err)
				}
				events = w.Result().Facts
			}
			rate(b, events)
		})
	}
}

func TestMemoryDoesNotGrowWithTheRecording(t *testing.T) {
	used := func(requests int) int64 {
		c := plain(t, nil)
		data := busy(t, c, requests)
		s := whatif.NewSamples()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		if err := s.Learn("busy", reader(t, data)); err != nil {
			t.Fatal(err)
		}
		w, err := whatif.New(whatif.Options{Config: plain(t, func(p *core.PlacementSpec) { p.Select = core.First }), Samples: s})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Replay("busy", reader(t, data)); err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(w)
		runtime.KeepAlive(data)
		return int64(after.HeapAlloc) - int64(before.HeapAlloc)
	}
	// A bucket of time is a second here: what grows is buckets, which are bounded, and by far less than requests.
	small, large := used(40_000), used(120_000)
	if grown := (large - small) / 80_000; grown > 40 {
		t.Errorf("%d bytes more for each further request", grown)
	}
}
