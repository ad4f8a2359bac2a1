//! The parts of a request as they are compared: the host in lower case without port, the path as it was
//! sent, segment by segment.

use std::net::IpAddr;

/// The name in a Host header: in lower case, without port, without the dot at the end, an IPv6 address
/// without brackets.
pub(super) fn host_of(host: &str) -> String {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default().to_ascii_lowercase();
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
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
    let mut rest = path;
    while !rest.is_empty() {
        let raw;
        (raw, rest) = cut_segment(rest);
        match unescape(raw, false) {
            Some(s) if s == b"." || s == b".." || s.iter().any(|c| b"/\\\0".contains(c)) => return true,
            Some(_) => {}
            None => return true,
        }
    }
    false
}

/// Splits /a/b into a and /b.
pub(super) fn cut_segment(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    match path.find('/') {
        Some(i) => path.split_at(i),
        None => (path, ""),
    }
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
        let (want, raw);
        (want, prefix) = cut_segment(prefix);
        (raw, path) = cut_segment(path);
        if unescape(raw, false)? != want.as_bytes() {
            return None;
        }
    }
    Some(path)
}

/// Decodes percent-encoding once; `plus` says that + is a space. None for encoding that is none.
pub(super) fn unescape(s: &str, plus: bool) -> Option<Vec<u8>> {
    let b = s.as_bytes();
    let mut out = Vec::with_capacity(b.len());
    let mut i = 0;
    while i < b.len() {
        match b[i] {
            b'%' => {
                let digit = |at: usize| b.get(at).and_then(|c| (*c as char).to_digit(16));
                out.push((digit(i + 1)? << 4 | digit(i + 2)?) as u8);
                i += 2;
            }
            b'+' if plus => out.push(b' '),
            c => out.push(c),
        }
        i += 1;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_compared_without_port_dot_brackets_and_case() {
        for (given, want) in [("A.Example.:80", "a.example"), ("[::1]:80", "::1"), ("h", "h"), ("", "")] {
            assert_eq!(host_of(given), want);
        }
    }

    #[test]
    fn an_address_has_no_labels() {
        assert_eq!(labels("a.b.c"), ["a", "b", "c"]);
        assert!(labels("10.0.0.1").is_empty());
    }

    #[test]
    fn a_path_that_two_readers_would_take_for_two_is_unclear() {
        for p in ["/a/./b", "/a/..", "/%2e%2e/a", "/a%2fb", "/a\\b", "/a%00", "/%zz"] {
            assert!(unclear(p), "{p}");
        }
        for p in ["/", "/a/b", "/a//b", "/a%20b", "/...", "*"] {
            assert!(!unclear(p), "{p}");
        }
    }

    #[test]
    fn a_prefix_is_one_of_whole_segments() {
        assert_eq!(below("/v1/x", "/v1"), Some("/x"));
        assert_eq!(below("/v1", "/v1"), Some(""));
        assert_eq!(below("/v10", "/v1"), None);
        assert_eq!(below("/%76%31/x", "/v1"), Some("/x"));
        assert_eq!(below("*", ""), None);
    }
}
