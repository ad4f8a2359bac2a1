package whatif

import "lockstep/core"

// doubt follows how far alt's state may differ from what the new configuration
// would really have led to. The difference begins with a request that goes
// elsewhere than it was recorded, and reaches no further than a component: the
// placements that fallbacks or a common server join (R15).
//
// An attempt is exact when it is certain that it would have been made and its
// endpoint served the same requests as recorded: then its recorded outcome is the
// outcome. Any other is loose: it may be in flight until its longest time is
// over, and it may fail where its endpoint failed anybody near that time.
type doubt struct {
	e         *engine
	component []int32 // of each placement of alt's configuration
	dirty     []bool  // by component: something differs
	places    []placeDoubt
	ends      []endDoubt // by index of the endpoint in alt's configuration
	index     map[uint64]int32
	servers   map[string]*server
}

// placeDoubt is one placement's.
type placeDoubt struct {
	index        int
	info         core.PlacementInfo
	loose        int // loose attempts that alt has in flight
	looseGuests  int
	alive        times // when loose attempts are over at the latest
	aliveGuests  times
	unknownUntil core.Time // attempts whose outcome is unknown are over
	turned       bool      // its rotation may be another
	touched      bool      // it has had loose attempts
	sent         sent      // by alt
}

// endDoubt is one endpoint's.
type endDoubt struct {
	index        int32
	place        int32
	limit        uint32
	server       *server
	breakerUntil core.Time // until then its breaker may be in another state, 0: it is alt's
	health       bool      // its health may be the other
	agree        int       // probes in a row whose result is certain and the same
	good         bool      // result of those
	fails        int       // exact failures in a row
	murky        bool      // loose outcomes may lie between those
	alive        times     // loose attempts
	risky        int       // loose attempts that may fail, since the last exact good one
	sent         sent      // by alt
	asked        asked
	exceeds      bool // what came of it
	near, wide   calm // around the bucket
	bucket       int64
	fresh        bool // known is set
}

// server is what several placements may share: one URL.
type server struct {
	url        string
	foreign    bool // another router made a difference here
	told       bool // this one did, and when is in WhatIf.differ
	component  int32
	ends       []int32
	disturbed  bool
	until      core.Time // what differed is over by then
	recordings int32     // attempts of the recorded router in flight
}

func newDoubt(e *engine) doubt { return doubt{e: e} }

// adopted begins with a configuration that is in force as it was recorded, or
// from the state that was recorded.
func (d *doubt) adopted() {
	c := d.e.alt.Config()
	if c == nil || len(d.places) > 0 {
		return
	}
	parent := make([]int32, c.Placements())
	for i := range parent {
		parent[i] = int32(i)
	}
	var root func(int32) int32
	root = func(i int32) int32 {
		if parent[i] != i {
			parent[i] = root(parent[i])
		}
		return parent[i]
	}
	d.index, d.servers = map[uint64]int32{}, map[string]*server{}
	for i := range c.Placements() {
		p := c.Placement(i)
		d.places = append(d.places, placeDoubt{index: i, info: p})
		for _, to := range p.Candidates {
			parent[root(to)] = root(int32(i))
		}
	}
	for i := range c.Endpoints() {
		x := c.Endpoint(i)
		s := d.servers[x.URL]
		if s == nil {
			s = &server{url: x.URL}
			d.servers[x.URL] = s
		} else {
			parent[root(int32(x.Placement))] = root(d.ends[s.ends[0]].place)
		}
		s.ends = append(s.ends, int32(i))
		d.ends = append(d.ends, endDoubt{index: int32(i), place: int32(x.Placement), limit: x.Limit, server: s})
		d.index[c.EndpointID(i)] = int32(i)
	}
	d.component = make([]int32, len(parent))
	d.dirty = make([]bool, len(parent))
	for i := range parent {
		d.component[i] = root(int32(i))
	}
	for _, s := range d.servers {
		s.component = d.component[d.ends[s.ends[0]].place]
	}
}

