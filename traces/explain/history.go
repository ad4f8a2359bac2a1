package explain

import (
	"fmt"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/say"
)

// keptMoments bounds what is remembered; older notes matter less than newer ones.
const keptMoments = 4096

// history remembers what happened to placements and endpoints, so that a story
// can begin before its request.
type history struct {
	moments  []Moment
	failing  map[int32]streak // by endpoint number
	runs     runs
	ended    ending // the attempt that the present step ends
	adoption *Adoption
	before   previous // the configuration before the one in force
	offered  previous // the one in force before the present step
	drain    core.Time
	drainAt  core.Time
}

// previous is a configuration that was in force.
type previous struct {
	config *core.Config // nil for none, or not known
	epoch  core.Epoch
}

// streak is a run of failures of one endpoint.
type streak struct {
	count uint32
	class core.Class
	time  core.Time
	step  uint64
}

// ending is an attempt about to end.
type ending struct {
	attempt core.Attempt
	known   bool
	failed  bool          // an earlier attempt of its request has counted against an endpoint
	waited  bool          // no attempt: the request waits
	retry   core.RetryWhy // what R11 answers
	journey bool          // R11 is asked
	budget  core.Budget   // before it answers
	// Of a failure that counts, before it counts:
	window   core.ChoiceView
	endpoint core.EndpointView
}

// Adoption is how the configuration in force came.
type Adoption struct {
	Step   uint64 `json:"step"`
	Time   string `json:"time"`
	Origin string `json:"origin"`

	at core.Time
}

func newHistory() history {
	return history{failing: map[int32]streak{}, runs: runs{}}
}

func (h *history) add(m Moment) {
	if len(h.moments) >= 2*keptMoments {
		h.moments = append(h.moments[:0], h.moments[keptMoments:]...)
	}
	h.moments = append(h.moments, m)
}

// about looks at what a step is about while it exists: the attempt of a Reply
// or Finish, the configuration that an Adopt may replace.
func (h *history) about(f *traces.Fact, r *core.Router) {
	h.ended = ending{}
	switch f.Event.Kind {
	case core.Finish, core.Reply:
		e := &h.ended
		e.attempt, e.known = r.Attempt(f.Event.Handle)
		if r.MayComeAgain(f.Event.Handle) {
			var j core.Journey
			j, e.journey = r.Journey(f.Event.Handle)
			e.failed, e.waited = j.Failed, j.Waiting
			e.retry = r.RetryWhy(f.Time, &f.Event)
			e.budget = r.Budget(f.Time, j.Account)
		}
		if e.known && outcomeClass(&f.Event).Effect() == core.EffectFailure {
			e.window, e.endpoint = r.Choice(f.Time, e.attempt.Endpoint), r.Endpoint(e.attempt.Endpoint)
		}
	case core.Adopt:
		h.offered = previous{r.Config(), r.Epoch()}
	}
}

// outcomeClass is how an attempt ended, an upstream's 5xx included.
func outcomeClass(ev *core.Event) core.Class { return traces.Outcome(ev.Class, ev.Status) }

// turned corrects what about saw of a request whose wait ended within the step
// that ends it too: a deadline fired first.
func (e *ending) turned(f *traces.Fact, decided []core.Decision) {
	if !e.waited {
		return
	}
	for i := range decided {
		if d := &decided[i]; d.Kind == core.Forward && d.Handle == f.Event.Handle {
			e.waited, e.known = false, true
			e.attempt = core.Attempt{Handle: d.Handle, Endpoint: d.Endpoint, Guest: d.Failover != core.FailoverNone, Probe: d.Probe, Current: true}
		}
	}
}

// observe books one step.
func (h *history) observe(f *traces.Fact, r *core.Router, decided []core.Decision) {
	h.ended.turned(f, decided)
	if h.ended.known && !h.ended.attempt.Replied {
		h.outcome(f)
	}
	for i := range decided {
		h.decision(f, r, &decided[i])
	}
}

// outcome counts failures in a row.
func (h *history) outcome(f *traces.Fact) {
	n := h.ended.attempt.Endpoint
	class := outcomeClass(&f.Event)
	switch class.Effect() {
	case core.EffectOK:
		delete(h.failing, n)
	case core.EffectFailure:
		if h.ended.failed {
			return // R7: of one request only the first failure counts
		}
		s := h.failing[n]
		if s.count++; s.count == 1 {
			s.class, s.time, s.step = class, f.Time, f.Step
		}
		h.failing[n] = s
	}
}

