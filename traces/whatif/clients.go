package whatif

import (
	"lockstep/core"
	"lockstep/traces"
)

// Clients that try again are known by the request id, which they keep. The
// recordings say how many of those who were failed came again, by status and by
// how often they had tried, and after how long.

const (
	clientWait  = 60 * core.Second // one who comes later is taken for somebody else
	mostFailed  = 1 << 20          // ids that are remembered at a time
	keptPauses  = 64
	mostTries   = 5
	clientKinds = 6
)

// clients is what the recordings say of them.
type clients struct {
	failed recent[failedClient]
	tries  [clientKinds][mostTries]patience
}

type failedClient struct {
	wall int64
	kind uint8
	try  uint8
}

// patience is what those did who were failed in one way for the nth time.
type patience struct {
	ends, again uint64
	pauses      []core.Duration
}

// recent remembers ids for a while, the last mostFailed of them.
type recent[T any] struct {
	by    map[uint64]T
	order []aged
	head  int
}

type aged struct {
	id uint64
	at int64
}

func (r *recent[T]) get(id uint64) (T, bool) {
	v, ok := r.by[id]
	return v, ok
}

func (r *recent[T]) set(id uint64, at int64, v T) {
	if r.by == nil {
		r.by = map[uint64]T{}
	}
	if _, ok := r.by[id]; !ok {
		r.order = append(r.order, aged{id, at})
	}
	r.by[id] = v
	for r.head < len(r.order) && (r.order[r.head].at < at-2*int64(clientWait) || len(r.by) > mostFailed) {
		delete(r.by, r.order[r.head].id)
		r.head++
	}
	if r.head > len(r.order)/2 {
		r.order = r.order[:copy(r.order, r.order[r.head:])]
		r.head = 0
	}
}

// kindOf sorts an end that a client may try again after; ok is false for one that it is content with.
func kindOf(class core.Class, status uint16) (kind uint8, ok bool) {
	switch {
	case class == core.ClientGone:
		return 0, true // it lost patience
	case status == 429:
		return 1, true
	case status == 503:
		return 2, true
	case status == 502 || status == 504:
		return 3, true
	case status >= 500:
		return 4, true
	case status == 0 || class == core.BrokenBody || class == core.BodyTimeout:
		return 5, true // cut off
	}
	return 0, false
}

// arrived notices who comes again.
func (c *clients) arrived(wall int64, f *traces.Fact) (try uint8) {
	if f.Event.Handle != (core.Handle{}) {
		return 0
	}
	was, ok := c.failed.get(f.Event.Request)
	if !ok || wall-was.wall > int64(clientWait) {
		return 0
	}
	p := &c.tries[was.kind][was.try]
	p.again++
	pause := core.Duration(wall - was.wall)
	if len(p.pauses) < keptPauses {
		p.pauses = append(p.pauses, pause)
	} else if at := below(fold(f.Event.Request, uint64(wall)), p.again); at < keptPauses {
		p.pauses[at] = pause
	}
	return min(was.try+1, mostTries-1)
}

// ended notices who was failed.
func (c *clients) ended(wall int64, request uint64, try uint8, class core.Class, status uint16) {
	if kind, failed := kindOf(class, status); failed {
		c.tries[kind][try].ends++
		c.failed.set(request, wall, failedClient{wall, kind, try})
	}
}

// again draws whether one who was failed comes again, and when.
func (c *clients) again(kind, try uint8, hash uint64) (pause core.Duration, ok bool) {
	p := &c.tries[kind][try]
	if len(p.pauses) == 0 { // nobody was seen to be failed so, or nobody came again
		return 0, false
	}
	if below(hash, p.ends) >= p.again {
		return 0, false
	}
	return p.pauses[below(fold(hash, 1), uint64(len(p.pauses)))], true
}

