//! Placements: defaults < profile < placement, and what they mean for core.

use crate::decode::did_you_mean;
use crate::form::NativeFile;
use crate::form::placement as form;
use crate::gotext::{parse_url, quote};
use crate::load::Loader;
use crate::lower::at_of;
use crate::lower::upstream::overlay;
use crate::node::{Entry, Kind, Node};
use crate::problem::Place;
use crate::units::{Maybe, Percent};
use lockstep_core::{
    AdaptiveSpec, BreakerSpec, EndpointSpec, HealthSpec, LastResort, LimitSpec, MAX_PRIORITIES, NEVER_CONSECUTIVE,
    PanicMode, PlacementSpec, Policy, QueueOrder, Reason, RetryMethods, RetryOn, RetrySpec, StickySpec, TimeoutSpec,
    WhenFull,
};
use std::sync::Arc;

impl Loader<'_> {
    /// Lowers every placement after merging, and returns the merged map for places.
    pub(crate) fn placements(&mut self, root: &Node, form: &NativeFile) -> Arc<Node> {
        let mut out = Node { at: root.at.clone(), kind: Kind::Mapping, ..Node::default() };
        let mut at = root.at.clone();
        if let Some(table) = &form.placements.0
            && self.d.want(table, Kind::Mapping)
        {
            at = at_of(root, "placements").clone();
            out.at = table.at.clone();
            self.d.duplicates(table);
            let (defaults, profiles) = (root.value("defaults"), root.value("profiles"));
            for e in &table.entries {
                let mut n = e.value.clone();
                if n.kind == Kind::Mapping {
                    let under = overlay(defaults, self.profile(profiles, &n).as_ref());
                    n = overlay(under.as_ref(), Some(&n)).unwrap_or_default();
                }
                let spec = self.placement(&e.key, &n);
                self.file.spec.placements.push(spec);
                out.entries.push(Entry { key: e.key.clone(), at: e.at.clone(), value: n });
            }
        }
        let entry = Entry { key: "placements".into(), at, value: Arc::new(out) };
        Arc::new(Node { at: root.at.clone(), kind: Kind::Mapping, entries: vec![entry], ..Node::default() })
    }

    /// The settings of the profile that `n` names.
    fn profile(&mut self, profiles: Option<&Arc<Node>>, n: &Node) -> Option<Arc<Node>> {
        let name = n.value("profile").filter(|p| p.kind == Kind::Scalar && !p.is_word("none"))?;
        if let Some(p) = profiles.and_then(|p| p.value(&name.text)) {
            return Some(p.clone());
        }
        let names: Vec<&str> = profiles.map_or(Vec::new(), |p| p.entries.iter().map(|e| e.key.as_str()).collect());
        let hint = did_you_mean(&name.text, &names).unwrap_or_else(|| "define it under profiles".into());
        self.d.fail(&name.at, format!("there is no profile named {}", quote(&name.text)), hint);
        None
    }

    fn placement(&mut self, name: &str, n: &Arc<Node>) -> PlacementSpec {
        let form: form::Placement = self.d.decode(n);
        let s = &form.common;
        self.check_limit(n, &s.limit.value);
        if !form.own.labels.is_empty() {
            self.file.labels.insert(name.into(), form.own.labels.clone());
        }
        let raw = form.own.endpoints.0.as_ref();
        let endpoints = match self.discovered(name, raw) {
            Some(found) => found,
            None => self.endpoints(raw),
        };
        if s.sticky.set && s.sticky.value.cookie.is_empty() {
            self.d.fail(at_of(n, "sticky"), "sticky names no cookie", "write sticky: {cookie: name, ttl: 1h}");
        }
        PlacementSpec {
            name: name.into(),
            kind: match s.kind.as_str() {
                "dedicated" => Reason::DEDICATED,
                "tier" => Reason::TIER,
                _ => Reason::NONE,
            },
            edge: self.edge_text(name, n, s, &endpoints),
            endpoints,
            fallback: s.fallback.value.clone(),
            last_resort: if s.last_resort == "refuse" { LastResort::REFUSE } else { LastResort::USE },
            select: (0..=Policy::EWMA.0).map(Policy).find(|p| p.as_str() == s.select).unwrap_or_default(),
            bound: s.bound.0,
            decay: s.decay.0,
            slow_start: s.slow_start.value.0,
            sticky: StickySpec { cookie: s.sticky.value.cookie.clone(), ttl: s.sticky.value.ttl.0 },
            shards: s.shards.value,
            limit: limit(&s.limit.value),
            body_max: s.body_max.value.0,
            breaker: breaker(&s.breaker),
            health: health(&s.health),
            timeouts: timeouts(&s.timeouts),
            retries: retries(&s.retries),
            panic: s.panic.0,
            panic_do: match s.panic_do.as_str() {
                "fail" => PanicMode::FAIL,
                "fail_over" => PanicMode::FAIL_OVER,
                _ => PanicMode::ALL,
            },
        }
    }

    fn check_limit(&mut self, n: &Node, form: &form::Limit) {
        let Some(at) = n.value("limit") else { return };
        if form.adaptive.set && limit(form).adaptive.max == 0 {
            let what = "an adaptive limit needs max, or in_flight beside it";
            self.d.fail(at_of(at, "adaptive"), what, "write adaptive: {min: 10, max: 800}");
        }
        if form.priorities.value.len() > MAX_PRIORITIES {
            let hint = format!("give at most {MAX_PRIORITIES}, the most critical first");
            self.d.fail(at_of(at, "priorities"), "there are more shares than priorities", hint);
        }
    }

    /// Lists a placement's endpoints in the order written: for select: first it is the meaning.
    fn endpoints(&mut self, n: Option<&Arc<Node>>) -> Vec<EndpointSpec> {
        let Some(n) = n else { return Vec::new() };
        if !self.d.want(n, Kind::Mapping) {
            return Vec::new();
        }
        self.d.duplicates(n);
        let mut out = Vec::new();
        for e in &n.entries {
            let v: form::Endpoint = self.d.decode(&e.value);
            self.check_url(&v.url, e.value.value("url"), &e.at);
            out.push(EndpointSpec { name: e.key.clone(), url: v.url, weight: v.weight.0, limit: v.limit });
        }
        out
    }

    /// Reports what keeps text from being an upstream's address; `n` is its node, and `at` says where
    /// it should be when it is missing.
    pub(crate) fn check_url(&mut self, text: &str, n: Option<&Arc<Node>>, at: &Place) {
        let Some(n) = n else {
            self.d.fail(at, "this endpoint has no url", r#"write {url: "http://host:port"}"#);
            return;
        };
        if n.kind != Kind::Scalar {
            return; // reported already
        }
        let hint = "write it as http://host:port or https://host:port";
        match parse_url(text) {
            Err(e) => self.d.fail(&n.at, format!("{} is not a URL: {e}", quote(text)), hint),
            Ok(u) if u.scheme != "http" && u.scheme != "https" || u.hostname().is_empty() => {
                self.d.fail(&n.at, format!("{} is not an absolute http or https URL", quote(text)), hint);
            }
            Ok(_) => {}
        }
    }
}

