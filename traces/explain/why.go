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
	Limit     int32      `json:"limit,omitempty"` // 0 for none
	Guests    int        `json:"guests"`
	GuestCap  int32      `json:"guest_cap,omitempty"`
	Panic     string     `json:"panic,omitempty"` // what it does in panic, "" when it is not
	Endpoints []Endpoint `json:"endpoints"`

	own     int    // endpoints that the key may use
	left    string // why it could not serve, "" if it could
	refuses bool   // it was asked and had no room: if it rejects, nobody else is asked
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

// candidates looks at every Candidate of the route, in order.
func candidates(r *core.Router, now core.Time, ev *core.Event, clock func(core.Time) string) []Candidate {
	var list []Candidate
	for i, index := range r.Config().Placement(int(ev.Route.Placement)).Candidates {
		list = append(list, look(r, now, int(index), ev, i > 0, clock))
	}
	return list
}

// look asks R2, R3 and R5 of one placement.
func look(r *core.Router, now core.Time, index int, ev *core.Event, guest bool, clock func(core.Time) string) Candidate {
	key, prefer := ev.Route.Key, ev.Prefer
	info := r.Config().Placement(index)
	p := r.Placement(r.PlacementNumber(index))
	room := r.Room(r.PlacementNumber(index), ev, guest)
	c := Candidate{
		Placement: info.Name, InFlight: p.InFlight, Guests: p.Guests,
		Limit: int32(room.Limit), GuestCap: info.Limit.Guests,
	}
	sound, byBreaker, usable := 0, 0, 0
	var capped []string
	for i := info.FirstEP; i < info.EndEP; i++ {
		n := r.EndpointNumber(i)
		e := r.Endpoint(n)
		block := r.Blocked(now, n)
		if !e.Unhealthy && e.Breaker != core.Open {
			usable++
		}
		at := Endpoint{
			Name: e.Name, Blocked: blockText(block), Breaker: e.Breaker.String(),
			Failures: e.Failures, Unhealthy: e.Unhealthy, InFlight: e.InFlight, Limit: int(r.Config().Endpoint(i).Limit),
		}
		if e.Breaker == core.Open {
			at.Until = clock(e.Until)
		}
		at.choose(r, now, &info, n)
		at.Cookie = info.Sticky.Cookie != "" && prefer != 0 && r.Identity(n) == prefer
		if !r.Config().InShard(index, key, i) {
			at.Blocked = "shard"
			c.Endpoints = append(c.Endpoints, at)
			continue
		}
		c.own++
		c.Endpoints = append(c.Endpoints, at)
		switch block {
		case core.BlockNone:
			if !p.Panic || info.PanicDo == core.PanicAll || e.Breaker != core.Closed {
				sound++
			}
		case core.BlockBreaker:
			byBreaker++
		case core.BlockCap:
			capped = append(capped, fmt.Sprintf("%s %d of %d", e.Name, at.InFlight, at.Limit))
		}
	}
	if p.Panic {
		c.Panic = info.PanicDo.String()
	}
	switch {
	case sound == 0 && p.Panic && info.PanicDo != core.PanicAll:
		c.left = fmt.Sprintf("in panic: %d of %d endpoints are usable, %d %% must be; it does: %s (R9)", usable, len(c.Endpoints), info.Panic, c.Panic)
	case sound == 0 && byBreaker > 0:
		c.left = fmt.Sprintf("left as circuit_open: breakers block %d of %d endpoints, none is sound (R3)", byBreaker, c.own)
	case sound == 0 && len(capped) > 0 && !(guest && c.GuestCap != 0 && c.Guests >= int(max(c.GuestCap, 0))):
		c.refuses = true
		c.left = "full: every sound endpoint is at its cap, " + strings.Join(capped, ", ") + " in flight (R2, R3)"
	case sound == 0 && len(capped) == 0:
		c.left = "left as upstream_unhealthy: no endpoint is sound (R3)"
	default:
		c.left, c.refuses = lacking(&c, &room, &info.Limit, ev, guest)
	}
	return c
}

