//! The parts of a request as they are compared: the host in lower case without port, the path as it was
//! sent, segment by segment.

use std::borrow::Cow;
use std::net::IpAddr;

/// The name in a Host header: in lower case, without port, without the dot at the end, an IPv6 address
/// without brackets.
pub(super) fn host_of(host: &str) -> Cow<'_, str> {
    let name = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or(""),
        None => {
            let name = host.rfind(':').map_or(host, |i| &host[..i]);
            name.strip_suffix('.').unwrap_or(name)
        }
    };
    if name.chars().any(char::is_uppercase) { name.to_lowercase().into() } else { name.into() }
}

/// Splits a host name; an address has no labels.
pub(super) fn labels(host: &str) -> Vec<&str> {
    if host.is_empty() || host.parse::<IpAddr>().is_ok() {
        return Vec::new();
    }
    host.split('.').collect()
}

/// Whether a path has a segment . or .., plain or encoded, or a slash, backslash or NUL in disguise: two
/// readers would take it for two paths.
pub(super) fn unclear(path: &str) -> bool {
    if path.contains('\\') {
        return true;
    }
    if !path.contains('%') {
        return path.contains("/./") || path.contains("/../") || path.ends_with("/.") || path.ends_with("/..");
    }
    let mut rest = path;
    while !rest.is_empty() {
        let (raw, tail) = cut_segment(rest);
        rest = tail;
        match unescape(raw.as_bytes(), false) {
            Some(s) if !matches!(&*s, b"." | b"..") && !s.iter().any(|b| b"/\\\0".contains(b)) => {}
            _ => return true,
        }
    }
    false
}

/// Splits /a/b into a and /b.
pub(super) fn cut_segment(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.find('/').map_or((path, ""), |i| path.split_at(i))
}

/// What follows a prefix of whole segments, "" or with its slash. Each segment is compared decoded.
pub(super) fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    if !path.starts_with('/') {
        return None; // OPTIONS *
    }
    if !path.contains('%') {
        return path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    }
    let (mut path, mut prefix) = (path, prefix);
    while !prefix.is_empty() {
        if path.is_empty() {
            return None;
        }
        let (want, rest) = cut_segment(prefix);
        let (raw, tail) = cut_segment(path);
        (prefix, path) = (rest, tail);
        if unescape(raw.as_bytes(), false)?.as_ref() != want.as_bytes() {
            return None;
        }
    }
    Some(path)
}

/// Decodes percent-encoding once; `plus` says that + is a space. None where it is not well formed.
pub(super) fn unescape(s: &[u8], plus: bool) -> Option<Cow<'_, [u8]>> {
    let plain = |c: &u8| *c != b'%' && (*c != b'+' || !plus);
    if s.iter().all(plain) {
        return Some(s.into());
    }
    let mut out = Vec::with_capacity(s.len());
    let mut i = 0;
    while i < s.len() {
        match s[i] {
            b'%' => {
                let digits = s.get(i + 1..i + 3)?;
                let hex = |b: u8| (b as char).to_digit(16);
                out.push((hex(digits[0])? << 4 | hex(digits[1])?) as u8);
                i += 2;
            }
            b'+' if plus => out.push(b' '),
            c => out.push(c),
        }
        i += 1;
    }
    Some(out.into())
}
