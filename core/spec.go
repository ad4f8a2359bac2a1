package core

// Spec is a configuration as a person means it, before validation: names, not
// numbers. Compile turns it into a Config. Every zero value means the default
// named beside the field. Sources: BASELINE for defaults, rules R1-R13.
type Spec struct {
	Version        string // the operator's own label; not empty
	Keys           []KeySpec
	Default        string          // placement that takes unknown keys; "" refuses them
	UnknownStatus  uint16          // status of that refusal, 400..599; 0 means 421
	ChainFallbacks bool            // R1, baseline forms: follow fallbacks, then Default
	Placements     []PlacementSpec // order carries no meaning
	Tables         []TableSpec     // further key tables; order carries no meaning
	Table          string          // of route 0: name of one of Tables; "" means Keys
	Routes         []RouteSpec     // further routes, numbered from 1; route 0 is Table, Default and UnknownStatus
	Splits         []SplitSpec     // what keys may name in place of a placement
	NoRouteStatus  uint16          // status of a request that no route takes, 400..599; 0 means 404
	Guards         GuardSpec       // R13: what a push may change while this is in force; the zero value means anything
	// Edge is text for the edge alone, such as how routes match; core carries it,
	// hashes it and never reads it. "" means none.
	Edge string
}

// KeySpec sends one routing key to a placement, or divides it by a split.
type KeySpec struct{ Key, Placement string }

// PlacementSpec is one dedicated cell or shared tier.
type PlacementSpec struct {
	Name       string
	Kind       Reason         // ReasonDedicated or ReasonTier; 0 means by name: tier1, tier2, tier3 are tiers
	Endpoints  []EndpointSpec // at least 1, at most MaxEndpoints
	Fallback   []string       // R1; at most MaxCandidates-1, or 1 with ChainFallbacks
	LastResort LastResort     // R3; 0 means use
	Select     Policy         // R10; 0 means round_robin
	Bound      uint32         // R10, hashing policies: percent of an even share that an endpoint may have in flight, 101..1000; 0 means no bound
	Decay      Duration       // R10, ewma: half-life of a measured latency; 0 means 10 s
	SlowStart  Duration       // R10: how long the share of a recovered or added endpoint grows; 0 means none
	Sticky     StickySpec     // R10
	Shards     uint32         // R10: how many endpoints a key may use, 1..MaxShards; 0 means all
	Limit      LimitSpec
	BodyMax    int64 // bytes of request body; 0 means no limit
	Breaker    BreakerSpec
	Health     HealthSpec
	Timeouts   TimeoutSpec
	Retries    RetrySpec // R11, of the requests whose home it is; the zero value is none
	Panic      uint32    // R9: percent of the endpoints that must be usable, 1..100; 0 means that there is no panic
	PanicDo    PanicMode // R9: what it does in panic; 0 means all
	Edge       string    // for the edge alone (TLS, pools): carried and hashed, never read; "" means none
}

// StickySpec is R10: a cookie names the endpoint that a client prefers while it
// is admissible. Core reads only whether there is one.
type StickySpec struct {
	Cookie string   // its name, an HTTP token; "" means no cookie
	TTL    Duration // whole seconds of its Max-Age; 0 means as long as the browser's session
}

// EndpointSpec is one upstream address. Its identity is placement and URL.
type EndpointSpec struct {
	Name   string // for explanations only; "" means the URL
	URL    string // absolute, http or https
	Weight uint32 // percent of a full share, 1..10000; 0 means 100
	Limit  uint32 // cap on the endpoint's own requests in flight per router, R2, at most MaxInFlight; 0 means none
}

// LimitSpec is R5, per router.
type LimitSpec struct {
	InFlight int32    // requests in flight; 0 means no limit
	Guests   int32    // of those, how many may have come by failover; 0 means no cap, -1 none at all
	WhenFull WhenFull // 0 means reject
	// Queue, Wait and Order are read with QueueWhenFull.
	Queue int32      // places, 1..MaxQueue
	Wait  Duration   // longest wait, at least 1 ms
	Order QueueOrder // 0 means first in, first out
	// TenantShare is the percent of in_flight that one tenant alone may hold, 1..99;
	// it may hold less as others fill the rest. 0 means that tenants are not told apart.
	TenantShare uint32
	// Priorities is by priority the percent of the room up to which it is admitted,
	// 1..100, falling; a 0 means as the one before it. All 0 means no shedding.
	Priorities [MaxPriorities]uint8
	Adaptive   AdaptiveSpec // a limit that follows latency, beside InFlight; the zero value means none
}