// decision remembers what a decision means to those who come after.
func (h *history) decision(f *traces.Fact, r *core.Router, d *core.Decision) {
	if d.Kind == core.Forward || d.Kind == core.Reject {
		h.room(f, r, d)
		return
	}
	m, ok := h.noted(d, f.Step, f.Event.Origin, r.Placement(d.Placement).Name, r.Endpoint(d.Endpoint).Name)
	if !ok {
		return
	}
	switch d.Kind {
	case core.NoteOpened:
		h.trip(d, &m)
	case core.NotePanicEntered, core.NotePanicLeft:
		m.cause = panicText(r, d)
	case core.NoteAdopted:
		if h.before = h.offered; h.before.config == nil {
			return // the first configuration: nothing was before it
		}
	}
	h.add(m)
}

// noted is what a decision means to those who come after, by itself; ok is false for nothing.
func (h *history) noted(d *core.Decision, step uint64, origin core.Origin, placement, endpoint string) (m Moment, ok bool) {
	m = Moment{At: d.At, Step: step, Placement: placement, Endpoint: endpoint}
	switch d.Kind {
	case core.NoteOpened:
		m.Kind, m.Until, m.cause = KindOpened, d.Until, say.Trip(d.Trip)
	case core.NoteHalfOpened:
		m.Kind = KindHalfOpened
	case core.NoteClosed:
		m.Kind = KindClosed
	case core.NoteTripCapped:
		m.Kind, m.Count, m.cause = KindTripCapped, d.Count, say.Trip(d.Trip)
	case core.NoteHealthy:
		m.Kind = KindHealthy
	case core.NoteUnhealthy:
		m.Kind = KindUnhealthy
	case core.NoteLimitChanged:
		m.Kind, m.Count = KindLimit, d.Count
	case core.NotePanicEntered:
		m.Kind, m.cause = KindPanic, fmt.Sprintf("%s  enters panic: %s usable (R9)", placement, say.Plural(int(d.Count), "endpoint"))
	case core.NotePanicLeft:
		m.Kind, m.cause = KindPanicLeft, fmt.Sprintf("%s  leaves panic: %s usable (R9)", placement, say.Plural(int(d.Count), "endpoint"))
	case core.NoteRetired:
		m.Kind, m.cause, m.Placement = KindRetired, "an endpoint retires (R12)", ""
	case core.NoteAdopted:
		m.Kind = KindAdopted
		m.cause = fmt.Sprintf("configuration %s adopted from %s (R12)", epochText(d.Epoch), origin)
		h.adoption = &Adoption{Step: step, Origin: origin.String(), at: d.At}
	case core.Nack:
		m.Kind, m.cause = KindPushRefused, nackText(d)
	case core.NoteDraining:
		m.Kind, m.Until, h.drain, h.drainAt = KindDraining, d.Until, d.Until, d.At
	default:
		return m, false
	}
	return m, true
}

// nackText says why a push was refused.
func nackText(d *core.Decision) string {
	if how := d.GuardText(); how != "" {
		return "a push is refused by " + d.Cause.String() + ": " + how + " (R13)"
	}
	return "a push is refused: " + d.Cause.String() + " (R12)"
}

// trip tells why a breaker opened: by the failures in a row before it, of which
// the first is a Moment of its own, by its window, or by a half-open probe.
func (h *history) trip(d *core.Decision, m *Moment) {
	s, e := h.failing[d.Endpoint], &h.ended
	delete(h.failing, d.Endpoint)
	m.Count = 0
	w := e.window
	switch {
	case !e.known || e.attempt.Endpoint != d.Endpoint:
		m.cause = ": its half-open probe did not answer in time"
	case e.endpoint.Breaker != core.Closed:
		m.cause = ": its half-open probe failed"
	case d.Trip == core.TripSlow:
		m.cause = fmt.Sprintf("%s: %d or more of %d in its window", say.Trip(d.Trip), w.Slow, w.Requests+1)
	case d.Trip == core.TripRatio:
		m.cause = fmt.Sprintf("%s: %d of %d in its window failed", say.Trip(d.Trip), w.Failures+1, w.Requests+1)
	default:
		m.Count = uint32(e.endpoint.Failures) + 1
		m.cause = fmt.Sprintf(" after %s in a row", say.Plural(int(m.Count), "failure"))
		if m.Count == 1 {
			m.cause = " after 1 failure, " + s.class.String()
			return
		}
		if m.short = s.count < m.Count; m.short {
			return
		}
		h.add(Moment{
			At: s.time, Step: s.step, Kind: KindFailure, Placement: m.Placement, Endpoint: m.Endpoint, Count: s.count, class: s.class.String(),
		})
	}
}

