//! What the file may say, the Go router does, and this router does not. All of it parses, and makes the
//! same digest for `check --digest`; to serve it is refused at its place, with the reason. Nothing is
//! silently left out: a setting that does nothing here must stand in one of these tables.

use crate::file::File;
use crate::problem::{Problem, Problems, by_place};
use crate::settings::{HEADER_MAX, Listener, PING_TIMEOUT, Placement, Upstream};
use lockstep_core::Config;

const HINT: &str = "leave it away, or run lockstep serve";

/// One setting: its path below what it belongs to, whether it is given, and why it cannot be done.
type Row<T> = (&'static str, fn(&T) -> bool, &'static str);

const FIXED: &str = "Pingora's server has fixed limits of its own for it";
const MEMORY: &str = "Pingora's listeners resume from their own memory";

/// Settings of the whole file.
const FILE: [Row<File>; 6] = [
    ("recording.keep", |f| f.recording_keep.0 > 0, "it deletes no recordings"),
    ("recording.max_size", |f| f.recording_keep.1 > 0, "it deletes no recordings"),
    ("recording.key_hash.file", |f| !f.recording_key_file.is_empty(), "it records keys as they are"),
    ("tracing.otlp", |f| !f.observe.tracing.otlp.is_empty(), "it sends no traces"),
    ("tracing.sample", |f| f.observe.tracing.sampled, "it sends no traces"),
    ("metrics.exemplars", |f| f.observe.metrics.exemplars, "it traces no requests"),
];

/// Settings of a listener, compared with the defaults filled in.
const LISTENER: [Row<Listener>; 16] = [
    ("http_engine", |l| l.engine != "http1", "Pingora's server is its only engine"),
    ("proxy_protocol", |l| l.proxy.is_some(), "Pingora reads no PROXY header"),
    ("max_connections_per_client", |l| l.max_per_client > 0, "it counts the connections of a listener alone"),
    ("timeouts.body", |l| l.timeouts.body > 0, FIXED),
    ("timeouts.handshake", |l| l.timeouts.handshake != plain().timeouts.handshake, "Pingora's is 60 s"),
    ("header_max", |l| l.header_max != plain().header_max, FIXED),
    ("http1.headers_max", |l| l.http1.headers_max != plain().http1.headers_max, FIXED),
    ("http1.requests_max", |l| l.http1.requests_max != 0, FIXED),
    ("http1.body_rate_min", |l| l.timeouts.body <= 0 && l.http1.body_rate_min != plain().http1.body_rate_min, FIXED),
    ("http1.write", |l| l.http1.write != plain().http1.write, FIXED),
    ("http2.max_streams", |l| l.http2.max_streams != plain().http2.max_streams, FIXED),
    ("http2.ping_every", |l| l.http2.ping_every != plain().http2.ping_every, "Pingora does not ping clients"),
    ("http2.ping_timeout", |l| l.http2.ping_timeout != plain().http2.ping_timeout, "Pingora does not ping clients"),
    ("tls.min", |l| l.tls.as_ref().is_some_and(|t| t.min == "1.3"), "Pingora's listeners take TLS 1.2 and 1.3"),
    ("tls.session_tickets.keys", |l| l.tls.as_ref().is_some_and(|t| !t.ticket_keys.is_empty()), MEMORY),
    ("tls.session_tickets", |l| l.tls.as_ref().is_some_and(|t| t.no_tickets), MEMORY),
];

/// Settings of connections to endpoints.
const UPSTREAM: [Row<Upstream>; 8] = [
    ("proxy_protocol", |u| !u.proxy_protocol.is_empty(), "its connector sends no PROXY header"),
    (
        "pool.max_open",
        |u| u.max_open > 0,
        "its pool has no bound on open connections; use limit.in_flight or an endpoint's limit",
    ),
    ("pool.warm", |u| u.warm > 0, "its pool opens nothing before it is needed"),
    ("pool.max_lifetime", |u| u.max_lifetime > 0, "its pool does not know how old a connection is"),
    ("pool.max_requests", |u| u.max_requests > 0, "its pool does not count requests"),
    (
        "h2.ping_timeout",
        |u| u.h2.ping_timeout > 0 && u.h2.ping_timeout != PING_TIMEOUT,
        "Pingora waits 5 s for the answer to a ping and has no setting for it",
    ),
    ("header_max", |u| u.header_max > 0 && u.header_max != HEADER_MAX, "its limit of 1 MiB is fixed"),
    (
        "tls.min",
        |u| u.tls.as_ref().is_some_and(|t| t.min == "1.3"),
        "its connector offers TLS 1.2 too; demand 1.3 at the endpoint",
    ),
];

fn plain() -> Listener {
    Listener::default().with_defaults()
}

/// The rows of a table that are given.
fn given<'t, T>(table: &'t [Row<T>], of: &T) -> impl Iterator<Item = (&'t str, &'t str)> {
    table.iter().filter(|(_, is, _)| is(of)).map(|(path, _, why)| (*path, *why)).collect::<Vec<_>>().into_iter()
}

