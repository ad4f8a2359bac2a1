//! A configuration as a person means it, before validation: names, not numbers.

use crate::adaptive::AdaptiveSpec;
use crate::decision::Reason;
use crate::guard::GuardSpec;
use crate::names::enumeration;
use crate::panic::PanicMode;
use crate::queue::QueueOrder;
use crate::ration::MAX_PRIORITIES;
use crate::retry::RetrySpec;
use crate::routes::{RouteSpec, SplitSpec, TableSpec};
use crate::time::Duration;
use alloc::string::String;
use alloc::vec::Vec;

/// A configuration before validation. `Config::compile` turns it into a `Config`. Every zero
/// value means the default named beside the field.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spec {
    /// The operator's own label; not empty.
    pub version: String,
    /// Table 0: which placement a key belongs to.
    pub keys: Vec<KeySpec>,
    /// Placement that takes unknown keys; "" refuses them.
    pub default: String,
    /// Status of that refusal, 400..599; 0 means 421.
    pub unknown_status: u16,
    /// R1, baseline forms: follow fallbacks, then `default`.
    pub chain_fallbacks: bool,
    /// Order carries no meaning.
    pub placements: Vec<PlacementSpec>,
    /// Further key tables; order carries no meaning.
    pub tables: Vec<TableSpec>,
    /// Of route 0: name of one of `tables`; "" means `keys`.
    pub table: String,
    /// Further routes, numbered from 1; route 0 is `table`, `default` and `unknown_status`.
    pub routes: Vec<RouteSpec>,
    /// What keys may name in place of a placement.
    pub splits: Vec<SplitSpec>,
    /// Status of a request that no route takes, 400..599; 0 means 404.
    pub no_route_status: u16,
    /// R13: what a push may change while this is in force; the zero value means anything.
    pub guards: GuardSpec,
    /// Text for the edge alone, such as how routes match; core carries it, hashes it and never
    /// reads it. "" means none.
    pub edge: String,
}

/// Sends one routing key to a placement, or divides it by a split.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeySpec {
    /// The routing key: any bytes, but not empty.
    pub key: Vec<u8>,
    /// Name of a placement or a split.
    pub placement: String,
}

/// One dedicated cell or shared tier.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PlacementSpec {
    /// 1 to 200 characters from ! to ~.
    pub name: String,
    /// `Reason::DEDICATED` or `Reason::TIER`; 0 means by name: tier1, tier2, tier3 are tiers.
    pub kind: Reason,
    /// At least 1, at most `MAX_ENDPOINTS`.
    pub endpoints: Vec<EndpointSpec>,
    /// R1; at most `MAX_CANDIDATES` - 1, or 1 with `chain_fallbacks`.
    pub fallback: Vec<String>,
    /// R3; 0 means use.
    pub last_resort: LastResort,
    /// R10; 0 means round_robin.
    pub select: Policy,
    /// R10, hashing policies: percent of an even share that an endpoint may have in flight,
    /// 101..1000; 0 means no bound.
    pub bound: u32,
    /// R10, ewma: half-life of a measured latency; 0 means 10 s.
    pub decay: Duration,
    /// R10: how long the share of a recovered or added endpoint grows; 0 means none.
    pub slow_start: Duration,
    /// R10.
    pub sticky: StickySpec,
    /// R10: how many endpoints a key may use, 1..`MAX_SHARDS`; 0 means all.
    pub shards: u32,
    /// R5.
    pub limit: LimitSpec,
    /// Bytes of request body; 0 means no limit.
    pub body_max: i64,
    /// R6.
    pub breaker: BreakerSpec,
    /// R8.
    pub health: HealthSpec,
    /// What the edge owns.
    pub timeouts: TimeoutSpec,
    /// R11, of the requests whose home it is; the zero value is none.
    pub retries: RetrySpec,
    /// R9: percent of the endpoints that must be usable, 1..100; 0 means that there is no panic.
    pub panic: u32,
    /// R9: what it does in panic; 0 means all.
    pub panic_do: PanicMode,
    /// For the edge alone (TLS, pools): carried and hashed, never read; "" means none.
    pub edge: String,
}

/// R10: a cookie names the endpoint that a client prefers while it is admissible. Core reads
/// only whether there is one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StickySpec {
    /// Its name, an HTTP token; "" means no cookie.
    pub cookie: String,
    /// Whole seconds of its Max-Age; 0 means as long as the browser's session.
    pub ttl: Duration,
}

/// One upstream address. Its identity is placement and URL.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EndpointSpec {
    /// For explanations only; "" means the URL.
    pub name: String,
    /// Absolute, http or https.
    pub url: String,
    /// Percent of a full share, 1..10000; 0 means 100.
    pub weight: u32,
    /// Cap on the endpoint's own requests in flight per router, R2, at most `MAX_IN_FLIGHT`; 0
    /// means none.
    pub limit: u32,
}

/// R5, per router.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct LimitSpec {
    /// Requests in flight; 0 means no limit.
    pub in_flight: i32,
    /// Of those, how many may have come by failover; 0 means no cap, -1 none at all.
    pub guests: i32,
    /// 0 means reject.
    pub when_full: WhenFull,
    /// With `WhenFull::QUEUE`: places, 1..`MAX_QUEUE`.
    pub queue: i32,
    /// With `WhenFull::QUEUE`: longest wait, at least 1 ms.
    pub wait: Duration,
    /// With `WhenFull::QUEUE`: 0 means first in, first out.
    pub order: QueueOrder,
    /// The percent of `in_flight` that one tenant alone may hold, 1..99; it may hold less as
    /// others fill the rest. 0 means that tenants are not told apart.
    pub tenant_share: u32,
    /// By priority the percent of the room up to which it is admitted, 1..100, falling; a 0 means
    /// as the one before it. All 0 means no shedding.
    pub priorities: [u8; MAX_PRIORITIES],
    /// A limit that follows latency, beside `in_flight`; the zero value means none.
    pub adaptive: AdaptiveSpec,
}

