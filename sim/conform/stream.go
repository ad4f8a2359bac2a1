package conform

import (
	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// A stream is raw events straight at core.Router.Step: what an edge sends, and
// what none would. Its mixture, pace and size are drawn once a case, so that
// cases differ in more than their luck.
type stream struct {
	*dice
	mix mixture
	r   *core.Router
	q   *traces.Question // nil while the recorder misses what happens
	now core.Time

	specs   specs
	last    core.Spec // of the newest configuration
	configs []*core.Config
	keys    []string

	live    []core.Handle // attempts that have not ended
	ended   []core.Handle // some of those that have
	waiting []core.Handle // requests that wait, or did
	who     []sender      // by slot
	probes  []core.Decision
	stale   []core.Handle

	ev     core.Event
	req    loop.Request
	out    []core.Decision
	step   uint64 // of the next fact
	ids    uint64
	marked int // facts since the last mark

	complete bool // nothing is left out of the recording
	closing  bool // the end is near: a drain may come, after which nobody is admitted
}

// sender is what is known of the request in a slot.
type sender struct {
	loop.Request
	split, prefer uint64
	via           uint16
}

// mixture is the character of a case.
type mixture struct {
	weights   [kinds]uint64
	total     uint64
	pace      uint64 // ns between events, on average
	crowd     int    // attempts in flight from which on more of them end
	failing   uint64 // in 16: attempts that fail
	garbage   uint64 // one event in so many is out of any order
	forgetful uint64 // one in so many times who waits is not matched again in time
	markEvery int
	joinEvery uint64
	gapEvery  uint64
	drains    bool
	repeats   bool // request ids come again
	epochs    bool // pushes carry epochs
}

// What a stream does next.
const (
	doArrive = iota
	doFinish
	doReply
	doProbed
	doAdopt
	doAgain
	doControl
	doDrain
	doTick
	doNothingKnown
	kinds
)

func drawMixture(d *dice) mixture {
	m := mixture{
		pace:    pick(d, 0, 1, 1000, uint64(core.Millisecond), uint64(10*core.Millisecond), uint64(100*core.Millisecond), uint64(core.Second)),
		crowd:   pick(d, 3, d.between(5, 40), d.between(20, 200), d.between(40, 400)),
		failing: pick[uint64](d, 0, 1, 4, 8, 15), garbage: pick[uint64](d, 8, 64, 512, 1<<40), forgetful: pick[uint64](d, 2, 16, 1<<40),
		markEvery: pick(d, 1, 16, 64, 256, 1024), joinEvery: pick[uint64](d, 64, 1024, 8192, 1<<40, 1<<40), gapEvery: pick[uint64](d, 500, 1<<40, 1<<40, 1<<40),
		drains: d.oneIn(4), repeats: d.oneIn(3), epochs: d.oneIn(2),
	}
	m.weights = [kinds]uint64{
		doArrive: pick[uint64](d, 300, 600), doFinish: pick[uint64](d, 200, 500), doReply: pick[uint64](d, 5, 60, 200), doProbed: pick[uint64](d, 20, 150),
		doAdopt: pick[uint64](d, 0, 1, 5, 40), doAgain: pick[uint64](d, 0, 5, 60), doControl: 1, doTick: pick[uint64](d, 0, 30), doNothingKnown: 1,
	}
	if m.drains {
		m.weights[doDrain] = 4
	}
	for _, w := range m.weights {
		m.total += w
	}
	return m
}

// newStream draws a case whose router has taken no step.
func newStream(seed uint64) *stream {
	d := throw(seed, purposeStream)
	s := &stream{dice: d, mix: drawMixture(d), specs: specs{dice: d, large: d.oneIn(8)}, step: 1}
	spec, c := s.specs.valid()
	s.last, s.configs = spec, []*core.Config{c}
	for range d.between(0, 3) {
		spec, c = s.specs.next(spec)
		s.configs = append(s.configs, c)
	}
	s.last = spec
	s.learnKeys()
	s.r = core.New(core.Options{Seed: pick(d, d.word(), d.word(), 1, 0, 1<<64-1)})
	if d.oneIn(16) {
		s.now = 1<<62 - core.Time(d.below(uint64(1000*core.Second))) // the end of time is near
	}
	return s
}

// learnKeys collects keys that mean something, and some that do not.
func (s *stream) learnKeys() {
	s.keys = append(s.keys[:0], "", "nobody", "another stranger")
	s.keys = append(s.keys, pick(s.dice, oddKeys()...), pick(s.dice, oddKeys()...))
	for _, c := range s.configs {
		for t := range c.Tables() {
			n := c.TableKeys(t)
			for range min(n, 200) {
				key, _ := c.TableKey(t, s.between(0, n-1))
				s.keys = append(s.keys, key, key, key)
			}
		}
	}
}

// maxBytes ends a stream early whose steps decide very much, or whose state is
// large and asked for often.
const maxBytes = 4 << 20

// run makes so many events.
func (s *stream) run(events int) {
	s.adopt()
	for i := range events {
		if s.q != nil && s.q.Len() > maxBytes {
			return
		}
		s.closing = i > events-events/8
		s.pass()
		s.do()
		if s.mix.gapEvery != 1<<40 && s.oneIn(s.mix.gapEvery) {
			s.gap()
		}
		if s.q != nil && s.oneIn(s.mix.joinEvery) {
			s.q.Join()
		}
	}
}

// gap makes steps that the recorder misses; now and then the process hands its
// router to a successor meanwhile.
func (s *stream) gap() {
	q, from := s.q, s.step
	if q == nil {
		return
	}
	if !s.complete {
		s.q = nil
	}
	for n := s.between(1, 40); n > 0 || s.step == from; n-- { // a gap of no step is none
		s.pass()
		s.do()
	}
	succeeds := s.oneIn(4)
	if succeeds {
		s.r.Succeed()
	}
	if s.oneIn(2) {
		if twin, err := core.Restore(s.r.Snapshot(nil), s.r.Config(), false); err == nil {
			s.r = twin
		}
	}
	s.q = q
	switch {
	case s.complete && !succeeds:
		q.Continue(s.r)
		return
	case s.complete:
		from = s.step // no step is missing, but the state is another
		s.step++
	}
	s.marked = 0
	q.Gap(traces.Gap{Step: from, Steps: s.step - from, Blocks: 1, Why: "the recorder could not keep up"}, s.r)
}

// pass lets time go by: mostly as the pace says, often to where something is due.
func (s *stream) pass() {
	switch s.below(24) {
	case 0, 1:
		if d := s.r.Deadline(); d != core.Never {
			s.now = max(s.now, d+core.Time(s.between(-1, 1)))
		}
	case 2:
		s.now += core.Time(s.below(uint64(20*core.Second) + 1))
	case 3:
		s.now += core.Time(s.below(s.mix.pace*50 + 1))
	case 4:
		if s.oneIn(200) {
			s.now += core.Time(s.magnitude() >> 2)
		}
	case 5, 6, 7, 8: // at the same time
	default:
		s.now += core.Time(s.below(2*s.mix.pace + 1))
	}
	s.now = min(s.now, 1<<62)
}

// feed makes one step, records it and learns from it.
func (s *stream) feed() {
	var req *loop.Request
	if s.ev.Kind == core.Arrive {
		req = &s.req
		s.ev.Request = core.RequestHash(req.ID[0], req.ID[1])
		s.ev.Route = traces.RouteOf(s.r.Config(), req.Key, &s.ev)
	}
	s.out = s.r.Step(s.now, &s.ev, s.out[:0])
	s.step++
	if s.q != nil {
		s.q.Observe(s.r.Now(), &s.ev, req, s.out)
		if s.marked++; s.marked >= s.mix.markEvery {
			s.q.Mark()
			s.marked = 0
		}
	}
	for i := range s.out {
		s.learn(&s.out[i])
	}
}

func (s *stream) learn(d *core.Decision) {
	switch d.Kind {
	case core.Forward:
		s.live = append(s.live, d.Handle)
		s.remember(d.Handle)
	case core.Queued:
		s.waiting = append(s.waiting, d.Handle)
		s.remember(d.Handle)
	case core.Retry:
		s.waiting = append(s.waiting, d.Handle)
	case core.Probe:
		s.probes = append(s.probes, *d)
	}
}

// remember keeps who has a slot; of one that waited it is known already.
func (s *stream) remember(h core.Handle) {
	if s.ev.Kind != core.Arrive || s.ev.Handle != (core.Handle{}) {
		return
	}
	for int(h.Slot) >= len(s.who) {
		s.who = append(s.who, sender{})
	}
	s.who[h.Slot] = sender{s.req, s.ev.Split, s.ev.Prefer, s.ev.Via}
}
