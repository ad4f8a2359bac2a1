package core

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// hashed compiles one placement of these endpoints under a policy and returns a router that runs it.
func hashed(t testing.TB, seed uint64, p PlacementSpec, urls []string, weights ...uint32) *Router {
	t.Helper()
	p.Name, p.Health = "p", HealthSpec{Off: true}
	for i, u := range urls {
		e := EndpointSpec{URL: u}
		if i < len(weights) {
			e.Weight = weights[i]
		}
		p.Endpoints = append(p.Endpoints, e)
	}
	c, err := Compile(Spec{Version: "1", Default: "p", Placements: []PlacementSpec{p}})
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{Seed: seed, Strict: true})
	r.Step(0, &Event{Kind: Adopt, Config: c}, nil)
	return r
}

// served is the URL that a key goes to; the attempt ends at once.
func served(r *Router, now Time, key string, request uint64) string {
	route, _ := r.config.Match(key)
	out := r.Step(now, &Event{Kind: Arrive, Epoch: r.epoch, Route: route, Request: request, Length: -1}, nil)
	d := out[len(out)-1]
	r.Step(now, &Event{Kind: Finish, Handle: d.Handle, Class: ClientGone}, nil)
	return r.Endpoint(d.Endpoint).URL
}

func hosts(n int) (urls []string) {
	for i := range n {
		urls = append(urls, fmt.Sprintf("http://10.0.%d.%d:80", i/256, i%256))
	}
	return urls
}

// The answers are those of nginx 1.22.1 (hash $arg_k consistent, run as a
// server) and of pingora-ketama 0.6.0 (Continuum::node), which agree. The last
// digit of the port is written.
func TestKetamaIsThatOfNginxAndPingora(t *testing.T) {
	const want = "2421433432244442414244412244134422243442244441214422423143234224424421"
	r := hashed(t, 1, PlacementSpec{Select: Ketama},
		[]string{"http://127.0.0.1:26101", "http://127.0.0.1:26102", "http://127.0.0.1:26103", "http://127.0.0.1:26104"}, 100, 200, 100, 300)
	var got strings.Builder
	for _, key := range ketamaKeys() {
		url := served(r, 1, key, 1)
		got.WriteByte(url[len(url)-1])
	}
	if got.String() != want {
		t.Errorf("got  %s\nwant %s", got.String(), want)
	}
}

// nginx again. Pingora leaves out the brackets of an address of version 6 and
// so has another ring than nginx there; we have nginx's.
func TestKetamaKeepsTheBracketsOfAnAddressAsNginxDoes(t *testing.T) {
	const want = "2221233232222131223312221111231132213332131231222233123333221133321331"
	r := hashed(t, 1, PlacementSpec{Select: Ketama}, []string{"http://[::1]:26101", "https://[::1]:26102/path?q", "http://127.0.0.1:26103"})
	var got strings.Builder
	for _, key := range ketamaKeys() {
		url, _, _ := strings.Cut(served(r, 1, key, 1), "/path")
		got.WriteByte(url[len(url)-1])
	}
	if got.String() != want {
		t.Errorf("got  %s\nwant %s", got.String(), want)
	}
}

func ketamaKeys() (keys []string) {
	for i := range 64 {
		keys = append(keys, fmt.Sprintf("tenant-%d", i*37))
	}
	return append(keys, "a", "bank.example", "0", "visa", "nordbank", strings.Repeat("x", 100))
}

func TestAnAuthorityIsSplitAsItIsWritten(t *testing.T) {
	for url, want := range map[string][2]string{
		"http://a": {"a", ""}, "https://a:1": {"a", "1"}, "http://[::1]": {"[::1]", ""}, "http://[::1]:2/x:3": {"[::1]", "2"},
		"http://user:word@b:4?q=c:5": {"b", "4"}, "http://a.b:": {"a.b", ""},
	} {
		if host, port := authority(url); host != want[0] || port != want[1] {
			t.Errorf("%s: %q %q, want %q", url, host, port, want)
		}
	}
}

