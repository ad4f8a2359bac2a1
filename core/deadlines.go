package core

import "slices"

// Deadlines: an indexed binary heap of what Step must do when time has come,
// ordered by (time, kind, number), at most one entry per kind and number.

type timerKind uint32

// Timer kinds, in the order in which they fire at equal times (SPEC, "Deadlines").
const (
	timerBreakerGuard timerKind = iota // half-open probe that never answered
	timerHealthGuard                   // active probe that never answered
	timerHealth                        // next active probe
	timerDrain                         // abort what is left
	timerQueue                         // a wait in a queue is over; by slot
	timerRetry                         // a back-off is over; by slot
	_                                  // 6 is free
	timerLimit                         // end of an adaptive limit's window
	timerKinds
)

const timerNumberBits = 24

type timer struct {
	at   Time
	item uint32 // kind in the high bits, number in the low
}

func (a timer) before(b timer) bool { return a.at < b.at || a.at == b.at && a.item < b.item }

func (a timer) kind() timerKind { return timerKind(a.item >> timerNumberBits) }
func (a timer) number() int32   { return int32(a.item & (1<<timerNumberBits - 1)) }

type timers struct {
	heap []timer
	pos  [timerKinds][]int32 // position in heap plus 1, 0 for absent
}

// reserve makes room for numbers below n, so that set never allocates.
func (t *timers) reserve(n int) {
	for k := range t.pos {
		for len(t.pos[k]) < n {
			t.pos[k] = append(t.pos[k], 0)
		}
	}
	t.heap = slices.Grow(t.heap, max(0, n*int(timerKinds)-len(t.heap)))
}

// reserveSlots makes room for the waits of slots below n.
func (t *timers) reserveSlots(n int) {
	for _, k := range [...]timerKind{timerQueue, timerRetry} {
		for len(t.pos[k]) < n {
			t.pos[k] = append(t.pos[k], 0)
		}
	}
	t.heap = slices.Grow(t.heap, max(0, n-len(t.heap)))
}

func (t *timers) next() Time {
	if len(t.heap) == 0 {
		return Never
	}
	return t.heap[0].at
}

// set arms or moves the timer; Never disarms it.
func (t *timers) set(k timerKind, number int32, at Time) {
	p := &t.pos[k][number]
	if at == Never {
		if *p != 0 {
			t.remove(int(*p - 1))
		}
		return
	}
	e := timer{at, uint32(k)<<timerNumberBits | uint32(number)}
	if *p == 0 {
		t.heap = append(t.heap, e)
		t.up(len(t.heap)-1, e)
		return
	}
	t.fix(int(*p-1), e)
}

// get returns when the timer fires, Never when it is not armed.
func (t *timers) get(k timerKind, number int32) Time {
	if p := t.pos[k][number]; p != 0 {
		return t.heap[p-1].at
	}
	return Never
}

func (t *timers) remove(i int) {
	t.pos[t.heap[i].kind()][t.heap[i].number()] = 0
	last := t.heap[len(t.heap)-1]
	t.heap = t.heap[:len(t.heap)-1]
	if i < len(t.heap) {
		t.fix(i, last)
	}
}

// fix puts e at i or where it belongs from there.
func (t *timers) fix(i int, e timer) {
	if i > 0 && e.before(t.heap[(i-1)/2]) {
		t.up(i, e)
		return
	}
	t.down(i, e)
}

func (t *timers) place(i int, e timer) {
	t.heap[i] = e
	t.pos[e.kind()][e.number()] = int32(i + 1)
}

func (t *timers) up(i int, e timer) {
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(t.heap[parent]) {
			break
		}
		t.place(i, t.heap[parent])
		i = parent
	}
	t.place(i, e)
}

func (t *timers) down(i int, e timer) {
	for {
		child := 2*i + 1
		if child >= len(t.heap) {
			break
		}
		if child+1 < len(t.heap) && t.heap[child+1].before(t.heap[child]) {
			child++
		}
		if !t.heap[child].before(e) {
			break
		}
		t.place(i, t.heap[child])
		i = child
	}
	t.place(i, e)
}
