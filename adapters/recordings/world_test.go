package recordings_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

const origin = 1_763_561_251_482_000_000

// config is n placements of two endpoints; each falls back to the next, and keys k0, k1, ... are spread over them.
func config(tb testing.TB, version string, n int) *core.Config {
	tb.Helper()
	s := core.Spec{Version: version, Default: "p0"}
	for i := range n {
		name := fmt.Sprintf("p%d", i)
		p := core.PlacementSpec{
			Name: name, Limit: core.LimitSpec{InFlight: 12, Guests: 4, WhenFull: core.FailOverWhenFull},
			Breaker:  core.BreakerSpec{Failures: 3, Open: core.Second},
			Fallback: []string{fmt.Sprintf("p%d", (i+1)%n)},
		}
		if i == 1 { // requests wait, and are matched again after a push
			p.Limit = core.LimitSpec{InFlight: 2, WhenFull: core.QueueWhenFull, Queue: 8, Wait: 2 * core.Second}
		}
		for e := range 2 {
			p.Endpoints = append(p.Endpoints, core.EndpointSpec{URL: fmt.Sprintf("http://%s-%s:%d", name, version, e)})
		}
		s.Placements = append(s.Placements, p)
	}
	for k := range 40 {
		s.Keys = append(s.Keys, core.KeySpec{Key: fmt.Sprintf("k%d", k), Placement: fmt.Sprintf("p%d", k%n)})
	}
	c, err := core.Compile(s)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// maker plays a router and writes what it does into small blocks and segments.
type maker struct {
	tb      testing.TB
	dir     string
	rng     *rand.Rand
	router  *core.Router
	header  traces.Header
	began   string // of the names of files
	now     core.Time
	flying  []core.Handle
	enc     *traces.Encoder
	out     []core.Decision
	file    []byte
	names   map[uint64]bool
	offered []*core.Config
	number  int
	blocks  int // in the segment
	facts   int // in the block
	inForce *core.Config
	perFile int
	perPart int // facts of a block
	asked   []asked
	seen    []core.Decision // noteworthy or not, all of them
	waiting map[core.Handle]*loop.Request
	lax     bool // requests that wait are not matched again, which no router does
}

// asked is a request that arrived.
type asked struct {
	step uint64
	key  string
	id   [2]uint64
	time core.Time
}

func newMaker(tb testing.TB, dir string, seed uint64) *maker {
	m := &maker{
		tb: tb, dir: dir, rng: rand.New(rand.NewPCG(seed, 1)), router: core.New(core.Options{Seed: seed}),
		header: traces.Header{Name: fmt.Sprintf("r%d", seed), Seed: seed, Origin: origin}, enc: traces.NewEncoder(),
		perFile: 8, perPart: 60, waiting: map[core.Handle]*loop.Request{},
	}
	m.began = time.Unix(0, origin).UTC().Format("20060102T150405.000Z")
	m.begin(1)
	return m
}

func (m *maker) begin(step uint64) {
	m.inForce, m.offered, m.facts = m.router.Config(), nil, 0
	m.enc.Begin(nil, m.router, step)
}

// step feeds one event and records it.
func (m *maker) step(ev core.Event, req *loop.Request) []core.Decision {
	m.out = m.router.Step(m.now, &ev, m.out[:0])
	if ev.Config != nil {
		m.offered = append(m.offered, ev.Config)
	}
	m.enc.Append(m.router.Now(), &ev, req, m.out)
	m.seen = append(m.seen, m.out...)
	for _, d := range m.out {
		switch {
		case d.Kind == core.Forward:
			m.flying = append(m.flying, d.Handle)
			delete(m.waiting, d.Handle)
		case d.Kind == core.Queued && req != nil:
			m.waiting[d.Handle] = req
		}
	}
	out := m.out
	if m.facts++; m.facts >= m.perPart {
		m.cut()
	}
	return out
}

// again matches requests that wait under a new configuration, as the loop does.
func (m *maker) again() {
	for {
		stale := m.router.AppendStale(nil)
		if len(stale) == 0 || m.lax {
			return
		}
		req := m.waiting[stale[0]]
		ev := core.Event{Kind: core.Arrive, Handle: stale[0], Request: core.RequestHash(req.ID[0], req.ID[1]), Epoch: m.router.Epoch(), Length: -1}
		ev.Route = traces.RouteOf(m.router.Config(), req.Key, &ev)
		m.step(ev, req)
	}
}

func (m *maker) cut() {
	if m.facts == 0 {
		return
	}
	m.enc.Mark(m.router.Digest())
	if m.file == nil {
		m.number++
		m.names, m.blocks = map[uint64]bool{}, 0
		m.file = traces.AppendFile(nil, m.header)
	}
	for _, c := range append([]*core.Config{m.inForce}, m.offered...) {
		if c != nil && !m.names[c.Digest()] {
			m.names[c.Digest()] = true
			m.file = traces.AppendConfig(m.file, c)
		}
	}
	next := m.enc.Step()
	m.file = append(m.file, m.enc.End().Seal()...)
	if m.blocks++; m.blocks >= m.perFile {
		m.flush()
	}
	m.begin(next)
}

func (m *maker) flush() {
	if m.file == nil {
		return
	}
	if err := os.WriteFile(m.path(m.number), m.file, 0o600); err != nil {
		m.tb.Fatal(err)
	}
	m.file = nil
}

func (m *maker) path(number int) string {
	return filepath.Join(m.dir, fmt.Sprintf("%s-%06d.lst", m.began, number))
}

func (m *maker) adopt(c *core.Config) {
	m.step(core.Event{Kind: core.Adopt, Config: c, Epoch: core.Epoch{Number: m.router.Epoch().Number + 1}, Origin: core.OriginControl}, nil)
	m.again()
}

// traffic is n requests, some of which fail.
func (m *maker) traffic(n int) {
	for range n {
		m.now += core.Time(m.rng.IntN(int(20 * core.Millisecond)))
		key := fmt.Sprintf("k%d", m.rng.IntN(50))
		req := &loop.Request{Key: key, ID: [2]uint64{m.rng.Uint64(), m.rng.Uint64()}}
		if len(m.asked) > 0 && m.rng.IntN(40) == 0 {
			req.ID = m.asked[m.rng.IntN(len(m.asked))].id // the client says it again
		}
		ev := core.Event{Kind: core.Arrive, Request: core.RequestHash(req.ID[0], req.ID[1]), Epoch: m.router.Epoch(), Length: -1}
		ev.Route = traces.RouteOf(m.router.Config(), key, &ev)
		m.asked = append(m.asked, asked{m.enc.Step(), key, req.ID, m.now})
		m.step(ev, req)
		for len(m.flying) > 0 && m.rng.IntN(3) > 0 {
			i := m.rng.IntN(len(m.flying))
			h := m.flying[i]
			m.flying = append(m.flying[:i], m.flying[i+1:]...)
			end := core.Event{Kind: core.Finish, Handle: h, Status: 200, Sent: true}
			if m.rng.IntN(4) == 0 {
				end.Class, end.Status, end.Sent = core.ConnectRefused, 0, false
			}
			m.step(end, nil)
		}
	}
}

// life plays a whole life: a configuration, traffic, pushes.
func (m *maker) life(requests int) {
	m.adopt(config(m.tb, "v1", 3))
	for i := range 4 {
		m.traffic(requests / 4)
		if i%2 == 0 {
			m.adopt(config(m.tb, fmt.Sprint("v", i+2), 3+i%3))
		}
	}
	m.close()
}

func (m *maker) close() {
	m.cut()
	m.flush()
}

// old makes every file look as if it had been written long ago, so that indexes are kept.
func old(tb testing.TB, dir string) {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.lst"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range files {
		if err := os.Chtimes(f, time.Time{}, time.Unix(1_763_600_000, 0)); err != nil {
			tb.Fatal(err)
		}
	}
}
