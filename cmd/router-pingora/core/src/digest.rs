//! The digest is a wrapping sum over entities, so that one entity can change without touching
//! the rest. Slot numbers, tokens, heap order and counters stay out: two machines with equal
//! digests decide alike from here on.

use crate::deadlines::TimerKind;
use crate::random::{GOLDEN, finalise};
use crate::router::{Endpoint, Placement, Router};
use crate::time::Time;

/// Separates the kinds of things that the digest sums over.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[repr(u64)]
pub(crate) enum Entity {
    Router = 1,
    Placement = 2,
    Endpoint = 3,
    Attempt = 4,
    /// A request that may come again.
    Journey = 5,
    /// Of a placement's retries.
    Budget = 6,
    /// What extra.rs keeps of an endpoint.
    Extra = 7,
    /// Panic and adaptive limit of a placement.
    Room = 8,
    /// Attempt that counts for its tenant.
    Tenant = 9,
}

#[inline]
pub(crate) const fn mix_word(h: u64, w: u64) -> u64 {
    finalise(h.wrapping_add(w).wrapping_add(GOLDEN))
}

#[inline]
pub(crate) const fn mix_entity(k: Entity, id: u64, fields: u64) -> u64 {
    mix_word(mix_word(k as u64, id), fields)
}

impl Router {
    /// Returns the hash of the whole state: epoch, configuration, drain, placements, endpoints
    /// and attempts in flight. The cost is that of what changed since the last call.
    pub fn digest(&mut self) -> u64 {
        for &n in &self.touched_endpoints {
            let e = &mut self.endpoints[n as usize];
            self.sum = self.sum.wrapping_sub(e.mixed);
            e.mixed = e.mix(self.timers.get(TimerKind::Health, n), self.timers.get(TimerKind::HealthGuard, n));
            if let Some(x) = self.extras.get(n as usize)
                && e.id != 0
            {
                e.mixed = e.mixed.wrapping_add(x.mix(e.id));
            }
            self.sum = self.sum.wrapping_add(e.mixed);
            e.touched = false;
        }
        self.touched_endpoints.clear();
        for &n in &self.touched_placements {
            let p = &mut self.placements[n as usize];
            self.sum = self.sum.wrapping_sub(p.mixed);
            p.mixed = p.mix();
            self.sum = self.sum.wrapping_add(p.mixed);
            p.touched = false;
        }
        self.touched_placements.clear();
        self.sum.wrapping_add(self.mix())
    }

    #[inline]
    pub(crate) fn touch_endpoint(&mut self, n: i32) {
        let e = &mut self.endpoints[n as usize];
        if !e.touched {
            e.touched = true;
            self.touched_endpoints.push(n);
        }
    }

    #[inline]
    pub(crate) fn touch_placement(&mut self, n: i32) {
        let p = &mut self.placements[n as usize];
        if !p.touched {
            p.touched = true;
            self.touched_placements.push(n);
        }
    }

    fn mix(&self) -> u64 {
        let mut h = mix_entity(Entity::Router, self.epoch.term, self.epoch.number);
        if let Some(c) = &self.config {
            h = mix_word(h, c.digest);
        }
        h = mix_word(h, u64::from(self.abort_from) << 1 | u64::from(self.draining));
        mix_word(h, self.timers.get(TimerKind::Drain, 0) as u64)
    }
}

/// Widens as Go converts an int32 to uint64: a negative number fills the high bits.
#[inline]
pub(crate) const fn word(v: i32) -> u64 {
    v as i64 as u64
}

impl Placement {
    fn mix(&self) -> u64 {
        if self.id == 0 {
            return 0;
        }
        let h = mix_entity(Entity::Placement, self.id, word(self.in_flight) << 32 | word(self.guests))
            .wrapping_add(self.budget.mix(self.id));
        match &self.adaptive {
            Some(a) => h.wrapping_add(a.mix(mix_entity(Entity::Room, self.id, u64::from(self.panic)))),
            None if self.panic => h.wrapping_add(mix_entity(Entity::Room, self.id, 1)),
            None => h,
        }
    }
}

impl Endpoint {
    fn mix(&self, probe: Time, guard: Time) -> u64 {
        if self.id == 0 {
            return 0;
        }
        let mut h = mix_entity(Entity::Endpoint, self.id, word(self.in_flight) << 1 | u64::from(self.config >= 0));
        h = mix_word(h, self.rotation as u64);
        h = self.breaker.mix(h);
        h = self.health.mix(h);
        mix_word(mix_word(h, probe as u64), guard as u64)
    }
}
