package core

import (
	"cmp"
	"slices"
)

// Adoption (R12): between two events, all or nothing. Identity alone, which is
// placement and URL, decides what state survives.

func (r *Router) adopt(now Time, ev *Event, out []Decision) []Decision {
	if ev.Fault != FaultNone || ev.Config == nil {
		cause := CauseInvalid
		if ev.Fault == FaultNotPersisted {
			cause = CauseNotPersisted
		}
		return append(out, answer(Nack, now, ev.Epoch, cause))
	}
	epoch, cause, same := r.order(ev)
	if cause != CauseNone {
		return append(out, answer(Nack, now, ev.Epoch, cause))
	}
	if same {
		return append(out, answer(Ack, now, epoch, CauseNone))
	}
	if guard, ppm := r.guarded(ev); guard != CauseNone {
		d := answer(Nack, now, ev.Epoch, guard)
		d.Rule, d.Count = 13, ppm
		return append(out, d)
	}
	r.Reserve(ev.Config, 0)
	r.useExtras(ev.Config)
	old := r.config
	r.config, r.epoch = ev.Config, epoch
	r.indexRows()
	r.placePlacements()
	out = r.placeEndpoints(now, old, out)
	out = r.weighAll(now, out)
	out = r.readapt(now, out)
	r.retable()
	r.freePlacements()
	return append(out, answer(NoteAdopted, now, epoch, CauseNone), answer(Ack, now, epoch, CauseNone))
}

func answer(k DecisionKind, now Time, e Epoch, c Cause) Decision {
	d := note(k, 12, now)
	d.Epoch, d.Cause = e, c
	return d
}

// order decides what a push means: its epoch, or why it is refused, or that it
// is the configuration in force. A peer without epochs gets the next number.
func (r *Router) order(ev *Event) (epoch Epoch, refuse Cause, same bool) {
	equal := r.config != nil && r.config.digest == ev.Config.digest
	if ev.Epoch == (Epoch{}) {
		if equal {
			return r.epoch, CauseNone, true
		}
		return Epoch{r.epoch.Term, r.epoch.Number + 1}, CauseNone, false
	}
	switch c := ev.Epoch.Compare(r.epoch); {
	case c < 0:
		return Epoch{}, CauseStale, false
	case c == 0 && !equal:
		return Epoch{}, CauseEpochConflict, false
	case c == 0:
		return r.epoch, CauseNone, true
	}
	return ev.Epoch, CauseNone, false
}

// numbering maps indexes of the current Config to the numbers of the state.
type numbering struct{ placement, endpoint []int32 }

func (n *numbering) reserve(c *Config) {
	n.placement = growTo(n.placement, len(c.placements))
	n.endpoint = growTo(n.endpoint, len(c.endpoints))
}

// ident joins an identity to its number.
type ident struct {
	id     uint64
	number int32
}

// indexRows sorts the endpoints that exist by identity, for find.
func (r *Router) indexRows() {
	r.ids = r.ids[:0]
	for n := range r.endpoints {
		if r.endpoints[n].id != 0 {
			r.ids = append(r.ids, ident{r.endpoints[n].id, int32(n)})
		}
	}
	slices.SortFunc(r.ids, func(a, b ident) int { return cmp.Compare(a.id, b.id) })
}

func (r *Router) find(id uint64) (int32, bool) {
	i, ok := slices.BinarySearchFunc(r.ids, id, func(e ident, id uint64) int { return cmp.Compare(e.id, id) })
	if !ok {
		return -1, false
	}
	return r.ids[i].number, true
}

// placePlacements gives every placement of the configuration a number: the one
// it had, or the lowest free.
func (r *Router) placePlacements() {
	for n := range r.placements {
		r.placements[n].config = -1
		r.touchPlacement(int32(n))
	}
	r.numbers.placement = r.numbers.placement[:0]
	for range r.config.placements {
		r.numbers.placement = append(r.numbers.placement, -1)
	}
	for n := range r.placements {
		p := &r.placements[n]
		if i, ok := searchPlacements(r.config.placements, p.name); p.id != 0 && ok {
			p.config = int32(i)
			r.numbers.placement[i] = int32(n)
		}
		if p.config < 0 {
			p.panic = false
			r.forgetLimit(int32(n))
		}
	}
	free := 0
	for i := range r.config.placements {
		if r.numbers.placement[i] >= 0 {
			continue
		}
		for free < len(r.placements) && r.placements[free].id != 0 {
			free++
		}
		if free == len(r.placements) {
			r.placements = append(r.placements, placement{})
		}
		c := &r.config.placements[i]
		r.placements[free] = placement{id: c.id, name: c.name, config: int32(i), mixed: r.placements[free].mixed}
		r.numbers.placement[i] = int32(free)
		r.touchPlacement(int32(free))
	}
}

// freePlacements frees the numbers of removed placements that hold nothing.
func (r *Router) freePlacements() {
	for n := range r.placements {
		r.freePlacement(int32(n))
	}
}

func (r *Router) freePlacement(n int32) {
	p := &r.placements[n]
	if p.id != 0 && p.config < 0 && p.inFlight == 0 && p.queue.count == 0 && p.budget.own == 0 {
		r.touchPlacement(n)
		*p = placement{config: -1, mixed: p.mixed}
	}
}

