//! Optional sections of a snapshot, in order of tag, which is the number of the digest's entity;
//! one that would be empty is absent. 5 is every request that may come again, 6 the debts of
//! budgets.

use crate::class::Class;
use crate::config::Route;
use crate::decision::Reason;
use crate::digest::Entity;
use crate::event::{Epoch, Method};
use crate::inflight::{CHUNK_BITS, MAX_IN_FLIGHT, Slot, SlotState};
use crate::journey::{JourneyState, MAX_RETRIES, WaitKind};
use crate::router::Router;
use crate::snapshot::Writer;
use crate::snapshot_read::{MAX31, MAX32, Reader};
use alloc::vec::Vec;

impl Router {
    /// Writes section 5: every request that may come again, by slot.
    pub(crate) fn write_journeys(&self, w: &mut Writer) {
        let journeys = || self.slots.taken().filter(|(_, s)| s.state != SlotState::Plain);
        let count = journeys().count();
        if count == 0 {
            return;
        }
        w.uint(Entity::Journey as u64);
        w.uint(count as u64);
        for (n, s) in journeys() {
            w.journey(n, s, self.journey_at(n));
        }
    }

    /// Writes section 6: the debts of placements that have one.
    pub(crate) fn write_budgets(&self, w: &mut Writer) {
        let indebted = || self.placements.iter().enumerate().filter(|(_, p)| p.budget.debt > 0);
        let count = indebted().count();
        if count == 0 {
            return;
        }
        w.uint(Entity::Budget as u64);
        w.uint(count as u64);
        for (n, p) in indebted() {
            w.uint(n as u64);
            w.uint(p.budget.debt as u64);
            w.time(p.budget.at);
        }
    }
}

impl Writer<'_> {
    fn journey(&mut self, n: u32, s: &Slot, j: &JourneyState) {
        self.uint(n.into());
        self.uint(j.kind as u64);
        if j.kind != WaitKind::NotWaiting {
            self.uint(s.request);
            self.uint(s.r#gen.into());
            self.time(j.until);
        }
        if j.kind == WaitKind::InQueue {
            self.uint(j.queue as u64);
            self.uint(j.ticket.into());
        }
        self.uint(j.route.key);
        self.uint((j.route.placement + 1) as u64);
        self.uint(j.route.reason.0.into());
        self.uint(j.route.refuse.0.into());
        self.uint(j.route.ring.into());
        self.uint(j.via.into());
        self.uint(j.prefer);
        self.uint(j.epoch.term);
        self.uint(j.epoch.number);
        self.int(j.length);
        self.time(j.deadline);
        self.uint(j.account as u64);
        let method = u64::from(j.method.0) << 2;
        self.uint(u64::from(j.priority) << 8 | method | u64::from(j.failed) << 1 | u64::from(j.retrying));
        self.uint(j.attempts.into());
        for &id in &j.tried[..usize::from(j.attempts).min(MAX_RETRIES)] {
            self.uint(id);
        }
    }
}

