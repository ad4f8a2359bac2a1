package scenario

import (
	"slices"

	"lockstep/core"
)

// Expectation is what must hold from From to To, by the time of a request's
// arrival. Every figure asked for must be within its bound. Placement narrows
// request figures to keys whose home it is, and serving figures to what it
// serves; Endpoint narrows serving figures further. The vocabulary is closed:
// README.md lists it. One that asks for nothing names a span for the
// expressions of others.
type Expectation struct {
	Name      string `yaml:"name"`
	From      Span   `yaml:"from"`
	To        Span   `yaml:"to"` // 0 means the end
	Placement string `yaml:"placement"`
	Endpoint  string `yaml:"endpoint"`

	// What clients saw.
	Requests     Bound            `yaml:"requests"`
	Availability Bound            `yaml:"availability"`  // complete answers below 500, of all requests
	Failed       Bound            `yaml:"failed"`        // all others
	Refused      Bound            `yaml:"refused"`       // of those, refused by the router without trying
	Lost         Bound            `yaml:"lost"`          // of those, the router crashed under them
	Classes      map[string]Bound `yaml:"classes"`       // by label of R16
	Goodput      Bound            `yaml:"goodput"`       // complete answers below 500 per second
	Amplified    Bound            `yaml:"amplification"` // all requests to first requests: 100% is without retries
	P50          Bound            `yaml:"p50"`           // latency of complete answers
	P90          Bound            `yaml:"p90"`
	P99          Bound            `yaml:"p99"`
	P999         Bound            `yaml:"p999"`
	Failovers    Bound            `yaml:"failovers"` // left their home, served elsewhere or refused
	HomeRefused  Bound            `yaml:"home_refused_because_of_guests"`
	Affected     Bound            `yaml:"tenants_affected"` // share of routing keys that sent, with a request not answered well
	Moved        Bound            `yaml:"users_moved"`      // requests whose home is another than that of their sender's one before
	MovedBack    Bound            `yaml:"users_moved_back"` // of those, to a home that the sender had left
	RecoveryTime Bound            `yaml:"recovery_time"`    // from the end of the last fault until availability is back to stay
	Recovered    Share            `yaml:"recovery_level"`   // that availability; 0 means 99%

	// What placements and endpoints served.
	Served          Bound `yaml:"served"`        // attempts, half-open probes included
	GuestsServed    Bound `yaml:"guests_served"` // of a placement: those that came by failover
	GuestsRefused   Bound `yaml:"guests_refused"`
	InFlight        Bound `yaml:"in_flight"` // highest on one router
	Guests          Bound `yaml:"guests"`    // highest on one router
	Probes          Bound `yaml:"half_open_probes"`
	ProbesAtOnce    Bound `yaml:"half_open_probes_at_once"`    // highest on one router and endpoint
	ProbesPerWindow Bound `yaml:"half_open_probes_per_window"` // highest in one window, all routers together
	HealthProbes    Bound `yaml:"health_probes"`               // active ones, when they were sent
	HealthPerWindow Bound `yaml:"health_probes_per_window"`    // highest in one window, all routers together

	// What routers did.
	Opened           Bound    `yaml:"opened"` // breakers, over the fleet
	Closed           Bound    `yaml:"closed"`
	Unhealthy        Bound    `yaml:"unhealthy"`
	Acks             Bound    `yaml:"acks"`
	Nacks            Bound    `yaml:"nacks"`
	AnswersPerWindow Bound    `yaml:"answers_per_window"` // acks and nacks, highest in one window
	Dumps            Bound    `yaml:"dumps"`              // of flight recorders, because breakers opened
	Router           int      `yaml:"router"`             // narrows what routers did; 0 means all
	Transitions      []string `yaml:"transitions"`        // exactly these, in order: opened, half_opened, closed, unhealthy, healthy
	Answers          []string `yaml:"answers"`            // to pushes, exactly these, in order: ack, nack stale, nack invalid, ...

	// UnchangedWithout runs the scenario again without its faults or its pushes
	// and asks that the decision about every request is the same: "faults",
	// "pushes", "bursts".
	UnchangedWithout string `yaml:"unchanged_without"`

	// Holds compares figures of this span and of others.
	Holds Formula `yaml:"holds"`
}

func classOf(label string) (core.Class, bool) {
	for c := range core.Class(core.Classes) {
		if c.String() == label && c != core.ClassNone {
			return c, true
		}
	}
	return core.ClassNone, false
}

func classNames() (names []string) {
	for c := range core.Class(core.Classes) {
		if c != core.ClassNone {
			names = append(names, c.String())
		}
	}
	return names
}

func sortedKeys(m map[string]Bound) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
