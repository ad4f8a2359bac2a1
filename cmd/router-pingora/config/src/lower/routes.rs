//! Routes: table, default and status go to core, the rest to the text for the edge, unless it is
//! only what the baseline does.

use crate::decode::did_you_mean;
use crate::form::NativeFile;
use crate::form::routes as form;
use crate::gotext::{canonical_header, duration_text, is_token, quote};
use crate::load::Loader;
use crate::lower::{at_of, value_at};
use crate::node::{Kind, Node};
use crate::problem::Place;
use crate::settings::{Jwt, Priority, Route, Routing, San, Source, Whole};
use crate::tables::THE_KEYS;
use crate::units::Words;
use lockstep_core::{MAX_PRIORITIES, RouteSpec};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// Where the key is by default.
pub(crate) const HEADER_KEY: &str = "X-Routing-Key";

/// By how much clocks may differ where leeway is not written, in ns.
const DEFAULT_LEEWAY: i64 = 30_000_000_000;

impl Loader<'_> {
    pub(crate) fn routes(&mut self, form: &NativeFile, root: &Node) {
        let at = root.value("routes").cloned().unwrap_or_default();
        let mut out = Routing {
            key_max: form.routing.key_max.value.0,
            trusted_id: form.routing.request_id == "trusted",
            routes: Vec::new(),
        };
        self.file.spec.no_route_status = form.routing.no_route.reject;
        let mut own = out.key_max > 0 || out.trusted_id || form.routes.len() > 1 || self.file.spec.no_route_status != 0;
        if at.kind == Kind::Sequence && at.items.is_empty() {
            let hint = "remove the list for the one that takes everything, or write one";
            self.d.fail(&at.at, "there is no route", hint);
        }
        for (i, r) in form.routes.iter().enumerate() {
            let n = &at.items[i];
            if !r.unknown_key.to.is_empty() && r.unknown_key.reject != 0 {
                self.d.fail(at_of(n, "unknown_key"), "unknown_key has both to and reject", "keep one of the two");
            }
            let table = if r.table == THE_KEYS { "" } else { &r.table };
            self.known_table(table, n);
            let (default, status) = (r.unknown_key.to.clone(), r.unknown_key.reject);
            let spec = &mut self.file.spec;
            if i == 0 {
                (spec.table, spec.default, spec.unknown_status) = (table.into(), default, status);
            } else {
                spec.routes.push(RouteSpec { table: table.into(), default, unknown_status: status });
            }
            out.routes.push(self.route(r, n, root.value("listen")));
            own = own || !plain_route(r);
        }
        if !own {
            return;
        }
        if out.routes.is_empty() {
            let n = Node { at: root.at.clone(), ..Node::default() };
            out.routes = vec![self.route(&form::Route::default(), &n, None)];
        }
        self.names(&mut out.routes, &at);
        self.file.spec.edge = Whole { routing: Some(out), priority: None }.text();
    }

    fn known_table(&mut self, name: &str, n: &Node) {
        if name.is_empty() || self.tables.iter().any(|t| t.name == name) {
            return;
        }
        let names: Vec<&str> = [THE_KEYS].into_iter().chain(self.tables.iter().map(|t| t.name.as_str())).collect();
        let hint = did_you_mean(name, &names)
            .unwrap_or_else(|| format!("define it under tables, or include it: {{table: {name}, csv: tenants/*.csv}}"));
        self.d.fail(value_at(n, "table"), format!("there is no table named {}", quote(name)), hint);
    }

    fn route(&mut self, r: &form::Route, n: &Node, listen: Option<&Arc<Node>>) -> Route {
        let mut out = Route {
            name: r.name.clone(),
            listeners: r.matches.listen.0.clone(),
            client_cert: r.client_cert == "required",
            ..Route::default()
        };
        let matches = n.value("match").cloned().unwrap_or_default();
        for (h, at) in each(&matches, "host", &r.matches.host) {
            let h = h.to_lowercase();
            if let Some(fault) = host_fault(&h) {
                let hint = r#"write a name such as api.example.com, or "*.example.com" for all below it"#;
                self.d.fail(&at, format!("{} {fault}", quote(&h)), hint);
            }
            out.hosts.push(h.trim_matches(['[', ']']).into());
        }
        for (p, at) in each(&matches, "path", &r.matches.path) {
            if let Some(fault) = path_fault(p) {
                let hint = "write whole segments, plain, such as /v1: it takes /v1 and /v1/x";
                self.d.fail(&at, format!("{} {fault}", quote(p)), hint);
            }
            out.paths.push(p.into());
        }
        for (name, at) in each(&matches, "listen", &r.matches.listen) {
            if listen.is_some_and(|l| l.get(name).is_none()) {
                let what = format!("there is no listener named {}", quote(name));
                self.d.fail(&at, what, "name one that is under listen");
            }
        }
        if r.key.is_empty() {
            if let Some(k) = n.get("key").filter(|k| k.value.kind == Kind::Sequence) {
                let hint = format!("name one, or remove the list for {HEADER_KEY}");
                self.d.fail(&k.at, "this route has no key source", hint);
            }
            out.sources = vec![header_key()];
        }
        for (k, item) in r.key.iter().zip(n.value("key").map_or(&[][..], |k| &k.items)) {
            out.sources.push(self.source(k, item));
        }
        if !r.split_by.is_empty() {
            let s = &r.split_by;
            let by = form::KeySource {
                header: s.header.clone(),
                query: s.query.clone(),
                cookie: s.cookie.clone(),
                ..form::KeySource::default()
            };
            let at = n.value("split_by").cloned().unwrap_or_default();
            out.split_by = Some(self.source(&by, &at));
        } else if let Some(by) = n.get("split_by") {
            let hint = "write {cookie: uid}, {header: X-User} or {query: user}";
            self.d.fail(&by.at, "this says not by whom", hint);
        }
        out
    }

    /// Lowers one key source; `n` is where it is written.
    fn source(&mut self, k: &form::KeySource, n: &Node) -> Source {
        let set: Vec<&str> = [
            ("header", !k.header.is_empty()),
            ("host_label", k.host_label != 0),
            ("host", !k.host.is_empty()),
            ("path_segment", k.path_segment != 0),
            ("query", !k.query.is_empty()),
            ("cookie", !k.cookie.is_empty()),
            ("client_cert_san", !k.client_cert_san.is_empty()),
            ("jwt_claim", !k.jwt_claim.is_empty()),
        ]
        .into_iter()
        .filter_map(|(name, is)| is.then_some(name))
        .collect();
        let [place] = set[..] else {
            let what = match set.len() {
                0 => "this key source names no place".into(),
                _ => format!("this key source names several places: {}", set.join(", ")),
            };
            let hint = "write one of header, host_label, host, path_segment, query, cookie, client_cert_san, \
                        jwt_claim in each; the list is their order";
            self.d.fail(&n.at, what, hint);
            return header_key();
        };
        let mut out = Source {
            header: canonical_header(&k.header),
            label: k.host_label,
            host: k.host.to_lowercase(),
            segment: k.path_segment,
            after: k.after.clone(),
            query: k.query.clone(),
            cookie: k.cookie.clone(),
            first: k.many == "first",
            ..Source::default()
        };
        self.source_faults(k, place, n);
        match place {
            "client_cert_san" => out.san = self.san(&k.client_cert_san, n),
            "jwt_claim" => out.jwt = Some(self.jwt(k, n)),
            _ => {}
        }
        out
    }

    /// Reports settings that do not belong to the place, and places that cannot be.
    fn source_faults(&mut self, k: &form::KeySource, place: &str, n: &Node) {
        let belong: &[&str] = match place {
            "path_segment" => &["after"],
            "jwt_claim" => &["jwks", "issuer", "audience", "leeway", "token", "invalid"],
            "header" | "query" | "cookie" | "client_cert_san" => &["many"],
            _ => &[],
        };
        for e in n.entries.iter().filter(|e| e.key != place && !belong.contains(&e.key.as_str())) {
            self.d.fail(&e.at, format!("{} is no setting of {place}", quote(&e.key)), "remove it");
        }
        let pattern = k.host.replacen('*', "x", 1).to_lowercase();
        if !k.header.is_empty() && !is_token(&k.header) {
            let what = format!("{} is no name of a header", quote(&k.header));
            self.d.fail(value_at(n, "header"), what, "use letters, digits and -");
        } else if !k.cookie.is_empty() && !is_token(&k.cookie) {
            let what = format!("{} is no name of a cookie", quote(&k.cookie));
            self.d.fail(value_at(n, "cookie"), what, "use letters, digits, - and _");
        } else if !k.host.is_empty() && (k.host.matches('*').count() != 1 || host_fault(&pattern).is_some()) {
            let what = format!("{} needs one *, which stands for the key, in a host name", quote(&k.host));
            self.d.fail(value_at(n, "host"), what, r#"write "*.tenants.example.com""#);
        } else if k.path_segment < 0 {
            let at = value_at(n, "path_segment");
            self.d.fail(at, "path_segment counts from 1", "write 1 for the first segment");
        } else if let Some(fault) = path_fault(&k.after).filter(|_| !k.after.is_empty()) {
            let what = format!("{} {fault}", quote(&k.after));
            self.d.fail(value_at(n, "after"), what, "write whole segments, plain, such as /tenants");
        }
    }

    fn san(&mut self, san: &form::San, n: &Node) -> Option<San> {
        let dns = san.0.dns.to_lowercase();
        let mut kinds = [("uri", &san.0.uri), ("dns", &dns), ("email", &san.0.email)]
            .into_iter()
            .filter(|(_, pattern)| !pattern.is_empty())
            .map(|(kind, pattern)| San { kind: kind.into(), pattern: pattern.clone() });
        match (kinds.next(), kinds.next()) {
            (Some(one), None) if one.pattern.matches('*').count() == 1 => Some(one),
            _ => {
                let what = "this is not one pattern with one *, which stands for the key";
                let hint = r#"write "spiffe://example/tenant/*", or {dns: "*.clients.example.com"}"#;
                self.d.fail(value_at(n, "client_cert_san"), what, hint);
                None
            }
        }
    }

    fn jwt(&mut self, k: &form::KeySource, n: &Node) -> Jwt {
        if k.jwks.file.is_empty() {
            let what = "jwt_claim needs the keys that verify its tokens";
            self.d.fail(at_of(n, "jwt_claim"), what, "write jwks: {file: /etc/lockstep/jwks.json}");
        }
        if !k.token.header.is_empty() && !k.token.cookie.is_empty() {
            let what = "the token is in a header or in a cookie, not in both";
            self.d.fail(at_of(n, "token"), what, "keep one of the two");
        }
        let leeway = if n.get("leeway").is_some() { k.leeway.0 } else { DEFAULT_LEEWAY };
        if leeway > 600_000_000_000 {
            let what = format!("a leeway of {} lets tokens live too long", duration_text(leeway));
            self.d.fail(value_at(n, "leeway"), what, "write at most 10m; 30s is the default");
        }
        Jwt {
            claim: k.jwt_claim.clone(),
            jwks: k.jwks.file.clone(),
            issuer: k.issuer.clone(),
            audience: k.audience.clone(),
            leeway,
            header: canonical_header(&k.token.header),
            cookie: k.token.cookie.clone(),
            next: k.invalid == "next",
        }
    }

    /// Gives every route a name: what it takes, where none is written.
    fn names(&mut self, routes: &mut [Route], at: &Node) {
        let mut seen = BTreeSet::new();
        for (i, r) in routes.iter_mut().enumerate() {
            if !r.name.is_empty() && seen.contains(&r.name) {
                let what = format!("two routes are named {}", quote(&r.name));
                self.d.fail(value_at(&at.items[i], "name"), what, "give one of them another name");
            }
            if r.name.is_empty() {
                r.name = takes(r);
                if seen.contains(&r.name) {
                    r.name += &format!(" ({})", i + 1);
                }
            }
            seen.insert(r.name.clone());
        }
    }

    /// Puts priority into the text for the edge, beside what is there. It must come after the routes.
    pub(crate) fn priority(&mut self, form: &form::Priority, at: Option<&Arc<Node>>) {
        let Some(n) = at.filter(|n| n.kind == Kind::Mapping) else { return };
        if form.header.is_empty() {
            self.d.fail(&n.at, "priority names no header", "write {header: X-Priority, default: 3}");
            return;
        }
        if !is_token(&form.header) {
            let hint = "use Priority (RFC 9218), or a name of your own such as X-Priority";
            self.d.fail(at_of(n, "header"), format!("{} is not the name of a header", quote(&form.header)), hint);
        }
        if form.default < 0 || form.default >= MAX_PRIORITIES as i32 {
            let what = format!("{} is no priority", form.default);
            let hint = format!("use 0, the most critical, to {}", MAX_PRIORITIES - 1);
            self.d.fail(value_at(n, "default"), what, hint);
            return;
        }
        let Ok(mut whole) = Whole::read(&self.file.spec.edge) else { return };
        let header = canonical_header(&form.header);
        whole.priority = Some(Priority { header, default: form.default as u8 });
        self.file.spec.edge = whole.text();
    }
}

