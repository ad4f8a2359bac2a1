//! Which route a request takes and which key it has: the edge's half of rule R1, for requests as
//! Pingora has them. The rules are those of `lockstep_config::routing`; here is what keeps its tables
//! for the configuration in force, and its key files fresh.
//!
//! A configuration is compiled once, and looked up without a lock.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use http::HeaderMap;
use lockstep_config::routing::{self, Peer, View};
use lockstep_core::{Class, Config};

use super::headers::{Client, KEY};

/// How often key files are looked at, in ns: no token lives on a withdrawn key for longer.
const KEYS_EVERY: i64 = 5_000_000_000;

/// One request while it is looked at.
pub(crate) struct Query<'a, 'h> {
    headers: &'a HeaderMap,
    host: &'h str,
    target: &'a str,
    listener: &'a str,
    client: &'a Client,
}

impl View for Query<'_, '_> {
    fn host(&self) -> &str {
        self.host
    }

    fn target(&self) -> &str {
        self.target
    }

    fn header(&self, name: &str, take: &mut dyn FnMut(&[u8])) {
        self.headers.get_all(name).iter().for_each(|v| take(v.as_bytes()));
    }
}

/// What was found in a request under a configuration.
#[derive(Default)]
pub(crate) struct Found<'a> {
    pub(crate) key: Cow<'a, [u8]>,
    pub(crate) source: u8,
    pub(crate) via: u16,
    pub(crate) split: u64,
    pub(crate) refuse: Class,
    pub(crate) priority: u8,
    /// The configuration has routes of its own.
    pub(crate) own: bool,
    /// A route took it: `via` is that one.
    pub(crate) taken: bool,
}

/// Finds routes and keys.
#[derive(Default)]
pub(crate) struct Routing {
    current: ArcSwapOption<Table>,
}

/// The routing of one configuration.
struct Table {
    config: Arc<Config>,
    routes: routing::Routing,
    begun: Instant,
    looked: AtomicI64, // at the key files, in ns since begun
}

impl Routing {
    fn table(&self, c: &Arc<Config>) -> Arc<Table> {
        let before = self.current.load_full();
        if let Some(t) = before.as_ref().filter(|t| Arc::ptr_eq(&t.config, c)) {
            return t.clone();
        }
        let routes = routing::Routing::new(c, before.as_ref().map(|t| &t.routes));
        if let Some(e) = routes.error() {
            log::error!("the routes of the configuration cannot be used, every request is refused: {e}");
        }
        routes.key_faults().iter().for_each(|fault| log::error!("{fault}"));
        let t = Arc::new(Table { config: c.clone(), routes, begun: Instant::now(), looked: AtomicI64::new(0) });
        self.current.store(Some(t.clone()));
        t
    }

    /// Looks at a request under a configuration, which may be none.
    pub(crate) fn find<'a>(&self, c: Option<&Arc<Config>>, q: &Query<'a, '_>) -> Found<'a> {
        let Some(c) = c.filter(|c| !c.edge().is_empty()) else {
            return Found { key: plain_key(q.headers), ..Found::default() };
        };
        let t = self.table(c);
        t.refresh();
        let peer = Peer {
            listener: q.listener,
            judged: q.client.judged,
            trusted: q.client.trusted,
            certificate: q.client.certificate.as_deref(),
        };
        let f = t.routes.find(q, &peer);
        Found {
            key: f.key.into(),
            source: f.source,
            via: f.via,
            split: f.split,
            refuse: f.refuse,
            priority: f.priority,
            own: !f.plain,
            taken: f.taken,
        }
    }

    /// Whether the request id that came with a request may stay.
    pub(crate) fn trusts_id(&self, c: Option<&Arc<Config>>, client: &Client) -> bool {
        let Some(c) = c.filter(|c| !c.edge().is_empty()) else {
            return true;
        };
        self.table(c).routes.keeps_id(&Peer { trusted: client.trusted, ..Peer::default() })
    }

