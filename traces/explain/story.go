package explain

import (
	"fmt"
	"strings"
	"time"

	"lockstep/core"
	"lockstep/traces"
)

// Story is what is known of one request, or of another step.
type Story struct {
	Router     string      `json:"router,omitempty"` // the name in the recording's header
	Step       uint64      `json:"step,omitempty"`
	Time       string      `json:"time"`
	T          core.Time   `json:"t"` // ns since the recording's origin
	Event      string      `json:"event"`
	Key        string      `json:"key,omitempty"`
	ID         string      `json:"id,omitempty"`
	Status     int         `json:"status,omitempty"`      // that the client was told, 0 while not known or when nobody was left to tell
	Class      string      `json:"class,omitempty"`       // of R16, "" for a completed response below 500
	Duration   int64       `json:"duration_ns,omitempty"` // from arrival to end
	Sent       bool        `json:"sent"`                  // something was sent to an endpoint
	Endpoint   string      `json:"endpoint,omitempty"`    // of the last attempt, as placement/name
	Assumed    string      `json:"assumed,omitempty"`     // of a what-if of a configuration: with what
	Why        string      `json:"why"`
	Before     []Moment    `json:"before,omitempty"`
	Route      string      `json:"route,omitempty"` // the key, where it came from and belongs
	Candidates []Candidate `json:"candidates,omitempty"`
	Fallback   string      `json:"fallback,omitempty"`  // of the home, and where that is said
	Decisions  []string    `json:"decisions,omitempty"` // of a step that is no request
	Outcome    []string    `json:"outcome,omitempty"`
	Config     *Config     `json:"config,omitempty"`
	Instead    []Instead   `json:"instead,omitempty"`
	Tried      []string    `json:"tried,omitempty"` // settings that were tried too and would have changed nothing
	Missing    []string    `json:"missing,omitempty"`
	Proof      string      `json:"proof"`

	arrive     bool
	origin     int64           // of its recording
	placements map[string]bool // of the candidates and of who sends them guests
	number     int32           // of the endpoint of the present attempt
	attempts   int             // begun after the first; they and waits are told in Outcome
	replied    bool            // the present attempt's outcome is booked
	ended      bool
	placed     string       // why it was placed as it was
	ending     string       // why it ended as it did, "" for well
	waits      []string     // what became of its waits
	state      *core.Router // in which it was decided, while that is needed
	fact       traces.Fact  // its arrival
	home       int32
	episode    *run
	nth        uint64 // of its episode
	guests     bool   // there were guests where it was refused
}

// Config is the configuration by which a request was decided.
type Config struct {
	Epoch    string    `json:"epoch"`
	Version  string    `json:"version"`
	Digest   string    `json:"digest"`
	Adopted  *Adoption `json:"adopted,omitempty"` // nil: before what was read begins
	Mattered string    `json:"mattered,omitempty"`

	tried bool // nobody has adopted it
}

// Origin is the wall time of the recording's start in ns since 1970 UTC, 0 for a simulated one.
func (s *Story) Origin() int64 { return s.origin }

// IsRequest reports whether the story is that of a request, not of another step.
func (s *Story) IsRequest() bool { return s.arrive }

// Wall is the time of the step in ns since 1970 UTC; of a simulated recording, since its start.
func (s *Story) Wall() int64 { return s.origin + int64(s.T) }

// clock prints a time: of day in UTC, or since the origin if that is not known.
func (t *Teller) clock(at core.Time) string {
	if t.header.Origin == 0 {
		return fmt.Sprintf("+%.3fs", float64(at)/1e9)
	}
	return time.Unix(0, t.header.Origin+int64(at)).UTC().Format("15:04:05.000")
}

// date is clock with the day.
func (t *Teller) date(at core.Time) string {
	if t.header.Origin == 0 {
		return t.clock(at)
	}
	return time.Unix(0, t.header.Origin+int64(at)).UTC().Format("2006-01-02 15:04:05.000 UTC")
}

