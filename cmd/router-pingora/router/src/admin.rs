//! The listener for operators and machines that watch a router, as adapters/admin: metrics, health,
//! readiness, and the configuration in force. It must never be served where clients send their
//! requests. Profiles (/debug/pprof/) are Go's alone.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use http::{Method, Response, StatusCode, header};
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;
use serde::Serialize;

use crate::driver::Driver;
use crate::lifecycle::Life;
use crate::metrics::Metrics;

/// What is in force, and where it comes from.
pub trait InForce: Send + Sync {
    /// "file" or "control_plane".
    fn source(&self) -> &'static str;
    /// When it was adopted.
    fn last_reload_at(&self) -> DateTime<Utc>;
}

/// The pages.
pub struct Pages {
    /// Answers /metrics.
    pub metrics: Arc<Metrics>,
    /// Says whether the router should get requests. It must not depend on the control plane (R13).
    pub life: Arc<Life>,
    /// Whose configuration is shown.
    pub driver: Arc<Driver>,
    /// Where that comes from.
    pub in_force: Arc<dyn InForce>,
    /// Answers to every Host: for a listener that other machines reach by name. Without it only an
    /// address or localhost will do, which keeps a web page that a person on this machine visits from
    /// reading the pages.
    pub any_host: bool,
}

const PLAIN: &str = "text/plain; charset=utf-8";
const INDEX: &[(&str, &str)] = &[
    ("/healthz", "200 while the process answers"),
    ("/readyz", "200 when the router takes requests, else 503 and the reason"),
    ("/metrics", "for Prometheus"),
    ("/debug/config", "the configuration in force"),
];

/// A page: its status, type and text.
type Page = (StatusCode, &'static str, String);

impl Pages {
    fn page(&self, method: &Method, path: &str, host: &str) -> Page {
        if !self.any_host && !own_host(host) {
            let text = "this listener answers to an address or localhost only\n";
            return (StatusCode::MISDIRECTED_REQUEST, PLAIN, text.into());
        }
        let known = path == "/" || INDEX.iter().any(|(page, _)| *page == path);
        if known && method != Method::GET && method != Method::HEAD {
            return (StatusCode::METHOD_NOT_ALLOWED, PLAIN, "Method Not Allowed\n".into());
        }
        match path {
            "/" => {
                let lines = INDEX.iter().map(|(page, what)| format!("{page:<16} {what}\n"));
                (StatusCode::OK, PLAIN, lines.collect())
            }
            "/healthz" => (StatusCode::OK, PLAIN, "ok\n".into()),
            "/readyz" => match self.life.not_ready() {
                None => (StatusCode::OK, PLAIN, "ready\n".into()),
                Some(why) => (StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("not ready: {why}\n")),
            },
            "/metrics" => (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", self.metrics.text()),
            "/debug/config" => (StatusCode::OK, "application/json", self.config()),
            _ => (StatusCode::NOT_FOUND, PLAIN, "404 page not found\n".into()),
        }
    }

    /// Tells what is in force: the members of BASELINE's /debug/config and more.
    fn config(&self) -> String {
        let (epoch, in_flight, draining) = self.driver.view(|r| (r.epoch(), r.in_flight(), r.draining()));
        let config = self.driver.config();
        let shown = Shown {
            version: config.as_ref().map_or("", |c| c.version()),
            source: self.in_force.source(),
            last_reload_at: config.as_ref().map(|_| rfc3339(self.in_force.last_reload_at())),
            term: epoch.term,
            epoch: epoch.number,
            digest: config.as_ref().map(|c| format!("{:016x}", c.digest())),
            placements: config.as_ref().map_or(0, |c| c.placements()),
            endpoints: config.as_ref().map_or(0, |c| c.endpoints()),
            keys: config.as_ref().map_or(0, |c| c.keys()),
            in_flight,
            draining,
        };
        serde_json::to_string(&shown).unwrap_or_default() + "\n" // strings and numbers: it cannot fail
    }
}

/// The members in the Go router's order.
#[derive(Serialize)]
struct Shown<'a> {
    version: &'a str,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_reload_at: Option<String>,
    term: u64,
    epoch: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    placements: usize,
    endpoints: usize,
    keys: usize,
    in_flight: usize,
    draining: bool,
}

/// Prints a time as Go's time.RFC3339 does.
pub fn rfc3339(t: DateTime<Utc>) -> String {
    t.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Whether a Host names this listener by an address or localhost.
fn own_host(host: &str) -> bool {
    let bare = match host.rsplit_once(':') {
        Some((before, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (before.ends_with(']') || !before.contains(':')) =>
        {
            before
        }
        _ => host,
    };
    let bare = bare.trim_matches(|c| c == '[' || c == ']');
    bare.is_empty() || bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok()
}

#[async_trait]
impl ServeHttp for Pages {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let request = session.req_header();
        let host = request.headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
        let (status, kind, text) = self.page(&request.method, request.uri.path(), host);
        let body = if request.method == Method::HEAD { Vec::new() } else { text.clone().into_bytes() };
        let mut response = Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, kind)
            .header(header::CONTENT_LENGTH, text.len())
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(header::CACHE_CONTROL, "no-store");
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response = response.header(header::ALLOW, "GET, HEAD");
        }
        // Every part is a constant or a number, so none is refused.
        response.body(body).unwrap_or_default()
    }
}

/// Completes the address of an admin listener: without a host it is loopback. It returns the address
/// and whether other machines can reach it.
pub fn address(given: &str) -> Result<(String, bool), String> {
    let wrong = || format!("the admin address {given:?} is not host:port; write 127.0.0.1:9901, or :9901 for the same");
    let (host, port) = given.rsplit_once(':').ok_or_else(wrong)?;
    port.parse::<u16>().map_err(|_| wrong())?;
    let bare = host.trim_matches(|c| c == '[' || c == ']');
    if bare.contains(':') && !host.starts_with('[') {
        return Err(wrong());
    }
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    let bare = host.trim_matches(|c| c == '[' || c == ']');
    let public = bare != "localhost" && !bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    Ok((format!("{host}:{port}"), public))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_address_without_a_host_is_loopback() {
        for (given, want) in [
            (":9901", Some(("127.0.0.1:9901", false))),
            ("127.0.0.1:0", Some(("127.0.0.1:0", false))),
            ("localhost:1", Some(("localhost:1", false))),
            ("[::1]:1", Some(("[::1]:1", false))),
            ("0.0.0.0:1", Some(("0.0.0.0:1", true))),
            ("admin.example:1", Some(("admin.example:1", true))),
            ("9901", None),
            ("::1:9901", None),
            ("127.0.0.1:http", None),
        ] {
            let got = address(given).ok();
            assert_eq!(got.as_ref().map(|(a, p)| (a.as_str(), *p)), want, "{given}");
        }
    }

    #[test]
    fn a_page_of_another_site_cannot_read_the_pages() {
        for (host, own) in [
            ("127.0.0.1:9901", true),
            ("localhost:9901", true),
            ("localhost", true),
            ("[::1]:9901", true),
            ("[::1]", true),
            ("", true),
            ("evil.example", false),
            ("evil.example:9901", false),
            ("127.0.0.1.evil.example", false),
        ] {
            assert_eq!(own_host(host), own, "{host}");
        }
    }
}
