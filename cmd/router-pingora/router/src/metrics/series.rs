//! The metrics that requests count. On the way of a request nothing is looked up by label: each
//! placement and endpoint of the configuration in force has its series at hand, found by the index
//! that the decision carries.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use lockstep_core::Config;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

use super::names::{self, Metric};

/// The series of one vector that share their first labels, made when they are first counted. Readers
/// take no lock. There are few of them (most placements see three or four classes), so a list beats a
/// map.
#[derive(Default)]
pub struct Lazy(ArcSwap<Vec<One>>);

#[derive(Clone)]
struct One {
    key: u32,
    series: IntCounter,
    labels: Vec<String>,
}

impl Lazy {
    /// Counts one under a key whose labels are worked out if the series is new. `lock` guards the
    /// making of series.
    pub fn count(&self, vector: &IntCounterVec, lock: &Mutex<()>, key: u32, labels: impl FnOnce() -> Vec<String>) {
        if let Some(one) = self.0.load().iter().find(|one| one.key == key) {
            one.series.inc();
            return;
        }
        let _guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = Vec::clone(&self.0.load());
        if let Some(one) = list.iter().find(|one| one.key == key) {
            one.series.inc();
            return;
        }
        let labels = labels();
        let series = vector.with_label_values(&labels);
        series.inc();
        list.push(One { key, series, labels });
        self.0.store(Arc::new(list));
    }

    fn drop_all(&self, vector: &IntCounterVec) {
        for one in self.0.swap(Arc::default()).iter() {
            let _ = vector.remove_label_values(&one.labels); // its error: it is gone already
        }
    }
}

/// What one placement counts.
pub struct Placement {
    /// "" for requests without one.
    pub name: String,
    /// By class, status, reason and failover.
    pub requests: Lazy,
    /// Refused ones by the first reason of R11.
    pub no_retry: Lazy,
    /// Granted ones, under one key.
    pub retries: Lazy,
    /// Of whole requests.
    pub duration: Histogram,
    /// Bytes of request bodies.
    pub received: IntCounter,
    /// Bytes of upstream bodies.
    pub sent: IntCounter,
}

/// What one endpoint counts.
pub struct Endpoint {
    /// Of its placement.
    pub placement: String,
    /// Its URL without what may be secret in it.
    pub label: String,
    /// By class of their end.
    pub attempts: Lazy,
    /// From the begin of an attempt to the response headers.
    pub upstream: Histogram,
}

/// What makes an endpoint the same across configurations (R12).
type Identity = (String, String);

/// The series of one configuration, by its indexes. It does not change.
#[derive(Default)]
pub struct Set {
    config: Option<Arc<Config>>,
    /// By index in the configuration.
    pub placements: Vec<Arc<Placement>>,
    /// By index in the configuration.
    pub endpoints: Vec<Arc<Endpoint>>,
    by_name: BTreeMap<String, Arc<Placement>>,
    by_identity: BTreeMap<Identity, Arc<Endpoint>>,
}

impl Set {
    /// Whether these are the series of that configuration.
    pub fn is_of(&self, config: Option<&Arc<Config>>) -> bool {
        match (&self.config, config) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        }
    }

    /// The series of a placement by its name.
    pub fn named(&self, placement: &str) -> Option<&Arc<Placement>> {
        self.by_name.get(placement)
    }

    /// The series of an endpoint by placement and URL.
    pub fn identified(&self, placement: &str, url: &str) -> Option<&Arc<Endpoint>> {
        self.by_identity.get(&(placement.to_string(), endpoint_label(url)))
    }
}

/// The metrics that requests count.
pub struct Vectors {
    /// Of requests.
    pub requests: IntCounterVec,
    /// Of attempts.
    pub attempts: IntCounterVec,
    /// Of retries granted.
    pub retries: IntCounterVec,
    /// Of retries refused.
    pub no_retry: IntCounterVec,
    /// Of waits in queues.
    pub queued: HistogramVec,
    received: IntCounterVec,
    sent: IntCounterVec,
    duration: HistogramVec,
    upstream: HistogramVec,
    /// Guards the making of series.
    pub making: Mutex<()>,
    /// Of requests without placement.
    pub none: Arc<Placement>,
    current: ArcSwap<Set>,
}

fn counter(m: &Metric) -> prometheus::Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(m.name, m.help), m.labels)
}

/// Has the classic buckets alone: the crate knows no native histograms.
fn histogram(m: &Metric) -> prometheus::Result<HistogramVec> {
    HistogramVec::new(HistogramOpts::new(m.name, m.help), m.labels)
}

