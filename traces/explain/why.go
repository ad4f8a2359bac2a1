package explain

import (
	"fmt"
	"strings"

	"lockstep/core"
	"lockstep/traces/say"
)

// why is the reason of a decision about a request, in a sentence or two.
func (t *Teller) why(s *Story, r *core.Router, d *core.Decision) string {
	switch d.Kind {
	case core.Forward:
		return whyServed(s, r, d)
	case core.Queued:
		return whyFull(s, r, d)
	}
	if text := t.whyUnplaced(s, r, d); text != "" {
		return text
	}
	switch d.Class {
	case core.LimitReached, core.Shed, core.FairShare:
		return whyFull(s, r, d)
	case core.CircuitOpen:
		return "Nothing was left to serve it: " + whyLeft(s) + "."
	case core.NoEndpoint:
		if d.Rule == 9 {
			return whyPanic(s, r, d)
		}
		return "Nothing was left to serve it, and last_resort: refuse keeps it from an unhealthy endpoint: " + whyLeft(s) + "."
	}
	return fmt.Sprintf("The router refused it as %s (R%d).", d.Class, d.Rule)
}

// whyUnplaced is the reason of a refusal before any placement was looked at, "" for another.
func (t *Teller) whyUnplaced(s *Story, r *core.Router, d *core.Decision) string {
	ev := &s.fact.Event
	switch d.Class {
	case core.NoKey:
		return "The request had no routing key" + t.asked(r.Config(), ev) + "."
	case core.UnknownKey:
		return whyUnknown(r.Config(), s, d)
	case core.NoRoute:
		return whyNoRoute(r.Config(), d)
	case core.Unauthorized:
		return "Its token did not hold: no source of a key gave one that could be verified" + t.asked(r.Config(), ev) + "."
	case core.BadRequest:
		return "The edge could not read the request, or what stands where its key should be cannot be a key; no placement was asked."
	case core.RequestTimeout:
		return "The client did not finish sending its header or body in time; no placement was asked."
	case core.HeaderTooLarge:
		return "Its header section is over the listener's limit; no placement was asked."
	case core.URITooLong:
		return "Its request target is over the listener's limit; no placement was asked."
	case core.NotReady:
		return "The router had no configuration yet."
	case core.Draining:
		return t.whyDraining()
	case core.BodyTooLarge:
		info := r.Config().Placement(r.Placement(d.Placement).Index)
		return fmt.Sprintf("Its body of %s is over body_max of its home %s, which is %s.", bytesText(ev.Length), info.Name, bytesText(info.BodyMax))
	case core.Internal:
		return whyInternal(s, r)
	}
	return ""
}

// asked says which sources of a key the route has.
func (t *Teller) asked(c *core.Config, ev *core.Event) string {
	if c == nil || t.hooks.Sources == nil {
		return ""
	}
	if text := t.hooks.Sources(c, ev); text != "" {
		return ": asked were " + text
	}
	return ""
}

func whyUnknown(c *core.Config, s *Story, d *core.Decision) string {
	table := c.RouteInfo(int(s.fact.Event.Via)).Table
	name := "the table"
	if n := c.TableName(table); n != "" {
		name = "table " + n
	}
	return fmt.Sprintf("The key is not among the %s of %s, and unknown keys are refused with %d.", say.Plural(uint64(c.TableKeys(table)), "key"), name, d.Status)
}

func whyNoRoute(c *core.Config, d *core.Decision) string {
	if c == nil {
		return "No route takes requests for its host, path and listener."
	}
	return fmt.Sprintf("None of the %s takes requests for its host, path and listener; such requests are refused with %d.", say.Plural(uint64(c.Routes()), "route"), d.Status)
}

func (t *Teller) whyDraining() string {
	if t.past.drainAt == 0 && t.past.drain == 0 {
		return "The router was draining, since before what was read."
	}
	return fmt.Sprintf("The router was draining since %s: it takes no new requests, and cuts what is left at %s.", t.clock(t.past.drainAt), t.clock(t.past.drain))
}

