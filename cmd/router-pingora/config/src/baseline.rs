//! The baseline's two JSON forms. Field names are the contract; what such files get away with today
//! is a warning.

use crate::decode::{Decode, Decoder, Raw, settings};
use crate::gotext::{parse_duration, quote};
use crate::keys::KeyList;
use crate::load::Loader;
use crate::lower::at_of;
use crate::node::{Entry, Kind, Node};
use lockstep_core::{BreakerSpec, EndpointSpec, HealthSpec, LimitSpec, PlacementSpec};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

settings! {
    struct BaselineFile {
        version: String = "version" PLAIN;
        routing_table: Raw = "routingTable" PLAIN;
        cell_endpoints: Raw = "cellEndpoints" PLAIN;
        placements: Raw = "placements" PLAIN;
        default: String = "defaultPlacement" PLAIN;
    }
}

settings! {
    struct BaselinePlacement {
        url: String = "url" PLAIN;
        fallback: String = "fallback" PLAIN;
        health: HealthCheck = "health_check" PLAIN;
        breaker: CircuitBreaker = "circuit_breaker" PLAIN;
        concurrency_limit: Count = "concurrency_limit" PLAIN;
        body_max: Count = "max_request_body_bytes" PLAIN;
    }
}

settings! {
    struct HealthCheck {
        path: String = "path" PLAIN;
        interval: TextDuration = "interval" PLAIN;
        timeout: TextDuration = "timeout" PLAIN;
    }
}

settings! {
    struct CircuitBreaker {
        failure_threshold: Count = "failure_threshold" PLAIN;
        timeout: TextDuration = "timeout" PLAIN;
    }
}

/// A length of time as text, in ns. Empty or not positive means the default.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct TextDuration(i64);

impl Decode for TextDuration {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        if !d.want(n, Kind::Scalar) || n.quoted && n.text.is_empty() {
            return;
        }
        match parse_duration(&n.text) {
            Some(t) if n.quoted && t > 0 => self.0 = t,
            Some(_) if n.quoted => {
                let what = format!("{} is not a positive length of time: the default is used", n.text);
                d.warn(n.at.problem(what, "remove it"));
            }
            _ => {
                let hint = r#"write it as text with its unit, such as "5s""#;
                d.fail(&n.at, format!("{} is not a length of time", n.text), hint);
            }
        }
    }
}

/// A number. Not positive means the default.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Count(i64);

impl Decode for Count {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        let i: i64 = d.decode(n);
        if i < 0 {
            d.warn(n.at.problem(format!("{} is negative: the default is used", n.text), "remove it"));
            return;
        }
        self.0 = i;
    }
}

