//! Which route a request takes and which key it has: the edge's half of rule R1. The first route whose
//! host, path and listener fit, and the first of its key sources that has a key. The exact rules of each
//! source are in adapters/routing/README.md; what the key then means is core's half.
//!
//! A configuration is compiled once, and looked up without a lock. One without routes of its own finds
//! the key in X-Routing-Key, as the baseline does, and strips nothing.

mod parts;
mod sources;

use std::borrow::Cow;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::HeaderMap;
use lockstep_config::settings::{DEFAULT_KEY_MAX, HEADER_PRIORITY, Priority, Route, Source, Whole};
use lockstep_core::{Class, Config, hash_string};

use super::headers::{Client, KEY};
use parts::{below, host_of, unclear};

/// One request while it is looked at.
pub(crate) struct Query<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) host: String,
    /// As sent, without the query.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) listener: &'a str,
    pub(crate) client: &'a Client,
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
    routes: Option<Vec<Compiled>>, // none: as the baseline
    error: Option<String>,
    key_max: usize,
    trusted_id: bool,
    paths: bool, // some route or source reads the path
    priority: Option<Priority>,
}

struct Compiled {
    name: String,
    hosts: Vec<String>, // exact, or with a leading dot for what lies below
    paths: Vec<String>, // without the slash at the end
    listeners: Vec<String>,
    sources: Vec<Source>,
    names: Vec<String>, // of the sources
    split_by: Option<Source>,
}

impl Routing {
    fn table(&self, c: &Arc<Config>) -> Arc<Table> {
        if let Some(t) = self.current.load_full().filter(|t| Arc::ptr_eq(&t.config, c)) {
            return t;
        }
        let t = Arc::new(Table::new(c));
        if let Some(e) = &t.error {
            log::error!("the routes of the configuration cannot be used, every request is refused: {e}");
        }
        self.current.store(Some(t.clone()));
        t
    }

    /// Looks at a request under a configuration, which may be none.
    pub(crate) fn find<'a>(&self, c: Option<&Arc<Config>>, q: &Query<'a>) -> Found<'a> {
        let Some(c) = c.filter(|c| !c.edge().is_empty()) else {
            return Found { key: plain_key(q.headers), ..Found::default() };
        };
        let t = self.table(c);
        let mut f = Found { priority: priority_of(t.priority.as_ref(), q), ..Found::default() };
        let Some(routes) = &t.routes else {
            f.key = plain_key(q.headers);
            return f;
        };
        f.own = true;
        if t.error.is_some() {
            f.refuse = Class::INTERNAL;
        } else {
            t.find(routes, q, &mut f);
        }
        f
    }

    /// Whether the request id that came with a request may stay.
    pub(crate) fn trusts_id(&self, c: Option<&Arc<Config>>, client: &Client) -> bool {
        match c.filter(|c| !c.edge().is_empty()) {
            Some(c) => !self.table(c).trusted_id || client.trusted,
            None => true,
        }
    }

    /// The name of the route that took a request, and where its key came from; "" for none.
    pub(crate) fn names(&self, c: Option<&Arc<Config>>, f: &Found<'_>) -> (String, String) {
        if !f.own {
            return (String::new(), if f.key.is_empty() { String::new() } else { format!("header {KEY}") });
        }
        let Some(t) = c.map(|c| self.table(c)) else {
            return Default::default();
        };
        let Some(r) = t.routes.as_ref().and_then(|r| r.get(f.via as usize)).filter(|_| f.taken) else {
            return Default::default();
        };
        let source = if f.key.is_empty() { None } else { r.names.get(f.source as usize) };
        (r.name.clone(), source.cloned().unwrap_or_default())
    }
}

/// The baseline's key: the first value counts.
fn plain_key(h: &HeaderMap) -> Cow<'_, [u8]> {
    Cow::Borrowed(h.get(KEY).map_or(&[], |v| v.as_bytes()))
}

impl Table {
    fn new(c: &Arc<Config>) -> Table {
        let mut t = Table {
            config: c.clone(),
            routes: None,
            error: None,
            key_max: DEFAULT_KEY_MAX,
            trusted_id: false,
            paths: false,
            priority: None,
        };
        if let Err(e) = t.compile() {
            t.error = Some(e);
            t.routes.get_or_insert_default();
        }
        t
    }

    fn compile(&mut self) -> Result<(), String> {
        let whole = Whole::read(self.config.edge())?;
        self.priority = whole.priority;
        let Some(s) = whole.routing else {
            return Ok(());
        };
        if s.routes.len() != self.config.routes() {
            let (has, text) = (self.config.routes(), s.routes.len());
            return Err(format!("the configuration has {has} routes, its text for the edge {text}"));
        }
        if s.key_max > 0 {
            self.key_max = s.key_max as usize;
        }
        self.trusted_id = s.trusted_id;
        let mut routes = Vec::new();
        for (i, r) in s.routes.into_iter().enumerate() {
            let name = r.name.clone();
            routes.push(self.route(r).map_err(|e| format!("route {i} ({name}): {e}"))?);
        }
        self.routes = Some(routes);
        Ok(())
    }

