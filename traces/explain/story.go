package explain

import (
	"fmt"
	"strings"
	"time"

	"lockstep/core"
	"lockstep/traces"
)

// Story is what explain knows of one request, or of another step.
type Story struct {
	Step       uint64      `json:"step"`
	Time       string      `json:"time"`
	Event      string      `json:"event"`
	Key        string      `json:"key,omitempty"`
	ID         string      `json:"id,omitempty"`
	Status     int         `json:"status,omitempty"` // 0 while not known
	Duration   int64       `json:"duration_ns,omitempty"`
	Sent       bool        `json:"sent"` // something was sent to an endpoint
	Why        string      `json:"why"`
	Before     []Moment    `json:"before,omitempty"`
	Route      string      `json:"route,omitempty"`
	Candidates []Candidate `json:"candidates,omitempty"`
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
func (t *Teller) clock(at core.Time) string {
	if t.origin == 0 {
		return fmt.Sprintf("+%.6fs", float64(at)/1e9)
	}
	return time.Unix(0, t.origin+int64(at)).UTC().Format("15:04:05.000000")
}

func (t *Teller) date(at core.Time) string {
	if t.origin == 0 {
		return t.clock(at)
	}
	return time.Unix(0, t.origin+int64(at)).UTC().Format("2006-01-02 15:04:05.000000 UTC")
}

// begin opens the Story of a step with the state in which it will be decided:
// the router's, once the deadlines that are due have fired.
func (t *Teller) begin(f *traces.Fact, r *core.Router) *Story {
	s := &Story{Step: f.Step, Time: t.date(f.Time), Event: f.Event.Kind.String(), at: f.Time, origin: t.origin, placements: map[string]bool{}}
	s.Config = t.configText(r)
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
	s.Route = RouteText(r.Config(), &f.Event, f.Request.Key, route, t.hooks)
	asked := f.Event
	asked.Route = route
	s.Candidates = candidates(now, f.Time, &asked, t.clock)
	for _, c := range s.Candidates {
		s.placements[c.Placement] = true
	}
	return s
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

func quoted(key string) string {
	if key == "" {
		return "(no key)"
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Sprintf("%q", key)
	}
	return key
}

func (t *Teller) configText(r *core.Router) string {
	c := r.Config()
	if c == nil {
		return "none yet"
	}
	s := fmt.Sprintf("epoch %d.%d, version %q, digest %016x", r.Epoch().Term, r.Epoch().Number, c.Version(), c.Digest())
	if a := t.past.adoption; a != nil {
		return s + fmt.Sprintf(", adopted %s from %s (step %s)", a.Time, a.Origin, thousands(a.Step))
	}
	return s + ", adopted before this trace begins"
}

// decided completes the Story with what the step decided.
func (t *Teller) decided(s *Story, f *traces.Fact, r *core.Router, decided []core.Decision) {
	s.Before = t.past.about(s.placements, f.Step, 12)
	if !s.arrive {
		s.Why = t.stepText(f)
		for i := range decided {
			s.Decisions = append(s.Decisions, t.decisionText(r, &decided[i]))
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
func (t *Teller) replyText(s *Story, f *traces.Fact, decided []core.Decision) string {
	s.Status = int(f.Event.Status)
	defer func() { s.replied = true }()
	if t.past.ended.journey && s.Status >= 500 { // R11 was asked before any of it went to the client
		return fmt.Sprintf("%d after %s: %s (R7)%s%s", s.Status, span(f.Time.Sub(s.at)),
			t.effectText(s, core.Upstream5xx), breakerText(decided), t.noMore(core.Upstream5xx))
	}
	return fmt.Sprintf("%d after %s; its body still flowed, so the outcome was booked then%s",
		s.Status, span(f.Time.Sub(s.at)), breakerText(decided))
}

// finished tells how the attempt ended.
func (t *Teller) finished(s *Story, f *traces.Fact, decided []core.Decision) {
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
		outcomeText(class), span(f.Time.Sub(s.at)), t.effectText(s, class), breakerText(decided), t.noMore(class), thousands(f.Step)))
}

// outcomeText names how an attempt ended.
func outcomeText(class core.Class) string {
	if class == core.ClassNone {
		return "complete"
	}
	return class.String()
}

// effectText says what the end of an attempt means for its endpoint.
func (t *Teller) effectText(s *Story, class core.Class) string {
	effect := class.Effect()
	switch {
	case s.replied && class != core.BrokenBody && class != core.BodyTimeout:
		return "nothing more to book"
	case effect == core.EffectOK:
		return "counts as ok"
	case effect == core.EffectFailure && t.past.ended.failed:
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
func (t *Teller) stepText(f *traces.Fact) string {
	switch f.Event.Kind {
	case core.Finish, core.Reply:
		a, ok := t.arrivals[f.Event.Handle]
		if !ok {
			return "it ends an attempt that began before this trace, or none"
		}
		return fmt.Sprintf("it belongs to request %s, which came at step %d: explain --step %d", traces.FormatRequestID(a.id), a.step, a.step)
	case core.Tick:
		return "a deadline was due and nothing else happened"
	}
	return "this step is no request"
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
		s += fmt.Sprintf(" epoch %d.%d", d.Epoch.Term, d.Epoch.Number)
	}
	if d.Cause != core.CauseNone {
		s += " " + d.Cause.String()
	}
	return s
}

// span prints a length of time with three figures or so.
func span(d core.Duration) string {
	long := time.Duration(d)
	switch {
	case long >= time.Second:
		return long.Round(10 * time.Millisecond).String()
	case long >= time.Millisecond:
		return long.Round(10 * time.Microsecond).String()
	}
	return long.Round(10 * time.Nanosecond).String()
}
