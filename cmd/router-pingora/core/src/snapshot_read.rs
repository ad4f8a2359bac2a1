//! Reading a snapshot. Any input is safe; one that `Router::snapshot` did not write gives an
//! error.

use crate::breaker::{Breaker, Guard, MAX_REOPENED};
use crate::config::{Config, search_placements};
use crate::deadlines::TimerKind;
use crate::decision::Circuit;
use crate::digest::Entity;
use crate::event::Epoch;
use crate::health::Health;
use crate::inflight::{CHUNK_BITS, MAX_IN_FLIGHT, Slot, SlotState};
use crate::random::{hash_string, identity};
use crate::router::{Endpoint, LATEST, Options, Placement, Router, grow_to};
use crate::snapshot::SNAPSHOT_VERSION;
use crate::spec::MAX_PROBES;
use crate::time::{NEVER, Time};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// Why a snapshot cannot be restored.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct RestoreError(&'static str);

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "restoring a snapshot: {}", self.0)
    }
}

impl core::error::Error for RestoreError {}

/// Returns the digest of the configuration that a snapshot names, 0 when it names none, and the
/// seed that it was made under.
pub fn snapshot_config(snapshot: &[u8]) -> Result<(u64, u64), RestoreError> {
    let mut rd = Reader::new(snapshot);
    let mut r = Router::new(Options::default());
    let digest = rd.head(&mut r);
    rd.end(())?;
    Ok((digest, r.seed))
}

impl Router {
    /// Returns a router in the state that `snapshot` wrote. `c` is the configuration that the
    /// snapshot names, none when it names none. Any input is safe; one that `snapshot` did not
    /// write gives an error.
    pub fn restore(snapshot: &[u8], c: Option<Arc<Config>>, strict: bool) -> Result<Router, RestoreError> {
        let mut r = Router::new(Options { seed: 0, strict });
        let mut rd = Reader::new(snapshot);
        let digest = rd.head(&mut r);
        rd.end(())?;
        if digest != c.as_ref().map_or(0, |c| c.digest) {
            return Err(RestoreError("it was made under another configuration"));
        }
        r.reserve(c.as_deref(), 0);
        rd.body(c.as_deref(), &mut r);
        r.config = c;
        if !rd.failed() && !rd.b.is_empty() {
            rd.fail("bytes are left over");
        }
        if !rd.failed() {
            rd.check(&r);
        }
        rd.end(r)
    }
}

pub(crate) const MAX24: u64 = (1 << 24) - 1;
pub(crate) const MAX31: u64 = (1 << 31) - 1;
pub(crate) const MAX32: u64 = u32::MAX as u64;

/// Consumes snapshot fields; after the first error every read gives 0.
pub(crate) struct Reader<'a> {
    b: &'a [u8],
    error: Option<RestoreError>,
}

