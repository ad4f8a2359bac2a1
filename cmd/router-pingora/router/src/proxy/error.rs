//! The error mapping: what Pingora says went wrong, and the class of R16 that it is here.
//!
//! Pingora tells a failure by a type, a source (who is to blame) and a retry flag; R16 tells it by a
//! class, which gives the status, what the breaker books and whether R11 may try again. The type alone
//! does not say enough: ReadError while reading a response's head is another thing than inside its
//! body. So a row has the phase too. Pingora's own retry flag is not obeyed: it says what pingora-proxy
//! would do, which sends a request again by itself; here core alone decides that (R11).

use lockstep_core::Class;
use pingora::{Error, ErrorSource, ErrorType};

/// What was under way when an error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading the client's request head.
    Request,
    /// Opening a connection to the endpoint, its TLS handshake included.
    Connect,
    /// Writing the request to the endpoint.
    Send,
    /// Reading the response's head.
    Head,
    /// Reading the response's body.
    Body,
    /// Reading the client's request body.
    Upload,
    /// Writing the answer to the client.
    Answer,
}

/// Pingora's retry flag on an error of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// Not to be tried again.
    No,
    /// To be tried again where the connection was a reused one.
    ReusedOnly,
}

/// One row of the mapping.
#[derive(Debug)]
pub struct Row {
    /// What was under way.
    pub phase: Phase,
    /// Pingora's type.
    pub kind: ErrorType,
    /// Whom pingora-proxy blames.
    #[cfg_attr(not(test), expect(dead_code, reason = "ERRORS.md is made of it"))]
    pub source: ErrorSource,
    /// What Pingora says of trying again.
    #[cfg_attr(not(test), expect(dead_code, reason = "ERRORS.md is made of it"))]
    pub flag: Flag,
    /// Ours; its status, breaker effect and retry rule are those of [`Class::row`].
    pub class: Class,
    /// What provokes it.
    #[cfg_attr(not(test), expect(dead_code, reason = "ERRORS.md is made of it"))]
    pub when: &'static str,
}

const fn row(phase: Phase, kind: ErrorType, source: ErrorSource, flag: Flag, class: Class, when: &'static str) -> Row {
    Row { phase, kind, source, flag, class, when }
}

