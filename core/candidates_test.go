package core

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// chainSpec is a baseline configuration in which placement i falls back to next[i], or to none for -1.
func chainSpec(next []int, last int) Spec {
	name := func(i int) string { return "p" + string(rune('a'+i)) }
	s := Spec{Version: "1", ChainFallbacks: true}
	if last >= 0 {
		s.Default = name(last)
	}
	for i, n := range next {
		p := PlacementSpec{Name: name(i), Endpoints: []EndpointSpec{{URL: "http://" + name(i)}}}
		if n >= 0 {
			p.Fallback = []string{name(n)}
		}
		s.Placements = append(s.Placements, p)
	}
	return s
}

// TestAChainFollowsFallbacksThenTheDefault follows any graph of fallbacks by
// hand: until it ends or comes round, at most eight, the default always last.
func TestAChainFollowsFallbacksThenTheDefault(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "placements")
		next := make([]int, n)
		for i := range next {
			if next[i] = rapid.IntRange(-1, n-1).Draw(t, "next"); next[i] == i {
				next[i] = -1
			}
		}
		last := rapid.IntRange(-1, n-1).Draw(t, "default")
		c, err := Compile(chainSpec(next, last))
		if err != nil {
			t.Fatal(err)
		}
		for i := range next {
			var want []int32
			for at := i; at >= 0 && !slices.Contains(want, int32(at)); at = next[at] {
				want = append(want, int32(at))
			}
			want = want[:min(len(want), MaxCandidates)]
			if last >= 0 && !slices.Contains(want, int32(last)) {
				want = append(want[:min(len(want), MaxCandidates-1)], int32(last))
			}
			if got := c.placements[i].candidates; !slices.Equal(got, want) {
				t.Fatalf("candidates of %d are %v, want %v (next %v, default %d)", i, got, want, next, last)
			}
		}
	})
}

// TestAChainOfTwelveKeepsTheDefault is the case that draws rarely reach.
func TestAChainOfTwelveKeepsTheDefault(t *testing.T) {
	next := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -1, -1}
	for _, c := range []struct {
		last int
		want []int32
	}{{-1, []int32{0, 1, 2, 3, 4, 5, 6, 7}}, {11, []int32{0, 1, 2, 3, 4, 5, 6, 11}}, {7, []int32{0, 1, 2, 3, 4, 5, 6, 7}}} {
		got, err := Compile(chainSpec(next, c.last))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.placements[0].candidates, c.want) {
			t.Errorf("default %d: %v, want %v", c.last, got.placements[0].candidates, c.want)
		}
	}
}

func TestAChainedFallbackNamesOnePlacement(t *testing.T) {
	s := chainSpec([]int{1, -1, -1}, 2)
	s.Placements[0].Fallback = []string{"pb", "pc"}
	if _, err := Compile(s); err == nil || !strings.Contains(err.Error(), "placements.pa.fallback: a chained fallback names one placement") {
		t.Error(err)
	}
}

func TestANativeListIsTakenAsWritten(t *testing.T) {
	s := chainSpec([]int{-1, -1, 0, -1}, 3)
	s.ChainFallbacks = false
	s.Placements[1].Fallback = []string{"pd", "pa", "pc"}
	c, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]int32{{0}, {1, 3, 0, 2}, {2, 0}, {3}} {
		if got := c.placements[i].candidates; !slices.Equal(got, want) {
			t.Errorf("candidates of %d: %v, want %v", i, got, want)
		}
	}
}
