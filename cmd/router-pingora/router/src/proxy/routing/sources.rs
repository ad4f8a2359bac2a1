//! Key sources: header, host, path, query, cookie. Those that need a verified client certificate or a
//! token are refused when the configuration comes.

use std::borrow::Cow;

use http::HeaderMap;
use lockstep_config::settings::Source;
use lockstep_core::Class;

use super::super::sticky::cookies;
use super::parts::{below, cut_segment, labels, unescape};
use super::{Query, unsupported};

type Read<'a> = Result<Cow<'a, [u8]>, Class>;

/// Says what keeps a source from being read here.
pub(super) fn check(s: &Source) -> Result<(), String> {
    if s.san.is_some() {
        return Err(unsupported(
            &s.to_string(),
            "Pingora's rustls acceptor does not hand a client certificate's names over",
        ));
    }
    if s.jwt.is_some() {
        return Err(unsupported(&s.to_string(), "it verifies no tokens"));
    }
    let places = [
        !s.header.is_empty(),
        s.label != 0,
        !s.host.is_empty(),
        s.segment != 0,
        !s.query.is_empty(),
        !s.cookie.is_empty(),
    ];
    if places.contains(&true) { Ok(()) } else { Err("a key source names no place".into()) }
}

/// The value of a source, "" for none. An error is the class as which the request is refused, because
/// the value may not be used.
pub(super) fn read<'a>(s: &Source, q: &Query<'a>) -> Read<'a> {
    match s {
        s if !s.header.is_empty() => header(q.headers, &s.header, s.first),
        s if s.label != 0 => Ok(Cow::Owned(label(&q.host, s.label).unwrap_or_default().into())),
        s if !s.host.is_empty() => {
            let (before, after) = s.host.split_once('*').unwrap_or((&s.host, ""));
            Ok(Cow::Owned(capture(&q.host, before, after).unwrap_or_default().into()))
        }
        s if s.segment != 0 => {
            segment(q.path, s.after.strip_suffix('/').unwrap_or(&s.after), s.segment).map(Cow::Owned)
        }
        s if !s.query.is_empty() => parameter(q.query, &s.query, s.first).map(Cow::Owned),
        _ => {
            let mut all = cookies(q.headers, &s.cookie).into_iter();
            let value = all.next().unwrap_or_default();
            if all.next().is_some() && !s.first { Err(Class::BAD_REQUEST) } else { Ok(Cow::Owned(value)) }
        }
    }
}

/// The value of a header; several are refused or the first counts.
fn header<'a>(h: &'a HeaderMap, name: &str, first: bool) -> Read<'a> {
    let mut all = h.get_all(name).iter();
    let Some(value) = all.next() else {
        return Ok(Cow::Borrowed(&[]));
    };
    if all.next().is_some() && !first {
        return Err(Class::BAD_REQUEST);
    }
    Ok(Cow::Borrowed(value.as_bytes()))
}

/// A label of a host name, counted from 1 or from the end.
fn label(host: &str, at: i64) -> Option<&str> {
    let all = labels(host);
    let at = if at < 0 { at + all.len() as i64 } else { at - 1 };
    usize::try_from(at).ok().and_then(|i| all.get(i).copied())
}

/// What stands between before and after, if that is one label.
fn capture<'a>(s: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let v = s.strip_prefix(before)?.strip_suffix(after)?;
    (!v.is_empty() && !v.contains('.')).then_some(v)
}

/// A segment of the path, decoded once, counted from 1 after a prefix.
fn segment(path: &str, prefix: &str, at: i64) -> Result<Vec<u8>, Class> {
    let Some(mut rest) = below(path, prefix) else {
        return Ok(Vec::new());
    };
    let mut raw = "";
    for _ in 0..at {
        if rest.is_empty() {
            return Ok(Vec::new());
        }
        (raw, rest) = cut_segment(rest);
    }
    unescape(raw, false).ok_or(Class::BAD_REQUEST)
}

