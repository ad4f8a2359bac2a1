package main

import (
	"fmt"
	"strings"

	"lockstep/core"
)

// candidate is one placement of R1's list at the moment of the decision.
type candidate struct {
	Placement string           `json:"placement"`
	Verdict   string           `json:"verdict"`
	InFlight  int              `json:"in_flight"`
	Limit     int32            `json:"limit,omitempty"` // 0 for none
	Guests    int              `json:"guests"`
	GuestCap  int32            `json:"guest_cap,omitempty"`
	Endpoints []endpointAtTime `json:"endpoints"`

	own  int    // endpoints that the key may use
	left string // why it could not serve, "" if it could
}

// endpointAtTime is one endpoint at the moment of the decision.
type endpointAtTime struct {
	Name      string `json:"name"`
	Blocked   string `json:"blocked,omitempty"` // by what, "" for admissible
	Breaker   string `json:"breaker"`
	Until     string `json:"until,omitempty"` // when an open breaker is ready for a probe
	Failures  int    `json:"failures,omitempty"`
	Unhealthy bool   `json:"unhealthy,omitempty"`
	InFlight  int    `json:"in_flight"`
	// Beyond the ordinary, where the placement has it (R6, R10):
	Window    *windowAtTime `json:"window,omitempty"`
	SlowStart int           `json:"slow_start,omitempty"` // per cent of its full share, 0 outside a slow start
	Latency   string        `json:"latency,omitempty"`    // of ewma
	Cookie    bool          `json:"cookie,omitempty"`     // the client's cookie names it
}

// candidates looks at every candidate of the route, in order.
func candidates(r *core.Router, now core.Time, route core.Route, prefer uint64, clock func(core.Time) string) []candidate {
	var list []candidate
	for i, index := range r.Config().Placement(int(route.Placement)).Candidates {
		list = append(list, look(r, now, int(index), i > 0, route.Key, prefer, clock))
	}
	return list
}

// look asks R2, R3 and R5 of one placement.
func look(r *core.Router, now core.Time, index int, guest bool, key, prefer uint64, clock func(core.Time) string) candidate {
	info := r.Config().Placement(index)
	p := r.Placement(r.PlacementNumber(index))
	c := candidate{
		Placement: info.Name, InFlight: p.InFlight, Guests: p.Guests,
		Limit: info.Limit.InFlight, GuestCap: info.Limit.Guests,
	}
	sound, byBreaker := 0, 0
	for i := info.FirstEP; i < info.EndEP; i++ {
		n := r.EndpointNumber(i)
		e := r.Endpoint(n)
		block := r.Blocked(now, n)
		at := endpointAtTime{
			Name: e.Name, Blocked: blockText(block), Breaker: e.Breaker.String(),
			Failures: e.Failures, Unhealthy: e.Unhealthy, InFlight: e.InFlight,
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
			sound++
		case core.BlockBreaker:
			byBreaker++
		}
	}
	switch {
	case sound == 0 && byBreaker > 0:
		c.left = fmt.Sprintf("left as circuit_open: breakers block %d of %d endpoints, none is sound (R3)", byBreaker, c.own)
	case sound == 0:
		c.left = "left as upstream_unhealthy: no endpoint is sound (R3)"
	case guest && c.GuestCap != 0 && c.Guests >= int(max(c.GuestCap, 0)):
		c.left = fmt.Sprintf("left: guests %d of %d (R5)", c.Guests, max(c.GuestCap, 0))
	case c.Limit > 0 && c.InFlight >= int(c.Limit):
		c.left = fmt.Sprintf("full: %d of %d in flight (R5)", c.InFlight, c.Limit)
	}
	return c
}

func blockText(b core.Block) string {
	switch b {
	case core.BlockRetiring:
		return "retiring"
	case core.BlockBreaker:
		return "breaker"
	case core.BlockHealth:
		return "health"
	}
	return ""
}

// markServed gives every candidate its verdict, now that the decision is known.
func markServed(list []candidate, r *core.Router, d *core.Decision) {
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
			done = d.Kind == core.Reject && d.Class == core.LimitReached && r.Placement(d.Placement).Name == c.Placement && strings.HasPrefix(c.left, "full")
		}
	}
}

// why is the cause in one sentence.
func why(s *story, r *core.Router, d *core.Decision) string {
	if d.Kind == core.Forward {
		return whyServed(s, r, d)
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
	case core.LimitReached:
		return whyFull(s, place)
	case core.CircuitOpen:
		return "No candidate could take it: " + whyLeft(s) + "."
	case core.NoEndpoint:
		return "No candidate could take it, and last_resort is refuse: " + whyLeft(s) + "."
	}
	return "The router refused it as " + d.Class.String() + "."
}

// whyLeft says of each candidate why it was left.
func whyLeft(s *story) string {
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

func whyFull(s *story, place core.PlacementView) string {
	for _, c := range s.Candidates {
		if c.Placement != place.Name || !strings.HasPrefix(c.left, "full") {
			continue
		}
		text := fmt.Sprintf("%s was full: %d of %d in flight", c.Placement, c.InFlight, c.Limit)
		if c.Guests > 0 {
			text += fmt.Sprintf(", %d of them guests; without guests it would have had %d", c.Guests, c.InFlight-c.Guests)
		}
		return text + "."
	}
	return "Only room was missing: " + whyLeft(s) + "."
}

func whyServed(s *story, r *core.Router, d *core.Decision) string {
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
