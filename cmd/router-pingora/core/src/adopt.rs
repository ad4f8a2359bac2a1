//! Adoption (R12): between two events, all or nothing. Identity alone, which is placement and
//! URL, decides what state survives.

use crate::breaker::Breaker;
use crate::config::{Config, PlacementConfig, search_placements};
use crate::deadlines::TimerKind;
use crate::decision::{Cause, Circuit, Decision, DecisionKind};
use crate::event::{Epoch, Event, Fault};
use crate::extra::Extra;
use crate::guard::guarded;
use crate::health::{Health, next_probe};
use crate::router::{Endpoint, Placement, Router, note};
use crate::time::{NEVER, Time};
use alloc::sync::Arc;
use alloc::vec::Vec;

pub(crate) use crate::numbering::{Ident, Numbering};

impl Router {
    /// Adopts a configuration in place of `config`, or refuses it.
    pub(crate) fn adopt(&mut self, config: &mut Option<Arc<Config>>, now: Time, ev: &Event, out: &mut Vec<Decision>) {
        let push = match &ev.config {
            Some(push) if ev.fault == Fault::NONE => push,
            _ => {
                let lost = ev.fault == Fault::NOT_PERSISTED;
                let cause = if lost { Cause::NOT_PERSISTED } else { Cause::INVALID };
                return out.push(answer(DecisionKind::NACK, now, ev.epoch, cause));
            }
        };
        let (epoch, same) = match self.order(config.as_deref(), push, ev.epoch) {
            Ok(order) => order,
            Err(cause) => return out.push(answer(DecisionKind::NACK, now, ev.epoch, cause)),
        };
        if same {
            return out.push(answer(DecisionKind::ACK, now, epoch, Cause::NONE));
        }
        if let Some((guard, ppm)) = guarded(config.as_ref(), push, ev) {
            let d = answer(DecisionKind::NACK, now, ev.epoch, guard);
            return out.push(Decision { rule: 13, count: ppm, ..d }); // R13
        }
        self.reserve(Some(push), 0);
        self.use_extras(push);
        let old = config.replace(push.clone());
        let c = &**push;
        self.epoch = epoch;
        self.index_rows();
        self.place_placements(c);
        self.place_endpoints(c, now, old.as_deref(), out);
        self.weigh_all(c, now, out);
        self.readapt(c, now, out);
        self.retable(c);
        self.free_placements();
        out.push(answer(DecisionKind::NOTE_ADOPTED, now, epoch, Cause::NONE));
        out.push(answer(DecisionKind::ACK, now, epoch, Cause::NONE));
    }

    /// Decides what a push means: its epoch and whether it is the configuration in force, or why
    /// it is refused. A peer without epochs gets the next number.
    fn order(&self, config: Option<&Config>, push: &Config, pushed: Epoch) -> Result<(Epoch, bool), Cause> {
        let equal = config.is_some_and(|c| c.digest == push.digest);
        if pushed == Epoch::default() {
            if equal {
                return Ok((self.epoch, true));
            }
            return Ok((Epoch { number: self.epoch.number.wrapping_add(1), ..self.epoch }, false));
        }
        if pushed < self.epoch {
            return Err(Cause::STALE);
        }
        if pushed > self.epoch {
            return Ok((pushed, false));
        }
        if equal { Ok((self.epoch, true)) } else { Err(Cause::EPOCH_CONFLICT) }
    }
}

fn answer(kind: DecisionKind, now: Time, epoch: Epoch, cause: Cause) -> Decision {
    Decision { epoch, cause, ..note(kind, 12, now) }
}

impl Router {
    /// Sorts the endpoints that exist by identity, for find.
    fn index_rows(&mut self) {
        self.ids.clear();
        for (n, e) in self.endpoints.iter().enumerate() {
            if e.id != 0 {
                self.ids.push(Ident { id: e.id, number: n as i32 });
            }
        }
        self.ids.sort_unstable();
    }

    /// Returns the number of the endpoint with that identity, -1 for none.
    fn find(&self, id: u64) -> i32 {
        match self.ids.binary_search_by(|e| e.id.cmp(&id)) {
            Ok(at) => self.ids[at].number,
            Err(_) => -1,
        }
    }

