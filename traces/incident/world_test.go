package incident

import (
	"bytes"
	"cmp"
	"container/heap"
	"fmt"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// world is a small fleet whose routers send to endpoints that break and mend;
// all of it is recorded, each router by its own clock.
type world struct {
	routers int
	length  core.Duration
	gap     core.Duration // between arrivals at a router
	latency core.Duration
	keys    []string
	broken  [2]core.Time // visa/a answers 500 from, to
	limit   core.LimitSpec
	pushes  []push
	drain   core.Time // of router 0; 0 for never
	leave   bool      // instead of an error: visa/a is silent, and its clients leave
	retryAt bool      // who is not served comes again to the next router, with the same id
	skew    []int64   // of each router's clock, ns
	origin  int64     // 0: simulated
	late    core.Time // when recording begins
}

type push struct {
	at    core.Time
	limit core.LimitSpec
	more  string // of the version
}

func plainWorld() world {
	return world{
		routers: 1, length: 20 * core.Second, gap: 20 * core.Millisecond, latency: 100 * core.Millisecond,
		keys: []string{"visa", "visa", "acme", "nobody", "other"}, broken: [2]core.Time{core.Time(5 * core.Second), core.Time(12 * core.Second)},
		limit: core.LimitSpec{InFlight: 4}, origin: 1_795_730_000_000_000_000,
	}
}

func (w *world) config(version string, limit core.LimitSpec) *core.Config {
	off := core.HealthSpec{Off: true}
	c, err := core.Compile(core.Spec{
		Version: version, Default: "shared",
		Keys: []core.KeySpec{{Key: "visa", Placement: "visa"}, {Key: "acme", Placement: "acme"}},
		Placements: []core.PlacementSpec{
			{Name: "visa", Endpoints: []core.EndpointSpec{{Name: "a", URL: "http://visa"}}, Fallback: []string{"shared"}, Breaker: core.BreakerSpec{Open: 2 * core.Second}, Health: off},
			{Name: "acme", Endpoints: []core.EndpointSpec{{Name: "a", URL: "http://acme"}}, Fallback: []string{"shared"}, Health: off},
			{Name: "shared", Endpoints: []core.EndpointSpec{{Name: "a", URL: "http://shared"}}, Limit: limit, Health: off},
		},
	})
	if err != nil {
		panic(err)
	}
	return c
}

// happening is what comes to a router at a time.
type happening struct {
	at     core.Time
	order  int
	router int
	ev     core.Event
	req    loop.Request
}

// fleet runs a world.
type fleet struct {
	*world
	routers []*core.Router
	out     []*bytes.Buffer
	writers []*traces.Writer
	queue   line
	order   int
	tried   map[[2]uint64]bool
	req     map[core.Handle]loop.Request // of the router being stepped
	flights []map[core.Handle]loop.Request
}

// run returns the sources, and the recordings as NDJSON.
func (w world) run(t interface{ Fatal(...any) }) ([]Source, [][]byte) {
	f := &fleet{world: &w, tried: map[[2]uint64]bool{}}
	first := w.config("v1", w.limit)
	for i := range w.routers {
		r := core.New(core.Options{Seed: uint64(i + 1), Strict: true})
		f.routers, f.out, f.flights = append(f.routers, r), append(f.out, new(bytes.Buffer)), append(f.flights, map[core.Handle]loop.Request{})
		f.writers = append(f.writers, nil)
		f.add(happening{router: i, ev: core.Event{Kind: core.Adopt, Config: first, Origin: core.OriginBootstrap}})
		f.load(i)
	}
	for n, p := range w.pushes {
		c := w.config(fmt.Sprintf("v%d%s", n+2, p.more), p.limit)
		for i := range w.routers {
			f.add(happening{at: p.at.Add(core.Duration(i) * 30 * core.Millisecond), router: i, ev: core.Event{Kind: core.Adopt, Config: c, Origin: core.OriginControl, Deliberate: true}})
		}
	}
	if w.drain > 0 {
		f.add(happening{at: w.drain, ev: core.Event{Kind: core.Drain, Deadline: w.drain.Add(core.Second)}})
	}
	f.steps()
	var sources []Source
	var texts [][]byte
	for i, wr := range f.writers {
		if err := wr.Close(); err != nil {
			t.Fatal(err)
		}
		text := f.out[i].Bytes()
		texts = append(texts, text)
		sources = append(sources, sourceOf(fmt.Sprintf("r%d", i+1), text))
	}
	return sources, texts
}

// sourceOf reads a recording from memory.
func sourceOf(name string, text []byte) Source {
	rd, err := traces.NewReader(bytes.NewReader(text))
	if err != nil {
		panic(err)
	}
	read := func(_, _ int64, do func(*traces.Reader) error) error {
		rd, err := traces.NewReader(bytes.NewReader(text))
		if err != nil {
			return err
		}
		return do(rd)
	}
	run := func(o traces.Options, _ int64) (traces.Report, error) {
		v := traces.NewVerifier(o)
		err := read(0, 0, v.Run)
		return v.Report(), err
	}
	return Source{Name: name, Path: name + ".ndjson", Origin: rd.Header().Origin, Run: run, Read: read}
}

// record begins the recording of a router.
func (f *fleet) record(router int) {
	h := traces.Header{Name: fmt.Sprintf("r%d", router+1), Seed: uint64(router + 1), Origin: f.origin}
	if f.origin != 0 && router < len(f.skew) {
		h.Origin += f.skew[router]
	}
	f.writers[router] = traces.NewWriter(f.out[router], traces.NDJSON, h, f.routers[router])
}

func (f *fleet) add(h happening) {
	h.order = f.order
	f.order++
	heap.Push(&f.queue, h)
}

// line is a heap of what is to happen.
type line []happening

func (l line) Len() int      { return len(l) }
func (l line) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l line) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(l[i].at, l[j].at), cmp.Compare(l[i].order, l[j].order)) < 0
}
func (l *line) Push(h any) { *l = append(*l, h.(happening)) }
func (l *line) Pop() any {
	h := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return h
}

