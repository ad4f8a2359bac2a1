package core

// Rationing of what is left in a placement (R5): lower priorities are shed as
// it fills, and a tenant may hold no more slots than a multiple of those that
// are still free. Both are asked of the request's pool: where guests are capped,
// those at home share what the cap leaves and guests share the cap, so that
// guests move nothing for those at home (R15).

// MaxPriorities is how many priorities there are; 0 is the most critical. A
// larger number in an Arrive counts as the last.
const MaxPriorities = 8

// pool returns how much of a placement's room a request may ask for, and how much of that is taken.
func (s *placement) pool(limit, guests int32, capped, guest bool) (room, used int32) {
	switch {
	case !capped || guests >= limit:
		return limit, s.inFlight
	case guest:
		return guests, s.guests
	}
	return limit - guests, s.inFlight - s.guests
}

// bounds returns how many requests a placement takes now, 0 for any number, and
// how many guests among them, where those are capped.
func (s *placement) bounds(l *LimitSpec) (limit, guests int32) {
	if s.adaptive != nil {
		return s.adaptive.bounds(l)
	}
	return l.InFlight, max(l.Guests, 0)
}

// sharedRoom is room where the limit moves or is shared out.
func (s *placement) sharedRoom(p *placementConfig, ev *Event, guest bool) room {
	limit, guests := s.bounds(&p.limit)
	switch {
	case guest && p.limit.Guests != 0 && s.guests >= guests:
		return roomGuestsFull
	case s.inFlight >= limit: // there is one, or nothing could be shared
		return roomFull
	}
	return s.ration(&p.limit, limit, guests, 0, ev, guest)
}

// nextShare asks of a home request at a full placement what its share will say at
// best when its turn comes: when as many of those at home have ended as must.
func (s *placement) nextShare(p *placementConfig, ev *Event) room {
	limit, guests := s.bounds(&p.limit)
	return s.ration(&p.limit, limit, guests, max(s.inFlight-limit+1, 0), ev, false)
}

// takeShare books an admission, counted already, with its tenant and its placement's limit.
func (r *Router) takeShare(now Time, s *slot, number int32, ev *Event) {
	p := &r.placements[number]
	if p.tenants != nil {
		r.count(s, p.tenants, tenantOf(&r.config.placements[p.config].limit, &ev.Route, s.guest))
	}
	if p.adaptive != nil {
		r.admitted(now, number, &r.config.placements[p.config].limit)
	}
}

// ration asks of a request for which there is a slot, or will be when so many
// more of its pool have ended, whether it may have it.
func (s *placement) ration(l *LimitSpec, limit, guests, ended int32, ev *Event, guest bool) room {
	pool, used := s.pool(limit, guests, l.Guests != 0, guest)
	used -= ended
	if share := l.Priorities[min(ev.Priority, MaxPriorities-1)]; share != 0 && share < 100 && int64(used)*100 >= int64(pool)*int64(share) {
		return roomShed
	}
	if l.TenantShare == 0 {
		return roomYes
	}
	// Dynamic thresholds (Choudhury, Hahne 1998): what one may hold, this slot
	// included, is a multiple of what it leaves free. It falls as the rest fills,
	// so that any number of greedy tenants leave something for the next.
	held, free := int64(s.tenants.held(tenantOf(l, &ev.Route, guest))), int64(max(pool-used, 0))
	if held > 0 && (held+1)*(100-int64(l.TenantShare)) > (free-1)*int64(l.TenantShare) {
		return roomUnfair
	}
	return roomYes
}

// class is how a refusal for want of room is answered.
func (m room) class() Class {
	switch m {
	case roomShed:
		return Shed
	case roomUnfair:
		return FairShare
	}
	return LimitReached
}

// tenantOf returns whose share a request takes: its routing key's hash. Unknown
// keys are one tenant, or a flood of invented ones would be many small ones. Where
// guests are capped, what a tenant holds as a guest counts apart: it must move
// nothing for the same tenant at home (R15), which a split key, or an unknown one,
// may have here as well.
func tenantOf(l *LimitSpec, route *Route, guest bool) uint64 {
	id := uint64(1)
	if route.Reason != ReasonDefault {
		id = max(route.Key, 2) // 0 is a free cell, 1 the unknown
	}
	if guest && l.Guests != 0 {
		id = max(finalise(id), 2)
	}
	return id
}

