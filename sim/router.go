package sim

import (
	"math/bits"

	"lockstep/core"
	"lockstep/core/loop"
)

// router is one real core.Router under the real loop, with the edge around it.
type router struct {
	w        *world
	number   uint32
	seed     uint64
	core     *core.Router // nil while crashed, and before it joins
	clock    *clock
	loop     *loop.Loop
	fire     func() // what the loop's timer calls
	starts   uint32 // how often it was started: tells a probe's report from an earlier life's
	armed    uint32 // count of the timer's armings; only the last is live
	disk     disk
	draining bool
	adopting bool // inside an Adopt
	waking   bool // inside a Wake

	table      *table
	endpoints  []int32 // directory number of each endpoint number
	placements []int32 // directory number of each placement number
	indexes    []int32 // index in the configuration of each placement number
	inFlight   []int32 // by directory number of placement
	guests     []int32
	half, sick []bool   // by directory number of endpoint: half-open, unhealthy
	attempts   []uint32 // call in each slot of the in-flight table

	digest   uint64
	steps    uint64
	check    *checker
	observer loop.Observer // the caller's, nil for none
	truth    *core.Event   // Tamper: what lie was made of
	lie      core.Event
}

// disk is what survives a crash: the last configuration adopted (R13).
type disk struct {
	config *core.Config
	epoch  core.Epoch
	push   int // which of the plan's pushes it was, -1 for the plan's own
}

// startRouter makes router i and gives it what its disk holds.
func (w *world) startRouter(i uint32, d disk, origin core.Origin) {
	old := w.routers[i]
	r := &router{w: w, number: i, disk: d, armed: old.armed, starts: old.starts + 1, steps: old.steps, digest: old.digest}
	r.inFlight = make([]int32, len(w.dir.placements))
	r.guests = make([]int32, len(w.dir.placements))
	r.half, r.sick = make([]bool, len(w.dir.endpoints)), make([]bool, len(w.dir.endpoints))
	w.routers[i] = *r
	r = &w.routers[i]
	r.seed = fold(fold(w.plan.Seed, uint64(drawRouterSeed)), uint64(i))
	r.core = core.New(core.Options{Seed: r.seed, Strict: true})
	if w.options.Check {
		r.check = newChecker(w, r, old.check)
	}
	if w.options.Observe != nil {
		r.observer = w.options.Observe(int(i)+1, r.core)
	}
	r.clock = &clock{w: w, router: i}
	r.loop = loop.New(r.core, r.clock, r, r, func() { r.loop.Wake() })
	r.adopt(&core.Event{Kind: core.Adopt, Config: d.config, Epoch: d.epoch, Origin: origin}, d.push)
}

// balance lists the routers that a balancer would send to: those alive and not
// draining, or all alive when every one drains.
func (w *world) balance() {
	w.alive = w.alive[:0]
	for i := range w.routers {
		if r := &w.routers[i]; r.core != nil && !r.draining {
			w.alive = append(w.alive, uint32(i))
		}
	}
	if len(w.alive) > 0 {
		return
	}
	for i := range w.routers {
		if w.routers[i].core != nil {
			w.alive = append(w.alive, uint32(i))
		}
	}
}

// adopt offers a configuration, or a fault in place of one.
func (r *router) adopt(ev *core.Event, push int) {
	r.loop.Wake() // what is due fires first, so that the checker sees the push alone
	if r.check != nil {
		r.check.remember()
	}
	before := r.core.Config()
	r.adopting = true
	d := r.loop.Adopt(r.told(ev))
	r.adopting = false
	r.w.result.Answers = append(r.w.result.Answers, Answer{r.w.now, int(r.number) + 1, push, d.Kind, d.Cause, d.Epoch})
	if before != nil {
		r.w.result.Sometimes.add(sawAnswer(&d, r.core.Config() == before))
	}
	if d.Kind != core.Ack {
		return
	}
	if r.core.Config() == ev.Config {
		r.disk = disk{ev.Config, d.Epoch, push}
	}
	r.table = r.w.table(r.core.Config())
	r.renumber()
	r.loop.MatchAgain()
	r.w.resolve(r)
}

// renumber maps the router's numbers to the directory's. They change only when
// a configuration is adopted.
func (r *router) renumber() {
	d := r.w.dir
	r.placements, r.indexes = r.placements[:0], r.indexes[:0]
	for n := range r.core.Placements() {
		v := r.core.Placement(int32(n))
		r.placements = append(r.placements, d.placement(v.Name))
		r.indexes = append(r.indexes, int32(v.Index))
	}
	r.endpoints = r.endpoints[:0]
	for n := range r.core.Endpoints() {
		e := int32(-1)
		if v := r.core.Endpoint(int32(n)); v.Name != "" {
			e = d.endpoint(r.placements[v.Placement], v.URL)
			r.sick[e], r.half[e] = v.Unhealthy, v.Breaker == core.HalfOpen
		}
		r.endpoints = append(r.endpoints, e)
	}
}

func (w *world) wake(i, armed uint32) {
	if r := &w.routers[i]; r.core != nil && r.armed == armed {
		r.waking = true
		r.fire()
		r.waking = false
	}
}

