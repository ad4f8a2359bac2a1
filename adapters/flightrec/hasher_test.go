package flightrec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/adapters/pseudonym"
	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

const ourSecret = "a secret of more than thirty-two bytes"

// plainKey is a key that nothing else in a recording looks like.
func plainKey(i int) string { return fmt.Sprintf("Kunde-%02d-AG", i) }

// keyed is three placements: one where requests wait, one that tells tenants apart, one that hashes as asked.
func keyed(t tb, version string, by core.Policy, share uint32) *core.Config {
	t.Helper()
	s := core.Spec{Version: version, Default: "p2"}
	for i := range 3 {
		name := fmt.Sprintf("p%d", i)
		p := core.PlacementSpec{
			Name: name, Limit: core.LimitSpec{InFlight: 12, Guests: 4, WhenFull: core.FailOverWhenFull},
			Breaker:  core.BreakerSpec{Failures: 3, Open: core.Second},
			Retries:  core.RetrySpec{Max: 3, Methods: core.RetryAny},
			Fallback: []string{fmt.Sprintf("p%d", (i+1)%3)},
		}
		switch i {
		case 0:
			p.Limit = core.LimitSpec{InFlight: 2, WhenFull: core.QueueWhenFull, Queue: 8, Wait: 2 * core.Second}
		case 1:
			p.Limit.TenantShare = share
		case 2:
			p.Select = by
		}
		for e := range 3 {
			p.Endpoints = append(p.Endpoints, core.EndpointSpec{URL: fmt.Sprintf("http://%s-%s:%d", name, version, e)})
		}
		s.Placements = append(s.Placements, p)
	}
	for k := range 40 {
		s.Keys = append(s.Keys, core.KeySpec{Key: plainKey(k), Placement: fmt.Sprintf("p%d", k%3)})
	}
	c, err := core.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// player plays a router that several recorders watch.
type player struct {
	mu     sync.Mutex
	recs   []*Recorder
	rng    *rand.Rand
	router *core.Router
	now    core.Time
	flying []core.Handle
	by     map[uint32]*loop.Request // by slot
	out    []core.Decision
	seen   map[core.DecisionKind]int
}

func newPlayer(seed uint64, recs ...*Recorder) *player {
	return playerOf(core.New(core.Options{Seed: seed}), seed, recs...)
}

func playerOf(r *core.Router, seed uint64, recs ...*Recorder) *player {
	p := &player{
		recs: recs, rng: rand.New(rand.NewPCG(seed, 1)), router: r, now: r.Now(),
		by: map[uint32]*loop.Request{}, seen: map[core.DecisionKind]int{},
	}
	for _, rec := range recs {
		rec.Start(r, &p.mu, time.Now())
	}
	return p
}

func (p *player) apply(ev core.Event, req *loop.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out = p.router.Step(p.now, &ev, p.out[:0])
	for _, rec := range p.recs {
		rec.Observe(p.router.Now(), &ev, req, p.out)
	}
	own := uint32(0) // the last decision is of the request that arrives: what was due before came first
	for _, d := range p.out {
		p.seen[d.Kind]++
		if d.Kind == core.Forward || d.Kind == core.Queued {
			own = d.Handle.Slot
		}
		if d.Kind == core.Forward {
			p.flying = append(p.flying, d.Handle)
		}
	}
	if n := len(p.out); req != nil && ev.Handle == (core.Handle{}) && n > 0 && (p.out[n-1].Kind == core.Forward || p.out[n-1].Kind == core.Queued) {
		p.by[own] = req
	}
}

func (p *player) adopt(c *core.Config) {
	p.step(core.Event{Kind: core.Adopt, Config: c, Epoch: core.Epoch{Number: p.router.Epoch().Number + 1}, Origin: core.OriginControl}, nil)
}

// step applies an event and matches again who waits, as the loop does.
func (p *player) step(ev core.Event, req *loop.Request) {
	p.apply(ev, req)
	for range 1000 { // more do not wait
		stale := p.router.AppendStale(nil)
		if len(stale) == 0 {
			return
		}
		p.apply(p.arrival(stale[0], p.by[stale[0].Slot]), p.by[stale[0].Slot])
	}
	panic(fmt.Sprintf("a request that waits is not matched again: %v", p.out))
}

func (p *player) arrival(h core.Handle, req *loop.Request) core.Event {
	ev := core.Event{Kind: core.Arrive, Handle: h, Request: core.RequestHash(req.ID[0], req.ID[1]), Epoch: p.router.Epoch()}
	ev.Route = traces.RouteOf(p.router.Config(), req.Key, &ev)
	return ev
}

func (p *player) arrive(req *loop.Request) { p.step(p.arrival(core.Handle{}, req), req) }

// traffic is n requests, some of which fail and come again; every tenth key is nobody's.
func (p *player) traffic(n int) {
	for range n {
		p.now += core.Time(p.rng.IntN(int(20 * core.Millisecond)))
		p.arrive(&loop.Request{Key: plainKey(p.rng.IntN(45)), ID: [2]uint64{p.rng.Uint64(), p.rng.Uint64()}})
		for len(p.flying) > 0 && p.rng.IntN(3) > 0 {
			i := p.rng.IntN(len(p.flying))
			h := p.flying[i]
			p.flying = append(p.flying[:i], p.flying[i+1:]...)
			end := core.Event{Kind: core.Finish, Handle: h, Status: 200, Sent: true}
			if p.rng.IntN(4) == 0 {
				end.Class, end.Status, end.Sent, end.Replayable = core.ConnectRefused, 0, false, true
			}
			p.step(end, nil)
		}
	}
}

func (p *player) cut() {
	for _, rec := range p.recs {
		rec.flush()
	}
}

func (p *player) close() {
	for _, rec := range p.recs {
		rec.Close()
	}
}

func hashing(t tb, o Options, log io.Writer) *Recorder {
	t.Helper()
	o.Keys = pseudonym.New([]byte(ourSecret))
	return made(t, o, log)
}

func made(t tb, o Options, log io.Writer) *Recorder {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	rec, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// told is one step as a stranger sees it.
type told struct {
	Time      core.Time
	Kind      core.EventKind
	Key       string
	ID        [2]uint64
	Decisions []core.Decision
}

// tell reads all steps in a folder.
func tell(t tb, dir string, name func(string) string) map[uint64]told {
	t.Helper()
	out := map[uint64]told{}
	files, _ := filepath.Glob(filepath.Join(dir, "*.lst"))
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rd, err := traces.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		for {
			it, err := rd.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if f := it.Fact; it.Kind == traces.ItemFact {
				out[f.Step] = told{f.Time, f.Event.Kind, name(f.Request.Key), f.Request.ID, append([]core.Decision(nil), f.Decisions...)}
			}
		}
	}
	return out
}

// withoutKeys fails the test when any file in a folder holds a plain key. A
// compressed one is read as well.
func withoutKeys(t tb, dir string) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) == 0 {
		t.Fatalf("no file in %s", dir)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.Index(b, []byte("Kunde")); i >= 0 {
			t.Fatalf("%s holds a plain key at byte %d", filepath.Base(path), i)
		}
	}
	for step, f := range tell(t, dir, func(s string) string { return s }) {
		if strings.Contains(f.Key, "Kunde") {
			t.Fatalf("step %d in %s has the plain key %q", step, dir, f.Key)
		}
	}
}

