package sim

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"lockstep/core"
)

func TestTheHeapGivesEventsByTimeThenInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h heap
		var last event
		for range rapid.IntRange(1, 200).Draw(t, "operations") {
			at := last.at + core.Time(rapid.IntRange(0, 20).Draw(t, "later"))
			switch q := h.earliest(); rapid.IntRange(0, 4).Draw(t, "operation") {
			case 0:
				if q == nil {
					continue
				}
				e := q.pop()
				if e.before(&last) == 1 {
					t.Fatalf("%+v came after %+v", e, last)
				}
				last = e
			case 1:
				if q != &h.sends {
					continue
				}
				last = q.events[0]
				q.replace(h.next(max(at, last.at), evSend, 0, 0))
			case 2:
				h.pushSend(at, 0)
			default:
				h.push(at, evServed, 0, 0)
			}
		}
	})
}

func TestQuantilesAreWithinABucketOfTheExactOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h, other Histogram
		values := rapid.SliceOfN(rapid.Int64Range(0, int64(20*60*core.Second)), 1, 200).Draw(t, "values")
		for i, v := range values {
			if i%2 == 0 {
				h.Add(core.Duration(v))
			} else {
				other.Add(core.Duration(v))
			}
		}
		h.Merge(other)
		slices.Sort(values)
		ppm := rapid.Uint32Range(0, million).Draw(t, "quantile")
		rank := max(1, (uint64(len(values))*uint64(ppm)+million-1)/million)
		exact := core.Duration(values[rank-1])
		if got := h.Quantile(ppm); got < exact/core.Microsecond*core.Microsecond || got > exact+exact/16+core.Microsecond {
			t.Fatalf("quantile %d of %d values is %d, exactly %d", ppm, len(values), got, exact)
		}
	})
}

func TestExponentialDrawsHaveTheirMeanAndTail(t *testing.T) {
	table, mean := newLogTable(), 10*core.Millisecond
	const n = 200_000
	var sum core.Duration
	var tail int
	for i := range uint64(n) {
		d := table.exponential(finalise(i*golden), mean)
		sum += d
		tail += flag(d > 3*mean)
	}
	if got := sum / n; got < mean*99/100 || got > mean*101/100 {
		t.Errorf("the mean is %d ns, want %d", got, mean)
	}
	if tail < n*47/1000 || tail > n*53/1000 { // e^-3 = 4.98 %
		t.Errorf("%d of %d draws are above three means, want about 4.98 %%", tail, n)
	}
}

func TestZipfDrawsTheFirstKeyMostOften(t *testing.T) {
	c := client{plan: &Client{}, to: 100, cumulative: zipf(100)}
	var seen [100]int
	for i := range uint64(100_000) {
		seen[c.drawKey(finalise(i*golden), 116)]++
	}
	// The 100th harmonic number is 5.187: shares of 19.3 %, 9.6 % and 0.19 %.
	if seen[0] < 18_800 || seen[0] > 19_800 || seen[1] < 9_300 || seen[1] > 10_000 || seen[99] < 130 || seen[99] > 260 {
		t.Errorf("first %d, second %d, last %d", seen[0], seen[1], seen[99])
	}
}

func TestFaultKindsParseAsTheyPrint(t *testing.T) {
	for k := Refuse; k < faultKinds; k++ {
		if got, ok := ParseFaultKind(k.String()); !ok || got != k {
			t.Errorf("%s parses as %s", k, got)
		}
	}
	if _, ok := ParseFaultKind("none"); ok {
		t.Error("none is a kind")
	}
}

func TestTheSteadyStateAllocatesNothing(t *testing.T) {
	for _, check := range []bool{false, true} {
		allocs := func(length core.Duration) float64 {
			p := reference(5000, length)
			p.Window = length // one window, so that only requests differ
			for i := range p.Spec.Placements {
				p.Spec.Placements[i].Health.Off = true
			}
			return testing.AllocsPerRun(1, func() { Run(p, Options{Check: check}) })
		}
		short, long := allocs(core.Second), allocs(3*core.Second)
		if long-short > 200 { // 10,000 requests more
			t.Errorf("checkers %t: %.0f allocations for 1 s, %.0f for 3 s", check, short, long)
		}
	}
}