// panicText tells that panic begins or ends.
func panicText(r *core.Router, d *core.Decision) string {
	p := r.Placement(d.Placement)
	what := "enters panic"
	if d.Kind == core.NotePanicLeft {
		what = "leaves panic"
	}
	if p.Index < 0 {
		return p.Name + "  " + what + " (R9)"
	}
	info := r.Config().Placement(p.Index)
	return fmt.Sprintf("%s  %s: %d of %d endpoints are usable, panic_percent is %d %% (R9)", p.Name, what, d.Count, info.EndEP-info.FirstEP, info.Panic)
}

// room tells when guests begin to come and when a placement begins to refuse.
func (h *history) room(f *traces.Fact, r *core.Router, d *core.Decision) {
	if d.Placement < 0 || d.Kind == core.Forward && d.Failover == core.FailoverNone {
		return
	}
	p := r.Placement(d.Placement)
	key := keyOf(p.Name, d)
	n, begins := h.runs.count(key, d.At, f.Step, 1)
	if !begins {
		return
	}
	m := Moment{At: d.At, Step: f.Step, Kind: KindRefusal, Placement: p.Name, key: key, run: n}
	if d.Kind == core.Forward {
		m.Kind = KindGuest
	} else {
		m.cause = firstRefusal(p, d)
	}
	h.add(m)
}

// firstRefusal tells that a placement begins to refuse.
func firstRefusal(p core.PlacementView, d *core.Decision) string {
	first := fmt.Sprintf("first %d", d.Status)
	if d.Rule == 5 && (d.Failover == core.FailoverCircuitOpen || d.Failover == core.FailoverUnhealthy) {
		first += " of a guest"
	}
	switch {
	case d.Class != core.LimitReached:
		return fmt.Sprintf("%s  %s, %s (R%d)", p.Name, first, d.Class, d.Rule)
	case p.Limit > 0 && p.InFlight >= p.Limit:
		return fmt.Sprintf("%s  is at %d of %d, %s; %s (R5)", p.Name, p.InFlight, p.Limit, guestsText(p.Guests), first)
	}
	return fmt.Sprintf("%s  has no room with %d in flight, %s; %s (R5)", p.Name, p.InFlight, guestsText(p.Guests), first)
}

func guestsText(n int) string {
	if n == 0 {
		return "no guests"
	}
	return fmt.Sprintf("%d of them guests", n)
}

// endpointName is placement/name of an endpoint number.
func endpointName(r *core.Router, n int32) string {
	e := r.Endpoint(n)
	if e.Name == "" {
		return "an endpoint"
	}
	return r.Placement(e.Placement).Name + "/" + e.Name
}

// gap remembers that steps are missing, and what is different after them.
func (h *history) gap(m Missing, before, after *core.Router) {
	h.add(Moment{At: m.To, Step: m.First, Kind: KindGap, cause: gapText(m.Steps)})
	if before == nil || before.Config() == nil || after.Config() == nil {
		return
	}
	if before.Config().Digest() != after.Config().Digest() {
		h.adoption, h.before = nil, previous{}
		h.add(Moment{At: m.To, Step: m.First, Kind: KindGap, cause: fmt.Sprintf("after the gap configuration %s is in force, before it %s", epochText(after.Epoch()), epochText(before.Epoch()))})
		return
	}
	c := after.Config()
	for i := range c.Endpoints() {
		a, b := after.Endpoint(after.EndpointNumber(i)), before.Endpoint(before.EndpointNumber(i))
		if a.Breaker == b.Breaker && a.Unhealthy == b.Unhealthy {
			continue
		}
		name := c.Placement(c.Endpoint(i).Placement).Name
		text := fmt.Sprintf("%s/%s  after the gap: breaker %s%s (before it: %s%s)", name, a.Name, a.Breaker, health(a), b.Breaker, health(b))
		h.add(Moment{At: m.To, Step: m.First, Kind: KindGap, Placement: name, Endpoint: a.Name, cause: text})
	}
}

// gapText is the line of steps that are missing.
func gapText(steps uint64) string {
	return fmt.Sprintf("GAP: %s are missing right before this", say.Plural(steps, "step"))
}

func health(e core.EndpointView) string {
	if e.Unhealthy {
		return ", unhealthy"
	}
	return ""
}