func TestAHashedRecordingIsThePlainOneUnderOtherKeys(t *testing.T) {
	names := pseudonym.New([]byte(ourSecret))
	same := func(s string) string { return s }
	queued, retried, told := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		seed, memory := rapid.Uint64().Draw(rt, "seed"), rapid.SampledFrom([]int{0, 1}).Draw(rt, "memory") // 1: blocks may be lost
		plain, hashed := filepath.Join(dir, "plain"), filepath.Join(dir, "hashed")
		p := newPlayer(seed,
			made(rt, Options{Dir: plain, SegmentSize: 1}, io.Discard),
			hashing(rt, Options{Dir: hashed, SegmentSize: rapid.SampledFrom([]int64{1, 0}).Draw(rt, "segment"), Memory: memory}, io.Discard))
		configs := []*core.Config{keyed(rt, "v1", core.LeastRequest, 0), keyed(rt, "v2", core.RoundRobin, 30), keyed(rt, "v3", core.RoundRobin, 0)}
		p.adopt(configs[0])
		for _, op := range rapid.SliceOfN(rapid.IntRange(0, 4), 1, 20).Draw(rt, "ops") {
			switch op {
			case 0:
				p.adopt(configs[p.rng.IntN(3)])
			case 1:
				p.cut()
			default:
				p.traffic(40)
			}
		}
		p.close()
		queued, retried = queued+p.seen[core.Queued], retried+p.seen[core.Retry]
		whole, lost := p.recs[1].Stats(), tell(rt, hashed, same)
		if memory == 0 && whole.LostSteps > 0 {
			rt.Fatalf("%+v", whole)
		}
		want := tell(rt, plain, names.Of)
		for step := range want {
			if _, there := lost[step]; !there && memory == 1 {
				delete(want, step)
			}
		}
		if diff := cmp.Diff(want, lost); diff != "" {
			rt.Fatalf("-plain +hashed:\n%s", diff)
		}
		told += len(want)
		if whole.LostSteps == whole.Steps { // no later block can begin where tenants are in flight
			return
		}
		if r := verify(rt, hashed); len(r.Gaps) > 0 && memory == 0 {
			rt.Fatalf("%+v", r)
		}
		withoutKeys(rt, hashed)
	})
	if queued == 0 || retried == 0 || told == 0 {
		t.Errorf("%d waited, %d came again, %d steps: the property was hardly tried", queued, retried, told)
	}
}

