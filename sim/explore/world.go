package explore

import (
	"fmt"

	"lockstep/core"
)

// epochs: of the first configuration, and of the one push. A stale push comes
// with an epoch below both.
var epochs = [2]core.Epoch{{Term: 1, Number: 2}, {Term: 1, Number: 3}}

// state is the model of one moment: what the rules say of the router, and what
// may still happen. It is a plain value, copied by assignment.
type state struct {
	now       core.Time
	config    int8  // in scene.configs; 0: the push is still to come
	left      uint8 // requests still to come
	crashes   uint8
	n         uint8 // attempts in flight
	attempts  [maxRequests]attempt
	endpoints [maxEndpoints]endpoint
}

// endpoint is what the rules say of one endpoint.
type endpoint struct {
	number    int32 // the router's; -1 when it is gone
	current   bool  // in the configuration; false while it retires
	state     core.Circuit
	failures  uint8
	successes uint8
	reopened  uint8
	until     core.Time
	unhealthy bool
	token     uint32 // of the active probe that is out, 0 for none
	guard     core.Time
}

// attempt is one request in flight. guard is core.Never unless it is a
// half-open probe that is out.
type attempt struct {
	handle   core.Handle
	request  uint64
	endpoint int8
	guest    bool
	probe    bool
	replied  bool
	ticket   bool // its outcome still counts
	guard    core.Time
}

// world is a router and the model beside it.
type world struct {
	*scene
	state
	router    core.Router
	out       []core.Decision
	violation *Violation
}

// Violation is a broken property.
type Violation struct {
	Property string `json:"property"`
	Detail   string `json:"detail"`
}

// start is the world before anything happened: the router has adopted the
// first configuration and sent its first active probes.
func (s *scene) start() *world {
	w := &world{scene: s}
	w.left, w.crashes = s.requests, s.restarts
	w.boot()
	return w
}

func (w *world) copyFrom(from *world) {
	w.scene, w.state, w.violation = from.scene, from.state, from.violation
	w.router.CopyFrom(&from.router)
}

func (w *world) fail(property, format string, args ...any) {
	if w.violation == nil {
		w.violation = &Violation{property, fmt.Sprintf(format, args...)}
	}
}

// step feeds one event; a panic is a violation like any other.
func (w *world) step(ev *core.Event) *core.Decision {
	defer func() {
		if p := recover(); p != nil {
			w.out = append(w.out[:0], core.Decision{Kind: core.NoteBug, Placement: -1, Endpoint: -1})
			w.fail("R16", "the router panicked: %v", p)
		}
	}()
	w.out = w.scene.step(&w.router, w.now, ev, w.out[:0])
	if len(w.out) == 0 {
		return nil
	}
	return &w.out[len(w.out)-1]
}

// boot starts a router that knows nothing from the configuration in force.
func (w *world) boot() {
	w.router.CopyFrom(w.blank)
	w.n = 0
	w.step(&core.Event{Kind: core.Adopt, Config: w.configs[w.config], Epoch: w.epoch(), Origin: core.OriginDisk})
	for e := range w.endpoints {
		w.endpoints[e] = endpoint{number: -1, guard: core.Never}
		if e < len(w.ids) && w.in[w.config][e] {
			h := &w.row(e).Health
			w.endpoints[e] = endpoint{number: w.find(e), current: true, state: core.Closed, unhealthy: !h.Off && h.StartUnhealthy, guard: core.Never}
		}
	}
	w.wake()
}

// wake lets the router do what is due, as its loop does after every step.
func (w *world) wake() {
	w.step(&core.Event{Kind: core.Tick})
	for i := range w.out {
		d := &w.out[i]
		if d.Kind != core.Probe {
			continue
		}
		e := w.byNumber(d.Endpoint)
		if e < 0 || w.endpoints[e].token != 0 {
			w.fail("R8", "a second active probe is out")
			return
		}
		w.endpoints[e].token = d.Token
		w.endpoints[e].guard = w.now.Add(w.row(e).Health.Timeout + core.Second)
	}
}

func (w *world) epoch() core.Epoch { return epochs[min(w.config, 1)] }

// row returns the settings of an endpoint's placement.
func (w *world) row(e int) *core.PlacementInfo {
	return &w.rows[w.config][w.ids[e].placement]
}

// find returns the router's number of endpoint e, -1 for none.
func (w *world) find(e int) int32 {
	id := w.ids[e]
	for n := range int32(w.router.Endpoints()) {
		v := w.router.Endpoint(n)
		if v.URL == id.url && w.router.Placement(v.Placement).Name == w.placements[id.placement] {
			return n
		}
	}
	return -1
}

func (w *world) byNumber(n int32) int {
	for e := range w.endpoints {
		if w.endpoints[e].number == n && n >= 0 {
			return e
		}
	}
	return -1
}

// load counts what a placement holds.
func (w *world) load(p int) (inFlight, guests int32) {
	for i := range w.attempts[:w.n] {
		if a := &w.attempts[i]; int(w.ids[a.endpoint].placement) == p {
			inFlight++
			if a.guest {
				guests++
			}
		}
	}
	return inFlight, guests
}

// deadline is when the router should want to be called, by the rules.
func (w *world) deadline() core.Time {
	at := core.Never
	for i := range w.attempts[:w.n] {
		at = min(at, w.attempts[i].guard)
	}
	for e := range w.endpoints {
		at = min(at, w.endpoints[e].guard)
	}
	return at
}

// nextInstant is when something changes by time alone; core.Never if nothing does.
func (w *world) nextInstant() core.Time {
	at := w.deadline()
	for e := range w.endpoints {
		if p := &w.endpoints[e]; p.current && p.state == core.Open && p.until > w.now {
			at = min(at, p.until)
		}
	}
	return at
}
