package traces

import (
	"iter"

	"lockstep/core"
)

// Flights holds what is known of each request in flight, under the handle that
// names it. What holds a slot is forgotten when another takes it. The zero value
// holds nothing.
type Flights[T any] struct{ slots []flight[T] }

type flight[T any] struct {
	gen uint32 // 0 for none
	is  T
}

// Of returns what is known under h, nil for nothing. It is valid until the next Put.
func (x *Flights[T]) Of(h core.Handle) *T {
	if h.Gen == 0 || int(h.Slot) >= len(x.slots) || x.slots[h.Slot].gen != h.Gen {
		return nil
	}
	return &x.slots[h.Slot].is
}

// Put books v under h. A handle of generation 0 names nothing.
func (x *Flights[T]) Put(h core.Handle, v T) {
	if h.Gen == 0 {
		return
	}
	for int(h.Slot) >= len(x.slots) {
		x.slots = append(x.slots, flight[T]{})
	}
	x.slots[h.Slot] = flight[T]{h.Gen, v}
}

// Drop forgets what is known under h.
func (x *Flights[T]) Drop(h core.Handle) {
	if x.Of(h) != nil {
		x.slots[h.Slot] = flight[T]{}
	}
}

// All yields what is held, in the order of slots. It may be dropped meanwhile.
func (x *Flights[T]) All() iter.Seq2[core.Handle, *T] {
	return func(yield func(core.Handle, *T) bool) {
		for i := range x.slots {
			if s := &x.slots[i]; s.gen != 0 && !yield(core.Handle{Slot: uint32(i), Gen: s.gen}, &s.is) {
				return
			}
		}
	}
}
