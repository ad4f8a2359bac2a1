package sim

import "lockstep/core"

// The control plane's side of a run: pushes on time, late, twice, in another
// order, damaged; and health probes, which the edge sends for the router.

// schedulePush brings push i to every router that it is for.
func (w *world) schedulePush(i uint32) {
	p := &w.plan.Pushes[i]
	for n := range w.routers {
		if p.Router != 0 && p.Router != n+1 {
			continue
		}
		root := fold(fold(fold(w.plan.Seed, uint64(drawPush)), uint64(i)), uint64(n))
		for range p.Copies {
			w.heap.push(p.At.Add(core.Duration(below(root, uint64(p.Spread)+1))), evPush, i, uint32(n))
			root = finalise(root)
		}
	}
}

// push brings push i to router n, unless the control plane cannot reach it.
func (w *world) push(i, n uint32) {
	if r := &w.routers[n]; r.core != nil && w.silenced[n] == 0 {
		w.deliverPush(i, r)
	}
}

func (w *world) deliverPush(i uint32, r *router) {
	p := &w.plan.Pushes[i]
	w.ev = core.Event{Kind: core.Adopt, Origin: core.OriginControl, Epoch: p.Epoch, Config: w.configs[1+i], Deliberate: p.Deliberate}
	switch {
	case w.ev.Config == nil:
		w.ev.Fault = core.FaultInvalid
	case p.NoDisk:
		w.ev.Fault = core.FaultNotPersisted
	}
	r.adopt(&w.ev, int(i))
}

// control ends or begins what keeps router n from the control plane. The router
// hears of it when the first silence begins and when the last is over.
func (w *world) control(n uint32, back bool) {
	w.silenced[n] += 1 - 2*flag(back)
	if w.silenced[n] != flag(!back) {
		return
	}
	if r := &w.routers[n]; r.core != nil {
		w.ev = core.Event{Kind: core.Control, OK: back}
		if r.check != nil {
			r.check.remember()
		}
		r.apply(&w.ev)
	}
	if back {
		w.reconnect(n)
	}
}

// reconnect gives a router that was away the newest push that it should have.
func (w *world) reconnect(n uint32) {
	r := &w.routers[n]
	if r.core == nil || w.silenced[n] > 0 {
		return
	}
	newest := -1
	for i := range w.plan.Pushes {
		p := &w.plan.Pushes[i]
		if p.At <= w.now && (p.Router == 0 || p.Router == int(n)+1) && (newest < 0 || p.At >= w.plan.Pushes[newest].At) {
			newest = i
		}
	}
	if newest >= 0 {
		w.deliverPush(uint32(newest), r)
	}
}

// probe is one active health probe on its way.
type probe struct {
	router   uint32
	token    uint32
	endpoint int32 // the router's number
	born     uint32
	ok       bool
}

type probes struct {
	slab []probe
	free []uint32
}

// probeWork is how long a server takes to answer a health probe.
const probeWork = core.Millisecond

// startProbe sends a health probe and works out at once how it will end: a
// server that changes its mind within one probe is beyond this model.
func (w *world) startProbe(r *router, d *core.Decision) {
	home := r.core.Placement(d.Placement).Index
	if home < 0 {
		return // the same step took its placement out: nobody waits for the report
	}
	e := r.endpoints[d.Endpoint]
	w.window.Endpoints[e].HealthProbes++
	f := &w.servers[w.dir.servers[e]].fault
	way := w.link(r.number, e)
	root := fold(fold(fold(fold(w.plan.Seed, uint64(drawProbe)), uint64(r.number)), uint64(e)), uint64(d.At))
	timeout := r.core.Config().Placement(home).Health.Timeout
	took := way.cross(draw(root, drawLinkOut)) + probeWork + way.cross(draw(root, drawLinkBack))
	ok := !f.refuse && !f.reset && !f.healthDown
	switch {
	case f.healthUp:
		ok = true
	case f.hang:
		took = timeout
	}
	if way.cut != 0 || happens(draw(root, drawLoss), way.loss) || took >= timeout {
		ok, took = false, timeout
	}
	p := probe{r.number, d.Token, d.Endpoint, r.starts, ok}
	id := uint32(len(w.probes.slab))
	if n := len(w.probes.free); n > 0 {
		id = w.probes.free[n-1]
		w.probes.free = w.probes.free[:n-1]
		w.probes.slab[id] = p
	} else {
		w.probes.slab = append(w.probes.slab, p)
	}
	w.heap.push(w.now.Add(took), evProbed, id, 0)
}

// probed reports how a probe ended to the router that sent it, if that still runs.
func (w *world) probed(id uint32) {
	p := w.probes.slab[id]
	w.probes.free = append(w.probes.free, id)
	if r := &w.routers[p.router]; r.core != nil && r.starts == p.born {
		w.ev = core.Event{Kind: core.Probed, Endpoint: p.endpoint, Token: p.token, OK: p.ok}
		r.apply(&w.ev)
	}
}
