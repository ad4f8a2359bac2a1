package explain

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/say"
)

// Instead is one change of one setting under which the request would have had
// another end, decided by core from the state in which it was decided.
type Instead struct {
	Setting string `json:"setting"` // in the names of the native form
	Value   string `json:"value"`
	End     string `json:"end"`
	Assumes string `json:"assumes,omitempty"` // what is different in the state, "" for nothing
	Certain string `json:"certain"`
}

// Line is the change and what comes of it.
func (i *Instead) Line() string {
	text := fmt.Sprintf("%s: %s -> %s", i.Setting, i.Value, i.End)
	if i.Assumes != "" {
		return text + "  (" + i.Assumes + "; " + i.Certain + ")"
	}
	return text + "  (" + i.Certain + ")"
}

const decisionCertain = "decision certain; its latency would be modelled"

// trials try changes of one configuration for one request.
type trials struct {
	s     *Story
	spec  core.Spec // of the configuration in force, with the one key
	names []string  // of its placements
	was   *core.Decision
}

// instead looks for the smallest changes of one setting that would have changed
// the end of a request that was refused, had to wait, or was served as a guest.
func (t *Teller) instead(s *Story, d *core.Decision) {
	if s.state.Config() == nil || s.state.Draining() {
		return
	}
	x := newTrials(s, d)
	switch d.Class {
	case core.BodyTooLarge:
		x.bodyMax()
		return
	case core.UnknownKey:
		x.unknownKey()
		return
	}
	if s.home < 0 || len(s.Candidates) == 0 {
		return
	}
	if d.Kind == core.Forward && !s.Candidates[0].refuses {
		return // a guest of a home without a sound endpoint: no limit would have kept it there
	}
	if d.Kind == core.Forward { // a guest: what would have kept it at home?
		x.room(s.Candidates[0].Placement, nil)
		return
	}
	p := s.state.Placement(d.Placement).Name
	_, guests := t.flights.guestsOf(s.state, d.Placement)
	if d.Rule == 5 {
		x.room(p, guests)
		x.whenFull(p)
	}
	if d.Class == core.NoEndpoint {
		x.lastResort()
	}
	x.guestCaps()
	x.fallback()
}

func newTrials(s *Story, d *core.Decision) *trials {
	spec := traces.SpecOf(s.state.Config())
	only := func(keys []core.KeySpec) []core.KeySpec {
		i, ok := slices.BinarySearchFunc(keys, s.fact.Request.Key, func(k core.KeySpec, key string) int { return cmp.Compare(k.Key, key) })
		if !ok {
			return nil
		}
		return keys[i : i+1]
	}
	spec.Keys = only(spec.Keys)
	spec.Tables = slices.Clone(spec.Tables)
	for i := range spec.Tables {
		spec.Tables[i].Keys = only(spec.Tables[i].Keys)
	}
	x := &trials{s: s, spec: spec, was: d}
	for i := range spec.Placements {
		x.names = append(x.names, spec.Placements[i].Name)
	}
	return x
}

// with returns the Config in which the placement of that name is changed, nil if that does not compile.
func (x *trials) with(name string, change func(p *core.PlacementSpec)) *core.Config {
	spec := x.spec
	spec.Placements = slices.Clone(spec.Placements)
	for i := range spec.Placements {
		if spec.Placements[i].Name == name {
			spec.Placements[i].Fallback = slices.Clone(spec.Placements[i].Fallback)
			spec.Placements[i].Endpoints = slices.Clone(spec.Placements[i].Endpoints)
			change(&spec.Placements[i])
		}
	}
	return compiled(spec)
}

func compiled(spec core.Spec) *core.Config {
	spec.Version += "?" // what it would be, not what it was
	c, err := core.Compile(spec)
	if err != nil {
		return nil
	}
	return c
}