/// The value of a query parameter, decoded as a form is: once, + is a space.
fn parameter(raw: &str, name: &str, first: bool) -> Result<Vec<u8>, Class> {
    let mut found: Option<Vec<u8>> = None;
    for pair in raw.split('&') {
        let (k, v) = pair.split_once('=').unwrap_or((pair, ""));
        if unescape(k, true).as_deref() != Some(name.as_bytes()) {
            continue;
        }
        if found.is_some() {
            return Err(Class::BAD_REQUEST);
        }
        let value = unescape(v, true).ok_or(Class::BAD_REQUEST)?;
        if first {
            return Ok(value);
        }
        found = Some(value);
    }
    Ok(found.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::super::headers::Client;
    use super::super::query;
    use super::*;

    fn client() -> Client {
        Client { address: String::new(), ip: None, tls: false, judged: false, trusted: false }
    }

    fn from(s: Source, host: &str, target: &str, fields: &[(&'static str, &str)]) -> Result<String, Class> {
        let mut h = HeaderMap::new();
        for (n, v) in fields {
            h.append(*n, v.parse().unwrap());
        }
        let c = client();
        read(&s, &query(&h, host, target, "", &c)).map(|v| String::from_utf8(v.into_owned()).unwrap())
    }

    fn source(fill: impl FnOnce(&mut Source)) -> Source {
        let mut s = Source::default();
        fill(&mut s);
        s
    }

    #[test]
    fn each_source_reads_its_place() {
        let ok = |v: &str| Ok(v.to_string());
        assert_eq!(from(source(|s| s.header = "X-T".into()), "h", "/", &[("x-t", "a")]), ok("a"));
        assert_eq!(from(source(|s| s.label = 1), "a.b.c", "/", &[]), ok("a"));
        assert_eq!(from(source(|s| s.label = -1), "a.b.c", "/", &[]), ok("c"));
        assert_eq!(from(source(|s| s.label = 4), "a.b.c", "/", &[]), ok(""));
        assert_eq!(from(source(|s| s.host = "*.t.example".into()), "a.t.example:80", "/", &[]), ok("a"));
        assert_eq!(from(source(|s| s.host = "*.t.example".into()), "a.b.t.example", "/", &[]), ok(""));
        assert_eq!(from(source(|s| s.segment = 2), "h", "/x/a%20b?q", &[]), ok("a b"));
        let after = source(|s| (s.segment, s.after) = (1, "/v1/".into()));
        assert_eq!(from(after, "h", "/v1/a/b", &[]), ok("a"));
        assert_eq!(from(source(|s| s.query = "t".into()), "h", "/?x=1&t=a+b", &[]), ok("a b"));
        assert_eq!(from(source(|s| s.cookie = "t".into()), "h", "/", &[("cookie", "x=1; t=a")]), ok("a"));
    }

    #[test]
    fn several_values_are_refused_unless_the_first_counts() {
        let two: &[(&'static str, &str)] = &[("x-t", "a"), ("x-t", "b"), ("cookie", "t=a; t=b")];
        for fill in [
            (|s: &mut Source| s.header = "X-T".into()) as fn(&mut Source),
            |s| s.query = "t".into(),
            |s| s.cookie = "t".into(),
        ] {
            let mut s = source(fill);
            assert_eq!(from(s.clone(), "h", "/?t=a&t=b", two), Err(Class::BAD_REQUEST), "{s}");
            s.first = true;
            assert_eq!(from(s.clone(), "h", "/?t=a&t=b", two), Ok("a".into()), "{s}");
        }
    }

    #[test]
    fn what_cannot_be_read_here_is_refused_by_name() {
        let s =
            source(|s| s.jwt = Some(lockstep_config::settings::Jwt { claim: "tenant".into(), ..Default::default() }));
        assert!(check(&s).unwrap_err().contains("does not support jwt_claim tenant"));
        assert!(check(&Source::default()).is_err());
    }
}
