package configfile

import "lockstep/core"

// PlacementLoad is the arithmetic of Capacity for one placement: what it has in flight
// at each router at the stated peak, what it may have, and who takes it when the
// whole placement is down. All counts are requests in flight at one router, of
// the fewest that the facts allow.
type PlacementLoad struct {
	Placement string `json:"placement"`
	Routers   int    `json:"routers"`             // the fewest that the facts allow
	InFlight  int64  `json:"in_flight"`           // of its own keys, at the peak; 0: none stated
	Limit     int64  `json:"limit,omitempty"`     // the highest that it can have; 0: none
	Endpoints int64  `json:"endpoints,omitempty"` // what its endpoints hold by their own limits; 0: one has none
	Fallbacks []Take `json:"fallbacks,omitempty"` // with it down, in the order tried, up to the one where its load ends
	Left      int64  `json:"unserved,omitempty"`  // of InFlight, what nobody takes with it down
}

// Take is what one fallback takes of the load of a placement that is down.
type Take struct {
	Placement string `json:"placement"`
	Own       int64  `json:"own"`               // its own load
	Limit     int64  `json:"limit,omitempty"`   // of both together, by its limit or its endpoints'; 0: none
	Takes     int64  `json:"takes"`             // of the guests
	Refused   int64  `json:"refused,omitempty"` // of the guests, what it refuses rather than passes on
}

// Room is what p could have in flight at most: the smaller of its limit and of
// what its endpoints hold; 0 for no limit.
func (l *PlacementLoad) Room() int64 {
	if l.Endpoints > 0 && (l.Limit == 0 || l.Endpoints < l.Limit) {
		return l.Endpoints
	}
	return l.Limit
}

// Loads works out the load of every placement, in order of name; nil where
// facts.routers is not stated. c must come from f.Compile.
func (f *File) Loads(c *core.Config) []PlacementLoad { return f.Facts.Loads(c) }

// Loads is the same by facts that another file states.
func (facts *Facts) Loads(c *core.Config) []PlacementLoad {
	if facts.Routers.Min == 0 {
		return nil
	}
	need := make([]int64, c.Placements())
	for name, load := range facts.Peak {
		if i, ok := c.FindPlacement(name); ok {
			need[i] = inFlight(load, facts.Routers.Min)
		}
	}
	out := make([]PlacementLoad, c.Placements())
	for i := range out {
		p := c.Placement(i)
		held, _ := caps(c, p)
		out[i] = PlacementLoad{Placement: p.Name, Routers: facts.Routers.Min, InFlight: need[i], Limit: limitOf(p), Endpoints: held}
		out[i].failOver(c, p, need)
	}
	return out
}

// failOver walks p's fallbacks as R3 and R5 do with p down.
func (l *PlacementLoad) failOver(c *core.Config, p core.PlacementInfo, need []int64) {
	const unlimited = int64(1) << 40
	left := l.InFlight
	for _, i := range p.Candidates[1:] {
		if left == 0 {
			break
		}
		q := c.Placement(int(i))
		guests, room := unlimited, unlimited
		if q.Limit.Guests != 0 {
			guests = max(0, int64(q.Limit.Guests))
		}
		held, _ := caps(c, q)
		t := Take{Placement: q.Name, Own: need[i]}
		if t.Limit = (&PlacementLoad{Limit: limitOf(q), Endpoints: held}).Room(); t.Limit > 0 {
			room = max(0, t.Limit-need[i])
		}
		offered := min(left, guests)
		t.Takes = min(offered, room)
		if offered > room && q.Limit.WhenFull == core.RejectWhenFull {
			t.Refused = left - t.Takes // R5: what a full placement refuses asks nobody else
			l.Fallbacks, l.Left = append(l.Fallbacks, t), left-t.Takes
			return
		}
		left -= t.Takes
		l.Fallbacks = append(l.Fallbacks, t)
	}
	l.Left = left
}
