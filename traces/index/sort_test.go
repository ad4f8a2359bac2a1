package index

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestPairsOfBlocksInOrderAreSortedByFingerprintThenBlock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hash := rapid.OneOf(rapid.Uint64(), rapid.SampledFrom([]uint64{0, 1 << 32, 1 << 43, 1 << 54, 1<<64 - 1}))
		var got []pair
		for i := range rapid.IntRange(0, 300).Draw(t, "pairs") {
			got = append(got, pairOf(hash.Draw(t, "hash"), i/7))
		}
		want := slices.Sorted(slices.Values(got))
		if got, _ = sortPairs(got, nil); !slices.Equal(got, want) {
			t.Errorf("got  %x\nwant %x", got, want)
		}
	})
}
