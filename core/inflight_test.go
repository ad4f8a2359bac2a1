package core

import (
	"testing"

	"pgregory.net/rapid"
)

// TestTheSlotTableIsAMap compares the table with a map of taken slots: take
// gives the lowest free one, next the lowest taken one, find what was put there.
func TestTheSlotTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table slotTable
		naive := map[uint32]uint32{} // slot to generation
		gen := uint32(0)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "operation") {
			case 0, 1:
				want := uint32(0)
				for naive[want] != 0 {
					want++
				}
				n, ok := table.take()
				if !ok || n != want {
					t.Fatalf("take() = %d %v, the lowest free slot is %d", n, ok, want)
				}
				gen++
				table.at(n).gen = gen
				naive[n] = gen
			case 2:
				n := rapid.Uint32Range(0, uint32(len(naive))).Draw(t, "slot")
				if naive[n] != 0 {
					table.release(n)
					delete(naive, n)
				}
			}
			if int(table.live) != len(naive) {
				t.Fatalf("live = %d of %d", table.live, len(naive))
			}
			from := rapid.Uint32Range(0, 220).Draw(t, "from")
			want, found := from, false
			for ; want < 300 && !found; want++ {
				found = naive[want] != 0
			}
			n, ok := table.next(from)
			if ok != found || ok && n != want-1 {
				t.Fatalf("next(%d) = %d %v, the map says %d %v", from, n, ok, want-1, found)
			}
			s := table.find(Handle{from, naive[from]})
			if (s != nil) != (naive[from] != 0) {
				t.Fatalf("find(%d) = %v", from, s)
			}
		}
	})
}

// TestAFullTableGivesTheOneSlotThatIsFreed fills every level of the index.
func TestAFullTableGivesTheOneSlotThatIsFreed(t *testing.T) {
	var table slotTable
	for want := range uint32(MaxInFlight) {
		if n, ok := table.take(); !ok || n != want {
			t.Fatalf("take() = %d %v, want %d", n, ok, want)
		}
	}
	if n, ok := table.take(); ok {
		t.Fatalf("a full table gave slot %d", n)
	}
	if len(table.chunks) != maxChunks {
		t.Errorf("%d chunks", len(table.chunks))
	}
	for _, n := range []uint32{0, 63, 64, 4095, 4096, 262143, 262144, 500000, MaxInFlight - 1} {
		table.release(n)
		if got, ok := table.take(); !ok || got != n {
			t.Errorf("take() = %d %v after slot %d was freed", got, ok, n)
		}
		if _, ok := table.take(); ok {
			t.Fatalf("slot %d was given twice", n)
		}
	}
	if n, ok := table.next(MaxInFlight - 1); !ok || n != MaxInFlight-1 {
		t.Errorf("next of the last slot = %d %v", n, ok)
	}
	if _, ok := table.next(MaxInFlight); ok {
		t.Error("there is a slot after the last")
	}
}

func TestAHandleNamesOneAttemptOnly(t *testing.T) {
	var table slotTable
	n, _ := table.take()
	table.at(n).gen = 5
	for _, h := range []Handle{{}, {n, 4}, {n, 6}, {n + 1, 5}, {chunkSize, 5}, {chunkSize - 1, 0}, {1 << 31, 5}} {
		if table.find(h) != nil {
			t.Errorf("%v finds an attempt", h)
		}
	}
	if table.find(Handle{n, 5}) == nil {
		t.Error("its own handle does not find it")
	}
	table.release(n)
	if table.find(Handle{n, 5}) != nil {
		t.Error("it is found after its end")
	}
}

func TestReserveMakesRoomForExactlyThatMany(t *testing.T) {
	for _, c := range []struct{ inFlight, chunks int }{
		{0, 0}, {1, 1}, {chunkSize, 1}, {chunkSize + 1, 2}, {2 * MaxInFlight, maxChunks},
	} {
		r := New(Options{})
		r.Reserve(nil, c.inFlight)
		if len(r.slots.chunks) != c.chunks {
			t.Errorf("room for %d: %d chunks, want %d", c.inFlight, len(r.slots.chunks), c.chunks)
		}
	}
}