fn header_key() -> Source {
    Source { header: HEADER_KEY.into(), ..Source::default() }
}

/// Whether a route does only what the baseline does: every request, by X-Routing-Key.
fn plain_route(r: &form::Route) -> bool {
    let m = &r.matches;
    let plain_key = match &r.key[..] {
        [] => true,
        [k] => {
            let many = k.many.is_empty() && k.client_cert_san.is_empty() && k.jwks.file.is_empty();
            let token = k.token.header.is_empty() && k.token.cookie.is_empty() && k.invalid.is_empty();
            let texts = [&k.host, &k.query, &k.cookie, &k.jwt_claim, &k.after, &k.issuer, &k.audience];
            canonical_header(&k.header) == HEADER_KEY
                && many
                && token
                && texts.iter().all(|t| t.is_empty())
                && (k.host_label, k.path_segment, k.leeway.0) == (0, 0, 0)
        }
        _ => false,
    };
    plain_key
        && r.name.is_empty()
        && r.client_cert != "required"
        && m.host.0.is_empty()
        && m.path.0.is_empty()
        && m.listen.0.is_empty()
        && r.split_by.is_empty()
}

/// Each word of a condition with its place.
fn each<'a>(matches: &Node, key: &str, words: &'a Words) -> Vec<(&'a str, Place)> {
    let n = matches.value(key);
    let place = |i: usize| match n {
        Some(n) if n.kind == Kind::Sequence => n.items.get(i).map_or(n.at.clone(), |item| item.at.clone()),
        Some(n) => n.at.clone(),
        None => Place::default(),
    };
    words.0.iter().enumerate().map(|(i, w)| (w.as_str(), place(i))).collect()
}