func TestHashingSharesByWeightAndMovesLittle(t *testing.T) {
	const keys = 20_000
	urls, weights := hosts(10), []uint32{100, 100, 100, 100, 100, 200, 200, 50, 100, 100}
	var total uint32
	for _, w := range weights {
		total += w
	}
	for _, c := range []struct {
		policy Policy
		off    float64 // how far a share may be from its due, in shares of it
		moved  float64 // of the keys of those that stay, how many may move
	}{{Rendezvous, 0.08, 0}, {Ketama, 0.3, 0}, {Maglev, 0.08, 0.03}} {
		all := hashed(t, 1, PlacementSpec{Select: c.policy}, urls, weights...)
		other := hashed(t, 77, PlacementSpec{Select: c.policy}, urls, weights...)
		less := hashed(t, 1, PlacementSpec{Select: c.policy}, urls[:9], weights[:9]...)
		shares, moved := map[string]int{}, 0
		for k := range keys {
			key := fmt.Sprintf("key-%d", k)
			at := served(all, 1, key, uint64(k))
			shares[at]++
			if there := served(other, 1, key, uint64(k)+9); there != at {
				t.Fatalf("%s: one router sends %s to %s, another to %s", c.policy, key, at, there)
			}
			if without := served(less, 1, key, 1); at != urls[9] && without != at {
				moved++
			}
		}
		for i, u := range urls {
			due := float64(keys) * float64(weights[i]) / float64(total)
			if off := math.Abs(float64(shares[u])-due) / due; off > c.off {
				t.Errorf("%s: %s has %d keys, its weight is due %.0f", c.policy, u, shares[u], due)
			}
		}
		if float64(moved) > c.moved*keys {
			t.Errorf("%s: one endpoint of ten leaves, and %d of %d keys of others move", c.policy, moved, keys)
		}
	}
}

func TestEveryPlaceOfAMaglevTableIsTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var own []endpointConfig
		var total, largest uint64
		for i := range rapid.IntRange(1, 20).Draw(t, "endpoints") {
			w := rapid.Uint32Range(1, 10_000).Draw(t, "weight")
			own = append(own, endpointConfig{id: finalise(uint64(i)), weight: w})
			total += uint64(w)
			largest = max(largest, uint64(w))
		}
		counts := make([]uint64, len(own))
		for _, at := range maglevTable(own) {
			counts[at]++
		}
		for i := range own {
			// Turns are taken one by one, so nobody is further from his due than the rounds that others had more.
			due := maglevSize * uint64(own[i].weight) / total
			if diff := max(counts[i], due) - min(counts[i], due); diff > uint64(len(own))+1 {
				t.Fatalf("endpoint %d of weight %d has %d places, due are %d", i, own[i].weight, counts[i], due)
			}
		}
	})
}

func TestABoundHoldsWhateverTheKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := rapid.SampledFrom([]Policy{Rendezvous, Ketama, Maglev}).Draw(t, "policy")
		n := rapid.IntRange(1, 8).Draw(t, "endpoints")
		bound := rapid.Uint32Range(101, 300).Draw(t, "bound")
		var weights []uint32
		sum := uint64(0)
		for range n {
			weights = append(weights, rapid.Uint32Range(1, 300).Draw(t, "weight"))
			sum += uint64(weights[len(weights)-1])
		}
		spec := PlacementSpec{Name: "p", Select: policy, Bound: bound, Health: HealthSpec{Off: true}}
		for i, u := range hosts(n) {
			spec.Endpoints = append(spec.Endpoints, EndpointSpec{URL: u, Weight: weights[i]})
		}
		c, err := Compile(Spec{Version: "1", Default: "p", Placements: []PlacementSpec{spec}})
		if err != nil {
			t.Fatal(err)
		}
		r := New(Options{Strict: true})
		r.Step(0, &Event{Kind: Adopt, Config: c}, nil)
		for i := range rapid.IntRange(1, 60).Draw(t, "requests") {
			route, _ := c.Match("hot")
			out := r.Step(1, &Event{Kind: Arrive, Epoch: r.epoch, Route: route, Request: uint64(i)}, nil)
			d := out[len(out)-1]
			e := r.Endpoint(d.Endpoint)
			if limit := (uint64(bound)*uint64(i+1)*uint64(c.Endpoint(e.Index).Weight) + 100*sum - 1) / (100 * sum); uint64(e.InFlight) > limit {
				t.Fatalf("%s: %d of %d are at one endpoint, the bound is %d", policy, e.InFlight, i+1, limit)
			}
		}
	})
}

func TestEveryKeyHasItsShardAndChanceSharesFew(t *testing.T) {
	const n, k, keys = 8, 2, 4000
	r := hashed(t, 1, PlacementSpec{Shards: k}, hosts(n))
	pairs := map[string]int{}
	for i := range keys {
		seen := map[string]bool{}
		for range 6 {
			seen[served(r, 1, fmt.Sprint("tenant-", i), uint64(i))] = true
		}
		if len(seen) != k {
			t.Fatalf("tenant-%d is served by %v", i, seen)
		}
		pairs[fmt.Sprint(seen)]++
	}
	if len(pairs) != n*(n-1)/2 {
		t.Errorf("%d pairs are in use, of 28", len(pairs))
	}
	for pair, count := range pairs {
		if due := keys / 28; count < due/2 || count > 2*due {
			t.Errorf("%s has %d tenants, chance would give %d", pair, count, due)
		}
	}
}

