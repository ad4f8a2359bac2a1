package index

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestATableFindsEveryEntryWhateverItsSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.SampledFrom([]uint32{3, 1000, 1<<16 - 1, 1 << 16, 1<<32 - 1}).Draw(t, "most")
		entries := make([]pair, rapid.SampledFrom([]int{0, 1, 63, 64, 65, 5000}).Draw(t, "entries"))
		spread := rapid.SampledFrom([]uint32{0, 1, 0x9e3779b9}).Draw(t, "spread")
		for i := range entries {
			entries[i] = pair(uint64(uint32(i)*spread)<<32 | uint64(i)*2654435761%(uint64(most)+1))
		}
		slices.Sort(entries)
		data := paginate(appendTable(nil, entries))
		s := section{pages: &pages{bytes.NewReader(data), int64(len(data))}}
		s.length = s.pages.content()
		for i := 0; i < len(entries); i += 1 + len(entries)/50 {
			found, err := s.look(entries[i].print())
			if err != nil || !slices.Contains(found, entries[i].number()) {
				t.Fatalf("entry %d, %x: %v %v", i, entries[i], found, err)
			}
		}
	})
}