/// R6, per endpoint.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BreakerSpec {
    /// There is no breaker.
    pub off: bool,
    /// Consecutive failures that trip it; 0 means 5, `NEVER_CONSECUTIVE` never.
    pub failures: u32,
    /// First open time; 0 means 30 s.
    pub open: Duration,
    /// Parts per million by which each reopening multiplies it, 1e6..10e6; 0 means 1e6 (none).
    pub growth: u32,
    /// Cap on the grown open time; 0 means 10 x `open`.
    pub open_max: Duration,
    /// Parts per million of the open time added at most, by hash; 0 means none.
    pub jitter: u32,
    /// Requests admitted at once in half_open, 1..`MAX_PROBES`; 0 means 1.
    pub probes: u32,
    /// Probe successes that close it; 0 means 1.
    pub successes: u32,
    /// Share of a placement's endpoints open at once, 1..100; 0 means 100.
    pub max_open_percent: u32,
    /// Parts per million of failures in the window that trip it; 0 means never.
    pub failure_ratio: u32,
    /// Parts per million of slow calls in the window that trip it; 0 means never.
    pub slow_ratio: u32,
    /// Over which both ratios are taken, 100 ms..1 h; 0 means 10 s.
    pub window: Duration,
    /// Outcomes in the window below which no ratio trips; 0 means 20.
    pub min_requests: u32,
    /// A call that takes as long is slow; 0 means 2 s.
    pub slow_call: Duration,
    /// baseline, gobreaker, envoy or haproxy: what is left at zero; "" means baseline.
    pub preset: String,
}

/// R8, per endpoint.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HealthSpec {
    /// There are no active probes.
    pub off: bool,
    /// "" means /health.
    pub path: String,
    /// 0 means 10 s.
    pub every: Duration,
    /// 0 means 2 s.
    pub timeout: Duration,
    /// Failed probes in a row that make it unhealthy; 0 means 3.
    pub fall: u32,
    /// Good probes in a row that make it healthy; 0 means 2.
    pub rise: u32,
    /// A new endpoint is unhealthy until probes say otherwise.
    pub start_unhealthy: bool,
}

/// What the edge owns. Core reads `connect` and `response_header` for the guard of a half-open
/// probe, and `request` for the time of a request that may come again.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct TimeoutSpec {
    /// 0 means 5 s.
    pub connect: Duration,
    /// 0 means 10 s.
    pub response_header: Duration,
    /// Up to the response headers; 0 means 30 s.
    pub request: Duration,
    /// 0 means 60 s.
    pub body_idle: Duration,
    /// 0 means 90 s.
    pub upstream_idle: Duration,
    /// A body that flows longer books its outcome early; 0 means 1 s.
    pub settle: Duration,
}

/// Candidates of a placement, itself included.
pub const MAX_CANDIDATES: usize = 8;
/// Endpoints per placement.
pub const MAX_ENDPOINTS: usize = 1024;
/// Placements per configuration.
pub const MAX_PLACEMENTS: usize = 65536;
/// Half-open probes of a breaker at once.
pub const MAX_PROBES: usize = 8;
/// Endpoints of one key's shard.
pub const MAX_SHARDS: usize = 16;
/// Points of all ketama rings of a configuration, 8 bytes each.
pub const MAX_RING_POINTS: usize = 1 << 22;
/// Placements of a configuration that have a maglev table, 128 kB each.
pub const MAX_MAGLEV: usize = 1024;

/// As `BreakerSpec::failures` leaves tripping to the ratios.
pub const NEVER_CONSECUTIVE: u32 = u32::MAX;

enumeration! {
    /// R10: how an endpoint is selected inside a placement. Rendezvous, ketama and maglev hash
    /// the routing key.
    Policy {
        /// Smooth weighted round robin.
        ROUND_ROBIN = 0,
        /// Power of two choices by requests in flight.
        LEAST_REQUEST = 1,
        /// Highest random weight.
        RENDEZVOUS = 2,
        /// The first admissible one, in the order written.
        FIRST = 3,
        /// A ring of points.
        KETAMA = 4,
        /// A table of places.
        MAGLEV = 5,
        /// Power of two choices by latency.
        EWMA = 6,
    }
}

/// Number of policies.
pub(crate) const POLICIES: u8 = 7;

impl Policy {
    /// Reports whether it places a request by its routing key.
    pub const fn hashing(self) -> bool {
        matches!(self, Policy::RENDEZVOUS | Policy::KETAMA | Policy::MAGLEV)
    }

    /// The name used in configuration; "unknown" for a number that is no policy.
    pub const fn as_str(self) -> &'static str {
        match self {
            Policy::ROUND_ROBIN => "round_robin",
            Policy::LEAST_REQUEST => "least_request",
            Policy::RENDEZVOUS => "rendezvous",
            Policy::FIRST => "first",
            Policy::KETAMA => "ketama",
            Policy::MAGLEV => "maglev",
            Policy::EWMA => "ewma",
            _ => "unknown",
        }
    }
}

enumeration! {
    /// R5: what a placement does with a request it has no room for.
    WhenFull {
        /// Refuses it.
        REJECT = 0,
        /// Hands it on to the next candidate.
        FAIL_OVER = 1,
        /// Lets it wait.
        QUEUE = 2,
    }
}

enumeration! {
    /// R3: whether an endpoint that only health blocks may serve when nothing else can.
    LastResort {
        /// The baseline's "health never blocks a request".
        USE = 0,
        /// It may not.
        REFUSE = 1,
    }
}
