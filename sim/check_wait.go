package sim

import (
	"fmt"
	"slices"

	"lockstep/core"
)

// Requests that come again (R5's queue, R11, and what R12 and R14 do to them),
// from the rules.

// waitModel is what a journey does.
type waitModel uint8

const (
	flies   waitModel = iota // its attempt is in flight
	queues                   // in its home's queue
	pauses                   // until its retry is due
	expects                  // its retry is due, and it must be matched again
)

// journeyModel is one request that may come again.
type journeyModel struct {
	gen             uint32 // of its handle; 0 for none
	does            waitModel
	failed          bool // one attempt has counted (R7)
	retried         bool
	queue           int32 // number of the placement in whose queue it is
	attempts        int
	account         string // name of its home when it arrived
	joined          uint64 // orders a queue
	tried           []uint64
	route           core.Route
	epoch           core.Epoch
	request, prefer uint64
	priority        uint8
	method          core.Method
	length          int64
	deadline, until core.Time
}

func (c *checker) journey(h core.Handle) *journeyModel {
	if int(h.Slot) < len(c.journeys) && h.Gen != 0 && c.journeys[h.Slot].gen == h.Gen {
		return &c.journeys[h.Slot]
	}
	return nil
}

// begins books a new request that may come again.
func (c *checker) begins(ev *core.Event, d *core.Decision) *journeyModel {
	for int(d.Handle.Slot) >= len(c.journeys) {
		c.journeys = append(c.journeys, journeyModel{})
	}
	row := &c.rows[ev.Route.Placement]
	j := &c.journeys[d.Handle.Slot]
	*j = journeyModel{
		gen: d.Handle.Gen, queue: -1, account: row.Name, route: ev.Route, epoch: ev.Epoch, request: ev.Request, prefer: ev.Prefer, priority: ev.Priority,
		method: ev.Method, length: ev.Length, deadline: c.now.Add(row.Timeouts.Request),
	}
	a := c.accountOf(row.Name)
	a.own++
	a.came++
	a.earned += int64(row.Retries.Percent) * 10_000
	return j
}

// ends closes the books of a request.
func (c *checker) ends(j *journeyModel) {
	a := c.accountOf(j.account)
	a.own--
	a.retrying -= flag(j.retried)
	*j = journeyModel{}
}

// departs books an attempt of a request that may come again.
func (c *checker) departs(ev *core.Event, d *core.Decision) {
	j := c.journey(d.Handle)
	if j == nil {
		if c.rows[ev.Route.Placement].Retries.Max == 0 {
			return
		}
		j = c.begins(ev, d)
	}
	j.does, j.queue = flies, -1
	j.attempts++
	j.tried = append(j.tried, c.endpoints[d.Endpoint].identity)
	if want := uint32(flag(j.attempts > 1) * j.attempts); d.Count != want {
		c.failEndpoint("R11", d.Endpoint, "retries", fmt.Sprintf("it is said to be attempt %d of its request, it is %d", d.Count, j.attempts))
	}
}

// queued judges and books a wait that begins.
func (c *checker) queued(j *journeyModel, d *core.Decision) {
	row := &c.rows[c.placements[d.Placement].index]
	c.joins++
	j.does, j.queue, j.joined = queues, d.Placement, c.joins
	j.until = min(c.now.Add(row.Limit.Wait), j.deadline)
	if n := c.waitingAt(d.Placement); n > int(row.Limit.Queue) || d.Count != uint32(n) {
		c.fail("R5", d.Placement, -1, "limit.when_full", fmt.Sprintf("%d wait, %d may, and it is told of %d", n, row.Limit.Queue, d.Count))
	}
	if d.Until != j.until {
		c.fail("R5", d.Placement, -1, "limit.when_full", fmt.Sprintf("a request may wait until %d, by the rules until %d", d.Until, j.until))
	}
}

func (c *checker) waitingAt(placement int32) (n int) {
	for i := range c.journeys {
		n += flag(c.journeys[i].does == queues && c.journeys[i].queue == placement && c.journeys[i].gen != 0)
	}
	return n
}

// newestFirst: more than half of the places are taken, with as many more.
func (c *checker) newestFirst(row *core.PlacementInfo, placement int32, more int) bool {
	return row.Limit.Order == core.NewestFirst && c.waitingAt(placement)+more > int(row.Limit.Queue)/2
}

// next is whose turn it is at a placement; nil when nobody waits there.
func (c *checker) next(placement int32) (found *journeyModel) {
	newest := false
	if at := c.placements[placement].index; at >= 0 {
		newest = c.newestFirst(&c.rows[at], placement, 0)
	}
	for i := range c.journeys {
		j := &c.journeys[i]
		if j.gen == 0 || j.does != queues || j.queue != placement {
			continue
		}
		if found == nil || newest == (j.joined > found.joined) {
			found = j
		}
	}
	return found
}