/// Every type that pingora-core 0.9 gives in a phase. What is not here is [`Class::INTERNAL`], but for a
/// body, which is broken whatever broke it.
pub static TABLE: &[Row] = {
    use ErrorSource::{Downstream as Down, Internal as In, Upstream as Up};
    use ErrorType as E;
    use Flag::{No, ReusedOnly};
    use Phase::{Answer, Body, Connect, Head, Request, Send, Upload};
    &[
        row(
            Request,
            E::InvalidHTTPHeader,
            Down,
            No,
            Class::BAD_REQUEST,
            "the request is not HTTP, or its framing is doubtful",
        ),
        row(Request, E::ReadTimedout, Down, No, Class::REQUEST_TIMEOUT, "the request's head does not come"),
        row(Request, E::ConnectionClosed, Down, No, Class::CLIENT_GONE, "the client closes inside its request's head"),
        row(Request, E::ReadError, Down, No, Class::CLIENT_GONE, "the client resets inside its request's head"),
        row(
            Connect,
            E::Custom(NO_NAME),
            Up,
            No,
            Class::DNS,
            "the endpoint's name does not resolve (ours: Pingora takes addresses)",
        ),
        row(Connect, E::ConnectRefused, Up, No, Class::CONNECT_REFUSED, "nobody listens, or a firewall refuses"),
        row(Connect, E::ConnectNoRoute, Up, No, Class::CONNECT_REFUSED, "there is no route to the endpoint"),
        row(Connect, E::ConnectError, Up, No, Class::CONNECT_REFUSED, "connecting fails in another way"),
        row(
            Connect,
            E::ConnectTimedout,
            Up,
            No,
            Class::CONNECT_TIMEOUT,
            "a firewall drops, the backlog is full, or a handshake stands still",
        ),
        row(Connect, E::TLSHandshakeTimedout, Up, No, Class::CONNECT_TIMEOUT, "the TLS handshake stands still"),
        row(Connect, E::TLSHandshakeFailure, Up, No, Class::TLS, "no TLS, an unknown CA, another name"),
        row(Connect, E::InvalidCert, Up, No, Class::TLS, "the endpoint's certificate cannot be read"),
        row(Connect, E::HandshakeError, Up, No, Class::TLS, "the handshake fails in another way"),
        row(
            Connect,
            E::H2Downgrade,
            Up,
            No,
            Class::TLS,
            "the endpoint does not offer HTTP/2, and nothing else will do",
        ),
        row(Connect, E::H2Error, Up, No, Class::BAD_RESPONSE, "the endpoint does not begin HTTP/2 as it must"),
        row(Connect, E::InvalidH2, Up, No, Class::BAD_RESPONSE, "the endpoint sends frames that are none"),
        row(Connect, E::BindError, In, No, Class::INTERNAL, "no local address or port is left"),
        row(Connect, E::SocketError, In, No, Class::INTERNAL, "no socket can be made"),
        row(Connect, E::InternalError, In, No, Class::INTERNAL, "the router is out of files or local ports"),
        row(Send, E::InvalidHTTPHeader, Up, No, Class::BAD_REQUEST, "the request would not be read back as it is"),
        row(
            Send,
            E::WriteError,
            Up,
            No,
            Class::RESET_BEFORE_RESPONSE,
            "the connection ends while the request is written",
        ),
        row(Send, E::WriteTimedout, Up, No, Class::RESPONSE_TIMEOUT, "the endpoint does not take the request in"),
        row(
            Send,
            E::ConnectionClosed,
            Up,
            No,
            Class::RESET_BEFORE_RESPONSE,
            "the endpoint closes while the request is written",
        ),
        row(Send, E::H2Error, Up, No, Class::RESET_BEFORE_RESPONSE, "the endpoint resets the stream, or says GOAWAY"),
        row(
            Head,
            E::ConnectionClosed,
            Up,
            ReusedOnly,
            Class::RESET_BEFORE_RESPONSE,
            "FIN before the end of the response's head",
        ),
        row(
            Head,
            E::ReadError,
            Up,
            ReusedOnly,
            Class::RESET_BEFORE_RESPONSE,
            "RST before the end of the response's head",
        ),
        row(Head, E::ReadTimedout, Up, No, Class::RESPONSE_TIMEOUT, "no response head in time"),
        row(Head, E::InvalidHTTPHeader, Up, No, Class::BAD_RESPONSE, "what came is not HTTP"),
        row(Head, E::H1Error, Up, No, Class::BAD_RESPONSE, "what came is not HTTP/1"),
        row(Head, E::H2Error, Up, No, Class::RESET_BEFORE_RESPONSE, "the endpoint resets the stream, or says GOAWAY"),
        row(Head, E::InvalidH2, Up, No, Class::BAD_RESPONSE, "the endpoint sends frames that are none"),
        row(Body, E::ReadTimedout, Up, No, Class::BODY_TIMEOUT, "the response's body stands still"),
        row(Body, E::ConnectionClosed, Up, No, Class::BROKEN_BODY, "FIN inside the response's body"),
        row(Body, E::ReadError, Up, No, Class::BROKEN_BODY, "RST inside the response's body"),
        row(Body, INVALID_CHUNK, Up, No, Class::BROKEN_BODY, "a chunk of the response is none"),
        row(Body, E::H2Error, Up, No, Class::BROKEN_BODY, "the stream is reset inside the response's body"),
        row(Upload, E::ConnectionClosed, Down, No, Class::CLIENT_GONE, "the client closes inside its request's body"),
        row(Upload, E::ReadError, Down, No, Class::CLIENT_GONE, "the client resets inside its request's body"),
        row(Upload, E::H2Error, Down, No, Class::CLIENT_GONE, "the client resets its stream"),
        row(Upload, E::ReadTimedout, Down, No, Class::REQUEST_TIMEOUT, "the request's body stands still"),
        row(Upload, INVALID_CHUNK, Down, No, Class::BAD_REQUEST, "a chunk of the request is none"),
        row(Upload, INVALID_TRAILER, Down, No, Class::BAD_REQUEST, "the request's trailers are none"),
        row(Answer, E::WriteError, Down, No, Class::CLIENT_GONE, "the client is gone when the answer is written"),
        row(Answer, E::WriteTimedout, Down, No, Class::CLIENT_GONE, "the client does not take the answer in"),
        row(Answer, E::ConnectionClosed, Down, No, Class::CLIENT_GONE, "the client closes while it is answered"),
        row(Answer, E::H2Error, Down, No, Class::CLIENT_GONE, "the client resets its stream"),
    ]
};

/// Our own type for a name that has no address.
pub const NO_NAME: &str = "NameNotResolved";
/// As pingora-core's body reader names them; its constants are not public.
const INVALID_CHUNK: ErrorType = ErrorType::new("InvalidChunk");
const INVALID_TRAILER: ErrorType = ErrorType::new("InvalidTrailerEnd");

