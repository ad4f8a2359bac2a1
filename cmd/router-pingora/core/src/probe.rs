//! Active probes (R8): when they are sent, and what their reports do.

use crate::config::Config;
use crate::deadlines::TimerKind;
use crate::decision::{Cause, Decision, DecisionKind};
use crate::event::Event;
use crate::health::next_probe;
use crate::router::Router;
use crate::time::{NEVER, SECOND, Time, add, sub};
use alloc::vec::Vec;

impl Router {
    /// Sends the probe that was due at `at` and arms the next. The guard runs from now, when the
    /// probe is really sent.
    pub(crate) fn start_probe(&mut self, c: &Config, at: Time, now: Time, number: i32, out: &mut Vec<Decision>) {
        let e = &self.endpoints[number as usize];
        let s = &self.placement_of(c, e).health;
        let next = next_probe(now, s, self.seed, e.id);
        self.counters.missed += (sub(now, at) / s.every) as u64;
        self.timers.set(TimerKind::Health, number, next);
        self.touch_endpoint(number);
        if self.endpoints[number as usize].health.token != 0 {
            self.counters.missed += 1;
            return;
        }
        let token = self.next_serial();
        self.endpoints[number as usize].health.token = token;
        let guard = add(now, s.timeout + SECOND);
        self.timers.set(TimerKind::HealthGuard, number, guard);
        out.push(Decision { token, until: guard, ..self.about(DecisionKind::PROBE, 8, at, number) });
    }

    /// Books a probe's report. A report after its guard, or on an endpoint that is gone, changes
    /// nothing.
    pub(crate) fn probed(&mut self, c: Option<&Config>, now: Time, ev: &Event, out: &mut Vec<Decision>) {
        let known = ev.endpoint >= 0
            && ev.token != 0
            && self.endpoints.get(ev.endpoint as usize).is_some_and(|e| e.health.token == ev.token);
        match c {
            Some(c) if known => self.end_probe(c, now, ev.endpoint, ev.ok, out),
            _ => self.ignore(now, 8, Cause::LATE_PROBE, out),
        }
    }

    /// Counts a probe that never reported as failed.
    pub(crate) fn health_guard(&mut self, c: &Config, at: Time, number: i32, out: &mut Vec<Decision>) {
        self.end_probe(c, at, number, false, out);
    }

    fn end_probe(&mut self, c: &Config, now: Time, number: i32, ok: bool, out: &mut Vec<Decision>) {
        self.timers.set(TimerKind::HealthGuard, number, NEVER);
        self.touch_endpoint(number);
        let e = &mut self.endpoints[number as usize];
        e.health.token = 0;
        let home = e.placement;
        let at = self.placements[home as usize].config as usize; // a retiring one has neither timer nor token
        if !e.health.observe(ok, &c.placements[at].health) {
            return;
        }
        let unhealthy = e.health.unhealthy;
        let panicked = self.placements[home as usize].panic;
        let mut kind = DecisionKind::NOTE_UNHEALTHY;
        if !unhealthy {
            kind = DecisionKind::NOTE_HEALTHY;
            self.warm(c, now, number, true);
        }
        out.push(self.about(kind, 8, now, number));
        self.weigh(c, now, home, out);
        if !unhealthy && self.placements[home as usize].queue.count > 0 {
            return self.turn(c, now, home, out); // the others may all be at their caps
        }
        self.reweighed(c, now, home, panicked, out);
    }
}
