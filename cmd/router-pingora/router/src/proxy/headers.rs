//! Names of headers as BASELINE has them, and what of a header is passed on.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method as HttpMethod, Version, header};
use lockstep_config::routing::Certificate;
use lockstep_core::{Circuit, Class, DecisionKind, Failover, Method, Reason};
use pingora::http::{RequestHeader, ResponseHeader};

use crate::driver::Admission;

pub(crate) const KEY: &str = "X-Routing-Key";
pub(crate) const REQUEST_ID: &str = "X-Request-Id";
pub(crate) const FORWARDED_FOR: &str = "X-Forwarded-For";
pub(crate) const FORWARDED_PROTO: &str = "X-Forwarded-Proto";
pub(crate) const ROUTED_TO: &str = "X-Routed-To";
pub(crate) const REASON: &str = "X-Route-Reason";
pub(crate) const FAILOVER: &str = "X-Failover-Reason";
pub(crate) const CIRCUIT: &str = "X-Circuit-State";
/// Only where retries are on.
pub(crate) const ATTEMPTS: &str = "X-Lockstep-Attempts";

/// Headers that concern one connection only (RFC 9110, 7.6.1, and the two that older software sends).
static HOP_BY_HOP: [HeaderName; 10] = [
    header::CONNECTION,
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static(HTTP2_SETTINGS),
];
const HTTP2_SETTINGS: &str = "http2-settings";

/// What an upstream may not say, for it is the router's to say.
static OURS: [HeaderName; 4] = [
    HeaderName::from_static("x-routed-to"),
    HeaderName::from_static("x-route-reason"),
    HeaderName::from_static("x-failover-reason"),
    HeaderName::from_static("x-circuit-state"),
];

/// What Connection names besides.
fn connection_tokens(h: &HeaderMap) -> Vec<HeaderName> {
    h.get_all(header::CONNECTION)
        .iter()
        .flat_map(|v| v.as_bytes().split(|&b| b == b','))
        .filter_map(|t| HeaderName::from_bytes(t.trim_ascii()).ok())
        .collect()
}

/// The protocol that a message asks or agrees to change to, none for none. h2c counts as none: over
/// such a connection requests would pass without being routed.
pub(crate) fn upgrade_of(h: &HeaderMap) -> Option<String> {
    let up = h.get(header::UPGRADE)?.to_str().ok()?;
    let asked = connection_tokens(h).contains(&header::UPGRADE);
    (asked && !up.to_ascii_lowercase().contains("h2c")).then(|| up.to_string())
}

/// Who asks, and how he came.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Address and port, as the log has them.
    pub(crate) address: String,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) tls: bool,
    /// There is a list of trusted peers.
    pub(crate) judged: bool,
    /// This one is on it.
    pub(crate) trusted: bool,
    /// What his certificate says, if he showed one that was verified.
    pub(crate) certificate: Option<Arc<Certificate>>,
}

impl Client {
    /// The scheme by which the client came, as a trusted edge says or as we see it.
    pub(crate) fn proto(&self, h: &HeaderMap) -> String {
        if self.judged
            && self.trusted
            && let Some(said) = h.get(FORWARDED_PROTO).filter(|v| !v.is_empty())
        {
            return String::from_utf8_lossy(said.as_bytes()).into_owned();
        }
        if self.tls { "https" } else { "http" }.to_string()
    }

    /// The client's address appended to what earlier proxies said, as far as they are believed.
    fn forwarded_for(&self, h: &HeaderMap, strict: bool) -> Option<Vec<u8>> {
        let mut said: Vec<&[u8]> = Vec::new();
        if !strict {
            said.extend(h.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes));
        }
        let ip = self.ip.map(|ip| ip.to_string());
        said.extend(ip.as_deref().map(str::as_bytes));
        (!said.is_empty()).then(|| said.join(&b", "[..]))
    }
}

/// What routing has to say of a request's header.
pub(crate) struct Trust<'a> {
    /// The client's word on itself is not to be passed on.
    pub(crate) strict: bool,
    /// The configuration has routes of its own, and this is the key that it found; none: as the baseline.
    pub(crate) key: Option<&'a [u8]>,
}

