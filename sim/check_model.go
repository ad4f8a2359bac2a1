package sim

import "lockstep/core"

// What a checker knows of the world of one router, by the rules alone.

// endpointModel is what the rules say of one endpoint.
type endpointModel struct {
	url       string
	identity  uint64
	home      string // name of its placement; "" for a free number
	placement int32
	index     int32 // of the configuration, -1 while retiring
	inFlight  int32
	weight    uint32
	limit     int32 // cap on inFlight, 0 for none
	credit    int64 // of smooth weighted round robin

	state     core.Circuit
	ticket    uint32 // grows whenever outcomes of before stop counting
	failures  uint32
	successes uint32
	reopened  uint32
	until     core.Time
	probes    []probeModel

	unhealthy bool
	streak    uint32
	token     uint32
	guard     core.Time     // of the active probe
	every     core.Duration // between active probes; 0 for none
	due       core.Time     // the next of them

	usable    bool          // healthy, and its breaker not open: for panic
	past      []pastOutcome // of a closed breaker with ratios, those of its window
	warming   bool          // a slow start has begun
	warmAt    core.Time
	latency   int64 // of ewma; 0 for none
	latencyAt core.Time

	stood uint64 // when it was last covered: see States
}

// full reports whether its own cap is reached.
func (e *endpointModel) full() bool { return e.limit > 0 && e.inFlight >= e.limit }

// dueProbe is an active probe and when its time was.
type dueProbe struct {
	endpoint int32
	at       core.Time
}

// probeModel is one half-open probe that is out.
type probeModel struct {
	slot  uint32
	guard core.Time
}

type placementModel struct {
	name     string
	index    int32 // of the configuration, -1 once removed
	inFlight int32
	guests   int32

	panicking bool
	held      map[slotHolder]int32 // slots by tenant, while tenants are told apart
	limit     *limitModel          // adaptive; nil where the limit does not move
}

type attemptModel struct {
	gen      uint32 // 0 for a free slot
	endpoint int32
	ticket   uint32
	tenant   slotHolder // whose share it takes, zero when it is not counted
	guest    bool
	replied  bool
	timed    bool // how long it takes counts for something
	admitted core.Time
	aborted  core.Time // 0 for never
}

// expectation is one note on a breaker or on health.
type expectation struct {
	at       core.Time
	kind     core.DecisionKind
	endpoint int32
	trip     core.Trip
}