    /// Gives every placement of the configuration a number: the one it had, or the lowest free.
    fn place_placements(&mut self, c: &Config) {
        for n in 0..self.placements.len() {
            self.placements[n].config = -1;
            self.touch_placement(n as i32);
        }
        self.numbers.placement.clear();
        self.numbers.placement.resize(c.placements.len(), -1);
        for n in 0..self.placements.len() {
            let p = &mut self.placements[n];
            if let Ok(i) = search_placements(&c.placements, &p.name)
                && p.id != 0
            {
                p.config = i as i32;
                self.numbers.placement[i] = n as i32;
            }
            if p.config < 0 {
                p.panic = false;
                self.forget_limit(n as i32);
            }
        }
        let mut free = 0;
        for (i, pc) in c.placements.iter().enumerate() {
            if self.numbers.placement[i] >= 0 {
                continue;
            }
            while free < self.placements.len() && self.placements[free].id != 0 {
                free += 1;
            }
            if free == self.placements.len() {
                self.placements.push(Placement::default());
            }
            let p = &mut self.placements[free];
            let (mixed, touched) = (p.mixed, p.touched);
            let name = pc.name.clone().into();
            *p = Placement { id: pc.id, name, config: i as i32, mixed, touched, ..Placement::default() };
            self.numbers.placement[i] = free as i32;
            self.touch_placement(free as i32);
        }
    }

    /// Frees the numbers of removed placements that hold nothing.
    fn free_placements(&mut self) {
        for n in 0..self.placements.len() {
            self.free_placement(n as i32);
        }
    }

    pub(crate) fn free_placement(&mut self, n: i32) {
        let p = &self.placements[n as usize];
        if p.id != 0 && p.config < 0 && p.in_flight == 0 && p.queue.count == 0 && p.budget.own == 0 {
            self.touch_placement(n);
            let p = &mut self.placements[n as usize];
            *p = Placement { config: -1, mixed: p.mixed, touched: true, ..Placement::default() };
        }
    }

    /// Gives every endpoint of the configuration a number, keeps the state of those that stay or
    /// come back, and retires the rest.
    fn place_endpoints(&mut self, c: &Config, now: Time, old: Option<&Config>, out: &mut Vec<Decision>) {
        self.numbers.endpoint.clear();
        for e in &c.endpoints {
            let n = self.find(e.id);
            self.numbers.endpoint.push(n);
        }
        // Before anything moves: which placements keep their rotation.
        for p in &c.placements {
            self.reset_rotation(c, old, p);
        }
        for i in 0..c.endpoints.len() {
            let n = self.numbers.endpoint[i];
            if n >= 0 {
                self.keep(c, now, old, n, i);
            }
        }
        for n in 0..self.endpoints.len() {
            let e = &mut self.endpoints[n];
            if e.kept {
                e.kept = false;
            } else if e.config >= 0 && e.id != 0 {
                self.remove(now, n as i32, out);
            }
        }
        let mut free = 0;
        for i in 0..c.endpoints.len() {
            if self.numbers.endpoint[i] >= 0 {
                continue;
            }
            while free < self.endpoints.len() && self.endpoints[free].id != 0 {
                free += 1;
            }
            if free == self.endpoints.len() {
                self.endpoints.push(Endpoint::default());
                if !self.extras.is_empty() || c.extras {
                    self.extras.push(Extra::default());
                }
            }
            self.numbers.endpoint[i] = free as i32;
            self.add(c, now, free as i32, i);
            self.warm(c, now, free as i32, old.is_some());
        }
    }

    /// Clears the credits of a placement whose endpoints, weights or policy changed: they mean
    /// something only among the same peers. A placement that did not change keeps them (R15).
    fn reset_rotation(&mut self, c: &Config, old: Option<&Config>, p: &PlacementConfig) {
        if old.is_some_and(|old| same_rotation(old, c, p)) {
            return;
        }
        for &n in &self.numbers.endpoint[p.first as usize..p.end as usize] {
            if n >= 0 {
                self.endpoints[n as usize].rotation = 0;
            }
        }
    }
}

fn same_rotation(old: &Config, c: &Config, p: &PlacementConfig) -> bool {
    let Ok(i) = search_placements(&old.placements, &*p.name) else {
        return false;
    };
    let q = &old.placements[i];
    let was = &old.endpoints[q.first as usize..q.end as usize];
    let is = &c.endpoints[p.first as usize..p.end as usize];
    q.selection == p.selection
        && was.len() == is.len()
        && was.iter().zip(is).all(|(a, b)| a.id == b.id && a.weight == b.weight)
}

