package core

import (
	"strings"
	"testing"
)

// choosy returns a router with something of everything that extra.go keeps.
func choosy(t testing.TB) *Router {
	t.Helper()
	spec := Spec{Version: "1"}
	for i, p := range []PlacementSpec{
		{Name: "p0", Select: EWMA, SlowStart: 10 * Second, Sticky: StickySpec{Cookie: "c"}},
		{Name: "p1", Select: Ketama, Bound: 125},
		{Name: "p2", Select: Maglev, Shards: 2},
		{Name: "p3"},
	} {
		p.Health = HealthSpec{Off: true}
		p.Breaker = BreakerSpec{Failures: 5, Open: Second, FailureRatio: 900_000, SlowRatio: 990_000, SlowCall: 100 * Millisecond, MinRequests: 40}
		for _, u := range hosts(4) {
			p.Endpoints = append(p.Endpoints, EndpointSpec{URL: u, Weight: uint32(100 + i)})
		}
		spec.Placements = append(spec.Placements, p)
		spec.Keys = append(spec.Keys, KeySpec{p.Name, p.Name})
	}
	c, err := Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{Seed: 5, Strict: true})
	r.Step(0, &Event{Kind: Adopt, Config: c}, nil)
	crowd(r, 1, 400)
	return r
}

// crowd sends requests of every key, a third of which fail, and leaves a few in flight.
func crowd(r *Router, from, n int) {
	var flying []Handle
	for i := from; i < from+n; i++ {
		now := Time(i) * Time(20*Millisecond)
		route, _ := r.config.Match([]string{"p0", "p1", "p2", "p3"}[i%4])
		ev := Event{Kind: Arrive, Epoch: r.epoch, Route: route, Request: finalise(uint64(i))}
		if i%3 == 0 {
			ev.Prefer = r.Identity(int32(i % 4))
		}
		out := r.Step(now, &ev, nil)
		if d := out[len(out)-1]; d.Kind == Forward {
			flying = append(flying, d.Handle)
		}
		if len(flying) > 6 {
			r.Step(now, &Event{Kind: Finish, Handle: flying[0], Status: []uint16{200, 200, 500}[i%3]}, nil)
			flying = flying[1:]
		}
	}
}

func TestARestoredRouterChoosesAlike(t *testing.T) {
	r := choosy(t)
	kept := 0
	for n := range r.extras {
		kept += int(bit(r.extras[n].mix(1) != 0))
	}
	if kept < 8 {
		t.Fatalf("only %d endpoints have something to restore", kept)
	}
	twin, err := Restore(r.Snapshot(nil), r.config, true)
	if err != nil {
		t.Fatal(err)
	}
	var clone Router
	clone.CopyFrom(r)
	for _, other := range []*Router{twin, &clone} {
		if other.Digest() != r.Digest() {
			t.Fatal("the digest is another")
		}
		for n := range int32(len(r.endpoints)) {
			if got, want := other.Choice(r.now, n), r.Choice(r.now, n); got != want {
				t.Errorf("endpoint %d: %+v, want %+v", n, got, want)
			}
		}
	}
	for _, other := range []*Router{r, twin, &clone} {
		crowd(other, 500, 400)
	}
	if twin.Digest() != r.Digest() || clone.Digest() != r.Digest() {
		t.Error("the same requests lead to other states")
	}
}

func TestTheDigestSeesEveryPartOfAnExtra(t *testing.T) {
	seen := map[uint64]string{choosy(t).Digest(): "nothing"}
	full := func(r *Router) int32 {
		for n := range r.extras {
			if x := &r.extras[n]; x.window.total[0] > 0 && x.cost > 0 {
				return int32(n)
			}
		}
		t.Fatal("no endpoint has a window and a latency")
		return 0
	}
	for what, change := range map[string]func(x *extra){
		"slow start": func(x *extra) { x.warm++ }, "latency": func(x *extra) { x.cost++ }, "when": func(x *extra) { x.costAt++ },
		"head": func(x *extra) { x.window.head++ }, "requests": func(x *extra) { x.window.buckets[3].requests++ },
		"failures": func(x *extra) { x.window.buckets[3].failures++ }, "slow": func(x *extra) { x.window.buckets[3].slow++ },
	} {
		r := choosy(t)
		n := full(r)
		change(&r.extras[n])
		r.touchEndpoint(n)
		if other, ok := seen[r.Digest()]; ok {
			t.Errorf("a change of %s gives the digest of a change of %s", what, other)
		}
		seen[r.Digest()] = what
	}
}

