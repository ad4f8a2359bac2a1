//! A key source that verifies tokens (RFC 7519). What it has verified it remembers by the token's hash,
//! until the token ends or the keys change. The key says which algorithm counts, not the token.

use super::jwks::{KeyFile, KeySet};
use super::sources::{Value, cookie, header};
use super::table::Query;
use crate::settings::Jwt;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_core::Class;
use ring::digest::{SHA256, digest};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The longest token in bytes that is looked at.
const MAX_TOKEN: usize = 16 << 10;

/// Bounds the tokens that are remembered for each source.
const CACHE_SIZE: usize = 4096;

const SECOND: i64 = 1_000_000_000;

pub(super) struct Tokens {
    s: Jwt,
    file: Arc<KeyFile>,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    set: Option<Arc<KeySet>>, // under which everything in known was verified
    known: HashMap<[u8; 32], Verified>,
    order: Vec<[u8; 32]>, // of known, oldest first; next is the oldest once it is full
    next: usize,
}

/// What a token said: its claim, and until when, in ns since 1970.
#[derive(Clone, Debug, PartialEq)]
struct Verified {
    value: String, // "" where the token has no such claim
    until: i64,
}

impl Tokens {
    pub(super) fn new(s: &Jwt, files: &[Arc<KeyFile>]) -> Result<Tokens, String> {
        let file = files.iter().find(|f| f.path() == s.jwks).ok_or("its key file is not read")?;
        Ok(Tokens { s: s.clone(), file: file.clone(), cache: Mutex::default() })
    }

    /// The claim of the request's token.
    pub(super) fn read(&self, q: &Query<'_>) -> Value {
        let token = self.find(q)?;
        if token.is_empty() {
            return Ok(token);
        }
        match self.verify(&token, (q.now)()) {
            Some(value) => Ok(value.into_bytes()),
            None if self.s.next => Ok(Vec::new()),
            None => Err(Class::UNAUTHORIZED),
        }
    }

    /// The token that a request carries, empty for none.
    fn find(&self, q: &Query<'_>) -> Value {
        if !self.s.cookie.is_empty() {
            return cookie(q, &self.s.cookie, false);
        }
        if !self.s.header.is_empty() {
            return header(q, &self.s.header, false);
        }
        let value = header(q, "Authorization", false)?;
        const SCHEME: &[u8] = b"bearer ";
        match value.split_at_checked(SCHEME.len()) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => Ok(token.trim_ascii().to_vec()),
            _ => Ok(Vec::new()),
        }
    }

    /// What a token says; None for one that does not hold.
    fn verify(&self, token: &[u8], now: i64) -> Option<String> {
        let set = self.file.set()?;
        if token.len() > MAX_TOKEN {
            return None;
        }
        let hash: [u8; 32] = digest(&SHA256, token).as_ref().try_into().ok()?;
        if let Some(v) = self.lock().known(&set, &hash).filter(|v| now < v.until) {
            return Some(v.value.clone());
        }
        let v = self.check(token, &set, now)?;
        self.lock().remember(hash, &v, &set);
        Some(v.value)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Verifies a token in full.
    fn check(&self, token: &[u8], set: &KeySet, now: i64) -> Option<Verified> {
        let parts: Vec<&[u8]> = token.split(|b| *b == b'.').collect();
        let [head, body, signature] = parts[..] else { return None };
        let signed = &token[..head.len() + 1 + body.len()];
        let decode = |part: &[u8]| URL_SAFE_NO_PAD.decode(part).ok();
        let (head, body, signature) = (decode(head)?, decode(body)?, decode(signature)?);
        let head: HashMap<String, &RawValue> = serde_json::from_slice(&head).ok()?;
        if head.contains_key("crit") {
            return None; // it must be understood, and none is (RFC 7515, 4.1.11)
        }
        let algorithm = text(head.get("alg")?)?;
        let id = match head.get("kid") {
            Some(kid) => Some(text(kid)?),
            None => None,
        };
        let fits = |k: &&super::jwks::VerifyKey| id.as_ref().is_none_or(|id| k.id == *id);
        if !set.keys.iter().filter(fits).any(|k| k.verifies(&algorithm, signed, &signature)) {
            return None;
        }
        let claims: HashMap<String, &RawValue> = serde_json::from_slice(&body).ok()?;
        let until = self.holds(&claims, now)?;
        let value = match claims.get(&self.s.claim).map_or("null", |v| v.get()) {
            "null" => String::new(), // a good token that says nothing of it
            raw if raw.starts_with('"') => serde_json::from_str(raw).ok()?,
            // 7 and 7.0 must not be two tenants.
            raw if raw.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
                && !raw.contains(['.', 'e', 'E']) =>
            {
                raw.into()
            }
            _ => return None,
        };
        Some(Verified { value, until })
    }

    /// Until when the token holds, by its times, issuer and audience; None if it does not.
    fn holds(&self, claims: &HashMap<String, &RawValue>, now: i64) -> Option<i64> {
        let until = seconds(claims.get("exp")?)?.saturating_mul(SECOND).saturating_add(self.s.leeway);
        if now >= until {
            return None;
        }
        if let Some(nbf) = claims.get("nbf") {
            let from = seconds(nbf)?.saturating_mul(SECOND).saturating_sub(self.s.leeway);
            if now < from {
                return None;
            }
        }
        if !self.s.issuer.is_empty() && text(claims.get("iss")?)? != self.s.issuer {
            return None;
        }
        if !self.s.audience.is_empty() {
            let aud = claims.get("aud")?;
            let all = match text(aud) {
                Some(one) => vec![one],
                None => serde_json::from_str::<Vec<String>>(aud.get()).ok()?,
            };
            if !all.contains(&self.s.audience) {
                return None;
            }
        }
        Some(until)
    }
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// A time in whole seconds since 1970; a fraction is cut off.
fn seconds(raw: &RawValue) -> Option<i64> {
    let v: f64 = serde_json::from_str(raw.get()).ok()?;
    Some(v.floor() as i64)
}

impl Cache {
    /// What is known of a token under those keys. Other keys: what the old ones verified counts no more.
    fn known(&mut self, set: &Arc<KeySet>, hash: &[u8; 32]) -> Option<&Verified> {
        if !self.set.as_ref().is_some_and(|s| Arc::ptr_eq(s, set)) {
            *self = Cache { set: Some(set.clone()), ..Cache::default() };
        }
        self.known.get(hash)
    }

    fn remember(&mut self, hash: [u8; 32], v: &Verified, set: &Arc<KeySet>) {
        if !self.set.as_ref().is_some_and(|s| Arc::ptr_eq(s, set)) {
            return; // the keys changed meanwhile
        }
        if !self.known.contains_key(&hash) {
            if self.order.len() < CACHE_SIZE {
                self.order.push(hash);
            } else {
                self.known.remove(&std::mem::replace(&mut self.order[self.next], hash));
                self.next = (self.next + 1) % CACHE_SIZE;
            }
        }
        self.known.insert(hash, v.clone());
    }
}
