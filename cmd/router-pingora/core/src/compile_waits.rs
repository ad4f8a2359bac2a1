//! What Compile makes of R5's queue and of R11.

use crate::adaptive::AdaptiveSpec;
use crate::compile::{Compiler, or_default};
use crate::config::Config;
use crate::journey::MAX_RETRIES;
use crate::queue::{MAX_QUEUE, QueueOrder};
use crate::retry::{RETRY_ONS, RetryMethods, RetryOn, RetrySpec};
use crate::spec::{LimitSpec, WhenFull};
use crate::time::{Duration, MILLISECOND, SECOND};
use alloc::format;

impl Compiler<'_> {
    /// Validates the settings of a queue.
    pub(crate) fn queue(&mut self, l: &LimitSpec, request: Duration, path: &str) {
        if l.when_full != WhenFull::QUEUE {
            if l.queue != 0 || l.wait != 0 || l.order != QueueOrder::FIFO {
                let hint = "write when_full: {queue: 50, wait: 200ms}, or remove them";
                self.fail(format!("{path}.when_full"), "has settings of a queue, but is not queue", hint);
            }
            return;
        }
        if l.in_flight <= 0 && l.adaptive == AdaptiveSpec::default() {
            let hint = "give the limit at which requests begin to wait";
            self.fail(format!("{path}.in_flight"), "is not set, so nobody would ever wait", hint);
        }
        if l.queue < 1 || l.queue > MAX_QUEUE {
            let hint = "give the number of requests that may wait";
            self.fail(format!("{path}.when_full.queue"), format!("is outside 1 to {MAX_QUEUE}"), hint);
        }
        self.duration(l.wait, &format!("{path}.when_full.wait"));
        if l.wait > request {
            let hint = "a request cannot wait longer than it may take: use a shorter wait";
            self.fail(format!("{path}.when_full.wait"), "is above timeouts.request", hint);
        }
        if l.order > QueueOrder::NEWEST_FIRST {
            self.fail(format!("{path}.when_full.order"), "is not an order", "use fifo or newest_first");
        }
    }

    /// Validates R11 and fills in its defaults.
    pub(crate) fn retries(&mut self, mut s: RetrySpec, path: &str) -> RetrySpec {
        if s.max == 0 {
            if s != RetrySpec::default() {
                let hint = "give max: 1 or more, or write retries: none";
                self.fail(format!("{path}.max"), "is 0, but other settings of retries are given", hint);
            }
            return s;
        }
        or_default(&mut s.on, RetryOn(RetryOn::ON_CONNECT.0 | RetryOn::ON_RESET.0 | RetryOn::ON_GATEWAY.0));
        or_default(&mut s.back_off, 25 * MILLISECOND);
        or_default(&mut s.back_off_max, s.back_off.wrapping_mul(10));
        or_default(&mut s.retry_after, SECOND);
        or_default(&mut s.body_max, 64 << 10);
        if !s.no_budget {
            or_default(&mut s.percent, 20);
            or_default(&mut s.floor, 3);
        } else if s.percent != 0 || s.floor != 0 {
            self.fail(format!("{path}.budget"), "is none, but has a share or a floor", "keep one of the two");
        }
        self.check_retries(&s, path);
        s
    }

    fn check_retries(&mut self, s: &RetrySpec, path: &str) {
        if s.max as usize > MAX_RETRIES {
            let (what, hint) = (format!("is above {MAX_RETRIES}"), format!("use 1 to {MAX_RETRIES}"));
            self.fail(format!("{path}.max"), what, hint);
        }
        if s.on.0 >= RETRY_ONS || s.methods > RetryMethods::ANY {
            self.fail(path, "on or methods is out of range", "use the named constants");
        }
        self.duration(s.back_off, &format!("{path}.backoff.base"));
        self.duration(s.back_off_max, &format!("{path}.backoff.max"));
        if s.back_off_max < s.back_off {
            self.fail(format!("{path}.backoff.max"), "is below base", "use at least the value of base");
        }
        self.duration(s.retry_after, &format!("{path}.retry_after_max"));
        if s.percent > 400 {
            self.fail(format!("{path}.budget.percent"), "is above 400 %", "use 1 % to 400 %");
        }
        if s.floor > 1000 {
            self.fail(format!("{path}.budget.floor"), "is above 1000", "use 1 to 1000");
        }
        if s.body_max < 0 {
            self.fail(format!("{path}.body_max"), "is negative", "use 1 byte or more, or leave it out");
        }
    }
}

impl Config {
    /// Says whether any request may wait or be retried.
    pub(crate) fn comes_again(&self) -> bool {
        self.placements.iter().any(|p| p.retries.max > 0 || p.limit.when_full == WhenFull::QUEUE)
    }
}
