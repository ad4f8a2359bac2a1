// Package core is the decision machine of Lockstep: a pure function from
// (state, time, event) to decisions. It has no clock, goroutine, IO, map
// iteration, float or package variable; purity_test.go holds it to that.
// SPEC.md is the normative text; R numbers in comments are its rules.
package core

import "slices"

// Options are what a Router is made with.
type Options struct {
	// Seed of all randomness. Two routers with one seed and one input decide alike.
	Seed uint64
	// Strict makes a broken invariant panic, as simulation and tests want it.
	// Without it the router notes the bug and goes on serving.
	Strict bool
}

// Router is the whole state of one router. It is not safe for concurrent use.
type Router struct {
	seed     uint64
	strict   bool
	draining bool
	now      Time
	epoch    Epoch
	config   *Config
	serial   uint32 // last generation or token given out

	placements []placement // by number; a number is kept as long as the placement lives
	endpoints  []endpoint
	numbers    numbering
	slots      slotTable
	timers     timers
	abortFrom  uint32                // drain: the slot where the next batch begins
	journeys   []*[chunkSize]journey // by slot; none as long as nothing may come again
	waiting    uint32                // requests that wait: their slots hold no attempt

	admissible []int32 // of the last survey: found, or a part of numbers, only to be read
	found      []int32 // scratch of one survey
	ids        []ident // scratch of one adoption
	scratch    Event   // of a request that comes again

	sum               uint64 // digest of all placements, endpoints and attempts
	touchedPlacements marks
	touchedEndpoints  marks
	counters          Counters

	extras []extra // by number of an endpoint; empty while no configuration needs it
	stamp  uint32  // scratch: the last selection that marked extras
}

// placement is the state of one placement; id 0 marks a free number. What every
// request reads or writes comes first.
type placement struct {
	id       uint64
	config   int32 // index in the current Config, -1 once removed
	inFlight int32
	guests   int32
	queue    waitList
	panic    bool      // R9
	retabled bool      // scratch of one adoption
	adaptive *adaptive // nil where the limit does not move (R5)
	tenants  tenants   // attempts by tenant, nil where nobody counts them (R5)
	budget   budget
	name     string
	mixed    uint64
}

// endpoint is the state of one endpoint; id 0 marks a free number. What every
// request reads or writes lies in the first 64 bytes, up to breaker.failures.
type endpoint struct {
	id        uint64
	rotation  int64 // credit of smooth round robin (R10)
	config    int32 // index in the current Config, -1 while retiring (R12)
	placement int32 // number of its placement
	inFlight  int32
	limit     int32 // cap on inFlight, the largest number for none (R2)
	weight    uint32
	health    health
	breaker   breaker
	mixed     uint64
	kept      bool // scratch of one adoption
	name, url string
}

// Counters count what leaves no other trace in the state. They are outside the digest.
type Counters struct {
	Ignored uint64 // events, or parts of them, that named nothing
	Bugs    uint64 // broken invariants
	Missed  uint64 // probe times that passed without a probe
}

// New returns a router without a configuration: it refuses every request as not_ready (R13).
func New(o Options) *Router {
	r := &Router{seed: o.Seed, strict: o.Strict}
	r.timers.reserve(1)
	return r
}

// Step applies one event at time now and appends what was decided to out. A
// now below an earlier one counts as that one. Deadlines up to now fire first,
// each as of its own time; then the event is applied. No input can make Step
// panic; what names nothing is ignored with a note. After Reserve, Step
// allocates nothing as long as out has room, but for what an Adopt may make: see there.
func (r *Router) Step(now Time, ev *Event, out []Decision) []Decision {
	now = min(max(now, r.now), latest)
	r.now = now
	if r.timers.next() <= now {
		out = r.fire(now, out)
	}
	switch ev.Kind {
	case Arrive:
		return r.arrive(now, ev, out)
	case Reply:
		return r.reply(now, ev, out)
	case Finish:
		return r.finish(now, ev, out)
	case Probed:
		return r.probed(now, ev, out)
	case Adopt:
		return r.adopt(now, ev, out)
	case Control:
		return append(out, note(NoteControl, 13, now))
	case Drain:
		return r.drain(now, ev, out)
	case Tick:
		return out
	}
	return r.ignore(now, 16, CauseBadEvent, out)
}

// latest is the last time that Step knows, 146 years after the origin; it
// leaves room to add any duration without overflow.
const latest Time = 1 << 62

