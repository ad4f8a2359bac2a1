//! Outcomes (R6, R7): what the end of an attempt says about its endpoint. A request books one
//! outcome, at Finish or, when its body outlives settle, at Reply; after a Reply at most one
//! broken body more.

use crate::breaker::{BreakerInput, MAX_REOPENED};
use crate::class::{CLASSES, Class, Effect};
use crate::config::{Config, PlacementConfig};
use crate::deadlines::TimerKind;
use crate::decision::{Cause, Circuit, Decision, DecisionKind, Trip};
use crate::event::Event;
use crate::inflight::SlotState;
use crate::router::{Endpoint, Router};
use crate::spec::BreakerSpec;
use crate::time::{NEVER, Time, add, sub};
use alloc::vec::Vec;

impl Router {
    /// Books the outcome of a response whose body still flows.
    pub(crate) fn reply(&mut self, c: Option<&Config>, now: Time, ev: &Event, out: &mut Vec<Decision>) {
        let n = ev.handle.slot;
        let (Some(c), Some(&s)) = (c, self.slots.find(ev.handle)) else {
            return self.ignore(now, 7, Cause::UNKNOWN_HANDLE, out);
        };
        if s.state == SlotState::Waiting {
            return self.ignore(now, 7, Cause::UNKNOWN_HANDLE, out);
        }
        if s.replied {
            return self.ignore(now, 7, Cause::SECOND_REPLY, out);
        }
        let (class, ok) = outcome_of(Class::NONE, ev.status);
        if !ok {
            return self.ignore(now, 7, Cause::BAD_STATUS, out);
        }
        if s.began != 0 {
            self.sample_reply(c, now, s.endpoint, class, s.began);
        }
        let (id, home) = (self.endpoints[s.endpoint as usize].id, self.endpoints[s.endpoint as usize].placement);
        let slot = self.slots.at_mut(n);
        (slot.replied, slot.began) = (true, 0);
        self.sum = self.sum.wrapping_sub(s.mix(id)).wrapping_add(slot.mix(id));
        let panicked = self.placements[home as usize].panic;
        self.book(c, now, n, class, s.began, out);
        if s.state == SlotState::Journey
            && class == Class::UPSTREAM_5XX
            && let Ok(due) = self.may_retry(c, now, n, ev, class)
        {
            return self.back_off(c, now, due, n, ev, class, out);
        }
        self.reweighed(c, now, home, panicked, out);
    }

    /// Books the outcome if it is still owed and frees the slot.
    pub(crate) fn finish(&mut self, c: Option<&Config>, now: Time, ev: &Event, out: &mut Vec<Decision>) {
        let n = ev.handle.slot;
        let (Some(c), Some(&s)) = (c, self.slots.find(ev.handle)) else {
            return self.ignore(now, 7, Cause::UNKNOWN_HANDLE, out);
        };
        if s.state == SlotState::Waiting {
            return self.give_up(c, now, n, out);
        }
        let (class, ok) = outcome_of(ev.class, ev.status);
        if !ok {
            self.ignore(now, 7, Cause::BAD_STATUS, out);
        }
        if s.began != 0 {
            self.sample(c, s.endpoint, class, sub(now, s.began - 1), s.began);
        }
        if !s.replied || class == Class::BROKEN_BODY || class == Class::BODY_TIMEOUT {
            self.book(c, now, n, class, s.began, out);
        }
        if s.state == SlotState::Journey {
            return self.finish_journey(c, now, ev, class, out);
        }
        self.free(c, now, n, out);
    }

    /// Ends an attempt of a request that may come again. A response is asked about with Reply, before
    /// any of it goes to the client, so only an attempt without one can be retried here (R11).
    fn finish_journey(&mut self, c: &Config, now: Time, ev: &Event, class: Class, out: &mut Vec<Decision>) {
        let n = ev.handle.slot;
        if !self.slots.at(n).replied
            && class != Class::UPSTREAM_5XX
            && let Ok(due) = self.may_retry(c, now, n, ev, class)
        {
            return self.back_off(c, now, due, n, ev, class, out);
        }
        self.end_journey(n);
        self.slots.at_mut(n).state = SlotState::Plain;
        self.free(c, now, n, out);
    }

