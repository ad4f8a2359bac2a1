package core

import (
	"cmp"
	"slices"
)

// keyTable maps routing keys to placements: the keys sorted, and an open
// addressing index over their hashes. It is built once and only read, so it
// needs no deletion, and it costs the hash that rendezvous selection needs anyway.
type keyTable struct {
	name       string
	keys       []string // ascending
	placements []int32  // parallel to keys; below 0: the split ^n
	index      []uint32 // position in keys plus 1, 0 for empty; a power of two, at most half full
}

func newKeyTable(keys []string, placements []int32) keyTable {
	size := 8
	for size < 2*len(keys) {
		size *= 2
	}
	t := keyTable{keys: keys, placements: placements, index: make([]uint32, size)}
	for i, k := range keys {
		at := t.start(HashString(k))
		for t.index[at] != 0 {
			at = (at + 1) & uint64(size-1)
		}
		t.index[at] = uint32(i) + 1
	}
	return t
}

func (t *keyTable) start(hash uint64) uint64 { return hash & uint64(len(t.index)-1) }

// find returns the placement of key, whose hash is given.
func (t *keyTable) find(key string, hash uint64) (int32, bool) {
	at := t.start(hash)
	for {
		i := t.index[at]
		if i == 0 {
			return -1, false
		}
		if t.keys[i-1] == key {
			return t.placements[i-1], true
		}
		at = (at + 1) & uint64(len(t.index)-1)
	}
}

// sortKeys returns keys in ascending order, leaving the argument as it was.
func sortKeys(keys []KeySpec) []KeySpec {
	byKey := func(a, b KeySpec) int { return cmp.Compare(a.Key, b.Key) }
	if slices.IsSortedFunc(keys, byKey) {
		return keys
	}
	sorted := slices.Clone(keys)
	slices.SortStableFunc(sorted, byKey)
	return sorted
}
