//! Answers that the router makes itself: a refusal, or the news of an upstream that failed.

use bytes::Bytes;
use http::StatusCode;
use lockstep_core::{Class, Config};
use pingora::http::ResponseHeader;

use super::grpc;
use super::headers::{KEY, announce};
use crate::driver::Admission;

/// A response with its whole body.
pub(crate) struct Answer {
    pub(crate) header: Box<ResponseHeader>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// An answer of our own in plain text. `status` 0 means the one of the class's row in R16.
    pub(crate) fn of(adm: &Admission, id: &[u8], class: Class, status: u16, grpc: bool) -> pingora::Result<Answer> {
        let text = format!("{class}: {}\n", sentence(class, adm));
        let status = match (status, class.row().status) {
            (0, 0) => 408, // nobody should be left to read it; if it is a stalled upload, somebody is
            (0, s) => s,
            (s, _) => s,
        };
        let mut answer = Answer::plain(status, text)?;
        let h = &mut answer.header;
        match class {
            // The client should open its next one elsewhere (R14).
            Class::DRAINING => h.insert_header("Connection", "close")?,
            // What is missing is room, and that comes and goes in a second.
            Class::SHED | Class::FAIR_SHARE => h.insert_header("Retry-After", "1")?,
            Class::UNAUTHORIZED => h.insert_header("Www-Authenticate", "Bearer")?, // RFC 9110, 15.5.2
            _ => {}
        }
        announce(h, adm, id)?;
        if grpc {
            answer.speak_grpc(class)?;
        }
        Ok(answer)
    }

    /// A status and a text.
    pub(crate) fn plain(status: u16, text: String) -> pingora::Result<Answer> {
        let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut header = Box::new(ResponseHeader::build(code, Some(8))?);
        header.insert_header("Content-Type", "text/plain; charset=utf-8")?;
        header.insert_header("Content-Length", text.len().to_string())?;
        header.insert_header("X-Content-Type-Options", "nosniff")?;
        Ok(Answer { header, body: Bytes::from(text) })
    }

    /// Replaces the text of an answer.
    pub(crate) fn say(&mut self, text: String) -> pingora::Result<()> {
        if self.header.headers.contains_key("grpc-message") {
            return self.header.insert_header("Grpc-Message", grpc::percent(text.trim_end_matches('\n')));
        }
        self.header.insert_header("Content-Length", text.len().to_string())?;
        self.body = Bytes::from(text);
        Ok(())
    }

    /// Turns it into one that a gRPC client understands. The HTTP status that it replaces is lost on the wire.
    fn speak_grpc(&mut self, class: Class) -> pingora::Result<()> {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        let h = &mut self.header;
        h.set_status(StatusCode::OK)?;
        h.remove_header("Content-Length");
        h.insert_header("Content-Type", "application/grpc")?;
        h.insert_header("Grpc-Status", grpc::code(class).to_string())?;
        h.insert_header("Grpc-Message", grpc::percent(text.trim_end_matches('\n')))?;
        self.body = Bytes::new();
        Ok(())
    }
}

/// Whether a configuration finds keys in its own way.
fn own(c: Option<&Config>) -> bool {
    c.is_some_and(|c| c.routes() > 1 || c.edge().starts_with(r#"{"routing":"#))
}

/// Says to a person what a class means for this request.
fn sentence(c: Class, adm: &Admission) -> String {
    let place = &adm.target.placement;
    let config = adm.target.config.as_deref();
    match c {
        Class::NO_KEY if own(config) => "the request has no routing key where its route looks for one".into(),
        Class::NO_KEY => format!("the request has no {KEY} header"),
        Class::UNKNOWN_KEY if own(config) => "no placement is configured for the routing key of the request".into(),
        Class::UNKNOWN_KEY => format!("no placement is configured for this {KEY}"),
        Class::NO_ROUTE => "no route takes requests for this host and path".into(),
        Class::UNAUTHORIZED => "the token of the request does not hold".into(),
        Class::BAD_REQUEST => "the request is not one that can be passed on".into(),
        Class::BODY_TOO_LARGE => "the request body is larger than its placement accepts".into(),
        Class::LIMIT_REACHED => format!("placement {place} has as many requests in flight as it may"),
        Class::QUEUE_TIMEOUT => format!("placement {place} had no room for the request in time"),
        Class::SHED => format!("placement {place} is filling, and more critical requests come first"),
        Class::FAIR_SHARE => format!("placement {place} is filling, and this tenant holds its share of it"),
        Class::CIRCUIT_OPEN => format!("the circuit of placement {place} is open and no fallback takes the request"),
        Class::NO_ENDPOINT => format!("placement {place} has no healthy endpoint and no fallback takes the request"),
        Class::NOT_READY => "the router has no configuration yet".into(),
        Class::DRAINING => "the router is shutting down".into(),
        Class::REQUEST_TIMEOUT | Class::CLIENT_GONE => "the request did not arrive in time".into(),
        Class::INTERNAL => "the router could not handle the request".into(),
        _ => upstream_sentence(c, place),
    }
}

fn upstream_sentence(c: Class, place: &str) -> String {
    match c {
        Class::DNS => format!("the name of the upstream of {place} does not resolve"),
        Class::CONNECT_REFUSED => format!("the upstream of {place} refuses connections"),
        Class::CONNECT_TIMEOUT => format!("the upstream of {place} did not accept the connection in time"),
        Class::TLS => format!("the TLS handshake with the upstream of {place} failed"),
        Class::RESET_BEFORE_RESPONSE => format!("the upstream of {place} closed the connection before it answered"),
        Class::RESPONSE_TIMEOUT => format!("the upstream of {place} did not answer in time"),
        Class::BAD_RESPONSE => format!("the upstream of {place} answered with something that is not HTTP"),
        _ => format!("the upstream of {place} failed"),
    }
}
