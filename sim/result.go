package sim

import (
	"errors"

	"lockstep/core"
	"lockstep/core/loop"
)

// Options are what a run may have beside its plan. Tamper apart, they never change a decision.
type Options struct {
	// Check switches on the safety checkers, after every step, and the liveness
	// check where the plan has Recovery.
	Check bool
	// States, when set and with Check, is where the run adds what it reached.
	States *States
	// Observe, when set, is called for every router, from 1, when it starts and
	// again after each restart, and returns what sees its steps: a trace writer,
	// a recorder of decisions. It may return nil.
	Observe func(router int, r *core.Router) loop.Observer

	// Stop, when set, is asked as each window but the first opens; true breaks the
	// run off, and its Err is ErrStopped.
	Stop func() bool

	// Tamper, when set, is called once, and what it returns is planted in every
	// router: a bug for the checkers to find. It alone changes decisions.
	Tamper func() Tamper
}

// ErrStopped is why a run was broken off by Options.Stop: what it counted is not
// the whole.
var ErrStopped = errors.New("the run was stopped")

// Result is what a run did. Requests are counted in the window in which they
// arrived at a router, retries as requests of their own.
type Result struct {
	Digest      uint64 // of all decisions and of the routers' states
	Steps       uint64 // events that routers took
	Placements  []string
	Endpoints   []EndpointID
	Window      core.Duration
	Windows     []Window
	Transitions []Transition // of breakers and health, in order; at most MaxTransitions
	Answers     []Answer     // to pushes, in order
	Violations  []Violation  // at most maxViolations
	Violated    uint64       // how many there were in all
	Sometimes   Coverage
	Err         error // the plan could not be run; the rest is empty
}

// EndpointID names an endpoint; Placement is an index of Result.Placements.
type EndpointID struct {
	Placement int
	Name, URL string
}

// Window counts one stretch of time.
type Window struct {
	From core.Time
	Counts
	Placements []PlacementCounts // by home placement, parallel to Result.Placements
	Endpoints  []EndpointCounts  // parallel to Result.Endpoints
	Unreached  uint64            // no router was there to take the request
}

// Counts are outcomes as clients see them. Arrivals = OK + Lost +
// Unfinished + the sum of ByClass, whose entry for ClassNone stays 0.
type Counts struct {
	Arrivals uint64
	Retries  uint64 // of Arrivals, those that were retries
	Queued   uint64 // waits in a placement's queue that began (R5)
	Retried  uint64 // attempts that routers were granted after a failed one (R11)
	OK       uint64 // a complete response below 500
	Lost     uint64 // the router crashed under the request
	Refused  uint64 // of those not OK, the ones that the router refused without trying
	// Unfinished requests were still in flight when the run was broken off, 2 minutes after its Length.
	Unfinished uint64
	ByClass    [core.Classes]uint64
	Latency    Histogram // of OK
}

// PlacementCounts are the outcomes of the requests whose home the placement
// is, and what it served itself.
type PlacementCounts struct {
	Counts
	Failover     [4]uint64 // by core.Failover: requests that left for another placement, or were refused after leaving
	ServedHome   uint64    // attempts that this placement took for its own keys
	ServedGuest  uint64    // attempts that it took by failover
	GuestRefused uint64    // requests of others that its limit refused
	// HomeRefusedByGuests counts home requests refused as limit that would have
	// had a slot, had no guest been there.
	HomeRefusedByGuests uint64
	PeakInFlight        int // highest on any one router
	PeakGuests          int
	PeakQueue           int // highest on any one router, of the placement's queue
}

// EndpointCounts is what one endpoint got.
type EndpointCounts struct {
	Requests     uint64
	Failures     uint64 // outcomes that count against it (R7)
	Probes       uint64 // half-open probes
	PeakProbes   int    // half-open probes out at once, on any one router
	HealthProbes uint64
}

// Transition is one change of a breaker's or a health state.
type Transition struct {
	At       core.Time
	Router   int // from 1
	Endpoint int // index of Result.Endpoints
	Kind     core.DecisionKind
	Until    core.Time // NoteOpened: ready for a probe
}

// Answer is what a router said to one push.
type Answer struct {
	At     core.Time
	Router int // from 1
	Push   int // index of Plan.Pushes, -1 for the configuration it started with
	Kind   core.DecisionKind
	Cause  core.Cause
	Epoch  core.Epoch
}

// Violation is one broken property.
type Violation struct {
	Property  string // R4, R5, R6, R12, R15, N-1, liveness, ...
	At        core.Time
	Step      uint64
	Router    int    // from 1; 0 when it is the fleet's
	Placement string // "" when none is to blame
	Endpoint  string
	Key       string // the configuration key to look at first, "" for none
	Detail    string
}

// MaxTransitions is how many transitions a Result keeps: the first ones.
const MaxTransitions = 100_000

const maxViolations = 100