/// The class of a failure in a phase (R16).
pub fn class_of(phase: Phase, e: &Error) -> Class {
    if matches!(phase, Phase::Head | Phase::Send) && is_alert(e) {
        return Class::TLS; // TLS 1.3 tells of a refused client certificate only now
    }
    let found = TABLE.iter().find(|r| r.phase == phase && r.kind == e.etype);
    match (found, phase) {
        (Some(r), _) => r.class,
        (None, Phase::Body) => Class::BROKEN_BODY,
        (None, _) => Class::INTERNAL,
    }
}

/// Says of a failed write of a request's head whether it can be repeated on another connection without
/// being sent twice: the kept connection had ended, and took not a byte.
pub fn took_nothing(e: &Error) -> bool {
    io_kind(e).is_some_and(|k| {
        use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
        matches!(k, BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected)
    })
}

fn io_kind(e: &Error) -> Option<std::io::ErrorKind> {
    let mut at: Option<&(dyn std::error::Error + 'static)> = e.cause.as_ref().map(|c| c.as_ref() as _);
    while let Some(c) = at {
        if let Some(io) = c.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        at = c.source();
    }
    None
}

/// A TLS alert reaches us as the text of an IO error, of which each library has its own.
fn is_alert(e: &Error) -> bool {
    e.cause.as_ref().is_some_and(|c| c.to_string().to_ascii_lowercase().contains("alert"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::hygiene::Reason;
    use lockstep_core::{Effect, RetryRule};

    /// What the table must say, written down a second time and by hand: status, effect, retry.
    fn meaning(c: Class) -> (u16, Effect, RetryRule) {
        use Effect::{Excluded, Failure};
        use RetryRule::{IfSafe, Never, NothingSent};
        match c {
            Class::BAD_REQUEST => (400, Excluded, Never),
            Class::REQUEST_TIMEOUT => (408, Excluded, Never),
            Class::CLIENT_GONE => (0, Excluded, Never),
            Class::INTERNAL => (500, Excluded, Never),
            Class::DNS | Class::CONNECT_REFUSED | Class::CONNECT_TIMEOUT | Class::TLS => (502, Failure, NothingSent),
            Class::RESET_BEFORE_RESPONSE | Class::BAD_RESPONSE => (502, Failure, IfSafe),
            Class::RESPONSE_TIMEOUT => (504, Failure, IfSafe),
            Class::BROKEN_BODY | Class::BODY_TIMEOUT => (0, Failure, Never),
            _ => panic!("{c} is not in the table"),
        }
    }

    #[test]
    fn every_row_has_the_status_effect_and_retry_of_its_class() {
        for r in TABLE {
            let e = Error::create(r.kind.clone(), r.source.clone(), None, None);
            let class = class_of(r.phase, &e);
            assert_eq!(class, r.class, "{:?} {:?}", r.phase, r.kind);
            let is = class.row();
            assert_eq!((is.status, is.effect, is.retry), meaning(class), "{:?} {:?}", r.phase, r.kind);
        }
    }

    /// The table for a person. `LOCKSTEP_REWRITE=1` writes the file anew.
    #[test]
    fn errors_md_is_what_the_table_says() {
        let mut text = String::from(HEAD);
        for r in TABLE {
            let is = r.class.row();
            let status = if is.status == 0 { "-".to_string() } else { is.status.to_string() };
            let flag = if r.flag == Flag::No { "no" } else { "reused only" };
            let (effect, retry) = (format!("{:?}", is.effect).to_lowercase(), retry(is.retry));
            let kind = r.kind.as_str();
            text.push_str(&format!(
                "| {:?} | {kind} | {} | {flag} | {} | {} | {status} | {effect} | {retry} | {} |\n",
                r.phase,
                r.source.as_str(),
                go(r),
                is.label,
                r.when
            ));
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ERRORS.md");
        if std::env::var_os("LOCKSTEP_REWRITE").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), text, "rewrite it with LOCKSTEP_REWRITE=1");
    }

    const HEAD: &str = "\
# Errors: Pingora's, and what they are here

Made from `src/proxy/error.rs` by its test. `Phase` is what was under way. `Retry` is Pingora's own flag, which is not obeyed: whether R11 tries
again is the last column but one, and core's to decide. `Go` is what the Go router makes the same class of there. Status `-`: the upstream's own status
has gone out already, or nobody is left to tell.
The times are our own (`exchange.rs`): Pingora's one `read_timeout` is not set, and what its types say of time has the class that ours have.

| Phase | Pingora's type | Source | Retry | Go | Class (R16) | Status | Breaker | R11 | When |
|---|---|---|---|---|---|---|---|---|---|
";

    /// The Go router's error for a row: adapters/http1/reason.go, adapters/upstream/errors.go, h2call.go,
    /// head.go and parse.go, adapters/httpproxy/upload.go, body.go and watch.go.
    fn go(r: &Row) -> &'static str {
        use Phase::{Answer, Body, Connect, Head, Request, Send, Upload};
        match (r.phase, r.class) {
            (Request, Class::BAD_REQUEST) => "http1.Reason of the head",
            (Request, Class::REQUEST_TIMEOUT) => "http1.HeaderTimeout",
            (Request, Class::CLIENT_GONE) => "http1.ClientClosedEarly",
            (Connect, Class::DNS) => "*net.DNSError",
            (Connect, Class::CONNECT_REFUSED) => "any other error of the dial",
            (Connect, Class::CONNECT_TIMEOUT) => "context.DeadlineExceeded, Timeout()",
            (Connect, Class::TLS) if r.kind == ErrorType::H2Downgrade => "NegotiatedProtocol is not h2",
            (Connect, Class::TLS) => "any other error of the handshake",
            (Connect, Class::INTERNAL) => "EMFILE, ENFILE, EADDRNOTAVAIL",
            (Connect | Head, Class::BAD_RESPONSE) if h2(r) => "any other error of http.ClientConn",
            (Send, Class::BAD_REQUEST) => "upstream.badRequest",
            (Send | Head, Class::RESET_BEFORE_RESPONSE) if h2(r) => "stream error from the peer, GOAWAY",
            (Send | Head, Class::RESET_BEFORE_RESPONSE) => "io.EOF, io.ErrUnexpectedEOF, *net.OpError",
            (Send | Head, Class::RESPONSE_TIMEOUT) => "timer of the exchange",
            (Head, Class::BAD_RESPONSE) => "upstream.notHTTP",
            (Body, Class::BODY_TIMEOUT) => "timer of the exchange",
            (Body, Class::BROKEN_BODY) => "any error of the body's Read",
            (Upload, Class::CLIENT_GONE) => "io.ErrUnexpectedEOF, *net.OpError",
            (Upload, Class::REQUEST_TIMEOUT) => "os.ErrDeadlineExceeded, http1.BodyTimeout",
            (Upload, Class::BAD_REQUEST) => "*http1.BodyError, any other",
            (Answer, Class::CLIENT_GONE) => "any error of a Write",
            _ => panic!("{:?} {:?}: what is it in Go?", r.phase, r.kind),
        }
    }

    fn h2(r: &Row) -> bool {
        matches!(r.kind, ErrorType::H2Error | ErrorType::InvalidH2)
    }

    fn retry(r: RetryRule) -> &'static str {
        match r {
            RetryRule::Never => "never",
            RetryRule::IfSafe => "if safe",
            RetryRule::NothingSent => "nothing was sent",
        }
    }

    #[test]
    fn no_phase_has_two_rows_of_one_type() {
        for (i, a) in TABLE.iter().enumerate() {
            for b in &TABLE[i + 1..] {
                assert!(a.phase != b.phase || a.kind != b.kind, "{:?} {:?} twice", a.phase, a.kind);
            }
        }
    }

    #[test]
    fn only_what_the_endpoint_did_counts_against_it() {
        for r in TABLE {
            let blamed = r.class.row().effect == Effect::Failure;
            if blamed {
                assert_eq!(r.source, ErrorSource::Upstream, "{:?} {:?}", r.phase, r.kind);
            }
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_our_own_fault_but_a_body_is_broken_whatever_broke_it() {
        let e = Error::new(ErrorType::Custom("nobody knows"));
        for phase in [Phase::Request, Phase::Connect, Phase::Send, Phase::Head, Phase::Upload, Phase::Answer] {
            assert_eq!(class_of(phase, &e), Class::INTERNAL, "{phase:?}");
        }
        assert_eq!(class_of(Phase::Body, &e), Class::BROKEN_BODY);
    }

    #[test]
    fn an_alert_after_the_handshake_is_a_tls_failure() {
        for text in [
            "received fatal alert: CertificateRequired",
            "error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required",
            "[TLSV1_ALERT_CERTIFICATE_REQUIRED]",
        ] {
            let e = Error::because(ErrorType::ReadError, "while reading response headers", std::io::Error::other(text));
            assert_eq!(class_of(Phase::Head, &e), Class::TLS, "{text}");
        }
    }

    #[test]
    fn what_pingora_says_of_a_head_has_the_class_of_its_reason() {
        for r in TABLE.iter().filter(|r| r.phase == Phase::Request) {
            let e = Error::new(r.kind.clone());
            assert_eq!(Reason::of(&e).class, r.class, "{:?}", r.kind);
        }
    }
}
