package sim

import (
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/core/loop"
)

// world is one run: the plan compiled, the state of everything in it, and the heap.
type world struct {
	plan    *Plan
	options *Options
	tamper  Tamper
	dir     *directory
	log     *logTable
	heap    heap
	now     core.Time
	length  core.Time

	configs  []*core.Config // 0: the plan's; 1+i: push i's, nil for garbage
	tables   []*table       // parallel to configs
	truths   []*truth       // parallel to configs; for checkers
	timeouts []core.TimeoutSpec
	keys     []string // of all clients, one list after the other, then the unknown ones
	senders  []sender
	bursts   []uint32 // sender of each of the plan's bursts
	clients  []client
	calls    calls
	lines    []line
	servers  []server
	// nextChange is when a fault next begins or ends.
	nextChange core.Time
	way        link   // any link without a fault
	links      []link // router x server; empty while no fault touches a link
	routers    []router
	alive      []uint32 // routers that a balancer would send to
	probes     probes
	silenced   []int // by router: silences that keep it from the control plane

	result  *Result
	window  *Window
	windows int32        // index of window
	calm    core.Time    // from here on nothing may fail; Never when not asked
	ev      core.Event   // scratch
	arrival core.Event   // scratch for Arrive: every request sets all fields that it reads
	ending  core.Event   // scratch for Finish, likewise
	request loop.Request // scratch
}

// table is what the world needs of one compiled configuration.
type table struct {
	config *core.Config
	routes []core.Route // of route 0; parallel to world.keys
	single bool         // there is no other route, and no split: routes is all
	rows   []core.PlacementInfo
	homes  []int32 // directory number of each placement index
	first  int32   // world.timeouts[first+i] are those of placement index i
	again  bool    // some requests may wait or be retried
}

// grace is how long after Length what is in flight may take to end; what takes
// longer is counted as Unfinished.
const grace = 2 * 60 * core.Second

// Run runs a plan. It is a pure function of the plan: options never change a
// decision, Tamper apart. An invalid plan gives a Result with Err set.
func Run(p Plan, o Options) Result {
	w, err := newWorld(&p, &o)
	if err != nil {
		return Result{Err: fmt.Errorf("preparing run %q: %w", p.Name, err)}
	}
	w.start()
	w.loop()
	w.finish()
	return *w.result
}

func newWorld(p *Plan, o *Options) (*world, error) {
	if err := p.complete(); err != nil {
		return nil, err
	}
	w := &world{
		plan: p, options: o, log: newLogTable(), length: core.Time(p.Length), calm: core.Never,
		arrival: core.Event{Kind: core.Arrive}, ending: core.Event{Kind: core.Finish}, way: link{latency: p.Link.Latency, jitter: p.Link.Jitter, loss: p.Link.Loss},
	}
	if o.Tamper != nil {
		w.tamper = o.Tamper()
	}
	if err := w.compile(); err != nil {
		return nil, err
	}
	if err := w.makeClients(); err != nil {
		return nil, err
	}
	if err := w.checkNames(); err != nil {
		return nil, err
	}
	w.makeTables()
	w.makeServers()
	w.result = &Result{Placements: w.dir.placements, Endpoints: w.dir.endpoints, Window: p.Window}
	if p.Recovery > 0 {
		w.calm = p.End().Add(p.Recovery)
	}
	return w, nil
}

// compile compiles every configuration of the plan. A push that does not
// compile is one that routers refuse; the plan's own must.
func (w *world) compile() error {
	c, err := core.Compile(w.tamper.meant(&w.plan.Spec))
	if err != nil {
		return fmt.Errorf("compiling the plan's configuration: %w", err)
	}
	w.configs = append(w.configs, c)
	specs := []*core.Spec{&w.plan.Spec}
	for i := range w.plan.Pushes {
		p := &w.plan.Pushes[i]
		var c *core.Config
		if p.Spec != nil && !p.Garbage {
			if c, err = core.Compile(w.tamper.meant(p.Spec)); err == nil {
				specs = append(specs, p.Spec)
			}
		}
		w.configs = append(w.configs, c)
	}
	w.dir = newDirectory(specs)
	return nil
}

