package core

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestTheHeapIsASortedList compares the indexed heap with a list that is
// sorted at every question.
func TestTheHeapIsASortedList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const numbers = 12
		var heap timers
		heap.reserve(numbers)
		var list []timer
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			k := timerKind(rapid.Uint32Range(0, uint32(timerKinds)-1).Draw(t, "kind"))
			n := rapid.Int32Range(0, numbers-1).Draw(t, "number")
			at := rapid.SampledFrom([]Time{0, 1, 2, 3, 5, 8, Never}).Draw(t, "at")
			item := uint32(k)<<timerNumberBits | uint32(n)
			heap.set(k, n, at)
			list = slices.DeleteFunc(list, func(e timer) bool { return e.item == item })
			if at != Never {
				list = append(list, timer{at, item})
			}
			if got := heap.get(k, n); got != at {
				t.Fatalf("get(%d, %d) = %d after set to %d", k, n, got, at)
			}
			next := Never
			for _, e := range list {
				next = min(next, e.at)
			}
			if got := heap.next(); got != next {
				t.Fatalf("next() = %d, the list says %d", got, next)
			}
		}
		slices.SortFunc(list, func(a, b timer) int {
			if a.before(b) {
				return -1
			}
			return 1
		})
		for i, want := range list {
			got := heap.heap[0]
			if got != want {
				t.Fatalf("number %d to fire is %v, the list says %v", i, got, want)
			}
			heap.set(got.kind(), got.number(), Never)
		}
		if heap.next() != Never {
			t.Fatalf("%v is left", heap.heap)
		}
	})
}

func TestTimersAtOneTimeFireByKindThenNumber(t *testing.T) {
	var heap timers
	heap.reserve(3)
	for k := timerKinds; k > 0; k-- {
		for n := int32(2); n >= 0; n-- {
			heap.set(k-1, n, 7)
		}
	}
	for k := range timerKinds {
		for n := range int32(3) {
			if got := heap.heap[0]; got.kind() != k || got.number() != n {
				t.Fatalf("kind %d number %d fires where %d, %d should", got.kind(), got.number(), k, n)
			}
			heap.set(k, n, Never)
		}
	}
}

func TestDisarmingWhatIsNotArmedIsHarmless(t *testing.T) {
	var heap timers
	heap.reserve(2)
	heap.set(timerHealth, 0, 5)
	heap.set(timerHealth, 1, Never)
	if heap.next() != 5 || heap.get(timerHealth, 1) != Never {
		t.Errorf("next %d, get %d", heap.next(), heap.get(timerHealth, 1))
	}
}

func TestReservedTimersNeverAllocate(t *testing.T) {
	var heap timers
	heap.reserve(20)
	heap.reserve(50)
	room := cap(heap.heap)
	for k := range timerKinds {
		for n := range int32(50) {
			heap.set(k, n, Time(n)*3%7)
		}
	}
	if cap(heap.heap) != room {
		t.Errorf("room for %d timers grew to %d", room, cap(heap.heap))
	}
}
