//! Views: what metrics, headers and pages may see of the state. Nothing here changes it.

use crate::decision::Circuit;
use crate::event::Handle;
use crate::time::{Duration, Time};

/// The state of one placement.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct PlacementView<'a> {
    /// "" for a free number.
    pub name: &'a str,
    /// In the current `Config`, -1 once removed.
    pub index: i32,
    /// Attempts in flight.
    pub in_flight: i32,
    /// Of those, the ones that came by failover.
    pub guests: i32,
    /// Requests that wait in its queue (R5).
    pub queued: i32,
    /// R9.
    pub panic: bool,
    /// In force, 0 for none (R5).
    pub limit: i32,
}

/// The state of one endpoint.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct EndpointView<'a> {
    /// "" for a free number.
    pub name: &'a str,
    /// "" for a free number.
    pub url: &'a str,
    /// In the current `Config`, -1 while retiring.
    pub index: i32,
    /// Number of its placement.
    pub placement: i32,
    /// Attempts in flight.
    pub in_flight: i32,
    /// State of its breaker.
    pub breaker: Circuit,
    /// In a row, while closed.
    pub failures: u32,
    /// Good probes so far, while half_open.
    pub successes: u32,
    /// Relapses since it last closed.
    pub reopened: u32,
    /// open: ready for a probe from here on.
    pub until: Time,
    /// Half-open probes out.
    pub probes: u8,
    /// By active health.
    pub unhealthy: bool,
    /// Active probes in a row against the present health.
    pub streak: u32,
    /// An active probe is out.
    pub probing: bool,
    /// When the next is due, `NEVER` for none.
    pub next_probe: Time,
}

/// One attempt in flight.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// Names it.
    pub handle: Handle,
    /// Of its Arrive.
    pub request: u64,
    /// Number of its endpoint.
    pub endpoint: i32,
    /// Came by failover.
    pub guest: bool,
    /// Half-open probe.
    pub probe: bool,
    /// Its outcome is booked.
    pub replied: bool,
    /// Its ticket is of the breaker's present generation.
    pub current: bool,
}

/// What core keeps of one endpoint beyond breaker and health.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct ChoiceView {
    /// Outcomes in the breaker's window as of now.
    pub requests: u64,
    /// Of those, failures.
    pub failures: u64,
    /// Of those, slow calls.
    pub slow: u64,
    /// Thousandths of its full share that its slow start allows, 1000 without one.
    pub share: u32,
    /// Of ewma, decayed to now; 0 for none.
    pub latency: Duration,
}
