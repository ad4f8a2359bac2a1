package index

import (
	"bytes"
	"testing"

	"lockstep/core"
	"lockstep/traces"
)

// arrival is a fact that forwards a request under a handle.
func arrival(slot, gen uint32) *traces.Fact {
	d := core.Decision{Kind: core.Forward, Handle: core.Handle{Slot: slot, Gen: gen}}
	return &traces.Fact{Event: core.Event{Kind: core.Arrive}, Decisions: []core.Decision{d}}
}

func finish(slot, gen uint32, status uint16) *traces.Fact {
	return &traces.Fact{Event: core.Event{Kind: core.Finish, Handle: core.Handle{Slot: slot, Gen: gen}, Status: status}}
}

// places is where an index of n blocks says that requests with a fingerprint failed.
func places(t *testing.T, x *flights, print uint32) ([]int, bool) {
	t.Helper()
	ix := Index{fates: x.fates, fared: x.found, lost: x.lost}
	ix.unended, ix.carried = x.finish()
	sorted, _ := sortPairs(ix.fared, nil)
	ix.fared = sorted
	data := ix.Encode()
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	found, known, err := f.Fared(uint64(print)<<32, func(x traces.Fate) bool { return x.Failed() })
	if err != nil {
		t.Fatal(err)
	}
	unended, err := f.Unended(uint64(print) << 32)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range unended {
		found = append(found, u.Place)
	}
	return found, known
}

func TestARequestWhoseEndIsNotInTheTraceMayHaveFaredAnyWay(t *testing.T) {
	for name, facts := range map[string][]*traces.Fact{
		"it is in flight at the end":     {arrival(3, 1)},
		"its end was lost, and its slot": {arrival(3, 1), arrival(3, 2), finish(3, 2, 200)},
		"its slot is out of bounds":      {arrival(maxSlots, 1), finish(maxSlots, 1, 200)},
		"another one's end":              {arrival(3, 1), finish(3, 9, 200)},
	} {
		var x flights
		x.fact(facts[0], 7, 42)
		for _, f := range facts[1:] {
			x.fact(f, 8, 43)
		}
		if found, known := places(t, &x, 42); !known || len(found) != 1 || found[0] != 7 {
			t.Errorf("%s: %v, known %v", name, found, known)
		}
	}
	var x flights
	x.fact(arrival(3, 1), 7, 42)
	x.fact(finish(3, 1, 200), 7, 0)
	if found, known := places(t, &x, 42); !known || len(found) != 0 {
		t.Errorf("a request that was answered is said to have failed in %v, known %v", found, known)
	}
}

func TestAnIndexThatCouldNotKeepAllSaysThatItDoesNotKnow(t *testing.T) {
	var many, far flights
	for status := range uint16(maxFates + 1) {
		many.fact(arrival(0, 1), 7, 42)
		many.fact(finish(0, 1, 300+status), 7, 0)
	}
	far.fact(arrival(0, 1), maxFateBlocks, 42)
	far.fact(finish(0, 1, 503), maxFateBlocks, 0)
	for name, x := range map[string]*flights{"too many fates": &many, "too many blocks": &far} {
		if found, known := places(t, x, 42); known {
			t.Errorf("%s: it names %v", name, found)
		}
	}
}
