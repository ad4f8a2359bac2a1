//! A compiled configuration: validated, sorted, immutable.

use crate::choice::Choice;
use crate::class::Class;
use crate::decision::Reason;
use crate::guard::GuardSpec;
use crate::keytable::KeyTable;
use crate::panic::PanicMode;
use crate::retry::RetrySpec;
use crate::routes::{RouteConfig, Split};
use crate::spec::{BreakerSpec, HealthSpec, LastResort, LimitSpec, Policy, StickySpec, TimeoutSpec};
use crate::time::Duration;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// A compiled configuration, safe for any number of readers. Placements are sorted by name; the
/// endpoints of a placement by URL, except under `Policy::FIRST`, where the written order is the
/// meaning.
pub struct Config {
    pub(crate) version: Box<str>,
    pub(crate) digest: u64,
    /// 0: `Spec::keys`; the others in order of name.
    pub(crate) tables: Vec<KeyTable>,
    /// 0: the one that every Spec has.
    pub(crate) routes: Vec<RouteConfig>,
    /// Each different one once, in ascending order.
    pub(crate) splits: Vec<Split>,
    pub(crate) no_route_status: u16,
    pub(crate) placements: Vec<PlacementConfig>,
    pub(crate) endpoints: Vec<EndpointConfig>,
    /// R13.
    pub(crate) guards: GuardSpec,
    /// Carried for the edge, never read here.
    pub(crate) edge: Box<str>,
    /// Some placement needs more state of its endpoints: extra.rs.
    pub(crate) extras: bool,
    /// Of ketama, none when no placement uses it.
    pub(crate) crc: Option<Box<[u32; 256]>>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Config({:?}, {:016x})", self.version, self.digest)
    }
}

/// One placement with every default filled in.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlacementConfig {
    pub(crate) name: Arc<str>,
    /// Hash of the name.
    pub(crate) id: u64,
    pub(crate) kind: Reason,
    /// Its endpoints are `endpoints[first..end]`.
    pub(crate) first: i32,
    pub(crate) end: i32,
    /// R1: itself, then its fallbacks.
    pub(crate) candidates: Vec<i32>,
    pub(crate) last_resort: LastResort,
    pub(crate) selection: Policy,
    /// Weights differ.
    pub(crate) weighted: bool,
    /// Some endpoint has a cap.
    pub(crate) capped: bool,
    /// The limit moves or is shared out: adaptive, tenants, priorities (R5).
    pub(crate) shares: bool,
    /// `choice.shards` is set.
    pub(crate) sharded: bool,
    /// `choice` narrows what is admissible: sticky, slow start, bound.
    pub(crate) narrows: bool,
    /// Attempts are timed: slow calls, ewma.
    pub(crate) timed: bool,
    pub(crate) limit: LimitSpec,
    pub(crate) body_max: i64,
    pub(crate) breaker: BreakerSpec,
    pub(crate) health: HealthSpec,
    pub(crate) timeouts: TimeoutSpec,
    /// Zero for none.
    pub(crate) retries: RetrySpec,
    /// Carried for the edge, never read here.
    pub(crate) edge: Box<str>,
    /// R9, 0 for none.
    pub(crate) panic_percent: u32,
    pub(crate) panic_do: PanicMode,
    pub(crate) choice: Choice,
}

#[derive(Clone, Debug)]
pub(crate) struct EndpointConfig {
    pub(crate) name: Arc<str>,
    pub(crate) url: Arc<str>,
    /// Hash of placement and URL (R12).
    pub(crate) id: u64,
    pub(crate) placement: i32,
    /// Percent.
    pub(crate) weight: u32,
    /// Cap on its requests in flight, `NO_CAP` for none (R2).
    pub(crate) limit: i32,
}

/// The cap of an endpoint that has none: nothing in flight reaches it.
pub(crate) const NO_CAP: i32 = i32::MAX;

/// What `Config::match_via` says of a key under one `Config`.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Route {
    /// Hash of the routing key.
    pub key: u64,
    /// CRC-32 of the routing key, where the `Config` has a ketama ring; else 0.
    pub ring: u32,
    /// Index in that `Config`, -1 for none.
    pub placement: i32,
    /// Why the key belongs there.
    pub reason: Reason,
    /// `Class::NO_KEY` or `Class::UNKNOWN_KEY` when there is nowhere to go, or what the edge
    /// itself found wrong with the request (`Class::by_edge`).
    pub refuse: Class,
}