impl Reader<'_> {
    /// Reads section 5.
    pub(crate) fn journeys(&mut self, r: &mut Router) {
        let mut queued: Vec<u32> = Vec::new();
        for _ in 0..self.uint(self.left()) {
            let Some(n) = self.journey(r) else { return };
            if r.journey_at(n).kind == WaitKind::InQueue {
                queued.push(n);
            }
        }
        let place = |r: &Router, n: u32| (r.journey_at(n).queue, r.journey_at(n).ticket);
        queued.sort_by_key(|&n| place(r, n));
        for (i, &n) in queued.iter().enumerate() {
            if i > 0 && place(r, queued[i - 1]) == place(r, n) {
                return self.fail("two requests have one place in a queue");
            }
            let number = r.journey_at(n).queue;
            let tail = core::mem::replace(&mut r.placements[number as usize].queue.tail, n + 1);
            r.placements[number as usize].queue.count += 1;
            r.journey_at_mut(n).prev = tail;
            if tail == 0 {
                r.placements[number as usize].queue.head = n + 1;
            } else {
                r.journey_at_mut(tail - 1).next = n + 1;
            }
        }
        let mut at = r.slots.next(0);
        while let Some(n) = at {
            if r.slots.at(n).state != SlotState::Plain {
                r.touch_journey(n);
            }
            at = r.slots.next(n + 1);
        }
    }

    /// Reads one entry and books it; none after an error.
    fn journey(&mut self, r: &mut Router) -> Option<u32> {
        let n = self.uint(MAX_IN_FLIGHT as u64 - 1) as u32;
        let kind = match self.uint(WaitKind::Overdue as u64) {
            0 => WaitKind::NotWaiting,
            1 => WaitKind::InQueue,
            2 => WaitKind::InBackOff,
            _ => WaitKind::Overdue,
        };
        let mut s = Slot::default();
        let mut j = JourneyState { queue: -1, ..JourneyState::default() };
        if kind != WaitKind::NotWaiting {
            let (request, generation) = (self.uint(u64::MAX), self.uint(MAX32) as u32);
            s = Slot { request, r#gen: generation, endpoint: -1, ..s };
            j.until = self.time();
        }
        if kind == WaitKind::InQueue {
            (j.queue, j.ticket) = (self.placement_number(r), self.uint(MAX32) as u32);
        }
        self.journey_route(&mut j);
        j.length = self.int();
        j.deadline = self.time();
        j.account = self.placement_number(r);
        self.journey_flags(&mut j);
        j.attempts = self.uint(MAX_RETRIES as u64 + 1) as u8;
        for i in 0..usize::from(j.attempts).min(MAX_RETRIES) {
            j.tried[i] = self.uint(u64::MAX);
        }
        if self.failed() || !self.take_journey(r, n, kind, &s) {
            return None;
        }
        *r.journey_at_mut(n) = j;
        let budget = &mut r.placements[j.account as usize].budget;
        budget.own += 1;
        budget.retrying += i32::from(j.retrying);
        if kind != WaitKind::NotWaiting {
            r.hold(n, kind, j.until);
        }
        Some(n)
    }

    fn journey_route(&mut self, j: &mut JourneyState) {
        let key = self.uint(u64::MAX);
        let placement = self.uint(MAX31) as i32 - 1;
        let reason = Reason(self.uint(u8::MAX.into()) as u8);
        let refuse = Class(self.uint(u8::MAX.into()) as u8);
        let ring = self.uint(MAX32) as u32;
        j.route = Route { key, ring, placement, reason, refuse };
        j.via = self.uint(u16::MAX.into()) as u16;
        j.prefer = self.uint(u64::MAX);
        let term = self.uint(u64::MAX);
        j.epoch = Epoch { term, number: self.uint(u64::MAX) };
    }

    fn journey_flags(&mut self, j: &mut JourneyState) {
        let most = u64::from(Method::OTHER.0) << 2 | 3;
        let word = self.uint(255 << 8 | most);
        j.priority = (word >> 8) as u8;
        let flags = word & 255;
        if flags > most {
            self.fail("a request's method is out of range");
        }
        j.method = Method((flags >> 2) as u8);
        j.failed = flags & 2 != 0;
        j.retrying = flags & 1 != 0;
    }

    /// Finds or takes the slot of a journey.
    fn take_journey(&mut self, r: &mut Router, n: u32, kind: WaitKind, s: &Slot) -> bool {
        while (n >> CHUNK_BITS) as usize >= r.slots.chunks.len() {
            r.slots.grow();
        }
        r.grow_journeys();
        let waits = kind != WaitKind::NotWaiting;
        let taken = r.slots.at(n).r#gen != 0;
        if !waits && (!taken || r.slots.at(n).state != SlotState::Plain) {
            self.fail("a request that may come again has no attempt");
        } else if waits && (taken || s.r#gen == 0) {
            self.fail("a request that waits has no slot of its own");
        } else if waits {
            *r.slots.at_mut(n) = *s;
            r.slots.mark(n);
        } else {
            r.slots.at_mut(n).state = SlotState::Journey;
        }
        !self.failed()
    }

    /// Reads the number of a placement that exists.
    fn placement_number(&mut self, r: &Router) -> i32 {
        let n = self.uint(MAX31) as i32;
        if r.placements.get(n as usize).is_none_or(|p| p.id == 0) {
            self.fail("a request belongs to no placement");
            return 0;
        }
        n
    }

    /// Reads section 6.
    pub(crate) fn budgets(&mut self, r: &mut Router) {
        for _ in 0..self.uint(self.left()) {
            let n = self.placement_number(r);
            let (debt, at) = (self.uint(1 << 62) as i64, self.time());
            if self.failed() {
                return;
            }
            let b = &mut r.placements[n as usize].budget;
            if debt == 0 || b.debt != 0 || at > r.now {
                self.fail("a budget's debt is impossible");
            } else {
                (b.debt, b.at) = (debt, at);
            }
        }
    }
}
