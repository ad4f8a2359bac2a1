//! Sticky cookies (R10): the cookie of the key's home placement names the endpoint that the client
//! prefers, and a FORWARD that pins sets that of the placement that serves. What it holds is a keyed
//! hash of the endpoint's identity, so a client learns neither address nor name, and what it makes up
//! names nothing.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::{HeaderMap, header};
use lockstep_core::{Config, SECOND};
use ring::hmac;

/// Reads and writes the cookies of whichever configuration is in force.
pub(crate) struct Stickiness {
    key: hmac::Key,
    made: ArcSwapOption<Tables>,
}

/// The cookies that one configuration can set.
struct Tables {
    config: Arc<Config>,
    by_placement: HashMap<usize, HashMap<Vec<u8>, u64>>, // only of placements that set a cookie
}

impl Stickiness {
    /// Routers behind one balancer need the same key. With an empty one the hash can be tried against
    /// addresses that somebody guesses.
    pub(crate) fn new(key: &[u8]) -> Stickiness {
        Stickiness { key: hmac::Key::new(hmac::HMAC_SHA256, key), made: ArcSwapOption::empty() }
    }

    /// What a cookie says of an endpoint: 16 hex digits.
    pub(crate) fn value(&self, identity: u64) -> String {
        let mut message = b"lockstep sticky 1 ".to_vec();
        message.extend(identity.to_be_bytes());
        let mac = hmac::sign(&self.key, &message);
        mac.as_ref()[..8].iter().map(|b| format!("{b:02x}")).collect()
    }

    fn tables(&self, c: &Arc<Config>) -> Arc<Tables> {
        if let Some(t) = self.made.load_full().filter(|t| Arc::ptr_eq(&t.config, c)) {
            return t;
        }
        let mut by_placement = HashMap::new();
        for i in 0..c.placements() {
            let p = c.placement(i);
            if !p.sticky.cookie.is_empty() {
                let values = (p.first_ep..p.end_ep)
                    .map(|e| (self.value(c.endpoint_id(e)).into_bytes(), c.endpoint_id(e)))
                    .collect();
                by_placement.insert(i, values);
            }
        }
        let t = Arc::new(Tables { config: c.clone(), by_placement });
        self.made.store(Some(t.clone()));
        t
    }

    /// Whether the configuration sets any cookie.
    pub(crate) fn any(&self, c: &Arc<Config>) -> bool {
        !self.tables(c).by_placement.is_empty()
    }

    /// The identity of the endpoint that a request's cookie names at its home, 0 for none. Of several
    /// of one name the first that means something counts: another path or domain set one too.
    pub(crate) fn preferred(&self, c: &Arc<Config>, home: usize, h: &HeaderMap) -> u64 {
        let t = self.tables(c);
        let Some(values) = t.by_placement.get(&home) else {
            return 0;
        };
        let name = &c.placement(home).sticky.cookie;
        cookies(h, name).into_iter().find_map(|v| values.get(&v).copied()).unwrap_or(0)
    }

    /// The Set-Cookie of the placement that served.
    pub(crate) fn pin(&self, c: &Config, placement: usize, endpoint: usize, https: bool) -> String {
        let sticky = c.placement(placement).sticky;
        let mut out = format!("{}={}; Path=/", sticky.cookie, self.value(c.endpoint_id(endpoint)));
        if sticky.ttl > 0 {
            out.push_str(&format!("; Max-Age={}", sticky.ttl / SECOND));
        }
        out.push_str("; HttpOnly");
        if https {
            out.push_str("; Secure");
        }
        out.push_str("; SameSite=Lax");
        out
    }
}

/// The values of a request's cookies of one name, without the quotes around them.
pub(crate) fn cookies(h: &HeaderMap, name: &str) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for line in h.get_all(header::COOKIE) {
        for part in line.as_bytes().split(|&b| b == b';') {
            let Some(at) = part.iter().position(|&b| b == b'=') else { continue };
            if part[..at].trim_ascii() != name.as_bytes() {
                continue;
            }
            let value = part[at + 1..].trim_ascii();
            let value = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
            out.push(value.to_vec());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_that_of_the_go_side() {
        // printf 'lockstep sticky 1 \0\0\0\0\0\0\0\7' | openssl dgst -sha256 -hmac key
        assert_eq!(Stickiness::new(b"key").value(7), "08af48e56e8acb7f");
        assert_ne!(Stickiness::new(b"key").value(7), Stickiness::new(b"other").value(7));
    }

    #[test]
    fn cookies_are_found_by_their_whole_name_in_every_header() {
        let mut h = HeaderMap::new();
        h.append("cookie", "a=1; ab=2; a=\"3\"".parse().unwrap());
        h.append("cookie", "a=4".parse().unwrap());
        assert_eq!(cookies(&h, "a"), [b"1", b"3", b"4"]);
        assert!(cookies(&h, "b").is_empty());
    }
}
