//! What a head must be to be believed, in requests and responses: what two programs read differently is
//! how one message is taken for two.
//!
//! Pingora's parser refuses some of it and mends the rest (of two framings it drops one, a bare LF ends a
//! line). So the head is looked at once more as it came. Reasons, statuses and words are those of the Go
//! side's server (adapters/http1/reason.go); where Pingora refuses first, its error says which it is.

use lockstep_core::Class;
use pingora::{Error, ErrorType};

/// Why a request is none. The list is closed: the log uses it as a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) code: &'static str,
    pub(crate) status: u16,
    pub(crate) class: Class,
    text: &'static str,
}

const fn bad(code: &'static str, status: u16, text: &'static str) -> Reason {
    Reason { code, status, class: Class::BAD_REQUEST, text }
}

pub(crate) const BAD_REQUEST_LINE: Reason =
    bad("bad_request_line", 400, "the request line is not method, target and version with one space between them");
const BAD_METHOD: Reason = bad("bad_method", 400, "the method is not a name in capital letters");
const BAD_TARGET: Reason = bad("bad_target", 400, "the request target is not one that a URL allows");
const NUL: Reason = bad("nul", 400, "there is a zero byte in the head");
const BAD_TRAILER: Reason = bad("bad_trailer", 400, "a trailer is one that only a header can be");
const BAD_VERSION: Reason = bad("bad_version", 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
pub(crate) const CONNECT: Reason = bad("connect", 405, "CONNECT is not proxied");
const BARE_LF: Reason = bad("bare_lf", 400, "a line ends in LF without CR");
const BARE_CR: Reason = bad("bare_cr", 400, "there is a CR that does not end a line");
const BAD_HEADER_NAME: Reason =
    bad("bad_header_name", 400, "a header line has no name, or one with a character that no name has");
const BAD_HEADER_VALUE: Reason = bad("bad_header_value", 400, "there is a control character in a header's value");
const OBS_FOLD: Reason = bad("obs_fold", 400, "a header is continued on a second line");
const MISSING_HOST: Reason = bad("missing_host", 400, "the request has no Host header");
const REPEATED_HOST: Reason = bad("repeated_host", 400, "the request has more than one Host header");
const BAD_HOST: Reason =
    bad("bad_host", 400, "the Host header is not a host with perhaps a port, or not the one of the target");
const REPEATED_LENGTH: Reason = bad("repeated_length", 400, "the request has more than one Content-Length header");
const BAD_LENGTH: Reason = bad("bad_length", 400, "the Content-Length is not a number that can be");
const BOTH_LENGTHS: Reason = bad("both_lengths", 400, "the request has both Content-Length and Transfer-Encoding");
const TE_NOT_LAST: Reason = bad("te_not_last", 400, "chunked must be the last transfer coding, and be there once");
const TE_UNKNOWN: Reason = bad("te_unknown", 501, "the only transfer coding understood is chunked");
const TE_ON_HTTP10: Reason = bad("te_on_http10", 400, "HTTP/1.0 has no Transfer-Encoding");
const BAD_EXPECT: Reason = bad("bad_expect", 417, "the only expectation understood is 100-continue");
const URI_TOO_LONG: Reason = Reason {
    code: "uri_too_long",
    status: 414,
    class: Class::URI_TOO_LONG,
    text: "the request target is longer than accepted",
};
const HEADER_TOO_LARGE: Reason = Reason {
    code: "header_too_large",
    status: 431,
    class: Class::HEADER_TOO_LARGE,
    text: "the request's head is larger than accepted",
};
const TOO_MANY_HEADERS: Reason = Reason {
    code: "too_many_headers",
    status: 431,
    class: Class::HEADER_TOO_LARGE,
    text: "the request has more headers than accepted",
};
const HEADER_TIMEOUT: Reason = Reason {
    code: "header_timeout",
    status: 408,
    class: Class::REQUEST_TIMEOUT,
    text: "the request's head did not arrive in time",
};
const CLIENT_CLOSED_EARLY: Reason = Reason {
    code: "client_closed_early",
    status: 0,
    class: Class::CLIENT_GONE,
    text: "the client closed the connection inside a request",
};

/// Limits of a request's head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) target: usize,
    pub(crate) head: usize,
    pub(crate) fields: usize,
}