impl File {
    /// Every setting of the file that this router does not support, at its place, by line; none where
    /// it can serve the file as it is.
    pub fn unsupported(&self) -> Problems {
        let mut out: Vec<(String, &str)> = Vec::new();
        out.extend(given(&FILE, self).map(|(path, why)| (path.to_owned(), why)));
        for d in &self.discover {
            out.push((format!("placements.{}.endpoints", d.placement), "it finds no endpoints by DNS"));
        }
        for l in &self.listen {
            let of = l.clone().with_defaults();
            out.extend(given(&LISTENER, &of).map(|(path, why)| (format!("listen.{}.{path}", l.name), why)));
        }
        out.extend(of_texts(self.spec.placements.iter().map(|p| (&*p.name, &*p.edge))));
        let mut problems: Vec<Problem> =
            out.into_iter().map(|(path, why)| self.problem_at(&path, sentence(&path, why), HINT)).collect();
        problems.sort_by(by_place);
        problems.dedup_by(|a, b| a.at == b.at && a.source == b.source); // what many placements inherit
        Problems(problems)
    }
}

/// The same of a compiled configuration, for one that came without its file, such as a copy on disk:
/// the settings that core carries for the edge. The error names each.
pub fn check_supported(c: &Config) -> Result<(), String> {
    let placements = (0..c.placements()).map(|i| (c.placement(i).name, c.placement_edge(i)));
    let found = of_texts(placements);
    if found.is_empty() {
        return Ok(());
    }
    let all: Vec<String> = found.iter().map(|(path, why)| format!("{}; {HINT}", sentence(path, why))).collect();
    Err(all.join("\n"))
}

fn sentence(path: &str, why: &str) -> String {
    format!("router-pingora does not support {path}: {why}")
}

/// What the texts for the edge say. A text that cannot be read is for its reader to refuse.
fn of_texts<'a>(placements: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, &'static str)> {
    let mut out = Vec::new();
    for (name, text) in placements {
        if let Some(u) = Placement::read(text).unwrap_or_default().upstream {
            out.extend(given(&UPSTREAM, &u).map(|(path, why)| (format!("placements.{name}.upstream.{path}"), why)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> File {
        let text = format!("lockstep: 1\nplacements: {{a: {{endpoints: {{x: {{url: \"https://a:1\"}}}}}}}}\n{text}\n");
        File::parse("c.yaml", text.as_bytes()).unwrap_or_else(|p| panic!("{p}"))
    }

    #[test]
    fn a_setting_that_does_nothing_here_is_refused_where_it_is_written() {
        for (text, place, says) in [
            ("recording: {dir: d, keep: 48h}", "3:27", "recording.keep: it deletes no recordings"),
            ("recording: {dir: d, max_size: 1GiB}", "3:31", "recording.max_size: it deletes no recordings"),
            (
                "recording: {dir: d, key_hash: {file: f}}",
                "3:38",
                "recording.key_hash.file: it records keys as they are",
            ),
            ("tracing: {otlp: \"http://x\"}", "3:17", "tracing.otlp: it sends no traces"),
            ("listen: {e: {address: \":1\", http2: {max_streams: 7}}}", "3:50", "listen.e.http2.max_streams"),
            ("listen: {e: {address: \":1\", timeouts: {body: 9s}}}", "3:46", "listen.e.timeouts.body"),
            ("listen: {e: {address: \":1\", http_engine: std}}", "3:42", "listen.e.http_engine"),
            ("defaults: {upstream: {pool: {warm: 2}}}", "3:36", "placements.a.upstream.pool.warm"),
            ("defaults: {upstream: {header_max: 1KiB}}", "3:35", "placements.a.upstream.header_max"),
        ] {
            let found = load(text).unsupported();
            let [p] = &found.0[..] else { panic!("{text}: {found}") };
            assert_eq!(format!("{}:{}", p.at.line, p.at.column), place, "{text}: {p}");
            assert!(p.what.contains(says) && p.hint == HINT, "{text}: {p}");
        }
    }

    #[test]
    fn what_is_the_default_or_is_supported_is_not_refused() {
        for text in [
            "",
            "listen: {e: {address: \":1\", header_max: 64KiB, http1: {headers_max: 100}, http2: none}}",
            "defaults: {upstream: {protocol: h2, header_max: 64KiB, tls: {min: 1.2}}}",
            "routes: [{client_cert: required, key: [{client_cert_san: \"*.a\"}]}]",
            "routes: [{key: [{header: X-A}, {jwt_claim: t, jwks: {file: k}}], split_by: {cookie: u}}]",
        ] {
            let found = load(text).unsupported();
            assert!(found.0.is_empty(), "{text}: {found}");
        }
    }

    #[test]
    fn a_configuration_without_its_file_is_held_to_the_same_tables() {
        let c = load("defaults: {upstream: {pool: {max_open: 3}}}").compile().unwrap();
        assert!(check_supported(&c).unwrap_err().contains("placements.a.upstream.pool.max_open"));
        assert_eq!(check_supported(&load("").compile().unwrap()), Ok(()));
    }
}
