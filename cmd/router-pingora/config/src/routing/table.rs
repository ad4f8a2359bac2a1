//! Routes in order, sources in order, and what a key may be.

use super::jwks::KeyFile;
use super::parts::{below, host_of, unclear};
use super::sources::Source;
use super::{Found, Peer, View};
use crate::settings;
use lockstep_core::{Class, hash_string};
use std::sync::Arc;

/// The routes of one configuration, compiled.
pub(super) struct Table {
    pub(super) routes: Vec<Route>,
    pub(super) trusted_id: bool,
    key_max: usize,
    paths: bool, // some route or source reads the path
}

pub(super) struct Route {
    pub(super) name: String,
    pub(super) sources: Vec<Source>,
    hosts: Vec<String>, // exact, or with a leading dot for what lies below
    paths: Vec<String>, // without the slash at the end
    listeners: Vec<String>,
    split_by: Option<Source>,
    certificate: bool, // a verified client certificate is demanded
}

/// One request while it is looked at.
pub(super) struct Query<'a> {
    pub(super) view: &'a dyn View,
    pub(super) peer: &'a Peer<'a>,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) raw_query: &'a str,
    pub(super) now: &'a dyn Fn() -> i64,
}

impl Table {
    pub(super) fn new(s: &settings::Routing, files: &[Arc<KeyFile>]) -> Result<Table, String> {
        let key_max = if s.key_max == 0 { settings::DEFAULT_KEY_MAX } else { s.key_max as usize };
        let mut t = Table { routes: Vec::new(), trusted_id: s.trusted_id, key_max, paths: false };
        for (i, r) in s.routes.iter().enumerate() {
            t.paths = t.paths || !r.paths.is_empty() || r.sources.iter().any(|s| s.segment != 0);
            t.routes.push(Route::new(r, files).map_err(|e| format!("route {i} ({}): {e}", r.name))?);
        }
        Ok(t)
    }

    /// Fills in how a request is routed.
    pub(super) fn find(&self, view: &dyn View, peer: &Peer<'_>, now: &dyn Fn() -> i64, f: &mut Found) {
        let host = host_of(view.host());
        let target = view.target();
        let (path, raw_query) = target.split_once('?').unwrap_or((target, ""));
        let q = &Query { view, peer, host: &host, path, raw_query, now };
        if self.paths && unclear(path) {
            f.refuse = Class::BAD_REQUEST;
            return;
        }
        let Some(via) = self.routes.iter().position(|r| r.takes(q)) else {
            f.refuse = Class::NO_ROUTE;
            return;
        };
        (f.via, f.taken) = (via as u16, true);
        let r = &self.routes[via];
        if r.certificate && peer.certificate.is_none() {
            f.refuse = Class::UNAUTHORIZED;
            return;
        }
        self.key(r, q, f);
    }

    /// Asks the sources of a route in order. A value that cannot be a key is refused, not passed over:
    /// the next source would give another tenant's.
    fn key(&self, r: &Route, q: &Query<'_>, f: &mut Found) {
        for (i, source) in r.sources.iter().enumerate() {
            match source.read(q) {
                Ok(v) if v.is_empty() => continue,
                Ok(v) if v.len() <= self.key_max && sound(&v) => (f.key, f.source) = (v, i as u8),
                Ok(_) => {
                    f.refuse = Class::BAD_REQUEST;
                    return;
                }
                Err(class) => {
                    f.refuse = class;
                    return;
                }
            }
            break;
        }
        // Who has no cookie yet, or two, is drawn by request.
        if let Some(Ok(v)) = r.split_by.as_ref().filter(|_| !f.key.is_empty()).map(|s| s.read(q))
            && !v.is_empty()
        {
            f.split = hash_string(&v);
        }
    }
}

impl Route {
    fn new(s: &settings::Route, files: &[Arc<KeyFile>]) -> Result<Route, String> {
        if s.sources.len() > 256 {
            return Err(format!("it has {} key sources, use at most 256", s.sources.len()));
        }
        Ok(Route {
            name: s.name.clone(),
            sources: s.sources.iter().map(|s| Source::new(s, files)).collect::<Result<_, _>>()?,
            hosts: s.hosts.iter().map(|h| h.strip_prefix('*').unwrap_or(h).into()).collect(),
            paths: s.paths.iter().map(|p| p.strip_suffix('/').unwrap_or(p).into()).collect(),
            listeners: s.listeners.clone(),
            split_by: s.split_by.as_ref().map(|s| Source::new(s, files)).transpose()?,
            certificate: s.client_cert,
        })
    }

    fn takes(&self, q: &Query<'_>) -> bool {
        (self.listeners.is_empty() || self.listeners.iter().any(|l| l == q.peer.listener))
            && (self.hosts.is_empty() || self.takes_host(q.host))
            && (self.paths.is_empty() || self.paths.iter().any(|p| below(q.path, p).is_some()))
    }

    fn takes_host(&self, host: &str) -> bool {
        let below = |h: &str| h.starts_with('.') && host.len() > h.len() && host.ends_with(h);
        self.hosts.iter().any(|h| h == host || below(h))
    }
}

/// Whether a key can stand in a header and a log as it is: no control characters, no space at either end.
fn sound(key: &[u8]) -> bool {
    !key.iter().any(|c| *c < b' ' || *c == 0x7f) && key.first() != Some(&b' ') && key.last() != Some(&b' ')
}
