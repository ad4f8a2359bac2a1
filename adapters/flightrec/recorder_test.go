package flightrec

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"lockstep/adapters/driver"
	"lockstep/core"
)

func TestAnyRunIsRecordedWholeAndReplaysIdentically(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(dir, "")
		if err != nil {
			rt.Fatal(err)
		}
		segment := rapid.SampledFrom([]int64{1, 0}).Draw(rt, "segment") // one block each, or all in one
		seed := rapid.Uint64().Draw(rt, "seed")
		ops := rapid.SliceOfN(rapid.IntRange(0, 6), 1, 40).Draw(rt, "ops")
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(rt, Options{Dir: dir, SegmentSize: segment})
			w.d.Handle(func(x driver.Delivery) {
				if x.Kind == core.Probe {
					w.d.Probed(x.Endpoint, x.Token, x.Endpoint%2 == 0)
				}
			})
			w.d.Run(t.Context())
			w.d.Control(true) // without any step there would be no file
			for i, op := range ops {
				w.op(op, seed+uint64(i))
			}
			w.close()
		})
		if r := verify(rt, dir); len(r.Gaps) > 0 || r.First != 1 {
			rt.Fatalf("facts %d to %d with gaps %v", r.First, r.Last, r.Gaps)
		}
	})
}

// op is one step of a random run.
func (w *world) op(op int, seed uint64) {
	switch op {
	case 0:
		w.adopt(w.configs[seed%3])
	case 1:
		w.d.Adopt(w.configs[seed%3], core.Epoch{Number: seed % 8}, core.OriginControl, core.FaultNone)
	case 2:
		time.Sleep(time.Duration(seed%20) * time.Second) // virtual
		synctest.Wait()
	case 3:
		w.d.Control(seed%2 == 0)
	case 4:
		w.d.Drain(w.d.Now().Add(core.Duration(seed%5) * core.Second))
	default:
		w.traffic(50, seed)
	}
}

func TestConcurrentTrafficAndPushesReplayIdentically(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, Options{Dir: dir, SegmentSize: 1})
	w.d.Run(t.Context())
	var wg sync.WaitGroup
	for g := range uint64(4) {
		wg.Go(func() {
			for i := range uint64(2000) {
				if g == 0 && i%200 == 0 {
					w.adopt(w.configs[i/200%3])
				}
				a := w.d.Arrive(driver.Arrival{Key: string(rune('a' + i%5)), ID: [2]uint64{g, i}})
				if a.Kind == core.Forward {
					w.d.Finish(a.Handle, core.ClassNone, 200+uint16(i%7*50), true)
				}
			}
		})
	}
	wg.Wait()
	w.close()
	if r := verify(t, dir); r.Requests != 8000 || len(r.Gaps) > 0 {
		t.Errorf("%d of 8000 requests, gaps %v", r.Requests, r.Gaps)
	}
}

func TestCloseWritesTheLastBlock(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Dir: dir})
		w.adopt(w.configs[0])
		w.arrive("a", 1)
		w.close()
		w.arrive("a", 2) // after the end: not recorded, and no harm
		w.rec.Close()
	})
	if r := verify(t, dir); r.Requests != 1 || r.Facts != 2 {
		t.Errorf("%d facts, %d requests, want 2 and 1", r.Facts, r.Requests)
	}
}

func TestARecordingCanBeReadWhileItsRouterRuns(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Dir: dir})
		w.adopt(w.configs[0])
		w.arrive("a", 1)
		time.Sleep(1100 * time.Millisecond) // virtual
		synctest.Wait()
		if r := verify(t, dir); r.Requests != 1 {
			t.Errorf("%d requests on disk after a second, want 1", r.Requests)
		}
		w.close()
	})
}

func TestRecordingsAreForTheirOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Dir: filepath.Join(dir, "rec"), DumpDir: filepath.Join(dir, "dumps")})
		w.adopt(w.configs[0])
		if _, err := w.rec.Dump("test"); err != nil {
			t.Error(err)
		}
		w.close()
	})
	for _, sub := range []string{"rec", "dumps"} {
		files, _ := filepath.Glob(filepath.Join(dir, sub, "*.lst"))
		if len(files) != 1 {
			t.Fatalf("%d files in %s", len(files), sub)
		}
		if info, err := os.Stat(files[0]); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v %v", files[0], info.Mode(), err)
		}
	}
}

func TestMemoryStaysWithinItsBoundAndHoldsTheNewest(t *testing.T) {
	dumps := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		const limit = 300 << 10
		w := newWorld(t, Options{Memory: limit, DumpDir: dumps})
		w.adopt(w.configs[0])
		for i := range uint64(20) {
			w.traffic(1000, 4*i)
			if m := w.rec.Stats().Memory; m > limit {
				t.Fatalf("%d bytes in memory, want at most %d", m, limit)
			}
		}
		if _, err := w.rec.Dump("test"); err != nil {
			t.Fatal(err)
		}
		s := w.rec.Stats()
		w.close()
		r := verify(t, dumps)
		if r.Last != s.Steps || r.First == 1 || len(r.Gaps) > 0 {
			t.Errorf("dumped facts %d to %d of %d, gaps %v; want the newest", r.First, r.Last, s.Steps, r.Gaps)
		}
	})
}

func TestARequestAllocatesNothingWhileItIsRecorded(t *testing.T) {
	w := newWorld(t, Options{Memory: 1 << 20})
	defer w.close()
	w.adopt(w.configs[0])
	keys := []string{"a", "b", "nobody"}
	i := 0
	n := testing.AllocsPerRun(20_000, func() { // past the memory's limit
		a := w.d.Arrive(driver.Arrival{Key: keys[i%3], ID: [2]uint64{1, uint64(i)}})
		w.d.Finish(a.Handle, core.ClassNone, 200, true)
		i++
	})
	if n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}
