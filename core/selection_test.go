package core

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// peers returns a router whose first placement, of that policy, has endpoints of these weights, in order.
func peers(t interface{ Fatal(...any) }, p Policy, weights ...uint32) *Router {
	spec := Spec{Version: "1", Placements: []PlacementSpec{{Name: "p", Select: p, Health: HealthSpec{Off: true}}}}
	for i, w := range weights {
		spec.Placements[0].Endpoints = append(spec.Placements[0].Endpoints, EndpointSpec{URL: "http://h" + string(rune('a'+i)), Weight: w})
	}
	c, err := Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{Seed: 11, Strict: true})
	r.Step(0, &Event{Kind: Adopt, Config: c}, nil)
	return r
}

// send admits one request and returns its endpoint.
func send(r *Router, request, key uint64) Decision {
	out := r.Step(r.now, &Event{Kind: Arrive, Epoch: r.epoch, Request: request, Route: Route{Hashes: Hashes{Key: key}}}, nil)
	return out[len(out)-1]
}

// TestRotationGivesEveryoneExactlyItsShare holds over one round of any weights,
// and never lets an endpoint run ahead of its share by more than one turn.
func TestRotationGivesEveryoneExactlyItsShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint32Range(1, 9), 1, 6).Draw(t, "weights")
		total := uint32(0)
		for _, w := range weights {
			total += w
		}
		r := peers(t, RoundRobin, weights...)
		got := make([]uint32, len(weights))
		for turn := range total {
			got[send(r, 0, 0).Endpoint]++
			for i, n := range got {
				if due := float64(turn+1) * float64(weights[i]) / float64(total); math.Abs(float64(n)-due) >= 1.0001 && len(weights) <= 2 {
					t.Fatalf("after %d turns endpoint %d had %d, its share is %.2f of %v", turn+1, i, n, due, weights)
				}
			}
		}
		for i := range got {
			if got[i] != weights[i] {
				t.Fatalf("a round of %v gave %v", weights, got)
			}
		}
	})
}

// TestLeastRequestTakesTheLighterOfItsTwoChoices recomputes both choices.
func TestLeastRequestTakesTheLighterOfItsTwoChoices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint32Range(1, 4), 2, 6).Draw(t, "weights")
		r := peers(t, LeastRequest, weights...)
		load := make([]int64, len(weights))
		for range 40 {
			request := rapid.Uint64().Draw(t, "request")
			n := uint64(len(weights))
			a := below(draw(11, request, 0, purposeChoice), n)
			b := below(draw(11, request, 0, purposeSecondChoice), n-1)
			if b >= a {
				b++
			}
			want := min(a, b)
			if x, y := min(a, b), max(a, b); (load[y]+1)*int64(weights[x]) < (load[x]+1)*int64(weights[y]) {
				want = y
			}
			if got := send(r, request, 0).Endpoint; got != int32(want) {
				t.Fatalf("choices %d and %d of loads %v weights %v: took %d, want %d", a, b, load, weights, got, want)
			}
			load[want]++
		}
	})
}

func TestBothChoicesAreDistinctAndReachEveryone(t *testing.T) {
	r := peers(t, LeastRequest, 100, 100, 100)
	seen := map[int32]int{}
	for i := range uint64(300) {
		d := send(r, i, 0)
		seen[d.Endpoint]++
		r.Step(r.now, &Event{Kind: Finish, Handle: d.Handle, Status: 200}, nil)
	}
	// Idle endpoints tie, so the earlier of two distinct picks serves: never the last.
	if seen[0] < 150 || seen[1] < 50 || seen[2] != 0 {
		t.Errorf("picks %v, want about 200, 100 and none", seen)
	}
}

// TestRendezvousMovesOnlyTheKeysOfALostEndpoint holds for any weights.
func TestRendezvousMovesOnlyTheKeysOfALostEndpoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint32Range(1, 4), 2, 6).Draw(t, "weights")
		r := peers(t, Rendezvous, weights...)
		p := &r.config.placements[0]
		all := r.numbers.endpoint
		lost := rapid.IntRange(0, len(all)-1).Draw(t, "lost")
		left := append(append([]int32{}, all[:lost]...), all[lost+1:]...)
		for range 20 {
			key := rapid.Uint64().Draw(t, "key")
			before := all[r.pickRendezvous(p, all, key)]
			after := left[r.pickRendezvous(p, left, key)]
			if before != all[lost] && after != before {
				t.Fatalf("key %d moved from %d to %d when %d was lost", key, before, after, all[lost])
			}
		}
	})
}

func TestRendezvousHonoursWeights(t *testing.T) {
	r := peers(t, Rendezvous, 100, 300)
	p := &r.config.placements[0]
	heavy := 0
	const keys = 20000
	for k := range uint64(keys) {
		heavy += r.pickRendezvous(p, r.numbers.endpoint, finalise(k))
	}
	if share := float64(heavy) / keys; share < 0.735 || share > 0.765 {
		t.Errorf("the endpoint of weight 3 has %.3f of the keys, want 0.75", share)
	}
}

func TestRendezvousTakesTheLargestHash(t *testing.T) {
	r := peers(t, Rendezvous, 100, 100, 100, 100)
	p := &r.config.placements[0]
	for key := range uint64(200) {
		want, top := 0, uint64(0)
		for i, n := range r.numbers.endpoint {
			if h := draw(0, key, r.endpoints[n].id, purposeRendezvous); h > top {
				want, top = i, h
			}
		}
		if got := r.pickRendezvous(p, r.numbers.endpoint, key); got != want {
			t.Errorf("key %d goes to %d, want %d", key, got, want)
		}
	}
}

// TestNegLog2IsTheLogarithm compares with floating point, within 2 units of 2^-24.
func TestNegLog2IsTheLogarithm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := rapid.Uint64().Draw(t, "h") >> rapid.IntRange(0, 63).Draw(t, "shift")
		u, _ := new(big.Float).SetUint64(h | 1).Float64()
		want := (64 - math.Log2(u)) * (1 << 24)
		if got := float64(negLog2(h)); math.Abs(got-want) > 2 {
			t.Fatalf("negLog2(%#x) = %.0f, the logarithm is %.2f", h, got, want)
		}
	})
}

func TestFirstAndALonePeerTakeNoDraw(t *testing.T) {
	r := peers(t, First, 1, 100)
	for i := range uint64(10) {
		if got := send(r, i, i).Endpoint; got != 0 {
			t.Errorf("first took %d", got)
		}
	}
	for p := range policies {
		if got := send(peers(t, p, 7), 1, 1).Endpoint; got != 0 {
			t.Errorf("%v: a lone endpoint was passed over for %d", p, got)
		}
	}
}