// follow tells the clients of a fact; requests are told apart by their slots.
func (l *learner) clients(f *traces.Fact, decided []core.Decision) {
	c := &l.samples.clients
	wall := l.origin + int64(f.Time)
	ev := &f.Event
	fresh := ev.Kind == core.Arrive && ev.Handle == (core.Handle{})
	try := uint8(0)
	if fresh {
		try = c.arrived(wall, f)
	}
	retried := false
	for i := range decided {
		d := &decided[i]
		own := fresh && i == len(decided)-1
		switch d.Kind {
		case core.Forward, core.Queued:
			if own {
				l.who = grown(l.who, int(d.Handle.Slot))
				l.who[d.Handle.Slot] = caller{ev.Request, try}
			}
		case core.Retry:
			retried = true
		case core.Reject:
			if own {
				c.ended(wall, ev.Request, try, d.Class, d.Status)
			} else if int(d.Handle.Slot) < len(l.who) {
				w := l.who[d.Handle.Slot]
				c.ended(wall, w.request, w.try, d.Class, d.Status)
			}
		}
	}
	if ev.Kind == core.Finish && !retried && int(ev.Handle.Slot) < len(l.who) {
		w := l.who[ev.Handle.Slot]
		c.ended(wall, w.request, w.try, ev.Class, told(ev.Class, ev.Status, &side{upstream: 200}))
	}
}

// caller is who holds a slot.
type caller struct {
	request uint64
	try     uint8
}

// client is one whose earlier try was failed, on either side.
type client struct {
	recFailed bool
	altEnded  bool
	altFailed bool
	drawn     bool // a retry of it was drawn
	try       uint8
}

// repeats says whether a request that came in the recording is one that was
// tried before, and whether it comes now.
func (e *engine) repeats(q *request) (comes bool) {
	c, ok := e.clients.get(q.hash)
	if !ok || !c.recFailed {
		return true
	}
	e.w.result.Assumed.Repeats++
	q.try = min(c.try+1, mostTries-1)
	if !e.w.options.Retries || c.altEnded && c.altFailed && !c.drawn {
		return true
	}
	e.w.result.Assumed.NotAgain++
	return false
}

// recTriesAgain remembers who was failed in the recording.
func (e *engine) recTriesAgain(q *request) {
	if _, failed := kindOf(q.rec.class, q.rec.status); !failed {
		return
	}
	c, _ := e.clients.get(q.hash)
	c.recFailed, c.try = true, q.try
	if q.alt.state == ended {
		_, c.altFailed = kindOf(q.alt.class, q.alt.status)
		c.altEnded = true
	}
	e.clients.set(q.hash, int64(e.now), c)
}

// triesAgain draws whether a client comes again who is failed now and was not,
// or whose recorded retries do not come.
func (e *engine) triesAgain(q *request) {
	if !e.w.options.Retries || q.inherited {
		return
	}
	c, known := e.clients.get(q.hash)
	kind, failed := kindOf(q.alt.class, q.alt.status)
	c.altEnded, c.altFailed, c.try = true, failed, q.try
	recorded := q.rec.state == ended && !q.modelled
	if recorded {
		_, recorded = kindOf(q.rec.class, q.rec.status)
	}
	if failed && !recorded {
		pause, ok := e.w.samples.clients.again(kind, q.try, fold(e.w.options.Seed, q.hash, uint64(q.try), 7))
		if ok {
			c.drawn = true
			e.schedule(pending{at: e.now.Add(max(1, pause)), kind: pendAgain, again: &repeat{
				key: q.key, id: q.id, hash: q.hash, split: q.split, step: q.step, replayable: q.replayable,
				event: q.event, try: min(q.try+1, mostTries-1),
			}})
		}
	}
	if known || failed {
		e.clients.set(q.hash, int64(e.now), c)
	}
}

// repeat is a client's retry that is to come.
type repeat struct {
	key        string
	id         [2]uint64
	hash       uint64
	split      uint64
	step       uint64
	replayable bool
	event      *core.Event
	try        uint8
}

// comesAgain feeds alt a retry that was drawn.
func (e *engine) comesAgain(p pending) {
	r := p.again
	e.w.result.Assumed.Again++
	q := e.take()
	q.key, q.id, q.hash, q.split, q.step, q.replayable, q.event, q.try = r.key, r.id, r.hash, r.split, r.step, r.replayable, r.event, r.try
	q.at, q.modelled, q.rec.state = p.at, true, ended
	q.worsen(&q.decision, Modelled, "its client tries again, as clients did in the recordings")
	e.comes(p.at, q.event, q)
}
