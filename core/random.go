package core

import "math/bits"

// Randomness is a function, not a stream (SPEC, "Randomness"): the same words
// give the same draw, so traffic for one tenant cannot move another's draws.

// purpose separates draws made for different reasons from the same request.
type purpose uint64

const (
	purposeChoice purpose = 1 + iota
	purposeSecondChoice
	purposeJitter
	purposePhase
	purposeProbeJitter
	purposeRendezvous
	purposeBackOff
	_
	purposeSlowStart
	purposeShard
	purposeMaglevTable
	purposeMaglevLookup
	_
	_
	purposeSplit
)

// golden is 2^64 divided by the golden ratio, splitmix64's increment.
const golden = 0x9e3779b97f4a7c15

// finalise is the finaliser of splitmix64 (Steele, Lea, Flood 2014; constants by Stafford).
func finalise(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// draw folds the finaliser over the words (seed, who, attempt, purpose).
func draw(seed, who, attempt uint64, p purpose) uint64 {
	h := finalise(seed + golden)
	h = finalise(h + who + golden)
	h = finalise(h + attempt + golden)
	return finalise(h + uint64(p) + golden)
}

// below maps a draw to 0..n-1 by the high half of the 128-bit product; 0 for n = 0.
func below(h, n uint64) uint64 {
	hi, _ := bits.Mul64(h, n)
	return hi
}

// HashString is FNV-1a over the bytes of s, then the finaliser: the hash of routing keys and names.
func HashString(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return finalise(h)
}

// identity hashes what makes an endpoint the same endpoint across epochs: placement and URL (R12).
func identity(placement, url string) uint64 {
	return finalise(HashString(placement) + golden ^ HashString(url))
}

// RequestHash folds the two halves of a 128-bit request id into Event.Request.
func RequestHash(hi, lo uint64) uint64 { return finalise(finalise(hi+golden) + lo) }
