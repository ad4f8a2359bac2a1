package sim

import "lockstep/core"

// The event heap: four-ary, so that a level is one cache line and a half, and
// ordered by (time, sequence), so that equal times keep the order in which they
// were scheduled. Events are small and plain; nothing is allocated per event.

type eventKind uint8

const (
	evSend     eventKind = iota // a: sender; its next request
	evBurst                     // a: burst, b: how many are left
	evResend                    // a: call, that is sent again, or sent at last after a hold
	evServerIn                  // a call reaches its server
	evServed                    // a server has worked on a call
	evAnswer                    // the answer of a server without a queue reaches the router
	evHeaders                   // response headers reach the router
	evSettle                    // a body still flows
	evEnd                       // an attempt ends with what the call says
	evAbort                     // the router told the edge to cut a call
	evPatience                  // a: line; its first call may be overdue
	evWake                      // a: router, b: count of its timer
	evProbed                    // a: probe
	evFault                     // a: fault; it begins or ends
	evJoin                      // a: router, that starts for the first time
	evPush                      // a: push, b: router
	evBack                      // a: router, that reaches the control plane again
	evWindow                    // the next window begins
	evCalm                      // the healthy remainder begins
)

// event is one entry; what a and b mean depends on the kind.
type event struct {
	at    core.Time
	order uint64 // sequence in the high bits, kind in the low 8
	a, b  uint32
}

func (e *event) kind() eventKind { return eventKind(e.order) }

func (e *event) before(f *event) bool {
	return e.at < f.at || e.at == f.at && e.order < f.order
}

type heap struct {
	events   []event
	sequence uint64
}

// firstSequence leaves room below for the order of shared events: longer than any wait in nanoseconds.
const firstSequence = 1 << 52

// push schedules an event after all that are scheduled for the same time.
func (h *heap) push(at core.Time, k eventKind, a, b uint32) {
	h.sequence++
	h.add(event{at, (firstSequence+h.sequence)<<8 | uint64(k), a, b})
}

// pushShared schedules an event that serves many callers. Its place among equal
// times must not depend on who asked first (R15): it comes before all others,
// in the order of rank, which is below firstSequence.
func (h *heap) pushShared(at core.Time, rank uint64, k eventKind, a uint32) {
	h.add(event{at, rank<<8 | uint64(k), a, 0})
}

func (h *heap) add(e event) {
	h.events = append(h.events, e)
	i := len(h.events) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&h.events[parent]) {
			break
		}
		h.events[i] = h.events[parent]
		i = parent
	}
	h.events[i] = e
}

// pop removes the earliest event; the heap must not be empty.
func (h *heap) pop() event {
	first := h.events[0]
	last := h.events[len(h.events)-1]
	h.events = h.events[:len(h.events)-1]
	if n := len(h.events); n > 0 {
		h.events[h.sink(n)] = last
	}
	return first
}

// replace puts an event in the place of the earliest.
func (h *heap) replace(at core.Time, k eventKind, a, b uint32) {
	h.sequence++
	e := event{at, (firstSequence+h.sequence)<<8 | uint64(k), a, b}
	n := len(h.events)
	h.events = append(h.events, e)
	h.events = h.events[:n]
	h.events[h.sink(n)] = e
}

// sink moves the hole at the root down to where the element after the last of
// n belongs, and returns the hole's place.
func (h *heap) sink(n int) int {
	events := h.events[:n+1]
	last := &events[n]
	i := 0
	for {
		child := 4*i + 1
		if child >= n {
			return i
		}
		least := child
		for k := child + 1; k < min(child+4, n); k++ {
			if events[k].before(&events[least]) {
				least = k
			}
		}
		if !events[least].before(last) {
			return i
		}
		events[i] = events[least]
		i = least
	}
}