// placeEndpoints gives every endpoint of the configuration a number, keeps the
// state of those that stay or come back, and retires the rest.
func (r *Router) placeEndpoints(now Time, old *Config, out []Decision) []Decision {
	r.numbers.endpoint = r.numbers.endpoint[:0]
	for i := range r.config.endpoints {
		n, ok := r.find(r.config.endpoints[i].id)
		if !ok {
			n = -1
		}
		r.numbers.endpoint = append(r.numbers.endpoint, n)
	}
	// Before anything moves: which placements keep their rotation.
	for i := range r.config.placements {
		r.resetRotation(old, &r.config.placements[i])
	}
	for i, n := range r.numbers.endpoint {
		if n >= 0 {
			r.keep(now, old, n, int32(i))
		}
	}
	for n := range r.endpoints {
		if e := &r.endpoints[n]; e.kept {
			e.kept = false
		} else if e.config >= 0 && e.id != 0 {
			out = r.remove(now, int32(n), out)
		}
	}
	free := 0
	for i := range r.config.endpoints {
		if r.numbers.endpoint[i] >= 0 {
			continue
		}
		for free < len(r.endpoints) && r.endpoints[free].id != 0 {
			free++
		}
		if free == len(r.endpoints) {
			r.endpoints = append(r.endpoints, endpoint{})
			if len(r.extras) > 0 || r.config.extras {
				r.extras = append(r.extras, extra{})
			}
		}
		r.numbers.endpoint[i] = int32(free)
		r.add(now, int32(free), int32(i))
		r.warm(now, int32(free), old != nil)
	}
	return out
}

// resetRotation clears the credits of a placement whose endpoints, weights or
// policy changed: they mean something only among the same peers. A placement
// that did not change keeps them (R15).
func (r *Router) resetRotation(old *Config, p *placementConfig) {
	if old != nil && sameRotation(old, r.config, p) {
		return
	}
	for i := p.first; i < p.end; i++ {
		if n := r.numbers.endpoint[i]; n >= 0 {
			r.endpoints[n].rotation = 0
		}
	}
}

func sameRotation(old, c *Config, p *placementConfig) bool {
	i, ok := searchPlacements(old.placements, p.name)
	if !ok {
		return false
	}
	q := &old.placements[i]
	if q.selection != p.selection || q.end-q.first != p.end-p.first {
		return false
	}
	for k := range p.end - p.first {
		a, b := &old.endpoints[q.first+k], &c.endpoints[p.first+k]
		if a.id != b.id || a.weight != b.weight {
			return false
		}
	}
	return true
}

// add makes number n the new endpoint at index i.
func (r *Router) add(now Time, n, i int32) {
	c := &r.config.endpoints[i]
	p := &r.config.placements[c.placement]
	e := &r.endpoints[n]
	r.touchEndpoint(n)
	*e = endpoint{
		id: c.id, config: i, placement: r.numbers.placement[c.placement], weight: c.weight, limit: c.limit,
		name: c.name, url: c.url, mixed: e.mixed,
		breaker: breaker{state: Closed},
	}
	if !p.health.Off {
		e.health.unhealthy = p.health.StartUnhealthy
		r.timers.set(timerHealth, n, now) // the first probe at once (R8)
	}
}

// keep carries endpoint n over to index i of the new configuration. New
// settings apply at the next outcome; only what is switched off is forgotten.
func (r *Router) keep(now Time, old *Config, n, i int32) {
	c := &r.config.endpoints[i]
	p := &r.config.placements[c.placement]
	e := &r.endpoints[n]
	r.touchEndpoint(n)
	back := e.config < 0
	var was HealthSpec
	if !back {
		q := &old.placements[old.endpoints[e.config].placement]
		was = q.health
		r.keepExtra(n, q, p)
	}
	e.config, e.weight, e.limit, e.name, e.kept = i, c.weight, c.limit, c.name, true
	r.warm(now, n, back)
	if p.breaker.Off && e.breaker.state != Closed {
		e.breaker = breaker{state: Closed, gen: e.breaker.gen + 1}
		r.timers.set(timerBreakerGuard, n, Never)
	}
	switch {
	case p.health.Off:
		e.health = health{}
		r.stopHealth(n)
	case back || was.Off:
		r.timers.set(timerHealth, n, now)
	case was.Every != p.health.Every:
		r.timers.set(timerHealth, n, nextProbe(now, &p.health, r.seed, e.id))
	}
}

// remove takes endpoint n out of the configuration: it retires at once when
// nothing is in flight, else with its last attempt. Its breaker stands still
// until it comes back; probes that are out no longer count.
func (r *Router) remove(now Time, n int32, out []Decision) []Decision {
	e := &r.endpoints[n]
	r.touchEndpoint(n)
	e.config = -1
	e.rotation = 0
	e.health.token = 0
	r.stopHealth(n)
	r.clearExtra(n)
	if e.breaker.state == HalfOpen {
		e.breaker.probes = 0
		e.breaker.gen++
		r.timers.set(timerBreakerGuard, n, Never)
	}
	d := r.about(CloseIdle, 12, now, n)
	out = append(out, d)
	if e.inFlight == 0 {
		return r.retire(now, n, out)
	}
	return out
}

func (r *Router) stopHealth(n int32) {
	r.timers.set(timerHealth, n, Never)
	r.timers.set(timerHealthGuard, n, Never)
}

// retire frees the number of an endpoint that has left and holds nothing.
func (r *Router) retire(now Time, n int32, out []Decision) []Decision {
	e := &r.endpoints[n]
	home := e.placement
	out = append(out, r.about(NoteRetired, 12, now, n))
	r.touchEndpoint(n)
	*e = endpoint{config: -1, mixed: e.mixed}
	r.freePlacement(home)
	return out
}