// differs marks a server that got a request more or less than was recorded.
func (d *doubt) differs(s *server) {
	if s == nil {
		return
	}
	d.soil(s.component)
	if !s.told { // time does not run back
		s.told = true
		wall := d.e.origin + int64(d.e.now)
		if first, ok := d.e.w.differ[s.url]; !ok || wall < first {
			d.e.w.differ[s.url] = wall
		}
	}
	s.disturbed = true
	lasts := core.Duration(0)
	for _, i := range s.ends {
		lasts = max(lasts, d.lasts(i))
	}
	s.until = max(s.until, d.e.now.Add(lasts))
}

// soil marks a component in which something differs from now on. What its
// breakers counted so far is certain.
func (d *doubt) soil(component int32) {
	if d.dirty[component] {
		return
	}
	d.dirty[component] = true
	for i := range d.ends {
		if x := &d.ends[i]; d.component[x.place] == component {
			x.fails = d.e.alt.Endpoint(d.e.alt.EndpointNumber(i)).Failures
		}
	}
}

// others takes note of what other routers do otherwise at the same servers, as
// the round before found it.
func (d *doubt) others(now core.Time) {
	wall := d.e.origin + int64(now)
	for url, first := range d.e.w.known {
		if s := d.servers[url]; s != nil && !s.foreign && first <= wall {
			s.foreign = true
			d.soil(s.component)
		}
	}
}

// disturbed says whether a server may answer otherwise than it did: what it got
// more or less may still be at work, or have left a line. Where it was idle on
// both sides since, it is as it was.
func (d *doubt) disturbed(s *server) bool {
	if s.foreign {
		return true
	}
	if s.disturbed && d.e.now > s.until && s.recordings == 0 {
		busy := 0
		for _, i := range s.ends {
			busy += d.e.alt.Endpoint(d.e.alt.EndpointNumber(int(i))).InFlight
		}
		s.disturbed = busy > 0
	}
	return s.disturbed
}

// calm returns what the recordings show of an endpoint around now or, where it has
// more to bear than it had just then, in a wider window.
func (d *doubt) calm(i int32) *calm {
	x := &d.ends[i]
	s := d.e.w.samples
	wall := d.e.origin + int64(d.e.now)
	if n := floorDiv(wall, s.width); !x.fresh || x.bucket != n {
		number := d.e.alt.EndpointNumber(int(i))
		id := s.near(d.e.alt.Identity(number), d.e.alt.Endpoint(number).URL)
		near := s.around(id, wall, 0, 0)
		if 2*near.longest > core.Duration(s.width) { // it must hold for as long as an attempt may last
			near = s.around(id, wall, 0, 2*near.longest)
		}
		window := d.e.w.options.Window
		x.asked = asked{}
		x.near, x.wide, x.bucket, x.fresh = near, s.around(id, wall, window, window), n, true
	}
	at := asked{d.e.now, x.sent.now, d.places[x.place].sent.now}
	if x.asked != at {
		x.asked, x.exceeds = at, d.exceeds(x, &x.near)
	}
	if x.exceeds {
		return &x.wide
	}
	return &x.near
}

// asked is when it was asked whether an endpoint has more to bear than usual.
type asked struct {
	now        core.Time
	sent, home uint32
}

// lasts is how long an attempt that begins now may be in flight.
func (d *doubt) lasts(i int32) core.Duration {
	c := d.calm(i)
	limits := &d.places[d.ends[i].place].info.Timeouts
	if c.attempts < enough || c.failures > 0 {
		return max(2*c.longest, limits.Request)
	}
	return 2 * c.longest
}

// mayFail says whether an attempt that begins now may fail.
func (d *doubt) mayFail(i int32) bool {
	c := d.calm(i)
	return c.failures > 0 || c.attempts < enough || d.crowded(i)
}

