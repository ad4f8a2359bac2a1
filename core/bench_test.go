package core_test

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"lockstep/core"
)

// referenceSpec is the world that figures are measured in: keys spread over 16
// placements of 4 endpoints each, a limit, a guests cap and two fallbacks.
func referenceSpec(keys int) core.Spec {
	const placements, endpoints = 16, 4
	spec := core.Spec{Version: "reference", Default: "p00"}
	for i := range placements {
		p := core.PlacementSpec{
			Name:     fmt.Sprintf("p%02d", i),
			Fallback: []string{fmt.Sprintf("p%02d", (i+1)%placements), fmt.Sprintf("p%02d", (i+2)%placements)},
			Limit:    core.LimitSpec{InFlight: 1000, Guests: 200},
		}
		for j := range endpoints {
			p.Endpoints = append(p.Endpoints, core.EndpointSpec{URL: fmt.Sprintf("http://10.0.%d.%d:8080", i, j)})
		}
		spec.Placements = append(spec.Placements, p)
	}
	for k := range keys {
		spec.Keys = append(spec.Keys, core.KeySpec{Key: fmt.Sprintf("tenant-%07d", k), Placement: fmt.Sprintf("p%02d", k%placements)})
	}
	return spec
}

func mustCompile(t testing.TB, s core.Spec) *core.Config {
	t.Helper()
	c, err := core.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// adopted returns a strict router that runs c.
func adopted(c *core.Config) *core.Router {
	r := core.New(core.Options{Seed: 1, Strict: true})
	r.Reserve(c, 1024)
	r.Step(0, &core.Event{Kind: core.Adopt, Config: c}, nil)
	return r
}

// BenchmarkPair is one request: Match, Arrive, Finish; 64 in flight.
func BenchmarkPair(b *testing.B) {
	c := mustCompile(b, referenceSpec(10_000))
	for _, match := range [...]bool{false, true} {
		b.Run(map[bool]string{false: "decide", true: "match+decide"}[match], func(b *testing.B) {
			r := adopted(c)
			out := make([]core.Decision, 0, 64)
			arrive := core.Event{Kind: core.Arrive, Epoch: r.Epoch(), Length: -1}
			finish := core.Event{Kind: core.Finish, Status: 200}
			keys := make([]string, 4096)
			for i := range keys {
				keys[i], _ = c.Key(i * 7 % c.Keys())
			}
			var flying [64]core.Handle
			b.ReportAllocs()
			now := core.Time(0)
			for i := 0; b.Loop(); i++ {
				now += 1000
				if match || i < len(keys) {
					arrive.Route, _ = c.Match(keys[i%len(keys)])
				} else {
					arrive.Route.Placement = int32(i & 15)
				}
				arrive.Request = uint64(i)
				finish.Handle = flying[i&63]
				if finish.Handle.Gen != 0 {
					out = r.Step(now, &finish, out[:0])
				}
				out = r.Step(now, &arrive, out[:0])
				flying[i&63] = out[len(out)-1].Handle
			}
		})
	}
}

// BenchmarkCompile builds a Config from a Spec of a million sorted keys.
func BenchmarkCompile(b *testing.B) {
	spec := referenceSpec(1_000_000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := mustCompile(b, spec)
	runtime.GC()
	runtime.ReadMemStats(&after)
	perKey := float64(after.HeapAlloc-before.HeapAlloc) / 1e6
	runtime.KeepAlive(c)
	for b.Loop() {
		mustCompile(b, spec)
	}
	b.ReportMetric(perKey, "B/key")
}

// BenchmarkSnapshot is the reference world with 64 requests in flight.
func BenchmarkSnapshot(b *testing.B) {
	c := mustCompile(b, referenceSpec(10_000))
	r := adopted(c)
	for i := range 64 {
		key, _ := c.Key(i)
		route, _ := c.Match(key)
		r.Step(1, &core.Event{Kind: core.Arrive, Epoch: r.Epoch(), Route: route, Request: uint64(i)}, nil)
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = r.Snapshot(buf[:0])
	}
	b.ReportMetric(float64(len(buf)), "B/snapshot")
}

// BenchmarkMatchVia is the lookup of one key among a million: of a placement,
// and of one of 20 splits.
func BenchmarkMatchVia(b *testing.B) {
	for _, split := range []bool{false, true} {
		b.Run(map[bool]string{false: "plain", true: "split"}[split], func(b *testing.B) {
			spec := referenceSpec(1_000_000)
			if split {
				for i := range 20 {
					a, z := spec.Placements[0].Name, spec.Placements[1].Name
					spec.Splits = append(spec.Splits, core.SplitSpec{Name: strconv.Itoa(i), Parts: []core.PartSpec{{Placement: a, Share: uint32(i)}, {Placement: z, Share: 1_000_000 - uint32(i)}}})
				}
				for i := range spec.Keys {
					spec.Keys[i].Placement = strconv.Itoa(i % 20)
				}
			}
			c := mustCompile(b, spec)
			keys := make([]string, 4096)
			for i := range keys {
				keys[i], _ = c.Key(i * 241 % c.Keys())
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.MatchVia(0, keys[i&4095], uint64(i))
			}
		})
	}
}