// lacking says of a placement with a sound endpoint why it has no room for a
// request, "" if it has, and whether that refuses the request.
func lacking(c *Candidate, room *core.RoomView, l *core.LimitSpec, ev *core.Event, guest bool) (why string, refuses bool) {
	limit := "the limit"
	if l.Adaptive.On() {
		limit = "the adaptive limit"
	}
	switch {
	case room.GuestsFull:
		return fmt.Sprintf("left: guests %d of %d (R5)", c.Guests, room.Guests), false
	case room.Class == core.LimitReached && l.Adaptive.On():
		return fmt.Sprintf("full: %d in flight, %s is %d (R5)", c.InFlight, limit, room.Limit), true
	case room.Class == core.LimitReached:
		return fmt.Sprintf("full: %d of %d in flight (R5)", c.InFlight, room.Limit), true
	case room.Class == core.Shed:
		return fmt.Sprintf("its priority has no room: %d is admitted up to %d %% of %d, %d are taken (R5)", ev.Priority, room.Share, room.Pool, room.Used), !guest
	case room.Class == core.FairShare:
		return fmt.Sprintf("its share is taken: the tenant holds %d, %d of %d are free, tenant_share is %d %% (R5)", room.Held, room.Pool-room.Used, room.Pool, l.TenantShare), !guest
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
	served := ""
	if d.Kind == core.Forward {
		served = r.Placement(d.Placement).Name
	}
	done := false
	for i := range list {
		c := &list[i]
		switch {
		case c.Placement == served && c.left != "":
			c.Verdict = "serves as the last resort: health never blocks a request (R3)"
		case c.Placement == served:
			c.Verdict, done = "serves", true
		case done:
			c.Verdict = "not asked"
		case c.left == "":
			c.Verdict = "not asked"
		default:
			c.Verdict = c.left
			done = (d.Kind == core.Reject || d.Kind == core.Queued) && d.Rule == 5 && r.Placement(d.Placement).Name == c.Placement && c.refuses
		}
	}
}

// why is the cause in one sentence.
func why(s *Story, r *core.Router, d *core.Decision) string {
	if d.Kind == core.Forward {
		return whyServed(s, r, d)
	}
	if d.Kind == core.Queued {
		return strings.TrimSuffix(whyFull(s, r.Placement(d.Placement), d), ".") + "; it waited in the queue."
	}
	place := r.Placement(d.Placement)
	switch d.Class {
	case core.NoKey:
		return "The request had no routing key."
	case core.BadRequest:
		return "The edge could not read the request, or what stands where its key should be cannot be a key."
	case core.NoRoute:
		return "No route takes requests for its host, path and listener."
	case core.Unauthorized:
		return "Its token did not hold."
	case core.UnknownKey:
		return "The key is not in the table, and this configuration refuses unknown keys."
	case core.NotReady:
		return "The router had no configuration yet."
	case core.Draining:
		return "The router was draining."
	case core.BodyTooLarge:
		return "The body was over the limit of " + place.Name + "."
	case core.LimitReached, core.Shed, core.FairShare:
		return whyFull(s, place, d)
	case core.CircuitOpen:
		return "No Candidate could take it: " + whyLeft(s) + "."
	case core.NoEndpoint:
		if d.Rule == 9 {
			return whyPanic(s, place)
		}
		return "No Candidate could take it, and last_resort is refuse: " + whyLeft(s) + "."
	}
	return "The router refused it as " + d.Class.String() + "."
}

// whyLeft says of each candidate why it was left.
func whyLeft(s *Story) string {
	var parts []string
	for _, c := range s.Candidates {
		parts = append(parts, c.Placement+" "+withoutRule(c.left))
	}
	return strings.Join(parts, "; ")
}

// withoutRule drops the rule number that ends a reason.
func withoutRule(reason string) string {
	text, _, _ := strings.Cut(reason, " (R")
	return text
}

func whyFull(s *Story, place core.PlacementView, d *core.Decision) string {
	for _, c := range s.Candidates {
		if c.Placement != place.Name || !c.refuses {
			continue
		}
		text := c.Placement + " was " + withoutRule(c.left)
		if d.Class != core.LimitReached && d.Kind != core.Queued {
			return "At " + c.Placement + " " + withoutRule(c.left) + "."
		}
		if c.Guests > 0 {
			text += fmt.Sprintf(", %d of them guests; without guests it would have had %d", c.Guests, c.InFlight-c.Guests)
		}
		return text + "."
	}
	return "Only room was missing: " + whyLeft(s) + "."
}

// whyPanic is the refusal of a placement that fails in panic.
func whyPanic(s *Story, place core.PlacementView) string {
	for _, c := range s.Candidates {
		if c.Placement == place.Name {
			return place.Name + " was " + withoutRule(c.left) + "."
		}
	}
	return place.Name + " was in panic."
}

func whyServed(s *Story, r *core.Router, d *core.Decision) string {
	name := endpointName(r, d.Endpoint)
	how := howPicked(s, r, d)
	switch {
	case d.Probe:
		return fmt.Sprintf("The open time of %s was over, so this request is its half-open probe.", name)
	case len(s.Candidates) == 0:
		return fmt.Sprintf("%s served, %s.", name, how)
	}
	home := s.Candidates[0]
	if home.Placement == r.Placement(d.Placement).Name {
		if home.left != "" {
			return fmt.Sprintf("Nothing was sound, and health never blocks a request: %s served.", name)
		}
		return fmt.Sprintf("The key's home %s was sound and had room; %s was picked %s.", home.Placement, name, how)
	}
	return fmt.Sprintf("The key's home %s was %s; %s served it as a guest, picked %s.", home.Placement, withoutRule(home.left), name, how)
}
