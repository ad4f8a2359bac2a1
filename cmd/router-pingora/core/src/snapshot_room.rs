//! Sections of a snapshot about room: 7 is what extra.rs keeps of endpoints and when attempts
//! began, 8 is what placements remember beyond their counts, 9 whose share attempts take. One
//! with nothing to say is left out.

use crate::adaptive::{Adaptive, LIMIT_UNIT, Phase};
use crate::choice::MAX_COST;
use crate::config::Config;
use crate::deadlines::TimerKind;
use crate::digest::Entity;
use crate::extra::Extra;
use crate::inflight::{MAX_IN_FLIGHT, SlotState};
use crate::router::{Placement, Router};
use crate::snapshot::Writer;
use crate::snapshot_read::{MAX24, MAX32, Reader};
use crate::time::{MAX_DURATION, NEVER};
use crate::window::Tally;

impl Router {
    /// Writes section 7: endpoints whose extra is not at rest, then attempts that are timed.
    pub(crate) fn write_extras(&self, w: &mut Writer) {
        let busy =
            || self.extras.iter().zip(&self.endpoints).enumerate().filter(|(_, (x, e))| e.id != 0 && x.mix(1) != 0);
        let timed = || self.slots.taken().filter(|(_, s)| s.began != 0);
        let (endpoints, attempts) = (busy().count(), timed().count());
        if endpoints + attempts == 0 {
            return;
        }
        w.uint(Entity::Extra as u64);
        w.uint(endpoints as u64);
        for (n, (x, _)) in busy() {
            w.extra(n, x);
        }
        w.uint(attempts as u64);
        for (n, s) in timed() {
            w.uint(n.into());
            w.time(s.began);
        }
    }

    /// Writes section 8.
    pub(crate) fn write_room(&self, w: &mut Writer) {
        let moved = || self.placements.iter().enumerate().filter(|(_, p)| p.moved(self.config.as_deref()));
        let count = moved().count();
        if count == 0 {
            return;
        }
        w.uint(Entity::Room as u64);
        w.uint(count as u64);
        for (n, p) in moved() {
            w.uint(n as u64);
            w.bool(p.panic);
            if let Some(a) = &p.adaptive {
                w.uint((a.limit as u64) << 4 | (a.phase as u64) << 2 | u64::from(a.busy) << 1 | u64::from(a.climbing));
                w.uint(a.base as u64);
                w.time(a.due);
                w.uint(a.sum);
                w.uint(a.count.into());
                w.uint(a.since.into());
                w.uint(a.peak as u64);
            }
        }
    }

    /// Writes section 9.
    pub(crate) fn write_tenants(&self, w: &mut Writer) {
        let counted = || self.slots.taken().filter(|(_, s)| s.tenant != 0);
        let count = counted().count();
        if count == 0 {
            return;
        }
        w.uint(Entity::Tenant as u64);
        w.uint(count as u64);
        for (n, s) in counted() {
            w.uint(n.into());
            w.uint(s.tenant);
        }
    }
}

impl Placement {
    /// Reports whether the placement is not at rest as far as section 8 goes.
    fn moved(&self, c: Option<&Config>) -> bool {
        let spec = c.and_then(|c| c.placements.get(self.config as usize)).map(|p| &p.limit.adaptive);
        self.panic || self.adaptive.is_some_and(|a| spec.is_none_or(|s| !a.at_rest(s)))
    }
}