/// The header that goes upstream.
pub(crate) fn request_header(
    request: &RequestHeader,
    host: &str,
    length: i64,
    id: &[u8],
    client: &Client,
    trust: &Trust<'_>,
    upgrade: Option<&str>,
) -> pingora::Result<Box<RequestHeader>> {
    let mut out = Box::new(request.clone());
    out.set_version(Version::HTTP_11);
    // Over HTTP/2 the URI has the client's authority; the upstream is asked for its own.
    if request.uri.authority().is_some() || !matches!(request.raw_path().first(), Some(b'/' | b'*')) {
        let path = request.uri.path_and_query().map_or("/", |p| p.as_str()).to_string();
        out.set_raw_path(path.as_bytes())?;
    }
    let trailers = request
        .headers
        .get_all(header::TE)
        .iter()
        .any(|v| String::from_utf8_lossy(v.as_bytes()).to_ascii_lowercase().contains("trailers"));
    for name in connection_tokens(&request.headers) {
        out.remove_header(&name);
    }
    for name in &HOP_BY_HOP {
        out.remove_header(name);
    }
    out.insert_header(header::HOST, host)?;
    if let Some(up) = upgrade {
        out.insert_header("Connection", "Upgrade")?;
        out.insert_header("Upgrade", up)?;
    }
    if trailers {
        out.insert_header("Te", "trailers")?;
    }
    clean(&mut out, trust)?;
    frame(&mut out, length)?;
    // Last, so that a Connection header cannot name them away.
    out.insert_header(REQUEST_ID, pingora::http::header_value_from_slice(id))?;
    match client.forwarded_for(&request.headers, trust.strict) {
        Some(all) => out.insert_header(FORWARDED_FOR, pingora::http::header_value_from_slice(&all))?,
        None => {
            out.remove_header(FORWARDED_FOR);
        }
    }
    out.insert_header(FORWARDED_PROTO, client.proto(&request.headers))?;
    if trust.key.is_none() && !out.headers.contains_key(KEY) {
        for v in request.headers.get_all(KEY) {
            out.append_header(KEY, v.clone())?;
        }
    }
    Ok(out)
}

/// Says how long the body is: a length as announced, else chunks.
fn frame(out: &mut RequestHeader, length: i64) -> pingora::Result<()> {
    out.remove_header(&header::CONTENT_LENGTH);
    if length < 0 {
        return out.insert_header("Transfer-Encoding", "chunked");
    }
    if length > 0 || matches!(out.method, HttpMethod::POST | HttpMethod::PUT | HttpMethod::PATCH) {
        out.insert_header("Content-Length", length.to_string())?;
    }
    Ok(())
}

/// Removes what only we or a trusted edge may say: who the client is, how it came, where it was
/// routed. It takes away look-alikes too, with _ for -, which some upstreams cannot tell apart. Then
/// it sets the routing key, where the configuration found it in its own way.
fn clean(out: &mut RequestHeader, trust: &Trust<'_>) -> pingora::Result<()> {
    if trust.strict || trust.key.is_some() {
        let names: Vec<HeaderName> = out
            .headers
            .keys()
            .filter(|name| {
                let plain = name.as_str().replace('_', "-");
                trust.strict && reserved(&plain) || plain == "x-routing-key" && plain != name.as_str()
            })
            .cloned()
            .collect();
        for name in names {
            out.remove_header(&name);
        }
    }
    if let Some(key) = trust.key {
        out.remove_header(KEY);
        if !key.is_empty() {
            out.insert_header(KEY, pingora::http::header_value_from_slice(key))?;
        }
    }
    Ok(())
}

/// Whether a header is one that we or trusted edges set.
fn reserved(name: &str) -> bool {
    matches!(
        name,
        "x-forwarded-for"
            | "x-forwarded-proto"
            | "x-forwarded-host"
            | "x-forwarded-port"
            | "x-forwarded-server"
            | "x-forwarded-ssl"
            | "x-forwarded-scheme"
            | "x-forwarded-prefix"
            | "x-forwarded-client-cert"
            | "forwarded"
            | "x-real-ip"
            | "true-client-ip"
            | "x-routed-to"
            | "x-route-reason"
            | "x-failover-reason"
            | "x-circuit-state"
    )
}