impl Reason {
    /// What the client is told.
    pub(crate) fn says(&self) -> String {
        let class = self.class.row().label;
        if class == self.code {
            format!("{class}: {}\n", self.text)
        } else {
            format!("{class}: {}: {}\n", self.code, self.text)
        }
    }

    /// The reason behind an error of Pingora's while it read a head. Some it tells by type, some by its
    /// parser's error, the rest by its words; a test notices when those change.
    pub(crate) fn of(e: &Error) -> Reason {
        match e.etype {
            ErrorType::ReadTimedout => return HEADER_TIMEOUT,
            ErrorType::ConnectionClosed | ErrorType::ReadError => return CLIENT_CLOSED_EARLY,
            _ => {}
        }
        let (said, cause) = (
            e.context.as_ref().map_or("", |c| c.as_str()),
            e.cause.as_ref().map(ToString::to_string).unwrap_or_default(),
        );
        let parser = [
            ("invalid header name", BAD_HEADER_NAME),
            ("invalid header value", BAD_HEADER_VALUE),
            ("invalid new line", BARE_CR),
            ("too many headers", TOO_MANY_HEADERS),
            ("invalid HTTP version", BAD_VERSION),
        ];
        let words = [
            ("larger than", HEADER_TOO_LARGE),
            ("multiple Host", REPEATED_HOST),
            ("Host", BAD_HOST),
            ("userinfo", BAD_HOST),
            ("authority", BAD_HOST),
            ("HTTP/1.0 requests cannot", TE_ON_HTTP10),
            ("non-chunked final", TE_NOT_LAST),
            ("ontent-", BAD_LENGTH),
        ];
        let by_cause = parser.iter().find(|(text, _)| cause.contains(text));
        let by_words = words.iter().find(|(text, _)| !said.starts_with("buf:") && said.contains(text));
        by_cause.or(by_words).map_or(BAD_REQUEST_LINE, |(_, r)| *r)
    }
}

/// Looks at a request's head as it came, which Pingora's parser let pass.
pub(crate) fn request(head: &[u8], limits: Limits) -> Result<(), Reason> {
    // One empty line before a request is borne with, as RFC 9112, 2.2 wants it.
    let head = head.strip_prefix(b"\r\n").unwrap_or(head);
    if head.starts_with(b"\r\n") {
        return Err(BAD_REQUEST_LINE);
    }
    let mut lines = lines(head).map_err(|()| BARE_LF)?;
    let line = RequestLine::of(lines.next().unwrap_or_default())?;
    if line.target.len() > limits.target {
        return Err(URI_TOO_LONG);
    }
    if head.len() > limits.head {
        return Err(HEADER_TOO_LARGE);
    }
    line.judge_target()?;
    let f = Fields::of(lines).map_err(|()| OBS_FOLD)?;
    if f.count > limits.fields {
        return Err(TOO_MANY_HEADERS);
    }
    match f.hosts {
        0 if line.version == b"HTTP/1.1" => return Err(MISSING_HOST),
        0 | 1 => {}
        _ => return Err(REPEATED_HOST),
    }
    framing(&f)?;
    line.judge_host(&f)?;
    if f.bad_trailer {
        return Err(BAD_TRAILER);
    }
    if f.bad_expect { Err(BAD_EXPECT) } else { Ok(()) }
}

/// Judges what says how long a request is.
fn framing(f: &Fields<'_>) -> Result<(), Reason> {
    if f.lengths > 1 {
        return Err(REPEATED_LENGTH);
    }
    if f.bad_length {
        return Err(BAD_LENGTH);
    }
    if f.codings.is_empty() {
        return Ok(());
    }
    if f.lengths > 0 {
        return Err(BOTH_LENGTHS);
    }
    let chunked = |c: &[u8]| c.eq_ignore_ascii_case(b"chunked");
    match f.codings.as_slice() {
        [one] if chunked(one) => Ok(()),
        [before @ .., last] if chunked(last) && before.iter().all(|c| !chunked(c) && !c.is_empty()) => Err(TE_UNKNOWN),
        _ => Err(TE_NOT_LAST),
    }
}

