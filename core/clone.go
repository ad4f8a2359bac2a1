package core

import "slices"

// CopyFrom makes r the same as from in everything: state, numbers, handles,
// deadlines, seed and strictness. Afterwards neither sees what the other does;
// only the immutable Config is shared. r may be the zero Router. Copying into
// the same r again allocates nothing once it has held as much.
func (r *Router) CopyFrom(from *Router) {
	own := *r
	*r = *from
	r.placements = copyPlacements(own.placements, from.placements)
	r.endpoints = append(own.endpoints[:0], from.endpoints...)
	r.extras = append(own.extras[:0], from.extras...)
	r.numbers.placement = append(own.numbers.placement[:0], from.numbers.placement...)
	r.numbers.endpoint = append(own.numbers.endpoint[:0], from.numbers.endpoint...)
	r.touchedPlacements = append(own.touchedPlacements[:0], from.touchedPlacements...)
	r.touchedEndpoints = append(own.touchedEndpoints[:0], from.touchedEndpoints...)
	r.admissible, r.found, r.ids = nil, own.found[:0], own.ids[:0]
	r.timers.heap = append(own.timers.heap[:0], from.timers.heap...)
	for k := range r.timers.pos {
		r.timers.pos[k] = append(own.timers.pos[k][:0], from.timers.pos[k]...)
	}
	r.journeys = own.journeys
	r.slots = own.slots
	r.slots.copyFrom(&from.slots)
	r.copyJourneys(from)
}

// copyFrom copies the attempts in flight, and of a chunk no more than those:
// a chunk is 48 kB and mostly empty.
func (t *slotTable) copyFrom(from *slotTable) {
	for n, ok := t.next(0); ok; n, ok = t.next(n + 1) {
		*t.at(n) = slot{}
	}
	for len(t.chunks) < len(from.chunks) {
		t.grow()
	}
	t.chunks = t.chunks[:len(from.chunks)]
	t.full0 = append(t.full0[:0], from.full0...)
	t.full1, t.low, t.live = from.full1, from.low, from.live
	for n, ok := from.next(0); ok; n, ok = from.next(n + 1) {
		*t.at(n) = *from.at(n)
	}
}

// copyJourneys copies the journeys of what from holds.
func (r *Router) copyJourneys(from *Router) {
	for len(r.journeys) < len(from.journeys) {
		r.journeys = append(r.journeys, new([chunkSize]journey))
	}
	r.journeys = r.journeys[:len(from.journeys)]
	if len(from.journeys) == 0 {
		return
	}
	for n, ok := from.slots.next(0); ok; n, ok = from.slots.next(n + 1) {
		if from.slots.at(n).state != slotPlain {
			*r.journey(n) = *from.journey(n)
		}
	}
}

// copyPlacements copies placements with what each holds apart into to.
func copyPlacements(to, from []placement) []placement {
	to = slices.Grow(to[:0], len(from))[:len(from)]
	for n := range from {
		own := to[n]
		to[n] = from[n]
		if from[n].tenants != nil {
			to[n].tenants = append(own.tenants[:0], from[n].tenants...)
		}
		if from[n].adaptive == nil {
			continue
		}
		if own.adaptive == nil {
			own.adaptive = new(adaptive)
		}
		*own.adaptive = *from[n].adaptive
		to[n].adaptive = own.adaptive
	}
	return to
}