func TestASlowStartGrowsWithTime(t *testing.T) {
	r := hashed(t, 1, PlacementSpec{SlowStart: 10 * Second, Breaker: BreakerSpec{Failures: 1, Open: Second}}, hosts(2))
	step := func(now Time, ev Event) (d Decision) {
		for _, d = range r.Step(now, &ev, nil) {
			continue // the last is the command
		}
		return d
	}
	route, _ := r.config.Match("k")
	d := step(1, Event{Kind: Arrive, Epoch: r.epoch, Route: route})
	step(1, Event{Kind: Finish, Handle: d.Handle, Status: 500})
	slow := d.Endpoint
	begin := Time(Second) + 1
	for r.Endpoint(slow).Breaker != Closed {
		d = step(begin, Event{Kind: Arrive, Epoch: r.epoch, Route: route})
		step(begin, Event{Kind: Finish, Handle: d.Handle, Status: 200})
	}
	for _, c := range []struct {
		after Duration
		share float64
	}{{0, 0.05}, {Second, 0.05}, {5 * Second, 0.25}, {9 * Second, 0.45}, {10 * Second, 0.5}, {3600 * Second, 0.5}} {
		got := 0
		for i := range 4000 {
			d = step(begin.Add(c.after), Event{Kind: Arrive, Epoch: r.epoch, Route: route, Request: finalise(uint64(i) + uint64(c.after))})
			step(begin.Add(c.after), Event{Kind: Finish, Handle: d.Handle, Class: ClientGone})
			if d.Endpoint == slow {
				got++
			}
		}
		// With a share s of its turns it gets about half of s, as smooth rotation counts only turns that it takes part in.
		if share := float64(got) / 4000; math.Abs(share-c.share) > 0.04 {
			t.Errorf("after %d ns it gets %.3f of the requests, want about %.2f", c.after, share, c.share)
		}
	}
}

func TestHalvedIsExponentialInSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(0, maxCost).Draw(t, "v")
		half := Duration(rapid.Int64Range(int64(Millisecond), int64(MaxDuration)).Draw(t, "half"))
		since := Duration(rapid.Int64Range(0, int64(MaxDuration)).Draw(t, "since"))
		got := float64(halved(v, since, half))
		exact := float64(v) * math.Exp2(-float64(since)/float64(half))
		// A line between two halvings is at most 6.2 % above the curve, and rounding costs one.
		if got < exact-2 || got > exact*1.062+2 {
			t.Fatalf("halved(%d, %d, %d) = %.0f, the curve has %.0f", v, since, half, got, exact)
		}
		if later := halved(v, since+Duration(rapid.Int64Range(0, 1e12).Draw(t, "more")), half); float64(later) > got {
			t.Fatalf("it grows from %.0f to %d", got, later)
		}
	})
}

// TestAWindowIsTheOutcomesOfTenBuckets holds the ring of buckets against a list.
func TestAWindowIsTheOutcomesOfTenBuckets(t *testing.T) {
	type outcome struct {
		bucket       int64
		failed, slow bool
	}
	rapid.Check(t, func(t *rapid.T) {
		width := Duration(rapid.Int64Range(1, 1000).Draw(t, "width"))
		var w window
		var all []outcome
		now := Time(0)
		for range rapid.IntRange(0, 60).Draw(t, "outcomes") {
			now += Time(rapid.SampledFrom([]int64{0, 1, int64(width) - 1, int64(width), 3 * int64(width), 9 * int64(width), 10 * int64(width), 1e6}).Draw(t, "later"))
			o := outcome{int64(now) / int64(width), rapid.Bool().Draw(t, "failed"), rapid.Bool().Draw(t, "slow")}
			w.roll(now, width)
			w.add(o.failed, o.slow)
			all = append(all, o)
			var want [3]uint64
			for _, p := range all {
				if p.bucket > o.bucket-windowBuckets {
					want[0]++
					want[1] += bit(p.failed)
					want[2] += bit(p.slow)
				}
			}
			if w.total != want {
				t.Fatalf("at %d the window holds %v, want %v", now, w.total, want)
			}
		}
	})
}

func TestAFullBucketKeepsItsRatios(t *testing.T) {
	w := window{total: [3]uint64{1<<32 - 1, 1 << 31, 0}}
	w.buckets[0] = tally{1<<32 - 1, 1 << 31, 0}
	w.add(true, true)
	if w.buckets[0] != (tally{1<<32 - 1, 1 << 31, 0}) || w.total[0] != 1<<32-1 {
		t.Errorf("it holds %+v", w.buckets[0])
	}
	if why, due := w.trips(&BreakerSpec{FailureRatio: 500_000, MinRequests: 1}); !due || why != TripRatio {
		t.Errorf("half of all failed, and it trips: %t", due)
	}
}

func TestMarksDoNotOutliveTheirCount(t *testing.T) {
	r := hashed(t, 1, PlacementSpec{Select: Maglev, Breaker: BreakerSpec{Off: true}}, hosts(3))
	before := served(r, 1, "k", 1)
	r.stamp = 1<<32 - 2
	for range 4 {
		if at := served(r, 1, "k", 1); at != before {
			t.Errorf("the key moved from %s to %s", before, at)
		}
	}
}
