package explain

import (
	"fmt"

	"lockstep/core"
	"lockstep/traces"
)

// Moment is one line of "before it".
type Moment struct {
	Time string `json:"time"`
	Step uint64 `json:"step"`
	Text string `json:"text"`

	placement string // "" concerns all
}

// keptMoments bounds what is remembered; older notes matter less than newer ones.
const keptMoments = 4096

// history remembers what happened to placements and endpoints, so that a Story
// can begin before its request.
type history struct {
	moments  []Moment
	failing  map[int32]streak // by endpoint number
	full     map[int32]bool   // placements that refuse for want of room, by number
	away     map[int32]bool   // placements whose requests are guests elsewhere, by number
	ended    ending           // the attempt that the present step ends
	adoption *Adoption
}

// streak is a run of failures of one endpoint.
type streak struct {
	count int
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
}

// Adoption is how the configuration in force came.
type Adoption struct {
	Step   uint64 `json:"step"`
	Time   string `json:"time"`
	Origin string `json:"origin"`
}

func newHistory() history {
	return history{failing: map[int32]streak{}, full: map[int32]bool{}, away: map[int32]bool{}}
}

func (h *history) add(m Moment) {
	if len(h.moments) >= 2*keptMoments {
		h.moments = append(h.moments[:0], h.moments[keptMoments:]...)
	}
	h.moments = append(h.moments, m)
}

// attemptEnds looks at the attempt of a Reply or Finish while it exists.
func (h *history) attemptEnds(f *traces.Fact, r *core.Router) {
	h.ended = ending{}
	if f.Event.Kind == core.Finish || f.Event.Kind == core.Reply {
		h.ended.attempt, h.ended.known = r.Attempt(f.Event.Handle)
		var j core.Journey
		j, h.ended.journey = r.Journey(f.Event.Handle)
		h.ended.failed, h.ended.waited = j.Failed, j.Waiting
		h.ended.retry = r.RetryWhy(f.Time, &f.Event)
		h.ended.budget = r.Budget(f.Time, j.Account)
	}
}

// observe books one step.
func (h *history) observe(f *traces.Fact, r *core.Router, decided []core.Decision, clock func(core.Time) string) {
	if h.ended.known && !h.ended.attempt.Replied {
		h.outcome(f)
	}
	for i := range decided {
		d := &decided[i]
		if text := h.text(f, r, d, clock); text != "" {
			h.add(Moment{Time: clock(d.At), Step: f.Step, Text: text, placement: r.Placement(d.Placement).Name})
		}
	}
}

