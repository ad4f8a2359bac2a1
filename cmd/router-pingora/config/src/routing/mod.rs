//! For one request, the route that it takes and its routing key: the first route whose host, path and
//! listener fit, and the first of its key sources that has a key. It is the edge's half of rule R1;
//! what the key then means is core's half. adapters/routing of the Go side has the exact rules of each
//! source. A configuration without routes of its own finds the key in X-Routing-Key, as the baseline
//! does.

mod jwks;
mod jwt;
mod parts;
mod priority;
mod sources;
mod table;

pub use jwks::check_keys;

use crate::settings::{Priority, Whole};
use jwks::KeyFile;
use lockstep_core::{Class, Config};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use table::Table;

/// Where the baseline has the routing key, and where an upstream finds it wherever it came from.
pub const HEADER_KEY: &str = "X-Routing-Key";

/// One request as it was sent. Names of headers are compared without regard to case.
pub trait View {
    /// The Host header, or the authority of a target in absolute form; "" for none.
    fn host(&self) -> &str;
    /// Path and query as they were sent, neither cleaned nor decoded: /v1/x?y=z, or * of OPTIONS.
    fn target(&self) -> &str;
    /// Calls `take` with each value of a header, in order, without white space around it.
    fn header(&self, name: &str, take: &mut dyn FnMut(&[u8]));
}

/// What the listener knows of who sent a request. The default: no named listener, nobody judged.
#[derive(Copy, Clone, Debug, Default)]
pub struct Peer<'a> {
    /// Name of the listener; "" where it has none.
    pub listener: &'a str,
    /// There is a list of trusted peers.
    pub judged: bool,
    /// This one is on it.
    pub trusted: bool,
    /// The client certificate, if one was shown and **verified**: anybody can write one of his own.
    pub certificate: Option<&'a Certificate>,
}

/// The subject alternative names of a client certificate. The common name counts nowhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Certificate {
    /// URIs, as they stand there.
    pub uris: Vec<String>,
    /// DNS names.
    pub dns: Vec<String>,
    /// E-mail addresses.
    pub emails: Vec<String>,
}

impl Certificate {
    /// Reads the names in a certificate in DER; None for what is no certificate.
    pub fn from_der(der: &[u8]) -> Option<Certificate> {
        use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
        let (_, cert) = X509Certificate::from_der(der).ok()?;
        let mut out = Certificate::default();
        let names = cert.subject_alternative_name().ok()?.map_or(&[][..], |san| &san.value.general_names);
        for name in names {
            match name {
                GeneralName::URI(uri) => out.uris.push((*uri).into()),
                GeneralName::DNSName(dns) => out.dns.push((*dns).into()),
                GeneralName::RFC822Name(email) => out.emails.push((*email).into()),
                _ => {}
            }
        }
        Some(out)
    }
}

/// How one request is routed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Number of the route.
    pub via: u16,
    /// Which of the route's key sources gave the key.
    pub source: u8,
    /// What the edge itself refuses it as: bad_request, unauthorized, no_route, or internal where the
    /// configuration's routes cannot be used; else none.
    pub refuse: Class,
    /// Any bytes; empty where no source has one.
    pub key: Vec<u8>,
    /// How critical it is: 0 the most.
    pub priority: u8,
    /// Hash for splits, 0 for that of the request.
    pub split: u64,
    /// The route took the request: `via` says which.
    pub taken: bool,
    /// The key is found as the baseline does: the header goes on as it came.
    pub plain: bool,
    /// The client's word on itself is not to be passed on: the configuration has routes of its own, or
    /// the listener a list of trusted peers, and this peer is not on it.
    pub strict: bool,
}

/// The routing of one configuration. Looking up takes no lock but for tokens.
pub struct Routing {
    table: Option<Table>, // None: as the baseline
    priority: Option<Priority>,
    error: Option<String>,
    files: Vec<Arc<KeyFile>>,
}

/// The time in ns since 1970, by which tokens are judged.
pub(crate) fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64)
}

