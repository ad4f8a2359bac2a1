package index

import "slices"

// digitBits is how much of a fingerprint one pass of sortPairs looks at.
const digitBits = 8

// sortPairs sorts by fingerprint what is in order of blocks, and keeps that
// order among equals. An index sorts a million of them, which a radix sort does
// at a tenth of what comparing costs. room is what the sort may write to, nil for
// nothing; it returns what is sorted, and what is room now.
func sortPairs(ps, room []pair) (sorted, free []pair) {
	const digits = 1 << digitBits
	from, to := ps, slices.Grow(room[:0], len(ps))[:len(ps)]
	for shift := 32; shift < 64; shift += digitBits {
		var ends [digits + 1]int // of each digit's pairs, the digit before it being at its place
		for _, p := range from {
			ends[p>>shift&(digits-1)+1]++
		}
		for d := range digits {
			ends[d+1] += ends[d]
		}
		for _, p := range from {
			at := &ends[p>>shift&(digits-1)]
			to[*at] = p
			*at++
		}
		from, to = to, from
	}
	return from, to
}