// crowded says that an endpoint has more in flight, or gets more, than it had near
// that time: nobody has seen how it bears that. Which router makes it so is all one to it.
func (d *doubt) crowded(i int32) bool {
	x := &d.ends[i]
	wall, width := d.e.origin+int64(d.e.now), d.e.w.samples.width
	if d.calm(i) == &x.wide && d.exceeds(x, &x.wide) {
		d.e.w.crowds.note(x.server.url, d.e.name, floorDiv(wall, width))
		return true
	}
	lasts := max(2*x.near.longest, d.places[x.place].info.Timeouts.Request)
	return x.server.foreign && d.e.w.crowded.byAnother(x.server.url, d.e.name, wall, width, lasts)
}

// exceeds compares what alt has and sends at an endpoint with what the recordings
// show. Of several routers each is taken to send an even share.
func (d *doubt) exceeds(x *endDoubt, c *calm) bool {
	in := d.e.alt.Endpoint(d.e.alt.EndpointNumber(int(x.index))).InFlight
	if peak := int(c.peak); in > peak+peak/4+1 {
		return true
	}
	// Of what came in the fullest bucket near, the part that this much of a bucket would hold.
	wall, width := d.e.origin+int64(d.e.now), d.e.w.samples.width
	share := uint64(c.rate) / uint64(max(1, len(d.e.w.samples.routers)))
	passed := uint64(wall-floorDiv(wall, width)*width) * 1000 / uint64(width)
	p := &d.places[x.place]
	alone, all := x.sent.over(share*passed/1000, share), p.sent.over(share*passed/1000, share)
	if alone != all && d.unsettled(p) { // it may get what alt sends to the others
		return all
	}
	return alone
}

// over says whether more came in this bucket, or in the one before, than is expected.
func (s *sent) over(now, before uint64) bool {
	return over(uint64(s.now), now) || over(uint64(s.before), before)
}

// over says whether so many are more than chance makes of what is expected.
func over(n, expected uint64) bool {
	return n > expected+4 && (n-expected-4)*(n-expected-4) > 16*max(1, expected)
}

// sent counts attempts by bucket.
type sent struct {
	bucket      int64
	now, before uint32
}

func (s *sent) count(bucket int64) {
	switch {
	case bucket == s.bucket:
	case bucket == s.bucket+1:
		s.before, s.now = s.now, 0
	default:
		s.before, s.now = 0, 0
	}
	s.bucket = bucket
	s.now++
}

// unsettled says that a breaker or the health of an endpoint is in doubt.
func (d *doubt) unsettled(p *placeDoubt) bool {
	for i := p.info.FirstEP; i < p.info.EndEP; i++ {
		if x := &d.ends[i]; x.health || d.breakerDoubt(x, d.e.alt.EndpointNumber(i)) {
			return true
		}
	}
	return false
}

// beyond is crowded for the attempt at hand.
func (d *doubt) beyond(q *request, _ *core.Decision) bool {
	i, ok := d.index[q.alt.endpoint]
	if !ok || !d.crowded(i) {
		return false
	}
	p := &d.places[d.ends[i].place]
	p.unknownUntil = max(p.unknownUntil, d.e.now.Add(d.lasts(i)))
	return true
}

// decided is told that a new request was decided. Where that was not certain,
// any of its candidates may really have got it.
func (d *doubt) decided(ev *core.Event, q *request) {
	if q.decision == Recorded || ev.Route.Placement < 0 || d.places == nil {
		return
	}
	for at, n := range d.places[ev.Route.Placement].info.Candidates {
		d.maybe(n, at > 0)
	}
}

// turn is told of a decision about a request that waited: when its turn came
// depends on all that was in flight.
func (d *doubt) turn(q *request, dec *core.Decision) {
	if dec.Placement < 0 {
		return
	}
	at := d.e.alt.Placement(dec.Placement).Index
	if at >= 0 && d.dirty[d.component[at]] {
		label, why := d.uncertain(d.places[at].info.Candidates, "it waited, and its turn depends on outcomes that are not recorded")
		q.worsen(&q.decision, label, why)
		for n := range d.places[at].info.Candidates {
			d.maybe(d.places[at].info.Candidates[n], n > 0)
		}
	}
}