// load is what clients send to a router.
func (f *fleet) load(router int) {
	n := 0
	for at := core.Time(core.Millisecond) + core.Time(router)*1_000_003; at < core.Time(f.length); at = at.Add(f.gap) {
		n++
		id := [2]uint64{uint64(router + 1), uint64(n)}
		f.add(happening{at: at, router: router, ev: core.Event{Kind: core.Arrive, Request: core.RequestHash(id[0], id[1])}, req: loop.Request{Key: f.keys[n%len(f.keys)], ID: id}})
	}
}

func (f *fleet) steps() {
	for len(f.queue) > 0 {
		h := heap.Pop(&f.queue).(happening)
		f.step(&h)
	}
}

func (f *fleet) step(h *happening) {
	r := f.routers[h.router]
	f.req = f.flights[h.router]
	if h.ev.Kind == core.Arrive {
		h.ev.Epoch = r.Epoch()
		h.ev.Route = traces.RouteOf(r.Config(), h.req.Key, &h.ev)
	}
	if f.writers[h.router] == nil && h.at >= f.late {
		f.record(h.router)
	}
	out := r.Step(h.at, &h.ev, nil)
	if h.at >= f.late {
		f.writers[h.router].Observe(h.at, &h.ev, &h.req, out)
	}
	good := h.ev.Kind != core.Finish || h.ev.Status < 500
	for i := range out {
		d := &out[i]
		switch d.Kind {
		case core.Forward:
			f.req[d.Handle] = h.req
			status := uint16(200)
			end := h.at.Add(f.latency)
			if r.Endpoint(d.Endpoint).URL == "http://visa" && end >= f.broken[0] && end < f.broken[1] {
				status = 500
			}
			ev := core.Event{Kind: core.Finish, Handle: d.Handle, Status: status, Sent: true}
			if f.leave && status == 500 {
				ev.Status, ev.Class = 0, core.ClientGone
			}
			f.add(happening{at: end, router: h.router, ev: ev, req: h.req})
		case core.Reject:
			good = false
		}
	}
	if !good && f.retryAt && f.world.routers > 1 && !f.tried[h.req.ID] {
		f.tried[h.req.ID] = true
		f.add(happening{
			at: h.at.Add(5 * core.Millisecond), router: (h.router + 1) % f.world.routers, req: h.req,
			ev: core.Event{Kind: core.Arrive, Request: core.RequestHash(h.req.ID[0], h.req.ID[1])},
		})
	}
}
