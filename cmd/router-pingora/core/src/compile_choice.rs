//! What Compile makes of the settings of selection (R10) and of windows (R6).

use crate::choice::Choice;
use crate::compile::{Compiler, or_default};
use crate::config::PlacementConfig;
use crate::spec::{BreakerSpec, MAX_SHARDS, NEVER_CONSECUTIVE, PlacementSpec, Policy, StickySpec};
use crate::time::{MILLISECOND, SECOND};
use alloc::format;

impl Compiler<'_> {
    /// Fills in and checks what a placement says of selection.
    pub(crate) fn choice(&mut self, p: &PlacementSpec, path: &str, out: &mut PlacementConfig) {
        let mut x = Choice {
            sticky: p.sticky.clone(),
            slow_start: p.slow_start,
            bound: p.bound,
            shards: p.shards,
            decay: p.decay,
            ..Choice::default()
        };
        let select = p.select.as_str();
        if x.bound != 0 && !p.select.hashing() {
            let hint = "use it with rendezvous, ketama or maglev, or remove it";
            self.fail(format!("{path}.bound"), format!("does nothing under {select}"), hint);
        }
        if x.bound != 0 && (x.bound <= 100 || x.bound > 1000) {
            self.fail(format!("{path}.bound"), "is outside 101 % to 1000 % of an even share", "use 125%");
        }
        if x.decay != 0 && p.select != Policy::EWMA {
            let hint = "use it with ewma, or remove it";
            self.fail(format!("{path}.decay"), format!("does nothing under {select}"), hint);
        }
        if p.select == Policy::EWMA {
            self.timeout(&mut x.decay, 10 * SECOND, &format!("{path}.decay"));
        }
        if x.slow_start != 0 {
            self.duration(x.slow_start, &format!("{path}.slow_start"));
        }
        if x.shards as usize > MAX_SHARDS || x.shards as usize > p.endpoints.len() {
            let hint = "use fewer endpoints for each key than there are, such as 2";
            self.fail(format!("{path}.shards"), "is above the number of endpoints, or above 16", hint);
        }
        self.sticky(&x.sticky, &format!("{path}.sticky"));
        out.sharded = x.shards != 0;
        out.narrows = !x.sticky.cookie.is_empty() || x.slow_start != 0 || x.bound != 0;
        let measured = p.select == Policy::EWMA || out.breaker.slow_ratio != 0 && !out.breaker.off;
        out.timed = measured || p.limit.adaptive.on();
        self.config.extras |= measured
            || x.slow_start != 0
            || out.breaker.window != 0
            || p.select == Policy::KETAMA
            || p.select == Policy::MAGLEV;
        out.choice = x;
    }

    fn sticky(&mut self, s: &StickySpec, path: &str) {
        if s.cookie.is_empty() {
            if s.ttl != 0 {
                self.fail(format!("{path}.ttl"), "does nothing without cookie", "name the cookie");
            }
            return;
        }
        if !s.cookie.bytes().all(token_char) {
            self.fail(format!("{path}.cookie"), "is not a cookie's name", "use letters, digits, - and _");
        }
        if s.cookie.len() > 64 {
            self.fail(format!("{path}.cookie"), "is longer than 64 characters", "use a shorter name");
        }
        if s.ttl != 0 && (s.ttl < SECOND || s.ttl > 400 * 24 * 3600 * SECOND || s.ttl % SECOND != 0) {
            let hint = "write 1h, or leave it out for the browser's session";
            self.fail(format!("{path}.ttl"), "is not a whole number of seconds up to 400 days", hint);
        }
    }

    /// Fills in and checks the settings of ratio and slow trips.
    pub(crate) fn ratios(&mut self, b: &mut BreakerSpec, path: &str) {
        if b.failure_ratio > 1_000_000 || b.slow_ratio > 1_000_000 {
            self.fail(path, "failure_ratio or slow_ratio is above 100 %", "use 1 % to 100 %");
        }
        if b.slow_ratio == 0 && b.slow_call != 0 {
            let hint = "add slow_ratio, such as 80%, or remove it";
            self.fail(format!("{path}.slow_call"), "does nothing without slow_ratio", hint);
        }
        if b.slow_ratio != 0 {
            or_default(&mut b.slow_call, 2 * SECOND);
            self.duration(b.slow_call, &format!("{path}.slow_call"));
        }
        if b.failure_ratio == 0 && b.slow_ratio == 0 {
            self.without_ratio(b, path);
            return;
        }
        or_default(&mut b.window, 10 * SECOND);
        or_default(&mut b.min_requests, 20);
        if b.window < 100 * MILLISECOND || b.window > 3600 * SECOND {
            let hint = "write a length of time with its unit, such as 10s";
            self.fail(format!("{path}.window"), "is outside 100ms to 1h", hint);
        }
    }

    fn without_ratio(&mut self, b: &BreakerSpec, path: &str) {
        let hint = "add failure_ratio or slow_ratio, or remove it";
        if b.window != 0 {
            self.fail(format!("{path}.window"), "does nothing without a ratio", hint);
        } else if b.min_requests != 0 {
            self.fail(format!("{path}.min_requests"), "does nothing without a ratio", hint);
        } else if b.failures == NEVER_CONSECUTIVE && !b.off {
            let what = "is none, and no ratio is set: nothing opens this breaker";
            let hint = "add failure_ratio or slow_ratio, or write breaker: none";
            self.fail(format!("{path}.consecutive_failures"), what, hint);
        }
    }
}

/// Accepts what RFC 9110 allows in a token.
fn token_char(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}