// begin opens the story of a step with the state in which it will be decided:
// the router's, once the deadlines that are due have fired.
func (t *Teller) begin(f *traces.Fact, r *core.Router) *Story {
	s := &Story{
		Router: t.header.Name, Step: f.Step, Time: t.date(f.Time), Event: f.Event.Kind.String(), T: f.Time,
		origin: t.header.Origin, placements: map[string]bool{}, home: -1, number: -1,
	}
	s.Config = t.config(r)
	if s.arrive = f.Event.Kind == core.Arrive && f.Event.Handle == (core.Handle{}); !s.arrive {
		return s
	}
	s.Key, s.ID = f.Request.Key, traces.FormatRequestID(f.Request.ID)
	s.fact = *f
	s.fact.Decisions = nil
	s.state = new(core.Router)
	s.state.CopyFrom(r)
	s.state.Step(f.Time, &core.Event{Kind: core.Tick}, nil)
	route := traces.RouteOf(r.Config(), f.Request.Key, &f.Event)
	s.fact.Event.Route = route
	if route.Placement < 0 {
		return s
	}
	s.home = s.state.PlacementNumber(int(route.Placement))
	s.Route = RouteText(r.Config(), &f.Event, f.Request.Key, route, t.hooks)
	s.Candidates = candidates(s.state, f.Time, &s.fact.Event, t.clock)
	s.Fallback = t.fallback(r.Config(), int(route.Placement))
	for i := range s.Candidates {
		c := &s.Candidates[i]
		s.placements[c.Placement] = true
		from, _ := t.flights.guestsOf(s.state, c.number)
		c.From = fromText(s.state, c.number, c.Guests, from)
		c.unknown = c.Guests
		for _, share := range from {
			c.unknown -= share.n
			c.homes = append(c.homes, share.name)
		}
		if only := onlyHome(s.state, c.number); len(from) == 0 && c.Guests > 0 && only != "" {
			c.homes = append(c.homes, only)
		}
	}
	return s
}

// fallback says which fallback a placement has, and where that is said.
func (t *Teller) fallback(c *core.Config, placement int) string {
	p := c.Placement(placement)
	text := "none"
	if len(p.Candidates) > 1 {
		var names []string
		for _, i := range p.Candidates[1:] {
			names = append(names, c.Placement(int(i)).Name)
		}
		text = strings.Join(names, ", ")
	}
	if t.hooks.Setting != nil {
		if at := t.hooks.Setting(c, p.Name, "fallback"); at != "" {
			text += " (" + at + ")"
		}
	}
	return text
}

// RouteText says of a key where it came from, where it belongs and where that is said.
func RouteText(c *core.Config, ev *core.Event, key string, route core.Route, hooks Hooks) string {
	home, r := c.Placement(int(route.Placement)).Name, c.RouteInfo(int(ev.Via))
	from, place := "", ""
	if hooks.Source != nil {
		from = hooks.Source(c, ev)
	}
	if hooks.Place != nil {
		place = hooks.Place(c, ev, key, route)
	}
	table := "the table"
	if name := c.TableName(r.Table); name != "" {
		table = "table " + name
	}
	if route.Reason == core.ReasonDefault {
		return fmt.Sprintf("%s%s is not in %s; unknown keys go to %s (R1)%s", quoted(key), from, table, home, place)
	}
	text := fmt.Sprintf("%s%s -> %s, %s", quoted(key), from, home, route.Reason)
	if at, _ := c.TableHome(r.Table, key); at < 0 {
		by := "drawn by the request"
		if ev.Split != 0 {
			by = "drawn by who sent it"
		}
		text += fmt.Sprintf(": a part of %s, %s (R1)", c.HomeName(at), by)
	}
	return text + place
}

func (t *Teller) config(r *core.Router) *Config {
	c := r.Config()
	if c == nil {
		return nil
	}
	out := &Config{Epoch: epochText(r.Epoch()), Version: c.Version(), Digest: fmt.Sprintf("%016x", c.Digest())}
	if a := t.past.adoption; a != nil {
		at := *a
		at.Time = t.date(a.at)
		out.Adopted = &at
	}
	return out
}

func epochText(e core.Epoch) string { return fmt.Sprintf("%d.%d", e.Term, e.Number) }

