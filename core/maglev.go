package core

// Maglev (R10; Eisenbud et al. 2016): a table of prime size in which every
// endpoint has its share of places, chosen in turns from its own permutation,
// so that few places move when an endpoint comes or goes.

// maglevSize is the length of every table, whatever the number of endpoints: a
// table that grew with them would move nearly every key when it does.
const maglevSize = 65537

// maglevTries bounds how many places a Step asks for an admissible endpoint;
// past it rendezvous decides.
const maglevTries = 32

// maglevTable fills the places. In round i an endpoint takes a place if its
// weight allows i places for those of the largest weight (as Envoy does).
func maglevTable(own []endpointConfig) []uint16 {
	if len(own) == 0 || len(own) > MaxEndpoints {
		return nil // refused already
	}
	type filler struct{ offset, skip, next, target uint64 }
	fill := make([]filler, len(own))
	var largest uint64
	for i := range own {
		fill[i].offset = below(draw(0, own[i].id, 0, purposeMaglevTable), maglevSize)
		fill[i].skip = below(draw(0, own[i].id, 1, purposeMaglevTable), maglevSize-1) + 1
		largest = max(largest, uint64(own[i].weight))
	}
	table, taken := make([]uint16, maglevSize), make([]bool, maglevSize)
	for round, filled := uint64(1), 0; ; round++ {
		for i := range fill {
			f := &fill[i]
			if round*uint64(own[i].weight) < f.target {
				continue
			}
			f.target += largest
			at := (f.offset + f.next*f.skip) % maglevSize
			for taken[at] {
				f.next++
				at = (f.offset + f.next*f.skip) % maglevSize
			}
			f.next++
			table[at], taken[at] = uint16(i), true
			if filled++; filled == maglevSize {
				return table
			}
		}
	}
}

// pickMaglev asks the key's place, and while an endpoint there is not
// admissible, the place of its next draw.
func (r *Router) pickMaglev(p *placementConfig, admissible []int32, key uint64) int {
	r.markAll(admissible)
	for try := range uint64(maglevTries) {
		at := below(draw(0, key, try, purposeMaglevLookup), maglevSize)
		if i, ok := r.marked(p, int32(p.choice.table[at])); ok {
			return i
		}
	}
	return r.pickRendezvous(p, admissible, key)
}
