//! Asks an endpoint how it is, as its placement's health settings say: over a connection of its own
//! each time, so that it also tests whether one can be made, with the same TLS and protocol as
//! requests.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::FutureExt;
use http::{Method, Uri, Version, header};
use lockstep_config::settings::{Health, Placement, Status};
use pingora::http::RequestHeader;
use pingora::protocols::http::client::HttpSession;
use tokio::net::TcpStream;

use super::Ask;
use crate::driver::Target;
use crate::proxy::upstream::{Connection, Upstreams};

/// Most of a gRPC answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 10;

/// Asks as the settings say. Its connections are none of the pool's: they are never given back.
pub fn ask() -> Ask {
    let upstreams = Arc::new(Upstreams::new());
    Box::new(move |target| {
        let upstreams = upstreams.clone();
        async move { check(&upstreams, &target).await }.boxed()
    })
}

async fn check(upstreams: &Upstreams, target: &Target) -> Result<(), String> {
    let (Some(config), Some(placement)) = (&target.config, target.placement_index) else {
        return Err("the endpoint has left the configuration".into());
    };
    let health = Placement::read(config.placement_edge(placement))?.upstream.and_then(|u| u.health).unwrap_or_default();
    if health.kind == "tcp" {
        return tcp(&target.url).await;
    }
    let endpoint = upstreams.endpoint(target)?;
    let c = upstreams.connect(&endpoint, false).await.map_err(|e| e.to_string())?;
    match health.kind.as_str() {
        // The handshake was the question.
        "tls" if target.url.starts_with("https:") => Ok(()),
        "tls" => Err("a check by TLS of an endpoint without TLS".into()),
        "grpc" => grpc(c, &endpoint.authority, &health).await,
        _ => http(c, target, &endpoint.authority, &config.placement(placement).health.path, &health).await,
    }
}

/// Connects and no more.
async fn tcp(url: &str) -> Result<(), String> {
    let uri: Uri = url.parse().map_err(|e| format!("the URL {url}: {e}"))?;
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    TcpStream::connect((host, port)).await.map(drop).map_err(|e| e.to_string())
}

/// Sends GET and looks at the status. Redirects are not followed: one is not a healthy answer unless
/// it is said to be.
async fn http(mut c: Connection, target: &Target, authority: &str, path: &str, health: &Health) -> Result<(), String> {
    let base = target.url.trim_end_matches('/').parse::<Uri>().map_err(|e| e.to_string())?;
    let path = format!("{}{path}", base.path().trim_end_matches('/'));
    let request = request(&c.session, Method::GET, &path, authority)?;
    let status = exchange(&mut c.session, request, None).await.map_err(|e| e.to_string())?;
    let default = [Status { from: 200, to: 299 }];
    let healthy = if health.status.is_empty() { &default[..] } else { &health.status };
    if healthy.iter().any(|s| (s.from..=s.to).contains(&status)) {
        return Ok(());
    }
    Err(format!("it answers {status}"))
}

fn request(session: &HttpSession, method: Method, path: &str, authority: &str) -> Result<RequestHeader, String> {
    let fail = |e: Box<pingora::Error>| e.to_string();
    let h2 = session.as_http2().is_some();
    let mut request = RequestHeader::build(method, path.as_bytes(), None).map_err(fail)?;
    if h2 {
        request.set_version(Version::HTTP_2);
        request.set_uri(format!("http://{authority}{path}").parse().map_err(|e| format!("{authority}{path}: {e}"))?);
    } else {
        request.insert_header(header::HOST, authority).map_err(fail)?;
    }
    request.insert_header(header::USER_AGENT, "lockstep-health").map_err(fail)?;
    Ok(request)
}

/// Sends a request and returns the status of its answer.
async fn exchange(session: &mut HttpSession, request: RequestHeader, body: Option<Bytes>) -> pingora::Result<u16> {
    session.write_request_header(Box::new(request)).await?;
    if let Some(body) = body {
        session.write_request_body(body, true).await?;
    }
    session.finish_request_body().await?;
    loop {
        session.read_response_header().await?;
        let status = session.response_header().map_or(0, |h| h.status.as_u16());
        if status >= 200 {
            return Ok(status); // others come before it
        }
    }
}

