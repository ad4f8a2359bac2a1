package flightrec

import (
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

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
