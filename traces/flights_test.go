package traces

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/core"
)

// A map by slot is the model: its newest holder, if it has not been dropped.
func TestWhatIsInFlightIsKnownUnderItsHandleAlone(t *testing.T) {
	type held struct {
		gen uint32
		is  int
	}
	rapid.Check(t, func(t *rapid.T) {
		var x Flights[int]
		model := map[uint32]held{}
		for i := range rapid.IntRange(0, 60).Draw(t, "steps") {
			h := core.Handle{Slot: rapid.Uint32Range(0, 5).Draw(t, "slot"), Gen: rapid.Uint32Range(0, 2).Draw(t, "gen")}
			if rapid.Bool().Draw(t, "put") {
				x.Put(h, i)
				if h.Gen != 0 {
					model[h.Slot] = held{h.Gen, i}
				}
			} else {
				x.Drop(h)
				if model[h.Slot].gen == h.Gen {
					delete(model, h.Slot)
				}
			}
			for slot := range uint32(7) {
				for gen := range uint32(3) {
					m, known := model[slot]
					known = known && m.gen == gen
					if is := x.Of(core.Handle{Slot: slot, Gen: gen}); known != (is != nil) || known && *is != m.is {
						t.Fatalf("slot %d of generation %d: %v, want %v", slot, gen, is, m)
					}
				}
			}
		}
		all := map[uint32]held{}
		for h, is := range x.All() {
			all[h.Slot] = held{h.Gen, *is}
		}
		if d := cmp.Diff(model, all, cmp.AllowUnexported(held{})); d != "" {
			t.Fatal(d)
		}
	})
}