    /// Applies R7's guard: of the attempts of one request only the first failure counts against an
    /// endpoint.
    fn poisoned(&mut self, n: u32, effect: Effect) -> Effect {
        if effect != Effect::Failure {
            return effect;
        }
        if core::mem::replace(&mut self.journey_at_mut(n).failed, true) {
            return Effect::Excluded;
        }
        self.touch_journey(n);
        effect
    }
}

/// Joins the edge's class and the upstream's status into one class. A status or class outside its range
/// is the edge's fault: internal, not ok.
pub(crate) fn outcome_of(class: Class, status: u16) -> (Class, bool) {
    match status {
        _ if class.0 >= CLASSES => (Class::INTERNAL, false),
        _ if class != Class::NONE => (class, true),
        100..500 => (Class::NONE, true),
        500..600 => (Class::UPSTREAM_5XX, true),
        _ => (Class::INTERNAL, false),
    }
}

impl Router {
    /// Applies one outcome to the breaker of the endpoint that served (R4). began is when a timed
    /// attempt was admitted plus 1, 0 when nobody measures.
    fn book(&mut self, c: &Config, now: Time, n: u32, class: Class, began: Time, out: &mut Vec<Decision>) {
        let s = *self.slots.at(n);
        let number = s.endpoint;
        let mut effect = class.effect();
        if s.state == SlotState::Journey {
            effect = self.poisoned(n, effect);
        }
        if self.endpoints[number as usize].config < 0 {
            return; // a retiring endpoint's breaker stands still (R12)
        }
        if began != 0 && effect != Effect::Excluded {
            self.measure(c, now, number, sub(now, began - 1), effect);
        }
        let b = &self.placement_of(c, &self.endpoints[number as usize]).breaker;
        if b.off {
            return;
        }
        if s.generation != self.endpoints[number as usize].breaker.r#gen {
            if effect != Effect::Excluded {
                self.ignore(now, 6, Cause::OLD_GENERATION, out);
            }
            return;
        }
        self.touch_endpoint(number);
        let slow = b.slow_ratio != 0 && began != 0 && sub(now, began - 1) >= b.slow_call;
        let e = &mut self.endpoints[number as usize];
        if e.breaker.state == Circuit::HALF_OPEN {
            if slow && effect == Effect::Ok {
                effect = Effect::Failure; // the endpoint that was left for being slow still is
            }
            let first = e.breaker.drop_probe(n);
            self.timers.set(TimerKind::BreakerGuard, number, first);
            return self.book_probe(c, now, number, effect, out);
        }
        let closed = e.breaker.state == Circuit::CLOSED;
        self.ensure(closed, now, "an attempt holds the ticket of an open breaker", out);
        let e = &mut self.endpoints[number as usize];
        match effect {
            Effect::Excluded => return,
            Effect::Ok => e.breaker.failures = 0,
            Effect::Failure => e.breaker.failures = e.breaker.failures.wrapping_add(1),
        }
        let failures = e.breaker.failures;
        if b.window != 0 {
            self.enter(now, number, effect, slow, b);
        }
        if failures >= b.failures {
            return self.trip(c, now, number, Trip::CONSECUTIVE, out);
        }
        if b.window != 0
            && let Some(why) = self.extras[number as usize].window.trips(b)
        {
            self.trip(c, now, number, why, out);
        }
    }

    /// The settings of an endpoint's placement, which is in the configuration.
    pub(crate) fn placement_of<'c>(&self, c: &'c Config, e: &Endpoint) -> &'c PlacementConfig {
        &c.placements[self.placements[e.placement as usize].config as usize]
    }

    fn breaker_spec<'c>(&self, c: &'c Config, number: i32) -> &'c BreakerSpec {
        &self.placement_of(c, &self.endpoints[number as usize]).breaker
    }

    /// Applies the outcome of a half-open probe that has been dropped from the guards.
    fn book_probe(&mut self, c: &Config, now: Time, number: i32, effect: Effect, out: &mut Vec<Decision>) {
        match effect {
            Effect::Failure => self.relapse(c, now, number, out),
            Effect::Excluded => {}
            Effect::Ok => {
                let need = self.breaker_spec(c, number).successes;
                let b = &mut self.endpoints[number as usize].breaker;
                b.successes = b.successes.wrapping_add(1);
                if b.successes < need {
                    return;
                }
                let moved = b.step(BreakerInput::Recover);
                b.reopened = 0;
                self.ensure(moved, now, "recovered from a state other than half_open", out);
                self.warm(c, now, number, true);
                self.timers.set(TimerKind::BreakerGuard, number, NEVER);
                out.push(self.about(DecisionKind::NOTE_CLOSED, 6, now, number));
            }
        }
    }

    /// Opens a closed breaker unless too many of its placement are open.
    fn trip(&mut self, c: &Config, now: Time, number: i32, why: Trip, out: &mut Vec<Decision>) {
        let p = self.placement_of(c, &self.endpoints[number as usize]);
        let own = &self.numbers.endpoint[p.first as usize..p.end as usize];
        let open = own.iter().filter(|&&n| self.endpoints[n as usize].breaker.state != Circuit::CLOSED).count();
        let most = own.len() * p.breaker.max_open_percent as usize / 100;
        self.empty_window(number);
        if open >= most.max(1) {
            self.endpoints[number as usize].breaker.failures = 0;
            let mut d = self.about(DecisionKind::NOTE_TRIP_CAPPED, 6, now, number);
            (d.count, d.trip) = (open as u32, why);
            return out.push(d);
        }
        self.open(c, now, number, BreakerInput::Trip, why, out);
    }

    /// Opens a half-open breaker again, for longer.
    fn relapse(&mut self, c: &Config, now: Time, number: i32, out: &mut Vec<Decision>) {
        let b = &mut self.endpoints[number as usize].breaker;
        b.reopened = b.reopened.saturating_add(1).min(MAX_REOPENED);
        self.timers.set(TimerKind::BreakerGuard, number, NEVER);
        self.open(c, now, number, BreakerInput::Relapse, Trip::CONSECUTIVE, out);
    }

    fn open(&mut self, c: &Config, now: Time, number: i32, input: BreakerInput, why: Trip, out: &mut Vec<Decision>) {
        let spec = self.breaker_spec(c, number);
        let e = &mut self.endpoints[number as usize];
        let (moved, home) = (e.breaker.step(input), e.placement);
        e.breaker.until = add(now, e.breaker.open_time(spec, self.seed, e.id));
        let until = e.breaker.until;
        self.ensure(moved, now, "opened from a state that cannot open", out);
        self.touch_endpoint(number);
        let mut d = self.about(DecisionKind::NOTE_OPENED, 6, now, number);
        (d.until, d.trip) = (until, why);
        out.push(d);
        self.weigh(c, now, home, out);
    }

    /// Fails a half-open probe that never answered.
    pub(crate) fn breaker_guard(&mut self, c: &Config, at: Time, number: i32, out: &mut Vec<Decision>) {
        let home = self.endpoints[number as usize].placement;
        let panicked = self.placements[home as usize].panic;
        self.relapse(c, at, number, out);
        self.reweighed(c, at, home, panicked, out);
    }

    /// Ends the attempt in slot n and lets the next in the queue have its room.
    fn free(&mut self, c: &Config, now: Time, n: u32, out: &mut Vec<Decision>) {
        let home = self.endpoints[self.slots.at(n).endpoint as usize].placement;
        self.vacate(now, n, out);
        self.slots.release(n);
        if self.placements[home as usize].queue.count > 0 {
            self.turn(c, now, home, out);
        }
    }

    /// Gives back what the attempt in slot n held; an endpoint that retires goes with its last one.
    pub(crate) fn vacate(&mut self, now: Time, n: u32, out: &mut Vec<Decision>) {
        let s = *self.slots.at(n);
        let number = s.endpoint;
        let e = &mut self.endpoints[number as usize];
        let (id, home) = (e.id, e.placement);
        let p = &mut self.placements[home as usize];
        let guest = i32::from(s.guest);
        let counted = e.in_flight > 0 && p.in_flight > 0 && p.guests >= guest;
        e.in_flight -= 1;
        p.in_flight -= 1;
        p.guests -= guest;
        let retires = e.config < 0 && e.in_flight == 0;
        self.ensure(counted, now, "a slot without its count", out);
        self.sum = self.sum.wrapping_sub(s.mix(id));
        if s.tenant != 0 {
            self.uncount(now, n, home, out);
        }
        self.touch_endpoint(number);
        self.touch_placement(home);
        if retires {
            self.retire(now, number, out);
        }
    }
}

#[cfg(test)]
#[path = "outcome_test.rs"]
mod tests;
