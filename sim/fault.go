package sim

import "lockstep/core"

// fault begins or ends fault i. What holds of servers and links is worked out
// anew from all faults that are active, so that overlapping ones compose.
func (w *world) fault(i uint32, over bool) {
	f := &w.plan.Faults[i]
	w.applyFaults()
	if f.Kind >= Crash {
		for n := range w.routers {
			if f.Router == 0 || f.Router == n+1 {
				w.routerFault(f, uint32(n), over)
			}
		}
		w.balance()
		return
	}
	if over {
		return
	}
	switch f.Kind {
	case Refuse:
		hit := make([]bool, len(w.servers))
		for e := range w.dir.endpoints {
			if n := w.dir.servers[e]; w.dir.match(e, f.Placement, f.Endpoint) && !hit[n] {
				hit[n] = true
				w.crash(&w.servers[n])
			}
		}
		w.cutCalls(func(c *call) bool { return hit[w.dir.servers[c.endpoint]] })
	case ResetAll:
		w.cutCalls(func(c *call) bool {
			return (f.Router == 0 || f.Router == int(c.router)+1) && w.dir.match(int(c.endpoint), f.Placement, f.Endpoint)
		})
	}
}

// applyFaults sets every server and link to what the active faults make of it.
func (w *world) applyFaults() {
	for i := range w.servers {
		s := &w.servers[i]
		s.refused, s.fault = s.fault.refuse, serverFault{}
	}
	w.links, w.nextChange = w.links[:0], core.Never
	for i := range w.plan.Faults {
		f := &w.plan.Faults[i]
		for _, at := range [...]core.Time{f.At, f.until(core.Never)} {
			if at > w.now {
				w.nextChange = min(w.nextChange, at)
			}
		}
		if w.now < f.At || w.now >= f.until(core.Never) || f.Kind >= Crash {
			continue
		}
		for e := range w.dir.endpoints {
			if w.dir.match(e, f.Placement, f.Endpoint) {
				w.servers[w.dir.servers[e]].fault.add(f)
				w.linkFault(f, int(w.dir.servers[e]))
			}
		}
	}
	for i := range w.servers {
		s := &w.servers[i]
		s.sound = s.fault == serverFault{}
		if s.refused && !s.fault.refuse && s.model.Warmup > 0 {
			s.warm = w.now.Add(s.model.Warmup)
		}
	}
}

func (s *serverFault) add(f *Fault) {
	switch f.Kind {
	case Refuse:
		s.refuse = true
	case Hang:
		s.hang = true
	case Slow:
		s.factor = f.Factor
	case Flaky:
		s.flaky, s.status = f.Share, f.Status
	case BrokenBody:
		s.broken = f.Share
	case SlowBody:
		s.body = f.Delay
	case StuckBody:
		s.stuck = f.Share
	case ResetNew:
		s.reset = true
	case HealthDown:
		s.healthDown = true
	case HealthUp:
		s.healthUp = true
	}
}

func (w *world) linkFault(f *Fault, server int) {
	switch f.Kind {
	case Delayed, Lossy, Partition, PartitionOut, PartitionBack:
	default:
		return
	}
	if len(w.links) == 0 {
		for range len(w.routers) * len(w.servers) {
			w.links = append(w.links, w.way)
		}
	}
	for r := range w.routers {
		if f.Router != 0 && f.Router != r+1 {
			continue
		}
		l := &w.links[r*len(w.servers)+server]
		switch f.Kind {
		case Delayed:
			l.latency = w.way.latency + f.Delay
		case Lossy:
			l.loss = f.Share
		case Partition:
			l.cut = outward | back
		case PartitionOut:
			l.cut, l.pooled = l.cut|outward, f.Share
		case PartitionBack:
			l.cut, l.pooled = l.cut|back, f.Share
		}
	}
}

// routerFault begins or ends a fault of router n or of its way to the control plane.
func (w *world) routerFault(f *Fault, n uint32, over bool) {
	r := &w.routers[n]
	switch {
	case f.Kind == Silence && over && f.Spread > 0:
		root := fold(fold(w.plan.Seed, uint64(drawReconnect)), uint64(n))
		w.heap.push(w.now.Add(core.Duration(below(fold(root, uint64(f.At)), uint64(f.Spread)))), evBack, n, 0)
	case f.Kind == Silence:
		w.control(n, over)
	case f.Kind == Drain && !over && r.core != nil:
		r.draining = true
		w.ev = core.Event{Kind: core.Drain, Deadline: f.until(w.length).Add(r.clock.ahead)}
		r.apply(&w.ev)
	case f.Kind == Crash && !over && r.core != nil:
		r.stop()
		r.core = nil
		w.loseCalls(n)
	case (f.Kind == ClockAhead || f.Kind == ClockBehind) && w.plan.WallClock && r.core != nil:
		leap := f.Delay
		if over != (f.Kind == ClockBehind) {
			leap = -leap
		}
		r.clock.ahead += leap
	case f.Kind == Crash && over && r.core == nil && r.starts > 0:
		w.result.Sometimes.add(SawRestart)
		if r.disk.push >= 0 {
			w.result.Sometimes.add(SawRestartPushed)
		}
		w.startRouter(n, r.disk, core.OriginDisk)
		w.reconnect(n)
	}
}

// join starts router n for the first time, in the middle of the run.
func (w *world) join(n uint32) {
	w.startRouter(n, w.file(), core.OriginFile)
	w.reconnect(n)
	w.balance()
}

// loseCalls ends what a crashed router had in flight; its clients see a reset.
func (w *world) loseCalls(n uint32) {
	for _, id := range w.inRouter(n) {
		c := &w.calls.slab[id]
		w.leaveLine(c)
		w.tallyLost(c)
		c.phase = callEnded
		w.answered(id, c, core.Internal, 0)
	}
}
