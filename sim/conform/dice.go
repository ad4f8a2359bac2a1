package conform

import "math/bits"

// dice is a stream of draws that a seed determines (splitmix64).
type dice struct{ state uint64 }

// throw returns dice for one purpose of a seed.
func throw(seed, purpose uint64) *dice {
	d := &dice{seed}
	d.state ^= purpose * 0xd1342543de82ef95
	d.state = d.word()
	return d
}

func (d *dice) word() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below draws a number below n, which is above 0.
func (d *dice) below(n uint64) uint64 {
	hi, _ := bits.Mul64(d.word(), n)
	return hi
}

// between draws from lo to hi, both included.
func (d *dice) between(lo, hi int) int { return lo + int(d.below(uint64(hi-lo)+1)) }

// oneIn is true once in n.
func (d *dice) oneIn(n uint64) bool { return d.below(n) == 0 }

// magnitude draws a number of any size: each number of bits is as likely as any other.
func (d *dice) magnitude() uint64 { return d.word() >> d.below(64) }

// pick draws one of the elements.
func pick[T any](d *dice, from ...T) T { return from[d.below(uint64(len(from)))] }

// shuffle puts elements into a drawn order.
func shuffle[T any](d *dice, list []T) {
	for i := len(list) - 1; i > 0; i-- {
		j := d.between(0, i)
		list[i], list[j] = list[j], list[i]
	}
}