func TestAPushThatHashesTheKeyLeavesAGapAndNeverAPlainKey(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	p := newPlayer(3, hashing(t, Options{Dir: filepath.Join(dir, "rec"), DumpDir: filepath.Join(dir, "dumps")}, &log))
	p.recs[0].limiter.Left = 0 // the one that is asked for is enough
	p.adopt(keyed(t, "v1", core.RoundRobin, 0))
	p.traffic(200)
	p.cut()
	p.adopt(keyed(t, "v2", core.Rendezvous, 0))
	for range 5 {
		p.traffic(100)
		p.cut()
	}
	p.adopt(keyed(t, "v3", core.RoundRobin, 0))
	p.cut()
	p.traffic(200)
	if _, err := p.recs[0].Dump("test"); err != nil {
		t.Fatal(err)
	}
	var live bytes.Buffer
	if err := p.recs[0].Stream(&live, "test"); err != nil {
		t.Fatal(err)
	}
	p.close()
	if err := os.MkdirAll(filepath.Join(dir, "live"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "live", "live.lst"), live.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s := p.recs[0].Stats()
	for _, sub := range []string{"rec", "dumps", "live"} {
		r := verify(t, filepath.Join(dir, sub))
		if len(r.Gaps) != 1 || r.Gaps[0].Blocks < 6 || !strings.Contains(r.Gaps[0].Why, "placement p2 by rendezvous") || r.Facts+r.Gaps[0].Steps != s.Steps {
			t.Errorf("%s: %d of %d steps, gaps %+v", sub, r.Facts, s.Steps, r.Gaps)
		}
		withoutKeys(t, filepath.Join(dir, sub))
	}
	if s.LostBlocks < 6 || s.DiskErrors > 0 {
		t.Errorf("%+v", s)
	}
	if said := log.String(); strings.Count(said, "level=ERROR") != 1 || strings.Count(said, "the recording goes on, with hashed keys") != 1 {
		t.Errorf("want one error and that it goes on: %s", said)
	}
}

func TestASuccessorGoesOnWithHashedKeys(t *testing.T) {
	dir := t.TempDir()
	c := keyed(t, "v1", core.LeastRequest, 30)
	old := newPlayer(5)
	old.adopt(c)
	old.traffic(300)
	next, err := core.Restore(old.router.Snapshot(nil), c, true)
	if err != nil {
		t.Fatal(err)
	}
	next.Succeed()
	p := playerOf(next, 6, hashing(t, Options{Dir: dir}, io.Discard))
	p.traffic(300)
	p.close()
	if r := verify(t, dir); r.First != 1 || len(r.Gaps) > 0 || r.Requests < 300 {
		t.Errorf("%+v", r)
	}
	withoutKeys(t, dir)
}

func TestTenantsInFlightKeepATwinFromBeginningUntilNobodyIs(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	c := keyed(t, "v1", core.LeastRequest, 30)
	p := newPlayer(7)
	p.adopt(c)
	p.traffic(100)
	for i := range 4 { // in flight at the placement that tells tenants apart
		p.arrive(&loop.Request{Key: plainKey(3*i + 1)})
	}
	middle, err := core.Restore(p.router.Snapshot(nil), c, false)
	if err != nil {
		t.Fatal(err)
	}
	q := playerOf(middle, 7, hashing(t, Options{Dir: dir}, &log))
	q.flying, q.by = p.flying, p.by
	q.traffic(100)
	for range 100 { // who waits takes the place of who ends, or has waited too long
		q.now += core.Time(core.Second)
		for _, h := range q.flying {
			q.flying = q.flying[1:]
			q.step(core.Event{Kind: core.Finish, Handle: h, Status: 200, Sent: true}, nil)
		}
	}
	if q.router.InFlight() > 0 {
		t.Fatal("somebody is still in flight")
	}
	q.cut()
	q.traffic(100)
	q.close()
	r := verify(t, dir)
	if len(r.Gaps) != 1 || !strings.Contains(r.Gaps[0].Why, "tenant_share") || r.Requests < 100 {
		t.Errorf("%+v", r)
	}
	withoutKeys(t, dir)
}

func TestTheHeaderSaysThatKeysAreHashedAndUnderWhichSecret(t *testing.T) {
	dir := t.TempDir()
	p := newPlayer(1, hashing(t, Options{Dir: dir}, io.Discard))
	p.adopt(keyed(t, "v1", core.RoundRobin, 0))
	p.close()
	files, _ := filepath.Glob(filepath.Join(dir, "*.lst"))
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rd, err := traces.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	h := rd.Header()
	if !pseudonym.Hashed(&h) || pseudonym.New([]byte(ourSecret)).Match(&h) != nil {
		t.Errorf("flags %q", h.Flags)
	}
	if err := pseudonym.New([]byte("another")).Match(&h); err == nil || !strings.Contains(err.Error(), "another secret") {
		t.Errorf("got %v", err)
	}
}
