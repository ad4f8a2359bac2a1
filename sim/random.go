package sim

import "math/bits"

// Randomness is a pure hash, as in core: the same entity, count and purpose
// give the same draw whatever else happens in the run.

const (
	million = 1_000_000
	golden  = 0x9e3779b97f4a7c15
)

// purpose separates the draws that one entity makes at one count.
type purpose uint64

const (
	drawGap purpose = 1 + iota
	drawKey
	drawSort
	drawRouter
	drawService
	drawLinkOut
	drawLinkBack
	drawLoss
	drawFlaky
	drawBody
	drawThink
	drawPush
	drawClient
	drawProbe
	drawRouterSeed
	drawPause
	drawPooled
	drawRelease
	drawReconnect
)

// finalise is the finaliser of splitmix64.
func finalise(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// fold joins a word to a hash.
func fold(h, w uint64) uint64 { return finalise(h ^ w + golden) }

// draw is one draw from a root, which names the entity and its count.
func draw(root uint64, p purpose) uint64 { return finalise(root + uint64(p)*golden) }

// below maps a draw to 0..n-1; 0 for n = 0.
func below(h, n uint64) uint64 {
	hi, _ := bits.Mul64(h, n)
	return hi
}

// happens reports whether a draw falls into a share of so many millionths.
func happens(h uint64, share uint32) bool {
	return share != 0 && below(h, million) < uint64(share)
}

// hashString is FNV-1a, finalised.
func hashString(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return finalise(h)
}