// maybe books an attempt that a placement may really have got.
func (d *doubt) maybe(n int32, guest bool) {
	p := &d.places[n]
	p.turned, p.touched = true, true
	bucket := floorDiv(d.e.origin+int64(d.e.now), d.e.w.samples.width)
	p.sent.count(bucket)
	lasts := core.Duration(0)
	for i := p.info.FirstEP; i < p.info.EndEP; i++ {
		lasts = max(lasts, d.lasts(int32(i)))
		d.ends[i].sent.count(bucket)
		d.differs(d.ends[i].server)
		d.risk(int32(i))
	}
	p.alive.add(d.e.now, d.e.now.Add(lasts))
	if guest {
		p.aliveGuests.add(d.e.now, d.e.now.Add(lasts))
	}
}

// forwarded is told of an attempt that alt makes.
func (d *doubt) forwarded(q *request, dec *core.Decision) {
	i, ok := d.index[q.alt.endpoint]
	if !ok {
		return
	}
	x := &d.ends[i]
	p := &d.places[x.place]
	bucket := floorDiv(d.e.origin+int64(d.e.now), d.e.w.samples.width)
	x.sent.count(bucket)
	p.sent.count(bucket)
	q.guest = dec.Failover != core.FailoverNone
	if a, ok := d.e.alt.Attempt(dec.Handle); ok {
		q.guest = a.Guest
	}
	if q.loose = false; !q.same {
		d.differs(x.server)
	}
	if !d.dirty[d.component[x.place]] {
		return
	}
	chosen := q.decision == Recorded && d.chosen(p)
	q.loose = !q.same || !chosen || d.disturbed(x.server)
	if !q.loose {
		return
	}
	p.loose++
	p.touched = true
	p.looseGuests += int(bit(q.guest))
	if !chosen {
		p.turned = true
		for n := p.info.FirstEP; n < p.info.EndEP; n++ {
			if int32(n) != i {
				d.differs(d.ends[n].server)
				d.risk(int32(n))
			}
		}
	}
	mayFail := d.mayFail(i)
	for n := p.info.FirstEP; n < p.info.EndEP && !chosen; n++ {
		mayFail = mayFail || d.mayFail(int32(n))
	}
	if q.same && mayFail {
		q.worsen(&q.outcome, Modelled, "it is taken as recorded, but its endpoint had other requests, or it may have gone to another")
	}
	d.risk(i)
	if dec.Circuit != core.Closed { // a test: when it ends the breaker closes, or does not
		d.unsure(i, d.lasts(i))
	}
	until := d.e.now.Add(d.lasts(i))
	p.alive.add(d.e.now, until)
	if q.guest {
		p.aliveGuests.add(d.e.now, until)
	}
}

// chosen says whether the endpoint that a placement picks is certain, too (R10).
func (d *doubt) chosen(p *placeDoubt) bool {
	if !d.dirty[d.component[p.index]] {
		return true
	}
	for i := p.info.FirstEP; i < p.info.EndEP; i++ {
		if x := &d.ends[i]; d.breakerDoubt(x, d.e.alt.EndpointNumber(i)) || x.health || x.limit > 0 {
			p.turned = true
			return false
		}
	}
	if p.info.Bound > 0 || p.info.SlowStart > 0 || p.info.Sticky.Cookie != "" {
		return false
	}
	switch p.info.Select {
	case core.RoundRobin:
		return !p.turned
	case core.LeastRequest:
		return d.alive(p) == 0
	case core.EWMA:
		return !p.touched
	}
	return true
}

