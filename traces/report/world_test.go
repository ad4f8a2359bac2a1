package report

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// world writes recordings for tests: a router under load with an outage of one
// cell, whose requests become guests of another until that is full.
type world struct {
	router *core.Router
	writer *traces.Writer
	config *core.Config
	now    core.Time
	flying []flight
	n      uint64
	out    []core.Decision
	step   func(*core.Router) // after each step; nil for nothing
}

// flight is an attempt that ends at a time.
type flight struct {
	at     core.Time
	handle core.Handle
	end    core.Event
}

func worldConfig(t testing.TB) *core.Config {
	t.Helper()
	s := core.Spec{Version: "v1", Placements: []core.PlacementSpec{
		{Name: "cell-07", Fallback: []string{"cell-12"}, Limit: core.LimitSpec{InFlight: 140}},
		{Name: "cell-12", Limit: core.LimitSpec{InFlight: 140, Guests: 60}},
		{Name: "shared-eu", Limit: core.LimitSpec{InFlight: 800, WhenFull: core.QueueWhenFull, Queue: 20, Wait: 200 * core.Millisecond}},
	}}
	for i := range s.Placements {
		p := &s.Placements[i]
		p.Health.Off = true
		p.Breaker = core.BreakerSpec{Failures: 5, Open: 5 * core.Second}
		for _, e := range []string{"a", "b", "c"} {
			p.Endpoints = append(p.Endpoints, core.EndpointSpec{Name: e, URL: "http://" + p.Name + "-" + e})
		}
	}
	for i := range 300 {
		s.Keys = append(s.Keys, core.KeySpec{Key: tenant(i), Placement: s.Placements[i%3].Name})
	}
	c, err := core.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tenant(i int) string { return fmt.Sprintf("tenant-%03d", i) }

func newWorld(t testing.TB, w io.Writer, form traces.Form, h traces.Header) *world {
	t.Helper()
	o := &world{router: core.New(core.Options{Seed: 1, Strict: true}), config: worldConfig(t)}
	o.writer = traces.NewWriter(w, form, h, o.router)
	o.feed(&core.Event{Kind: core.Adopt, Config: o.config, Origin: core.OriginFile}, nil)
	return o
}

func (o *world) feed(ev *core.Event, req *loop.Request) core.Decision {
	o.out = o.router.Step(o.now, ev, o.out[:0])
	o.writer.Observe(o.now, ev, req, o.out)
	if o.step != nil {
		o.step(o.router)
	}
	if len(o.out) == 0 {
		return core.Decision{}
	}
	return o.out[len(o.out)-1]
}

// arrive sends one request with a key and says how its attempt is to end, and
// when; where down is set, cell-07 refuses connections.
func (o *world) arrive(key string, took core.Duration, class core.Class, status uint16, down bool) {
	o.n++
	req := loop.Request{Key: key, ID: [2]uint64{core.RequestHash(o.n, 1), core.RequestHash(o.n, 2)}}
	route, _ := o.config.Match(key)
	d := o.feed(&core.Event{Kind: core.Arrive, Epoch: o.router.Epoch(), Route: route, Request: core.RequestHash(req.ID[0], req.ID[1])}, &req)
	if d.Kind == core.Forward {
		if down && o.router.Placement(d.Placement).Name == "cell-07" {
			took, class, status = core.Millisecond, core.ConnectRefused, 0
		}
		end := core.Event{Kind: core.Finish, Handle: d.Handle, Status: status, Class: class, Sent: true}
		o.fly(flight{o.now.Add(took), d.Handle, end})
	}
}

// fly keeps flights in order of their end.
func (o *world) fly(f flight) {
	o.flying = append(o.flying, f)
	for i := len(o.flying) - 1; i > 0 && o.flying[i-1].at > f.at; i-- {
		o.flying[i-1], o.flying[i] = o.flying[i], o.flying[i-1]
	}
}

// run goes on to a time, ending what ends before it.
func (o *world) run(to core.Time) {
	for len(o.flying) > 0 && o.flying[0].at <= to {
		f := o.flying[0]
		o.flying = o.flying[1:]
		o.now = max(o.now, f.at)
		o.feed(&f.end, nil)
		for i := range o.out { // what waited in a queue goes on
			if d := &o.out[i]; d.Kind == core.Forward {
				o.fly(flight{o.now.Add(30 * core.Millisecond), d.Handle, core.Event{Kind: core.Finish, Handle: d.Handle, Status: 200, Sent: true}})
			}
		}
	}
	o.now = max(o.now, to)
}

// load sends n requests, 2,000 a second; in the middle fifth, cell-07 fails.
func (o *world) load(n int) {
	for i := range n {
		o.run(core.Time(o.n+1) * core.Time(500*core.Microsecond))
		draw := core.RequestHash(o.n, 7)
		took := core.Duration(30+draw%170) * core.Millisecond
		class, status, key := core.ClassNone, uint16(200), tenant(int(draw>>16%300))
		switch {
		case draw>>40%2000 == 0:
			status = 503
		case draw>>40%2000 == 1:
			class, status = core.ClientGone, 0
		}
		o.arrive(key, took, class, status, i > n*2/5 && i < n*3/5)
	}
	o.run(o.now.Add(200 * core.Millisecond))
}

// recorded is a recording of so many requests, in the stored form.
func recorded(t testing.TB, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	o := newWorld(t, &b, traces.Binary, traces.Header{Name: "edge-1", Seed: 1, Origin: 1_795_000_000_000_000_000})
	o.load(n)
	if err := o.writer.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// page replays one recording into a page.
func page(t testing.TB, recording []byte, o Options) (*Page, *Router) {
	t.Helper()
	rd, err := traces.NewReader(bytes.NewReader(recording))
	if err != nil {
		t.Fatal(err)
	}
	p := New(o)
	r := p.Router("edge-1", []string{"rec/one.lst"})
	r.Begin(rd.Header())
	v := traces.NewVerifier(r.Hooks())
	if err := v.Run(rd); err != nil {
		t.Fatal(err)
	}
	r.Close(v.Report())
	return p, r
}
