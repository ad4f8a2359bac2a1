package index

import (
	"bytes"
	"testing"

	"lockstep/core"
	"lockstep/traces"
)

// FuzzFile gets past the checksums: its input is the content of an index.
// Whatever it says, an error is the worst that may come of it.
func FuzzFile(f *testing.F) {
	b := NewBuilder(Everything)
	ix := b.Index(1 << 20)
	ix.Header = traces.Header{Name: "r1", Seed: 7, Origin: 1}
	ix.Blocks = []Block{{Number: 1, Offset: 100, Step: 1, Time: 5}, {Number: 2, Offset: 900, Step: 60, Time: 50}}
	ix.Configs = []Config{{Offset: 60, Digest: 9}}
	ix.Gaps = []traces.Gap{{Step: 50, Steps: 10, Blocks: 1, Why: "the disk did not keep up"}}
	ix.Notes = []Note{{Step: 3, Time: 6, Block: 1, Placement: "p0", Endpoint: "a"}, {Step: 4, Time: 6, Block: 1, Placement: "p0"}}
	ix.Counts = []Count{{Block: 1, Placement: "p0", N: 3, Step: 4, Time: 6}}
	ix.requests = []pair{pairOf(1<<40, 0), pairOf(1<<63, 1)}
	ix.keys = []pair{pairOf(1<<41, 0), pairOf(1<<41, 1)}
	ix.fates = []traces.Fate{{Status: 503, Class: core.LimitReached, Ended: true}, {}}
	ix.fared = []pair{pairOf(AnyKey, 0), pairOf(AnyKey, 1<<8|1), pairOf(1<<41, 1<<8|1)}
	whole := ix.Encode()
	content, err := (&pages{bytes.NewReader(whole), int64(len(whole))}).read(0, int64(len(whole)-4))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content, uint64(1<<41))
	f.Add(content[:len(content)/2], uint64(1<<63))
	f.Fuzz(func(t *testing.T, content []byte, hash uint64) {
		data := paginate(content)
		file, err := Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		var ix Index
		_ = ix.TakeNotes(file) // it may say anything but must come back
		_, _ = file.Configs()
		failed := func(hash uint64) ([]int, error) {
			found, _, err := file.Fared(hash, func(x traces.Fate) bool { return x.Failed() })
			return found, err
		}
		for _, look := range []func(uint64) ([]int, error){file.Requests, file.Keys, failed} {
			if found, err := look(hash); err == nil && len(found) > 8*len(content) {
				t.Errorf("%d places in %d bytes", len(found), len(content))
			}
		}
	})
}
