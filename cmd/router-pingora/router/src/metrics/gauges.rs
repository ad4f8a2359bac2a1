//! The metrics that are read from the router when somebody scrapes.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Instant;

use lockstep_core::{Circuit, Config, Router};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, GaugeVec, IntCounterVec, Opts, Registry, TextEncoder};

use super::Metrics;
use super::names::{self, Metric};
use super::process::process;
use super::series::endpoint_label;

/// How many placements or endpoints are read in one hold of the driver's lock: a request waits for no
/// more than those.
const VIEW_AT_ONCE: usize = 256;

/// The metrics of one scrape, in a registry of their own, which sorts them.
#[derive(Default)]
pub struct Page(Registry);

impl Page {
    fn gauges(&mut self, m: &Metric, samples: &[(Vec<&str>, f64)]) {
        if let Ok(vector) = GaugeVec::new(Opts::new(m.name, m.help), m.labels) {
            for (labels, value) in samples {
                vector.with_label_values(labels).set(*value);
            }
            let _ = self.0.register(Box::new(vector)); // the table of names has each once
        }
    }

    fn counters(&mut self, m: &Metric, samples: &[(Vec<&str>, u64)]) {
        if let Ok(vector) = IntCounterVec::new(Opts::new(m.name, m.help), m.labels) {
            for (labels, value) in samples {
                vector.with_label_values(labels).inc_by(*value);
            }
            let _ = self.0.register(Box::new(vector)); // the table of names has each once
        }
    }

    pub(super) fn gauge(&mut self, m: &Metric, value: f64) {
        self.gauges(m, &[(vec![], value)]);
    }

    /// A counter that was counted elsewhere, in fractions.
    pub(super) fn gauge_as_counter(&mut self, m: &Metric, value: f64) {
        if let Ok(counter) = Counter::new(m.name, m.help) {
            counter.inc_by(value);
            let _ = self.0.register(Box::new(counter)); // the table of names has each once
        }
    }

    fn counter(&mut self, m: &Metric, value: u64) {
        self.counters(m, &[(vec![], value)]);
    }
}

/// What is read of a placement under the lock.
struct PlacementSeen {
    name: String,
    index: i32,
    in_flight: i32,
    guests: i32,
    queued: i32,
    panic: bool,
    limit: i32,
    retrying: u64,
    debt: u64,
    retry_limit: u64,
}

/// What is read of an endpoint under the lock.
struct EndpointSeen {
    url: String,
    index: i32,
    placement: i32,
    in_flight: i32,
    breaker: Circuit,
    failures: u32,
    unhealthy: bool,
}

fn truth(b: bool) -> f64 {
    f64::from(u8::from(b))
}

impl Metrics {
    /// Answers a scrape in Prometheus' text form.
    pub fn text(&self) -> String {
        self.current(); // a scrape of a router without traffic still forgets what left
        let mut page = Page::default();
        self.program(&mut page);
        self.decided(&mut page);
        self.router(&mut page);
        let mut families: Vec<MetricFamily> = self.registry.gather();
        families.extend(page.0.gather());
        families.sort_by(|a, b| a.name().cmp(b.name()));
        TextEncoder::new().encode_to_string(&families).unwrap_or_else(|e| format!("# {e}\n"))
    }

    /// What is known of the process beside the router.
    fn program(&self, page: &mut Page) {
        let labels = vec![env!("CARGO_PKG_VERSION"), "", lockstep_trace::SPEC_VERSION];
        page.gauges(&names::BUILD, &[(labels, 1.0)]);
        page.gauge(&names::READY, truth((self.o.ready)()));
        page.counter(&names::LOG_LOST, (self.o.log_lost)());
        let recorder = (self.o.recorder)();
        page.counter(&names::LOST_BLOCKS, recorder.lost_blocks);
        page.counter(&names::LOST_STEPS, recorder.lost_steps);
        page.counter(&names::WRITTEN_BYTES, recorder.written_bytes);
        page.counter(&names::DISK_ERRORS, recorder.disk_errors);
        let open: Vec<_> = self.o.listeners.iter().map(|l| (vec![l.name.as_str()], l.open() as f64)).collect();
        page.gauges(&names::LISTENER_OPEN, &open);
        let accepted: Vec<_> = self.o.listeners.iter().map(|l| (vec![l.name.as_str()], l.accepted())).collect();
        page.counters(&names::ACCEPTED, &accepted);
        let full: Vec<_> =
            self.o.listeners.iter().map(|l| (vec![l.name.as_str(), "max_connections"], l.refused())).collect();
        page.counters(&names::CONN_REFUSED, &full);
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let refused: Vec<_> = refused.iter().map(|((l, why), n)| (vec![l.as_str(), *why], *n)).collect();
        page.counters(&names::HTTP1_REFUSED, &refused);
        process(page);
    }

