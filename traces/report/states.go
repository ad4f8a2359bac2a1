package report

import (
	"strings"

	"lockstep/core"
)

// States of an endpoint: its breaker, with a bit for its health.
const (
	stateUnknown   uint8 = 0 // not in the configuration, or in a gap
	stateClosed    uint8 = uint8(core.Closed)
	stateOpen      uint8 = uint8(core.Open)
	stateHalfOpen  uint8 = uint8(core.HalfOpen)
	stateUnhealthy uint8 = 4
)

// change is a state from a time on.
type change struct {
	at    core.Time
	state uint8
}

// place is a placement that was in force at some time.
type place struct {
	name   string
	track  *track
	panics []change // state 1: in panic
}

// endpoint is one of its endpoints.
type endpoint struct {
	name, url string
	place     int32
	track     *track
	changes   []change
}

// state notes a change of state.
func (e *endpoint) state(r *Router, at core.Time, state uint8) {
	if n := len(e.changes); n > 0 && e.changes[n-1].state == state {
		return
	}
	if r.states++; r.states > maxStates {
		return // said on the page
	}
	e.changes = append(e.changes, change{at, state})
}

// last is the state in force.
func (e *endpoint) last() uint8 {
	if len(e.changes) == 0 {
		return stateUnknown
	}
	return e.changes[len(e.changes)-1].state
}

// refresh looks at everything: at the start, after a push and after a gap.
func (r *Router) refresh(at core.Time, state *core.Router) {
	for i := range r.endpoints {
		r.endpoints[i].track.stale = true
	}
	for i := range r.places {
		r.places[i].track.stale = true
	}
	r.placeOf, r.endOf = r.placeOf[:0], r.endOf[:0]
	for n := range int32(state.Placements()) {
		r.placeOf = append(r.placeOf, r.findPlace(state.Placement(n)))
		r.samplePlace(at, state, n, true)
	}
	for n := range int32(state.Endpoints()) {
		r.endOf = append(r.endOf, r.findEndpoint(state, n))
		r.sampleEndpoint(at, state, n)
	}
	for i := range r.endpoints {
		if e := &r.endpoints[i]; e.track.stale {
			r.series.set(e.track, at, level{total: absent})
			e.state(r, at, stateUnknown)
		}
	}
	for i := range r.places {
		if p := &r.places[i]; p.track.stale {
			r.series.set(p.track, at, level{total: absent})
		}
	}
}

func (r *Router) findPlace(v core.PlacementView) int32 {
	if v.Name == "" {
		return -1
	}
	n, ok := r.byName[v.Name]
	if !ok {
		n = int32(len(r.places))
		r.byName[strings.Clone(v.Name)] = n
		r.places = append(r.places, place{name: v.Name, track: r.series.add()})
	}
	return n
}

func (r *Router) findEndpoint(state *core.Router, number int32) int32 {
	v, id := state.Endpoint(number), state.Identity(number)
	if id == 0 {
		return -1
	}
	n, ok := r.byID[id]
	if !ok {
		n = int32(len(r.endpoints))
		r.byID[id] = n
		r.endpoints = append(r.endpoints, endpoint{url: v.URL, place: r.placeAt(v.Placement), track: r.series.add()})
	}
	r.endpoints[n].name = v.Name
	return n
}

// placeAt returns the index of a placement by its number in core, -1 for none.
func (r *Router) placeAt(number int32) int32 {
	if number < 0 || int(number) >= len(r.placeOf) {
		return -1
	}
	return r.placeOf[number]
}

// endAt returns the index of an endpoint by its number in core, -1 for none.
func (r *Router) endAt(number int32) int32 {
	if number < 0 || int(number) >= len(r.endOf) {
		return -1
	}
	return r.endOf[number]
}

// samplePlace reads one placement; with bounds, also the cap on guests.
func (r *Router) samplePlace(at core.Time, state *core.Router, number int32, bounds bool) {
	n := r.placeAt(number)
	if n < 0 {
		return
	}
	p, v := &r.places[n], state.Placement(number)
	if v.Name != p.name {
		return // its number has been given to another
	}
	l := level{total: uint32(v.InFlight), guests: uint32(v.Guests), queue: uint32(v.Queued), limit: uint32(v.Limit), cap: p.track.now.cap}
	if bounds {
		l.cap = guestCap(state, number, v)
	}
	p.track.stale = false
	r.series.set(p.track, at, l)
	p.see(at, v.Panic)
}

// guestCap is the cap on guests in force plus one, 0 for none.
func guestCap(state *core.Router, number int32, v core.PlacementView) uint32 {
	if v.Index < 0 || state.Config() == nil || state.Config().Placement(v.Index).Limit.Guests == 0 {
		return 0
	}
	return uint32(max(state.Room(number, &core.Event{Kind: core.Arrive}, true).Guests, 0)) + 1
}

func (p *place) see(at core.Time, panics bool) {
	state := uint8(0)
	if panics {
		state = 1
	}
	if n := len(p.panics); n == 0 && panics || n > 0 && p.panics[n-1].state != state {
		p.panics = append(p.panics, change{at, state})
	}
}

func (r *Router) sampleEndpoint(at core.Time, state *core.Router, number int32) {
	n := r.endAt(number)
	if n < 0 {
		return
	}
	e, v := &r.endpoints[n], state.Endpoint(number)
	if state.Identity(number) == 0 || v.URL != e.url {
		return
	}
	e.track.stale = false
	r.series.set(e.track, at, level{total: uint32(v.InFlight)})
	s := uint8(v.Breaker)
	if v.Unhealthy {
		s |= stateUnhealthy
	}
	e.state(r, at, s)
	r.samplePlace(at, state, v.Placement, false)
}
