//! Text as the Go side reads and writes it: quoted words, lengths of time, URLs, header names.
//! Both routers print the same faults and give the same configurations the same label.

/// A word in double quotes, what does not print escaped.
pub(crate) fn quote(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 2);
    out.push('"');
    for c in s.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if c < ' ' || c == '\x7f' => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if c.is_control() || c == '\u{feff}' || c == '\u{ad}' || c == '\u{a0}' => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The name that a word was probably meant to be, "" where none is near.
pub(crate) fn nearest<'a>(word: &str, names: &[&'a str]) -> &'a str {
    let (mut best, mut limit) = ("", 2.max(word.len() / 3) + 1);
    for name in names {
        let d = edit_distance(word.as_bytes(), name.as_bytes(), limit);
        if d < limit {
            (best, limit) = (name, d);
        }
    }
    best
}

/// Levenshtein's over bytes, given up at `limit`.
fn edit_distance(a: &[u8], b: &[u8], limit: usize) -> usize {
    const MAX_WORD: usize = 200; // nobody typed more by a slip
    if a.len().abs_diff(b.len()) >= limit || a.len() > MAX_WORD || b.len() > MAX_WORD {
        return limit;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let cost = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[b.len()].min(limit)
}

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// A length of time such as 250ms or 1m30s, in ns. None for what is none, or does not fit.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let whole = &rest[..rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len()];
        rest = &rest[whole.len()..];
        let mut fraction = "";
        if let Some(tail) = rest.strip_prefix('.') {
            fraction = &tail[..tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_digit()).len()];
            rest = &tail[fraction.len()..];
        }
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let name = &rest[..rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len())];
        rest = &rest[name.len()..];
        let unit = UNITS.iter().find(|u| u.0 == name)?.1;
        let n: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        sum = sum.checked_add(n.checked_mul(unit)?)?.checked_add(part_of(fraction, unit))?;
        if sum > 1 << 63 {
            return None;
        }
    }
    match negative {
        true => Some((sum as i64).wrapping_neg()),
        false => i64::try_from(sum).ok(),
    }
}

/// The decimal fraction of a unit, rounded down, in float arithmetic as Go does it.
fn part_of(fraction: &str, unit: u64) -> u64 {
    let (mut f, mut scale) = (0u64, 1f64);
    for b in fraction.bytes() {
        let Some(next) = f.checked_mul(10).and_then(|v| v.checked_add(u64::from(b - b'0'))) else { break };
        if next > 1 << 63 {
            break;
        }
        (f, scale) = (next, scale * 10.0);
    }
    (f as f64 * (unit as f64 / scale)) as u64
}

/// A length of time as Go prints it: 1m30s, 250ms, 1.5µs.
pub(crate) fn duration_text(ns: i64) -> String {
    let abs = ns.unsigned_abs();
    let sign = if ns < 0 { "-" } else { "" };
    let with = |n: u64, unit: u64| {
        let text = format!("{}.{:0w$}", n / unit, n % unit, w = unit.ilog10() as usize);
        if unit == 1 { n.to_string() } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
    };
    let body = match abs {
        0 => return "0s".into(),
        n if n < 1_000 => format!("{n}ns"),
        n if n < 1_000_000 => with(n, 1_000) + "µs",
        n if n < 1_000_000_000 => with(n, 1_000_000) + "ms",
        n => {
            let minutes = n / 60_000_000_000;
            let seconds = with(n % 60_000_000_000, 1_000_000_000) + "s";
            match minutes {
                0 => seconds,
                m if m < 60 => format!("{m}m{seconds}"),
                m => format!("{}h{}m{seconds}", m / 60, m % 60),
            }
        }
    };
    format!("{sign}{body}")
}

/// Host and port of an address, as net.SplitHostPort cuts it; None for what is no host:port.
pub(crate) fn split_host_port(address: &str) -> Option<(&str, &str)> {
    let colon = address.rfind(':')?;
    let port = &address[colon + 1..];
    if let Some(inner) = address.strip_prefix('[') {
        let end = inner.find(']')?;
        let host = &inner[..end];
        let sound = end + 2 == colon && !host.contains(['[', ']']) && !port.contains(['[', ']']);
        return sound.then_some((host, port));
    }
    let host = &address[..colon];
    (!host.contains([':', '[', ']']) && !port.contains(['[', ']'])).then_some((host, port))
}

/// Parts of a URL that this crate asks for.
pub(crate) struct Url<'a> {
    pub(crate) scheme: String,
    /// Host and port, without user.
    pub(crate) host: &'a str,
}

impl Url<'_> {
    /// The host without port and brackets.
    pub(crate) fn hostname(&self) -> &str {
        if let Some(inner) = self.host.strip_prefix('[') {
            return inner.split(']').next().unwrap_or("");
        }
        self.host.split(':').next().unwrap_or("")
    }
}

