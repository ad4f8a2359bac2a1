package core

// RoomView is what R5 says of one request at one placement, and the figures by
// which it says so.
type RoomView struct {
	// Class is ClassNone where there is room; else with what the request is
	// refused, or why it goes on. GuestsFull: because of the cap on guests.
	Class      Class
	GuestsFull bool
	Limit      int // in force, 0 for none
	Guests     int // cap on guests in force; only where there is one
	Pool, Used int // of the room that the request shares in, and how much of that is taken
	Share      int // percent of Pool up to which its priority is admitted
	Held       int // slots that its tenant holds, where tenants are told apart
}

// Room asks R5 of an arrival at placement number n; guest says that it came by
// failover. It changes nothing. A number outside the range has room.
func (r *Router) Room(n int32, ev *Event, guest bool) RoomView {
	if n < 0 || int(n) >= len(r.placements) || r.placements[n].config < 0 {
		return RoomView{}
	}
	s := &r.placements[n]
	p := &r.config.placements[s.config]
	limit, guests := s.bounds(&p.limit)
	v := RoomView{Limit: int(limit), Guests: int(guests), Share: 100, Held: int(s.tenants.held(tenantOf(&p.limit, &ev.Route, guest)))}
	if share := p.limit.Priorities[min(ev.Priority, MaxPriorities-1)]; share != 0 {
		v.Share = int(share)
	}
	pool, used := s.pool(limit, guests, p.limit.Guests != 0, guest)
	v.Pool, v.Used = int(pool), int(used)
	switch m := s.room(p, ev, guest); m {
	case roomYes:
	case roomGuestsFull:
		v.Class, v.GuestsFull = LimitReached, true
	default:
		v.Class = m.class()
	}
	return v
}