// mayWait is ClassNone for a home request that may wait at a full placement that
// queues, else the class with which it is refused. capped: the limit leaves room,
// its endpoints' caps do not.
func (c *checker) mayWait(row *core.PlacementInfo, placement int32, ev *core.Event, capped bool) core.Class {
	if capped && row.Shards > 0 {
		return core.LimitReached // others have shards of their own
	}
	if j := c.asking; j != nil && j.does == queues && j.queue == placement {
		return core.ClassNone
	}
	if c.waitingAt(placement) >= int(row.Limit.Queue) {
		return core.LimitReached
	}
	// Would its share refuse it even if those at home made the room for it?
	p := &c.placements[placement]
	limit, _ := c.limits(row, p)
	made := max(p.inFlight+1-limit, 0) * int32(flag(limit > 0))
	p.inFlight -= made
	defer func() { p.inFlight += made }()
	return c.ration(row, placement, ev, false)
}

// sent is when a request that is forwarded now leaves: a deadline that fires late
// is judged as of its own time, but nothing is sent in the past.
func (c *checker) sent() core.Time { return max(c.now, c.late) }

// awaited judges what the router decided about requests that waited: those
// whose time has come (due), or those that an event gave their turn.
func (c *checker) awaited(ev *core.Event, decisions []core.Decision, due bool) {
	if len(c.judged) == 0 {
		return // nothing that may come again
	}
	c.noted = c.match(decisions, c.noted) // what moved a breaker comes before a turn
	for i := range decisions {
		d := &decisions[i]
		if c.judged[i] || d.Kind != core.Forward && d.Kind != core.Reject && d.Kind != core.Queued || d.Handle.Gen == 0 {
			continue
		}
		j := c.journey(d.Handle)
		drained := d.Kind == core.Reject && d.Class == core.Draining
		if j == nil || j.does == flies || (drained || j.until <= d.At && ev.Handle != d.Handle) != due {
			continue
		}
		if drained {
			c.ends(j) // aborted has judged it
			continue
		}
		c.judged[i] = true
		now := c.now
		c.late, c.now = now, d.At // a deadline that fires late is judged as of its own time
		c.comesAgain(j, d)
		c.now = now
	}
}

// comesAgain judges one decision about a request that waited.
func (c *checker) comesAgain(j *journeyModel, d *core.Decision) {
	home := c.homeOfJourney(j)
	timedOut := d.Kind == core.Reject && d.Class == core.QueueTimeout
	switch {
	case j.does == queues && (timedOut != (j.until <= d.At)):
		c.fail("R5", j.queue, -1, "limit.when_full", fmt.Sprintf("a request that may wait until %d got %s %s at %d", j.until, d.Kind, d.Class, d.At))
	case j.does == pauses && d.At != j.until:
		c.fail("R11", home, -1, "retries", fmt.Sprintf("a retry that is due at %d came at %d", j.until, d.At))
	case j.does == queues && !timedOut && j.queue >= 0 && j.queue == home && c.next(j.queue) != j:
		c.fail("R5", j.queue, -1, "limit.when_full.order", "a request had its turn before one that was to come first")
	}
	if timedOut {
		c.ends(j)
		return
	}
	c.asking, c.itsTurn = j, j.does == queues && j.queue >= 0 && j.queue == home && c.next(j.queue) == j
	c.ruling = c.again(j)
	c.follow(j, d)
	c.asking, c.itsTurn, c.fresh = nil, false, false
}

// follow holds a decision about a request that waited against the ruling, and books it.
func (c *checker) follow(j *journeyModel, d *core.Decision) {
	as := c.arrivalOf(j)
	want := &c.ruling
	switch {
	case d.Kind == core.Queued:
		if !want.wait || want.placement != d.Placement {
			c.fail("R5", d.Placement, -1, "limit.when_full", "a request that waited waits again, by the rules it is "+want.String())
		}
		c.queued(j, d)
	case d.Kind == core.Reject && want.early:
		if d.Class != want.class {
			c.fail(ruleOf(want.class), -1, -1, "", fmt.Sprintf("a request that waited was refused as %s, it should be as %s", d.Class, want.class))
		}
		c.ends(j)
	case d.Kind == core.Reject:
		j.does = flies // it waits no more: others have the room
		c.refused(as, d, want)
		c.ends(j)
	default:
		if d.Endpoint >= 0 && int(d.Endpoint) < len(c.endpoints) && c.fresh && slices.Contains(j.tried, c.endpoints[d.Endpoint].identity) {
			c.failEndpoint("R11", d.Endpoint, "retries", "a request was tried here before, and another endpoint is left")
		}
		c.forwarded(as, d, want)
	}
}

