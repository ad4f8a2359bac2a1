package fuzz

import "math/bits"

// Draw is where every choice of a generator comes from: a seed in the command,
// pgregory.net/rapid in tests. Range returns a number from lo to hi, both
// included; label says what it is for, and lo is the simplest choice.
type Draw interface {
	Range(lo, hi uint64, label string) uint64
}

// Seeded draws from a seed: splitmix64, so equal seeds give equal choices.
type Seeded struct{ state uint64 }

// NewSeeded returns a Draw that the seed determines.
func NewSeeded(seed uint64) *Seeded { return &Seeded{seed} }

// Range implements Draw.
func (s *Seeded) Range(lo, hi uint64, _ string) uint64 {
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	if hi <= lo {
		return lo
	}
	span, _ := bits.Mul64(z, hi-lo+1)
	return lo + span
}

// chooser adds the usual shapes of choice to a Draw.
type chooser struct{ Draw }

// oneIn is true once in n; a shrinking Draw tends to false.
func (c chooser) oneIn(n uint64, label string) bool { return c.Range(0, n-1, label) == n-1 }

// pick returns one of the elements; a shrinking Draw tends to the first.
func pick[T any](c chooser, from []T, label string) T {
	return from[c.Range(0, uint64(len(from)-1), label)]
}
