package report

import (
	"fmt"
	"strings"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/say"
)

// Kinds of event, by which the page groups and draws them.
const (
	eventConfig  = "config"
	eventRefused = "push refused"
	eventControl = "control plane"
	eventDrain   = "drain"
	eventPanic   = "panic"
	eventBreaker = "breaker"
	eventHealth  = "health"
	eventLimit   = "limit"
	eventBug     = "bug"
)

// event is something that happened apart from requests, in words.
type event struct {
	at       core.Time
	step     uint64
	kind     string
	text     string
	place    int32 // -1 concerns all
	endpoint int32 // -1 for none
}

func (r *Router) event(f *traces.Fact, d *core.Decision, kind, format string, args ...any) {
	if len(r.events) >= maxEvents {
		r.dropped++
		return
	}
	r.events = append(r.events, event{
		at: max(d.At, r.start), step: f.Step, kind: kind, text: fmt.Sprintf(format, args...),
		place: r.placeAt(d.Placement), endpoint: r.endAt(d.Endpoint),
	})
}

// note tells of a decision that is no request's.
func (r *Router) note(f *traces.Fact, state *core.Router, d *core.Decision) {
	if d.Endpoint >= 0 {
		r.noteEndpoint(f, d)
		return
	}
	switch d.Kind {
	case core.NoteAdopted:
		r.totals.adopted++
		r.event(f, d, eventConfig, "configuration %s adopted, from %s%s", epochText(d.Epoch), f.Event.Origin, versionText(state.Config()))
	case core.Nack:
		r.totals.nacks++
		text := d.Cause.String()
		if how := d.GuardText(); how != "" {
			text += ": " + how
		}
		r.event(f, d, eventRefused, "push %s refused, %s; %s stays in force", epochText(d.Epoch), text, epochText(state.Epoch()))
	case core.NoteControl:
		if f.Event.OK {
			r.event(f, d, eventControl, "control plane connected")
		} else {
			r.event(f, d, eventControl, "control plane lost; the configuration in force stays")
		}
	case core.NoteDraining:
		r.event(f, d, eventDrain, "draining: no new requests; what is left is cut after %s", say.Span(d.Until.Sub(d.At)))
	case core.NoteDrained:
		r.event(f, d, eventDrain, "drained: %d attempts cut in the last batch", d.Count)
	case core.NotePanicEntered:
		r.event(f, d, eventPanic, "%s in panic: %d of its endpoints are usable", state.Placement(d.Placement).Name, d.Count)
	case core.NotePanicLeft:
		r.event(f, d, eventPanic, "%s leaves panic: %d of its endpoints are usable", state.Placement(d.Placement).Name, d.Count)
	case core.NoteLimitChanged:
		r.event(f, d, eventLimit, "%s: the adaptive limit is %d", state.Placement(d.Placement).Name, d.Count)
	case core.NoteBug:
		r.event(f, d, eventBug, "a broken invariant was noted: %s", d.Cause)
	}
}

// noteEndpoint tells of one endpoint, and notes its state at the time of the
// decision, which may be that of a deadline before the step.
func (r *Router) noteEndpoint(f *traces.Fact, d *core.Decision) {
	n := r.endAt(d.Endpoint)
	if n < 0 {
		return
	}
	e := &r.endpoints[n]
	at, health := max(d.At, r.start), e.last()&stateUnhealthy
	switch d.Kind {
	case core.NoteOpened:
		r.totals.opened++
		r.event(f, d, eventBreaker, "breaker of %s opens for %s%s", r.endName(n), say.Span(d.Until.Sub(d.At)), say.Trip(d.Trip))
		e.state(r, at, stateOpen|health)
	case core.NoteHalfOpened:
		r.event(f, d, eventBreaker, "breaker of %s half-open: a request is its probe", r.endName(n))
		e.state(r, at, stateHalfOpen|health)
	case core.NoteClosed:
		r.event(f, d, eventBreaker, "breaker of %s closes", r.endName(n))
		e.state(r, at, stateClosed|health)
	case core.NoteTripCapped:
		r.event(f, d, eventBreaker, "breaker of %s stays closed%s: %d of its placement are open already", r.endName(n), say.Trip(d.Trip), d.Count)
	case core.NoteUnhealthy:
		r.totals.unhealthy++
		r.event(f, d, eventHealth, "%s unhealthy: its checks fail", r.endName(n))
		e.state(r, at, e.last()&^stateUnhealthy|stateUnhealthy)
	case core.NoteHealthy:
		r.event(f, d, eventHealth, "%s healthy again", r.endName(n))
		e.state(r, at, e.last()&^stateUnhealthy)
	case core.NoteRetired:
		r.event(f, d, eventConfig, "%s retired", r.endName(n))
		r.series.set(e.track, f.Time, level{total: absent})
		e.state(r, at, stateUnknown)
	}
}

// called is its name or, where it has none of its own, its address.
func (e *endpoint) called() string {
	if _, address, ok := strings.Cut(e.name, "://"); ok && e.name == e.url {
		return address
	}
	return e.name
}

// endName names an endpoint as placement/name.
func (r *Router) endName(n int32) string {
	e := &r.endpoints[n]
	if e.place < 0 {
		return e.called()
	}
	return r.places[e.place].name + "/" + e.called()
}

func epochText(e core.Epoch) string { return fmt.Sprintf("%d.%d", e.Term, e.Number) }

func versionText(c *core.Config) string {
	if c == nil || c.Version() == "" {
		return ""
	}
	return fmt.Sprintf(", version %q", c.Version())
}