/// Removes from an upstream's header what concerns its connection or claims to be ours. It returns the
/// upgrade that a 101 agrees to.
pub(crate) fn clean_response(h: &mut ResponseHeader) -> Option<String> {
    let agreed = if h.status == http::StatusCode::SWITCHING_PROTOCOLS { upgrade_of(&h.headers) } else { None };
    for name in connection_tokens(&h.headers) {
        h.remove_header(&name);
    }
    for name in HOP_BY_HOP.iter().chain(&OURS) {
        if name != HTTP2_SETTINGS {
            h.remove_header(name);
        }
    }
    if let Some(up) = &agreed {
        // Neither can fail: the value came out of a header.
        let _ = h.insert_header("Connection", "Upgrade");
        let _ = h.insert_header("Upgrade", up.as_str());
    }
    agreed
}

/// Puts the router's own headers on an answer (R4). A refusal has been nowhere, so it has no
/// X-Routed-To; it may have a circuit state.
pub(crate) fn announce(h: &mut ResponseHeader, a: &Admission, id: &[u8]) -> pingora::Result<()> {
    h.insert_header(REQUEST_ID, pingora::http::header_value_from_slice(id))?;
    let forward = a.kind == DecisionKind::FORWARD;
    if forward {
        h.insert_header(ROUTED_TO, &*a.target.placement)?;
    }
    if a.reason != Reason::NONE {
        h.insert_header(REASON, a.reason.as_str())?;
    }
    if a.circuit != Circuit::NONE && a.class != Class::LIMIT_REACHED {
        h.insert_header(CIRCUIT, a.circuit.as_str())?;
    }
    if a.failover != Failover::NONE && forward {
        h.insert_header(FAILOVER, a.failover.as_str())?;
    }
    Ok(())
}