// outcome counts failures in a row.
func (h *history) outcome(f *traces.Fact) {
	n := h.ended.attempt.Endpoint
	class := f.Event.Class
	if class == core.ClassNone && f.Event.Status >= 500 {
		class = core.Upstream5xx
	}
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

// text says what a decision means to those who come after, "" for nothing.
func (h *history) text(f *traces.Fact, r *core.Router, d *core.Decision, clock func(core.Time) string) string {
	name := endpointName(r, d.Endpoint)
	switch d.Kind {
	case core.NoteOpened:
		return name + " breaker opens until " + clock(d.Until) + h.afterTrip(d, clock) + " (R6)"
	case core.NoteHalfOpened:
		return name + " breaker half-open: a request is its probe (R6)"
	case core.NoteClosed:
		return name + " breaker closes (R6)"
	case core.NoteTripCapped:
		return fmt.Sprintf("%s breaker stays closed%s: %d of its placement are open already (R6)", name, tripText(d.Trip), d.Count)
	case core.NoteHealthy:
		return name + " healthy again (R8)"
	case core.NoteUnhealthy:
		return name + " unhealthy (R8)"
	case core.NoteLimitChanged:
		return fmt.Sprintf("%s adaptive limit is %d (R5)", r.Placement(d.Placement).Name, d.Count)
	case core.NotePanicEntered, core.NotePanicLeft:
		return panicText(r, d)
	case core.NoteRetired:
		return "an endpoint retires (R12)"
	case core.NoteAdopted:
		h.adoption = &Adoption{f.Step, clock(d.At), f.Event.Origin.String()}
		return fmt.Sprintf("configuration %d.%d adopted from %s (R12)", d.Epoch.Term, d.Epoch.Number, f.Event.Origin)
	case core.Nack:
		if how := d.GuardText(); how != "" {
			return "a push is refused by " + d.Cause.String() + ": " + how + " (R13)"
		}
	case core.NoteDraining:
		return "draining until " + clock(d.Until) + " (R14)"
	}
	return h.room(f, r, d)
}

// panicText tells that panic begins or ends.
func panicText(r *core.Router, d *core.Decision) string {
	p := r.Placement(d.Placement)
	what := "enters panic"
	if d.Kind == core.NotePanicLeft {
		what = "leaves panic"
	}
	if p.Index < 0 {
		return p.Name + " " + what + " (R9)"
	}
	info := r.Config().Placement(p.Index)
	return fmt.Sprintf("%s %s: %d of %d endpoints are usable, panic_percent is %d %% (R9)", p.Name, what, d.Count, info.EndEP-info.FirstEP, info.Panic)
}

// room tells when guests begin to come and when a placement begins to refuse.
func (h *history) room(f *traces.Fact, r *core.Router, d *core.Decision) string {
	p := r.Placement(d.Placement)
	switch {
	case d.Kind == core.Forward && d.Failover == core.FailoverNone:
		delete(h.full, d.Placement)
		delete(h.away, d.Placement)
	case d.Kind == core.Forward:
		delete(h.full, d.Placement)
		home, known := homeOf(f, r, d)
		if known && !h.away[home] {
			h.away[home] = true
			return fmt.Sprintf("first guest of %s at %s, reason %s (R3)", r.Placement(home).Name, p.Name, d.Failover)
		}
	case d.Kind == core.Reject && d.Class == core.LimitReached && !h.full[d.Placement]:
		h.full[d.Placement] = true
		return fmt.Sprintf("%s full with %d in flight, %d of them guests: first 429 (R5)", p.Name, p.InFlight, p.Guests)
	}
	return ""
}

// homeOf is the number of the placement to which the request of a Forward
// belongs: the arrive's own, or one that waited.
func homeOf(f *traces.Fact, r *core.Router, d *core.Decision) (n int32, known bool) {
	route := f.Event.Route
	if j, waited := r.Journey(d.Handle); waited {
		route = j.Route
	} else if f.Event.Kind != core.Arrive {
		return -1, false
	}
	return r.PlacementNumber(int(route.Placement)), true
}

// afterFailures tells of the failures that opened a breaker.
func (h *history) afterFailures(endpoint int32, clock func(core.Time) string) string {
	s := h.failing[endpoint]
	delete(h.failing, endpoint)
	if s.count == 0 {
		return ""
	}
	return fmt.Sprintf(", after %s in a row since %s, the first %s", plural(s.count, "failure"), clock(s.time), s.class)
}

// about returns the last moments that concern one of the placements.
func (h *history) about(placements map[string]bool, upTo uint64, limit int) []Moment {
	var found []Moment
	for i := len(h.moments) - 1; i >= 0 && len(found) < limit; i-- {
		if m := h.moments[i]; m.Step <= upTo && (m.placement == "" || placements[m.placement]) {
			found = append(found, m)
		}
	}
	for i, j := 0, len(found)-1; i < j; i, j = i+1, j-1 {
		found[i], found[j] = found[j], found[i]
	}
	return found
}

// endpointName is placement/name of an endpoint number.
func endpointName(r *core.Router, n int32) string {
	e := r.Endpoint(n)
	if e.Name == "" {
		return "an endpoint"
	}
	return r.Placement(e.Placement).Name + "/" + e.Name
}
