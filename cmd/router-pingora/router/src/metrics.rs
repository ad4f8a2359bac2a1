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
mod process;
mod series;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use lockstep_core::{Class, Failover, Reason, RetryWhy};
use prometheus::Registry;

use crate::connections::Seen;
use crate::driver::{Driver, Target};
use crate::proxy::{self, AttemptSeen, RequestSeen, WaitSeen};
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
    refused: Mutex<BTreeMap<(String, &'static str), u64>>, // what was no HTTP/1, by listener and reason
}

impl Metrics {
    /// Has a registry of its own. The error is a fault of the table of names.
    pub fn new(o: Options) -> Result<Metrics, String> {
        let registry = Registry::new();
        let vectors = Vectors::new(&registry).map_err(|e| format!("making the metrics: {e}"))?;
        Ok(Metrics { o, registry, vectors, refused: Mutex::default() })
    }

    /// Counts what R11 said to the end of an attempt.
    fn retried(&self, target: &Target, retry: RetryWhy) {
        let Some(why) = retry_label(retry) else { return };
        let (v, p) = (&self.vectors, self.placement(target));
        if retry == RetryWhy::Granted {
            p.retries.count(&v.retries, &v.making, 0, || vec![p.name.clone()]);
        } else {
            p.no_retry.count(&v.no_retry, &v.making, retry as u32, || vec![p.name.clone(), why.into()]);
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

impl proxy::Observer for Metrics {
    fn request_ended(&self, seen: &RequestSeen<'_>) {
        let p = self.placement(&seen.admission.target);
        let (v, class) = (&self.vectors, with_status(seen.class, seen.status));
        let code = if seen.status / 100 <= 5 { seen.status / 100 } else { 0 };
        let (reason, failover) = (seen.admission.reason, seen.admission.failover);
        let parts = [
            u32::from(class.0) << 15,
            u32::from(code) << 12,
            u32::from(reason.0 & 63) << 6,
            u32::from(failover.0 & 63),
        ];
        let labels = || request_labels(&p.name, class, code, reason, failover);
        p.requests.count(&v.requests, &v.making, parts.iter().sum(), labels);
        p.duration.observe(seen.took.as_secs_f64());
        p.received.inc_by(seen.received);
        p.sent.inc_by(seen.sent);
    }

    fn attempt_ended(&self, seen: &AttemptSeen<'_>) {
        let target = &seen.admission.target;
        self.retried(target, seen.retry);
        let Some(e) = self.endpoint(target) else { return }; // it has left the configuration
        let (v, class) = (&self.vectors, with_status(seen.class, seen.status));
        let labels = || vec![e.placement.clone(), e.label.clone(), class_name(class).into()];
        e.attempts.count(&v.attempts, &v.making, u32::from(class.0), labels);
        if let Some(headers) = seen.headers {
            e.upstream.observe(headers.as_secs_f64());
        }
    }

    fn refused(&self, listener: &str, reason: &'static str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry((listener.to_string(), reason)).or_default() += 1;
    }

    fn waited(&self, seen: &WaitSeen<'_>) {
        if !seen.queued.is_zero() {
            let p = self.placement(seen.target);
            self.vectors.queued.with_label_values(&[&p.name]).observe(seen.queued.as_secs_f64());
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
