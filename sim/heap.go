package sim

import (
	"math/bits"

	"lockstep/core"
)

// What is scheduled: in four-ary heaps, so that a level is one cache line and a
// half, ordered by (time, sequence), so that equal times keep the order in which
// they were scheduled. Events are small and plain; nothing is allocated per event.

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
	evTurn                      // what became of a call that waited in its router
	evLate                      // a call that waited once has no time left
)

// event is one entry; what a and b mean depends on the kind.
type event struct {
	at    core.Time
	order uint64 // sequence in the high bits, kind in the low 8
	a, b  uint32
}

func (e *event) kind() eventKind { return eventKind(e.order) }

// before is 1 when e comes before f and 0 when not, without a branch: which of
// two events is earlier is a coin toss, and a processor guesses it badly.
func (e *event) before(f *event) uint64 {
	_, borrow := bits.Sub64(e.order, f.order, 0)
	_, borrow = bits.Sub64(uint64(e.at), uint64(f.at), borrow) // times are not negative
	return borrow
}

// heap holds all that is scheduled. The next send of each open-loop client is
// kept apart: such a send always makes the next one, and there are few clients,
// so that half of all events cost next to nothing.
type heap struct {
	rest, sends queue
	sequence    uint64
}

// firstSequence leaves room below for the order of shared events: more than twice any wait in nanoseconds.
const firstSequence = 1 << 53

// push schedules an event after all that are scheduled for the same time.
func (h *heap) push(at core.Time, k eventKind, a, b uint32) { h.rest.add(h.next(at, k, a, b)) }

// pushShared schedules an event that serves many callers. Its place among equal
// times must not depend on who asked first (R15): it comes before all others,
// in the order of rank, which is below firstSequence.
func (h *heap) pushShared(at core.Time, rank uint64, k eventKind, a uint32) {
	h.rest.add(event{at, rank<<8 | uint64(k), a, 0})
}

// pushSend schedules the first send of an open-loop client.
func (h *heap) pushSend(at core.Time, sender uint32) { h.sends.add(h.next(at, evSend, sender, 0)) }

func (h *heap) next(at core.Time, k eventKind, a, b uint32) event {
	h.sequence++
	return event{at, (firstSequence+h.sequence)<<8 | uint64(k), a, b}
}

// earliest returns the queue whose first event comes first, nil when both are empty.
func (h *heap) earliest() *queue {
	switch {
	case len(h.rest.events) == 0 && len(h.sends.events) == 0:
		return nil
	case len(h.rest.events) == 0, len(h.sends.events) > 0 && h.sends.events[0].before(&h.rest.events[0]) == 1:
		return &h.sends
	}
	return &h.rest
}

// queue is a four-ary heap.
type queue struct{ events []event }

func (q *queue) add(e event) {
	q.events = append(q.events, e)
	q.rise(e, len(q.events)-1)
}

// rise puts e at i or, where it comes before its parents, above.
func (q *queue) rise(e event, i int) {
	for i > 0 {
		parent := (i - 1) / 4
		if e.before(&q.events[parent]) == 0 {
			break
		}
		q.events[i] = q.events[parent]
		i = parent
	}
	q.events[i] = e
}

// pop removes the earliest event; the queue must not be empty.
func (q *queue) pop() event {
	first := q.events[0]
	n := len(q.events) - 1
	last := q.events[n]
	q.events = q.events[:n]
	if n > 0 {
		q.sink(last)
	}
	return first
}

// replace puts an event in the place of the earliest.
func (q *queue) replace(e event) { q.sink(e) }

// sink puts e, which takes the root's place, where it belongs: the earliest
// children move up to the bottom, near which e, the last until now, nearly always stays.
func (q *queue) sink(e event) {
	events, i := q.events, 0
	for child := 1; child < len(events); child = 4*i + 1 {
		least := child
		if child+4 <= len(events) {
			c := events[child : child+4 : child+4]
			a, b := c[1].before(&c[0]), 2+c[3].before(&c[2])
			least += int(a + (b-a)*c[b].before(&c[a]))
		} else {
			for k := child + 1; k < len(events); k++ {
				if events[k].before(&events[least]) == 1 {
					least = k
				}
			}
		}
		events[i] = events[least]
		i = least
	}
	q.rise(e, i)
}
