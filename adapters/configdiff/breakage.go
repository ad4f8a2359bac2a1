package configdiff

import "lockstep/core"

// breakage drives a router until what is down is known to be: requests to it are
// refused, and so are its probes, while all others answer. It takes as long as
// the configuration's own settings need.
type breakage struct {
	router *core.Router
	config *core.Config
	down   map[int32]bool // by index of the placement
	out    []core.Decision
}

// rounds bounds the probes of one endpoint: no fall or rise needs more.
const rounds = 64

// run lets every endpoint be found healthy first. Then requests to what is down
// fail until its breakers are open, which takes no time. Only where breakers do
// not take all of it out, because there are none or max_open keeps some closed,
// its probes fail until health has found it.
func (b *breakage) run(down map[int32]bool) {
	b.probe()
	b.down = down
	for n := range b.config.Placements() {
		b.knock(int32(n))
	}
	if !b.allOpen() {
		b.probe()
		for n := range b.config.Placements() {
			b.knock(int32(n)) // what was open may be ready for a test by now
		}
	}
}

// allOpen reports whether breakers take out all that is down.
func (b *breakage) allOpen() bool {
	for n := range b.down {
		if !b.opened(b.config.Placement(int(n))) {
			return false
		}
	}
	return true
}

// step applies an event at the router's own time, and answers what it asks for.
func (b *breakage) step(ev *core.Event) {
	b.out = b.router.Step(b.router.Now(), ev, b.out[:0])
	b.answer(b.out)
}

// answer reports the probes among decisions.
func (b *breakage) answer(decisions []core.Decision) {
	for i := range decisions {
		d := decisions[i]
		if d.Kind != core.Probe {
			continue
		}
		view := b.router.Endpoint(d.Endpoint)
		placement := int32(b.router.Placement(view.Placement).Index)
		more := b.router.Step(d.At, &core.Event{Kind: core.Probed, Token: d.Token, Endpoint: d.Endpoint, OK: !b.down[placement]}, nil)
		b.answer(more)
	}
}

// probe lets time pass until every endpoint with health is judged as it is.
func (b *breakage) probe() {
	for i := range rounds * b.config.Endpoints() {
		next := b.router.Deadline()
		if next == core.Never || i%b.config.Endpoints() == 0 && b.judged() {
			return
		}
		b.out = b.router.Step(next, &core.Event{Kind: core.Tick}, b.out[:0])
		b.answer(b.out)
	}
}

// judged reports whether health says of every endpoint what is so.
func (b *breakage) judged() bool {
	for i := range b.config.Endpoints() {
		e := b.config.Endpoint(i)
		if b.config.Placement(e.Placement).Health.Off {
			continue
		}
		if b.router.Endpoint(b.router.EndpointNumber(i)).Unhealthy != b.down[int32(e.Placement)] {
			return false
		}
	}
	return true
}

// knock sends requests to a placement that is down until its breakers are open,
// or no more of them open: those that max_open keeps, or health blocks first.
func (b *breakage) knock(placement int32) {
	info := b.config.Placement(int(placement))
	if !b.down[placement] || info.Breaker.Off {
		return
	}
	enough := uint64(info.EndEP-info.FirstEP)*uint64(max(min(info.Breaker.Failures, 1000), info.Breaker.MinRequests))*4 + 1000
	misses := 0
	for key := uint64(1); key < min(enough, maxKnocks) && misses < 100 && !b.opened(info); key++ {
		if !b.refuse(placement, key) {
			misses++ // none of it may serve this key
		}
	}
}

// maxKnocks bounds the requests of knock.
const maxKnocks = 200_000

// opened reports whether every breaker of a placement is open.
func (b *breakage) opened(info core.PlacementInfo) bool {
	for i := info.FirstEP; i < info.EndEP; i++ {
		if b.router.Endpoint(b.router.EndpointNumber(i)).Breaker != core.Open {
			return false
		}
	}
	return true
}

// refuse sends one request to a placement and refuses the connection; false where
// the router sends it elsewhere, or nowhere.
func (b *breakage) refuse(placement int32, key uint64) bool {
	route := core.Route{Hashes: core.Hashes{Key: key * 0x9e3779b97f4a7c15, Ring: uint32(key) * 2654435761}, Placement: placement, Reason: core.ReasonDedicated}
	b.out = b.router.Step(b.router.Now(), &core.Event{Kind: core.Arrive, Epoch: b.router.Epoch(), Request: key, Route: route}, b.out[:0])
	for i := range b.out {
		d := b.out[i]
		if d.Kind != core.Forward {
			continue
		}
		at := int32(b.router.Placement(d.Placement).Index)
		ev := &core.Event{Kind: core.Finish, Handle: d.Handle, Status: 200}
		if b.down[at] {
			ev.Class, ev.Status = core.ConnectRefused, 0
		}
		b.router.Step(b.router.Now(), ev, nil)
		return at == placement
	}
	return false
}
