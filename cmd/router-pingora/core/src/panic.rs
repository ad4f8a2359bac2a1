//! Panic (R9): when too few endpoints of a placement are usable, their health says more about
//! the probes, or about the network, than about the servers. The placement then ignores health,
//! or fails, or hands its requests on, as it says.

use crate::arrive::{Leaving, Survey, Verdict};
use crate::config::Config;
use crate::decision::{Circuit, Decision, DecisionKind};
use crate::journey::Ask;
use crate::names::enumeration;
use crate::router::{Endpoint, Router, note};
use crate::time::Time;
use alloc::vec::Vec;

enumeration! {
    /// R9: what a placement in panic does.
    PanicMode {
        /// Ignores health.
        ALL = 0,
        /// Refuses with 503.
        FAIL = 1,
        /// Hands requests on to the next candidate.
        FAIL_OVER = 2,
    }
}

/// Number of panic modes.
pub(crate) const PANIC_MODES: u8 = 3;

impl PanicMode {
    /// The name used in configuration; "unknown" for a number that is no mode.
    pub const fn as_str(self) -> &'static str {
        match self {
            PanicMode::ALL => "all",
            PanicMode::FAIL => "fail",
            PanicMode::FAIL_OVER => "fail_over",
            _ => "unknown",
        }
    }
}

/// By how many points of a hundred more endpoints must be usable for panic to end than for it to
/// begin.
const PANIC_MARGIN: u32 = 10;

impl Endpoint {
    /// Reports whether it counts against panic: healthy, its breaker not open.
    pub(crate) fn usable(&self) -> bool {
        !self.health.unhealthy && self.breaker.state != Circuit::OPEN
    }
}

impl Router {
    /// Enters or leaves panic. It is called after every change of health or breaker in the placement.
    pub(crate) fn weigh(&mut self, c: &Config, now: Time, number: i32, out: &mut Vec<Decision>) {
        let s = &mut self.placements[number as usize];
        if s.config < 0 {
            return;
        }
        let p = &c.placements[s.config as usize];
        if p.panic_percent == 0 && !s.panic {
            return;
        }
        let total = (p.end - p.first) as u32;
        let own = &self.numbers.endpoint[p.first as usize..p.end as usize];
        let usable = own.iter().filter(|&&n| self.endpoints[n as usize].usable()).count() as u32;
        let kind = if !s.panic && usable * 100 < total * p.panic_percent {
            DecisionKind::NOTE_PANIC_ENTERED
        } else if s.panic && (p.panic_percent == 0 || usable * 100 >= total * (p.panic_percent + PANIC_MARGIN).min(100))
        {
            DecisionKind::NOTE_PANIC_LEFT
        } else {
            return;
        };
        s.panic = !s.panic;
        self.touch_placement(number);
        let mut d = note(kind, 9, now);
        (d.placement, d.count) = (number, usable);
        out.push(d);
    }

    /// Weighs every placement after an adoption.
    pub(crate) fn weigh_all(&mut self, c: &Config, now: Time, out: &mut Vec<Decision>) {
        for n in 0..self.placements.len() {
            self.weigh(c, now, n as i32, out);
        }
    }

    /// Leaves of the admissible endpoints those that would take a half-open probe. A placement in
    /// panic that passes on its requests still tests its breakers, or it would never leave panic. It
    /// reports whether it left any out.
    pub(crate) fn tests(&mut self, s: &mut Survey) -> bool {
        let endpoints = &self.endpoints;
        self.admissible.retain(|&n| endpoints[n as usize].breaker.state != Circuit::CLOSED);
        let passed = s.admissible > self.admissible.len();
        s.admissible = self.admissible.len();
        passed
    }

    /// Ends a walk in which every candidate was left and one that is in panic has sound endpoints: one
    /// of them is selected as if there were no panic.
    pub(crate) fn serve_in_panic(&mut self, c: &Config, now: Time, ask: &Ask, l: &Leaving, v: &mut Verdict) {
        let list = &c.placements[ask.ev.route.placement as usize].candidates;
        let p = &c.placements[list[l.resort_at - 1] as usize];
        if p.sharded {
            self.survey_shard(c, p, l.resort_home, now, ask.ev.route.key);
        } else {
            self.survey(p, l.resort_home, now);
        }
        (v.placement, v.candidate, v.failover) = (l.resort_home, l.resort_at - 1, l.resort_why);
        self.choose(now, p, ask, v);
    }
}