/// The first line of a request: method, target and version with one space between them.
struct RequestLine<'a> {
    method: &'a [u8],
    target: &'a [u8],
    version: &'a [u8],
}

impl<'a> RequestLine<'a> {
    fn of(line: &'a [u8]) -> Result<RequestLine<'a>, Reason> {
        if line.contains(&0) {
            return Err(NUL);
        }
        if line.contains(&b'\r') {
            return Err(BARE_CR);
        }
        let (method, rest) = split(line, b' ');
        if !method.iter().all(|c| matches!(c, b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_')) || method.len() > 32 {
            return Err(BAD_METHOD);
        }
        let (target, version) = split(rest, b' ');
        if target.is_empty() || !matches!(version, b"HTTP/1.1" | b"HTTP/1.0") {
            return Err(BAD_REQUEST_LINE);
        }
        Ok(RequestLine { method, target, version })
    }

    /// A target is a path, an absolute URL, or * of OPTIONS, in visible ASCII without #.
    fn judge_target(&self) -> Result<(), Reason> {
        let visible = self.target.iter().all(|c| matches!(c, b'!'..=b'~') && *c != b'#');
        let whole = self.target == b"*" && self.method == b"OPTIONS";
        let form = self.target.starts_with(b"/") || whole || self.authority().is_some();
        if visible && form { Ok(()) } else { Err(BAD_TARGET) }
    }

    /// The authority of an absolute target.
    fn authority(&self) -> Option<&'a [u8]> {
        let schemes: [&[u8]; 2] = [b"http://", b"https://"];
        let begins = |s: &&[u8]| self.target.len() > s.len() && self.target[..s.len()].eq_ignore_ascii_case(s);
        let at = &self.target[schemes.into_iter().find(begins)?.len()..];
        Some(&at[..at.iter().position(|c| matches!(c, b'/' | b'?')).unwrap_or(at.len())])
    }

    /// Host must be a host, and that of an absolute target.
    fn judge_host(&self, f: &Fields<'_>) -> Result<(), Reason> {
        if f.hosts > 0 && !valid_host(f.host) {
            return Err(BAD_HOST);
        }
        match self.authority() {
            Some(a) if !valid_host(a) => Err(BAD_TARGET),
            Some(a) if f.hosts > 0 && !a.eq_ignore_ascii_case(f.host) => Err(BAD_HOST),
            _ => Ok(()),
        }
    }
}

/// Whether it is a name, an IPv4 address or an IPv6 address in brackets, with a port or without.
fn valid_host(host: &[u8]) -> bool {
    let port = if host.starts_with(b"[") {
        let Some(end) = host.iter().position(|&c| c == b']').filter(|&end| end >= 3) else { return false };
        if !host[1..end].iter().all(|c| c.is_ascii_hexdigit() || matches!(c, b':' | b'.')) {
            return false;
        }
        &host[end + 1..]
    } else {
        let name = |c: &u8| c.is_ascii_alphanumeric() || b"-._~".contains(c);
        let end = host.iter().position(|c| !name(c)).unwrap_or(host.len());
        if end == 0 {
            return false;
        }
        &host[end..]
    };
    match port {
        [] => true,
        [b':', digits @ ..] if digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit) => {
            digits.iter().fold(0, |n, c| n * 10 + u32::from(c - b'0')) < 1 << 16
        }
        _ => false,
    }
}

/// Whether a field may come after the body: not one that frames, routes or authorises the request (RFC
/// 9110, 6.5.1). The name is in small letters.
fn may_trail(name: &[u8]) -> bool {
    const NEVER: [&[u8]; 20] = [
        b"content-length",
        b"transfer-encoding",
        b"trailer",
        b"host",
        b"connection",
        b"keep-alive",
        b"te",
        b"upgrade",
        b"expect",
        b"max-forwards",
        b"range",
        b"authorization",
        b"proxy-authorization",
        b"proxy-connection",
        b"cookie",
        b"content-encoding",
        b"content-type",
        b"content-range",
        b"x-routing-key",
        b"x-request-id",
    ];
    let token = |c: &u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(c);
    name.iter().all(token) && !NEVER.contains(&name) && !name.starts_with(b"x-forwarded-")
}

