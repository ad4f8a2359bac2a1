package core

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestTheKeyTableIsAMap looks up keys that are there and keys that are not.
func TestTheKeyTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		naive := rapid.MapOfN(rapid.StringN(1, 3, -1), rapid.Int32Range(0, 9), 0, 60).Draw(t, "keys")
		var keys []string
		for k := range naive {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		var placements []int32
		for _, k := range keys {
			placements = append(placements, naive[k])
		}
		table := newKeyTable(keys, placements)
		for _, k := range append(keys, rapid.SliceOf(rapid.StringN(1, 3, -1)).Draw(t, "others")...) {
			want, there := naive[k]
			if got, ok := table.find(k, HashString(k)); ok != there || ok && got != want {
				t.Fatalf("find(%q) = %d %v, the map says %d %v", k, got, ok, want, there)
			}
		}
	})
}

func TestTheIndexIsAtMostHalfFull(t *testing.T) {
	for _, c := range []struct{ keys, size int }{{0, 8}, {4, 8}, {5, 16}, {8, 16}, {9, 32}} {
		var keys []string
		for i := range c.keys {
			keys = append(keys, string(rune('a'+i)))
		}
		if got := len(newKeyTable(keys, make([]int32, c.keys)).index); got != c.size {
			t.Errorf("%d keys: an index of %d, want %d", c.keys, got, c.size)
		}
	}
}

// TestKeysWithOneHashAreToldApart gives find the same hash for every key.
func TestKeysWithOneHashAreToldApart(t *testing.T) {
	table := keyTable{keys: []string{"a", "b", "c"}, placements: []int32{1, 2, 3}, index: make([]uint32, 8)}
	for i := range table.keys {
		table.index[(6+i)%8] = uint32(i) + 1 // wraps round the end
	}
	for i, k := range table.keys {
		if got, ok := table.find(k, 6); !ok || got != int32(i)+1 {
			t.Errorf("find(%q) = %d %v", k, got, ok)
		}
	}
	if _, ok := table.find("d", 6); ok {
		t.Error("found a key that is not there")
	}
}

func TestSortingKeysLeavesTheSpecAlone(t *testing.T) {
	given := []KeySpec{{"b", "1"}, {"a", "2"}, {"b", "3"}}
	kept := slices.Clone(given)
	got := sortKeys(given)
	if want := []KeySpec{{"a", "2"}, {"b", "1"}, {"b", "3"}}; !slices.Equal(got, want) {
		t.Errorf("sorted to %v", got)
	}
	if !slices.Equal(given, kept) {
		t.Errorf("the argument became %v", given)
	}
}