impl Reader<'_> {
    /// Reads section 7.
    pub(crate) fn extras(&mut self, r: &mut Router) {
        const UNUSED: &str = "it has windows that its configuration does not use";
        let mut last = -1;
        for _ in 0..self.uint(self.left()) {
            if r.extras.is_empty() {
                return self.fail(UNUSED);
            }
            let n = self.uint(MAX24) as i32;
            if self.failed() || n <= last || r.endpoints.get(n as usize).is_none_or(|e| e.id == 0) {
                return self.fail("a window belongs to no endpoint");
            }
            last = n;
            let now = r.now as u64;
            match r.extras.get_mut(n as usize) {
                Some(x) => self.extra(x, now),
                None => return self.fail(UNUSED),
            }
        }
        for _ in 0..self.uint(self.left()) {
            let n = self.uint(MAX_IN_FLIGHT as u64 - 1) as u32;
            let began = self.uint(r.now as u64 + 1) as i64;
            if self.failed() || !attempt(r, n) || r.slots.at(n).began != 0 || began == 0 {
                return self.fail("a time belongs to no attempt");
            }
            let s = r.slots.at_mut(n);
            let id = r.endpoints[s.endpoint as usize].id;
            let before = s.mix(id);
            s.began = began;
            r.sum = r.sum.wrapping_sub(before).wrapping_add(s.mix(id));
        }
    }

    /// Reads one extra; nothing in it is later than now.
    fn extra(&mut self, x: &mut Extra, now: u64) {
        x.warm = self.uint(now + 1) as i64;
        x.cost = self.uint(MAX_COST as u64) as i64;
        x.cost_at = self.uint(now) as i64;
        if !self.bool() {
            return;
        }
        let w = &mut x.window;
        w.head = self.uint(now) as i64;
        for b in &mut w.buckets {
            *b = Tally {
                requests: self.uint(MAX32) as u32,
                failures: self.uint(MAX32) as u32,
                slow: self.uint(MAX32) as u32,
            };
            if b.failures > b.requests || b.slow > b.requests {
                self.fail("a window has more failures or slow calls than requests");
            }
            w.total[0] += u64::from(b.requests);
            w.total[1] += u64::from(b.failures);
            w.total[2] += u64::from(b.slow);
        }
        if w.total[0] == 0 {
            self.fail("a window is written and empty");
        }
    }

    /// Reads section 8.
    pub(crate) fn room(&mut self, c: &Config, r: &mut Router) {
        let mut last = -1;
        let count = self.uint(r.placements.len() as u64);
        for _ in 0..count {
            let n = self.uint((r.placements.len() as u64).saturating_sub(1)) as i64;
            if n <= last || r.placements[n as usize].config < 0 {
                return self.fail("a placement's room is not in the configuration, or out of order");
            }
            last = n;
            r.placements[n as usize].panic = self.bool();
            if r.placements[n as usize].adaptive.is_some() {
                self.adaptive(c, r, n as i32);
            }
            if !self.failed() && !r.placements[n as usize].moved(Some(c)) {
                return self.fail("a placement at rest is listed");
            }
        }
        if count == 0 {
            self.fail("a section is empty");
        }
    }

    /// Reads section 9.
    pub(crate) fn tenants(&mut self, r: &mut Router) {
        let mut last = -1;
        let count = self.uint(r.slots.live.into());
        for _ in 0..count {
            let (n, tenant) = (self.uint(MAX_IN_FLIGHT as u64 - 1) as u32, self.uint(u64::MAX));
            if self.failed() {
                return;
            }
            if i64::from(n) <= last || !attempt(r, n) || tenant == 0 {
                return self.fail("a tenant has no attempt, or they are out of order");
            }
            last = n.into();
            let number = r.endpoints[r.slots.at(n).endpoint as usize].placement;
            r.count(n, number, tenant);
            if r.slots.at(n).tenant == 0 {
                return self.fail("a tenant is counted that cannot be");
            }
        }
        if count == 0 {
            self.fail("a section is empty");
        }
    }

    /// Reads a limit over the fresh one that the configuration gives.
    fn adaptive(&mut self, c: &Config, r: &mut Router, n: i32) {
        let p = &mut r.placements[n as usize];
        let spec = &c.placements[p.config as usize].limit.adaptive;
        let word = self.uint((spec.max as u64 * LIMIT_UNIT as u64) << 4 | 15);
        let phase = match word >> 2 & 3 {
            0 => Some(Phase::Steady),
            1 => Some(Phase::Draining),
            2 => Some(Phase::Measuring),
            _ => None,
        };
        let a = Adaptive {
            limit: (word >> 4) as i64,
            phase: phase.unwrap_or_default(),
            busy: word & 2 != 0,
            climbing: word & 1 != 0,
            base: self.uint(MAX_DURATION as u64) as i64,
            due: self.time(),
            sum: self.uint(u64::MAX),
            count: self.uint(MAX32) as u32,
            since: self.uint(spec.remeasure.into()) as u32,
            peak: self.uint(MAX_IN_FLIGHT as u64) as i32,
        };
        let asleep = a.due == NEVER && p.in_flight > 0 && a.peak > 0;
        let most = u128::from(a.count) * MAX_DURATION as u128;
        let overflown = most > u64::MAX.into(); // then the sum has wrapped, and may be any
        if a.limit < i64::from(spec.min) * LIMIT_UNIT
            || !overflown && u128::from(a.sum) > most
            || phase.is_none()
            || asleep
        {
            return self.fail("an adaptive limit is impossible");
        }
        p.adaptive = Some(a);
        r.timers.set(TimerKind::Limit, n, a.due);
    }
}

/// Reports whether slot `n` holds an attempt.
fn attempt(r: &Router, n: u32) -> bool {
    n < r.slots.size() && r.slots.at(n).r#gen != 0 && r.slots.at(n).state != SlotState::Waiting
}
