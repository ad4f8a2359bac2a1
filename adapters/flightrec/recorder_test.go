package flightrec

import (
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"lockstep/adapters/driver"
	"lockstep/core"
	"lockstep/traces"
)

// tb is what testing.T and rapid.T have in common.
type tb interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// world is a driver with a recorder, used inside a synctest bubble: its clock
// is the bubble's.
type world struct {
	t       tb
	d       *driver.Driver
	rec     *Recorder
	flying  []core.Handle
	configs []*core.Config
}

func newWorld(t tb, o Options) *world {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	rec, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return worldOf(t, rec)
}

func worldOf(t tb, rec *Recorder) *world {
	w := &world{t: t, rec: rec, d: driver.New(driver.Options{Seed: 7, Observer: rec})}
	for _, names := range [][]string{{"a", "b"}, {"a", "c"}, {"b", "c", "d"}} {
		w.configs = append(w.configs, config(t, names...))
	}
	return w
}

// config is one placement of two endpoints per name; each falls back to the first.
func config(t tb, names ...string) *core.Config {
	t.Helper()
	s := core.Spec{Version: names[0] + names[1], Default: names[0], ChainFallbacks: true}
	for _, n := range names {
		s.Keys = append(s.Keys, core.KeySpec{Key: n, Placement: n})
		s.Placements = append(s.Placements, core.PlacementSpec{
			Name: n, Limit: core.LimitSpec{InFlight: 8},
			Endpoints: []core.EndpointSpec{{URL: "http://" + n + ":1"}, {URL: "http://" + n + ":2"}},
		})
	}
	c, err := core.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) adopt(c *core.Config) {
	w.d.Adopt(c, core.Epoch{}, core.OriginFile, core.FaultNone)
}

func (w *world) arrive(key string, id uint64) core.Decision {
	a := w.d.Arrive(driver.Arrival{Key: key, ID: [2]uint64{1, id}, Length: -1})
	if a.Kind == core.Forward {
		w.flying = append(w.flying, a.Handle)
	}
	return a.Decision
}

// traffic sends n requests whose keys, ends and order are drawn from seed; with
// every fourth seed most of them fail.
func (w *world) traffic(n int, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	failing := 1
	if seed%4 == 3 {
		failing = 10
	}
	for i := range n {
		w.arrive(string(rune('a'+rng.IntN(5))), uint64(i))
		if len(w.flying) > 0 && rng.IntN(2) == 0 {
			class := core.ClassNone
			if rng.IntN(12) < failing {
				class = []core.Class{core.ConnectRefused, core.ClientGone}[rng.IntN(2)]
			}
			w.finish(rng.IntN(len(w.flying)), class)
		}
	}
	for len(w.flying) > 0 {
		w.finish(0, core.ClassNone)
	}
}

func (w *world) finish(i int, c core.Class) {
	h := w.flying[i]
	w.flying = slices.Delete(w.flying, i, i+1)
	w.d.Finish(h, c, 200, true)
}

// breakA makes a breaker of placement a open.
func (w *world) breakA() {
	for range 10 { // five in a row at each of two endpoints in turn
		w.arrive("a", 0)
		w.finish(len(w.flying)-1, core.ConnectRefused)
	}
}

func (w *world) close() {
	w.d.Close()
	w.rec.Close()
}

// verify replays files in order of name and fails the test if anything differs.
func verify(t tb, dir string) traces.Report {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.lst"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recording in %s: %v", dir, err)
	}
	v := traces.NewVerifier(traces.Options{})
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		rd, err := traces.NewReader(f)
		if err == nil {
			err = v.Run(rd)
		}
		f.Close()
		if err != nil {
			t.Fatalf("%s: %v", filepath.Base(name), err)
		}
	}
	r := v.Report()
	if !r.OK() {
		t.Fatalf("%v %v", r.Divergence, r.Damage)
	}
	return r
}

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
		time.Sleep(25 * time.Second) // virtual: health checks fall due and end the block
		synctest.Wait()
		if r := verify(t, dir); r.Requests != 1 {
			t.Errorf("%d requests on disk after 25 s, want 1", r.Requests)
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