// again is the ruling on a request that waited.
func (c *checker) again(j *journeyModel) ruling {
	class := core.ClassNone
	switch {
	case j.epoch != c.epoch:
		class = core.Internal
	case j.route.Refuse != core.ClassNone:
		class = j.route.Refuse
	case c.rows[j.route.Placement].BodyMax > 0 && j.length > c.rows[j.route.Placement].BodyMax:
		class = core.BodyTooLarge
	}
	if class != core.ClassNone {
		return ruling{class: class, early: true, placement: -1, resort: -1, breaker: -1}
	}
	as := c.arrivalOf(j)
	c.fresh = j.attempts > 0
	out := c.evaluate(int(j.route.Placement), as)
	if c.fresh && out.exhausted {
		c.fresh = false
		out = c.evaluate(int(j.route.Placement), as)
	}
	return out
}

// arrivalOf is the arrival that a request that waited amounts to.
func (c *checker) arrivalOf(j *journeyModel) *core.Event {
	return &core.Event{
		Kind: core.Arrive, Request: j.request, Route: j.route, Epoch: j.epoch, Method: j.method, Length: j.length,
		Prefer: j.prefer, Priority: j.priority,
	}
}

// homeOfJourney returns the number of a request's home, -1 when it has none.
func (c *checker) homeOfJourney(j *journeyModel) int32 {
	if j.epoch != c.epoch || j.route.Placement < 0 {
		return -1
	}
	return c.homes[j.route.Placement]
}

// matchedAgain takes over what an Arrive with a handle says.
func (c *checker) matchedAgain(ev *core.Event) {
	j := c.journey(ev.Handle)
	if j == nil || j.does == flies {
		return
	}
	c.saw(SawMatchAgain)
	if key := ev.Route.Key; key != j.route.Key {
		c.fail("R12", -1, -1, "", "a request that waited came again with another key")
	}
	j.route, j.epoch = ev.Route, ev.Epoch
	if j.does == queues && j.until > c.now && j.queue != c.homeOfJourney(j) {
		j.does, j.queue, j.until = expects, -1, j.deadline
	}
}

// overdue marks the retries whose time came while they had to be matched.
func (c *checker) overdue() {
	for i := range c.journeys {
		if j := &c.journeys[i]; j.gen != 0 && j.does == pauses && j.until <= c.now && j.epoch != c.epoch {
			j.does, j.until = expects, j.deadline
		}
	}
}

// afterStep: nobody waits who need not. In a router that is up no request waits
// unmatched once its loop goes on to something else (R12).
func (c *checker) afterStep(ev *core.Event) {
	for i := range c.journeys {
		j := &c.journeys[i]
		if j.gen == 0 || j.does == flies {
			continue
		}
		switch {
		case j.until <= c.now:
			c.fail("R5", max(j.queue, -1), -1, "limit.when_full", fmt.Sprintf("a request waits, although its wait was over at %d", j.until))
		case (j.epoch != c.epoch || j.does == expects) && ev.Kind != core.Adopt && ev.Kind != core.Arrive && ev.Kind != core.Finish && ev.Kind != core.Reply:
			c.fail("R12", -1, -1, "", "a request waits that was matched under another epoch")
		case j.does == queues && j.epoch == c.epoch && c.next(j.queue) == j:
			c.asking, c.itsTurn = j, true
			if out := c.again(j); out.class == core.ClassNone && !out.wait && out.placement == j.queue {
				c.fail("R5", j.queue, -1, "limit.when_full", "a request waits, although there is room for it")
			}
			c.asking, c.itsTurn, c.fresh = nil, false, false
		}
	}
}

// finishWait books a Finish that names a request that waits; it reports false for any other.
func (c *checker) finishWait(ev *core.Event) bool {
	j := c.journey(ev.Handle)
	if j == nil || j.does == flies {
		return false
	}
	c.ends(j)
	return true
}

// waitsIn returns the request that waits in a slot.
func (c *checker) waitsIn(slot int) (core.Handle, bool) {
	if slot >= len(c.journeys) || c.journeys[slot].gen == 0 || c.journeys[slot].does == flies {
		return core.Handle{}, false
	}
	return core.Handle{Slot: uint32(slot), Gen: c.journeys[slot].gen}, true
}

// auditWaits compares what waits, at the end of a router's life and after a push.
func (c *checker) auditWaits() {
	waiting := 0
	for i := range c.journeys {
		waiting += flag(c.journeys[i].gen != 0 && c.journeys[i].does != flies)
	}
	if got := c.r.core.Waiting(); got != waiting {
		c.fail("R5", -1, -1, "", fmt.Sprintf("%d requests wait in it, by the rules %d", got, waiting))
	}
	for n := range c.placements {
		name := c.placements[n].name
		if name == "" {
			continue
		}
		b, a := c.r.core.Budget(c.now, int32(n)), c.accountOf(name)
		if b.Own != a.own || b.Retrying != a.retrying {
			c.fail("R11", int32(n), -1, "retries.budget", fmt.Sprintf("it counts %d requests and %d retried ones, it has %d and %d", b.Own, b.Retrying, a.own, a.retrying))
		}
	}
}