impl Vectors {
    /// Registers them all. The error is a fault of the table of names.
    pub fn new(registry: &Registry) -> prometheus::Result<Vectors> {
        let (received, sent) = (counter(&names::RECEIVED)?, counter(&names::SENT)?);
        let (duration, queued, upstream) =
            (histogram(&names::DURATION)?, histogram(&names::QUEUED)?, histogram(&names::UPSTREAM)?);
        let none = Arc::new(placement("", &duration, &received, &sent));
        let v = Vectors {
            requests: counter(&names::REQUESTS)?,
            attempts: counter(&names::ATTEMPTS)?,
            retries: counter(&names::RETRIES)?,
            no_retry: counter(&names::NO_RETRY)?,
            queued,
            received,
            sent,
            duration,
            upstream,
            making: Mutex::new(()),
            none,
            current: ArcSwap::default(),
        };
        for vector in [&v.requests, &v.attempts, &v.retries, &v.no_retry, &v.received, &v.sent] {
            registry.register(Box::new(vector.clone()))?;
        }
        for vector in [&v.duration, &v.queued, &v.upstream] {
            registry.register(Box::new(vector.clone()))?;
        }
        Ok(v)
    }

    /// The series of the configuration in force.
    pub fn of(&self, config: Option<&Arc<Config>>) -> Arc<Set> {
        let set = self.current.load_full();
        match config {
            Some(config) if !set.is_of(Some(config)) => self.follow(config),
            _ => set,
        }
    }

    /// Makes the series of a new configuration: those of what stays are kept, those of what left are
    /// deleted.
    fn follow(&self, config: &Arc<Config>) -> Arc<Set> {
        let _guard = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.current.load_full();
        if old.is_of(Some(config)) {
            return old;
        }
        let mut set = Set { config: Some(config.clone()), ..Set::default() };
        for i in 0..config.placements() {
            let name = config.placement(i).name.to_string();
            let p = old.by_name.get(&name).cloned();
            let p = p.unwrap_or_else(|| Arc::new(placement(&name, &self.duration, &self.received, &self.sent)));
            set.placements.push(p.clone());
            set.by_name.insert(name, p);
        }
        for i in 0..config.endpoints() {
            let at = config.endpoint(i);
            let id = (set.placements[at.placement].name.clone(), endpoint_label(at.url));
            let e = set.by_identity.get(&id).or_else(|| old.by_identity.get(&id)).cloned();
            let e = e.unwrap_or_else(|| Arc::new(self.endpoint(&id)));
            set.endpoints.push(e.clone());
            set.by_identity.insert(id, e);
        }
        self.forget(&old, &set);
        let set = Arc::new(set);
        self.current.store(set.clone());
        set
    }

    fn endpoint(&self, (placement, label): &Identity) -> Endpoint {
        Endpoint {
            placement: placement.clone(),
            label: label.clone(),
            attempts: Lazy::default(),
            upstream: self.upstream.with_label_values(&[placement, label]),
        }
    }

    /// Deletes the series of what the new set lacks. An error is that of a series that was never made.
    fn forget(&self, old: &Set, new: &Set) {
        for (name, p) in old.by_name.iter().filter(|(name, _)| !new.by_name.contains_key(*name)) {
            p.requests.drop_all(&self.requests);
            p.no_retry.drop_all(&self.no_retry);
            p.retries.drop_all(&self.retries);
            for vector in [&self.duration, &self.queued] {
                let _ = vector.remove_label_values(&[name]);
            }
            for vector in [&self.received, &self.sent] {
                let _ = vector.remove_label_values(&[name]);
            }
        }
        for (id, e) in old.by_identity.iter().filter(|(id, _)| !new.by_identity.contains_key(*id)) {
            e.attempts.drop_all(&self.attempts);
            let _ = self.upstream.remove_label_values(&[&id.0, &id.1]);
        }
    }
}

fn placement(name: &str, duration: &HistogramVec, received: &IntCounterVec, sent: &IntCounterVec) -> Placement {
    Placement {
        name: name.into(),
        requests: Lazy::default(),
        no_retry: Lazy::default(),
        retries: Lazy::default(),
        duration: duration.with_label_values(&[name]),
        received: received.with_label_values(&[name]),
        sent: sent.with_label_values(&[name]),
    }
}

/// Is an endpoint's URL without what may be secret in it.
pub fn endpoint_label(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.into() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::endpoint_label;

    #[test]
    fn user_info_never_becomes_a_label() {
        for (url, want) in [
            ("http://h:80", "http://h:80"),
            ("http://user:secret@h:80/x", "http://h:80/x"),
            ("http://h:80/@x", "http://h:80/@x"),
        ] {
            assert_eq!(endpoint_label(url), want);
        }
    }
}
