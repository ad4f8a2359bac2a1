//! The setting upstream and the form of active health checks: the text that core carries for the edge.

use crate::form::placement::{Common, Health as HealthForm};
use crate::form::upstream as form;
use crate::gotext::parse_url;
use crate::load::Loader;
use crate::lower::{at_of, value_at};
use crate::node::{Entry, Kind, Node, merged};
use crate::problem::Place;
use crate::settings::{H2, Health, Placement, Tls, Upstream};
use lockstep_core::EndpointSpec;
use std::sync::Arc;

/// The ways in which an active check can ask.
const HEALTH_KINDS: [&str; 4] = ["get", "tcp", "tls", "grpc"];

/// `merged`, but for how an active check asks: who writes one way means it in place of the one inherited.
pub(crate) fn overlay(under: Option<&Arc<Node>>, over: Option<&Arc<Node>>) -> Option<Arc<Node>> {
    let asks = |n: &Node| HEALTH_KINDS.iter().any(|k| n.get(k).is_some());
    let own = over.and_then(|n| n.value("health")).is_some_and(|h| asks(h));
    let Some((u, h)) = under.and_then(|u| Some((u, u.get("health")?))).filter(|_| own) else {
        return merged(under, over);
    };
    if h.value.kind != Kind::Mapping {
        return merged(under, over);
    }
    let bare = h.value.without(&["get", "tcp", "tls", "grpc", "status"]);
    let mut out = u.without(&["health"]);
    out.entries.push(Entry { key: "health".into(), at: h.at.clone(), value: Arc::new(bare) });
    merged(Some(&Arc::new(out)), over)
}

impl Loader<'_> {
    /// What core carries for the edge of a placement. `n` is the merged placement, for places.
    pub(crate) fn edge_text(&mut self, name: &str, n: &Node, s: &Common, endpoints: &[EndpointSpec]) -> String {
        let mut up = upstream(&s.upstream);
        up.health = self.health_kind(n, &s.health.value);
        if let Some(d) = self.file.discover.iter().find(|d| d.placement == name) {
            d.lower(&mut up);
        }
        self.check_upstream(n, &s.upstream, endpoints);
        if up.health.as_ref().is_some_and(|h| h.kind == "tls") {
            let at = n.value("health").map_or(&n.at, |h| at_of(h, "tls"));
            for e in endpoints.iter().filter(|e| e.url.starts_with("http:")) {
                let what = format!("endpoint {} is {}, which has no TLS to check", e.name, e.url);
                self.d.fail(at, what, "write tcp: true, or an https URL");
            }
        }
        if up == Upstream::default() {
            return String::new();
        }
        Placement { upstream: Some(up) }.text()
    }

    /// Reports settings that contradict each other.
    fn check_upstream(&mut self, n: &Node, form: &form::Upstream, endpoints: &[EndpointSpec]) {
        let Some(up) = n.value("upstream").filter(|u| u.kind == Kind::Mapping) else { return };
        let at = |path: &[&str]| -> Place {
            let (mut found, mut place) = (up, &up.at);
            for name in path {
                if let Some(e) = found.get(name) {
                    (found, place) = (&e.value, &e.at);
                }
            }
            place.clone()
        };
        self.check_protocol(&at(&["protocol"]), &form.protocol, endpoints);
        let (proxied, pool) = (!form.proxy_protocol.value.is_empty(), &form.pool);
        if proxied && !form.protocol.is_empty() && form.protocol != "http1" {
            let protocol = &form.protocol;
            let what =
                format!("proxy_protocol is said once for each connection, and over {protocol} clients share one");
            self.d.fail(&at(&["proxy_protocol"]), what, "write protocol: http1, or remove proxy_protocol");
        }
        if proxied && pool.warm.value > 0 {
            let what = "with proxy_protocol each connection belongs to one client, so none can be opened before";
            self.d.fail(&at(&["pool", "warm"]), what, "remove warm");
        }
        if pool.max_open.set && pool.warm.value > pool.max_open.value {
            let hint = format!("write at most {}", pool.max_open.value);
            self.d.fail(&at(&["pool", "warm"]), "warm is more than max_open", hint);
        }
        let t = &form.tls.value;
        if !t.cert.is_empty() && t.key.file.is_empty() {
            let what = "there is a client certificate without its key";
            self.d.fail(&at(&["tls", "cert"]), what, "add key: {file: NAME}");
        } else if t.cert.is_empty() && !t.key.file.is_empty() {
            self.d.fail(&at(&["tls", "key"]), "there is a key without its client certificate", "add cert: NAME");
        }
        if t.insecure && (!t.ca.is_empty() || !t.server_name.is_empty()) {
            let what = "insecure takes any certificate, so ca and server_name would check nothing";
            self.d.fail(&at(&["tls", "insecure"]), what, "remove insecure, or the others");
        }
    }

    fn check_protocol(&mut self, at: &Place, protocol: &str, endpoints: &[EndpointSpec]) {
        for e in endpoints {
            let Ok(u) = parse_url(&e.url) else { continue };
            let (what, hint) = match (protocol, u.scheme.as_str()) {
                ("h2", "http") => ("h2 is over TLS", "write h2c, or an https URL"),
                ("h2c", "https") => ("h2c is without TLS", "write h2, or an http URL"),
                _ => continue,
            };
            self.d.fail(at, format!("{what}, and endpoint {} is {}", e.name, e.url), hint);
        }
    }

    /// How an active check asks, None for the usual way.
    fn health_kind(&mut self, n: &Node, h: &HealthForm) -> Option<Health> {
        let on = [!h.get.is_empty(), h.tcp, h.tls, h.grpc.is_some()];
        let kinds: Vec<&str> = HEALTH_KINDS.iter().zip(on).filter(|(_, on)| *on).map(|(k, _)| *k).collect();
        let kind = kinds.last().copied().unwrap_or("");
        if kinds.len() > 1 {
            let what = "a health check has one of get, tcp, tls and grpc";
            self.d.fail(value_at(n, "health"), what, "keep one");
        }
        if !h.status.is_empty() && kind != "get" && !kind.is_empty() {
            let at = n.value("health").map_or(&n.at, |h| at_of(h, "status"));
            self.d.fail(at, format!("status is about get, and this health check is {kind}"), "remove it");
        }
        let out = Health {
            kind: if kind == "get" { "" } else { kind }.into(), // get is the usual one
            status: h.status.iter().map(|s| s.0).collect(),
            service: h.grpc.clone().unwrap_or_default(),
        };
        (!out.kind.is_empty() || !out.status.is_empty()).then_some(out)
    }
}

fn upstream(form: &form::Upstream) -> Upstream {
    let t = &form.tls.value;
    Upstream {
        // The default is left out, so that writing it out is no other configuration.
        protocol: if form.protocol == "http1" { String::new() } else { form.protocol.clone() },
        host: form.host.clone(),
        proxy_protocol: form.proxy_protocol.value.clone(),
        max_open: i64::from(form.pool.max_open.value),
        warm: i64::from(form.pool.warm.value),
        max_lifetime: form.pool.max_lifetime.value.0,
        max_requests: i64::from(form.pool.max_requests.value),
        header_max: form.header_max.0,
        h2: H2 {
            streams: i64::from(form.h2.streams.value),
            ping_after: form.h2.ping_after.0,
            ping_timeout: form.h2.ping_timeout.0,
        },
        tls: form.tls.set.then(|| Tls {
            ca: t.ca.clone(),
            name: t.server_name.clone(),
            cert: t.cert.clone(),
            key: t.key.file.clone(),
            min: t.min.clone(),
            insecure: t.insecure,
        }),
        health: None,
    }
}