/// The class of a method (RFC 9110, 9.2).
pub(crate) fn method_class(m: &HttpMethod) -> Method {
    match *m {
        HttpMethod::GET | HttpMethod::HEAD | HttpMethod::OPTIONS | HttpMethod::TRACE => Method::SAFE,
        HttpMethod::PUT | HttpMethod::DELETE => Method::IDEMPOTENT,
        _ => Method::OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client {
            address: String::new(),
            ip: Some([192, 0, 2, 1].into()),
            tls: false,
            judged: false,
            trusted: false,
            certificate: None,
        }
    }

    fn plain() -> Trust<'static> {
        Trust { strict: false, key: None }
    }

    fn request(method: &str, path: &str, fields: &[(&'static str, &str)]) -> RequestHeader {
        let mut r = RequestHeader::build(method, path.as_bytes(), None).unwrap();
        for (name, value) in fields {
            r.append_header(*name, *value).unwrap();
        }
        r
    }

    fn sent(r: &RequestHeader, length: i64) -> Box<RequestHeader> {
        request_header(r, "cell:80", length, b"id", &client(), &plain(), upgrade_of(&r.headers).as_deref()).unwrap()
    }

    #[test]
    fn what_concerns_one_connection_is_not_passed_on() {
        let r = request(
            "GET",
            "/a?b",
            &[
                ("Connection", "X-Private, close"),
                ("X-Private", "1"),
                ("Keep-Alive", "timeout=5"),
                ("Proxy-Authorization", "Basic x"),
                ("TE", "gzip"),
                ("Trailer", "T"),
                ("HTTP2-Settings", "x"),
                ("X-Kept", "2"),
            ],
        );
        let out = sent(&r, 0);
        let mut names: Vec<_> = out.headers.keys().map(|n| n.as_str().to_string()).collect();
        names.sort();
        assert_eq!(names, ["host", "x-forwarded-for", "x-forwarded-proto", "x-kept", "x-request-id"]);
        assert_eq!(out.headers["host"], "cell:80");
        assert_eq!(out.raw_path(), b"/a?b");
    }

    #[test]
    fn a_connection_header_cannot_name_our_own_headers_or_the_key_away() {
        let r = request(
            "GET",
            "/",
            &[("Connection", "X-Routing-Key, X-Request-Id, X-Forwarded-For"), ("X-Routing-Key", "visa")],
        );
        let out = sent(&r, 0);
        assert_eq!(out.headers["x-routing-key"], "visa");
        assert_eq!(out.headers["x-request-id"], "id");
        assert_eq!(out.headers["x-forwarded-for"], "192.0.2.1");
    }

    #[test]
    fn the_clients_address_is_appended_to_what_earlier_proxies_said() {
        let r = request("GET", "/", &[("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-For", "10.0.0.2")]);
        let out = sent(&r, 0);
        assert_eq!(out.headers["x-forwarded-for"], "10.0.0.1, 10.0.0.2, 192.0.2.1");
        assert_eq!(out.headers.get_all("x-forwarded-for").iter().count(), 1);
    }

    #[test]
    fn an_upgrade_is_asked_for_but_never_h2c() {
        let ws = request("GET", "/", &[("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket")]);
        let out = sent(&ws, 0);
        assert_eq!(
            (&out.headers["connection"], &out.headers["upgrade"]),
            (&"Upgrade".parse().unwrap(), &"websocket".parse().unwrap())
        );
        let h2c = request(
            "GET",
            "/",
            &[("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "x")],
        );
        let out = sent(&h2c, 0);
        assert!(
            !out.headers.contains_key("upgrade")
                && !out.headers.contains_key("connection")
                && !out.headers.contains_key("http2-settings")
        );
    }

    #[test]
    fn a_body_is_framed_as_it_came() {
        for (method, length, want) in [
            ("GET", 0, (None, None)),
            ("POST", 0, (Some("0"), None)),
            ("POST", 7, (Some("7"), None)),
            ("PUT", -1, (None, Some("chunked"))),
        ] {
            let r = request(method, "/", &[("Transfer-Encoding", "chunked")]);
            let out = sent(&r, length);
            let text = |n: &str| out.headers.get(n).map(|v| v.to_str().unwrap().to_string());
            let got = (text("content-length"), text("transfer-encoding"));
            assert_eq!((got.0.as_deref(), got.1.as_deref()), want, "{method} {length}");
        }
    }

    #[test]
    fn the_target_of_an_absolute_form_is_its_path() {
        let r = request("GET", "http://h.example/a/b?c", &[]);
        assert_eq!(sent(&r, 0).raw_path(), b"/a/b?c");
    }

    #[test]
    fn the_authority_of_an_http_2_request_does_not_go_on() {
        let mut r = request("GET", "/", &[]);
        r.set_uri("http://h.example/a?b".parse().unwrap());
        let out = sent(&r, 0);
        assert_eq!(
            (out.raw_path(), out.uri.authority(), &out.headers["host"]),
            (&b"/a?b"[..], None, &"cell:80".parse().unwrap())
        );
    }

    #[test]
    fn a_strict_listener_takes_the_clients_word_on_itself_away_look_alikes_too() {
        let r = request(
            "GET",
            "/",
            &[
                ("X-Forwarded-Host", "evil"),
                ("X_Real_IP", "1"),
                ("X-Forwarded-For", "1.1.1.1"),
                ("X_Routing_Key", "a"),
                ("X-Ok", "1"),
            ],
        );
        let trust = Trust { strict: true, key: Some(b"found") };
        let out = request_header(&r, "cell:80", 0, b"id", &client(), &trust, None).unwrap();
        let mut names: Vec<_> = out.headers.keys().map(|n| n.as_str().to_string()).collect();
        names.sort();
        assert_eq!(names, ["host", "x-forwarded-for", "x-forwarded-proto", "x-ok", "x-request-id", "x-routing-key"]);
        assert_eq!(out.headers["x-forwarded-for"], "192.0.2.1");
        assert_eq!(out.headers["x-routing-key"], "found");
    }

    #[test]
    fn a_response_says_nothing_of_its_connection_and_cannot_claim_our_headers() {
        let mut h = ResponseHeader::build(200, None).unwrap();
        for (n, v) in [
            ("Connection", "X-P"),
            ("X-P", "1"),
            ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2"),
            ("X-Routed-To", "evil"),
            ("X-Circuit-State", "open"),
            ("Set-Cookie", "a=b"),
        ] {
            h.append_header(n, v).unwrap();
        }
        assert_eq!(clean_response(&mut h), None);
        assert_eq!(h.headers.keys().map(|n| n.as_str()).collect::<Vec<_>>(), ["set-cookie"]);
    }
}