impl<'a> Reader<'a> {
    fn new(b: &'a [u8]) -> Reader<'a> {
        Reader { b, error: None }
    }

    pub(crate) fn fail(&mut self, what: &'static str) {
        self.error.get_or_insert(RestoreError(what));
        self.b = &[];
    }

    pub(crate) fn failed(&self) -> bool {
        self.error.is_some()
    }

    fn end<T>(&self, value: T) -> Result<T, RestoreError> {
        self.error.map_or(Ok(value), Err)
    }

    /// How many bytes are left: every entity takes at least one, which bounds counts by the input.
    pub(crate) fn left(&self) -> u64 {
        self.b.len() as u64
    }

    fn varint(&mut self) -> Option<u64> {
        let mut v = 0_u64;
        for (i, &b) in self.b.iter().take(10).enumerate() {
            if i == 9 && b > 1 {
                return None;
            }
            v |= u64::from(b & 0x7f) << (7 * i);
            if b < 0x80 {
                self.b = &self.b[i + 1..];
                return Some(v);
            }
        }
        None
    }

    /// Reads a value of at most `limit`.
    pub(crate) fn uint(&mut self, limit: u64) -> u64 {
        match self.varint() {
            Some(v) if v <= limit => v,
            _ => {
                self.fail("a field is cut off or out of range");
                0
            }
        }
    }

    pub(crate) fn int(&mut self) -> i64 {
        let Some(v) = self.varint() else {
            self.fail("a field is cut off");
            return 0;
        };
        (v >> 1) as i64 ^ -((v & 1) as i64)
    }

    pub(crate) fn bool(&mut self) -> bool {
        self.uint(1) == 1
    }

    pub(crate) fn time(&mut self) -> Time {
        self.uint(NEVER as u64) as Time
    }

    fn string(&mut self) -> Arc<[u8]> {
        let n = self.uint(self.left()) as usize;
        let Some((s, rest)) = self.b.split_at_checked(n) else {
            self.fail("a string is cut off");
            return Arc::default();
        };
        self.b = rest;
        s.into()
    }

    /// Reads what comes before the entities and returns the configuration's digest.
    fn head(&mut self, r: &mut Router) -> u64 {
        if self.uint(u64::MAX) != SNAPSHOT_VERSION {
            self.fail("its version is not 1");
        }
        r.seed = self.uint(u64::MAX);
        r.draining = self.bool();
        r.now = self.uint(LATEST as u64) as Time;
        let term = self.uint(u64::MAX);
        r.epoch = Epoch { term, number: self.uint(u64::MAX) };
        let mut digest = 0;
        if self.bool() {
            digest = self.uint(u64::MAX);
            if digest == 0 {
                self.fail("it names configuration 0");
            }
        }
        r.serial = self.uint(MAX32) as u32;
        r.abort_from = self.uint(MAX_IN_FLIGHT as u64) as u32;
        let drain = self.time();
        r.timers.set(TimerKind::Drain, 0, drain);
        digest
    }

    fn body(&mut self, c: Option<&Config>, r: &mut Router) {
        for _ in 0..self.uint(self.left()) {
            let p = self.placement(c);
            r.placements.push(p);
        }
        let count = self.uint(self.left().min(MAX24));
        if c.is_none() && (!r.placements.is_empty() || count > 0) {
            return self.fail("it has placements or endpoints, and no configuration");
        }
        r.timers.reserve(count as usize);
        for n in 0..count as i32 {
            let e = self.endpoint(c, r, n);
            r.endpoints.push(e);
        }
        if let Some(c) = c {
            r.use_extras(c);
            self.number(c, r);
        }
        for _ in 0..self.uint(MAX_IN_FLIGHT as u64) {
            if self.failed() {
                return;
            }
            self.slot(r);
        }
        self.sections(c, r);
        grow_to(&mut r.touched_placements, r.placements.len());
        grow_to(&mut r.touched_endpoints, r.endpoints.len());
        for n in 0..r.placements.len() {
            r.touch_placement(n as i32);
        }
        for n in 0..r.endpoints.len() {
            r.touch_endpoint(n as i32);
        }
    }

    /// Reads the optional sections, each at most once and in order of tag.
    fn sections(&mut self, c: Option<&Config>, r: &mut Router) {
        if let Some(c) = c
            && !self.failed()
        {
            r.retable(c);
            r.timers.reserve(r.placements.len());
            r.readapt(c, r.now, &mut Vec::new());
        }
        let mut last = 0;
        while !self.failed() && !self.b.is_empty() {
            let tag = self.uint(u64::MAX);
            if tag <= last {
                return self.fail("its sections are out of order");
            }
            last = tag;
            match c {
                _ if tag == Entity::Journey as u64 => self.journeys(r),
                _ if tag == Entity::Budget as u64 => self.budgets(r),
                _ if tag == Entity::Extra as u64 => self.extras(r),
                Some(c) if tag == Entity::Room as u64 => self.room(c, r),
                None if tag == Entity::Room as u64 => {
                    self.fail("a placement's room is not in the configuration, or out of order");
                }
                _ if tag == Entity::Tenant as u64 => self.tenants(r),
                _ => self.fail("it has a section that this version does not know"),
            }
        }
    }

    fn placement(&mut self, c: Option<&Config>) -> Placement {
        if !self.bool() {
            return Placement { config: -1, ..Placement::default() };
        }
        let name = self.string();
        let in_flight = self.uint(MAX31) as i32;
        let guests = self.uint(MAX31) as i32;
        let index = c.and_then(|c| search_placements(&c.placements, &name).ok());
        let config = index.map_or(-1, |i| i as i32);
        Placement { id: hash_string(&*name), name, config, in_flight, guests, ..Placement::default() }
    }

    fn endpoint(&mut self, c: Option<&Config>, r: &mut Router, n: i32) -> Endpoint {
        let free = Endpoint { config: -1, ..Endpoint::default() };
        if !self.bool() {
            return free;
        }
        let (url, name) = (self.string(), self.string());
        let placement = self.uint(MAX31) as i32;
        let Some(home) = r.placements.get(placement as usize).filter(|p| p.id != 0) else {
            self.fail("an endpoint belongs to no placement");
            return free;
        };
        let home_config = home.config;
        let mut e = Endpoint { id: identity(&home.name, &url), url, name, placement, ..free };
        let current = self.bool();
        if current {
            self.in_config(c, home_config, &mut e);
        }
        e.in_flight = self.uint(MAX31) as i32;
        e.rotation = self.int();
        let unhealthy = self.bool();
        let streak = self.uint(MAX32) as u32;
        e.health = Health { unhealthy, streak, token: self.uint(MAX32) as u32 };
        for k in [TimerKind::Health, TimerKind::HealthGuard] {
            let at = self.time();
            if current {
                r.timers.set(k, n, at);
            } else if at != NEVER {
                self.fail("a retiring endpoint is probed");
            }
        }
        e.breaker = self.breaker();
        r.timers.set(TimerKind::BreakerGuard, n, e.breaker.first_guard());
        let off = c.is_some_and(|c| c.placements.get(home_config as usize).is_some_and(|p| p.health.off));
        self.reachable(r, &e, n, off);
        e
    }

    /// Refuses what no step makes of an endpoint, and later ones rely on.
    fn reachable(&mut self, r: &Router, e: &Endpoint, n: i32, off: bool) {
        let armed = [TimerKind::Health, TimerKind::HealthGuard].iter().any(|&k| r.timers.get(k, n) != NEVER);
        if e.config < 0 && e.health.token != 0 {
            self.fail("a retiring endpoint is probed");
        } else if e.config < 0 && e.breaker.probes > 0 {
            self.fail("a retiring endpoint has a half-open probe out");
        } else if e.config < 0 && e.in_flight == 0 {
            self.fail("a retiring endpoint holds nothing");
        } else if e.config >= 0 && off && (armed || e.health != Health::default()) {
            self.fail("an endpoint whose health is off is probed");
        }
    }

    /// Finds `e` in the configuration, in the placement at an index.
    fn in_config(&mut self, c: Option<&Config>, placement: i32, e: &mut Endpoint) {
        if let Some(c) = c
            && let Some(p) = c.placements.get(placement as usize)
        {
            for i in p.first..p.end {
                let own = &c.endpoints[i as usize];
                if own.id == e.id {
                    (e.config, e.weight, e.limit) = (i, own.weight, own.limit);
                    return;
                }
            }
        }
        self.fail("an endpoint is not in the configuration");
    }

    fn breaker(&mut self) -> Breaker {
        let mut b = Breaker {
            state: Circuit(self.uint(Circuit::HALF_OPEN.0.into()) as u8),
            r#gen: self.uint(MAX32) as u32,
            failures: self.uint(MAX32) as u32,
            successes: self.uint(MAX32) as u32,
            reopened: self.uint(MAX_REOPENED.into()) as u32,
            until: self.time(),
            probes: self.uint(MAX_PROBES as u64) as u8,
            ..Breaker::default()
        };
        for guard in &mut b.guards[..usize::from(b.probes)] {
            let at = self.time();
            *guard = Guard { at, slot: self.uint(MAX_IN_FLIGHT as u64) as u32 };
        }
        if b.state == Circuit::NONE || b.probes > 0 && b.state != Circuit::HALF_OPEN {
            self.fail("a breaker's state is impossible");
        }
        b
    }

    /// Rebuilds the map from indexes of the configuration to numbers.
    fn number(&mut self, c: &Config, r: &mut Router) {
        if self.failed() {
            return;
        }
        let (placements, endpoints) = (c.placements.len(), c.endpoints.len());
        r.numbers.placement.clear();
        r.numbers.placement.resize(placements, -1);
        r.numbers.endpoint.clear();
        r.numbers.endpoint.resize(endpoints, -1);
        let found = take_numbers(&mut r.numbers.placement, r.placements.iter().map(|p| p.config))
            + take_numbers(&mut r.numbers.endpoint, r.endpoints.iter().map(|e| e.config));
        if found != placements + endpoints {
            self.fail("it does not cover its configuration");
        }
    }

    fn slot(&mut self, r: &mut Router) {
        let n = self.uint(MAX_IN_FLIGHT as u64 - 1) as u32;
        let mut s = Slot {
            request: self.uint(u64::MAX),
            r#gen: self.uint(MAX32) as u32,
            generation: self.uint(MAX32) as u32,
            endpoint: self.uint(MAX31) as i32,
            ..Slot::default()
        };
        let flags = self.uint(7);
        (s.guest, s.probe, s.replied) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
        if self.failed() {
            return;
        }
        let Some(e) = r.endpoints.get(s.endpoint as usize).filter(|e| e.id != 0 && s.r#gen != 0) else {
            return self.fail("an attempt belongs to no endpoint");
        };
        while (n >> CHUNK_BITS) as usize >= r.slots.chunks.len() {
            r.slots.grow();
        }
        if r.slots.at(n).r#gen != 0 {
            return self.fail("two attempts hold one slot");
        }
        *r.slots.at_mut(n) = s;
        r.slots.mark(n);
        r.sum = r.sum.wrapping_add(s.mix(e.id));
    }

