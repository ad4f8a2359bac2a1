package explain

import (
	"fmt"
	"strings"

	"lockstep/core"
)

// Candidate is one placement of R1's list at the moment of the decision.
type Candidate struct {
	Placement string     `json:"placement"`
	Verdict   string     `json:"verdict"`
	InFlight  int        `json:"in_flight"`
	Limit     int32      `json:"limit,omitempty"` // in force, 0 for none
	Guests    int        `json:"guests"`
	From      string     `json:"guests_from,omitempty"` // where they came from
	GuestCap  int32      `json:"guest_cap,omitempty"`   // -1: none are let in
	Queued    int        `json:"queued,omitempty"`
	Panic     string     `json:"panic,omitempty"` // what it does in panic, "" when it is not
	Endpoints []Endpoint `json:"endpoints"`

	number    int32
	own       int      // endpoints that the key may use
	usable    int      // by R9
	probes    uint32   // that a half-open breaker admits at once
	queue     int      // places in its queue, 0 for none
	guestRoom int      // the cap on guests in force
	left      string   // why it could not serve, "" if it could
	refuses   bool     // it was asked and had no room: if it rejects, nobody else is asked
	asked     bool     // before anything was decided
	unknown   int      // guests whose arrival was not read
	homes     []string // of its guests
}

// Endpoint is one endpoint at the moment of the decision.
type Endpoint struct {
	Name      string `json:"name"`
	Blocked   string `json:"blocked,omitempty"` // by what, "" for admissible
	Breaker   string `json:"breaker"`
	Until     string `json:"until,omitempty"` // when an open breaker is ready for a probe
	Failures  int    `json:"failures,omitempty"`
	Unhealthy bool   `json:"unhealthy,omitempty"`
	InFlight  int    `json:"in_flight"`
	Limit     int    `json:"limit,omitempty"` // its own cap, 0 for none
	// Beyond the ordinary, where the placement has it (R6, R10):
	Window    *Window `json:"window,omitempty"`
	SlowStart int     `json:"slow_start,omitempty"` // per cent of its full share, 0 outside a slow start
	Latency   string  `json:"latency,omitempty"`    // of ewma
	Cookie    bool    `json:"cookie,omitempty"`     // the client's cookie names it
}

// candidates looks at every candidate of the route, in order.
func candidates(r *core.Router, now core.Time, ev *core.Event, clock func(core.Time) string) []Candidate {
	var list []Candidate
	for i, index := range r.Config().Placement(int(ev.Route.Placement)).Candidates {
		list = append(list, look(r, now, int(index), ev, i > 0, clock))
	}
	return list
}

// look asks R2, R3 and R5 of one placement.
func look(r *core.Router, now core.Time, index int, ev *core.Event, guest bool, clock func(core.Time) string) Candidate {
	info := r.Config().Placement(index)
	number := r.PlacementNumber(index)
	p, room := r.Placement(number), r.Room(number, ev, guest)
	c := Candidate{
		Placement: info.Name, InFlight: p.InFlight, Guests: p.Guests, Queued: p.Queued, Limit: int32(room.Limit), GuestCap: info.Limit.Guests,
		number: number, probes: info.Breaker.Probes, guestRoom: room.Guests,
	}
	if info.Limit.WhenFull == core.QueueWhenFull {
		c.queue = int(info.Limit.Queue)
	}
	if p.Panic {
		c.Panic = info.PanicDo.String()
	}
	seen := c.survey(r, now, &info, ev, clock)
	switch {
	case seen.sound == 0 && p.Panic && info.PanicDo != core.PanicAll:
		c.left = fmt.Sprintf("in panic: %d of %d endpoints are usable, %d %% must be; it does: %s (R9)", c.usable, len(c.Endpoints), info.Panic, c.Panic)
	case seen.sound == 0 && seen.breaker > 0:
		c.left = fmt.Sprintf("left as circuit_open: breakers block %s%s (R3)", ofAll(seen.breaker, c.own), seen.untilText(c.probes, clock))
	case seen.sound == 0 && len(seen.capped) > 0 && !(guest && c.GuestCap != 0 && c.Guests >= max(c.guestRoom, 0)):
		c.refuses = true
		c.left = "full: every sound endpoint is at its cap, " + strings.Join(seen.capped, ", ") + " in flight (R2, R3)"
	case seen.sound == 0 && len(seen.capped) == 0:
		c.left = fmt.Sprintf("left as upstream_unhealthy: health blocks %s", ofAll(c.own, c.own))
		if why, _ := lacking(&c, &room, &info.Limit, ev, guest); why != "" && info.LastResort == core.UseLastResort {
			c.left += ", and as the last resort: " + why
		} else {
			c.left += " (R3)"
		}
	default:
		c.left, c.refuses = lacking(&c, &room, &info.Limit, ev, guest)
	}
	return c
}

// ofAll is how many of the endpoints something concerns.
func ofAll(n, all int) string {
	switch {
	case all == 1:
		return "its one endpoint"
	case n == all:
		return fmt.Sprintf("all of its %d endpoints", all)
	}
	return fmt.Sprintf("%d of %d endpoints, none of the others is sound", n, all)
}

// seen is what one look at a placement's endpoints found.
type seen struct {
	sound, breaker int
	capped         []string
	until          core.Time // when the first breaker is ready for a probe
	testing        int       // half-open ones with all their probes out
}

