package main

import (
	"fmt"
	"strings"
	"time"

	"lockstep/adapters/routing"
	"lockstep/core"
	"lockstep/traces"
)

// story is what explain knows of one request, or of another step.
type story struct {
	Step       uint64      `json:"step"`
	Time       string      `json:"time"`
	Event      string      `json:"event"`
	Key        string      `json:"key,omitempty"`
	ID         string      `json:"id,omitempty"`
	Status     int         `json:"status,omitempty"` // 0 while not known
	Duration   int64       `json:"duration_ns,omitempty"`
	Sent       bool        `json:"sent"` // something was sent to an endpoint
	Why        string      `json:"why"`
	Before     []moment    `json:"before,omitempty"`
	Route      string      `json:"route,omitempty"`
	Candidates []candidate `json:"candidates,omitempty"`
	Config     string      `json:"config,omitempty"`
	Decisions  []string    `json:"decisions,omitempty"` // of a step that is no request
	Outcome    []string    `json:"outcome,omitempty"`
	Proof      string      `json:"proof"`

	arrive     bool
	at         core.Time
	origin     int64           // of its recording
	placements map[string]bool // of the candidates
	endpoint   string          // that serves
	attempts   int             // begun after the first; they and waits are told in Outcome
	replied    bool            // the present attempt's outcome is booked
	ended      bool
}

// clock prints a time: of day in UTC, or since the origin if that is not known.
func (e *explainer) clock(t core.Time) string {
	if e.origin == 0 {
		return fmt.Sprintf("+%.6fs", float64(t)/1e9)
	}
	return time.Unix(0, e.origin+int64(t)).UTC().Format("15:04:05.000000")
}

func (e *explainer) date(t core.Time) string {
	if e.origin == 0 {
		return e.clock(t)
	}
	return time.Unix(0, e.origin+int64(t)).UTC().Format("2006-01-02 15:04:05.000000 UTC")
}

// begin opens the story of a step with the state in which it will be decided:
// the router's, once the deadlines that are due have fired.
func (e *explainer) begin(f *traces.Fact, r *core.Router) *story {
	s := &story{Step: f.Step, Time: e.date(f.Time), Event: f.Event.Kind.String(), at: f.Time, origin: e.origin, placements: map[string]bool{}}
	s.Config = e.configText(r)
	if s.arrive = f.Event.Kind == core.Arrive; !s.arrive {
		return s
	}
	s.Key, s.ID = f.Request.Key, traces.FormatRequestID(f.Request.ID)
	route := traces.RouteOf(r.Config(), f.Request.Key, &f.Event)
	if route.Placement < 0 {
		return s
	}
	now, err := core.Restore(r.Snapshot(nil), r.Config(), false)
	if err != nil {
		return s // Snapshot wrote it, so this cannot be
	}
	now.Step(f.Time, &core.Event{Kind: core.Tick}, nil)
	s.Route = routeText(r.Config(), f, route) + e.place(r.Config(), f, route)
	asked := f.Event
	asked.Route = route
	s.Candidates = candidates(now, f.Time, &asked, e.clock)
	for _, c := range s.Candidates {
		s.placements[c.Placement] = true
	}
	return s
}

func routeText(c *core.Config, f *traces.Fact, route core.Route) string {
	key, via := f.Request.Key, int(f.Event.Via)
	from := fromText(c, &f.Event)
	home, r := c.Placement(int(route.Placement)).Name, c.RouteInfo(via)
	table := "the table"
	if name := c.TableName(r.Table); name != "" {
		table = "table " + name
	}
	if route.Reason == core.ReasonDefault {
		return fmt.Sprintf("%s%s is not in %s; unknown keys go to %s (R1)", quoted(key), from, table, home)
	}
	text := fmt.Sprintf("%s%s -> %s, %s", quoted(key), from, home, route.Reason)
	if at, _ := c.TableHome(r.Table, key); at < 0 {
		by := "drawn by the request"
		if f.Event.Split != 0 {
			by = "drawn by who sent it"
		}
		text += fmt.Sprintf(": a part of %s, %s (R1)", c.HomeName(at), by)
	}
	return text
}

// place is where the key stands in the file that was given.
func (e *explainer) place(c *core.Config, f *traces.Fact, route core.Route) string {
	switch {
	case e.file == nil:
		return ""
	case e.compiled.Digest() != c.Digest():
		return fmt.Sprintf("   (%s is another configuration, version %q)", e.file.Path, e.compiled.Version())
	}
	path := e.file.KeyPath(int(f.Event.Via), f.Request.Key)
	if route.Reason == core.ReasonDefault {
		path = routePath(int(f.Event.Via), "unknown_key.to")
	}
	at, _ := e.file.Where(path)
	return "   " + at.String()
}

// fromText says where a key came from and by which route, where the
// configuration finds keys in its own way.
func fromText(c *core.Config, ev *core.Event) string {
	s, err := routing.Settings(c)
	if err != nil || s == nil || int(ev.Via) >= len(s.Routes) {
		if ev.Via > 0 {
			return fmt.Sprintf(", route %d,", ev.Via)
		}
		return ""
	}
	r := &s.Routes[ev.Via]
	if int(ev.Source) >= len(r.Sources) {
		return fmt.Sprintf(", route %s,", r.Name)
	}
	return fmt.Sprintf(", from %s, route %s,", r.Sources[ev.Source].String(), r.Name)
}

func quoted(key string) string {
	if key == "" {
		return "(no key)"
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Sprintf("%q", key)
	}
	return key
}

