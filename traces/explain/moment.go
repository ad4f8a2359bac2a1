package explain

import (
	"fmt"

	"lockstep/core"
	"lockstep/traces/say"
)

// Kind says what a Moment tells of. Most are named like the decision that made them.
type Kind string

// Kinds of moments.
const (
	KindOpened      Kind = "opened"
	KindHalfOpened  Kind = "half_opened"
	KindClosed      Kind = "closed"
	KindTripCapped  Kind = "trip_capped"
	KindHealthy     Kind = "healthy"
	KindUnhealthy   Kind = "unhealthy"
	KindPanic       Kind = "panic_entered"
	KindPanicLeft   Kind = "panic_left"
	KindLimit       Kind = "limit_changed"
	KindRetired     Kind = "retired"
	KindAdopted     Kind = "adopted"
	KindPushRefused Kind = "push_refused"
	KindDraining    Kind = "draining"
	KindFailure     Kind = "failure" // the first of a run of failures that opened a breaker
	KindRefusal     Kind = "refusal" // the first of an episode
	KindGuest       Kind = "guest"   // the first of an episode
	KindGap         Kind = "gap"     // steps are missing
	KindThis        Kind = "this"    // the request that the story is about
)

// Moment is one thing that happened to a placement or an endpoint.
type Moment struct {
	Time string `json:"time"` // of day in UTC, or since the origin
	Step uint64 `json:"step,omitempty"`
	Kind Kind   `json:"kind"`
	Text string `json:"text"`

	Placement string    `json:"placement,omitempty"` // "" concerns all
	Endpoint  string    `json:"endpoint,omitempty"`
	At        core.Time `json:"t"`
	Until     core.Time `json:"until,omitempty"` // of KindOpened: ready for a probe; of KindDraining: the deadline
	Count     uint32    `json:"count,omitempty"` // failures in a row, the limit, endpoints usable

	key   runKey // KindGuest, KindRefusal: the episode that begins
	cause string // what Text adds for one Moment alone
	class string // KindFailure
	run   *run   // KindGuest, KindRefusal: the episode that begins
	short bool   // KindOpened: its first failure lies before what was read

	several bool // it tells of several endpoints
}

// text says what happened; who are the endpoints or the placement.
func (m *Moment) text(who string, clock func(core.Time) string) string {
	switch m.Kind {
	case KindOpened:
		if m.several {
			return who + "  breakers open until about " + clock(m.Until) + m.cause + " (R6)"
		}
		return who + "  breaker opens until " + clock(m.Until) + m.cause + " (R6)"
	case KindHalfOpened:
		return who + "  breaker half-open: a request is its probe (R6)"
	case KindClosed:
		return who + "  breaker closes (R6)"
	case KindTripCapped:
		return fmt.Sprintf("%s  breaker stays closed%s: %d of its placement are open already (R6)", who, m.cause, m.Count)
	case KindHealthy:
		return who + "  healthy again (R8)"
	case KindUnhealthy:
		return who + "  unhealthy (R8)"
	case KindLimit:
		return fmt.Sprintf("%s  adaptive limit is %d (R5)", m.Placement, m.Count)
	case KindPanic, KindPanicLeft, KindAdopted, KindPushRefused, KindRetired:
		return m.cause
	case KindDraining:
		return "draining until " + clock(m.Until) + " (R14)"
	case KindFailure:
		return fmt.Sprintf("%s  %s, the first of %s", who, m.class, say.Plural(int(m.Count), "failure"))
	case KindGuest:
		return fmt.Sprintf("%s  first guest admitted, reason %s (R1, R3)", m.Placement, m.key.failover)
	}
	return m.cause
}