fn timeouts(t: &form::Timeouts) -> TimeoutSpec {
    TimeoutSpec {
        connect: t.connect.0,
        response_header: t.response_header.0,
        request: t.request.0,
        body_idle: t.body_idle.0,
        upstream_idle: t.upstream_idle.0,
        settle: t.settle.0,
    }
}

fn breaker(m: &Maybe<form::Breaker>) -> BreakerSpec {
    let b = &m.value;
    BreakerSpec {
        off: m.none,
        failures: if b.consecutive_failures.none { NEVER_CONSECUTIVE } else { b.consecutive_failures.value },
        open: b.open.0,
        growth: b.grow.0,
        open_max: b.open_max.0,
        jitter: millionths(b.jitter),
        probes: b.half_open_probes,
        successes: b.half_open_successes,
        max_open_percent: b.max_open.0,
        failure_ratio: millionths(b.failure_ratio.value),
        slow_ratio: millionths(b.slow_ratio.value),
        window: b.window.0,
        min_requests: b.min_requests,
        slow_call: b.slow_call.0,
        preset: b.preset.clone(),
    }
}

/// Keeps a share above 100 % above it, for core to refuse.
fn millionths(p: Percent) -> u32 {
    p.0.min(1000) * 10_000
}

fn health(m: &Maybe<form::Health>) -> HealthSpec {
    let h = &m.value;
    HealthSpec {
        off: m.none,
        path: h.get.clone(),
        every: h.every.0,
        timeout: h.timeout.0,
        fall: h.fall,
        rise: h.rise,
        start_unhealthy: h.start == "unhealthy",
    }
}

fn limit(form: &form::Limit) -> LimitSpec {
    let mut out = LimitSpec {
        in_flight: form.in_flight.value,
        guests: form.guests.value,
        tenant_share: form.tenant_share.value.0,
        ..LimitSpec::default()
    };
    if let Some(q) = &form.when_full.queue {
        out.when_full = WhenFull::QUEUE;
        (out.queue, out.wait) = (q.queue.min(i32::MAX as u32) as i32, q.wait.0);
        if q.order == "newest_first" {
            out.order = QueueOrder::NEWEST_FIRST;
        }
    } else if form.when_full.fail_over {
        out.when_full = WhenFull::FAIL_OVER;
    }
    let a = &form.adaptive.value;
    if form.adaptive.set {
        out.adaptive = AdaptiveSpec {
            min: a.min,
            max: if a.max == 0 { form.in_flight.value } else { a.max },
            start: a.start,
            window: a.window.0,
            tolerance: a.tolerance.0 / 10_000,
            remeasure: a.remeasure,
        };
    }
    for (slot, share) in out.priorities.iter_mut().zip(&form.priorities.value) {
        *slot = share.0.min(255) as u8;
    }
    if form.guests.set && form.guests.value == 0 {
        out.guests = -1; // here 0 means none at all; in core 0 is no cap
    }
    out
}

fn retries(m: &Maybe<form::Retries>) -> RetrySpec {
    let r = &m.value;
    RetrySpec {
        max: r.max,
        on: RetryOn(r.on.0),
        methods: match r.methods.as_str() {
            "idempotent" => RetryMethods::IDEMPOTENT,
            "any" => RetryMethods::ANY,
            _ => RetryMethods::SAFE,
        },
        back_off: r.backoff.base.0,
        back_off_max: r.backoff.max.0,
        retry_after: r.retry_after_max.0,
        percent: r.budget.value.percent.0,
        floor: r.budget.value.floor,
        no_budget: r.budget.none,
        body_max: r.body_max.0,
    }
}