func (e *explainer) configText(r *core.Router) string {
	c := r.Config()
	if c == nil {
		return "none yet"
	}
	s := fmt.Sprintf("epoch %d.%d, version %q, digest %016x", r.Epoch().Term, r.Epoch().Number, c.Version(), c.Digest())
	if a := e.past.adoption; a != nil {
		return s + fmt.Sprintf(", adopted %s from %s (step %s)", a.Time, a.Origin, thousands(a.Step))
	}
	return s + ", adopted before this trace begins"
}

// decided completes the story with what the step decided.
func (e *explainer) decided(s *story, f *traces.Fact, r *core.Router, decided []core.Decision) {
	s.Before = e.past.about(s.placements, f.Step, 12)
	if !s.arrive {
		s.Why = e.stepText(f)
		for i := range decided {
			s.Decisions = append(s.Decisions, e.decisionText(r, &decided[i]))
		}
		return
	}
	d := &decided[len(decided)-1]
	markServed(s.Candidates, r, d)
	s.Why = why(s, r, d)
	if d.Kind == core.Reject {
		s.Status = int(d.Status)
		s.ended = true
		s.Outcome = []string{fmt.Sprintf("answered %d, class %s (R%d); no slot, probe or rotation step was taken", d.Status, d.Class, d.Rule)}
		return
	}
	if d.Kind == core.Queued {
		s.Outcome = []string{s.queuedText(r, d)}
		return
	}
	s.Sent, s.endpoint = true, endpointName(r, d.Endpoint)
	s.Outcome = []string{fmt.Sprintf("forwarded to %s (R%d), breaker %s", s.endpoint, d.Rule, d.Circuit)}
}

// replyText tells of a Reply: the outcome was booked while the body still flowed.
func (e *explainer) replyText(s *story, f *traces.Fact, decided []core.Decision) string {
	s.Status = int(f.Event.Status)
	defer func() { s.replied = true }()
	if e.past.ended.journey && s.Status >= 500 { // R11 was asked before any of it went to the client
		return fmt.Sprintf("%d after %s: %s (R7)%s%s", s.Status, span(f.Time.Sub(s.at)),
			e.effectText(s, core.Upstream5xx), breakerText(decided), e.noMore(core.Upstream5xx))
	}
	return fmt.Sprintf("%d after %s; its body still flowed, so the outcome was booked then%s",
		s.Status, span(f.Time.Sub(s.at)), breakerText(decided))
}

// finished tells how the attempt ended.
func (e *explainer) finished(s *story, f *traces.Fact, decided []core.Decision) {
	ev := &f.Event
	s.Duration = int64(f.Time.Sub(s.at))
	class := ev.Class
	if class == core.ClassNone && ev.Status >= 500 {
		class = core.Upstream5xx
	}
	if ev.Status != 0 {
		s.Status = int(ev.Status)
	}
	if row := class.Row(); row.Status != 0 {
		s.Status = int(row.Status)
	}
	s.ended = true
	s.Outcome = append(s.Outcome, fmt.Sprintf("%s after %s: %s (R7)%s%s   step %s",
		outcomeText(class), span(f.Time.Sub(s.at)), e.effectText(s, class), breakerText(decided), e.noMore(class), thousands(f.Step)))
}

// outcomeText names how an attempt ended.
func outcomeText(class core.Class) string {
	if class == core.ClassNone {
		return "complete"
	}
	return class.String()
}

// effectText says what the end of an attempt means for its endpoint.
func (e *explainer) effectText(s *story, class core.Class) string {
	effect := class.Effect()
	switch {
	case s.replied && class != core.BrokenBody && class != core.BodyTimeout:
		return "nothing more to book"
	case effect == core.EffectOK:
		return "counts as ok"
	case effect == core.EffectFailure && e.past.ended.failed:
		return "does not count, an earlier attempt of this request has"
	case effect == core.EffectFailure:
		return "counts against the endpoint"
	}
	return "does not count"
}

// breakerText tells what an outcome did to the breaker.
func breakerText(decided []core.Decision) string {
	for i := range decided {
		switch d := &decided[i]; d.Kind {
		case core.NoteOpened:
			return "; it opened the breaker" + tripText(d.Trip)
		case core.NoteClosed:
			return "; it closed the breaker"
		case core.NoteTripCapped:
			return "; it would have opened the breaker" + tripText(d.Trip) + ", but too many are open"
		case core.NoteIgnored:
			return "; ignored: " + d.Cause.String()
		}
	}
	return ""
}

// stepText is the why of a step that is no request.
func (e *explainer) stepText(f *traces.Fact) string {
	switch f.Event.Kind {
	case core.Finish, core.Reply:
		a, ok := e.arrivals[f.Event.Handle]
		if !ok {
			return "it ends an attempt that began before this trace, or none"
		}
		return fmt.Sprintf("it belongs to request %s, which came at step %d: explain --step %d", traces.FormatRequestID(a.id), a.step, a.step)
	case core.Tick:
		return "a deadline was due and nothing else happened"
	}
	return "this step is no request"
}

func (e *explainer) decisionText(r *core.Router, d *core.Decision) string {
	s := fmt.Sprintf("%s (R%d)", d.Kind, d.Rule)
	if d.Endpoint >= 0 {
		s += " " + endpointName(r, d.Endpoint)
	}
	if d.Until > 0 {
		s += " until " + e.clock(d.Until)
	}
	if d.Epoch != (core.Epoch{}) {
		s += fmt.Sprintf(" epoch %d.%d", d.Epoch.Term, d.Epoch.Number)
	}
	if d.Cause != core.CauseNone {
		s += " " + d.Cause.String()
	}
	return s
}

// span prints a length of time with three figures or so.
func span(d core.Duration) string {
	t := time.Duration(d)
	switch {
	case t >= time.Second:
		return t.Round(10 * time.Millisecond).String()
	case t >= time.Millisecond:
		return t.Round(10 * time.Microsecond).String()
	}
	return t.Round(10 * time.Nanosecond).String()
}
