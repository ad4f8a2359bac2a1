//! The breaker of one endpoint (R6). It answers one question, "is this endpoint worth a
//! request?", from the outcomes of real requests only.

use crate::decision::Circuit;
use crate::digest::mix_word;
use crate::random::{GOLDEN, Purpose, below, draw, finalise};
use crate::routes::MILLION;
use crate::spec::{BreakerSpec, MAX_PROBES};
use crate::time::{Duration, NEVER, Time};

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

/// What moves a breaker from one state to the next.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum BreakerInput {
    /// Too many failures in closed.
    Trip,
    /// A probe is admitted in open.
    Admit,
    /// Enough good probes in half_open.
    Recover,
    /// A failed or silent probe in half_open.
    Relapse,
}

impl Circuit {
    /// The transition table; Circuit::NONE marks what cannot happen.
    pub(crate) fn next(self, input: BreakerInput) -> Circuit {
        match (self, input) {
            (Circuit::CLOSED, BreakerInput::Trip) => Circuit::OPEN,
            (Circuit::OPEN, BreakerInput::Admit) => Circuit::HALF_OPEN,
            (Circuit::HALF_OPEN, BreakerInput::Recover) => Circuit::CLOSED,
            (Circuit::HALF_OPEN, BreakerInput::Relapse) => Circuit::OPEN,
            _ => Circuit::NONE,
        }
    }
}

impl Breaker {
    /// Takes the transition and starts a new generation with clean counters.
    /// It reports false when the table has no such transition.
    pub fn step(&mut self, input: BreakerInput) -> bool {
        let to = self.state.next(input);
        if to == Circuit::NONE {
            return false;
        }
        self.state = to;
        self.r#gen = self.r#gen.wrapping_add(1);
        (self.failures, self.successes, self.probes) = (0, 0, 0);
        true
    }

    /// Reports whether a request may go through, as a probe or not.
    pub fn admits(&self, now: Time, s: &BreakerSpec) -> bool {
        match self.state {
            Circuit::OPEN => now >= self.until,
            Circuit::HALF_OPEN => u32::from(self.probes) < s.probes,
            _ => true,
        }
    }

    /// The open time is min(open x growth^n, open_max) plus hashed jitter, in integers that
    /// saturate at open_max.
    pub fn open_time(&self, s: &BreakerSpec, seed: u64, id: u64) -> Duration {
        let mut d = s.open;
        for _ in 0..self.reopened {
            if s.growth == MILLION || d >= s.open_max {
                break;
            }
            d = scale(d, s.growth);
        }
        d = d.min(s.open_max);
        let spread = scale(d, s.jitter) as u64;
        d + below(draw(seed, id, u64::from(self.r#gen), Purpose::Jitter), spread) as Duration
    }

    /// Counts a probe out and returns the earliest guard.
    pub fn add_probe(&mut self, slot: u32, at: Time) -> Time {
        if let Some(g) = self.guards.get_mut(usize::from(self.probes)) {
            *g = Guard { at, slot };
            self.probes += 1;
        }
        self.first_guard()
    }

    /// Forgets the probe in slot and returns the earliest guard left.
    pub fn drop_probe(&mut self, slot: u32) -> Time {
        if let Some(i) = self.out().iter().position(|g| g.slot == slot) {
            self.probes -= 1;
            self.guards[i] = self.guards[usize::from(self.probes)];
        }
        self.first_guard()
    }

    pub fn first_guard(&self) -> Time {
        self.out().iter().fold(NEVER, |first, g| first.min(g.at))
    }

    /// The guards of the probes that are out.
    fn out(&self) -> &[Guard] {
        &self.guards[..usize::from(self.probes).min(MAX_PROBES)]
    }

    /// Folds the breaker into its endpoint's part of the digest. The order of guards carries no
    /// meaning, so they are summed.
    pub fn mix(&self, h: u64) -> u64 {
        let mut h = mix_word(h, u64::from(self.state.0) << 32 | u64::from(self.r#gen));
        h = mix_word(h, u64::from(self.failures) << 32 | u64::from(self.successes));
        h = mix_word(h, u64::from(self.reopened) << 8 | u64::from(self.probes));
        h = mix_word(h, self.until as u64);
        let sum = self.out().iter().fold(0u64, |sum, g| sum.wrapping_add(finalise((g.at as u64).wrapping_add(GOLDEN))));
        mix_word(h, sum)
    }
}

/// Returns d x ppm / 1e6, rounded down; d is at most MAX_DURATION, so the product of its parts fits.
pub(crate) fn scale(d: Duration, ppm: u32) -> Duration {
    let (whole, rest) = (d / 1_000_000, d % 1_000_000);
    whole * Duration::from(ppm) + rest * Duration::from(ppm) / 1_000_000
}

#[cfg(test)]
#[path = "breaker_test.rs"]
mod tests;
