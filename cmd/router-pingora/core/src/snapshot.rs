//! A snapshot is the state as a canonical list of unsigned varints and strings, so that any
//! suffix of a recording replays (SPEC, "Snapshot"). Restoring one gives a router with the same
//! digest, numbers, handles and deadlines. Counters are left out. The configuration is named by
//! its digest, not contained.

use crate::deadlines::{TimerKind, Timers};
use crate::extra::Extra;
use crate::inflight::{Slot, SlotState};
use crate::router::{Endpoint, Placement, Router};
use crate::time::Time;
use alloc::vec::Vec;

pub(crate) const SNAPSHOT_VERSION: u64 = 1;

impl Router {
    /// Appends the state to `dst`.
    pub fn snapshot(&self, dst: &mut Vec<u8>) {
        let mut w = Writer(dst);
        w.uint(SNAPSHOT_VERSION);
        w.uint(self.seed);
        w.bool(self.draining);
        w.time(self.now);
        w.uint(self.epoch.term);
        w.uint(self.epoch.number);
        w.bool(self.config.is_some());
        if let Some(c) = &self.config {
            w.uint(c.digest);
        }
        w.uint(self.serial.into());
        w.uint(self.abort_from.into());
        w.time(self.timers.get(TimerKind::Drain, 0));
        w.uint(self.placements.len() as u64);
        for p in &self.placements {
            w.placement(p);
        }
        w.uint(self.endpoints.len() as u64);
        for (n, e) in self.endpoints.iter().enumerate() {
            w.endpoint(e, &self.timers, n as i32);
        }
        w.uint(self.in_flight() as u64);
        for (n, s) in self.slots.taken() {
            if s.state != SlotState::Waiting {
                w.slot(n, s);
            }
        }
        self.sections(&mut w);
    }

    /// Writes what is not at rest of what later versions added, in order of tag.
    fn sections(&self, w: &mut Writer) {
        self.write_journeys(w);
        self.write_budgets(w);
        self.write_extras(w);
        self.write_room(w);
        self.write_tenants(w);
    }
}

/// Appends snapshot fields.
pub(crate) struct Writer<'a>(pub(crate) &'a mut Vec<u8>);

impl Writer<'_> {
    pub(crate) fn uint(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.0.push(v as u8 | 0x80);
            v >>= 7;
        }
        self.0.push(v as u8);
    }

    /// Signed, zigzag.
    pub(crate) fn int(&mut self, v: i64) {
        self.uint((v << 1 ^ v >> 63) as u64);
    }

    pub(crate) fn time(&mut self, t: Time) {
        self.uint(t as u64);
    }

    pub(crate) fn bool(&mut self, b: bool) {
        self.uint(b.into());
    }

    fn string(&mut self, s: &[u8]) {
        self.uint(s.len() as u64);
        self.0.extend_from_slice(s);
    }

    /// Writes one number; a free one is a single 0.
    fn placement(&mut self, p: &Placement) {
        self.bool(p.id != 0);
        if p.id != 0 {
            self.string(&p.name);
            self.uint(p.in_flight as u64);
            self.uint(p.guests as u64);
        }
    }

    fn endpoint(&mut self, e: &Endpoint, t: &Timers, n: i32) {
        self.bool(e.id != 0);
        if e.id == 0 {
            return;
        }
        self.string(&e.url);
        self.string(&e.name);
        self.uint(e.placement as u64);
        self.bool(e.config >= 0);
        self.uint(e.in_flight as u64);
        self.int(e.rotation);
        self.bool(e.health.unhealthy);
        self.uint(e.health.streak.into());
        self.uint(e.health.token.into());
        self.time(t.get(TimerKind::Health, n));
        self.time(t.get(TimerKind::HealthGuard, n));
        let b = &e.breaker;
        self.uint(b.state.0.into());
        self.uint(b.r#gen.into());
        self.uint(b.failures.into());
        self.uint(b.successes.into());
        self.uint(b.reopened.into());
        self.time(b.until);
        self.uint(b.probes.into());
        for guard in &b.guards[..usize::from(b.probes).min(b.guards.len())] {
            self.time(guard.at);
            self.uint(guard.slot.into());
        }
    }

    pub(crate) fn slot(&mut self, n: u32, s: &Slot) {
        self.uint(n.into());
        self.uint(s.request);
        self.uint(s.r#gen.into());
        self.uint(s.generation.into());
        self.uint(s.endpoint as u64);
        self.uint(u64::from(s.guest) | u64::from(s.probe) << 1 | u64::from(s.replied) << 2);
    }

    pub(crate) fn extra(&mut self, n: usize, x: &Extra) {
        self.uint(n as u64);
        self.time(x.warm);
        self.uint(x.cost as u64);
        self.time(x.cost_at);
        self.bool(x.window.total[0] != 0);
        if x.window.total[0] == 0 {
            return;
        }
        self.uint(x.window.head as u64);
        for b in &x.window.buckets {
            self.uint(b.requests.into());
            self.uint(b.failures.into());
            self.uint(b.slow.into());
        }
    }
}
