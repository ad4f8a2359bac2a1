//! Active health of one endpoint (R8): probes in a row decide, one way or the other. Health says
//! whom to prefer; it never blocks a request (R3).

use crate::digest::mix_word;
use crate::random::{Purpose, below, draw};
use crate::spec::HealthSpec;
use crate::time::Time;

/// The state; its settings are the placement's `HealthSpec`.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Health {
    pub(crate) unhealthy: bool,
    /// Probes in a row that contradict the present state.
    pub(crate) streak: u32,
    /// Of the probe in flight, 0 for none.
    pub(crate) token: u32,
}

impl Health {
    /// Books one probe result and reports whether the state changed.
    pub(crate) fn observe(&mut self, ok: bool, s: &HealthSpec) -> bool {
        if ok != self.unhealthy {
            self.streak = 0;
            return false;
        }
        let need = if self.unhealthy { s.rise } else { s.fall };
        self.streak = self.streak.wrapping_add(1);
        if self.streak < need {
            return false;
        }
        self.unhealthy = !self.unhealthy;
        self.streak = 0;
        true
    }

    pub(crate) fn mix(&self, d: u64) -> u64 {
        mix_word(d, u64::from(self.streak) << 2 | u64::from(self.unhealthy) << 1 | u64::from(self.token != 0))
    }
}

/// Returns the first point after now of the endpoint's probe grid: phase + k x every, each point
/// moved back by a hashed jitter of up to a tenth of every. It is a function of its arguments, so a
/// late Step loses nothing.
pub(crate) fn next_probe(now: Time, s: &HealthSpec, seed: u64, id: u64) -> Time {
    let every = (s.every as u64).max(1); // at least 1 ms in a configuration that compiled
    let phase = below(draw(seed, id, 0, Purpose::Phase), every);
    let mut k = (now as u64).saturating_sub(phase) / every;
    loop {
        let jitter = below(draw(seed, id, k, Purpose::ProbeJitter), every / 10);
        let at = phase.wrapping_add(k.wrapping_mul(every)).wrapping_add(jitter) as Time;
        if at > now {
            return at;
        }
        k += 1;
    }
}

#[cfg(test)]
#[path = "health_test.rs"]
mod tests;
