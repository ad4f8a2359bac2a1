package core

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestTheBreakerMovesOnlyAsItsTableSays(t *testing.T) {
	allowed := map[Circuit]map[breakerInput]Circuit{
		Closed:   {breakerTrip: Open},
		Open:     {breakerAdmit: HalfOpen},
		HalfOpen: {breakerRecover: Closed, breakerRelapse: Open},
	}
	for _, from := range []Circuit{CircuitNone, Closed, Open, HalfOpen} {
		for in := range breakerInputs {
			b := breaker{state: from, gen: 7, failures: 3, successes: 2, probes: 1}
			to, ok := allowed[from][in]
			if moved := b.move(in); moved != ok {
				t.Errorf("%v on input %d: moved %v, want %v", from, in, moved, ok)
			}
			want := breaker{state: from, gen: 7, failures: 3, successes: 2, probes: 1}
			if ok {
				want = breaker{state: to, gen: 8}
			}
			if b != want {
				t.Errorf("%v on input %d: %+v, want %+v", from, in, b, want)
			}
		}
	}
}

func TestABreakerAdmitsByStateAndTime(t *testing.T) {
	s := BreakerSpec{Probes: 2}
	for _, c := range []struct {
		b    breaker
		now  Time
		want bool
	}{
		{breaker{state: Closed, until: 9}, 5, true},
		{breaker{state: Open, until: 9}, 8, false},
		{breaker{state: Open, until: 9}, 9, true},
		{breaker{state: HalfOpen, probes: 1}, 0, true},
		{breaker{state: HalfOpen, probes: 2}, 0, false},
		{breaker{state: HalfOpen, probes: 3}, 0, false}, // a push lowered probes
	} {
		if got := c.b.admits(c.now, &s); got != c.want {
			t.Errorf("%+v admits at %d: %v", c.b, c.now, got)
		}
	}
}

// TestOpenTimeIsTheFormulaInWideArithmetic computes min(open x growth^n, cap)
// a step at a time with big integers, and holds the jitter to its bounds.
func TestOpenTimeIsTheFormulaInWideArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := BreakerSpec{
			Open:   Duration(rapid.Int64Range(int64(Millisecond), int64(MaxDuration)).Draw(t, "open")),
			Growth: rapid.SampledFrom([]uint32{1e6, 1_000_001, 1_500_000, 2e6, 10e6}).Draw(t, "growth"),
			Jitter: rapid.SampledFrom([]uint32{0, 1, 100_000, 1e6}).Draw(t, "jitter"),
		}
		s.OpenMax = s.Open * Duration(rapid.Int64Range(1, 20).Draw(t, "cap"))
		b := breaker{reopened: rapid.Uint32Range(0, maxReopened).Draw(t, "reopened"), gen: rapid.Uint32().Draw(t, "gen")}
		d := big.NewInt(int64(s.Open))
		for range b.reopened {
			d.Div(d.Mul(d, big.NewInt(int64(s.Growth))), big.NewInt(1e6))
			if d.Cmp(big.NewInt(int64(s.OpenMax))) > 0 {
				d.SetInt64(int64(s.OpenMax))
			}
		}
		base := Duration(d.Int64())
		spread := d.Div(d.Mul(d, big.NewInt(int64(s.Jitter))), big.NewInt(1e6)).Uint64()
		want := base + Duration(below(draw(5, 6, uint64(b.gen), purposeJitter), spread))
		if got := b.openTime(&s, 5, 6); got != want {
			t.Fatalf("%+v reopened %d: open for %d, want %d", s, b.reopened, got, want)
		}
	})
}

func TestTheFirstGuardIsTheEarliestOfThoseLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := breaker{state: HalfOpen}
		naive := map[uint32]Time{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			slot := rapid.Uint32Range(0, 9).Draw(t, "slot")
			var got Time
			if _, out := naive[slot]; !out && len(naive) < MaxProbes && rapid.Bool().Draw(t, "add") {
				naive[slot] = Time(rapid.Int64Range(0, 50).Draw(t, "at"))
				got = b.addProbe(slot, naive[slot])
			} else {
				delete(naive, slot)
				got = b.dropProbe(slot)
			}
			want := Never
			for _, at := range naive {
				want = min(want, at)
			}
			if got != want || int(b.probes) != len(naive) {
				t.Fatalf("first guard %d of %d probes, want %d of %v", got, b.probes, want, naive)
			}
		}
	})
}

func TestGrowthStopsAtSixtyFourReopenings(t *testing.T) {
	r := peers(t, First, 100)
	r.endpoints[0].breaker = breaker{state: HalfOpen, reopened: maxReopened - 1}
	for range 3 {
		r.relapse(0, 0, nil)
		r.endpoints[0].breaker.state = HalfOpen
	}
	if got := r.endpoints[0].breaker.reopened; got != maxReopened {
		t.Errorf("reopened = %d, want %d", got, maxReopened)
	}
}
