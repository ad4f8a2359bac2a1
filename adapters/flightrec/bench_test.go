package flightrec

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/pseudonym"
	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// reference is the shape that the budgets are given for: 10,000 keys, 16
// placements of 4 endpoints.
func reference(b *testing.B) (c *core.Config, keys []string) {
	s := core.Spec{Version: "bench", Default: "p00"}
	for i := range 16 {
		p := core.PlacementSpec{Name: fmt.Sprintf("p%02d", i), Limit: core.LimitSpec{InFlight: 1000, Guests: 200}}
		for j := range 4 {
			p.Endpoints = append(p.Endpoints, core.EndpointSpec{URL: fmt.Sprintf("http://10.0.%d.%d:8080", i, j)})
		}
		s.Placements = append(s.Placements, p)
	}
	for i := range 10_000 {
		keys = append(keys, fmt.Sprintf("tenant-%07d", i))
		s.Keys = append(s.Keys, core.KeySpec{Key: keys[i], Placement: s.Placements[i%16].Name})
	}
	c, err := core.Compile(s)
	if err != nil {
		b.Fatal(err)
	}
	return c, keys
}

// requests runs pairs of Arrive and Finish with n in flight.
func requests(b *testing.B, rec driver.Recorder, n int) *driver.Driver {
	c, keys := reference(b)
	d := driver.New(driver.Options{Observer: rec, InFlight: n})
	d.Adopt(c, core.Epoch{}, core.OriginFile, core.FaultNone)
	flying := make([]core.Handle, n)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		h := &flying[i%n]
		if h.Gen != 0 {
			d.Finish(*h, core.ClassNone, 200, true)
		}
		id := [2]uint64{uint64(i) * 0x9e3779b97f4a7c15, uint64(i) * 0xbf58476d1ce4e5b9}
		*h = d.Arrive(driver.Arrival{Key: keys[i*7%len(keys)], ID: id, Length: -1}).Handle
	}
	return d
}

func recorder(b *testing.B, o Options) *Recorder {
	rec, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	return rec
}

// BenchmarkPair is one request with lock, clock and recording in memory, 64 in flight.
func BenchmarkPair(b *testing.B) {
	rec := recorder(b, Options{Memory: 4 << 20})
	requests(b, rec, 64).Close()
	rec.Close()
}

// BenchmarkPairToDisk is the same with every block written to segments.
func BenchmarkPairToDisk(b *testing.B) {
	rec := recorder(b, Options{Memory: 4 << 20, Dir: b.TempDir()})
	requests(b, rec, 64).Close()
	rec.Close()
	s := rec.Stats()
	b.ReportMetric(float64(s.WrittenBytes)/float64(b.N), "B/request")
	b.ReportMetric(float64(s.LostBlocks), "lost-blocks")
}

// BenchmarkBlockEnd reports how long the lock is held when a block ends and
// the next begins with a snapshot: the longest hold there is, but for Adopt.
// Figures are of the recorder's part, in microseconds.
func BenchmarkBlockEnd(b *testing.B) {
	for _, n := range []int{64, 1000, 10_000} {
		b.Run(fmt.Sprintf("%d_in_flight", n), func(b *testing.B) {
			t := &timed{Recorder: recorder(b, Options{Memory: 4 << 20})}
			requests(b, t, n).Close()
			t.Close()
			if len(t.cuts) > 0 {
				slices.Sort(t.cuts)
				b.ReportMetric(float64(t.cuts[len(t.cuts)/2])/1e3, "us-median")
				b.ReportMetric(float64(t.cuts[len(t.cuts)-1])/1e3, "us-max")
			}
		})
	}
}

// timed notes how long each Observe takes that ends a block.
type timed struct {
	*Recorder
	cuts []time.Duration
}

func (t *timed) Observe(now core.Time, ev *core.Event, req *loop.Request, ds []core.Decision) {
	block, start := t.first, time.Now()
	t.Recorder.Observe(now, ev, req, ds)
	if t.first != block {
		t.cuts = append(t.cuts, time.Since(start))
	}
}

// BenchmarkHashing reports what the recorder's goroutine spends on hashed keys,
// per fact: blocks of the reference shape, read, decided again and written anew.
func BenchmarkHashing(b *testing.B) {
	rec := recorder(b, Options{Memory: 1 << 20})
	n := 64
	c, keys := reference(b)
	d := driver.New(driver.Options{Observer: rec, InFlight: n})
	d.Adopt(c, core.Epoch{}, core.OriginFile, core.FaultNone)
	flying := make([]core.Handle, n)
	var blocks []*entry
	for i := 0; len(blocks) < 20; i++ {
		h := &flying[i%n]
		if h.Gen != 0 {
			d.Finish(*h, core.ClassNone, 200, true)
		}
		*h = d.Arrive(driver.Arrival{Key: keys[i*7%len(keys)], ID: [2]uint64{uint64(i) * 0x9e3779b97f4a7c15, uint64(i)}, Length: -1}).Handle
		if e := rec.ring.hold(uint64(len(blocks))); e != nil {
			own := *e
			own.block = append(traces.Block(nil), e.block...)
			blocks = append(blocks, &own)
			rec.ring.release(e)
		}
	}
	d.Close()
	rec.Close()
	h := newHasher(pseudonym.New([]byte("a secret of more than thirty-two bytes")), newRing(1<<20), slog.New(slog.DiscardHandler))
	facts, bytes, hashed := uint64(0), 0, 0
	if err := h.hash(blocks[0], new(entry)); err != nil { // compiles the configuration
		b.Fatal(err)
	}
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		e, out := blocks[i%len(blocks)], entry{}
		if err := h.hash(e, &out); err != nil {
			b.Fatal(err)
		}
		h.spare = out.block[:0]
		facts, bytes, hashed = facts+e.steps, bytes+len(e.block), hashed+len(out.block)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(facts), "ns/fact")
	b.ReportMetric(float64(hashed)/float64(bytes), "size/plain")
}

// BenchmarkPairToDiskHashed is BenchmarkPairToDisk with hashed keys.
func BenchmarkPairToDiskHashed(b *testing.B) {
	rec := recorder(b, Options{Memory: 4 << 20, Dir: b.TempDir(), Keys: pseudonym.New([]byte("a secret of more than thirty-two bytes")), Log: slog.New(slog.DiscardHandler)})
	requests(b, rec, 64).Close()
	rec.Close()
	s := rec.Stats()
	b.ReportMetric(float64(s.WrittenBytes)/float64(b.N), "B/request")
	b.ReportMetric(float64(s.LostBlocks), "lost-blocks")
}