/// Reads what a URL is for, as strictly as net/url does. The error says what is wrong with it.
pub(crate) fn parse_url(text: &str) -> Result<Url<'_>, String> {
    if text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return Err("net/url: invalid control character in URL".into());
    }
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    escapes(fragment)?;
    let mut rest = text;
    let mut scheme = String::new();
    match text.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))) {
        Some(0) if text.starts_with(':') => return Err("missing protocol scheme".into()),
        Some(i) if text[i..].starts_with(':') && text.as_bytes()[0].is_ascii_alphabetic() => {
            scheme = text[..i].to_ascii_lowercase();
            rest = &text[i + 1..];
        }
        _ => {}
    }
    let rest = rest.split('?').next().unwrap_or("");
    if !rest.starts_with('/') {
        if scheme.is_empty() && rest.split('/').next().unwrap_or("").contains(':') {
            return Err("first path segment in URL cannot contain colon".into());
        }
        escapes(if scheme.is_empty() { rest } else { "" })?;
        return Ok(Url { scheme, host: "" });
    }
    let Some(authority) = rest.strip_prefix("//") else {
        escapes(rest)?;
        return Ok(Url { scheme, host: "" });
    };
    let (authority, path) = authority.split_at(authority.find('/').unwrap_or(authority.len()));
    escapes(path)?;
    let host = match authority.rsplit_once('@') {
        Some((user, host)) => {
            let sound = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
            if !user.bytes().all(sound) {
                return Err("net/url: invalid userinfo".into());
            }
            escapes(user)?;
            host
        }
        None => authority,
    };
    check_host(host)?;
    Ok(Url { scheme, host })
}

/// Reports a % that does not begin an escape.
fn escapes(s: &str) -> Result<(), String> {
    let b = s.as_bytes();
    for i in (0..b.len()).filter(|i| b[*i] == b'%') {
        if b.len() < i + 3 || !b[i + 1..i + 3].iter().all(u8::is_ascii_hexdigit) {
            return Err(format!("invalid URL escape {}", quote(&String::from_utf8_lossy(&b[i..b.len().min(i + 3)]))));
        }
    }
    Ok(())
}

fn check_host(host: &str) -> Result<(), String> {
    let mut port = host.find(':').map_or("", |i| &host[i..]);
    match host.rfind('[') {
        Some(0) => {
            let end = host.rfind(']').ok_or("missing ']' in host")?;
            port = &host[end + 1..];
            let inside = host[1..end].split('%').next().unwrap_or("");
            if inside.parse::<std::net::Ipv6Addr>().is_err() {
                return Err("invalid IP-literal".into());
            }
        }
        Some(_) => return Err("invalid IP-literal".into()),
        None => {}
    }
    let sound = |port: &str| port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
    if !port.is_empty() && !sound(port) {
        return Err(format!("invalid port {} after host", quote(port)));
    }
    if host.contains('%') && !host.starts_with('[') {
        let at = host.find('%').unwrap_or(0);
        return Err(format!("invalid URL escape {}", quote(host.get(at..at + 3).unwrap_or(&host[at..]))));
    }
    let sound = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || "-_.~!$&'()*+,;=:[]<>\"%".contains(c);
    match host.chars().find(|c| !sound(*c)) {
        Some(c) => Err(format!("invalid character {} in host name", quote(&c.to_string()))),
        None => Ok(()),
    }
}

/// A header's name in its usual form: X-Routing-Key. One that is no token stays as it is.
pub(crate) fn canonical_header(name: &str) -> String {
    if !is_token(name) {
        return name.to_owned();
    }
    let mut upper = true;
    name.chars()
        .map(|c| {
            let out = if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            upper = c == '-';
            out
        })
        .collect()
}

/// Whether `s` is a token of RFC 9110, 5.6.2, as names of headers and cookies are.
pub(crate) fn is_token(s: &str) -> bool {
    s.bytes().all(|c| c > b' ' && c <= b'~' && !b"\"(),/:;<=>?@[\\]{}".contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_those_of_go() {
        for (text, ns) in [
            ("5s", Some(5_000_000_000)),
            ("1m30s", Some(90_000_000_000)),
            ("1.5h", Some(5_400_000_000_000)),
            (".5s", Some(500_000_000)),
            ("-2ms", Some(-2_000_000)),
            ("0", Some(0)),
            ("2540400h10m10.000000000s", Some(9_145_440_610_000_000_000)),
            ("9223372036854775808ns", None),
            ("5", None),
            ("s", None),
            ("1d", None),
            ("", None),
            ("1s ", None),
        ] {
            assert_eq!(parse_duration(text), ns, "{text}");
        }
        for (ns, text) in [
            (90_000_000_000, "1m30s"),
            (1_500, "1.5µs"),
            (250_000_000, "250ms"),
            (3_600_000_000_000, "1h0m0s"),
            (0, "0s"),
        ] {
            assert_eq!(duration_text(ns), text);
        }
    }

    #[test]
    fn urls_are_those_of_go() {
        for (text, scheme, host) in [
            ("http://a:1", "http", "a"),
            ("HTTPS://[::1]:8443/x?y", "https", "::1"),
            ("http://u:p@h/x", "http", "h"),
            ("//h/x", "", "h"),
            ("mailto:x", "mailto", ""),
            ("http://", "http", ""),
        ] {
            let u = parse_url(text).unwrap();
            assert_eq!((u.scheme.as_str(), u.hostname()), (scheme, host), "{text}");
        }
        for text in ["http://a:x", "http://a b", "http://a/%zz", "1a:b", ":x", "http://[::1", "a\nb"] {
            assert!(parse_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn words_are_quoted_and_near_ones_found() {
        assert_eq!(quote("a\"\\\n\u{1}é"), "\"a\\\"\\\\\\n\\x01é\"");
        assert_eq!(nearest("tmeouts", &["health", "timeouts"]), "timeouts");
        assert_eq!(nearest("x", &["health"]), "");
        assert_eq!(canonical_header("x-routing-KEY"), "X-Routing-Key");
    }
}
