//! The section listen: addresses, TLS, limits of clients.

use crate::form::listen as form;
use crate::gotext::{quote, split_host_port};
use crate::load::Loader;
use crate::lower::at_of;
use crate::node::{Entry, Kind, Node};
use crate::settings::{CertPair, Http1Limits, Http2, Listener, ListenerTimeouts, ListenerTls, ProxyProtocol};
use crate::units::digits;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Loader<'_> {
    /// Gives the section its meaning, sorted by name.
    pub(crate) fn listeners(
        &mut self,
        table: Option<&Arc<Node>>,
        forms: &BTreeMap<String, form::Listener>,
    ) -> Vec<Listener> {
        let Some(table) = table else { return Vec::new() };
        let mut out = Vec::new();
        for (name, at) in forms {
            let Some(e) = table.get(name).filter(|e| e.value.kind == Kind::Mapping) else {
                continue; // reported already
            };
            out.push(self.listener(e, at));
        }
        self.same_address(table, &out);
        out
    }

    fn listener(&mut self, e: &Entry, at: &form::Listener) -> Listener {
        let n = &e.value;
        self.check_address(e, &at.address);
        let mut one = Listener {
            name: e.key.clone(),
            address: at.address.clone(),
            engine: if at.http_engine.is_empty() { "http1".into() } else { at.http_engine.clone() },
            tls: self.listener_tls(n.get("tls"), at.tls.as_ref()),
            trust_headers_from: at.trust.clone(),
            proxy: None,
            max_connections: at.max_connections,
            max_per_client: at.max_per_client,
            header_max: at.header_max.0,
            timeouts: ListenerTimeouts {
                handshake: at.timeouts.handshake.0,
                header: at.timeouts.header.0,
                idle: at.timeouts.idle.0,
                body: at.timeouts.body.0,
            },
            http1: Http1Limits::default(),
            http2: Http2 {
                off: at.http2.none,
                max_streams: at.http2.value.max_streams,
                ping_every: at.http2.value.ping_every.0,
                ping_timeout: at.http2.value.ping_timeout.0,
            },
        };
        if let Some(h) = &at.http1 {
            one.http1 = Http1Limits {
                target_max: h.target_max.0,
                headers_max: h.headers_max,
                requests_max: h.requests_max,
                body_idle: h.body_idle.0,
                body_rate_min: if h.body_rate_min.none { -1 } else { h.body_rate_min.value.0 },
                write: h.write.0,
            };
            if one.engine == "std" {
                let what = "http1 holds limits that net/http does not have, and http_engine is std";
                self.d.fail(at_of(n, "http1"), what, "remove one of the two");
            }
        }
        if let Some(p) = &at.proxy_protocol {
            one.proxy = Some(ProxyProtocol { from: p.from.clone(), required: p.required });
            if let Some(e) = n.get("proxy_protocol")
                && e.value.kind == Kind::Mapping
                && p.from.is_empty()
                && e.value.get("from").is_none()
            {
                let hint = "write {from: [10.0.0.0/8]} with the addresses of your balancers";
                self.d.fail(&e.at, "proxy_protocol does not say whose header is believed", hint);
            }
        }
        one
    }

    /// Reports what cannot be listened on.
    fn check_address(&mut self, e: &Entry, address: &str) {
        if address.is_empty() {
            let what = format!("listener {} has no address", quote(&e.key));
            self.d.fail(&e.at, what, r#"write {address: ":8080"}"#);
            return;
        }
        let Some(n) = e.value.value("address").filter(|n| n.kind == Kind::Scalar) else { return };
        match split_host_port(address) {
            None => {
                let hint = r#"write ":8080" for every address of this machine, or "127.0.0.1:8080""#;
                self.d.fail(&n.at, format!("{} is not host:port", quote(address)), hint);
            }
            Some((_, port)) if digits(port).is_none_or(|p| p > 65535) => {
                let hint = "write a number from 1 to 65535; 0 lets the system choose";
                self.d.fail(&n.at, format!("{} is not a port", quote(port)), hint);
            }
            Some(_) => {}
        }
    }

    /// Reports two listeners on one address. Port 0 is another one each time.
    fn same_address(&mut self, table: &Node, all: &[Listener]) {
        for (i, a) in all.iter().enumerate() {
            for b in all[..i].iter().filter(|b| same_port(&a.address, &b.address)) {
                let what = format!("listener {} has the address of {}", quote(&a.name), quote(&b.name));
                let mut p = at_of(table, &a.name).problem(what, "give one of the two another port");
                p.other = Some(at_of(table, &b.name).position());
                self.d.faults += 1;
                self.d.report(p);
            }
        }
    }

    /// Gives the section tls its meaning; None for a plain listener.
    fn listener_tls(&mut self, e: Option<&Entry>, form: Option<&form::Tls>) -> Option<ListenerTls> {
        let (e, t) = (e?, form?);
        if e.value.kind != Kind::Mapping {
            return None;
        }
        let n = &e.value;
        let mut out = ListenerTls {
            folder: t.certs.folder.clone(),
            pairs: t.certs.pairs.iter().map(|p| CertPair { cert: p.cert.clone(), key: p.key.clone() }).collect(),
            default: t.default.clone(),
            min: if t.min.is_empty() { "1.2".into() } else { t.min.clone() },
            client_ca: t.client_ca.clone(),
            client_cert: t.client_cert.clone(),
            ticket_keys: t.session_tickets.value.keys.clone(),
            no_tickets: t.session_tickets.none,
        };
        if out.folder.is_empty() && out.pairs.is_empty() {
            let hint = "write certs: a folder, or certs: [{cert: api.crt, key: api.key}]";
            self.d.fail(&e.at, "tls has no certificates", hint);
        }
        if let Some(keys) = n.get("session_tickets")
            && keys.value.kind == Kind::Mapping
            && t.session_tickets.set
            && out.ticket_keys.is_empty()
        {
            let hint = "write {keys: FILE}, or remove it: then each router makes its own keys";
            self.d.fail(&keys.at, "session_tickets names no keys", hint);
        }
        match (t.client_cert.as_str(), t.client_ca.is_empty()) {
            ("", false) => out.client_cert = "required".into(),
            ("", true) => out.client_cert = "none".into(),
            ("none", false) => self.d.fail(
                at_of(n, "client_cert"),
                "client_ca says who signs client certificates, and client_cert: none asks for none",
                "remove one of the two",
            ),
            ("none", true) | (_, false) => {}
            (_, true) => self.d.fail(
                at_of(n, "client_cert"),
                "client certificates cannot be checked without client_ca",
                "write client_ca: a file with the authorities that sign them",
            ),
        }
        Some(out)
    }
}

/// Whether one of two addresses cannot be listened on while the other is, since they have one port,
/// and one host or every one. Port 0 is another one each time.
pub(crate) fn same_port(a: &str, b: &str) -> bool {
    let (Some((host_a, port_a)), Some((host_b, port_b))) = (split_host_port(a), split_host_port(b)) else {
        return false;
    };
    if port_a != port_b || port_a == "0" {
        return false;
    }
    let every = |host: &str, other: &str| host.is_empty() || host == "::" || host == "0.0.0.0" && !other.contains(':');
    host_a == host_b || every(host_a, host_b) || every(host_b, host_a)
}