func TestASnapshotWithForgedExtrasIsRefusedOrHarmless(t *testing.T) {
	r := choosy(t)
	whole := r.Snapshot(nil)
	for n := range whole {
		if got, err := Restore(whole[:n], r.config, true); err == nil && got.Digest() == r.Digest() {
			t.Errorf("%d of %d bytes are accepted as the whole", n, len(whole))
		}
	}
	for i := range whole {
		for _, v := range []byte{0, 1, 0x7f, 0x80, 0xff, whole[i] + 1} {
			b := append([]byte{}, whole...)
			b[i] = v
			if got, err := Restore(b, r.config, false); err == nil {
				wearOut(got)
			}
		}
	}
	for _, c := range []struct {
		name  string
		plant func(x *extra)
		want  string
	}{
		{"a latency of tomorrow", func(x *extra) { x.costAt = r.now + 1 }, "out of range"},
		{"a slow start of tomorrow", func(x *extra) { x.warm = r.now + 2 }, "out of range"},
		{"a latency beyond the longest", func(x *extra) { x.cost = maxCost + 1 }, "out of range"},
		{"more failures than requests", func(x *extra) { x.window.buckets[0] = tally{1, 2, 0} }, "more failures or slow calls"},
		{"more slow calls than requests", func(x *extra) { x.window.buckets[0] = tally{1, 0, 2} }, "more failures or slow calls"},
	} {
		r := choosy(t)
		r.extras[0].window.total[0]++ // so that it is written
		c.plant(&r.extras[0])
		if _, err := Restore(r.Snapshot(nil), r.config, true); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestWhatIsSwitchedOffIsForgotten(t *testing.T) {
	r := choosy(t)
	spec := Spec{Version: "2"}
	for i := range r.config.placements {
		p := PlacementSpec{Name: r.config.placements[i].name, Health: HealthSpec{Off: true}, Breaker: BreakerSpec{Failures: 2, Open: Second}}
		for _, u := range hosts(4) {
			p.Endpoints = append(p.Endpoints, EndpointSpec{URL: u})
		}
		spec.Placements = append(spec.Placements, p)
	}
	c, err := Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	r.Step(r.now, &Event{Kind: Adopt, Config: c}, nil)
	for n := range r.extras {
		if r.extras[n].mix(1) != 0 {
			t.Errorf("endpoint %d keeps %+v", n, r.extras[n])
		}
	}
	// Attempts of before are still timed, and a snapshot with them must be read.
	if twin, err := Restore(r.Snapshot(nil), c, true); err != nil || twin.Digest() != r.Digest() {
		t.Error(err)
	}
}

// TestChoosingAllocatesNothing steps a warm router through every policy.
func TestChoosingAllocatesNothing(t *testing.T) {
	r := choosy(t)
	out := make([]Decision, 0, 64)
	i := uint64(0)
	for p := range r.config.placements {
		name := r.config.placements[p].name
		if n := testing.AllocsPerRun(500, func() {
			i++
			route, _ := r.config.Match(name)
			now := r.now.Add(Millisecond)
			out = r.Step(now, &Event{Kind: Arrive, Epoch: r.epoch, Route: route, Request: finalise(i), Prefer: r.Identity(int32(i % 16))}, out[:0])
			out = r.Step(now.Add(Millisecond), &Event{Kind: Finish, Handle: out[len(out)-1].Handle, Status: []uint16{200, 500}[i%2]}, out[:0])
			r.Digest()
		}); n != 0 {
			t.Errorf("%s: %v allocations a run", r.config.placements[p].selection, n)
		}
	}
}

// BenchmarkChoice is one arrive and its finish among 16 endpoints, by policy.
func BenchmarkChoice(b *testing.B) {
	for _, c := range []struct {
		name string
		spec PlacementSpec
	}{
		{"round_robin", PlacementSpec{}},
		{"round_robin, ratios", PlacementSpec{Breaker: BreakerSpec{FailureRatio: 500_000, SlowRatio: 500_000}}},
		{"round_robin, slow_start", PlacementSpec{SlowStart: Second}},
		{"round_robin, sticky", PlacementSpec{Sticky: StickySpec{Cookie: "c"}}},
		{"round_robin, shards of 2", PlacementSpec{Shards: 2}},
		{"least_request", PlacementSpec{Select: LeastRequest}},
		{"ewma", PlacementSpec{Select: EWMA}},
		{"rendezvous", PlacementSpec{Select: Rendezvous}},
		{"rendezvous, bound", PlacementSpec{Select: Rendezvous, Bound: 125}},
		{"ketama", PlacementSpec{Select: Ketama}},
		{"maglev", PlacementSpec{Select: Maglev}},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := hashed(b, 1, c.spec, hosts(16))
			out := make([]Decision, 0, 64)
			b.ReportAllocs()
			for i := uint64(0); b.Loop(); i++ {
				route, _ := r.config.Match("k")
				route.Key, route.Ring = finalise(i), uint32(finalise(i))
				out = r.Step(Time(i*1000), &Event{Kind: Arrive, Epoch: r.epoch, Route: route, Request: i, Prefer: r.endpoints[i%16].id}, out[:0])
				out = r.Step(Time(i*1000), &Event{Kind: Finish, Handle: out[len(out)-1].Handle, Status: 200}, out[:0])
			}
		})
	}
}