// end decides again under c; better is whether its client fares better: it is
// served, or waits where it was refused, or stays at home where it was a guest.
func (x *trials) end(c *core.Config, gone []core.Handle) (text string, better bool) {
	if c == nil {
		return "", false
	}
	d, r, ok := redecide(x.s.state, c, &x.s.fact, gone)
	if !ok || sameEnd(x.s.state, x.was, r, &d) {
		return "", false
	}
	switch d.Kind {
	case core.Forward:
		better = x.was.Kind != core.Forward || d.Failover == core.FailoverNone
	case core.Queued:
		better = x.was.Kind == core.Reject
	}
	return endText(r, &d), better
}

// try adds the change if it helps, and books it as tried if not.
func (x *trials) try(setting, value, assumes string, c *core.Config, gone []core.Handle) bool {
	end, better := x.end(c, gone)
	if !better {
		x.tried(setting)
		return false
	}
	x.s.Instead = append(x.s.Instead, Instead{Setting: setting, Value: value, End: end, Assumes: assumes, Certain: decisionCertain})
	return true
}

func (x *trials) tried(setting string) {
	if !slices.Contains(x.s.Tried, setting) {
		x.s.Tried = append(x.s.Tried, setting)
	}
}

func (x *trials) placement(name string) *core.PlacementSpec {
	for i := range x.spec.Placements {
		if x.spec.Placements[i].Name == name {
			return &x.spec.Placements[i]
		}
	}
	return nil
}

// room tries the limits of a placement without room: how many guests, how many
// at all, how they are shared. guests are the known ones, newest first.
func (x *trials) room(name string, guests []core.Handle) {
	c, p := x.s.candidate(name), x.placement(name)
	if c == nil || p == nil || c.left == "" && c.Queued == 0 {
		return
	}
	path := "placements." + name + ".limit."
	atHome := x.s.Candidates[0].Placement == name
	if atHome && c.Guests > 0 && len(guests) > 0 && p.Limit.InFlight > 0 {
		x.fewerGuests(path, c, guests)
	}
	switch {
	case p.Limit.Adaptive.On():
		x.smallest(path+"adaptive.min", p.Limit.Adaptive.Min, c.InFlight+1+c.Queued, int(p.Limit.Adaptive.Max), name, func(q *core.PlacementSpec, n int32) {
			q.Limit.Adaptive.Min = n
			q.Limit.Adaptive.Start = max(q.Limit.Adaptive.Start, n)
		})
	case p.Limit.InFlight > 0 && c.Limit > 0:
		x.smallest(path+"in_flight", p.Limit.InFlight, int(c.Limit)+1, 4*int(c.Limit)+c.Queued+8, name, func(q *core.PlacementSpec, n int32) { q.Limit.InFlight = n })
	}
	if p.Limit.Priorities[0] != 0 {
		x.try(path+"priorities", "none", "", x.with(name, func(q *core.PlacementSpec) { q.Limit.Priorities = [core.MaxPriorities]uint8{} }), nil)
	}
	if p.Limit.TenantShare != 0 {
		x.smallest(path+"tenant_share", int32(p.Limit.TenantShare), int(p.Limit.TenantShare)+1, 99, name, func(q *core.PlacementSpec, n int32) { q.Limit.TenantShare = uint32(n) })
	}
	x.caps(name, p)
}

// guestCaps tries how many guests the fallbacks let in that were passed over for that.
func (x *trials) guestCaps() {
	for i := range x.s.Candidates {
		c := &x.s.Candidates[i]
		p := x.placement(c.Placement)
		if i == 0 || p == nil || c.GuestCap == 0 || !strings.HasPrefix(c.left, "left: ") {
			continue
		}
		most := int(p.Limit.InFlight)
		if most == 0 {
			most = c.Guests + 1
		}
		x.smallest("placements."+c.Placement+".limit.guests", capText(c.GuestCap), c.Guests+1, most, c.Placement, func(q *core.PlacementSpec, n int32) { q.Limit.Guests = n })
	}
}