fn host_fault(h: &str) -> Option<&'static str> {
    let name = h.strip_prefix("*.").unwrap_or(h);
    if name.is_empty() || h.len() > 255 {
        return Some("is no host name");
    }
    if name.contains('*') {
        return Some("has a * that is not the first label");
    }
    if h.ends_with('.') {
        return Some("ends with a dot");
    }
    if h.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return None;
    }
    let sound = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-._".contains(&c);
    (!name.bytes().all(sound)).then_some("is no host name: leave the port out")
}

fn path_fault(p: &str) -> Option<&'static str> {
    if !p.starts_with('/') {
        return Some("does not begin with /");
    }
    if p.contains(['%', '?', '#', '*', '\\', ' ']) {
        return Some("has a character that no plain path has");
    }
    let whole = format!("{p}/");
    let unclear = whole.contains("/./") || whole.contains("/../") || p.contains("//");
    unclear.then_some("has an empty segment, or a . or ..")
}

/// What a route takes: api.example.com/v1.
fn takes(r: &Route) -> String {
    let mut name = r.hosts.join("|") + &r.paths.join("|");
    if name.is_empty() {
        name = "any".into();
    }
    if !r.listeners.is_empty() {
        name += &format!(" on {}", r.listeners.join("|"));
    }
    name
}
