package accesslog

import (
	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// machine is a router on the clock of a log: it decides what was logged, and
// each attempt ends as the log says of that endpoint.
type machine struct {
	loop    *loop.Loop
	config  *core.Config
	targets *targets
	now     core.Time
	armed   core.Time // the loop's timer
	due     []duty    // a heap
	seq     uint64
	bySlot  []*flight // those in flight or waiting
	index   []int     // of endpoint numbers in the configuration
	room    []int     // of placement numbers
	health  []evidence
	free    []*flight
	arrive  core.Event
	finish  core.Event
	request loop.Request
	done    func(*flight) // is told of each request that is over
	counts  Outcomes
}

// Outcomes counts the attempts that the router made, by how their end is known.
type Outcomes struct {
	Attempts int `json:"attempts"`
	// Logged ended as the log says of that very endpoint and request.
	Logged int `json:"as_logged"`
	// Assumed were sent where the other router did not send that request: they end as
	// the last attempt at that endpoint in the log did, or else well.
	Assumed int `json:"assumed"`
	// Probes are active health checks, of which logs say nothing.
	Probes       int `json:"health_checks"`
	ProbesFailed int `json:"health_checks_failed"`
}

// flight is one request on its way.
type flight struct {
	e      *Entry
	found  found
	first  decided // where the router sent it at first
	last   decided // and in the end
	used   int     // how many attempts of the log have been spent
	refuse core.Decision
}

// decided is one forward, -1 for none.
type decided struct {
	placement, endpoint int // indexes in the configuration
	failover            core.Failover
	reason              core.Reason
}

var undecided = decided{placement: -1, endpoint: -1}

// evidence is how the last attempts at an endpoint went, in the log.
type evidence struct {
	at     core.Time  // when it ended
	class  core.Class // of the last
	status uint16
	run    int // how many in a row failed
	// awaited is how many failures are known to come.
	awaited int
}

// evidenceLasts is for how long one failure alone says something of what follows.
const evidenceLasts = 10 * core.Second

// failed reports whether a class means that the endpoint did not serve.
func failed(c core.Class) bool {
	return c >= core.FirstFailure && c <= core.LastFailure && c != core.BrokenBody && c != core.BodyTimeout
}

// unanswered reports whether it gave no answer at all, as one does that is down.
func unanswered(c core.Class) bool { return failed(c) && c != core.Upstream5xx }

// failing reports how an endpoint fails at a time, ClassNone if it is thought not
// to. Two failures in a row hold until an attempt goes well: the other router
// may have stopped asking. One answer of 500 and above may be of its request alone.
func (v *evidence) failing(now core.Time) core.Class {
	if v.run == 0 || v.run == 1 && (now.Sub(v.at) > evidenceLasts || !unanswered(v.class)) {
		return core.ClassNone
	}
	return v.class
}

// see takes in one attempt that has ended.
func (v *evidence) see(d *duty) {
	v.at, v.class, v.status = d.at, d.class, d.status
	if !failed(d.class) {
		v.run = 0
		return
	}
	v.run++
	v.awaited--
}

// newMachine puts a configuration in force at time 0.
func newMachine(c *core.Config, t *targets, seed uint64, observe func(*core.Router) loop.Observer) *machine {
	m := &machine{config: c, targets: t, armed: core.Never, health: make([]evidence, c.Endpoints())}
	r := core.New(core.Options{Seed: seed})
	r.Reserve(c, 1024)
	var observer loop.Observer
	if observe != nil {
		observer = observe(r)
	}
	m.loop = loop.New(r, m, m, observer, nil)
	m.loop.Adopt(&core.Event{Kind: core.Adopt, Config: c, Origin: core.OriginFile})
	m.loop.MatchAgain()
	m.index, m.room = make([]int, r.Endpoints()), make([]int, r.Placements())
	for i := range c.Endpoints() {
		m.index[r.EndpointNumber(i)] = i
	}
	for i := range c.Placements() {
		m.room[r.PlacementNumber(i)] = i
	}
	return m
}

// Now, NewTimer, Reset and Stop are loop.Clock and its one timer.
func (m *machine) Now() core.Time             { return m.now }
func (m *machine) NewTimer(func()) loop.Timer { return m }
func (m *machine) Reset(at core.Time)         { m.armed = at }
func (m *machine) Stop()                      { m.armed = core.Never }

// duty is something that will happen.
type duty struct {
	at       core.Time
	seq      uint64
	kind     dutyKind
	handle   core.Handle // of our attempt
	endpoint int32       // the router's number of a health check; the index of a logged attempt
	token    uint32
	class    core.Class
	status   uint16
	ok       bool
}

type dutyKind uint8

const (
	attemptEnds dutyKind = iota // ours
	checkEnds                   // a health check of ours
	loggedEnds                  // an attempt of the other router: what it says of the endpoint is known from then on
)

func (d *duty) before(o *duty) bool { return d.at < o.at || d.at == o.at && d.seq < o.seq }

func (m *machine) schedule(d duty) {
	m.seq++
	d.seq = m.seq
	push(&m.due, d)
}

// Deliver is loop.Transport: what is decided without anybody waiting for it.
func (m *machine) Deliver(d *core.Decision) {
	switch d.Kind {
	case core.Probe:
		m.counts.Probes++
		ok := !unanswered(m.health[m.index[d.Endpoint]].failing(m.now))
		if !ok {
			m.counts.ProbesFailed++
		}
		m.schedule(duty{kind: checkEnds, at: m.now.Add(core.Millisecond), endpoint: d.Endpoint, token: d.Token, ok: ok})
	case core.Forward:
		m.start(m.flightOf(d.Handle), d)
	case core.Reject:
		if f := m.flightOf(d.Handle); f != nil {
			m.bySlot[d.Handle.Slot] = nil
			f.refuse = *d
			m.end(f)
		}
	}
}

// Of a time in which nothing is under way only the begin and the end are played
// when it is long: a log may pause for a night, and a wrong date make it a century.
const (
	longIdle = 600 * core.Second
	endsOf   = 60 * core.Second
)

// until lets everything happen that is due before or at a time.
func (m *machine) until(t core.Time) {
	r := m.loop.Router()
	for t.Sub(m.now) > longIdle {
		to := m.now.Add(endsOf)
		m.play(to)
		m.now = max(m.now, to)
		if r.InFlight() == 0 && r.Waiting() == 0 {
			m.now = max(m.now, t.Add(-endsOf))
		}
	}
	m.play(t)
}

// play is until without a pause left out.
func (m *machine) play(t core.Time) {
	for {
		next := m.armed
		if len(m.due) > 0 {
			next = min(next, m.due[0].at)
		}
		if next > t {
			return
		}
		m.now = max(m.now, next)
		if len(m.due) == 0 || m.armed <= m.due[0].at {
			m.armed = core.Never // Wake arms it again, if there is a deadline
			m.loop.Wake()
			continue
		}
		switch d := pop(&m.due); d.kind {
		case attemptEnds:
			m.over(&d)
		case checkEnds:
			m.loop.Apply(&core.Event{Kind: core.Probed, Endpoint: d.endpoint, Token: d.token, OK: d.ok})
		case loggedEnds:
			m.health[d.endpoint].see(&d)
		}
	}
}

// admit lets a request arrive.
func (m *machine) admit(at core.Time, e *Entry, how found, seq uint64) {
	m.until(at)
	m.now = max(m.now, at)
	f := m.newFlight()
	*f = flight{e: e, found: how, first: undecided, last: undecided}
	m.request = loop.Request{Key: how.key, ID: idOf(e, seq)}
	hash := core.RequestHash(m.request.ID[0], m.request.ID[1])
	ev := &m.arrive
	*ev = core.Event{
		Kind: core.Arrive, Epoch: m.loop.Router().Epoch(), Request: hash, Method: methodOf(e.Method), Source: how.source,
		Priority: how.priority, Via: how.via, Split: how.split, Length: e.Received,
	}
	if ev.Length < 0 && ev.Method == core.MethodSafe {
		ev.Length = 0
	}
	ev.Replayable = ev.Length == 0
	ev.Route = m.match(how, hash)
	ev.Prefer = m.prefers(e)
	m.learn(e)
	d := m.loop.Arrive(ev, &m.request)
	switch d.Kind {
	case core.Forward:
		m.start(f, d)
	case core.Queued:
		m.keep(d.Handle, f)
	default:
		f.refuse = *d
		m.end(f)
	}
}

func (m *machine) match(how found, hash uint64) core.Route {
	if how.refuse != core.ClassNone {
		return core.Route{Placement: -1, Refuse: how.refuse}
	}
	split := how.split
	if split == 0 {
		split = hash
	}
	route, _ := m.config.MatchVia(how.via, how.key, split)
	return route
}

// prefers is the endpoint that the other router chose, as a sticky cookie would
// name it. Only placements with sticky read it: those that Import makes itself.
func (m *machine) prefers(e *Entry) uint64 {
	if len(e.Attempts) == 0 {
		return 0
	}
	p := m.targets.find(&e.Attempts[0])
	if len(p.endpoints) != 1 || m.config.Placement(p.placements[0]).Sticky.Cookie == "" {
		return 0
	}
	return m.config.EndpointID(p.endpoints[0])
}

// learn keeps how the attempts of a logged request went, each from its end on:
// in the order of arrivals a failure may stand before successes that ended sooner.
func (m *machine) learn(e *Entry) {
	end := m.now
	for i := range e.Attempts {
		a := &e.Attempts[i]
		end = end.Add(core.Duration(max(0, a.Took)))
		for _, n := range m.targets.find(a).endpoints {
			switch v := &m.health[n]; {
			case failed(a.Class):
				v.awaited++
			case v.run == 0 && v.awaited == 0:
				continue // it changes nothing
			}
			m.schedule(duty{kind: loggedEnds, at: end, endpoint: int32(n), class: a.Class, status: a.Status})
		}
	}
}

// notice takes in what the other router says of a server.
func (m *machine) notice(at core.Time, e *Entry) {
	m.until(at)
	for _, n := range m.targets.find(&Attempt{Upstream: e.Server}).endpoints {
		v := &m.health[n]
		v.run = 0
		if !e.Up {
			v.at, v.class, v.run = at, core.ConnectRefused, 2
		}
	}
}

func (m *machine) newFlight() *flight {
	if n := len(m.free); n > 0 {
		f := m.free[n-1]
		m.free = m.free[:n-1]
		return f
	}
	return new(flight)
}

func (m *machine) keep(h core.Handle, f *flight) {
	for int(h.Slot) >= len(m.bySlot) {
		m.bySlot = append(m.bySlot, nil)
	}
	m.bySlot[h.Slot] = f
}

func (m *machine) flightOf(h core.Handle) *flight {
	if int(h.Slot) >= len(m.bySlot) {
		return nil
	}
	return m.bySlot[h.Slot]
}

// start begins an attempt.
func (m *machine) start(f *flight, d *core.Decision) {
	if f == nil {
		return
	}
	m.keep(d.Handle, f)
	f.last = decided{m.room[d.Placement], m.index[d.Endpoint], d.Failover, d.Reason}
	if f.first == undecided {
		f.first = f.last
	}
	class, code, took := m.outcome(f)
	m.schedule(duty{kind: attemptEnds, at: m.now.Add(core.Duration(took)), handle: d.Handle, class: class, status: code})
}

// outcome is how the present attempt ends: as logged, if the log has one at this
// endpoint that has not been spent, else as assumed.
func (m *machine) outcome(f *flight) (class core.Class, code uint16, took int64) {
	m.counts.Attempts++
	e := f.e
	for i := f.used; i < len(e.Attempts); i++ {
		a := &e.Attempts[i]
		if p := m.targets.find(a); contains(p.endpoints, f.last.endpoint) || len(p.endpoints) == 0 && contains(p.placements, f.last.placement) {
			f.used = i + 1
			m.counts.Logged++
			return ending(a.Class, a.Status, a.Took)
		}
	}
	m.counts.Assumed++
	took = e.Took
	if final := e.Final(); final != nil {
		took = final.Took
	}
	switch failing := m.health[f.last.endpoint].failing(m.now); {
	case failing != core.ClassNone:
		return ending(failing, m.health[f.last.endpoint].status, took)
	case e.Class == core.ClientGone:
		return ending(core.ClientGone, 0, took)
	case !e.Told && e.Status >= 100:
		return ending(core.ClassNone, e.Status, took) // nobody knows of which endpoint; of ours, then
	case e.Status >= 500 || e.Status < 100 || len(e.Attempts) == 0:
		return ending(core.ClassNone, 200, took)
	}
	return ending(core.ClassNone, e.Status, took)
}

// ending is an outcome as an event has it.
func ending(class core.Class, code uint16, took int64) (core.Class, uint16, int64) {
	switch {
	case class == core.Upstream5xx:
		class, code = core.ClassNone, max(500, code)
	case class == core.NoEndpoint || class == core.QueueTimeout:
		class = core.ConnectRefused // a name without a server behind it
	}
	if class == core.ClassNone && (code < 100 || code > 599) {
		code = 502
	}
	if class != core.ClassNone && class != core.BrokenBody && class != core.BodyTimeout {
		code = 0
	}
	return class, code, max(0, took)
}

func contains(list []int, n int) bool {
	for _, v := range list {
		if v == n {
			return true
		}
	}
	return false
}

// over ends an attempt; a response of 500 and above is asked about first, as the
// edge does with requests that may come again (R11).
func (m *machine) over(d *duty) {
	f := m.flightOf(d.handle)
	if f == nil {
		return
	}
	again := m.loop.Router().MayComeAgain(d.handle)
	replayable := again && m.replayable(f)
	if again && d.class == core.ClassNone && d.status >= 500 {
		m.finish = core.Event{Kind: core.Reply, Handle: d.handle, Status: d.status, Replayable: replayable}
		if m.comesAgain(f, d.handle) {
			return
		}
	}
	m.finish = core.Event{
		Kind: core.Finish, Handle: d.handle, Class: d.class, Status: d.status, Replayable: replayable,
		Sent: d.class < core.DNS || d.class > core.TLS,
	}
	if !again {
		m.bySlot[d.handle.Slot] = nil
		m.loop.Apply(&m.finish)
		m.end(f)
	} else if !m.comesAgain(f, d.handle) {
		m.end(f)
	}
}

// comesAgain feeds m.finish and reports whether a retry follows.
func (m *machine) comesAgain(f *flight, h core.Handle) bool {
	if m.finish.Kind == core.Finish {
		m.bySlot[h.Slot] = nil
	}
	retry := m.loop.Finish(&m.finish)
	if retry.Kind != core.Retry {
		return false
	}
	m.bySlot[h.Slot] = nil
	m.keep(retry.Handle, f)
	m.loop.Recheck(retry.Handle)
	return true
}

// replayable: a request without a body can be sent again.
func (m *machine) replayable(f *flight) bool {
	return f.e.Received == 0 || f.e.Received < 0 && methodOf(f.e.Method) == core.MethodSafe
}

func (m *machine) end(f *flight) {
	m.done(f)
	m.free = append(m.free, f)
}

// drain lets everything end that is still under way.
func (m *machine) drain() {
	for len(m.due) > 0 || m.loop.Router().Waiting() > 0 {
		next := m.armed
		if len(m.due) > 0 {
			next = min(next, m.due[0].at)
		}
		if m.loop.Router().InFlight() == 0 && m.loop.Router().Waiting() == 0 {
			return // only health checks go on for ever
		}
		m.until(next)
	}
}

// idOf is the request id as a recording keeps it; without one, the place in the log.
func idOf(e *Entry, seq uint64) [2]uint64 {
	if e.ID == "" {
		return [2]uint64{0x6c6f672d6c696e65, seq}
	}
	hi, lo := traces.ParseRequestID(e.ID)
	return [2]uint64{hi, lo}
}
