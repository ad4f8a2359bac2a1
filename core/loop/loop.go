// Package loop is the event loop around core.Router: it reads the clock it is
// given, feeds Step, hands a caller its own decision, delivers the others and
// keeps one timer armed at Deadline. It has no goroutine, lock or clock of its
// own, so the simulator and production run this same code: the simulator calls
// it from its event heap, the driver under its lock.
package loop

import "lockstep/core"

// Clock tells time on the trace's scale.
type Clock interface {
	// Now returns the time since the trace's origin. It may repeat; the router
	// clamps it if it decreases.
	Now() core.Time
	// NewTimer returns a stopped timer that calls fire once when it is due.
	NewTimer(fire func()) Timer
}

// Timer is a one-shot alarm that can be moved.
type Timer interface {
	// Reset arms the timer for that time, replacing an earlier one. A time that
	// has passed fires as soon as can be.
	Reset(at core.Time)
	Stop()
}

// Transport carries out what nobody waits for: probes, aborts, idle
// connections to close, notes. Deliver is called inside the driver's lock: it
// must neither block nor do IO, and must copy what it keeps.
type Transport interface {
	Deliver(d *core.Decision)
}

// Request is what a recorder keeps of a request beside its Event.
type Request struct {
	Key string    // routing key as the client sent it
	ID  [2]uint64 // 128-bit request id, high half first
}

// Observer sees every recorded step: the input and all decisions, in the order
// the lock gave. req is nil except for Arrive. It must copy what it keeps.
type Observer interface {
	Observe(now core.Time, ev *core.Event, req *Request, decisions []core.Decision)
}

// Loop drives one router. It is not safe for concurrent use: its caller owns
// the order of events.
type Loop struct {
	router    *core.Router
	clock     Clock
	transport Transport
	observer  Observer // nil for none
	timer     Timer
	armed     core.Time
	tick      core.Event // what Wake feeds
	steps     uint64
	out       []core.Decision
	kept      []kept // by slot, of requests that may come again
	stale     []core.Handle
}

// New returns a loop around r. wake is called when the timer is due; it must
// lead to Wake, under the driver's lock if there is one. observer may be nil.
func New(r *core.Router, c Clock, t Transport, observer Observer, wake func()) *Loop {
	l := &Loop{router: r, clock: c, transport: t, observer: observer, armed: core.Never, tick: core.Event{Kind: core.Tick}}
	l.timer = c.NewTimer(wake)
	l.out = make([]core.Decision, 0, 64)
	l.arm()
	return l
}

// Steps returns the number of steps so far; the recording numbers them from 1.
func (l *Loop) Steps() uint64 { return l.steps }

// Router returns the router, for reading.
func (l *Loop) Router() *core.Router { return l.router }

// Arrive decides one request. ev.Route and ev.Epoch may come from a Match made
// before the lock; if another configuration is in force by now, the key is
// matched again, so that every request is decided under the current epoch. A
// configuration of several routes cannot be asked again here: the caller makes
// sure that ev is of the epoch in force. The decision is Forward, Reject or
// Queued; it is valid until the loop's next event.
func (l *Loop) Arrive(ev *core.Event, req *Request) *core.Decision {
	if ev.Epoch != l.router.Epoch() {
		l.rematch(ev, ev.Request, req)
	}
	out := l.step(ev, req)
	d := &out[len(out)-1] // Step appends an Arrive's own decision last
	if d.Kind != core.Reject && l.router.MayComeAgain(d.Handle) {
		l.remember(d.Handle, ev, req)
	}
	return d
}

// rematch matches a key under the configuration in force. That can be done here
// only where there is one route: which route a request takes, and so which key
// it has, is for the edge to say anew. An Arrive that comes too late for that
// keeps its epoch, and the router refuses it.
func (l *Loop) rematch(ev *core.Event, request uint64, req *Request) {
	c := l.router.Config()
	if c != nil && (c.Routes() > 1 || ev.Via != 0) {
		return
	}
	ev.Epoch = l.router.Epoch()
	if c != nil && !ev.Route.Refuse.ByEdge() {
		split := ev.Split
		if split == 0 {
			split = request
		}
		ev.Route, _ = c.MatchVia(0, req.Key, split)
	}
}

// Adopt offers a configuration and returns Ack or Nack. The caller must call
// MatchAgain before the next event, when it knows what the numbers of the new
// configuration mean.
func (l *Loop) Adopt(ev *core.Event) core.Decision {
	out := l.step(ev, nil)
	return out[len(out)-1]
}

// Apply feeds any other event.
func (l *Loop) Apply(ev *core.Event) { l.step(ev, nil) }

// Wake is for the timer: it fires what is due. A Wake with nothing due only
// arms the timer again, and is not recorded.
func (l *Loop) Wake() {
	l.armed = core.Never
	if now := l.clock.Now(); l.router.Deadline() <= now {
		l.stepAt(now, &l.tick, nil)
		return
	}
	l.arm()
}

// Stop disarms the timer.
func (l *Loop) Stop() { l.timer.Stop() }

func (l *Loop) step(ev *core.Event, req *Request) []core.Decision {
	return l.stepAt(l.clock.Now(), ev, req)
}

func (l *Loop) stepAt(now core.Time, ev *core.Event, req *Request) []core.Decision {
	l.out = l.router.Step(now, ev, l.out[:0])
	l.steps++
	if l.observer != nil {
		l.observer.Observe(l.router.Now(), ev, req, l.out)
	}
	others := len(l.out)
	if own(ev, l.out) {
		others--
	}
	for i := range l.out[:others] {
		l.transport.Deliver(&l.out[i])
	}
	l.arm()
	return l.out
}

// arm moves the timer forward only: a wake that comes too early is harmless and
// cheaper than moving the timer at every step.
func (l *Loop) arm() {
	if d := l.router.Deadline(); d < l.armed {
		l.armed = d
		l.timer.Reset(d)
	}
}