// fewerGuests tries how many guests fewer would have left room: the newest would not be there.
func (x *trials) fewerGuests(path string, c *Candidate, guests []core.Handle) {
	most := min(len(guests), c.Guests)
	at := sort.Search(most, func(i int) bool {
		_, better := x.end(x.with(c.Placement, func(q *core.PlacementSpec) { q.Limit.Guests = guestCap(c.Guests - i - 1) }), guests[:i+1])
		return better
	})
	if at == most {
		x.tried(path + "guests")
		return
	}
	n := c.Guests - at - 1
	value := fmt.Sprintf("%d or fewer (now %s)", n, capText(c.GuestCap))
	if n == 0 {
		value = fmt.Sprintf("none (now %s)", capText(c.GuestCap))
	}
	x.try(path+"guests", value, fmt.Sprintf("%s fewer would have been let in", say.Plural(at+1, "guest")),
		x.with(c.Placement, func(q *core.PlacementSpec) { q.Limit.Guests = guestCap(n) }), guests[:at+1])
}

func capText(n int32) string {
	switch {
	case n == 0:
		return "no cap"
	case n < 0:
		return "none"
	}
	return fmt.Sprint(n)
}

func guestCap(n int) int32 {
	if n <= 0 {
		return -1
	}
	return int32(n)
}

// smallest tries a number: the least of from..to under which the end is better.
func (x *trials) smallest(setting string, now any, from, to int, name string, set func(*core.PlacementSpec, int32)) {
	if to < from {
		return
	}
	with := func(n int) *core.Config {
		return x.with(name, func(p *core.PlacementSpec) { set(p, int32(n)) })
	}
	at := from + sort.Search(to-from, func(i int) bool {
		_, better := x.end(with(from+i), nil)
		return better
	})
	x.try(setting, fmt.Sprintf("%d or more (now %v)", at, now), "", with(at), nil)
}

// caps tries the caps of endpoints that are all at theirs.
func (x *trials) caps(name string, p *core.PlacementSpec) {
	c := x.s.candidate(name)
	if c.Limit > 0 && c.InFlight >= int(c.Limit) {
		return
	}
	for i, e := range p.Endpoints {
		if e.Limit == 0 {
			continue
		}
		n := e.Limit + 1
		setting := fmt.Sprintf("placements.%s.endpoints.%s.limit", name, cmp.Or(e.Name, e.URL))
		if x.try(setting, fmt.Sprintf("%d or more (now %d)", n, e.Limit), "", x.with(name, func(q *core.PlacementSpec) { q.Endpoints[i].Limit = n }), nil) {
			return
		}
	}
}

// whenFull tries what a full placement does besides refusing.
func (x *trials) whenFull(name string) {
	p := x.placement(name)
	if p == nil {
		return
	}
	path := "placements." + name + ".limit.when_full"
	if p.Limit.WhenFull != core.FailOverWhenFull && x.s.Candidates[len(x.s.Candidates)-1].Placement != name {
		x.try(path, "fail_over", "", x.with(name, func(q *core.PlacementSpec) {
			q.Limit.WhenFull, q.Limit.Queue, q.Limit.Wait, q.Limit.Order = core.FailOverWhenFull, 0, 0, 0
		}), nil)
	}
	if p.Limit.WhenFull == core.RejectWhenFull && x.s.Candidates[0].Placement == name {
		const places, wait = 50, core.Second
		c := x.with(name, func(q *core.PlacementSpec) {
			q.Limit.WhenFull, q.Limit.Queue, q.Limit.Wait = core.QueueWhenFull, places, wait
		})
		if x.try(path, "{queue: 50, wait: 1s}", "", c, nil) {
			x.s.Instead[len(x.s.Instead)-1].Certain = "that it waits is certain; whether its turn comes in time would be modelled"
		}
	}
}

// lastResort tries to let the last resort serve.
func (x *trials) lastResort() {
	for i := range x.s.Candidates {
		name := x.s.Candidates[i].Placement
		p := x.placement(name)
		switch {
		case p == nil:
		case p.LastResort == core.RefuseLastResort:
			x.try("placements."+name+".last_resort", "use", "", x.with(name, func(q *core.PlacementSpec) { q.LastResort = core.UseLastResort }), nil)
		case p.PanicDo == core.PanicFail:
			x.try("placements."+name+".panic", "all", "", x.with(name, func(q *core.PlacementSpec) { q.PanicDo = core.PanicAll }), nil)
			x.try("placements."+name+".panic", "fail_over", "", x.with(name, func(q *core.PlacementSpec) { q.PanicDo = core.PanicFailOver }), nil)
		}
	}
}