// Deadline returns when Step next wants to be called even if nothing happens,
// Never if it does not. Calling late, early or more often is harmless.
func (r *Router) Deadline() Time { return r.timers.next() }

// fire runs every deadline up to now, in order. A probe's next time lies after
// now, and a drain's next batch does too, so this ends.
func (r *Router) fire(now Time, out []Decision) []Decision {
	for r.timers.next() <= now {
		t := r.timers.heap[0]
		switch t.kind() {
		case timerBreakerGuard:
			out = r.breakerGuard(t.at, t.number(), out)
		case timerHealthGuard:
			out = r.healthGuard(t.at, t.number(), out)
		case timerHealth:
			out = r.startProbe(t.at, now, t.number(), out)
		case timerDrain:
			out = r.abortBatch(t.at, now, out)
		case timerQueue:
			out = r.expire(t.at, uint32(t.number()), out)
		case timerRetry:
			out = r.retryDue(t.at, uint32(t.number()), out)
		case timerLimit:
			out = r.limitWindow(t.at, now, t.number(), out)
		}
	}
	return out
}

// Epoch returns the epoch in force, zero before the first configuration.
func (r *Router) Epoch() Epoch { return r.epoch }

// Config returns the configuration in force, nil before the first.
func (r *Router) Config() *Config { return r.config }

// Now returns the largest time that Step has seen.
func (r *Router) Now() Time { return r.now }

// InFlight returns the number of attempts in flight.
func (r *Router) InFlight() int { return int(r.slots.live - r.waiting) }

// Draining reports whether a Drain has come (R14).
func (r *Router) Draining() bool { return r.draining }

// Counters returns the counters so far.
func (r *Router) Counters() Counters { return r.counters }

// nextSerial returns a generation or token that is not 0.
func (r *Router) nextSerial() uint32 {
	if r.serial++; r.serial == 0 {
		r.serial++
	}
	return r.serial
}

func note(k DecisionKind, rule uint8, at Time) Decision {
	return Decision{Kind: k, Rule: rule, At: at, Placement: -1, Endpoint: -1}
}

// about is a note that concerns endpoint n.
func (r *Router) about(k DecisionKind, rule uint8, at Time, n int32) Decision {
	d := note(k, rule, at)
	d.Endpoint, d.Placement = n, r.endpoints[n].placement
	return d
}

// ignore notes an event, or a part of it, that changes nothing.
func (r *Router) ignore(now Time, rule uint8, cause Cause, out []Decision) []Decision {
	r.counters.Ignored++
	d := note(NoteIgnored, rule, now)
	d.Cause = cause
	return append(out, d)
}

// Reserve makes room for adopting c and for that many attempts in flight, so
// that later Steps allocate nothing. It does not change the state. The driver
// calls it before an Adopt; without it Step makes the room itself. Left to the
// Adopt, which alone knows the placements that need them, are the adaptive limits
// of those that had none, tables of tenants of another size than before (R5), and
// the comparison that a push guard asks for (R13) where the event has no Change.
func (r *Router) Reserve(c *Config, inFlight int) {
	for len(r.slots.chunks) < maxChunks && len(r.slots.chunks)<<chunkBits < inFlight {
		r.slots.grow()
	}
	if c == nil {
		return
	}
	ps, es := r.livePlacements()+len(c.placements), r.liveEndpoints()+len(c.endpoints)
	r.placements = growTo(r.placements, ps)
	r.endpoints = growTo(r.endpoints, es)
	r.touchedPlacements.reserve(max(ps, len(r.placements)))
	r.touchedEndpoints.reserve(max(es, len(r.endpoints)))
	r.reserveExtras(c, es)
	r.found = growTo(r.found[:0], MaxEndpoints)
	r.ids = growTo(r.ids, es)
	r.numbers.reserve(c)
	r.timers.reserve(max(es, ps))
	if c.comesAgain() {
		r.growJourneys()
	}
}

// growTo returns s with room for n elements in all.
func growTo[T any](s []T, n int) []T { return slices.Grow(s, max(0, n-len(s))) }

func (r *Router) livePlacements() (n int) {
	for i := range r.placements {
		n += int(bit(r.placements[i].id != 0))
	}
	return n
}

func (r *Router) liveEndpoints() (n int) {
	for i := range r.endpoints {
		n += int(bit(r.endpoints[i].id != 0))
	}
	return n
}
