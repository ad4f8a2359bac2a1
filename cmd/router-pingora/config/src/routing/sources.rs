//! The places where a key may stand. A value that may not be used is a refusal, never passed over.

use super::jwks::KeyFile;
use super::jwt::Tokens;
use super::parts::{below, cut_segment, labels, unescape};
use super::table::Query;
use crate::settings;
use lockstep_core::Class;
use std::sync::Arc;

/// One compiled key source.
pub(super) struct Source {
    pub(super) name: String,
    place: Place,
    first: bool,
}

enum Place {
    Header(String),
    Label(i64),
    Host(String, String),
    Segment(i64, String),
    Query(String),
    Cookie(String),
    San { kind: SanKind, before: String, after: String },
    Jwt(Box<Tokens>),
}

#[derive(Copy, Clone, PartialEq)]
enum SanKind {
    Uri,
    Dns,
    Email,
}

/// A value, empty for none, or the class as which the request is refused.
pub(super) type Value = Result<Vec<u8>, Class>;

impl Source {
    pub(super) fn new(s: &settings::Source, files: &[Arc<KeyFile>]) -> Result<Source, String> {
        let place = if !s.header.is_empty() {
            Place::Header(s.header.clone())
        } else if s.label != 0 {
            Place::Label(s.label)
        } else if !s.host.is_empty() {
            let (before, after) = s.host.split_once('*').unwrap_or((&s.host, ""));
            Place::Host(before.into(), after.into())
        } else if s.segment != 0 {
            Place::Segment(s.segment, s.after.strip_suffix('/').unwrap_or(&s.after).into())
        } else if !s.query.is_empty() {
            Place::Query(s.query.clone())
        } else if !s.cookie.is_empty() {
            Place::Cookie(s.cookie.clone())
        } else if let Some(san) = &s.san {
            san_place(san)?
        } else if let Some(jwt) = &s.jwt {
            Place::Jwt(Box::new(Tokens::new(jwt, files)?))
        } else {
            return Err("a key source names no place".into());
        };
        Ok(Source { name: s.to_string(), place, first: s.first })
    }

    pub(super) fn read(&self, q: &Query<'_>) -> Value {
        match &self.place {
            Place::Header(name) => header(q, name, self.first),
            Place::Label(at) => Ok(label(q.host, *at).as_bytes().to_vec()),
            Place::Host(before, after) => Ok(capture(q.host, before, after, ".").as_bytes().to_vec()),
            Place::Segment(at, prefix) => segment(q.path, prefix, *at),
            Place::Query(name) => parameter(q.raw_query, name, self.first),
            Place::Cookie(name) => cookie(q, name, self.first),
            Place::San { kind, before, after } => san(q, *kind, before, after, self.first),
            Place::Jwt(tokens) => tokens.read(q),
        }
    }
}

fn san_place(s: &settings::San) -> Result<Place, String> {
    let kind = match s.kind.as_str() {
        "uri" => SanKind::Uri,
        "dns" => SanKind::Dns,
        "email" => SanKind::Email,
        kind => return Err(format!("{kind:?} is no kind of name in a certificate")),
    };
    match s.pattern.split_once('*') {
        Some((before, after)) if !after.contains('*') => {
            Ok(Place::San { kind, before: before.into(), after: after.into() })
        }
        _ => Err(format!("{:?} needs one *, which stands for the key", s.pattern)),
    }
}

/// The value of a header; several are refused or the first counts.
pub(super) fn header(q: &Query<'_>, name: &str, first: bool) -> Value {
    let (mut n, mut value) = (0, Vec::new());
    q.view.header(name, &mut |v| {
        n += 1;
        if n == 1 {
            value = v.to_vec();
        }
    });
    if n > 1 && !first { Err(Class::BAD_REQUEST) } else { Ok(value) }
}

/// A label of a host name, counted from 1 or from the end.
fn label(host: &str, at: i64) -> &str {
    let ls = labels(host);
    let at = if at < 0 { at + ls.len() as i64 + 1 } else { at };
    usize::try_from(at - 1).ok().and_then(|i| ls.get(i).copied()).unwrap_or("")
}

/// What stands between before and after, if that has none of the separators.
fn capture<'a>(s: &'a str, before: &str, after: &str, separators: &str) -> &'a str {
    if s.len() <= before.len() + after.len() || !s.starts_with(before) || !s.ends_with(after) {
        return "";
    }
    let v = &s[before.len()..s.len() - after.len()];
    if v.contains(|c| separators.contains(c)) { "" } else { v }
}

/// A segment of the path, decoded once, counted from 1 after a prefix.
fn segment(path: &str, prefix: &str, at: i64) -> Value {
    let Some(mut rest) = below(path, prefix) else { return Ok(Vec::new()) };
    let mut raw = "";
    for _ in 0..at {
        if rest.is_empty() {
            return Ok(Vec::new());
        }
        (raw, rest) = cut_segment(rest);
    }
    unescape(raw.as_bytes(), false).map(|v| v.into_owned()).ok_or(Class::BAD_REQUEST)
}

/// The value of a query parameter, decoded as a form is: once, + is a space.
fn parameter(raw: &str, name: &str, first: bool) -> Value {
    let mut found = None;
    for pair in raw.split('&') {
        let (k, v) = pair.split_once('=').unwrap_or((pair, ""));
        if unescape(k.as_bytes(), true).is_none_or(|k| &*k != name.as_bytes()) {
            continue;
        }
        if found.is_some() {
            return Err(Class::BAD_REQUEST);
        }
        let value = unescape(v.as_bytes(), true).ok_or(Class::BAD_REQUEST)?.into_owned();
        if first {
            return Ok(value);
        }
        found = Some(value);
    }
    Ok(found.unwrap_or_default())
}

/// The value of a cookie as it was sent, without quotes around it.
pub(super) fn cookie(q: &Query<'_>, name: &str, first: bool) -> Value {
    let (mut n, mut value) = (0, Vec::new());
    q.view.header("Cookie", &mut |line| {
        for pair in line.split(|b| *b == b';') {
            let pair = pair.trim_ascii_start();
            let Some(v) = pair.strip_prefix(name.as_bytes()).and_then(|v| v.strip_prefix(b"=")) else { continue };
            n += 1;
            if n == 1 {
                let v = trim_end(v);
                let bare = v.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(v);
                value = bare.to_vec();
            }
        }
    });
    if n > 1 && !first { Err(Class::BAD_REQUEST) } else { Ok(value) }
}

fn trim_end(v: &[u8]) -> &[u8] {
    let end = v.iter().rposition(|b| !matches!(b, b' ' | b'\t')).map_or(0, |i| i + 1);
    &v[..end]
}

/// A name in a client certificate. Only one that was verified counts: anybody can write one of his own.
fn san(q: &Query<'_>, kind: SanKind, before: &str, after: &str, first: bool) -> Value {
    let Some(c) = q.peer.certificate else { return Ok(Vec::new()) };
    let (names, separators) = match kind {
        SanKind::Uri => (&c.uris, "/?#@:"),
        SanKind::Dns => (&c.dns, "."),
        SanKind::Email => (&c.emails, "@"),
    };
    let mut value = String::new();
    for name in names {
        let lower;
        let mut name = name.as_str();
        if kind == SanKind::Dns {
            lower = name.to_lowercase();
            name = &lower;
        }
        let v = capture(name, before, after, separators);
        if v.is_empty() || value == v {
            continue;
        }
        if value.is_empty() {
            value = v.to_owned();
        } else if !first {
            return Err(Class::BAD_REQUEST);
        }
    }
    Ok(value.into_bytes())
}