/// Largest head of a response in bytes.
const RESPONSE_MAX: usize = 64 << 10;

/// Looks at a response's head as it came; the error says what is not HTTP about it.
pub(crate) fn response(head: &[u8], informational: bool) -> Result<(), &'static str> {
    if head.len() > RESPONSE_MAX {
        return Err("the header is larger than 65536 bytes");
    }
    let mut lines = lines(head).map_err(|()| "a line of the header does not end in CR LF")?;
    let status = lines.next().unwrap_or_default();
    let f = Fields::of(lines).map_err(|()| "a header field is continued on a second line")?;
    let framed = f.lengths > 0 || !f.codings.is_empty();
    match f.codings.as_slice() {
        _ if informational && framed => Err("an informational response has a body"),
        [] if f.lengths > 1 => Err("the response has more than one length"),
        [] if f.listed => Err("the length is a list"),
        [] => Ok(()),
        _ if f.lengths > 0 => Err("the response has both a length and a transfer coding"),
        _ if status.starts_with(b"HTTP/1.0") => Err("HTTP/1.0 has no transfer coding"),
        [one] if one.eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err("the only transfer coding understood is one chunked"),
    }
}

/// The lines of a head without their ends; an error is one that ends in LF alone.
fn lines(head: &[u8]) -> Result<impl Iterator<Item = &[u8]>, ()> {
    let bare = |(i, c): (usize, &u8)| *c == b'\n' && (i == 0 || head[i - 1] != b'\r');
    if head.iter().enumerate().any(bare) {
        return Err(());
    }
    Ok(head.split(|&c| c == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l)).filter(|l| !l.is_empty()))
}

fn split(line: &[u8], at: u8) -> (&[u8], &[u8]) {
    match line.iter().position(|&c| c == at) {
        Some(i) => (&line[..i], &line[i + 1..]),
        None => (line, &[]),
    }
}

/// What of a head's fields says how long the message is, and for whom.
#[derive(Default)]
struct Fields<'a> {
    count: usize,
    hosts: usize,
    host: &'a [u8],
    lengths: usize,
    bad_length: bool,
    bad_trailer: bool,
    listed: bool,
    codings: Vec<&'a [u8]>,
    bad_expect: bool,
}