    /// Counts of events and decisions.
    fn decided(&self, page: &mut Page) {
        let counts = &self.o.decisions;
        if let Some(connected) = counts.control() {
            page.gauge(&names::CONTROL, truth(connected));
        }
        let events: Vec<_> = counts.events().into_iter().map(|(k, n)| (vec![k.as_str()], n)).collect();
        page.counters(&names::EVENTS, &events);
        let decisions = counts.decisions().into_iter();
        let decisions: Vec<_> = decisions.map(|(k, class, cause, n)| (vec![k.as_str(), class, cause], n)).collect();
        page.counters(&names::DECISIONS, &decisions);
    }

    /// Reads the router piece by piece: no request waits for all of it. The pieces are of different
    /// moments, as are the series of any scrape.
    fn router(&self, page: &mut Page) {
        let begun = Instant::now();
        let driver = &self.o.driver;
        let now = driver.now();
        let (mut placements, mut endpoints) = (Vec::new(), Vec::new());
        let mut at = 0;
        while driver.view(|r| {
            placements.extend((at..r.placements().min(at + VIEW_AT_ONCE)).map(|n| see_placement(r, n as i32, now)));
            endpoints.extend((at..r.endpoints().min(at + VIEW_AT_ONCE)).filter_map(|n| see_endpoint(r, n as i32)));
            at + VIEW_AT_ONCE < r.placements().max(r.endpoints())
        }) {
            at += VIEW_AT_ONCE;
        }
        let (config, counters, draining, epoch) =
            driver.view(|r| (r.config().cloned(), r.counters(), r.draining(), r.epoch()));
        page.gauge(&names::EPOCH, epoch.number as f64);
        page.gauge(&names::TERM, epoch.term as f64);
        if let Some(c) = &config {
            page.gauges(&names::CONFIG, &[(vec![c.version(), &format!("{:016x}", c.digest())], 1.0)]);
        }
        page.gauge(&names::DRAINING, truth(draining));
        page.counter(&names::IGNORED, counters.ignored);
        page.counter(&names::BUGS, counters.bugs);
        page.counter(&names::MISSED, counters.missed);
        page.counter(&names::NOTES_DROPPED, driver.dropped());
        self.placements(page, &placements, config.as_deref());
        self.endpoints(page, &endpoints, &placements);
        page.gauge(&names::VIEW_SECONDS, begun.elapsed().as_secs_f64());
    }

