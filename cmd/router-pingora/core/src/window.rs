//! Ratio and slow trips (R6): outcomes of a closed breaker counted over a sliding window of ten
//! buckets. Time is cut into buckets of window / 10 that begin at multiples of that length since
//! the origin; the window is the bucket that now lies in and the nine before it, so it spans from
//! nine tenths of the setting to all of it. Buckets move when an outcome comes: no timer, and a
//! quiet endpoint costs nothing. What Compile makes of the settings is in compile_choice.rs.

use crate::spec::BreakerSpec;

pub(crate) const WINDOW_BUCKETS: usize = 10;

/// Counts outcomes; each count holds at its largest value.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: u32,
    pub(crate) failures: u32,
    pub(crate) slow: u32,
}

/// The outcomes of one endpoint. The default is empty.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Window {
    /// Number of the newest bucket; 0 while all are empty.
    pub(crate) head: i64,
    /// Requests, failures, slow calls.
    pub(crate) total: [u64; 3],
    /// Bucket number b is at b % `WINDOW_BUCKETS`.
    pub(crate) buckets: [Tally; WINDOW_BUCKETS],
}

/// Reports whether two settings count the same things over the same time. Thresholds may differ:
/// they apply at the next outcome.
pub(crate) fn same_trip_mode(a: &BreakerSpec, b: &BreakerSpec) -> bool {
    a.window == b.window
        && a.slow_call == b.slow_call
        && (a.failure_ratio != 0) == (b.failure_ratio != 0)
        && (a.slow_ratio != 0) == (b.slow_ratio != 0)
}