func whyInternal(s *Story, r *core.Router) string {
	if e := s.fact.Event.Epoch; e != r.Epoch() {
		return fmt.Sprintf("It was matched under configuration %s while %s was in force, which the edge must prevent: a fault of the router's own.", epochText(e), epochText(r.Epoch()))
	}
	if s.fact.Event.Route.Refuse == core.Internal {
		return "The edge met a fault of its own before the request could be placed."
	}
	return "It came with a route that the configuration has not: a fault of the router's own."
}

// whyLeft says of each candidate why it was left.
func whyLeft(s *Story) string {
	var parts []string
	for i := range s.Candidates {
		c := &s.Candidates[i]
		text := c.Placement + " was " + withoutRule(c.left)
		if c.left == "" {
			text = c.Placement + " could not take it"
		}
		parts = append(parts, text)
	}
	if len(parts) == 1 {
		return parts[0] + ", and it has no fallback"
	}
	return strings.Join(parts, "; ")
}

// withoutRule drops the rule number that ends a reason.
func withoutRule(reason string) string {
	text, _, _ := strings.Cut(reason, " (R")
	return text
}

// whyFull is the reason of a refusal, or a wait, for want of room.
func whyFull(s *Story, r *core.Router, d *core.Decision) string {
	c := s.candidate(r.Placement(d.Placement).Name)
	switch {
	case c == nil:
		return "Only room was missing."
	case d.Kind == core.Reject && r.InFlight()+r.Waiting() >= 1<<20:
		return "The table of requests in flight was full: 1,048,576 are (R5)."
	case d.Kind == core.Reject && !c.refuses && c.left != "":
		return "Only room was missing: " + whyLeft(s) + "."
	case d.Class == core.Shed && strings.HasPrefix(c.left, "full"):
		return fmt.Sprintf("%s was %s, and priority %d would have no room even at its turn, so it must not wait.", c.Placement, withoutRule(c.left), s.fact.Event.Priority)
	case d.Class == core.FairShare && strings.HasPrefix(c.left, "full"):
		return fmt.Sprintf("%s was %s, and its tenant has its share, so it must not wait.", c.Placement, withoutRule(c.left))
	case d.Class == core.Shed || d.Class == core.FairShare:
		return fmt.Sprintf("At %s %s.", c.Placement, withoutRule(c.left))
	case c.left == "":
		return fmt.Sprintf("At %s, which has %s, %s before it.", c.Placement, c.roomText(), waitText(c.Queued))
	}
	text := c.Placement + " was " + withoutRule(c.left) + c.guestsText()
	if d.Kind == core.Reject && c.queue > 0 && c.Queued >= c.queue && s.home == d.Placement {
		text += fmt.Sprintf(" And %d of %d places in its queue were taken.", c.Queued, c.queue)
	}
	if home := s.Candidates[0]; home.Placement != c.Placement {
		text += fmt.Sprintf(" It came there as a guest, because its home %s was %s.", home.Placement, withoutRule(home.left))
	}
	return text
}

func waitText(n int) string {
	if n == 1 {
		return "1 request waited"
	}
	return fmt.Sprintf("%d requests waited", n)
}

// guestsText ends the sentence on a full placement with who filled it.
func (c *Candidate) guestsText() string {
	switch {
	case c.Guests == 0 && c.InFlight == 0:
		return "."
	case c.Guests == 0:
		return ", none of them a guest."
	case c.Guests == c.InFlight:
		return fmt.Sprintf(", all of them guests%s. Without guests it would have been empty.", c.From)
	}
	return fmt.Sprintf(", %d of them guests%s. Without guests it would have had %d.", c.Guests, c.From, c.InFlight-c.Guests)
}

// whyPanic is the refusal of a placement that fails in panic.
func whyPanic(s *Story, r *core.Router, d *core.Decision) string {
	name := r.Placement(d.Placement).Name
	if c := s.candidate(name); c != nil {
		return name + " was " + withoutRule(c.left) + "."
	}
	return name + " was in panic."
}

func (s *Story) candidate(name string) *Candidate {
	for i := range s.Candidates {
		if s.Candidates[i].Placement == name {
			return &s.Candidates[i]
		}
	}
	return nil
}