    /// The name of the route that took a request, and where its key came from; "" for none.
    pub(crate) fn names(&self, c: Option<&Arc<Config>>, f: &Found<'_>) -> (String, String) {
        let Some(c) = c.filter(|_| f.own) else {
            return (String::new(), if f.key.is_empty() { String::new() } else { format!("header {KEY}") });
        };
        let t = self.table(c);
        let source = if f.key.is_empty() { "" } else { t.routes.source(f.via, f.source) };
        (if f.taken { t.routes.route(f.via) } else { "" }.into(), source.into())
    }
}

impl Table {
    /// Reads the key files that have changed, when it is time for it.
    fn refresh(&self) {
        if !self.routes.has_keys() {
            return;
        }
        let (now, looked) = (self.begun.elapsed().as_nanos() as i64, self.looked.load(Ordering::Relaxed));
        let due = now - looked >= KEYS_EVERY;
        if due && self.looked.compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.routes.refresh_keys().iter().for_each(|fault| log::error!("{fault}"));
        }
    }
}

/// The baseline's key: the first value counts.
fn plain_key(h: &HeaderMap) -> Cow<'_, [u8]> {
    Cow::Borrowed(h.get(KEY).map_or(&[], |v| v.as_bytes()))
}

/// Refuses a configuration whose routes this router cannot follow. Call it before the configuration is
/// offered to the driver.
pub(crate) fn check(c: &Arc<Config>) -> Result<(), String> {
    routing::check(c)
}

/// The parts of a request that routes compare.
pub(crate) fn query<'a, 'h>(
    headers: &'a HeaderMap,
    authority: &'h str,
    target: &'a str,
    listener: &'a str,
    client: &'a Client,
) -> Query<'a, 'h> {
    Query { headers, host: authority, target, listener, client }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn config(routes: &str) -> Arc<Config> {
        let text = format!(
            "lockstep: 1\nplacements: {{a: {{endpoints: {{x: {{url: \"http://a:1\"}}}}}}}}\nkeys: {{acme: a}}\n{routes}\n"
        );
        lockstep_config::File::parse("c.yaml", text.as_bytes()).unwrap().compile().unwrap()
    }

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut h = HeaderMap::new();
        for (name, value) in all {
            h.append(*name, HeaderValue::from_static(value));
        }
        h
    }

    static STRANGER: Client =
        Client { address: String::new(), ip: None, tls: false, judged: false, trusted: false, certificate: None };

    #[test]
    fn a_request_is_found_as_the_configuration_in_force_says() {
        let routing = Routing::default();
        let own = config("routes: [{name: api, match: {host: h, path: /v1}, key: [{header: X-Tenant}, {query: t}]}]");
        let plain = config("");
        let h = headers(&[("x-tenant", "acme"), ("x-routing-key", "beta")]);
        let q = query(&h, "H:8443", "/v1/x?t=z", "edge", &STRANGER);
        for _ in 0..2 {
            let f = routing.find(Some(&own), &q);
            assert_eq!((&*f.key, f.own, f.taken), (&b"acme"[..], true, true));
            assert_eq!(routing.names(Some(&own), &f), ("api".into(), "header X-Tenant".into()));
            let f = routing.find(Some(&plain), &q);
            assert_eq!((&*f.key, f.own), (&b"beta"[..], false));
            assert_eq!(routing.names(Some(&plain), &f), (String::new(), "header X-Routing-Key".into()));
        }
        let f = routing.find(Some(&own), &query(&h, "other", "/v1", "edge", &STRANGER));
        assert_eq!((f.refuse, f.taken), (Class::NO_ROUTE, false));
        assert_eq!(&*routing.find(None, &q).key, b"beta");
    }

    #[test]
    fn a_token_is_verified_and_one_that_does_not_hold_is_refused() {
        let routing = Routing::default();
        let c = config("routes: [{key: [{jwt_claim: t, jwks: {file: nowhere.json}}, {header: X-Tenant}]}]");
        assert_eq!(check(&c), Ok(()));
        for (authorization, refuse, key) in
            [("Bearer a.b.c", Class::UNAUTHORIZED, &b""[..]), ("Basic x", Class::NONE, &b"acme"[..])]
        {
            let h = headers(&[("authorization", authorization), ("x-tenant", "acme")]);
            let f = routing.find(Some(&c), &query(&h, "h", "/", "", &STRANGER));
            assert_eq!((f.refuse, &*f.key), (refuse, key), "{authorization}");
        }
    }
}