// risk books a loose attempt at an endpoint, and what it may do to its breaker.
func (d *doubt) risk(i int32) {
	x := &d.ends[i]
	b := &d.places[x.place].info.Breaker
	until := d.e.now.Add(d.lasts(i))
	x.alive.add(d.e.now, until)
	slow := b.SlowRatio > 0 && 2*d.calm(i).longest >= b.SlowCall
	if b.Off || !d.mayFail(i) && !slow {
		return
	}
	x.risky++
	x.murky = true
	if b.Window > 0 && (b.FailureRatio > 0 || b.SlowRatio > 0) || x.fails+x.risky >= int(min(b.Failures, 1<<30)) {
		d.unsure(i, d.lasts(i)+longestOpen(b))
	}
}

// longestOpen is how long a breaker may stay open after one failure.
func longestOpen(b *core.BreakerSpec) core.Duration {
	open := b.OpenMax
	if b.Growth <= million {
		open = min(open, b.Open)
	}
	return open + open/1000*core.Duration(b.Jitter/1000)
}

// unsure says that a breaker may be in another state than alt's for so long.
func (d *doubt) unsure(i int32, lasts core.Duration) {
	x := &d.ends[i]
	x.breakerUntil = max(x.breakerUntil, d.e.now.Add(lasts))
	p := &d.places[x.place]
	if p.info.Breaker.MaxOpenPercent < 100 { // one that may be open keeps others from opening
		for n := p.info.FirstEP; n < p.info.EndEP; n++ {
			d.ends[n].breakerUntil = max(d.ends[n].breakerUntil, x.breakerUntil)
		}
	}
}

// outcome is told of an outcome before alt is.
func (d *doubt) outcome(q *request, class core.Class, status uint16, now core.Time) {
	i, ok := d.index[q.alt.endpoint]
	if !ok || q.alt.state != inFlight {
		return
	}
	x := &d.ends[i]
	if !d.dirty[d.component[x.place]] || q.loose {
		return
	}
	b := &d.places[x.place].info.Breaker
	effect := class.Effect()
	if class == core.ClassNone && status >= 500 {
		effect = core.EffectFailure
	}
	loose := x.alive.count(now) > 0
	switch effect {
	case core.EffectOK:
		x.fails = 0
		if !loose {
			x.risky, x.murky = 0, false
		}
	case core.EffectFailure:
		x.fails++
		x.murky = x.murky || loose
		if x.murky && (b.Window > 0 && b.FailureRatio > 0 || x.fails+x.risky >= int(min(b.Failures, 1<<30))) {
			d.unsure(i, d.lasts(i)+longestOpen(b))
		}
	}
}

// over is told that an attempt of alt has ended.
func (d *doubt) over(q *request) {
	if i, ok := d.index[q.alt.endpoint]; ok && q.loose {
		p := &d.places[d.ends[i].place]
		p.loose--
		p.looseGuests -= int(bit(q.guest))
		q.loose = false
	}
}

// recForwarded and recOver follow what the recorded router has at each server;
// what alt does not send there makes a difference, too.
func (d *doubt) recForwarded(url string, q *request) {
	s := d.servers[url]
	if s == nil {
		return
	}
	s.recordings++
	q.server = s
}

func (d *doubt) recOver(q *request) {
	if q.server != nil {
		q.server.recordings--
		q.server = nil
	}
}

// missed is asked after a fact about each request that the recorded router
// forwarded in it.
func (d *doubt) missed(q *request) {
	if q.server != nil && !(q.same && q.alt.began == q.rec.began) {
		d.differs(q.server)
	}
}

// probed is told of the result of an active probe before alt is.
func (d *doubt) probed(n int32, good bool, label Label) {
	i, ok := d.index[d.e.alt.Identity(n)]
	if !ok {
		return
	}
	x := &d.ends[i]
	if label != Recorded {
		x.health, x.agree = true, 0
		d.soil(d.component[x.place])
		return
	}
	if !x.health {
		return
	}
	if good != x.good {
		x.good, x.agree = good, 0
	}
	h := &d.places[x.place].info.Health
	if x.agree++; x.agree >= int(max(h.Fall, h.Rise)) {
		x.health = false
	}
}
