//! Ratio and slow trips (R6): outcomes of a closed breaker counted over a sliding window of ten
//! buckets. Time is cut into buckets of window / 10 that begin at multiples of that length since
//! the origin; the window is the bucket that now lies in and the nine before it, so it spans from
//! nine tenths of the setting to all of it. Buckets move when an outcome comes: no timer, and a
//! quiet endpoint costs nothing. What Compile makes of the settings is in compile_choice.rs.

use crate::class::Effect;
use crate::decision::Trip;
use crate::router::Router;
use crate::spec::BreakerSpec;
use crate::time::{Duration, Time};

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

impl Window {
    /// Moves the window so that its newest bucket is the one of now; width is the length of one.
    pub fn roll(&mut self, now: Time, width: Duration) {
        let b = now / width.max(1); // at least 10 ms in a configuration that compiled
        if b.wrapping_sub(self.head) >= WINDOW_BUCKETS as i64 {
            *self = Window { head: b, ..Window::default() };
            return;
        }
        while self.head < b {
            self.head += 1;
            let old = core::mem::take(self.newest());
            self.total[0] = self.total[0].wrapping_sub(u64::from(old.requests));
            self.total[1] = self.total[1].wrapping_sub(u64::from(old.failures));
            self.total[2] = self.total[2].wrapping_sub(u64::from(old.slow));
        }
    }

    fn newest(&mut self) -> &mut Tally {
        &mut self.buckets[self.head as u64 as usize % WINDOW_BUCKETS]
    }

    /// Counts one outcome in the newest bucket. A full bucket takes no more, which keeps its ratios.
    pub fn add(&mut self, failed: bool, slow: bool) {
        let t = self.newest();
        if t.requests == u32::MAX {
            return;
        }
        t.requests += 1;
        t.failures += u32::from(failed);
        t.slow += u32::from(slow);
        self.total[0] += 1;
        self.total[1] += u64::from(failed);
        self.total[2] += u64::from(slow);
    }

    /// Reports which ratio is reached; failures count before slowness. A total is below 10 x 2^32,
    /// so a product with a ratio fits.
    pub fn trips(&self, s: &BreakerSpec) -> Option<Trip> {
        let requests = self.total[0];
        if requests < u64::from(s.min_requests) {
            None
        } else if s.failure_ratio != 0 && self.total[1] * 1_000_000 >= u64::from(s.failure_ratio) * requests {
            Some(Trip::RATIO)
        } else if s.slow_ratio != 0 && self.total[2] * 1_000_000 >= u64::from(s.slow_ratio) * requests {
            Some(Trip::SLOW)
        } else {
            None
        }
    }
}

impl Router {
    /// Counts an outcome of a closed breaker in its window.
    pub(crate) fn enter(&mut self, now: Time, n: i32, effect: Effect, slow: bool, s: &BreakerSpec) {
        if let Some(x) = self.extras.get_mut(n as usize) {
            x.window.roll(now, s.window / WINDOW_BUCKETS as Duration);
            x.window.add(effect == Effect::Failure, slow);
        }
    }

    pub(crate) fn empty_window(&mut self, n: i32) {
        if let Some(x) = self.extras.get_mut(n as usize) {
            x.window = Window::default();
        }
    }
}

/// Reports whether two settings count the same things over the same time. Thresholds may differ:
/// they apply at the next outcome.
pub(crate) fn same_trip_mode(a: &BreakerSpec, b: &BreakerSpec) -> bool {
    a.window == b.window
        && a.slow_call == b.slow_call
        && (a.failure_ratio != 0) == (b.failure_ratio != 0)
        && (a.slow_ratio != 0) == (b.slow_ratio != 0)
}

#[cfg(test)]
#[path = "window_test.rs"]
mod tests;
