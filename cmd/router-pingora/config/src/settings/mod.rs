//! What the edge alone needs of a configuration: listeners, how the router is watched, and the
//! texts that a Spec carries for routes and upstreams. The Go side writes the same texts, byte for
//! byte, since they are part of a configuration's digest.

mod listen;
mod observe;
mod routes;
mod upstream;

pub use listen::{CertPair, Http1Limits, Http2, Listener, ListenerTimeouts, ListenerTls, ProxyProtocol};
pub use observe::{AccessLog, Admin, Metrics, Observe, Tracing};
pub use routes::{DEFAULT_KEY_MAX, HEADER_PRIORITY, Jwt, Priority, Route, Routing, San, Source, Whole};
pub use upstream::{H2, HEADER_MAX, Health, PING_AFTER, PING_TIMEOUT, Placement, Status, Tls, Upstream};

pub(crate) fn is_default<T: Default + PartialEq>(v: &T) -> bool {
    *v == T::default()
}

/// JSON as Go's encoder writes it: the two line separators escaped, and what HTML reads if asked.
pub(crate) fn go_json<T: serde::Serialize>(v: &T, html: bool) -> String {
    let text = serde_json::to_string(v).unwrap_or_default(); // these types cannot fail
    let escaped = |c: char| matches!(c, '\u{2028}' | '\u{2029}') || html && matches!(c, '<' | '>' | '&');
    if !text.contains(escaped) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if escaped(c) {
            out.push_str(&format!("\\u{:04x}", c as u32)); // such characters stand in strings only
        } else {
            out.push(c);
        }
    }
    out
}