impl Routing {
    /// Compiles the routing of a configuration. Key files are read now, so that the first request finds
    /// its keys; those that `before` has are taken over. It never fails: a configuration whose text for
    /// the edge cannot be used refuses every request, and `error` says why.
    pub fn new(config: &Config, before: Option<&Routing>) -> Routing {
        Routing::compiled(config.edge(), Some(config.routes()), before, true)
    }

    pub(crate) fn compiled(edge: &str, routes: Option<usize>, before: Option<&Routing>, read: bool) -> Routing {
        let mut out = Routing { table: None, priority: None, error: None, files: Vec::new() };
        let whole = match Whole::read(edge) {
            Ok(whole) => whole,
            Err(e) => {
                out.error = Some(e);
                return out;
            }
        };
        out.priority = whole.priority;
        let Some(s) = whole.routing else { return out };
        if let Some(n) = routes.filter(|n| *n != s.routes.len()) {
            let edge = s.routes.len();
            out.error = Some(format!("the configuration has {n} routes, its text for the edge {edge}"));
            return out;
        }
        for path in jwks::files_of(&s) {
            let kept = before.and_then(|b| b.files.iter().find(|f| f.path() == path));
            out.files.push(match kept {
                Some(f) => f.clone(),
                None => Arc::new(KeyFile::open(path, read)),
            });
        }
        match Table::new(&s, &out.files) {
            Ok(table) => out.table = Some(table),
            Err(e) => out.error = Some(e),
        }
        out
    }

    /// What keeps the routes from being used, None for nothing.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Looks at a request.
    pub fn find(&self, view: &dyn View, peer: &Peer<'_>) -> Found {
        self.find_at(view, peer, unix_now)
    }

    pub(crate) fn find_at(&self, view: &dyn View, peer: &Peer<'_>, now: impl Fn() -> i64) -> Found {
        let own = self.table.is_some() || self.error.is_some();
        let mut f = Found {
            priority: self.priority.as_ref().map_or(0, |s| priority::priority(s, view, peer)),
            plain: !own,
            strict: !peer.trusted && (own || peer.judged),
            ..Found::default()
        };
        match &self.table {
            _ if self.error.is_some() => f.refuse = Class::INTERNAL,
            Some(t) => t.find(view, peer, &now, &mut f),
            None => {
                let mut first = true;
                view.header(HEADER_KEY, &mut |value| {
                    if std::mem::take(&mut first) {
                        f.key = value.to_vec();
                    }
                });
            }
        }
        f
    }

    /// Whether the request id that came with a request may stay.
    pub fn keeps_id(&self, peer: &Peer<'_>) -> bool {
        peer.trusted || !self.table.as_ref().is_some_and(|t| t.trusted_id)
    }

    /// Name of a route by its number, "" where the configuration has none of its own.
    pub fn route(&self, via: u16) -> &str {
        self.table.as_ref().and_then(|t| t.routes.get(via as usize)).map_or("", |r| &r.name)
    }

    /// What a key source of a route is called: header X-Routing-Key, jwt_claim tenant.
    pub fn source(&self, via: u16, source: u8) -> &str {
        match &self.table {
            None => "header X-Routing-Key",
            Some(t) => t.routes.get(via as usize).and_then(|r| r.sources.get(source as usize)).map_or("", |s| &s.name),
        }
    }

    /// Whether there are key files to read again.
    pub fn has_keys(&self) -> bool {
        !self.files.is_empty()
    }

    /// Reads the key files that have changed; whoever serves calls it every few seconds. A content that
    /// cannot be read leaves the old one in use. It returns what an operator should know.
    pub fn refresh_keys(&self) -> Vec<String> {
        self.files.iter().filter_map(|f| f.refresh().err()).collect()
    }

    /// What an operator should know of the key files right after `new`.
    pub fn key_faults(&self) -> Vec<String> {
        self.files.iter().filter_map(|f| f.fault()).collect()
    }
}

/// What keeps the routes of a configuration from being used. It reads no key files.
pub fn check(config: &Config) -> Result<(), String> {
    Routing::compiled(config.edge(), Some(config.routes()), None, false).error.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests;