    fn placements(&self, page: &mut Page, seen: &[PlacementSeen], config: Option<&Config>) {
        let back_offs = self.back_offs(seen.len());
        let mut names = BTreeSet::new(); // names change hands between two pieces
        let of: Vec<_> = seen
            .iter()
            .zip(back_offs)
            .filter(|(p, _)| p.index >= 0 && !p.name.is_empty() && names.insert(&p.name))
            .collect();
        let mut gauges = |m: &Metric, value: &dyn Fn(&PlacementSeen) -> Option<f64>| {
            let samples: Vec<_> = of.iter().filter_map(|(p, _)| Some((vec![p.name.as_str()], value(p)?))).collect();
            page.gauges(m, &samples);
        };
        const UNIT: f64 = 1e6; // the budget counts in millionths of a retry
        gauges(&names::IN_FLIGHT, &|p| Some(f64::from(p.in_flight)));
        gauges(&names::GUESTS, &|p| Some(f64::from(p.guests)));
        gauges(&names::PANIC, &|p| Some(truth(p.panic)));
        gauges(&names::LIMIT, &|p| (p.limit > 0).then_some(f64::from(p.limit)));
        gauges(&names::RETRYING, &|p| (p.retry_limit > 0).then_some(p.retrying as f64));
        gauges(&names::RETRY_DEBT, &|p| (p.retry_limit > 0).then_some(p.debt as f64 / UNIT));
        gauges(&names::RETRY_LIMIT, &|p| (p.retry_limit > 0).then_some(p.retry_limit as f64 / UNIT));
        gauges(&names::GUEST_LIMIT, &|p| {
            let at = config?.find_placement(&p.name)?;
            let guests = config?.placement(at).limit.guests;
            (guests != 0).then_some(f64::from(guests.max(0)))
        });
        let queue = of.iter().map(|(p, _)| (vec![p.name.as_str(), "queue"], f64::from(p.queued)));
        let waiting: Vec<_> =
            queue.chain(of.iter().map(|(p, n)| (vec![p.name.as_str(), "backoff"], *n as f64))).collect();
        page.gauges(&names::WAITING, &waiting);
    }

    /// Counts the requests that wait for a retry, by number of placement.
    fn back_offs(&self, placements: usize) -> Vec<usize> {
        let mut counts = vec![0; placements];
        let mut next = Some(0);
        while let Some(at) = next {
            next = self.o.driver.view(|r| {
                let (at, more) = r.count_back_offs(at, VIEW_AT_ONCE, &mut counts);
                more.then_some(at)
            });
        }
        counts
    }

    fn endpoints(&self, page: &mut Page, seen: &[EndpointSeen], placements: &[PlacementSeen]) {
        let mut retiring = 0;
        let mut identities = BTreeSet::new();
        let mut of = Vec::new();
        for e in seen {
            let Some(p) = placements.get(e.placement as usize) else { continue };
            if e.index < 0 {
                retiring += 1;
            } else if identities.insert((&p.name, endpoint_label(&e.url))) {
                of.push((p.name.as_str(), endpoint_label(&e.url), e));
            }
        }
        let mut gauges = |m: &Metric, value: &dyn Fn(&EndpointSeen) -> f64| {
            let samples: Vec<_> = of.iter().map(|(p, label, e)| (vec![*p, label.as_str()], value(e))).collect();
            page.gauges(m, &samples);
        };
        gauges(&names::END_IN_FLIGHT, &|e| f64::from(e.in_flight));
        gauges(&names::BREAKER_FAILS, &|e| f64::from(e.failures));
        gauges(&names::HEALTHY, &|e| truth(!e.unhealthy));
        let mut breakers = Vec::new();
        for (p, label, e) in &of {
            for state in [Circuit::CLOSED, Circuit::OPEN, Circuit::HALF_OPEN] {
                breakers.push((vec![*p, label.as_str(), state.as_str()], truth(e.breaker == state)));
            }
        }
        page.gauges(&names::BREAKER, &breakers);
        page.gauge(&names::RETIRING, f64::from(retiring));
    }
}

fn see_placement(r: &Router, n: i32, now: i64) -> PlacementSeen {
    let (p, budget) = (r.placement(n), r.budget(now.max(r.now()), n));
    PlacementSeen {
        name: p.name.to_string(),
        index: p.index,
        in_flight: p.in_flight,
        guests: p.guests,
        queued: p.queued,
        panic: p.panic,
        limit: p.limit,
        retrying: budget.retrying as u64,
        debt: budget.debt as u64,
        retry_limit: budget.limit as u64,
    }
}

/// None for a number that is free.
fn see_endpoint(r: &Router, n: i32) -> Option<EndpointSeen> {
    let e = r.endpoint(n)?;
    Some(EndpointSeen {
        url: e.url.to_string(),
        index: e.index,
        placement: e.placement,
        in_flight: e.in_flight,
        breaker: e.breaker,
        failures: e.failures,
        unhealthy: e.unhealthy,
    })
}
