package core

import "math/bits"

// The in-flight table holds one slot per admitted attempt. A new attempt takes
// the lowest free slot, so the handle follows from the state alone and a
// recording can be replayed from any snapshot. Slots come in chunks: a growing
// table never moves what it holds, and admission stays bounded work.

const (
	chunkBits = 10
	chunkSize = 1 << chunkBits
	maxChunks = 1024

	// MaxInFlight is the size of the table; beyond it requests are refused as limit.
	MaxInFlight = chunkSize * maxChunks
)

// slot is one attempt in flight.
type slot struct {
	request    uint64
	began      Time   // 1 + when it was admitted, if its placement times calls; 0 once its outcome is booked
	gen        uint32 // of the handle; 0 for a free slot
	generation uint32 // of the breaker at admission: the ticket of R6
	endpoint   int32
	guest      bool   // came by failover (R5)
	probe      bool   // is a half-open probe (R6)
	replied    bool   // its outcome is booked (R7)
	state      uint8  // slotPlain, slotJourney or slotWaiting
	mixed      uint64 // its part of the digest
	tenant     uint64 // whose share it takes, 0 when it is not counted (R5)
}

// admittedAt is an odd number by which the digest tells times of admission apart; one that is not timed adds 0.
const admittedAt = 0xbf58476d1ce4e5b9

// mix is the slot's part of the digest; id is its endpoint's identity. It is
// worked out for every request, so it is one finaliser, not a fold.
func (s *slot) mix(id uint64) uint64 {
	word := uint64(s.generation)<<8 | uint64(entityAttempt)<<3 | bit(s.guest) | bit(s.probe)<<1 | bit(s.replied)<<2
	return finalise(id ^ s.request + golden*word + admittedAt*uint64(s.began))
}

// remix works out again the digest's part of an attempt that has changed.
func (r *Router) remix(s *slot) {
	r.sum -= s.mixed
	s.mixed = s.mix(r.endpoints[s.endpoint].id)
	r.sum += s.mixed
}

type slotTable struct {
	chunks []*[chunkSize]slot
	full0  []uint64                // a bit per slot: taken
	full1  [tableWords / 64]uint64 // a bit per word of full0: all taken
	low    uint32                  // every word of full0 below it is all taken
	live   uint32
}

// tableWords is how many words full0 has at most.
const tableWords = MaxInFlight / 64

// grow adds a chunk of free slots.
func (t *slotTable) grow() {
	t.chunks = append(t.chunks, new([chunkSize]slot))
	t.full0 = append(t.full0, make([]uint64, chunkSize/64)...)
}

// take returns the lowest free slot; ok is false when the table is at its limit.
func (t *slotTable) take() (n uint32, ok bool) {
	if int(t.low) >= len(t.full0) || t.full0[t.low] == ^uint64(0) {
		if !t.seek() {
			return 0, false
		}
	}
	n = t.low<<6 + uint32(bits.TrailingZeros64(^t.full0[t.low]))
	t.mark(n)
	return n, true
}

// seek moves low to the first word that is not all taken, and reports whether there is one.
func (t *slotTable) seek() bool {
	for i := t.low >> 6; i < uint32(len(t.full1)); i++ {
		if t.full1[i] == ^uint64(0) {
			continue
		}
		t.low = i<<6 + uint32(bits.TrailingZeros64(^t.full1[i]))
		if int(t.low) >= len(t.full0) {
			t.grow()
		}
		return true
	}
	return false
}

// mark records that slot n, which was free, is taken.
func (t *slotTable) mark(n uint32) {
	t.live++
	w := t.full0[n>>6] | 1<<(n&63)
	t.full0[n>>6] = w
	if w == ^uint64(0) {
		t.full1[n>>12] |= 1 << (n >> 6 & 63)
	}
}

// release frees slot n.
func (t *slotTable) release(n uint32) {
	*t.at(n) = slot{}
	t.live--
	t.low = min(t.low, n>>6)
	t.full0[n>>6] &^= 1 << (n & 63)
	t.full1[n>>12] &^= 1 << (n >> 6 & 63)
}

func (t *slotTable) at(n uint32) *slot { return &t.chunks[n>>chunkBits][n&(chunkSize-1)] }

// find returns the slot that h names, nil when that attempt is not in flight.
func (t *slotTable) find(h Handle) *slot {
	if h.Gen == 0 || h.Slot >= uint32(len(t.chunks))<<chunkBits {
		return nil
	}
	if s := t.at(h.Slot); s.gen == h.Gen {
		return s
	}
	return nil
}

// next returns the lowest taken slot that is at least n; ok is false when there is none.
func (t *slotTable) next(n uint32) (uint32, bool) {
	for w := int(n >> 6); w < len(t.full0); w++ {
		taken := t.full0[w]
		if w == int(n>>6) {
			taken &= ^uint64(0) << (n & 63)
		}
		if taken != 0 {
			return uint32(w<<6 + bits.TrailingZeros64(taken)), true
		}
	}
	return 0, false
}
