//! Shows a router to Prometheus, with the names and labels of adapters/metrics: counters of what it
//! decided and how requests ended, histograms of how long they took, and gauges read from the router
//! when somebody scrapes.
//!
//! Label sets are closed: placement and endpoint come from the configuration in force, everything else
//! from lists in the code. A routing key, path, tenant or client address is never a label. Series of
//! what a configuration removes are deleted.
//!
//! What may not live here: HTTP servers (admin), decisions, anything that a request waits for.

mod decisions;
mod gauges;
mod names;
mod series;

use std::sync::Arc;
use std::time::Duration;

use lockstep_core::{Class, Decision, Failover, Reason, RetryWhy};
use prometheus::Registry;

use crate::connections::Seen;
use crate::driver::{Driver, Target};
use crate::record;
pub use decisions::{Counts, Observer};
use series::{Endpoint, Placement, Set, Vectors};

type Ask<T> = Box<dyn Fn() -> T + Send + Sync>;

/// What [`Metrics`] are made of.
pub struct Options {
    /// What requests go through and what gauges are read from.
    pub driver: Arc<Driver>,
    /// Counts what the router decided.
    pub decisions: Arc<Counts>,
    /// Tells what the recording has lost.
    pub recorder: Ask<record::Stats>,
    /// Tells how many writes of the access log failed.
    pub log_lost: Ask<u64>,
    /// Tells whether the router is ready.
    pub ready: Ask<bool>,
    /// What each listener has seen.
    pub listeners: Vec<Arc<Seen>>,
}

/// A router's metrics.
pub struct Metrics {
    o: Options,
    registry: Registry,
    vectors: Vectors,
}

/// How a request ended.
pub struct RequestEnd<'a> {
    /// The last decision about it, and what its numbers mean.
    pub decision: &'a Decision,
    /// Of the decision.
    pub target: &'a Target,
    /// Answered; 499 for a client that left before.
    pub status: u16,
    /// [`Class::NONE`] for a whole answer of the upstream below 500.
    pub class: Class,
    /// From its headers to the end.
    pub took: Duration,
    /// Bytes of its body that were read.
    pub received: u64,
    /// Bytes of the upstream's body that went to the client.
    pub sent: u64,
}

/// How an attempt ended.
pub struct AttemptEnd<'a> {
    /// Where it went.
    pub target: &'a Target,
    /// [`Class::NONE`] for a whole answer below 500.
    pub class: Class,
    /// From its begin to the response's headers; None for none.
    pub headers: Option<Duration>,
    /// GRANTED if a retry follows, else why none does; OFF also for one that did not fail.
    pub retry: RetryWhy,
}

impl Metrics {
    /// Has a registry of its own. The error is a fault of the table of names.
    pub fn new(o: Options) -> Result<Metrics, String> {
        let registry = Registry::new();
        let vectors = Vectors::new(&registry).map_err(|e| format!("making the metrics: {e}"))?;
        Ok(Metrics { o, registry, vectors })
    }

    /// Counts the end of a request.
    pub fn request_ended(&self, end: &RequestEnd<'_>) {
        let p = self.placement(end.target);
        let (v, class) = (&self.vectors, with_status(end.class, end.status));
        let code = if end.status / 100 <= 5 { end.status / 100 } else { 0 };
        let d = end.decision;
        let key = u32::from(class.0) << 15 | u32::from(code) << 12 | u32::from(d.reason.0 & 63) << 6 | u32::from(d.failover.0 & 63);
        p.requests.count(&v.requests, &v.making, key, || request_labels(&p.name, class, code, d.reason, d.failover));
        p.duration.observe(end.took.as_secs_f64());
        p.received.inc_by(end.received);
        p.sent.inc_by(end.sent);
    }

    /// Counts the end of an attempt.
    pub fn attempt_ended(&self, end: &AttemptEnd<'_>) {
        let v = &self.vectors;
        if let Some(why) = retry_label(end.retry) {
            let p = self.placement(end.target);
            if end.retry == RetryWhy::Granted {
                p.retries.count(&v.retries, &v.making, 0, || vec![p.name.clone()]);
            } else {
                let key = why.as_bytes().iter().fold(0u32, |sum, b| sum.wrapping_mul(31).wrapping_add(u32::from(*b)));
                p.no_retry.count(&v.no_retry, &v.making, key, || vec![p.name.clone(), why.into()]);
            }
        }
        let Some(e) = self.endpoint(end.target) else { return }; // it has left the configuration
        let labels = || vec![e.placement.clone(), e.label.clone(), class_name(end.class).into()];
        e.attempts.count(&v.attempts, &v.making, u32::from(end.class.0), labels);
        if let Some(headers) = end.headers {
            e.upstream.observe(headers.as_secs_f64());
        }
    }

    /// Counts a wait in a queue (R5), by the placement where it was.
    pub fn waited(&self, target: &Target, queued: Duration) {
        if !queued.is_zero() {
            let p = self.placement(target);
            self.vectors.queued.with_label_values(&[&p.name]).observe(queued.as_secs_f64());
        }
    }

    /// The series of the configuration in force.
    fn current(&self) -> Arc<Set> {
        self.vectors.of(self.o.driver.in_force().config.as_ref())
    }

    /// The series of a decision's placement.
    fn placement(&self, t: &Target) -> Arc<Placement> {
        let set = self.current();
        let found = match t.placement_index {
            Some(i) if set.is_of(t.config.as_ref()) => set.placements.get(i),
            _ => set.named(&t.placement), // decided under an earlier configuration
        };
        found.unwrap_or(&self.vectors.none).clone()
    }

    /// The series of a decision's endpoint, None when it has left.
    fn endpoint(&self, t: &Target) -> Option<Arc<Endpoint>> {
        let set = self.current();
        match t.endpoint_index {
            Some(i) if set.is_of(t.config.as_ref()) => set.endpoints.get(i).cloned(),
            _ if t.url.is_empty() => None,
            _ => set.identified(&t.placement, &t.url).cloned(),
        }
    }
}

/// Is the class of an end whose upstream answered that status (R16).
fn with_status(class: Class, status: u16) -> Class {
    if class == Class::NONE && status >= 500 { Class::UPSTREAM_5XX } else { class }
}

fn request_labels(placement: &str, class: Class, code: u16, reason: Reason, failover: Failover) -> Vec<String> {
    let code = if code == 0 { "none".to_string() } else { format!("{code}xx") };
    vec![placement.into(), class_name(class).into(), code, reason.as_str().into(), failover.as_str().into()]
}

/// Is a class's label, "ok" for none.
fn class_name(class: Class) -> &'static str {
    if class == Class::NONE { "ok" } else { class.as_str() }
}

/// Is the label of R11's reason; None is not counted.
fn retry_label(why: RetryWhy) -> Option<&'static str> {
    Some(match why {
        RetryWhy::Granted => "granted",
        RetryWhy::Class => "class",
        RetryWhy::Unsafe => "unsafe",
        RetryWhy::Body => "body",
        RetryWhy::Spent => "spent",
        RetryWhy::Drain => "drain",
        RetryWhy::TooLate => "too_late",
        RetryWhy::OutOfBudget => "budget",
        RetryWhy::Off => return None,
    })
}