// BreakerSpec is R6, per endpoint.
type BreakerSpec struct {
	Off            bool
	Failures       uint32   // consecutive failures that trip it; 0 means 5, NeverConsecutive never
	Open           Duration // first open time; 0 means 30 s
	Growth         uint32   // parts per million by which each reopening multiplies it, 1e6..10e6; 0 means 1e6 (none)
	OpenMax        Duration // cap on the grown open time; 0 means 10 x Open
	Jitter         uint32   // parts per million of the open time added at most, by hash; 0 means none
	Probes         uint32   // requests admitted at once in half_open, 1..MaxProbes; 0 means 1
	Successes      uint32   // probe successes that close it; 0 means 1
	MaxOpenPercent uint32   // share of a placement's endpoints open at once, 1..100; 0 means 100
	FailureRatio   uint32   // parts per million of failures in the window that trip it; 0 means never
	SlowRatio      uint32   // parts per million of slow calls in the window that trip it; 0 means never
	Window         Duration // over which both ratios are taken, 100 ms..1 h; 0 means 10 s
	MinRequests    uint32   // outcomes in the window below which no ratio trips; 0 means 20
	SlowCall       Duration // a call that takes as long is slow; 0 means 2 s
	Preset         string   // baseline, gobreaker, envoy or haproxy: what is left at zero; "" means baseline
}

// HealthSpec is R8, per endpoint.
type HealthSpec struct {
	Off            bool
	Path           string   // "" means /health
	Every          Duration // 0 means 10 s
	Timeout        Duration // 0 means 2 s
	Fall           uint32   // failed probes in a row that make it unhealthy; 0 means 3
	Rise           uint32   // good probes in a row that make it healthy; 0 means 2
	StartUnhealthy bool
}

// TimeoutSpec is what the edge owns (DESIGN, "Who owns time"). Core reads
// Connect and ResponseHeader for the guard of a half-open probe.
type TimeoutSpec struct {
	Connect        Duration // 0 means 5 s
	ResponseHeader Duration // 0 means 10 s
	Request        Duration // up to the response headers; 0 means 30 s
	BodyIdle       Duration // 0 means 60 s
	UpstreamIdle   Duration // 0 means 90 s
	Settle         Duration // a body that flows longer books its outcome early; 0 means 1 s
}

// Limits of a Spec, each so that one Step stays bounded work.
const (
	MaxCandidates = 8
	MaxEndpoints  = 1024  // per placement
	MaxPlacements = 65536 // per configuration
	MaxProbes     = 8
	MaxShards     = 16      // endpoints of one key's shard
	MaxRingPoints = 1 << 22 // of all ketama rings of a configuration, 8 bytes each
	MaxMaglev     = 1024    // placements of a configuration that have a maglev table, 128 kB each
)

// NeverConsecutive as BreakerSpec.Failures leaves tripping to the ratios.
const NeverConsecutive uint32 = 1<<32 - 1

// Policy is R10: how an endpoint is selected inside a placement.
type Policy uint8

// Selection policies. Rendezvous, Ketama and Maglev hash the routing key.
const (
	RoundRobin Policy = iota
	LeastRequest
	Rendezvous
	First
	Ketama
	Maglev
	EWMA
	policies
)

// Hashing reports whether p places a request by its routing key.
func (p Policy) Hashing() bool { return p == Rendezvous || p == Ketama || p == Maglev }

// WhenFull is R5: what a placement does with a request it has no room for.
type WhenFull uint8

// What a full placement does.
const (
	RejectWhenFull WhenFull = iota
	FailOverWhenFull
	QueueWhenFull
)

// LastResort is R3: whether an endpoint that only health blocks may serve when nothing else can.
type LastResort uint8

// UseLastResort is the baseline's "health never blocks a request".
const (
	UseLastResort LastResort = iota
	RefuseLastResort
)

// String returns the name used in configuration.
func (p Policy) String() string {
	switch p {
	case RoundRobin:
		return "round_robin"
	case LeastRequest:
		return "least_request"
	case Rendezvous:
		return "rendezvous"
	case First:
		return "first"
	case Ketama:
		return "ketama"
	case Maglev:
		return "maglev"
	case EWMA:
		return "ewma"
	}
	return "unknown"
}