impl<'a> Fields<'a> {
    fn of(lines: impl Iterator<Item = &'a [u8]>) -> Result<Fields<'a>, ()> {
        let mut f = Fields::default();
        for line in lines {
            if line.starts_with(b" ") || line.starts_with(b"\t") {
                return Err(());
            }
            f.count += 1;
            let (name, value) = split(line, b':');
            let (name, value) = (name.to_ascii_lowercase(), value.trim_ascii());
            match name.as_slice() {
                b"host" => {
                    f.hosts += 1;
                    f.host = value;
                }
                b"content-length" => {
                    f.lengths += 1;
                    // 18 digits are below 2^63.
                    f.bad_length |= !(1..=18).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit);
                    f.listed |= value.contains(&b',');
                }
                b"transfer-encoding" => f.codings.extend(value.split(|&c| c == b',').map(<[u8]>::trim_ascii)),
                b"trailer" => {
                    let names = value.split(|&c| c == b',').map(|n| n.trim_ascii().to_ascii_lowercase());
                    f.bad_trailer |= !names.into_iter().all(|n| may_trail(&n));
                }
                b"expect" => f.bad_expect |= !value.eq_ignore_ascii_case(b"100-continue"),
                _ => {}
            }
        }
        Ok(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<(), &'static str> {
        let limits = Limits { target: 20, head: 200, fields: 5 };
        request(text.as_bytes(), limits).map_err(|r| r.code)
    }

    #[test]
    fn a_requests_head_is_refused_for_the_reason_that_the_go_side_gives() {
        for (text, want) in [
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", Ok(())),
            ("GET / HTTP/1.0\r\n\r\n", Ok(())),
            ("GET / HTTP/1.1\nHost: h\r\n\r\n", Err("bare_lf")),
            ("get / HTTP/1.1\r\nHost: h\r\n\r\n", Err("bad_method")),
            ("GET /lllllllllllllllllllll HTTP/1.1\r\nHost: h\r\n\r\n", Err("uri_too_long")),
            ("GET / HTTP/1.1\r\nHost: h\r\n a\r\n\r\n", Err("obs_fold")),
            ("GET / HTTP/1.1\r\nA: b\r\n\r\n", Err("missing_host")),
            ("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", Err("repeated_host")),
            ("GET / HTTP/1.1\r\nHost: h\r\n1: 1\r\n2: 2\r\n3: 3\r\n4: 4\r\n5: 5\r\n\r\n", Err("too_many_headers")),
            ("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", Err("repeated_length")),
            (
                "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                Err("both_lengths"),
            ),
            ("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", Ok(())),
            ("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Err("te_unknown")),
            ("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", Err("te_not_last")),
            ("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", Err("te_not_last")),
            ("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: , chunked\r\n\r\n", Err("te_not_last")),
            ("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: Host\r\n\r\n", Err("bad_trailer")),
            ("PUT / HTTP/1.1\r\nHost: h\r\nTrailer: X-Sum, Y\r\nTransfer-Encoding: chunked\r\n\r\n", Ok(())),
            ("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", Err("bad_length")),
            ("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775808\r\n\r\n", Err("bad_length")),
            ("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", Ok(())),
            ("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", Err("bad_request_line")),
            ("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", Err("bad_request_line")),
            ("GET / x HTTP/1.1\r\nHost: h\r\n\r\n", Err("bad_request_line")),
            ("GET x HTTP/1.1\r\nHost: h\r\n\r\n", Err("bad_target")),
            ("GET * HTTP/1.1\r\nHost: h\r\n\r\n", Err("bad_target")),
            ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", Ok(())),
            ("GET /\u{7f} HTTP/1.1\r\nHost: h\r\n\r\n", Err("bad_target")),
            ("GET /\u{1b}[2J HTTP/1.1\r\nHost: h\r\n\r\n", Err("bad_target")),
            ("GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n", Err("nul")),
            ("GET /\r HTTP/1.1\r\nHost: h\r\n\r\n", Err("bare_cr")),
            ("GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n", Ok(())),
            ("GET http://g/x HTTP/1.1\r\nHost: h\r\n\r\n", Err("bad_host")),
            ("GET http://u@h HTTP/1.1\r\nHost: h\r\n\r\n", Err("bad_target")),
            ("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n", Err("bad_expect")),
            ("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n\r\n", Ok(())),
        ] {
            assert_eq!(asked(text), want, "{text:?}");
        }
        assert_eq!(
            asked(&format!("GET / HTTP/1.1\r\nHost: h\r\nA: {}\r\n\r\n", "x".repeat(200))),
            Err("header_too_large")
        );
    }

    #[test]
    fn a_host_is_a_name_or_an_address_with_perhaps_a_port() {
        for good in ["h", "a_b.example:8080", "192.0.2.1", "[2001:db8::1]:80", "h:"] {
            assert!(valid_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "", ":80", "a,b", "a b", "a/x", "u@a", "a?x", "a%00", "ä", "a:b", "a:65536", "a:80:80", "[::1", "[::1]x",
            "[f%250]",
        ] {
            assert!(!valid_host(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn a_response_that_two_programs_might_read_differently_is_none() {
        for (text, ok) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false),
            ("HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", false),
        ] {
            assert_eq!(response(text.as_bytes(), false).is_ok(), ok, "{text:?}");
        }
        assert!(response(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 1\r\n\r\n", true).is_err());
    }

    #[test]
    fn a_reason_is_told_once_where_it_is_the_class() {
        assert_eq!(URI_TOO_LONG.says(), "uri_too_long: the request target is longer than accepted\n");
        assert_eq!(CONNECT.says(), "bad_request: connect: CONNECT is not proxied\n");
    }
}
