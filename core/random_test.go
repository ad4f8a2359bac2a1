package core

import (
	"math"
	"testing"
)

// TestHashesAreThoseThatArePublished pins the hashes to vectors from outside:
// the first outputs of splitmix64 with seed 0, and FNV-1a's own test suite.
func TestHashesAreThoseThatArePublished(t *testing.T) {
	step := uint64(golden) // a variable, so that products wrap
	for i, want := range []uint64{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f} {
		if got := finalise(uint64(i+1) * step); got != want {
			t.Errorf("output %d of splitmix64 is %#x, want %#x", i+1, got, want)
		}
	}
	for _, c := range []struct {
		text string
		fnv  uint64
	}{{"", 0xcbf29ce484222325}, {"a", 0xaf63dc4c8601ec8c}, {"foobar", 0x85944171f73967e8}} {
		if got, want := HashString(c.text), finalise(c.fnv); got != want {
			t.Errorf("HashString(%q) = %#x, want %#x", c.text, got, want)
		}
	}
}

// TestDrawIsTheFoldOfTheSpec writes SPEC's formulas out by hand.
func TestDrawIsTheFoldOfTheSpec(t *testing.T) {
	const seed, who, attempt = 3, 5, 7
	step := uint64(golden)
	h := finalise(finalise(finalise(finalise(seed+step)+who+step)+attempt+step) + uint64(purposeJitter) + step)
	if got := draw(seed, who, attempt, purposeJitter); got != h {
		t.Errorf("draw = %#x, want %#x", got, h)
	}
	if got, want := identity("visa", "http://a"), finalise((HashString("visa")+golden)^HashString("http://a")); got != want {
		t.Errorf("identity = %#x, want %#x", got, want)
	}
	if got, want := RequestHash(1, 2), finalise(finalise(1+step)+2); got != want {
		t.Errorf("RequestHash = %#x, want %#x", got, want)
	}
}

func TestBelowStaysBelow(t *testing.T) {
	for _, c := range []struct{ h, n, want uint64 }{
		{0, 10, 0}, {math.MaxUint64, 10, 9}, {1 << 63, 10, 5}, {math.MaxUint64, 0, 0}, {math.MaxUint64, 1, 0},
	} {
		if got := below(c.h, c.n); got != c.want {
			t.Errorf("below(%#x, %d) = %d, want %d", c.h, c.n, got, c.want)
		}
	}
}

func TestTimeSaturatesAtNever(t *testing.T) {
	for _, c := range []struct {
		t    Time
		d    Duration
		want Time
	}{{5, 3, 8}, {5, -3, 2}, {5, 0, 5}, {Never, 1, Never}, {Never - 1, 1, Never}, {Never - 1, 2, Never}} {
		if got := c.t.Add(c.d); got != c.want {
			t.Errorf("%d.Add(%d) = %d, want %d", c.t, c.d, got, c.want)
		}
	}
	if got := Time(8).Sub(5); got != 3 {
		t.Errorf("8 - 5 = %d", got)
	}
}
