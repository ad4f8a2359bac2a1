package whatif

import "lockstep/core"

// judge says whether where a request goes is the same whatever the outcomes that
// are not exactly known turned out to be: it walks the candidates (R3) and asks
// at each what is certain. It is asked before alt decides.
func (d *doubt) judge(ev *core.Event) (Label, string) {
	c := d.e.alt.Config()
	if c == nil || ev.Route.Refuse != core.ClassNone || ev.Route.Placement < 0 || d.e.alt.Draining() {
		return Recorded, ""
	}
	if !d.dirty[d.component[ev.Route.Placement]] {
		return Recorded, ""
	}
	if most := c.BodyMax(int(ev.Route.Placement)); most > 0 && ev.Length > most {
		return Recorded, ""
	}
	list := d.places[ev.Route.Placement].info.Candidates
	resort, loose := false, false
	for i, at := range list {
		p := &d.places[at]
		sound, blocked, health := d.survey(p)
		resort = resort || health
		loose = loose || d.alive(p) > 0
		switch {
		case blocked:
			continue
		case !sound:
			return d.uncertain(list, "whether "+p.info.Name+" has a sound endpoint depends on outcomes that are not recorded")
		}
		switch d.room(p, i > 0) {
		case roomYes:
			return Recorded, ""
		case roomNo:
			switch {
			case p.info.Limit.WhenFull == core.RejectWhenFull:
				return Recorded, ""
			case p.info.Limit.WhenFull == core.QueueWhenFull && i == 0:
				if d.alive(p) > 0 {
					return d.uncertain(list, "the queue of "+p.info.Name+" depends on outcomes that are not recorded")
				}
				return Recorded, ""
			}
		case roomGuestsNo:
		case roomMaybe:
			return d.uncertain(list, "whether "+p.info.Name+" has room depends on outcomes that are not recorded")
		}
	}
	if resort && loose {
		return d.uncertain(list, "whether a last resort has room depends on outcomes that are not recorded")
	}
	return Recorded, ""
}

// uncertain is the label of a decision that depends on what is in doubt.
func (d *doubt) uncertain(list []int32, why string) (Label, string) {
	for _, at := range list {
		if d.places[at].unknownUntil > d.e.now {
			return Unknown, why
		}
	}
	return Modelled, why
}

// survey says whether a placement certainly has a sound endpoint, certainly has
// none, and whether health alone blocks some.
func (d *doubt) survey(p *placeDoubt) (sound, blocked, health bool) {
	now, alt := d.e.now, &d.e.alt
	blocked = true
	all := true
	unsure := false
	for i := p.info.FirstEP; i < p.info.EndEP; i++ {
		x := &d.ends[i]
		n := alt.EndpointNumber(i)
		if d.breakerDoubt(x, n) || x.health {
			blocked, unsure = false, true
			continue
		}
		switch alt.Blocked(now, n) {
		case core.BlockNone:
			blocked = false
			if x.limit == 0 || d.high(p) < int(x.limit) {
				sound = true
			} else {
				all = false
			}
		case core.BlockHealth:
			health, all = true, false
		case core.BlockCap:
			blocked, all = false, false
		default:
			all = false
		}
	}
	if p.info.Panic > 0 && unsure || p.info.Shards > 0 && (unsure || !all) {
		return false, false, health // which of them count depends on the rest
	}
	return sound, blocked, health
}

type room uint8

const (
	roomYes room = iota
	roomNo
	roomGuestsNo // a guest goes on
	roomMaybe
)

// room says whether a placement certainly takes one more (R5).
func (d *doubt) room(p *placeDoubt, guest bool) room {
	l := &p.info.Limit
	alive := d.alive(p)
	if l.Adaptive.Max > 0 && p.touched || (l.TenantShare > 0 || l.Priorities[0] > 0) && alive > 0 {
		return roomMaybe
	}
	if guest && l.Guests != 0 {
		most := max(0, int(l.Guests))
		low, high := d.guests(p)
		switch {
		case low >= most:
			return roomGuestsNo
		case high >= most:
			return roomMaybe
		}
	}
	if l.InFlight == 0 {
		return roomYes
	}
	low, high := d.low(p), d.high(p)
	switch {
	case high < int(l.InFlight):
		return roomYes
	case low >= int(l.InFlight):
		return roomNo
	}
	return roomMaybe
}

// low and high bound how many attempts a placement really has in flight.
func (d *doubt) low(p *placeDoubt) int {
	in, _ := d.e.alt.PlacementCounts(d.e.alt.PlacementNumber(p.index))
	return max(0, in-p.loose)
}

func (d *doubt) high(p *placeDoubt) int { return d.low(p) + d.alive(p) }

func (d *doubt) guests(p *placeDoubt) (low, high int) {
	_, in := d.e.alt.PlacementCounts(d.e.alt.PlacementNumber(p.index))
	low = max(0, in-p.looseGuests)
	return low, low + max(p.looseGuests, p.aliveGuests.count(d.e.now))
}

// alive is how many attempts may be in flight that are not certain to be.
func (d *doubt) alive(p *placeDoubt) int { return max(p.loose, p.alive.count(d.e.now)) }

// breakerDoubt says whether a breaker may really be in another state than alt's.
func (d *doubt) breakerDoubt(x *endDoubt, n int32) bool {
	if x.breakerUntil == 0 {
		return false
	}
	if d.e.now > x.breakerUntil && d.e.alt.Endpoint(n).Breaker == core.Closed {
		x.breakerUntil, x.fails, x.murky = 0, 0, false
		x.risky = 0
		return false
	}
	return true
}
