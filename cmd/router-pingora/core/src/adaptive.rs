//! The adaptive limit of a placement (R5) follows what its latency says: it grows while answers
//! come as fast as when little was in flight, and falls as they take longer (gradient; see SPEC
//! for what it owes to others). It moves only at the end of a window, with a note, so that a
//! recording explains it.

use crate::class::Class;
use crate::config::Config;
use crate::deadlines::TimerKind;
use crate::decision::{Decision, DecisionKind};
use crate::digest::mix_word;
use crate::router::{Router, note};
use crate::spec::LimitSpec;
use crate::time::{Duration, MAX_DURATION, NEVER, Time, add, sub};
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

/// Parts of one in which the gradient is.
const GRAD_UNIT: i64 = 1024;

/// Fewer say too little: the window goes on.
const MIN_SAMPLES: u32 = 30;

impl Adaptive {
    pub fn new(s: &AdaptiveSpec) -> Adaptive {
        Adaptive {
            limit: i64::from(s.start) * LIMIT_UNIT,
            base: 0,
            due: NEVER,
            sum: 0,
            count: 0,
            since: 0,
            peak: 0,
            phase: Phase::Steady,
            climbing: true,
            busy: false,
        }
    }

    /// Reports whether nothing was learnt yet.
    pub fn at_rest(&self, s: &AdaptiveSpec) -> bool {
        *self == Adaptive::new(s)
    }

    /// Returns the limit in force.
    pub fn now(&self, s: &AdaptiveSpec) -> i32 {
        if self.phase != Phase::Steady {
            return ((self.limit / LIMIT_UNIT / 2) as i32).max(s.min);
        }
        (self.limit / LIMIT_UNIT) as i32
    }

    /// Returns how many a placement takes, and how many guests among them: the cap on guests shrinks
    /// with the limit, so that those at home keep their part.
    pub fn bounds(&self, l: &LimitSpec) -> (i32, i32) {
        let mut most = l.adaptive.max;
        if l.in_flight > 0 {
            most = most.min(l.in_flight);
        }
        let limit = self.now(&l.adaptive).min(most);
        (limit, (i64::from(l.guests.max(0)) * i64::from(limit) / i64::from(most.max(1))) as i32)
    }
}

impl Router {
    /// Counts one more in flight at a placement and begins a window if none is open.
    pub(crate) fn admitted(&mut self, now: Time, number: i32, l: &LimitSpec) {
        let s = &mut self.placements[number as usize];
        let Some(a) = &mut s.adaptive else { return };
        (a.peak, a.busy) = (a.peak.max(s.in_flight), true);
        if a.due == NEVER {
            a.due = add(now, l.adaptive.window);
            self.timers.set(TimerKind::Limit, number, a.due);
        }
    }

    /// Enters what an attempt at endpoint `number` that began at a time took. An end that says nothing
    /// about the endpoint's speed is left out; a client that left counts when it waited longer than
    /// usual, or overload would be what nobody measures.
    pub(crate) fn sample(&mut self, c: &Config, number: i32, class: Class, took: Duration, began: Time) {
        let home = self.endpoints[number as usize].placement;
        let p = &mut self.placements[home as usize];
        let Some(a) = &mut p.adaptive else { return };
        if began == 0 || p.config < 0 {
            return;
        }
        match class {
            Class::NONE | Class::RESPONSE_TIMEOUT | Class::CONNECT_TIMEOUT => {}
            Class::CLIENT_GONE if took > a.base => {}
            _ => return,
        }
        let l = &c.placements[p.config as usize].limit;
        if a.phase == Phase::Draining
            || a.phase == Phase::Measuring && began - 1 < add(a.due, l.adaptive.window.wrapping_neg())
        {
            return;
        }
        a.sum = a.sum.wrapping_add(took.clamp(1, MAX_DURATION) as u64);
        a.count = a.count.wrapping_add(1);
        self.touch_placement(home);
    }

    /// Enters an attempt whose headers came `settle` ago.
    pub(crate) fn sample_reply(&mut self, c: &Config, now: Time, number: i32, class: Class, began: Time) {
        let p = &self.placements[self.endpoints[number as usize].placement as usize];
        if p.adaptive.is_some() && p.config >= 0 {
            let settle = c.placements[p.config as usize].timeouts.settle;
            self.sample(c, number, class, sub(now, began - 1) - settle, began);
        }
    }

    /// Ends the window that was due at `at`.
    pub(crate) fn limit_window(&mut self, c: &Config, at: Time, now: Time, number: i32, out: &mut Vec<Decision>) {
        self.touch_placement(number);
        let s = &mut self.placements[number as usize];
        let (Some(a), true) = (&mut s.adaptive, s.config >= 0) else {
            return self.timers.set(TimerKind::Limit, number, NEVER);
        };
        let l = &c.placements[s.config as usize].limit;
        let before = a.now(&l.adaptive);
        if s.in_flight == 0 && !a.busy {
            (a.phase, a.due) = (Phase::Steady, NEVER);
            (a.sum, a.count, a.peak) = (0, 0, 0);
        } else {
            a.turn(&l.adaptive, s.in_flight);
            let window = l.adaptive.window.max(1); // at least 10 ms in a configuration that compiled
            let missed = sub(now, at) / window + 1;
            a.due = add(at, missed.wrapping_mul(window));
        }
        let raised = s.queue.count > 0 && a.now(&l.adaptive) > before;
        self.timers.set(TimerKind::Limit, number, a.due);
        self.limit_changed(c, at, number, before, out);
        if raised {
            self.turn(c, at, number, out); // a raised limit is room for those who wait
        }
    }

