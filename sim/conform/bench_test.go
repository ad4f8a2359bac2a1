package conform

import "testing"

// BenchmarkMake is what a question costs Go, per event.
func BenchmarkMake(b *testing.B) {
	g := Generator{NDJSON: true, Binary: true}
	events, seed := 0, uint64(0)
	for events < b.N {
		q, err := g.Make(seed)
		if err != nil {
			b.Fatal(err)
		}
		seed++
		events += q.Events
	}
}
