package calibrate

import (
	"cmp"
	"maps"
	"slices"

	"lockstep/core"
	"lockstep/sim"
	"lockstep/traces"
)

// Learner collects what a model is made of while recordings are read. Its
// memory is bounded by the number of placements and endpoints, and by mostKeys
// routing keys of each group of requests.
type Learner struct {
	Seen Measures // of what was recorded

	groups    map[group]*crowd
	endpoints map[Endpoint]*witness
	order     []Endpoint // in which they were first seen
	pushes    []push
	drained   map[int]core.Time // by router: its first drain
	last      core.Time
	forgotten uint64 // requests of keys beyond mostKeys
}

// group is requests that a plan can send alike.
type group struct {
	router   int
	via      uint16
	home     string
	method   core.Method
	priority uint8
	refused  core.Class // no_key, unknown_key or body_too_large; else none
}

func groupOf(q *Request) group {
	g := group{router: q.Router, via: q.Via, home: q.Home, method: q.Method, priority: q.Priority}
	switch q.Class {
	case core.NoKey, core.UnknownKey, core.BodyTooLarge:
		g.refused = q.Class
	}
	return g
}

// crowd is what the requests of a group were: by key, and when.
type crowd struct {
	length int64 // the longest body
	keys   map[string]*Timeline
	rest   Timeline      // of keys beyond mostKeys
	gaveUp sim.Histogram // how long clients had waited who went
}

// mostKeys is how many keys of a group are told apart.
const mostKeys = 1024

// push is a configuration that a router was offered.
type push struct {
	at     core.Time
	router int
	event  core.Event
	ack    bool
}

// NewLearner returns a learner that has seen nothing.
func NewLearner() *Learner {
	return &Learner{
		Seen: *NewMeasures(), groups: map[group]*crowd{}, endpoints: map[Endpoint]*witness{}, drained: map[int]core.Time{},
	}
}

// Arrived is part of Sink.
func (l *Learner) Arrived(q *Request) {
	l.last = max(l.last, q.At)
	switch {
	case l.afterDrain(q):
		return
	case q.Class.ByEdge() || q.Class == core.NotReady:
		return
	}
	g := groupOf(q)
	c := l.groups[g]
	if c == nil {
		c = &crowd{keys: map[string]*Timeline{}}
		l.groups[g] = c
	}
	c.length = max(c.length, q.Length)
	t := c.keys[q.Key]
	if t == nil {
		if t = &c.rest; len(c.keys) < mostKeys {
			t = &Timeline{}
			c.keys[q.Key] = t
		} else {
			l.forgotten++
		}
	}
	t.Add(q.At, 1)
}

// Ended is part of Sink.
func (l *Learner) Ended(q *Request) {
	l.last = max(l.last, q.End)
	if l.afterDrain(q) {
		return
	}
	l.Seen.Ended(q)
	if q.Class == core.ClientGone {
		if c := l.groups[groupOf(q)]; c != nil {
			c.gaveUp.Add(q.End.Sub(q.At))
		}
	}
}

func (l *Learner) afterDrain(q *Request) bool {
	at, drained := l.drained[q.Router]
	return drained && q.At >= at
}

// Attempted is part of Sink.
func (l *Learner) Attempted(a *Attempt) { l.witness(a.Endpoint).attempt(a) }

// Probed is part of Sink.
func (l *Learner) Probed(at core.Time, e Endpoint, ok bool) { l.witness(e).probe(at, ok) }

func (l *Learner) witness(e Endpoint) *witness {
	w := l.endpoints[e]
	if w == nil {
		w = &witness{}
		l.endpoints[e] = w
		l.order = append(l.order, e)
	}
	return w
}

// Adopted is part of Sink.
func (l *Learner) Adopted(at core.Time, router int, ev *core.Event, answer *core.Decision) {
	l.pushes = append(l.pushes, push{at, router, *ev, answer.Kind == core.Ack})
}

// Draining is part of Sink.
func (l *Learner) Draining(at core.Time, router int) {
	if _, drained := l.drained[router]; !drained {
		l.drained[router] = at
	}
}

// Model is what was learnt.
type Model struct {
	Plan sim.Plan
	// Assumed says, one sentence each, what the model takes for granted, and Left
	// what was seen and is not in it.
	Assumed, Left []string
}

// Model makes a plan of what was seen. start is the configuration in force when
// the first recording begins, nil for none yet; length is how long the
// recordings are together, from the plan's time 0, routers how many there are.
func (l *Learner) Model(name string, start *core.Config, epoch core.Epoch, routers int, length core.Duration) Model {
	m := Model{Plan: sim.Plan{Name: name, Length: length, Window: max(length/100, core.Second), Routers: routers, Epoch: epoch}}
	l.configure(&m, start)
	l.traffic(&m)
	l.servers(&m)
	l.leave(&m)
	return m
}

// configure gives the plan its configuration, and what was pushed later. What a
// router adopted before the first request is where the plan begins.
func (l *Learner) configure(m *Model, start *core.Config) {
	first := core.Never
	for _, c := range l.groups {
		for _, t := range c.keys {
			first = min(first, core.Time(t.Width)*core.Time(max(0, slices.IndexFunc(t.Bins, func(n uint32) bool { return n > 0 }))))
		}
	}
	slices.SortStableFunc(l.pushes, func(a, b push) int { return cmp.Compare(a.at, b.at) })
	if start != nil {
		m.Plan.Spec = traces.SpecOf(start)
	}
	for i := range l.pushes {
		x := &l.pushes[i]
		c := x.event.Config
		switch {
		case c == nil:
			m.Plan.Pushes = append(m.Plan.Pushes, sim.Push{At: x.at, Router: x.router, NoDisk: x.event.Fault == core.FaultNotPersisted})
		case start == nil || x.at <= first:
			if x.ack {
				start, m.Plan.Epoch = c, x.event.Epoch
				m.Plan.Spec = traces.SpecOf(c)
			}
		default:
			spec := traces.SpecOf(c)
			m.Plan.Pushes = append(m.Plan.Pushes, sim.Push{
				At: x.at, Router: x.router, Spec: &spec, Epoch: x.event.Epoch, Deliberate: x.event.Deliberate,
				NoDisk: x.event.Fault == core.FaultNotPersisted,
			})
		}
	}
}

// leave says what was seen and is not in the model.
func (l *Learner) leave(m *Model) {
	left := func(n uint64, one, more string) {
		if n > 0 {
			m.Left = append(m.Left, counted(n, one, more))
		}
	}
	const apart = " whose end says nothing of the rules: refused by the edge, or by a router that drained or had no configuration"
	left(l.Seen.Apart, "request"+apart, "requests"+apart)
	const beyond = " of keys beyond the first 1,024 of their placement: sent with those keys"
	left(l.forgotten, "request"+beyond, "requests"+beyond)
	left(uint64(len(l.drained)), "router drained: what it was sent from then on is not sent", "routers drained: what they were sent from then on is not sent")
	m.Assumed = append(m.Assumed,
		"an endpoint takes as long as it took, however much it has to do",
		"clients send whatever becomes of their requests; what they sent again is in the rates; those of a group all wait as long as half of those who gave up did",
	)
}

// sorted returns the groups in an order that does not depend on maps.
func (l *Learner) sorted() []group {
	return slices.SortedFunc(maps.Keys(l.groups), func(a, b group) int {
		return cmp.Or(cmp.Compare(a.router, b.router), cmp.Compare(a.via, b.via), cmp.Compare(a.home, b.home),
			cmp.Compare(a.method, b.method), cmp.Compare(a.priority, b.priority), cmp.Compare(a.refused, b.refused))
	})
}