// whyServed is the reason of a Forward.
func whyServed(s *Story, r *core.Router, d *core.Decision) string {
	name := endpointName(r, d.Endpoint)
	how := howPicked(s, r, d)
	c := s.candidate(r.Placement(d.Placement).Name)
	if c == nil || len(s.Candidates) == 0 {
		return fmt.Sprintf("%s served, picked %s.", name, how)
	}
	home := &s.Candidates[0]
	whose := fmt.Sprintf("The key's home %s", home.Placement)
	if d.Reason == core.ReasonDefault {
		whose = fmt.Sprintf("The key is unknown, so its home is %s, which", home.Placement)
	}
	switch {
	case d.Probe:
		return whyProbe(c, home, name, r, d)
	case c.left != "" && c.Panic == "":
		return fmt.Sprintf("Nothing was sound (%s), and health never blocks a request: %s served as the last resort.", whyLeftUpTo(s), name)
	case c.left != "":
		return fmt.Sprintf("Nothing else was left (%s), so %s served although %s is in panic.", whyLeftUpTo(s), name, c.Placement)
	case c == home && c.Panic != "":
		return fmt.Sprintf("%s was in panic, %d of %d endpoints usable, so health is ignored there (R9); %s was picked %s.", whose, c.usable, len(c.Endpoints), name, how)
	case c == home:
		return fmt.Sprintf("%s was sound and had room, %s; %s was picked %s.", whose, c.roomText(), name, how)
	}
	return fmt.Sprintf("%s was %s; %s had room, %s, and %s served it as a guest, picked %s.",
		whose, whyLeftBefore(s, c), c.Placement, c.roomText(), name, how)
}

// whyProbe is the reason of a half-open probe.
func whyProbe(c, home *Candidate, name string, r *core.Router, d *core.Decision) string {
	text := fmt.Sprintf("The open time of %s was over, so this request is its half-open probe", name)
	for _, e := range c.Endpoints {
		if e.Name != r.Endpoint(d.Endpoint).Name {
			continue
		}
		if e.Breaker == core.HalfOpen.String() {
			text = fmt.Sprintf("The breaker of %s is half-open and admits %d at once, so this request is one of its probes", name, c.probes)
		} else if e.Until != "" {
			text = fmt.Sprintf("The open time of %s was over at %s, so this request is its half-open probe", name, e.Until)
		}
	}
	if c != home {
		text += fmt.Sprintf("; its home %s was %s", home.Placement, withoutRule(home.left))
	}
	return text + " (R6)."
}

// whyLeftUpTo says in short why every candidate was left.
func whyLeftUpTo(s *Story) string {
	var parts []string
	for i := range s.Candidates {
		if c := &s.Candidates[i]; c.left != "" {
			parts = append(parts, c.Placement+" "+withoutRule(c.left))
		}
	}
	return strings.Join(parts, "; ")
}

// whyLeftBefore says why the candidates before the one that served were left.
func whyLeftBefore(s *Story, served *Candidate) string {
	var parts []string
	for i := range s.Candidates {
		c := &s.Candidates[i]
		if c == served {
			break
		}
		text := withoutRule(c.left)
		if i > 0 {
			text = c.Placement + " was " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// roomText is how full a placement was.
func (c *Candidate) roomText() string {
	text := fmt.Sprintf("%d in flight", c.InFlight)
	if c.Limit > 0 {
		text = fmt.Sprintf("%d of %d in flight", c.InFlight, c.Limit)
	}
	switch {
	case c.GuestCap < 0:
		text += ", guests are not let in"
	case c.GuestCap != 0:
		text += fmt.Sprintf(", %d of %d guests", c.Guests, max(c.guestRoom, 0))
	case c.Guests > 0:
		text += ", " + say.Plural(c.Guests, "guest")
	}
	if c.Queued > 0 {
		text += fmt.Sprintf(", %d in its queue", c.Queued)
	}
	return text
}

// whyText joins why a request was placed as it was with what became of it.
func (s *Story) whyText() string {
	parts := append([]string{}, s.waits...)
	switch {
	case !s.arrive:
		return s.placed
	case s.ending != "":
		return strings.Join(append([]string{s.ending}, append([]string{s.placed}, parts...)...), " ")
	}
	return strings.Join(append([]string{s.placed}, parts...), " ")
}