// makeTables matches every key under every configuration, once.
func (w *world) makeTables() {
	for _, c := range w.configs {
		if c == nil {
			w.tables = append(w.tables, nil)
			continue
		}
		t := &table{config: c, routes: make([]core.Route, len(w.keys)), first: int32(len(w.timeouts)), single: c.Routes() == 1 && c.Splits() == 0}
		for i, k := range w.keys {
			t.routes[i], _ = c.Match(k)
		}
		for i := range c.Placements() {
			t.rows = append(t.rows, c.Placement(i))
			w.timeouts = append(w.timeouts, t.rows[i].Timeouts)
			t.again = t.again || t.rows[i].Retries.Max > 0 || t.rows[i].Limit.WhenFull == core.QueueWhenFull
			t.homes = append(t.homes, w.dir.placement(t.rows[i].Name))
		}
		w.tables = append(w.tables, t)
	}
}

func (w *world) table(c *core.Config) *table {
	return w.tables[slices.Index(w.configs, c)]
}

func (w *world) start() {
	w.openWindow()
	w.routers = make([]router, w.plan.fleet())
	w.silenced = make([]int, len(w.routers))
	for i := range w.plan.Routers {
		w.startRouter(uint32(i), w.file(), core.OriginFile)
	}
	w.balance()
	next := uint32(w.plan.Routers)
	for _, j := range w.plan.Joins {
		for i := range j.Routers {
			w.heap.push(j.At.Add(portion(j.Over, uint64(i), uint64(j.Routers))), evJoin, next, 0)
			next++
		}
	}
	for i := range w.senders {
		w.startSender(uint32(i))
	}
	for i := range w.plan.Bursts {
		w.heap.push(w.plan.Bursts[i].At, evBurst, uint32(i), uint32(w.plan.Bursts[i].Requests))
	}
	w.applyFaults()
	for i := range w.plan.Faults {
		f := &w.plan.Faults[i]
		w.heap.push(f.At, evFault, uint32(i), 0)
		if end := f.until(core.Never); end != core.Never {
			w.heap.push(end, evFault, uint32(i), 1)
		}
	}
	for i := range w.plan.Pushes {
		w.schedulePush(uint32(i))
	}
	if w.options.Check && w.calm < w.length {
		w.heap.push(w.length, evCalm, 0, 0)
	}
}

// file is what a router starts from before it has a disk of its own.
func (w *world) file() disk { return disk{w.configs[0], w.plan.Epoch, -1} }

// loop runs events in order until nothing is left to end.
func (w *world) loop() {
	end := w.length.Add(grace)
	for q := w.heap.earliest(); q != nil; q = w.heap.earliest() {
		first := &q.events[0]
		if first.at >= end || first.at > w.length && w.calls.live == 0 {
			return
		}
		w.now = first.at
		if q == &w.heap.sends {
			w.sendOpen(first.a)
			continue
		}
		e := q.pop()
		w.handle(&e)
	}
}

func (w *world) handle(e *event) {
	switch e.kind() {
	case evSend:
		w.send(e.a)
	case evBurst:
		w.burst(e.a, e.b)
	case evResend:
		w.arrive(e.a)
	case evServerIn:
		w.serverIn(e.a)
	case evServed:
		w.served(e.a)
	case evAnswer:
		w.answer(e.a)
	case evHeaders:
		w.headers(e.a)
	case evSettle:
		w.settle(e.a, e.b)
	case evEnd:
		w.endCall(e.a, e.b)
	case evAbort:
		w.abort(e.a, e.b)
	case evPatience:
		w.overdue(e.a)
	case evWake:
		w.wake(e.a, e.b)
	case evProbed:
		w.probed(e.a)
	case evFault:
		w.fault(e.a, e.b == 1)
	case evJoin:
		w.join(e.a)
	case evPush:
		w.push(e.a, e.b)
	case evBack:
		w.control(e.a, true)
	case evWindow:
		w.openWindow()
	case evCalm:
		w.checkLiveness()
	case evTurn:
		w.turn(e.a, e.b)
	case evLate:
		w.lateCall(e.a, e.b)
	}
}

// finish closes the books at the end of the run.
func (w *world) finish() {
	for i := range w.calls.slab {
		if c := &w.calls.slab[i]; c.phase == callWaiting || c.phase == callFlowing || c.phase == callHeld {
			w.window = &w.result.Windows[c.window]
			w.window.Unfinished++
			w.window.Placements[max(c.home, 0)].Unfinished += uint64(flag(c.home >= 0))
		}
	}
	for i := range w.routers {
		r := &w.routers[i]
		r.stop()
		w.result.Digest = fold(w.result.Digest, r.digest)
		w.result.Steps += r.steps
	}
	if w.options.States != nil && w.options.Check {
		w.options.States.pairs(w.result.Sometimes)
	}
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