// Observe sees every step of the router: it is the loop's Observer.
func (r *router) Observe(now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	r.steps++
	if r.w.options.Tamper != nil {
		ev = r.deceive(now, ev, decisions)
	}
	for i := range decisions {
		r.digest = foldDecision(r.digest, &decisions[i])
	}
	if r.check != nil {
		r.check.step(now, ev, decisions)
	}
	if r.observer != nil {
		r.observer.Observe(now, ev, req, decisions)
	}
}

// foldDecision joins one decision to a digest.
func foldDecision(h uint64, d *core.Decision) uint64 {
	what := uint64(d.Kind) | uint64(d.Rule)<<8 | uint64(d.Class)<<16 | uint64(d.Failover)<<24 |
		uint64(d.Circuit)<<32 | uint64(d.Cause)<<40 | uint64(d.Reason)<<48 | uint64(flag(d.Probe))<<56
	where := uint64(uint32(d.Placement))<<32 | uint64(uint32(d.Endpoint))
	handle := uint64(d.Handle.Slot)<<32 | uint64(d.Handle.Gen)
	when := uint64(d.At) + bits.RotateLeft64(uint64(d.Until), 32)
	rest := uint64(d.Token) + uint64(d.Status)<<32 + d.Epoch.Number<<8 + bits.RotateLeft64(d.Epoch.Term, 32)
	// Odd multipliers keep the words apart; one finaliser mixes them all.
	return fold(h, what*golden+where*0xbf58476d1ce4e5b9+handle*0x94d049bb133111eb+when*0xd6e8feb86659fd93+rest*0xff51afd7ed558ccd)
}

// Deliver takes the decisions that nobody waits for: it is the loop's
// Transport. It only schedules and counts.
func (r *router) Deliver(d *core.Decision) {
	w := r.w
	switch d.Kind {
	case core.Forward, core.Reject, core.Queued:
		w.told(r, d)
	case core.Probe:
		w.startProbe(r, d)
	case core.Abort:
		w.result.Sometimes.add(SawDrainAbort)
		id := r.attempts[d.Handle.Slot]
		w.heap.push(w.now, evAbort, id, w.calls.slab[id].gen)
	case core.NoteOpened, core.NoteHalfOpened, core.NoteClosed, core.NoteTripCapped, core.NoteHealthy, core.NoteUnhealthy:
		r.transition(d)
	case core.NoteRetired:
		if !r.adopting {
			w.result.Sometimes.add(SawRetired)
		}
	case core.NoteDrained:
		if d.Count > 1 {
			w.result.Sometimes.add(SawDrainedMany)
		}
	case core.NoteIgnored:
		if d.Cause == core.CauseOldGeneration {
			w.result.Sometimes.add(SawOldGeneration)
		}
	}
}

// transition books a change of a breaker or of health.
func (r *router) transition(d *core.Decision) {
	e, saw := r.endpoints[d.Endpoint], &r.w.result.Sometimes
	saw.add(sawNote(d.Kind))
	switch d.Kind {
	case core.NoteOpened:
		if r.half[e] {
			saw.add(SawRelapse)
			if r.waking {
				saw.add(SawProbeTimeout)
			}
		}
		r.half[e] = false
	case core.NoteClosed:
		r.half[e] = false
	case core.NoteHalfOpened:
		r.half[e] = true
	case core.NoteHealthy, core.NoteUnhealthy:
		r.sick[e] = d.Kind == core.NoteUnhealthy
	}
	t := Transition{d.At, int(r.number) + 1, int(e), d.Kind, d.Until}
	if r.w.plan.WallClock { // in the run's time, not the router's
		t.At = r.w.now
		t.Until = t.Until.Add(r.w.now.Sub(r.core.Now()))
	}
	if all := &r.w.result.Transitions; len(*all) < MaxTransitions {
		*all = append(*all, t)
	}
}

func sawNote(k core.DecisionKind) Situation {
	switch k {
	case core.NoteOpened:
		return SawOpened
	case core.NoteHalfOpened:
		return SawHalfOpen
	case core.NoteClosed:
		return SawClosed
	case core.NoteTripCapped:
		return SawTripCapped
	case core.NoteUnhealthy:
		return SawUnhealthy
	}
	return SawHealthy
}

func sawAnswer(d *core.Decision, same bool) Situation {
	switch {
	case d.Cause == core.CauseStale:
		return SawNackStale
	case d.Cause == core.CauseEpochConflict:
		return SawNackConflict
	case d.Cause == core.CauseInvalid:
		return SawNackInvalid
	case d.Cause == core.CauseNotPersisted:
		return SawNackNotPersisted
	case d.Cause >= core.CauseKeysRerouted:
		return SawGuarded
	case same:
		return SawAckAgain
	}
	return SawAdopted
}

// stop closes a router's books: at its crash, and at the end of the run.
func (r *router) stop() {
	if r.core == nil {
		return
	}
	r.digest = fold(r.digest, r.core.Digest())
	if r.check != nil {
		r.check.audit()
	}
}