    /// Holds together what was read one by one.
    fn check(&mut self, r: &Router) {
        self.counts(r);
        if r.timers.next() < r.now {
            self.fail("a deadline has passed");
        }
        if twins(r.placements.iter().map(|p| p.id)) {
            self.fail("two placements have one name");
        }
        if twins(r.endpoints.iter().map(|e| e.id)) {
            self.fail("two endpoints have one identity");
        }
    }

    /// Compares the counts of endpoints and placements with the attempts.
    fn counts(&mut self, r: &Router) {
        let mut per_endpoint = vec![0; r.endpoints.len()];
        let mut per_placement = vec![(0, 0); r.placements.len()];
        for (_, s) in r.slots.taken().filter(|(_, s)| s.state != SlotState::Waiting) {
            per_endpoint[s.endpoint as usize] += 1;
            let home = &mut per_placement[r.endpoints[s.endpoint as usize].placement as usize];
            home.0 += 1;
            home.1 += i32::from(s.guest);
        }
        if r.endpoints.iter().zip(per_endpoint).any(|(e, count)| e.in_flight != count) {
            self.fail("an endpoint's count is not that of its attempts");
        }
        if r.placements.iter().zip(per_placement).any(|(p, counts)| (p.in_flight, p.guests) != counts) {
            self.fail("a placement's count is not that of its attempts");
        }
    }
}

/// Gives each index the first number that names it, and returns how many were given.
fn take_numbers(numbers: &mut [i32], configs: impl Iterator<Item = i32>) -> usize {
    let mut found = 0;
    for (n, config) in configs.enumerate() {
        if let Some(number) = numbers.get_mut(config as usize)
            && *number < 0
        {
            *number = n as i32;
            found += 1;
        }
    }
    found
}

/// Reports whether two ids are equal; 0 is none.
fn twins(ids: impl Iterator<Item = u64>) -> bool {
    let mut ids: Vec<u64> = ids.filter(|&id| id != 0).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    ids.len() < all
}

#[cfg(test)]
#[path = "snapshot_test.rs"]
mod tests;
