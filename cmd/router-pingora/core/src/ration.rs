//! Rationing of what is left in a placement (R5): lower priorities are shed as it fills, and a
//! tenant may hold no more slots than a multiple of those that are still free. Both are asked of
//! the request's pool: where guests are capped, those at home share what the cap leaves and
//! guests share the cap, so that guests move nothing for those at home (R15).

use crate::arrive::Room;
use crate::class::Class;
use crate::config::{Config, PlacementConfig, Route};
use crate::decision::{Decision, Reason};
use crate::digest::{Entity, mix_entity, mix_word};
use crate::event::Event;
use crate::inflight::{Slot, SlotState};
use crate::random::finalise;
use crate::router::{Placement, Router};
use crate::spec::LimitSpec;
use crate::time::Time;
use alloc::vec;
use alloc::vec::Vec;

/// How many priorities there are; 0 is the most critical. A larger number in an Arrive counts as
/// the last.
pub const MAX_PRIORITIES: usize = 8;

/// Counts the attempts of each tenant of a placement: a hash table of buckets that never moves
/// what it holds. A tenant whose bucket is full is not counted, and so never refused for its
/// share. Empty counts nobody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenants(pub(crate) Vec<TenantCell>);

#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct TenantCell {
    /// 0 for a free cell.
    pub(crate) id: u64,
    pub(crate) in_flight: i32,
}

impl Placement {
    /// Returns how much of a placement's room a request may ask for, and how much of that is taken.
    pub(crate) fn pool(&self, limit: i32, guests: i32, capped: bool, guest: bool) -> (i32, i32) {
        if !capped || guests >= limit {
            (limit, self.in_flight)
        } else if guest {
            (guests, self.guests)
        } else {
            (limit - guests, self.in_flight - self.guests)
        }
    }

    /// Returns how many requests a placement takes now, 0 for any number, and how many guests among
    /// them, where those are capped.
    pub(crate) fn bounds(&self, l: &LimitSpec) -> (i32, i32) {
        match &self.adaptive {
            Some(a) => a.bounds(l),
            None => (l.in_flight, l.guests.max(0)),
        }
    }

    /// Room where the limit moves or is shared out.
    pub(crate) fn shared_room(&self, p: &PlacementConfig, ev: &Event, guest: bool) -> Room {
        let (limit, guests) = self.bounds(&p.limit);
        if guest && p.limit.guests != 0 && self.guests >= guests {
            return Room::GuestsFull;
        }
        if self.in_flight >= limit {
            return Room::Full; // there is a limit, or nothing could be shared
        }
        self.ration(&p.limit, limit, guests, 0, ev, guest)
    }

    /// Asks of a home request at a full placement what its share will say at best when its turn comes:
    /// when as many of those at home have ended as must.
    pub(crate) fn next_share(&self, p: &PlacementConfig, ev: &Event) -> Room {
        let (limit, guests) = self.bounds(&p.limit);
        self.ration(&p.limit, limit, guests, (self.in_flight - limit + 1).max(0), ev, false)
    }
}

impl Router {
    /// Books an admission, counted already, with its tenant and its placement's limit.
    pub(crate) fn take_share(&mut self, p: &PlacementConfig, now: Time, n: u32, number: i32, ev: &Event) {
        if !self.placements[number as usize].tenants.is_empty() {
            let tenant = tenant_of(&p.limit, &ev.route, self.slots.at(n).guest);
            self.count(n, number, tenant);
        }
        if self.placements[number as usize].adaptive.is_some() {
            self.admitted(now, number, &p.limit);
        }
    }
}

impl Placement {
    /// Asks of a request for which there is a slot, or will be when so many more of its pool have
    /// ended, whether it may have it.
    fn ration(&self, l: &LimitSpec, limit: i32, guests: i32, ended: i32, ev: &Event, guest: bool) -> Room {
        let (pool, mut used) = self.pool(limit, guests, l.guests != 0, guest);
        used -= ended;
        let share = l.priorities[usize::from(ev.priority).min(MAX_PRIORITIES - 1)];
        if share != 0 && share < 100 && i64::from(used) * 100 >= i64::from(pool) * i64::from(share) {
            return Room::Shed;
        }
        if l.tenant_share == 0 {
            return Room::Yes;
        }
        // Dynamic thresholds (Choudhury, Hahne 1998): what one may hold, this slot included, is a
        // multiple of what it leaves free. It falls as the rest fills, so that any number of greedy
        // tenants leave something for the next.
        let held = i64::from(self.tenants.held(tenant_of(l, &ev.route, guest)));
        let (free, t) = (i64::from((pool - used).max(0)), i64::from(l.tenant_share));
        if held > 0 && (held + 1) * (100 - t) > (free - 1) * t {
            return Room::Unfair;
        }
        Room::Yes
    }
}

impl Room {
    /// How a refusal for want of room is answered.
    pub(crate) fn class(self) -> Class {
        match self {
            Room::Shed => Class::SHED,
            Room::Unfair => Class::FAIR_SHARE,
            _ => Class::LIMIT_REACHED,
        }
    }
}