// decided completes the story with what the step decided.
func (t *Teller) decided(s *Story, f *traces.Fact, r *core.Router, decided []core.Decision) {
	if !s.arrive {
		s.Before = t.past.timeline(nil, f.Step, f.Time, t.clock)
		s.placed = t.stepText(f)
		for i := range decided {
			s.Decisions = append(s.Decisions, t.decisionText(r, &decided[i]))
		}
		return
	}
	d := &decided[len(decided)-1]
	markServed(s.Candidates, r, d)
	s.placed = t.why(s, r, d)
	s.Config.judge(t, s, d)
	if d.Kind != core.Forward || d.Failover != core.FailoverNone {
		t.instead(s, d)
	}
	t.belongs(s, d)
	for i := range s.Candidates {
		for _, home := range s.Candidates[i].homes {
			s.placements[home] = s.Candidates[i].asked
		}
	}
	for i := range s.Candidates {
		s.placements[s.Candidates[i].Placement] = s.Candidates[i].asked
	}
	s.Before = t.past.timeline(s.placements, f.Step, f.Time, t.clock)
	switch d.Kind {
	case core.Reject:
		s.Status, s.Class, s.ended, s.state = int(d.Status), d.Class.String(), true, nil
		s.Outcome = []string{fmt.Sprintf("answered %d, class %s (R%d); no slot, probe or rotation step was taken", d.Status, d.Class, d.Rule)}
	case core.Queued:
		s.Outcome = []string{s.queuedText(r, d)}
	case core.Forward:
		s.Sent, s.Endpoint, s.number = true, endpointName(r, d.Endpoint), d.Endpoint
		s.Outcome = []string{fmt.Sprintf("forwarded to %s (R%d), breaker %s", s.Endpoint, d.Rule, d.Circuit)}
	}
}

// belongs finds the episode that a refusal, or the place of a guest, is part of.
func (t *Teller) belongs(s *Story, d *core.Decision) {
	if d.Placement < 0 || d.Kind == core.Forward && d.Failover == core.FailoverNone || d.Kind == core.Queued {
		return
	}
	name := s.state.Placement(d.Placement).Name
	if s.episode = t.past.runs[keyOf(name, d)]; s.episode != nil {
		s.nth = s.episode.n
	}
	if c := s.candidate(name); c != nil {
		s.guests = c.Guests > 0
	}
}

// stepText is the why of a step that is no request.
func (t *Teller) stepText(f *traces.Fact) string {
	switch f.Event.Kind {
	case core.Arrive:
		a := t.flights[f.Event.Handle]
		return fmt.Sprintf("Request %s, which waits, is matched again under a new configuration (R12); it came at step %d: explain --step %d.", traces.FormatRequestID(a.id), a.step, a.step)
	case core.Finish, core.Reply:
		a, ok := t.flights[f.Event.Handle]
		if !ok {
			return "It ends an attempt that began before what was read, or none."
		}
		return fmt.Sprintf("It belongs to request %s, which came at step %d: explain --step %d.", traces.FormatRequestID(a.id), a.step, a.step)
	case core.Tick:
		return "A deadline was due and nothing else happened."
	case core.Probed:
		return "An active probe of an endpoint's health came back."
	case core.Adopt:
		return "A configuration was offered."
	case core.Control:
		return "The control plane went up or down, which changes no decision (R13)."
	case core.Drain:
		return "The operator wants the router to stop."
	}
	return "This step is no request."
}

func (t *Teller) decisionText(r *core.Router, d *core.Decision) string {
	s := fmt.Sprintf("%s (R%d)", d.Kind, d.Rule)
	if d.Endpoint >= 0 {
		s += " " + endpointName(r, d.Endpoint)
	}
	if d.Until > 0 {
		s += " until " + t.clock(d.Until)
	}
	if d.Epoch != (core.Epoch{}) {
		s += " epoch " + epochText(d.Epoch)
	}
	if d.Cause != core.CauseNone {
		s += " " + d.Cause.String()
	}
	if how := d.GuardText(); how != "" {
		s += ": " + how
	}
	return s
}