impl Loader<'_> {
    pub(crate) fn baseline(&mut self, root: &Arc<Node>) {
        let form: BaselineFile = self.d.decode(root);
        let s = &mut self.file.spec;
        s.version.clone_from(&form.version);
        s.default.clone_from(&form.default);
        s.chain_fallbacks = true;
        self.file.root = Arc::new(root.without(&["routingTable"]));
        if form.default.is_empty() {
            let hint = "name the placement that serves unknown keys";
            self.d.fail(&root.at, "there is no defaultPlacement", hint);
        }
        let mut at: HashMap<String, usize> = HashMap::new();
        for e in self.last_of_each(&form.placements) {
            at.insert(e.key.clone(), self.file.spec.placements.len());
            let p = self.baseline_placement(&e);
            self.file.spec.placements.push(p);
        }
        for e in self.last_of_each(&form.cell_endpoints) {
            self.cell_endpoint(&e, &at);
        }
        let names: Vec<String> =
            self.file.spec.placements.iter().filter(|p| p.endpoints.is_empty()).map(|p| p.name.clone()).collect();
        if let Some(table) = &form.placements.0 {
            for name in names {
                let what = format!("placement {} has no url", quote(&name));
                self.d.fail(at_of(table, &name), what, r#"write "url": "http://host:port""#);
            }
        }
        self.cycles();
        for p in &mut self.file.spec.placements {
            if p.fallback.len() == 1 && p.fallback[0] == p.name {
                p.fallback.clear(); // cycles has warned of it, and core refuses it
            }
        }
        let mut keys = KeyList::default();
        if let Some(table) = &form.routing_table.0 {
            self.inline_keys(table, &mut keys);
        }
        keys.settle(&mut self.d);
        self.keys = keys;
    }

    /// The entries of a table of names; of a name defined twice the last one counts.
    fn last_of_each(&mut self, table: &Raw) -> Vec<Entry> {
        let Some(n) = table.0.as_ref().filter(|n| n.kind != Kind::Null) else { return Vec::new() };
        if !self.d.want(n, Kind::Mapping) {
            return Vec::new();
        }
        self.d.duplicates(n);
        let last: HashMap<&str, usize> = n.entries.iter().enumerate().map(|(i, e)| (e.key.as_str(), i)).collect();
        let counts = |(i, e): &(usize, &Entry)| last.get(e.key.as_str()) == Some(i);
        n.entries.iter().enumerate().filter(counts).map(|(_, e)| e.clone()).collect()
    }

    fn baseline_placement(&mut self, e: &Entry) -> PlacementSpec {
        let form: BaselinePlacement = self.d.decode(&e.value);
        let mut out = PlacementSpec {
            name: e.key.clone(),
            body_max: form.body_max.0,
            limit: LimitSpec {
                in_flight: form.concurrency_limit.0.min(i64::from(i32::MAX)) as i32,
                ..LimitSpec::default()
            },
            health: HealthSpec {
                path: form.health.path.clone(),
                every: form.health.interval.0,
                timeout: form.health.timeout.0,
                ..HealthSpec::default()
            },
            breaker: BreakerSpec {
                failures: form.breaker.failure_threshold.0.min(i64::from(u32::MAX)) as u32,
                open: form.breaker.timeout.0,
                ..BreakerSpec::default()
            },
            ..PlacementSpec::default()
        };
        if !form.url.is_empty() {
            self.check_url(&form.url, e.value.value("url"), &e.at);
            out.endpoints = vec![endpoint(&form.url)];
        }
        if !form.fallback.is_empty() {
            out.fallback = vec![form.fallback];
        }
        out
    }

    /// Adds an address of the first form. A file may hold both forms: the baseline routes by this one,
    /// so it wins.
    fn cell_endpoint(&mut self, e: &Entry, at: &HashMap<String, usize>) {
        let url: String = self.d.decode(&e.value);
        self.check_url(&url, Some(&e.value), &e.at);
        let Some(&i) = at.get(&e.key) else {
            let p = PlacementSpec { name: e.key.clone(), endpoints: vec![endpoint(&url)], ..PlacementSpec::default() };
            self.file.spec.placements.push(p);
            return;
        };
        let p = &mut self.file.spec.placements[i];
        if p.endpoints.first().is_some_and(|first| first.url != url) {
            let what =
                format!("placements gives {} another url: this one is used, as the baseline does", quote(&e.key));
            self.d.warn(e.value.at.problem(what, "write one url only"));
        }
        p.endpoints = vec![endpoint(&url)];
    }
}

fn endpoint(url: &str) -> EndpointSpec {
    EndpointSpec { url: url.into(), ..EndpointSpec::default() }
}

/// Turns a path in the names of the native form into one of a baseline file.
pub(crate) fn baseline_path<'a>(path: &'a str, root: &Node) -> Cow<'a, str> {
    if path == "default" || path == "unknown_key.to" {
        return "defaultPlacement".into();
    }
    if let Some(key) = path.strip_prefix("keys.") {
        return format!("routingTable.{key}").into();
    }
    let mut out = Cow::Borrowed(path);
    for (native, baseline) in [
        (".endpoints[0].url", ".url"),
        (".fallback[0]", ".fallback"),
        (".health.get", ".health_check.path"),
        (".health.every", ".health_check.interval"),
        (".health.timeout", ".health_check.timeout"),
        (".breaker.consecutive_failures", ".circuit_breaker.failure_threshold"),
        (".breaker.open", ".circuit_breaker.timeout"),
        (".limit.in_flight", ".concurrency_limit"),
        (".body_max", ".max_request_body_bytes"),
        (".health", ".health_check"),
        (".breaker", ".circuit_breaker"),
    ] {
        if let Some(head) = path.strip_suffix(native) {
            out = format!("{head}{baseline}").into();
            break;
        }
    }
    if let Some(name) = out.strip_prefix("placements.") {
        let name = name.strip_suffix(".url").unwrap_or(name);
        if root.value("cellEndpoints").is_some_and(|c| c.get(name).is_some()) {
            return format!("cellEndpoints.{name}").into();
        }
    }
    out
}