/// Returns whose share a request takes: its routing key's hash. Unknown keys are one tenant, or a flood
/// of invented ones would be many small ones. Where guests are capped, what a tenant holds as a guest
/// counts apart: it must move nothing for the same tenant at home (R15), which a split key, or an
/// unknown one, may have here as well.
pub(crate) fn tenant_of(l: &LimitSpec, route: &Route, guest: bool) -> u64 {
    let mut id = 1;
    if route.reason != Reason::DEFAULT {
        id = route.key.max(2); // 0 is a free cell, 1 the unknown
    }
    if guest && l.guests != 0 {
        id = finalise(id).max(2);
    }
    id
}

const BUCKET_CELLS: usize = 8;

const MIN_TENANTS: usize = 64;

const MAX_TENANTS: usize = 1 << 16;

/// Returns how many cells a placement with that limit has: four times as many as there can be tenants
/// in flight, as long as the limit is at most a quarter of MAX_TENANTS.
pub(crate) fn tenant_cells(limit: i32) -> usize {
    let mut n = MIN_TENANTS;
    while n < MAX_TENANTS && n < (limit.max(0) as usize).saturating_mul(4) {
        n *= 2;
    }
    n
}

impl Tenants {
    /// Reports whether nobody is counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The places of a bucket.
    fn bucket(&self, id: u64) -> core::ops::Range<usize> {
        if self.0.is_empty() {
            return 0..0;
        }
        let at = ((id >> 32) as usize & (self.0.len() / BUCKET_CELLS - 1)) * BUCKET_CELLS;
        at..at + BUCKET_CELLS
    }

    /// Returns how many attempts of a tenant are counted.
    pub fn held(&self, id: u64) -> i32 {
        self.0[self.bucket(id)].iter().find(|cell| cell.id == id).map_or(0, |cell| cell.in_flight)
    }

    /// Counts one attempt; false when its bucket is full.
    pub fn add(&mut self, id: u64) -> bool {
        let bucket = self.bucket(id);
        let b = &mut self.0[bucket];
        if let Some(cell) = b.iter_mut().find(|cell| cell.id == id) {
            cell.in_flight += 1;
            return true;
        }
        match b.iter_mut().find(|cell| cell.id == 0) {
            Some(free) => *free = TenantCell { id, in_flight: 1 },
            None => return false,
        }
        true
    }

    /// Forgets one attempt that was counted.
    pub fn drop(&mut self, id: u64) -> bool {
        let bucket = self.bucket(id);
        let Some(cell) = self.0[bucket].iter_mut().find(|cell| cell.id == id) else {
            return false;
        };
        cell.in_flight -= 1;
        if cell.in_flight == 0 {
            *cell = TenantCell::default();
        }
        true
    }
}

impl Slot {
    /// The part that a counted attempt has in the digest beside its own.
    pub(crate) fn mix_tenant(&self, endpoint: u64) -> u64 {
        mix_word(mix_entity(Entity::Tenant, endpoint, self.tenant), self.request)
    }
}

impl Router {
    /// Gives the attempt in slot n to its tenant in placement `number`.
    pub(crate) fn count(&mut self, n: u32, number: i32, tenant: u64) {
        if self.placements[number as usize].tenants.add(tenant) {
            let s = self.slots.at_mut(n);
            s.tenant = tenant;
            self.sum = self.sum.wrapping_add(s.mix_tenant(self.endpoints[s.endpoint as usize].id));
        }
    }

    /// Takes the attempt in slot n from its tenant in placement `number`.
    pub(crate) fn uncount(&mut self, now: Time, n: u32, number: i32, out: &mut Vec<Decision>) {
        let s = self.slots.at_mut(n);
        self.sum = self.sum.wrapping_sub(s.mix_tenant(self.endpoints[s.endpoint as usize].id));
        let tenant = core::mem::take(&mut s.tenant);
        let ok = self.placements[number as usize].tenants.drop(tenant);
        self.ensure(ok, now, "a tenant without its count", out);
    }

    /// Gives placements the tables that the configuration asks for. Attempts that were counted stay
    /// counted where there is still a table; those that were admitted without one never are.
    pub(crate) fn retable(&mut self, c: &Config) {
        let mut changed = false;
        for p in &mut self.placements {
            let mut size = 0;
            if p.config >= 0 && c.placements[p.config as usize].limit.tenant_share > 0 {
                size = tenant_cells(c.placements[p.config as usize].most_in_flight());
            }
            p.retabled = size != p.tenants.0.len();
            if p.retabled {
                changed = true;
                p.tenants = Tenants(vec![TenantCell::default(); size]);
            }
        }
        let mut next = if changed { self.slots.next(0) } else { None };
        while let Some(n) = next {
            next = self.slots.next(n + 1);
            let s = self.slots.at_mut(n);
            if s.state == SlotState::Waiting {
                continue;
            }
            let e = &self.endpoints[s.endpoint as usize];
            if s.tenant != 0 && self.placements[e.placement as usize].retabled {
                self.sum = self.sum.wrapping_sub(s.mix_tenant(e.id));
                let (tenant, home) = (core::mem::take(&mut s.tenant), e.placement);
                self.count(n, home, tenant);
            }
        }
    }
}

impl PlacementConfig {
    /// The largest limit that a placement can have.
    pub(crate) fn most_in_flight(&self) -> i32 {
        let most = self.limit.adaptive.max;
        if most > 0 && (self.limit.in_flight == 0 || most < self.limit.in_flight) {
            return most;
        }
        self.limit.in_flight
    }
}

#[cfg(test)]
#[path = "ration_test.rs"]
mod tests;
