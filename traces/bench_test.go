package traces_test

import (
	"bytes"
	"fmt"
	"testing"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// reference is the world of the published figures: 10,000 keys, 16 placements of 4.
func reference(tb testing.TB) *core.Config {
	s := core.Spec{Version: "1", Default: "p00"}
	for p := range 16 {
		name := fmt.Sprintf("p%02d", p)
		spec := core.PlacementSpec{Name: name, Limit: core.LimitSpec{InFlight: 1000}}
		for e := range 4 {
			spec.Endpoints = append(spec.Endpoints, core.EndpointSpec{URL: fmt.Sprintf("http://10.0.%d.%d:80", p, e)})
		}
		s.Placements = append(s.Placements, spec)
	}
	for k := range 10_000 {
		s.Keys = append(s.Keys, core.KeySpec{Key: fmt.Sprintf("tenant-%05d", k), Placement: fmt.Sprintf("p%02d", k%16)})
	}
	c, err := core.Compile(s)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// traffic is a world that serves one request of the reference world per call,
// 100 in flight, 20 us apart.
func traffic(tb testing.TB, observe func(core.Time, *core.Event, *loop.Request, []core.Decision)) (w *world, next func(i int)) {
	c := reference(tb)
	w = &world{router: core.New(core.Options{Seed: 1}), observe: observe}
	w.step(core.Event{Kind: core.Adopt, Config: c}, nil)
	w.handles = make([]core.Handle, 0, 1000)
	return w, func(i int) {
		w.now += 20_000
		key, _ := c.Key(i * 7919 % c.Keys())
		w.arrive(key, 0)
		if len(w.handles) > 100 {
			w.now += 317
			w.finish(0, core.ClassNone, 200)
		}
		for _, p := range w.tokens {
			w.step(core.Event{Kind: core.Probed, Endpoint: p.Endpoint, Token: p.Token, OK: true}, nil)
		}
		w.tokens = w.tokens[:0]
	}
}

// sample returns a trace of n requests of the reference world.
func sample(tb testing.TB, n int) []byte {
	var b bytes.Buffer
	var tw *traces.Writer
	w, next := traffic(tb, func(now core.Time, ev *core.Event, req *loop.Request, out []core.Decision) {
		if tw != nil {
			tw.Observe(now, ev, req, out)
		}
	})
	tw = traces.NewWriter(&b, traces.Binary, traces.Header{}, w.router)
	for i := range n {
		next(i)
	}
	if err := tw.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func TestARequestCostsAtMost80Bytes(t *testing.T) {
	const n = 50_000
	b := sample(t, n)
	config := traces.AppendConfig(nil, reference(t))
	per := float64(len(b)-len(config)) / n
	t.Logf("%.1f bytes a request: arrive, finish, decisions, ids, keys, snapshots and marks", per)
	if per > 80 {
		t.Errorf("%.1f bytes a request, over the 80 promised", per)
	}
}

// heldFacts are an Arrive and a Finish with what was decided, for Append.
func heldFacts(tb testing.TB) (w *world, arrive, finish core.Event, req []loop.Request, forward core.Decision) {
	w, next := traffic(tb, nil)
	for i := range 200 {
		next(i)
	}
	req = make([]loop.Request, 10_000)
	for i := range req {
		key, _ := w.router.Config().Key(i * 7919 % 10_000)
		req[i] = loop.Request{Key: key, ID: [2]uint64{uint64(i) << 40, ^uint64(i)}}
	}
	arrive = core.Event{Kind: core.Arrive, Epoch: w.router.Epoch()}
	forward = core.Decision{
		Kind: core.Forward, Rule: 3, Placement: 3, Endpoint: 17, Handle: core.Handle{Slot: 55, Gen: 1 << 20},
		Reason: core.ReasonDedicated, Circuit: core.Closed,
	}
	return w, arrive, core.Event{Kind: core.Finish, Handle: forward.Handle, Status: 200, Sent: true}, req, forward
}

func TestAppendAllocatesNothing(t *testing.T) {
	w, arrive, finish, reqs, forward := heldFacts(t)
	e := traces.NewEncoder()
	now, out := w.router.Now(), []core.Decision{forward}
	e.Begin(nil, w.router, 1)
	i := 0
	fact := func() {
		now += 20_000
		out[0].At = now
		e.Append(now, &arrive, &reqs[i%len(reqs)], out)
		e.Append(now+317, &finish, nil, nil)
		if i++; e.Full() {
			e.Begin(e.End(), w.router, e.Step())
		}
	}
	if n := testing.AllocsPerRun(20_000, fact); n > 0 {
		t.Errorf("%v allocations for an Arrive and a Finish", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	w, arrive, finish, reqs, forward := heldFacts(b)
	e := traces.NewEncoder()
	now, out := w.router.Now(), []core.Decision{forward}
	e.Begin(nil, w.router, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now += 20_000
		out[0].At = now
		if i%2 == 0 {
			e.Append(now, &arrive, &reqs[i/2%len(reqs)], out)
		} else {
			e.Append(now, &finish, nil, nil)
		}
		if e.Full() {
			e.Begin(e.End(), w.router, e.Step())
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	const requests = 200_000
	trace := sample(b, requests)
	var facts uint64
	b.ReportAllocs()
	for b.Loop() {
		r := verify(b, trace)
		if !r.OK() {
			b.Fatal(r.Divergence, r.Damage)
		}
		facts += r.Facts
	}
	b.ReportMetric(float64(facts)/b.Elapsed().Seconds()/1e6, "Mfacts/s")
	b.ReportMetric(float64(len(trace))/requests, "B/request")
}

func BenchmarkConvert(b *testing.B) {
	stored := sample(b, 50_000)
	printed := convert(b, traces.NDJSON, stored)
	for _, c := range []struct {
		name string
		form traces.Form
		in   []byte
	}{{"print", traces.NDJSON, stored}, {"parse", traces.Binary, printed}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(printed)))
			for b.Loop() {
				convert(b, c.form, c.in)
			}
			b.ReportMetric(float64(b.N)*50_000/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
