//! What some policies must know of an endpoint beyond its breaker and health: the window of R6,
//! the slow start and the latency of R10. It lies apart from the endpoints, so that a
//! configuration that uses none of it pays nothing.

use crate::config::{Config, PlacementConfig};
use crate::decision::Circuit;
use crate::digest::{Entity, mix_entity, mix_word};
use crate::router::{Router, grow_to};
use crate::spec::Policy;
use crate::time::Time;
use crate::window::{Window, same_trip_mode};

#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Extra {
    pub(crate) window: Window,
    /// 1 + when its slow start began; 0 for none.
    pub(crate) warm: Time,
    /// ewma: latency in ns, at most `MAX_COST`; 0 until one was measured.
    pub(crate) cost: i64,
    /// When `cost` was last measured.
    pub(crate) cost_at: Time,
    /// Scratch: the selection that marked it.
    pub(crate) stamp: u32,
    /// Scratch: its place among the admissible ones of that selection.
    pub(crate) at: i32,
}

impl Extra {
    /// The part of the digest; what is at rest adds nothing.
    pub(crate) fn mix(&self, id: u64) -> u64 {
        let w = &self.window;
        if self.warm == 0 && self.cost == 0 && w.total[0] == 0 {
            return 0;
        }
        let mut h = mix_entity(Entity::Extra, id, self.warm as u64);
        h = mix_word(mix_word(h, self.cost as u64), self.cost_at as u64);
        if w.total[0] == 0 {
            return h;
        }
        h = mix_word(h, w.head as u64);
        for b in &w.buckets {
            h = mix_word(mix_word(h, u64::from(b.requests)), u64::from(b.failures) << 32 | u64::from(b.slow));
        }
        h
    }
}

impl Router {
    /// Makes room for `n` endpoints if `c`, or what was adopted before, needs it.
    pub(crate) fn reserve_extras(&mut self, c: &Config, n: usize) {
        if c.extras || !self.extras.is_empty() {
            grow_to(&mut self.extras, n);
        }
    }

    /// Gives every endpoint number its extra from the first configuration on that needs one.
    pub(crate) fn use_extras(&mut self, c: &Config) {
        if c.extras && self.extras.len() < self.endpoints.len() {
            self.extras.resize(self.endpoints.len(), Extra::default());
        }
    }

    /// Carries endpoint `n`'s extra from one configuration to the next. What is switched off is
    /// forgotten. Another trip mode of a closed breaker is a new generation: what was counted by
    /// another measure says nothing (R6).
    pub(crate) fn keep_extra(&mut self, n: i32, was: &PlacementConfig, p: &PlacementConfig) {
        let same = same_trip_mode(&was.breaker, &p.breaker);
        let b = &mut self.endpoints[n as usize].breaker;
        if !same && b.state == Circuit::CLOSED && !p.breaker.off {
            b.r#gen = b.r#gen.wrapping_add(1);
            b.failures = 0;
        }
        let Some(x) = self.extras.get_mut(n as usize) else { return };
        if p.breaker.off || !same {
            x.window = Window::default();
        }
        if p.choice.slow_start == 0 {
            x.warm = 0;
        }
        if p.selection != Policy::EWMA {
            (x.cost, x.cost_at) = (0, 0);
        }
    }

    /// Forgets what an endpoint that leaves had.
    pub(crate) fn clear_extra(&mut self, n: i32) {
        if let Some(x) = self.extras.get_mut(n as usize) {
            *x = Extra::default();
        }
    }
}
