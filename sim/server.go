package sim

import "lockstep/core"

// server is one backend: a queue in front of workers, and what is wrong with it now.
type server struct {
	model       Backend
	service     sampler
	warm        core.Time // until then it is warming up
	busy        int32
	waiting     int32
	head, tail  int32  // the queue, through call.waiting
	incarnation uint32 // grows at every crash: what it worked on is gone
	sound       bool   // nothing is wrong with it
	refused     bool   // before the last change of faults
	fault       serverFault
}

// serverFault is what is wrong with a server; the zero value is nothing.
type serverFault struct {
	refuse, hang, reset  bool
	healthDown, healthUp bool
	factor               uint32 // of service times, 0 for none
	flaky, broken, stuck uint32 // shares
	status               uint16 // of flaky answers
	body                 core.Duration
}

func (w *world) makeServers() {
	models := make([]Backend, len(w.dir.urls))
	for i := range models {
		models[i] = w.plan.Backend
	}
	for _, o := range w.plan.Backends {
		for e := range w.dir.endpoints {
			if w.dir.match(e, o.Placement, o.Endpoint) {
				models[w.dir.servers[e]] = o.Backend
			}
		}
	}
	for _, m := range models {
		w.servers = append(w.servers, server{model: m, service: newSampler(&m.Service, w.log), head: -1, tail: -1, sound: true})
	}
}

// serverIn is the arrival of a call at its server.
func (w *world) serverIn(id uint32) {
	c := &w.calls.slab[id]
	s := &w.servers[w.dir.servers[c.endpoint]]
	switch {
	case s.fault.refuse:
		w.reply(id, c, core.ConnectRefused, 0)
		return
	case s.fault.reset, w.poison(c):
		c.sent = true
		w.reply(id, c, core.ResetBeforeResponse, 0)
		return
	case s.fault.hang:
		w.forget(id, c)
		return
	}
	c.sent = true
	if s.model.Workers == 0 {
		w.workAlone(id, c, s, w.now)
		return
	}
	if s.busy < int32(s.model.Workers) {
		w.work(id, c, s)
		return
	}
	if s.model.Queue > 0 && s.waiting >= int32(s.model.Queue) {
		w.reply(id, c, core.ClassNone, 503)
		return
	}
	w.result.Sometimes.add(SawQueued)
	c.waiting = -1
	if s.tail >= 0 {
		w.calls.slab[s.tail].waiting = int32(id)
	} else {
		s.head = int32(id)
	}
	s.tail = int32(id)
	s.waiting++
}

// workAlone starts work that waits for nobody, at a time from now on, and
// returns when the answer is back.
func (w *world) workAlone(id uint32, c *call, s *server, at core.Time) core.Time {
	c.sent, c.incarnation = true, s.incarnation
	way := w.link(uint32(c.router), c.endpoint)
	until := at.Add(w.workTime(c, s, at) + way.cross(draw(c.root, drawLinkBack)))
	w.heap.push(until, evAnswer, id, 0)
	return until
}

// workTime is how long a worker that begins at a time needs for a call.
func (w *world) workTime(c *call, s *server, at core.Time) core.Duration {
	d := s.service.draw(draw(c.root, drawService))
	m := &s.model
	if load := int(s.busy + s.waiting); m.Knee > 0 && load > m.Knee {
		d = portion(d, million+uint64(load-m.Knee)*uint64(m.Strain), million)
	}
	if at < s.warm {
		cold := uint64(m.Cold)
		if cold == 0 {
			cold = 10 * million
		}
		d += portion(portion(d, cold-million, million), uint64(s.warm.Sub(at)), uint64(m.Warmup))
	}
	if s.fault.factor > 0 {
		d = scale(d, s.fault.factor)
	}
	return d
}

// answer is the arrival of a response from a server without a queue, whose work
// and way back are one event. Whatever broke meanwhile stops it.
func (w *world) answer(id uint32) {
	c := &w.calls.slab[id]
	s := &w.servers[w.dir.servers[c.endpoint]]
	way := w.link(uint32(c.router), c.endpoint)
	if c.incarnation != s.incarnation || s.fault.hang || way.cut&back != 0 {
		w.forget(id, c)
		return
	}
	if c.phase == callWaiting {
		c.class, c.status = core.ClassNone, s.status(c)
	}
	w.headers(id)
}

// work puts a worker on a call.
func (w *world) work(id uint32, c *call, s *server) {
	s.busy++
	c.incarnation = s.incarnation
	w.heap.push(w.now.Add(w.workTime(c, s, w.now)), evServed, id, 0)
}

// served is a worker's end with a call; it takes the next in line.
func (w *world) served(id uint32) {
	c := &w.calls.slab[id]
	s := &w.servers[w.dir.servers[c.endpoint]]
	if c.incarnation != s.incarnation {
		w.forget(id, c)
		return
	}
	s.busy--
	if s.head >= 0 {
		next := uint32(s.head)
		n := &w.calls.slab[next]
		if s.head = n.waiting; s.head < 0 {
			s.tail = -1
		}
		s.waiting--
		w.work(next, n, s)
	}
	if s.fault.hang {
		w.forget(id, c)
		return
	}
	w.reply(id, c, core.ClassNone, s.status(c))
}

// status draws the status of a response.
func (s *server) status(c *call) uint16 {
	if s.model.Flaky == 0 && s.fault.flaky == 0 {
		return 200
	}
	h := draw(c.root, drawFlaky)
	switch {
	case happens(h, s.fault.flaky):
		return s.fault.status
	case happens(finalise(h), s.model.Flaky):
		return 500
	}
	return 200
}

// reply sends the server's answer, or the lack of one, back to the router.
func (w *world) reply(id uint32, c *call, class core.Class, status uint16) {
	way := w.link(uint32(c.router), c.endpoint)
	if way.cut&back != 0 || c.phase != callWaiting {
		w.forget(id, c)
		return
	}
	c.class, c.status = class, status
	w.heap.push(w.now.Add(way.cross(draw(c.root, drawLinkBack))), evHeaders, id, 0)
}

// forget ends the server's half of a call without an answer.
func (w *world) forget(id uint32, c *call) {
	c.atServer = false
	w.calls.release(id)
}

// body says how long a response's body flows and how it ends.
func (w *world) body(c *call) (flow core.Duration, class core.Class) {
	s := &w.servers[w.dir.servers[c.endpoint]]
	flow = s.model.Body
	if s.fault.body > 0 {
		flow = s.fault.body
	}
	if s.fault.broken == 0 && s.fault.stuck == 0 {
		return flow, core.ClassNone
	}
	h := draw(c.root, drawBody)
	switch {
	case happens(h, s.fault.broken):
		w.result.Sometimes.add(SawBrokenBody)
		return flow / 2, core.BrokenBody
	case happens(finalise(h), s.fault.stuck):
		return w.timeouts[c.timeouts].BodyIdle, core.BodyTimeout
	}
	return flow, core.ClassNone
}

// crash loses everything that a server worked on or had in line.
func (w *world) crash(s *server) {
	s.incarnation++
	s.busy = 0
	for s.head >= 0 {
		id := uint32(s.head)
		c := &w.calls.slab[id]
		s.head = c.waiting
		w.forget(id, c)
	}
	s.tail, s.waiting = -1, 0
}
