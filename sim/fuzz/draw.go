package fuzz

import "math/bits"

// Draw is where every choice of a generator comes from: a seed in the command,
// bytes or pgregory.net/rapid in tests. Range returns a number from lo to hi,
// both included; label says what it is for, and lo is the simplest choice.
type Draw interface {
	Range(lo, hi uint64, label string) uint64
}

// Seeded draws by hash: a choice depends on the seed, its label and how often
// the label was drawn before, so that a choice that is added, left out or drawn
// anew moves no other.
type Seeded struct {
	recipe Recipe
	drawn  map[string]uint64 // how often each label was
}

// NewSeeded returns a Draw that the seed determines.
func NewSeeded(seed uint64) *Seeded { return Recipe{seed}.Draw() }

// Range implements Draw.
func (s *Seeded) Range(lo, hi uint64, label string) uint64 {
	n := s.drawn[label]
	s.drawn[label]++
	if hi <= lo {
		return lo
	}
	what := mix(hashOf(label), n)
	return lo + below(hi-lo+1, mix(s.recipe.seedOf(label, what), what))
}

// mix joins two words with splitmix64's finaliser.
func mix(a, b uint64) uint64 {
	z := (a ^ bits.RotateLeft64(b, 32)) + 0x9e3779b97f4a7c15*(b|1)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below maps a word evenly to a number below n.
func below(n, word uint64) uint64 {
	span, _ := bits.Mul64(word, n)
	return span
}

// hashOf is FNV-1a.
func hashOf(text string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 0x100000001b3
	}
	return h
}

// part names the part of a case that choices are for: "fault 2/at". A search
// draws single choices anew, or whole parts.
type part struct {
	Draw
	name string
}

func (p part) Range(lo, hi uint64, label string) uint64 {
	return p.Draw.Range(lo, hi, p.name+"/"+label)
}

// chooser adds the usual shapes of choice to a Draw.
type chooser struct{ Draw }

// oneIn is true once in n; a shrinking Draw tends to false.
func (c chooser) oneIn(n uint64, label string) bool { return c.Range(0, n-1, label) == n-1 }

// pick returns one of the elements; a shrinking Draw tends to the first.
func pick[T any](c chooser, from []T, label string) T {
	return from[c.Range(0, uint64(len(from)-1), label)]
}