impl Router {
    /// Makes number `n` the new endpoint at index `i`.
    fn add(&mut self, c: &Config, now: Time, n: i32, i: usize) {
        let ec = &c.endpoints[i];
        let p = &c.placements[ec.placement as usize];
        self.touch_endpoint(n);
        let e = &mut self.endpoints[n as usize];
        *e = Endpoint {
            id: ec.id,
            config: i as i32,
            placement: self.numbers.placement[ec.placement as usize],
            weight: ec.weight,
            limit: ec.limit,
            name: ec.name.clone().into(),
            url: ec.url.clone().into(),
            mixed: e.mixed,
            touched: true,
            breaker: Breaker { state: Circuit::CLOSED, ..Breaker::default() },
            ..Endpoint::default()
        };
        if !p.health.off {
            e.health.unhealthy = p.health.start_unhealthy;
            self.timers.set(TimerKind::Health, n, now); // the first probe at once (R8)
        }
    }

    /// Carries endpoint `n` over to index `i` of the new configuration. New settings apply at the
    /// next outcome; only what is switched off is forgotten.
    fn keep(&mut self, c: &Config, now: Time, old: Option<&Config>, n: i32, i: usize) {
        let ec = &c.endpoints[i];
        let p = &c.placements[ec.placement as usize];
        self.touch_endpoint(n);
        let at = self.endpoints[n as usize].config;
        let back = at < 0;
        let mut was = None;
        if let Some(old) = old
            && !back
        {
            let q = &old.placements[old.endpoints[at as usize].placement as usize];
            was = Some(&q.health);
            self.keep_extra(n, q, p);
        }
        let e = &mut self.endpoints[n as usize];
        (e.config, e.weight, e.limit, e.kept) = (i as i32, ec.weight, ec.limit, true);
        e.name = ec.name.clone().into();
        self.warm(c, now, n, back);
        let e = &mut self.endpoints[n as usize];
        if p.breaker.off && e.breaker.state != Circuit::CLOSED {
            let next = e.breaker.r#gen.wrapping_add(1);
            e.breaker = Breaker { state: Circuit::CLOSED, r#gen: next, ..Breaker::default() };
            self.timers.set(TimerKind::BreakerGuard, n, NEVER);
        }
        match was {
            _ if p.health.off => {
                e.health = Health::default();
                self.stop_health(n);
            }
            Some(was) if !was.off => {
                if was.every != p.health.every {
                    let next = next_probe(now, &p.health, self.seed, e.id);
                    self.timers.set(TimerKind::Health, n, next);
                }
            }
            _ => self.timers.set(TimerKind::Health, n, now),
        }
    }

    /// Takes endpoint `n` out of the configuration: it retires at once when nothing is in flight,
    /// else with its last attempt. Its breaker stands still until it comes back; probes that are
    /// out no longer count.
    fn remove(&mut self, now: Time, n: i32, out: &mut Vec<Decision>) {
        self.touch_endpoint(n);
        let e = &mut self.endpoints[n as usize];
        (e.config, e.rotation, e.health.token) = (-1, 0, 0);
        let idle = e.in_flight == 0;
        if e.breaker.state == Circuit::HALF_OPEN {
            e.breaker.probes = 0;
            e.breaker.r#gen = e.breaker.r#gen.wrapping_add(1);
            self.timers.set(TimerKind::BreakerGuard, n, NEVER);
        }
        self.stop_health(n);
        self.clear_extra(n);
        out.push(self.about(DecisionKind::CLOSE_IDLE, 12, now, n));
        if idle {
            self.retire(now, n, out);
        }
    }

    pub(crate) fn stop_health(&mut self, n: i32) {
        self.timers.set(TimerKind::Health, n, NEVER);
        self.timers.set(TimerKind::HealthGuard, n, NEVER);
    }

    /// Frees the number of an endpoint that has left and holds nothing.
    pub(crate) fn retire(&mut self, now: Time, n: i32, out: &mut Vec<Decision>) {
        out.push(self.about(DecisionKind::NOTE_RETIRED, 12, now, n));
        self.touch_endpoint(n);
        let e = &mut self.endpoints[n as usize];
        let home = e.placement;
        *e = Endpoint { config: -1, mixed: e.mixed, touched: true, ..Endpoint::default() };
        self.free_placement(home);
    }
}
