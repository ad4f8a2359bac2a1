package traces_test

import (
	"bytes"
	"fmt"

	"pgregory.net/rapid"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// world feeds a real router and records what it does.
type world struct {
	router  *core.Router
	observe func(now core.Time, ev *core.Event, req *loop.Request, out []core.Decision)
	now     core.Time
	out     []core.Decision
	handles []core.Handle
	tokens  []core.Decision
	count   uint64
}

func (w *world) step(ev core.Event, req *loop.Request) []core.Decision {
	w.out = w.router.Step(w.now, &ev, w.out[:0])
	for _, d := range w.out {
		switch d.Kind {
		case core.Forward:
			w.handles = append(w.handles, d.Handle)
		case core.Probe:
			w.tokens = append(w.tokens, d)
		}
	}
	if w.observe != nil {
		w.observe(w.router.Now(), &ev, req, w.out)
	}
	return w.out
}

func (w *world) arrive(key string, length int64) {
	w.count++
	req := &loop.Request{Key: key, ID: [2]uint64{w.count * 0x9e3779b97f4a7c15, ^w.count}}
	ev := core.Event{
		Kind: core.Arrive, Request: core.RequestHash(req.ID[0], req.ID[1]), Epoch: w.router.Epoch(),
		Method: core.Method(w.count % 3), Length: length, Replayable: w.count%5 == 0, Priority: uint8(w.count % 2),
	}
	ev.Route = traces.RouteOf(w.router.Config(), key, &ev)
	w.step(ev, req)
}

func (w *world) finish(i int, class core.Class, status uint16) {
	h := core.Handle{Slot: 7, Gen: 99}
	if i < len(w.handles) {
		h = w.handles[i]
		w.handles = append(w.handles[:i], w.handles[i+1:]...)
	}
	w.step(core.Event{Kind: core.Finish, Handle: h, Class: class, Status: status, Sent: class == core.ClassNone}, nil)
}

// testConfig has every kind of setting; n varies it.
func testConfig(t interface{ Fatal(...any) }, n int) *core.Config {
	c, err := core.Compile(core.Spec{
		Version: fmt.Sprint("v", n), Default: "tier3", ChainFallbacks: n%2 == 0,
		Keys: []core.KeySpec{{Key: "visa", Placement: "visa"}, {Key: "a\"\x01\xff\\é", Placement: "tier1"}, {Key: "<&>", Placement: "visa"}},
		Placements: []core.PlacementSpec{
			{
				Name: "visa", Endpoints: []core.EndpointSpec{{URL: "http://a:1", Name: "a"}, {URL: fmt.Sprint("http://a:", 2+n), Weight: 50}},
				Fallback: []string{"tier1"}, Limit: core.LimitSpec{InFlight: 6, Guests: 2, WhenFull: core.FailOverWhenFull},
				Breaker: core.BreakerSpec{Failures: 2, Open: 3 * core.Second, Growth: 2e6, Jitter: 1e5, Probes: 2},
				Select:  core.LeastRequest,
			},
			{
				Name: "tier1", Endpoints: []core.EndpointSpec{{URL: "http://b:1"}, {URL: "http://b:2"}}, BodyMax: 1000,
				Limit: core.LimitSpec{InFlight: 8}, Breaker: core.BreakerSpec{Failures: 3, MaxOpenPercent: 50}, LastResort: core.RefuseLastResort,
				Health: core.HealthSpec{Every: core.Second, Fall: 1, Rise: 1, Path: "/ready"},
			},
			{Name: "tier3", Kind: core.ReasonDedicated, Endpoints: []core.EndpointSpec{{URL: "http://c:1"}}, Select: core.First, Timeouts: core.TimeoutSpec{Connect: core.Second}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// play draws n events and feeds them.
func (w *world) play(t *rapid.T, configs []*core.Config, n int) {
	keys := []string{"visa", "a\"\x01\xff\\é", "<&>", "nobody", ""}
	for range n {
		w.now += core.Time(rapid.Int64Range(0, int64(2*core.Second)).Draw(t, "dt"))
		switch rapid.IntRange(0, 12).Draw(t, "event") {
		case 0:
			w.step(core.Event{Kind: core.Tick}, nil)
		case 1:
			w.step(core.Event{
				Kind: core.Adopt, Config: rapid.SampledFrom(configs).Draw(t, "config"), Origin: core.OriginControl,
				Epoch: core.Epoch{Term: rapid.Uint64Range(0, 2).Draw(t, "term"), Number: rapid.Uint64Range(0, 4).Draw(t, "number")},
			}, nil)
		case 2:
			w.step(core.Event{Kind: core.Adopt, Fault: core.FaultNotPersisted}, nil)
		case 3:
			w.step(core.Event{Kind: core.Control, OK: rapid.Bool().Draw(t, "up")}, nil)
		case 4:
			if i := rapid.IntRange(0, 8).Draw(t, "probe"); i < len(w.tokens) {
				w.step(core.Event{Kind: core.Probed, Endpoint: w.tokens[i].Endpoint, Token: w.tokens[i].Token, OK: rapid.Bool().Draw(t, "ok")}, nil)
			}
		case 5:
			if len(w.handles) > 0 {
				w.step(core.Event{Kind: core.Reply, Handle: w.handles[0], Status: 200, RetryAfter: core.Second}, nil)
			}
		case 6:
			if rapid.IntRange(0, 20).Draw(t, "drain") == 0 {
				w.step(core.Event{Kind: core.Drain, Deadline: w.now + 5}, nil)
			}
		case 7, 8, 9:
			class := core.Class(rapid.IntRange(0, core.Classes).Draw(t, "class"))
			w.finish(rapid.IntRange(0, 5).Draw(t, "attempt"), class, rapid.SampledFrom([]uint16{200, 404, 503, 0, 999}).Draw(t, "status"))
		default:
			w.arrive(rapid.SampledFrom(keys).Draw(t, "key"), rapid.Int64Range(-1, 2000).Draw(t, "length"))
		}
	}
}

// record plays events into a binary trace and returns it.
func record(t *rapid.T, n int) []byte {
	configs := []*core.Config{testConfig(t, 0), testConfig(t, 1)}
	var b bytes.Buffer
	r := core.New(core.Options{Seed: 7, Strict: true})
	w := traces.NewWriter(&b, traces.Binary, traces.Header{Name: "drawn", Seed: 7, Flags: []string{"a", "b"}, Origin: 1_763_561_251_482_000_001}, r)
	play := &world{router: r, observe: w.Observe}
	if rapid.Bool().Draw(t, "configured") {
		play.step(core.Event{Kind: core.Adopt, Config: configs[0]}, nil)
	}
	play.play(t, configs, n)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func convert(t interface{ Fatal(...any) }, form traces.Form, in []byte) []byte {
	r, err := traces.NewReader(bytes.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := traces.Convert(&b, form, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verify(t interface{ Fatal(...any) }, in []byte) traces.Report {
	r, err := traces.NewReader(bytes.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	report, err := traces.Verify(r, traces.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}