func (s *seen) untilText(probes uint32, clock func(core.Time) string) string {
	switch {
	case s.until != 0:
		return ", until " + clock(s.until)
	case s.testing > 0:
		return fmt.Sprintf(", half-open with all %d of its probes out", probes)
	}
	return ""
}

// survey looks at the endpoints of a candidate.
func (c *Candidate) survey(r *core.Router, now core.Time, info *core.PlacementInfo, ev *core.Event, clock func(core.Time) string) (out seen) {
	blind := c.Panic == "" || info.PanicDo == core.PanicAll
	index := r.Placement(c.number).Index
	for i := info.FirstEP; i < info.EndEP; i++ {
		n := r.EndpointNumber(i)
		e, block := r.Endpoint(n), r.Blocked(now, n)
		if !e.Unhealthy && e.Breaker != core.Open {
			c.usable++
		}
		at := Endpoint{
			Name: e.Name, Blocked: blockText(block), Breaker: e.Breaker.String(),
			Failures: e.Failures, Unhealthy: e.Unhealthy, InFlight: e.InFlight, Limit: int(r.Config().Endpoint(i).Limit),
		}
		if e.Breaker == core.Open {
			at.Until = clock(e.Until)
		}
		at.choose(r, now, info, n)
		at.Cookie = info.Sticky.Cookie != "" && ev.Prefer != 0 && r.Identity(n) == ev.Prefer
		inShard := r.Config().InShard(index, ev.Route.Key, i)
		if !inShard {
			at.Blocked = "shard"
		}
		c.Endpoints = append(c.Endpoints, at)
		if !inShard {
			continue
		}
		c.own++
		switch block {
		case core.BlockNone:
			if blind || e.Breaker != core.Closed {
				out.sound++
			}
		case core.BlockBreaker:
			out.breaker++
			if e.Breaker == core.HalfOpen {
				out.testing++
			} else if out.until == 0 || e.Until < out.until {
				out.until = e.Until
			}
		case core.BlockCap:
			out.capped = append(out.capped, fmt.Sprintf("%s %d of %d", e.Name, at.InFlight, at.Limit))
		}
	}
	return out
}

// lacking says of a placement with a sound endpoint why it has no room for a
// request, "" if it has, and whether that refuses the request.
func lacking(c *Candidate, room *core.RoomView, l *core.LimitSpec, ev *core.Event, guest bool) (why string, refuses bool) {
	switch {
	case room.GuestsFull && room.Guests <= 0:
		return "left: it lets no guests in (R5)", false
	case room.GuestsFull:
		return fmt.Sprintf("left: guests %d of %d (R5)", c.Guests, room.Guests), false
	case room.Class == core.LimitReached && l.Adaptive.On():
		return fmt.Sprintf("full: %d in flight, the adaptive limit is %d (R5)", c.InFlight, room.Limit), true
	case room.Class == core.LimitReached:
		return fmt.Sprintf("full: %d of %d in flight (R5)", c.InFlight, room.Limit), true
	case room.Class == core.Shed:
		return fmt.Sprintf("its priority has no room: priority %d is admitted up to %d %% of %d slots, and %d are taken (R5)", ev.Priority, room.Share, room.Pool, room.Used), !guest
	case room.Class == core.FairShare:
		return fmt.Sprintf("its tenant has its share: it holds %d and %d of %d are free, tenant_share is %d %% (R5)", room.Held, room.Pool-room.Used, room.Pool, l.TenantShare), !guest
	}
	return "", false
}

func blockText(b core.Block) string {
	switch b {
	case core.BlockRetiring:
		return "retiring"
	case core.BlockBreaker:
		return "breaker"
	case core.BlockHealth:
		return "health"
	case core.BlockCap:
		return "cap"
	}
	return ""
}

// markServed gives every candidate its verdict, now that the decision is known.
func markServed(list []Candidate, r *core.Router, d *core.Decision) {
	name := r.Placement(d.Placement).Name
	served := d.Kind == core.Forward
	decides := served || d.Kind == core.Queued || d.Rule == 5 || d.Rule == 9 // one candidate had the last word
	done := false
	for i := range list {
		c := &list[i]
		here := c.Placement == name && decides
		c.asked = !done
		switch {
		case here && served && c.left != "":
			c.Verdict = "serves as the last resort: health never blocks a request (R3)"
		case here && served:
			c.Verdict, done = "serves", true
		case done:
			c.Verdict = "not asked"
		case here && d.Kind == core.Queued:
			c.Verdict, done = "lets it wait: "+orWait(c), true
		case c.left == "" && here:
			c.Verdict, done = "refuses: "+orWait(c), true
		case c.left == "":
			c.Verdict = "not asked"
		case here && d.Rule == 9:
			c.Verdict, done = "refuses, "+c.left, true
		case here && c.refuses:
			c.Verdict, done = "refuses: "+c.left, d.Kind == core.Reject
		default:
			c.Verdict = c.left
		}
	}
}

// orWait is why a candidate has no room, if not for its own limits then for those who wait.
func orWait(c *Candidate) string {
	if c.left != "" {
		return c.left
	}
	return waitText(c.Queued) + " before it (R5)"
}