// fallback tries one more fallback of the home: first the shared tiers, then
// those that others fall back to, then any.
func (x *trials) fallback() {
	home := x.placement(x.s.Candidates[0].Placement)
	if home == nil || len(x.s.Candidates) >= core.MaxCandidates || x.s.Candidates[0].refuses && x.was.Placement == x.s.home {
		return // a home that refuses asks nobody else
	}
	const most = 16
	tried := 0
	for _, name := range x.byRank() {
		if tried++; tried > most {
			break
		}
		c := x.with(home.Name, func(q *core.PlacementSpec) { q.Fallback = append(q.Fallback, name) })
		if _, better := x.end(c, nil); !better {
			continue
		}
		value := "[" + name + "]"
		if len(home.Fallback) > 0 {
			value = "one more, " + name
		}
		x.try("placements."+home.Name+".fallback", value, "if its keys may go there", c, nil)
		return
	}
	x.tried("placements." + home.Name + ".fallback")
}

// byRank lists the placements that are no candidates, likelier ones first.
func (x *trials) byRank() []string {
	rank := map[string]int{}
	for i := range x.spec.Placements {
		p := &x.spec.Placements[i]
		if p.Kind == core.ReasonTier || p.Name == x.spec.Default {
			rank[p.Name] += 1000
		}
		for _, f := range p.Fallback {
			rank[f]++
		}
	}
	var out []string
	for _, name := range x.names {
		if x.s.candidate(name) == nil {
			out = append(out, name)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return rank[b] - rank[a] })
	return out
}

// bodyMax tries a higher limit on bodies.
func (x *trials) bodyMax() {
	n := x.s.fact.Event.Length
	name := x.s.Candidates[0].Placement
	x.try("placements."+name+".body_max", bytesText(n)+" or more", "", x.with(name, func(q *core.PlacementSpec) { q.BodyMax = n }), nil)
}

// unknownKey tries a home for unknown keys.
func (x *trials) unknownKey() {
	via := int(x.s.fact.Event.Via)
	for _, name := range x.byRank() {
		spec := x.spec
		setting := "unknown_key"
		if via == 0 {
			spec.Default, spec.UnknownStatus = name, 0
		} else {
			spec.Routes = slices.Clone(spec.Routes)
			spec.Routes[via-1].Default, spec.Routes[via-1].UnknownStatus = name, 0
			setting = fmt.Sprintf("routes[%d].unknown_key", via)
		}
		if x.try(setting, "{to: "+name+"}", "if unknown keys may go there", compiled(spec), nil) {
			return
		}
	}
}

// insteadRetry says whether a retry would have followed the failure if the home
// had allowed one: the request's arrival is decided again with it, and R11 asked.
func (t *Teller) insteadRetry(s *Story, f *traces.Fact) {
	if s.state == nil || s.home < 0 || s.attempts > 0 || t.past.ended.journey {
		return
	}
	x := newTrials(s, &core.Decision{})
	name := s.Candidates[0].Placement
	c := x.with(name, func(p *core.PlacementSpec) { p.Retries.Max = 1 })
	if c == nil {
		return
	}
	d, r, ok := redecide(s.state, c, &s.fact, nil)
	if !ok || d.Kind != core.Forward {
		return
	}
	ev := f.Event
	ev.Handle = d.Handle
	if outcomeClass(&ev) == core.Upstream5xx {
		ev.Kind = core.Reply
	}
	ev.Replayable = ev.Replayable || s.fact.Event.Replayable
	why := r.RetryWhy(f.Time, &ev)
	if why != core.RetryGranted {
		s.Tried = append(s.Tried, "placements."+name+".retries.max ("+why.String()+")")
		return
	}
	s.Instead = append(s.Instead, Instead{
		Setting: "placements." + name + ".retries.max", Value: "1", End: "a second attempt (R11)",
		Certain: "that it is granted is certain; where it goes and how it ends would be modelled",
	})
}