/// One compiled placement, for those who act on decisions or explain them.
#[derive(Clone, Debug)]
pub struct PlacementInfo<'a> {
    /// Its name.
    pub name: &'a str,
    /// Dedicated or tier.
    pub kind: Reason,
    /// Indexes of placements, itself first (R1).
    pub candidates: &'a [i32],
    /// Its endpoints are numbers `first_ep..end_ep` of `Config::endpoint`.
    pub first_ep: usize,
    /// One past the last of them.
    pub end_ep: usize,
    /// R10.
    pub select: Policy,
    /// Percent, 0 for none.
    pub bound: u32,
    /// Under ewma, else 0.
    pub decay: Duration,
    /// 0 for none.
    pub slow_start: Duration,
    /// R10.
    pub sticky: &'a StickySpec,
    /// 0 for all.
    pub shards: u32,
    /// R3.
    pub last_resort: LastResort,
    /// R5.
    pub limit: &'a LimitSpec,
    /// 0 for none.
    pub body_max: i64,
    /// R6.
    pub breaker: &'a BreakerSpec,
    /// R8.
    pub health: &'a HealthSpec,
    /// What the edge owns.
    pub timeouts: &'a TimeoutSpec,
    /// `max` 0 for none.
    pub retries: &'a RetrySpec,
    /// Percent, 0 for none (R9).
    pub panic: u32,
    /// R9.
    pub panic_do: PanicMode,
}

/// One compiled endpoint.
#[derive(Copy, Clone, Debug)]
pub struct EndpointInfo<'a> {
    /// Its name, or its URL.
    pub name: &'a str,
    /// Its address.
    pub url: &'a str,
    /// Index of its placement.
    pub placement: usize,
    /// Percent.
    pub weight: u32,
    /// Cap on its requests in flight, 0 for none (R2).
    pub limit: u32,
}

impl Config {
    /// Returns the operator's label.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns a hash of the whole content, the version label included. Two configurations with
    /// equal digests are treated as the same (R12).
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Returns the number of placements; they are numbered from 0 in order of name.
    pub fn placements(&self) -> usize {
        self.placements.len()
    }

    /// Returns the number of routing keys in table 0.
    pub fn keys(&self) -> usize {
        self.table_keys(0)
    }

    /// Returns the i-th key of table 0, as `table_key` does.
    pub fn key(&self, i: usize) -> (&[u8], i32) {
        self.table_key(0, i)
    }

    /// Returns the i-th placement, every default filled in.
    pub fn placement(&self, i: usize) -> PlacementInfo<'_> {
        let p = &self.placements[i];
        PlacementInfo {
            name: &p.name,
            kind: p.kind,
            candidates: &p.candidates,
            first_ep: p.first as usize,
            end_ep: p.end as usize,
            select: p.selection,
            bound: p.choice.bound,
            decay: p.choice.decay,
            slow_start: p.choice.slow_start,
            sticky: &p.choice.sticky,
            shards: p.choice.shards,
            last_resort: p.last_resort,
            limit: &p.limit,
            body_max: p.body_max,
            breaker: &p.breaker,
            health: &p.health,
            timeouts: &p.timeouts,
            retries: &p.retries,
            panic: p.panic_percent,
            panic_do: p.panic_do,
        }
    }

    /// Returns the timeouts of the i-th placement: what the edge needs of each request.
    pub fn timeouts(&self, i: usize) -> &TimeoutSpec {
        &self.placements[i].timeouts
    }

    /// Returns the body limit in bytes of the i-th placement, 0 for none.
    pub fn body_max(&self, i: usize) -> i64 {
        self.placements[i].body_max
    }

    /// Returns the retries of the i-th placement, every default filled in; `max` 0 for none.
    pub fn retries(&self, i: usize) -> &RetrySpec {
        &self.placements[i].retries
    }

    /// Returns the text that the Spec carries for the edge, "" for none.
    pub fn edge(&self) -> &str {
        &self.edge
    }

    /// Returns the same of the i-th placement.
    pub fn placement_edge(&self, i: usize) -> &str {
        &self.placements[i].edge
    }

    /// Returns the number of endpoints over all placements.
    pub fn endpoints(&self) -> usize {
        self.endpoints.len()
    }

    /// Returns the i-th endpoint: sorted by placement, then by URL or, under `Policy::FIRST`, as
    /// written.
    pub fn endpoint(&self, i: usize) -> EndpointInfo<'_> {
        let e = &self.endpoints[i];
        EndpointInfo {
            name: &e.name,
            url: &e.url,
            placement: e.placement as usize,
            weight: e.weight,
            limit: if e.limit == NO_CAP { 0 } else { e.limit as u32 },
        }
    }

    /// Returns what pushes are held against while this configuration is in force.
    pub fn guards(&self) -> GuardSpec {
        self.guards
    }

    /// Returns the index of the placement with that name.
    pub fn find_placement(&self, name: &str) -> Option<usize> {
        search_placements(&self.placements, name).ok()
    }
}

/// Returns where a placement is, or where it would be.
pub(crate) fn search_placements<S: AsRef<[u8]> + ?Sized>(ps: &[PlacementConfig], name: &S) -> Result<usize, usize> {
    ps.binary_search_by(|p| p.name.as_bytes().cmp(name.as_ref()))
}