// tenants counts the attempts of each tenant of a placement: a hash table of
// buckets that never moves what it holds. A tenant whose bucket is full is not
// counted, and so never refused for its share. nil counts nobody.
type tenants []tenantCell

type tenantCell struct {
	id       uint64 // 0 for a free cell
	inFlight int32
}

const (
	bucketCells = 8
	minTenants  = 64
	maxTenants  = 1 << 16
)

// tenantCells returns how many cells a placement with that limit has: four times
// as many as there can be tenants in flight, as long as the limit is at most a
// quarter of maxTenants.
func tenantCells(limit int32) int {
	n := minTenants
	for n < maxTenants && n < 4*int(limit) {
		n *= 2
	}
	return n
}

func (t tenants) bucket(id uint64) tenants {
	if len(t) == 0 {
		return nil
	}
	at := int(id>>32) & (len(t)/bucketCells - 1) * bucketCells
	return t[at : at+bucketCells]
}

// held returns how many attempts of a tenant are counted.
func (t tenants) held(id uint64) int32 {
	b := t.bucket(id)
	for i := range b {
		if b[i].id == id {
			return b[i].inFlight
		}
	}
	return 0
}

// add counts one attempt; ok is false when its bucket is full.
func (t tenants) add(id uint64) (ok bool) {
	b, free := t.bucket(id), -1
	for i := range b {
		if b[i].id == id {
			b[i].inFlight++
			return true
		}
		if b[i].id == 0 && free < 0 {
			free = i
		}
	}
	if free < 0 {
		return false
	}
	b[free] = tenantCell{id, 1}
	return true
}

// drop forgets one attempt that was counted.
func (t tenants) drop(id uint64) (ok bool) {
	b := t.bucket(id)
	for i := range b {
		if b[i].id == id {
			if b[i].inFlight--; b[i].inFlight == 0 {
				b[i] = tenantCell{}
			}
			return true
		}
	}
	return false
}

// mixTenant is the part that a counted attempt has in the digest beside its own.
func (s *slot) mixTenant(endpoint uint64) uint64 {
	return mixWord(mixEntity(entityTenant, endpoint, s.tenant), s.request)
}

// count gives the attempt in s to its tenant.
func (r *Router) count(s *slot, t tenants, tenant uint64) {
	if t.add(tenant) {
		s.tenant = tenant
		r.sum += s.mixTenant(r.endpoints[s.endpoint].id)
	}
}

// uncount takes the attempt in s from its tenant.
func (r *Router) uncount(now Time, s *slot, t tenants, out []Decision) []Decision {
	r.sum -= s.mixTenant(r.endpoints[s.endpoint].id)
	out = r.ensure(t.drop(s.tenant), now, "a tenant without its count", out)
	s.tenant = 0
	return out
}

// retable gives placements the tables that the configuration asks for. Attempts
// that were counted stay counted where there is still a table; those that were
// admitted without one never are.
func (r *Router) retable() {
	changed := false
	for n := range r.placements {
		p := &r.placements[n]
		size := 0
		if p.config >= 0 && r.config.placements[p.config].limit.TenantShare > 0 {
			size = tenantCells(r.config.placements[p.config].mostInFlight())
		}
		if p.retabled = size != len(p.tenants); p.retabled {
			changed = true
			p.tenants = nil
			if size > 0 {
				p.tenants = make(tenants, size)
			}
		}
	}
	for n, ok := r.slots.next(0); ok && changed; n, ok = r.slots.next(n + 1) {
		s := r.slots.at(n)
		if s.state == slotWaiting {
			continue
		}
		e := &r.endpoints[s.endpoint]
		if p := &r.placements[e.placement]; s.tenant != 0 && p.retabled {
			r.sum -= s.mixTenant(e.id)
			tenant := s.tenant
			s.tenant = 0
			r.count(s, p.tenants, tenant)
		}
	}
}

// mostInFlight is the largest limit that a placement can have.
func (p *placementConfig) mostInFlight() int32 {
	if most := p.limit.Adaptive.Max; most > 0 && (p.limit.InFlight == 0 || most < p.limit.InFlight) {
		return most
	}
	return p.limit.InFlight
}