/// Asks grpc.health.v1.Health/Check over HTTP/2. The two messages have one field each, so they are
/// framed here (grpc/doc/PROTOCOL-HTTP2.md, health.proto) and need no library.
async fn grpc(mut c: Connection, authority: &str, health: &Health) -> Result<(), String> {
    if c.session.as_http2().is_none() {
        return Err(
            "a check by gRPC of an endpoint that does not speak HTTP/2; set upstream.protocol to h2 or h2c".into()
        );
    }
    let fail = |e: Box<pingora::Error>| e.to_string();
    let mut request = request(&c.session, Method::POST, "/grpc.health.v1.Health/Check", authority)?;
    request.insert_header(header::CONTENT_TYPE, "application/grpc").map_err(fail)?;
    request.insert_header(header::TE, "trailers").map_err(fail)?;
    let status = exchange(&mut c.session, request, Some(question(&health.service))).await.map_err(fail)?;
    if status != 200 {
        return Err(format!("it answers {status}"));
    }
    let mut answer = BytesMut::new();
    loop {
        let part: Option<Bytes> = c.session.read_response_body().await.map_err(fail)?;
        let Some(part) = part else { break };
        answer.extend_from_slice(&part);
        if answer.len() > MAX_ANSWER {
            return Err("its answer is no HealthCheckResponse".into());
        }
    }
    let early = c.session.response_header().and_then(|h| h.headers.get("grpc-status").cloned());
    let trailers = match &mut c.session {
        HttpSession::H2(h2) => h2.read_trailers().await.map_err(fail)?,
        _ => None,
    };
    let code = trailers.and_then(|t| t.get("grpc-status").cloned()).or(early);
    match code.as_ref().and_then(|c| c.to_str().ok()) {
        Some("0") => serving(&answer),
        other => Err(format!("it answers with gRPC status {:?}", other.unwrap_or_default())),
    }
}

/// Frames a HealthCheckRequest: field 1, a string.
fn question(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if !service.is_empty() {
        message.put_u8(1 << 3 | 2);
        let mut n = service.len();
        while n >= 0x80 {
            message.put_u8(n as u8 | 0x80); // seven bits at a time
            n >>= 7;
        }
        message.put_u8(n as u8); // what is left of them
        message.put_slice(service.as_bytes());
    }
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(message.len() as u32); // a name in a configuration
    frame.put(message);
    frame.freeze()
}

/// Reads a HealthCheckResponse: field 1, a varint, 1 means SERVING.
fn serving(frame: &[u8]) -> Result<(), String> {
    let Some((head, message)) = frame.split_first_chunk::<5>() else {
        return Err("its answer is no gRPC message".into());
    };
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    if head[0] != 0 || length as usize != message.len() {
        return Err("its answer is no gRPC message".into());
    }
    match message {
        [0x08, 1] => Ok(()),
        [] => Err("it says that it is not serving: status 0".into()),
        [0x08, status] if *status < 0x80 => Err(format!("it says that it is not serving: status {status}")),
        _ => Err("its answer is no HealthCheckResponse".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_question_is_framed_as_grpc_frames_it() {
        assert_eq!(question("")[..], [0, 0, 0, 0, 0]);
        assert_eq!(question("ab")[..], [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b']);
        let long = question(&"x".repeat(300));
        assert_eq!(long[..8], [0, 0, 0, 1, 47, 0x0a, 0xac, 0x02]);
    }

    #[test]
    fn only_a_service_that_says_that_it_serves_is_healthy() {
        for (frame, healthy) in [
            (&[0, 0, 0, 0, 2, 8, 1][..], true),
            (&[0, 0, 0, 0, 2, 8, 2], false),
            (&[0, 0, 0, 0, 0], false),
            (&[1, 0, 0, 0, 2, 8, 1], false),
            (&[0, 0, 0, 0, 3, 8, 1], false),
            (&[0, 0], false),
            (&[0, 0, 0, 0, 2, 16, 1], false),
        ] {
            assert_eq!(serving(frame).is_ok(), healthy, "{frame:?}");
        }
    }
}
