package recordings_test

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockstep/adapters/configfile"
	"lockstep/adapters/flightrec"
	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// The large recording is made on demand only:
//
//	LOCKSTEP_RECORD_SIZE=20GiB go test ./adapters/recordings -run Large -v -timeout 1h
//
// LOCKSTEP_RECORD_DIR keeps it in a folder, and uses it again if it is there.

// fleet is 16 placements of 4 endpoints, 10,000 keys; each placement falls back to the next.
func fleet(tb testing.TB, version int) *core.Config {
	s := core.Spec{Version: fmt.Sprint("v", version), Default: "cell-00"}
	for p := range 16 {
		spec := core.PlacementSpec{
			Name: fmt.Sprintf("cell-%02d", p), Fallback: []string{fmt.Sprintf("cell-%02d", (p+1)%16)},
			Limit:   core.LimitSpec{InFlight: 60, Guests: 20, WhenFull: core.FailOverWhenFull},
			Breaker: core.BreakerSpec{Failures: 5, Open: 5 * core.Second}, Select: core.LeastRequest,
		}
		for e := range 4 {
			spec.Endpoints = append(spec.Endpoints, core.EndpointSpec{URL: fmt.Sprintf("http://10.%d.%d.1:8080", p, e)})
		}
		s.Placements = append(s.Placements, spec)
	}
	for k := range 10_000 {
		s.Keys = append(s.Keys, core.KeySpec{Key: fmt.Sprintf("tenant-%05d", k), Placement: fmt.Sprintf("cell-%02d", (k+k/16*(version%2))%16)})
	}
	c, err := core.Compile(s)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// plant makes a recording like one of production through a flight recorder:
// random ids, keys of uneven weight, endpoints that fail for a while, pushes.
type plant struct {
	tb      testing.TB
	rng     *rand.Rand
	zipf    *rand.Zipf
	router  *core.Router
	rec     *flightrec.Recorder
	lock    sync.Mutex
	now     core.Time
	out     []core.Decision
	flying  []core.Decision
	probes  []core.Decision
	configs [2]*core.Config
	keys    []string
	failing int32 // placement number, -1 for none
	ids     [][2]uint64
}

func newPlant(tb testing.TB, dir string) *plant {
	rec, err := flightrec.New(flightrec.Options{Name: "large", Dir: dir, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		tb.Fatal(err)
	}
	p := &plant{tb: tb, rng: rand.New(rand.NewPCG(1, 2)), router: core.New(core.Options{Seed: 7}), rec: rec, failing: -1}
	p.zipf = rand.NewZipf(p.rng, 1.1, 8, 9_999)
	p.configs = [2]*core.Config{fleet(tb, 0), fleet(tb, 1)}
	for k := range 10_000 {
		p.keys = append(p.keys, fmt.Sprintf("tenant-%05d", k))
	}
	rec.Start(p.router, &p.lock, time.Unix(0, origin))
	p.push(0)
	return p
}

func (p *plant) step(ev core.Event, req *loop.Request) {
	p.lock.Lock()
	p.out = p.router.Step(p.now, &ev, p.out[:0])
	p.rec.Observe(p.router.Now(), &ev, req, p.out)
	p.lock.Unlock()
	for i := range p.out {
		switch p.out[i].Kind {
		case core.Forward:
			p.flying = append(p.flying, p.out[i])
		case core.Probe:
			p.probes = append(p.probes, p.out[i])
		}
	}
}

func (p *plant) push(version int) {
	p.step(core.Event{Kind: core.Adopt, Config: p.configs[version%2], Epoch: core.Epoch{Number: uint64(version) + 1}, Origin: core.OriginControl}, nil)
}

// request is one request that arrives and one that ends.
func (p *plant) request(i int) {
	p.now += core.Time(p.rng.IntN(200_000)) // 10,000 a second
	req := &loop.Request{Key: p.keys[p.zipf.Uint64()], ID: [2]uint64{p.rng.Uint64(), p.rng.Uint64()}}
	if i%100_003 == 0 {
		p.ids = append(p.ids, req.ID)
	}
	ev := core.Event{Kind: core.Arrive, Request: core.RequestHash(req.ID[0], req.ID[1]), Epoch: p.router.Epoch(), Length: -1}
	ev.Route = traces.RouteOf(p.router.Config(), req.Key, &ev)
	p.step(ev, req)
	if len(p.flying) > 200 {
		k := p.rng.IntN(len(p.flying))
		d := p.flying[k]
		p.flying[k] = p.flying[len(p.flying)-1]
		p.flying = p.flying[:len(p.flying)-1]
		end := core.Event{Kind: core.Finish, Handle: d.Handle, Status: 200, Sent: true}
		if d.Placement == p.failing || p.rng.IntN(2000) == 0 {
			end.Class, end.Status, end.Sent = core.ConnectRefused, 0, false
		}
		p.step(end, nil)
	}
	for _, d := range p.probes {
		p.step(core.Event{Kind: core.Probed, Endpoint: d.Endpoint, Token: d.Token, OK: d.Placement != p.failing}, nil)
	}
	p.probes = p.probes[:0]
	switch i % 2_000_000 {
	case 900_000:
		p.failing = int32(p.rng.IntN(16))
	case 1_000_000:
		p.failing = -1
	case 1_900_000:
		p.push(i/2_000_000 + 1)
	}
}

// fill records until so many bytes are written, without losing any.
func (p *plant) fill(bytes int64) (requests int) {
	for ; ; requests++ {
		p.request(requests)
		if requests%4096 == 0 {
			s := p.rec.Stats()
			for s.Blocks-s.WrittenBlocks > 200 {
				runtime.Gosched()
				s = p.rec.Stats()
			}
			if int64(s.WrittenBytes) >= bytes {
				break
			}
		}
	}
	p.rec.Close()
	if s := p.rec.Stats(); s.LostBlocks > 0 {
		p.tb.Fatalf("%d blocks lost", s.LostBlocks)
	}
	return requests
}

func TestLarge(t *testing.T) {
	text := os.Getenv("LOCKSTEP_RECORD_SIZE")
	if text == "" {
		t.Skip("LOCKSTEP_RECORD_SIZE is not set")
	}
	size, err := configfile.ParseSize(text)
	if err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv("LOCKSTEP_RECORD_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	if all, err := recordings.Open([]string{dir}); err != nil || len(all) != 1 {
		began := time.Now()
		n := newPlant(t, dir).fill(size)
		t.Logf("%d requests recorded in %v", n, time.Since(began).Round(time.Millisecond))
	}
	began := time.Now()
	r := open(t, dir)[0]
	t.Logf("%d segments opened in %v", len(r.Segments), time.Since(began).Round(time.Millisecond))
	stored, indexes := measured(t, r)
	t.Logf("%.2f GiB of segments, indexes %.2f %% of that", float64(stored)/(1<<30), 100*float64(indexes)/float64(stored))

	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 5 {
		lookUp(t, dir, rng, i)
	}
	began = time.Now()
	notes, err := r.Notes(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d notes and %d counts in %v", len(notes.Notes), len(notes.Counts), time.Since(began).Round(time.Millisecond))
	began, used := time.Now(), cpu()
	v, err := recordings.Verify([]*recordings.Recording{r}, 0)
	if err != nil || !v.OK() {
		t.Fatal(err, v.Divergence, v.Damage)
	}
	took := time.Since(began).Seconds()
	t.Logf("%d events replayed in %.1f s on %d cores: %.2f million/s; %.2f million per second of processor time",
		v.Facts, took, runtime.GOMAXPROCS(0), float64(v.Facts)/took/1e6, float64(v.Facts)/(cpu()-used).Seconds()/1e6)
	t.Logf("%.1f bytes a request", float64(stored)/float64(v.Requests))
}

// cpu is the processor time of this process so far: on a shared machine the clock says little.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func measured(t *testing.T, r *recordings.Recording) (stored, indexes int64) {
	t.Helper()
	for _, s := range r.Segments {
		stored += s.Size
		info, err := os.Stat(s.Path + recordings.IndexSuffix)
		if err != nil {
			t.Log(err)
			continue
		}
		indexes += info.Size()
	}
	return stored, indexes
}

// lookUp finds a request that is drawn, in a recording opened anew, and replays its block.
func lookUp(t *testing.T, dir string, rng *rand.Rand, i int) {
	t.Helper()
	sample := open(t, dir)[0]
	seg := sample.Segments[rng.IntN(len(sample.Segments))]
	hits, err := sample.Find(recordings.Query{Step: seg.First + 1000 + uint64(rng.IntN(1000))})
	if err != nil || len(hits) != 1 {
		t.Fatal(err, hits)
	}
	var id [2]uint64
	var key string
	_, err = sample.Replay(hits[0].Block, traces.Options{
		After: func(f *traces.Fact, _ *core.Router, _ []core.Decision) {
			if id == ([2]uint64{}) && f.Step >= hits[0].Step && f.Event.Kind == core.Arrive {
				id, key = f.Request.ID, strings.Clone(f.Request.Key)
			}
		},
		Stop: func() bool { return id != [2]uint64{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	drop(t, i)
	began := time.Now()
	r := open(t, dir)[0]
	opened := time.Since(began)
	found, err := r.Find(recordings.Query{ID: &id})
	if err != nil || len(found) != 1 {
		t.Fatalf("request %x: %v %v", id, found, err)
	}
	looked := time.Since(began)
	steps := 0
	if _, err := r.Replay(found[0].Block, traces.Options{Stop: func() bool { steps++; return steps > 3000 }}); err != nil {
		t.Fatal(err)
	}
	t.Logf("request found: opened in %v, found after %v, its block replayed after %v",
		opened.Round(time.Millisecond), looked.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	began = time.Now()
	if _, err := r.Find(recordings.Query{Key: &key, Limit: 20, Newest: true}); err != nil {
		t.Fatal(err)
	}
	t.Logf("newest 20 of key %s in %v", key, time.Since(began).Round(time.Millisecond))
}

// drop empties the page cache before every other look, where that is permitted.
func drop(t *testing.T, i int) {
	if i%2 == 0 && os.WriteFile("/proc/sys/vm/drop_caches", []byte("1"), 0o200) == nil {
		t.Log("page cache emptied")
	}
}