    fn route(&mut self, r: Route) -> Result<Compiled, String> {
        if r.client_cert {
            return Err(unsupported(
                "client_cert",
                "Pingora's rustls acceptor does not hand a client certificate's names over",
            ));
        }
        for s in r.sources.iter().chain(&r.split_by) {
            sources::check(s)?;
        }
        if r.sources.len() > 256 {
            return Err(format!("it has {} key sources, use at most 256", r.sources.len()));
        }
        self.paths |= !r.paths.is_empty() || r.sources.iter().any(|s| s.segment != 0);
        Ok(Compiled {
            hosts: r.hosts.iter().map(|h| h.strip_prefix('*').unwrap_or(h).to_string()).collect(),
            paths: r.paths.iter().map(|p| p.strip_suffix('/').unwrap_or(p).to_string()).collect(),
            names: r.sources.iter().map(Source::to_string).collect(),
            name: r.name,
            listeners: r.listeners,
            sources: r.sources,
            split_by: r.split_by,
        })
    }

    fn find<'a>(&self, routes: &[Compiled], q: &Query<'a>, f: &mut Found<'a>) {
        if self.paths && unclear(q.path) {
            f.refuse = Class::BAD_REQUEST;
            return;
        }
        match routes.iter().position(|r| r.takes(q)) {
            Some(i) => {
                (f.via, f.taken) = (i as u16, true);
                self.key(&routes[i], q, f);
            }
            None => f.refuse = Class::NO_ROUTE,
        }
    }

    /// Asks the sources of a route in order. A value that cannot be a key is refused, not passed over:
    /// the next source would give another tenant's.
    fn key<'a>(&self, r: &Compiled, q: &Query<'a>, f: &mut Found<'a>) {
        for (i, s) in r.sources.iter().enumerate() {
            match sources::read(s, q) {
                Err(class) => {
                    f.refuse = class;
                    return;
                }
                Ok(v) if v.is_empty() => continue,
                Ok(v) if v.len() > self.key_max || !sound(&v) => {
                    f.refuse = Class::BAD_REQUEST;
                    return;
                }
                Ok(v) => {
                    (f.key, f.source) = (v, i as u8);
                    break;
                }
            }
        }
        // Who has no cookie yet, or two, is drawn by request.
        if let Some(by) = r.split_by.as_ref().filter(|_| !f.key.is_empty())
            && let Ok(v) = sources::read(by, q)
            && !v.is_empty()
        {
            f.split = hash_string(&v);
        }
    }
}

impl Compiled {
    fn takes(&self, q: &Query<'_>) -> bool {
        let any = |list: &[String], fits: &dyn Fn(&str) -> bool| list.is_empty() || list.iter().any(|v| fits(v));
        any(&self.listeners, &|l| l == q.listener)
            && any(&self.hosts, &|h| h == q.host || h.starts_with('.') && q.host.len() > h.len() && q.host.ends_with(h))
            && any(&self.paths, &|p| below(q.path, p).is_some())
    }
}

/// Whether a key can stand in a header and a log as it is: no control characters, no space at either end.
fn sound(key: &[u8]) -> bool {
    key.iter().all(|&c| c >= b' ' && c != 0x7f) && !key.starts_with(b" ") && !key.ends_with(b" ")
}

/// How critical a request is: what a trusted peer says, else the default. A peer that no list names is
/// not believed: whoever may say how critical he is says that he is the most critical.
fn priority_of(s: Option<&Priority>, q: &Query<'_>) -> u8 {
    let Some(s) = s else {
        return 0;
    };
    let mut said = q.headers.get_all(s.header.as_str()).iter();
    let (Some(text), None) = (said.next(), said.next()) else {
        return s.default;
    };
    if !q.client.judged || !q.client.trusted {
        return s.default;
    }
    let text = String::from_utf8_lossy(text.as_bytes());
    let mut text = text.trim_matches([' ', '\t']).to_string();
    if s.header == HEADER_PRIORITY {
        text = urgency(&text);
    }
    match text.as_bytes() {
        [c @ b'0'..=b'7'] => c - b'0',
        _ => s.default,
    }
}

/// The u of a Priority header, a dictionary of structured fields (RFC 8941, RFC 9218): the last one
/// counts; "" where there is none.
fn urgency(text: &str) -> String {
    let mut u = "";
    for member in text.split(',') {
        let (name, value) = member.trim_matches([' ', '\t']).split_once('=').unwrap_or((member, ""));
        if name == "u" {
            u = value.split(';').next().unwrap_or_default();
        }
    }
    u.to_string()
}

fn unsupported(what: &str, why: &str) -> String {
    format!("router-pingora does not support {what}: {why}; leave it away, or run lockstep serve")
}

/// Refuses a configuration whose routes this router cannot follow. Call it before the configuration is
/// offered to the driver.
pub(crate) fn check(c: &Arc<Config>) -> Result<(), String> {
    Table::new(c).error.map_or(Ok(()), Err)
}

/// The parts of a request that routes compare.
pub(crate) fn query<'a>(
    headers: &'a HeaderMap,
    authority: &str,
    target: &'a str,
    listener: &'a str,
    client: &'a Client,
) -> Query<'a> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Query { headers, host: host_of(authority), path, query, listener, client }
}