    /// Notes the limit if it is another than before.
    fn limit_changed(&self, c: &Config, at: Time, number: i32, before: i32, out: &mut Vec<Decision>) {
        let s = &self.placements[number as usize];
        let Some(a) = &s.adaptive else { return };
        let after = a.now(&c.placements[s.config as usize].limit.adaptive);
        if after == before {
            return;
        }
        let mut d = note(DecisionKind::NOTE_LIMIT_CHANGED, 5, at);
        (d.placement, d.count) = (number, after as u32);
        out.push(d);
    }
}

impl Adaptive {
    /// Decides at the end of a window.
    fn turn(&mut self, s: &AdaptiveSpec, in_flight: i32) {
        self.busy = false;
        match self.phase {
            Phase::Draining => self.phase = Phase::Measuring,
            Phase::Measuring => {
                if self.count > 0 {
                    self.base = self.mean();
                }
                (self.phase, self.since) = (Phase::Steady, 0);
            }
            Phase::Steady => {
                self.since = self.since.saturating_add(1).min(s.remeasure);
                if self.count < MIN_SAMPLES {
                    self.peak = self.peak.max(in_flight);
                    return;
                }
                self.follow(s);
            }
        }
        (self.sum, self.count, self.peak) = (0, 0, in_flight);
    }

    /// The mean of the samples, of which there is one; at least 1.
    fn mean(&self) -> Duration {
        ((self.sum / u64::from(self.count)) as Duration).max(1)
    }

    /// Moves the limit by the latency of a full window.
    fn follow(&mut self, s: &AdaptiveSpec) {
        let (limit, short) = (self.now(s), self.mean());
        if self.base == 0 {
            self.base = short;
        } else if short < self.base {
            self.base -= (self.base - short) / 4;
        } else if self.peak < limit {
            self.base += (short - self.base) / 16;
        }
        let head = sqrt(limit as u64).max(1) as i64 * LIMIT_UNIT;
        let tolerated = self.base.wrapping_mul(i64::from(s.tolerance)) / 100;
        let gradient = (tolerated.wrapping_mul(GRAD_UNIT) / short).clamp(GRAD_UNIT / 2, GRAD_UNIT);
        if gradient < GRAD_UNIT {
            self.climbing = false;
            self.limit += (self.limit * gradient / GRAD_UNIT + head - self.limit) / 2;
        } else if i64::from(self.peak) * 2 < i64::from(limit) {
            // it was not the limit that kept it low
        } else if self.climbing {
            self.limit *= 2;
        } else {
            self.limit += head;
        }
        self.clamp(s);
        if self.since < s.remeasure {
            return;
        }
        if self.peak >= limit {
            self.phase = Phase::Draining;
        } else if i64::from(self.peak) * 2 <= i64::from(limit) {
            (self.base, self.since) = (short, 0);
        }
    }

    fn clamp(&mut self, s: &AdaptiveSpec) {
        self.limit = self.limit.max(i64::from(s.min) * LIMIT_UNIT).min(i64::from(s.max) * LIMIT_UNIT);
    }
}

/// The integer square root.
fn sqrt(n: u64) -> u64 {
    n.isqrt()
}

impl Router {
    /// Begins, ends and clamps adaptive limits under a new configuration.
    pub(crate) fn readapt(&mut self, c: &Config, now: Time, out: &mut Vec<Decision>) {
        for n in 0..self.placements.len() as i32 {
            let s = &mut self.placements[n as usize];
            if s.config < 0 {
                continue;
            }
            let spec = &c.placements[s.config as usize].limit.adaptive;
            let mut before = 0;
            if !spec.on() {
                self.forget_limit(n);
                continue;
            }
            match &mut s.adaptive {
                None => s.adaptive = Some(Adaptive::new(spec)),
                Some(a) => {
                    before = a.now(spec);
                    a.clamp(spec);
                    a.since = a.since.min(spec.remeasure);
                }
            }
            self.touch_placement(n);
            self.limit_changed(c, now, n, before, out);
        }
    }

    /// Drops the adaptive limit of a placement, if it has one.
    pub(crate) fn forget_limit(&mut self, n: i32) {
        if self.placements[n as usize].adaptive.take().is_some() {
            self.timers.set(TimerKind::Limit, n, NEVER);
            self.touch_placement(n);
        }
    }
}

impl Adaptive {
    /// The part of the digest.
    pub fn mix(&self, h: u64) -> u64 {
        let mut h = mix_word(h, self.word());
        h = mix_word(h, self.base as u64);
        h = mix_word(h, self.due as u64);
        h = mix_word(h, self.sum);
        mix_word(mix_word(h, u64::from(self.count) << 32 | u64::from(self.since)), self.peak as u64)
    }

    /// The limit and its marks in one word, as digest and snapshot have it.
    pub fn word(&self) -> u64 {
        (self.limit as u64) << 4 | (self.phase as u64) << 2 | u64::from(self.busy) << 1 | u64::from(self.climbing)
    }
}

#[cfg(test)]
#[path = "adaptive_test.rs"]
mod tests;
