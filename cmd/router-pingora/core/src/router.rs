//! The router: its state, and the one function that changes it.

use crate::adaptive::Adaptive;
use crate::adopt::{Ident, Numbering};
use crate::breaker::Breaker;
use crate::config::Config;
use crate::deadlines::{TimerKind, Timers};
use crate::decision::{Cause, Decision, DecisionKind};
use crate::event::{Epoch, Event, EventKind};
use crate::extra::Extra;
use crate::health::Health;
use crate::inflight::{CHUNK_BITS, CHUNK_SIZE, MAX_CHUNKS, SlotTable};
use crate::journey::JourneyState;
use crate::queue::WaitList;
use crate::ration::Tenants;
use crate::retry::BudgetState;
use crate::spec::MAX_ENDPOINTS;
use crate::time::{NEVER, Time};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What a `Router` is made with.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Seed of all randomness. Two routers with one seed and one input decide alike.
    pub seed: u64,
    /// Makes a broken invariant panic, as simulation and tests want it. Without it the router
    /// notes the bug and goes on serving.
    pub strict: bool,
}

/// The whole state of one router.
#[derive(Default)]
pub struct Router {
    pub(crate) seed: u64,
    pub(crate) strict: bool,
    pub(crate) draining: bool,
    pub(crate) now: Time,
    pub(crate) epoch: Epoch,
    pub(crate) config: Option<Arc<Config>>,
    /// Last generation or token given out.
    pub(crate) serial: u32,

    /// By number; a number is kept as long as the placement lives.
    pub(crate) placements: Vec<Placement>,
    /// By number, as before.
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) numbers: Numbering,
    pub(crate) slots: SlotTable,
    pub(crate) timers: Timers,
    /// Drain: the slot where the next batch begins.
    pub(crate) abort_from: u32,
    /// By slot; none as long as nothing may come again.
    pub(crate) journeys: Vec<Box<[JourneyState; CHUNK_SIZE]>>,
    /// Requests that wait: their slots hold no attempt.
    pub(crate) waiting: u32,

    /// Scratch of one survey.
    pub(crate) admissible: Vec<i32>,
    /// Scratch of one adoption.
    pub(crate) ids: Vec<Ident>,

    /// Digest of all placements, endpoints and attempts.
    pub(crate) sum: u64,
    pub(crate) touched_placements: Vec<i32>,
    pub(crate) touched_endpoints: Vec<i32>,
    pub(crate) counters: Counters,

    /// By number of an endpoint; empty while no configuration needs it.
    pub(crate) extras: Vec<Extra>,
    /// Scratch: the last selection that marked extras.
    pub(crate) stamp: u32,
}

/// The state of one placement; id 0 marks a free number.
#[derive(Clone, Default)]
pub(crate) struct Placement {
    pub(crate) id: u64,
    /// Index in the current `Config`, -1 once removed.
    pub(crate) config: i32,
    pub(crate) in_flight: i32,
    pub(crate) guests: i32,
    pub(crate) queue: WaitList,
    pub(crate) budget: BudgetState,
    /// Bytes: a snapshot may hold any.
    pub(crate) name: Arc<[u8]>,
    pub(crate) mixed: u64,
    pub(crate) touched: bool,
    /// R9.
    pub(crate) panic: bool,
    /// Scratch of one adoption.
    pub(crate) retabled: bool,
    /// Attempts by tenant, empty where nobody counts them (R5).
    pub(crate) tenants: Tenants,
    /// None where the limit does not move (R5).
    pub(crate) adaptive: Option<Adaptive>,
}

/// The state of one endpoint; id 0 marks a free number.
#[derive(Clone, Default)]
pub(crate) struct Endpoint {
    pub(crate) id: u64,
    /// Index in the current `Config`, -1 while retiring (R12).
    pub(crate) config: i32,
    /// Number of its placement.
    pub(crate) placement: i32,
    pub(crate) in_flight: i32,
    /// Cap on `in_flight`, the largest number for none (R2).
    pub(crate) limit: i32,
    pub(crate) weight: u32,
    /// Credit of smooth round robin (R10).
    pub(crate) rotation: i64,
    pub(crate) health: Health,
    pub(crate) touched: bool,
    /// Scratch of one adoption.
    pub(crate) kept: bool,
    pub(crate) mixed: u64,
    pub(crate) breaker: Breaker,
    pub(crate) name: Arc<[u8]>,
    pub(crate) url: Arc<[u8]>,
}

/// Counts of what leaves no other trace in the state. They are outside the digest.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Events, or parts of them, that named nothing.
    pub ignored: u64,
    /// Broken invariants.
    pub bugs: u64,
    /// Probe times that passed without a probe.
    pub missed: u64,
}

/// The last time that `step` knows, 146 years after the origin; it leaves room to add any
/// duration without overflow.
pub(crate) const LATEST: Time = 1 << 62;

impl Router {
    /// Returns a router without a configuration: it refuses every request as not_ready (R13).
    pub fn new(o: Options) -> Router {
        let mut r = Router { seed: o.seed, strict: o.strict, ..Router::default() };
        r.timers.reserve(1);
        r
    }

    /// Applies one event at time `now` and appends what was decided to `out`. A `now` below an
    /// earlier one counts as that one. Deadlines up to `now` fire first, each as of its own time;
    /// then the event is applied. No input can make it panic; what names nothing is ignored with
    /// a note. After `reserve`, it allocates nothing as long as `out` has room, but for what an
    /// Adopt may make: see there.
    pub fn step(&mut self, now: Time, ev: &mut Event, out: &mut Vec<Decision>) {
        let now = now.max(self.now).min(LATEST);
        self.now = now;
        // Out of the state while it changes: rules hold on to the one and write to the other.
        let mut config = self.config.take();
        if self.timers.next() <= now {
            self.fire(config.as_deref(), now, out);
        }
        let c = config.as_deref();
        match ev.kind {
            EventKind::ARRIVE => self.arrive(c, now, ev, out),
            EventKind::REPLY => self.reply(c, now, ev, out),
            EventKind::FINISH => self.finish(c, now, ev, out),
            EventKind::PROBED => self.probed(c, now, ev, out),
            EventKind::ADOPT => self.adopt(&mut config, now, ev, out),
            EventKind::CONTROL => out.push(note(DecisionKind::NOTE_CONTROL, 13, now)),
            EventKind::DRAIN => self.drain(now, ev, out),
            EventKind::TICK => {}
            _ => self.ignore(now, 16, Cause::BAD_EVENT, out),
        }
        self.config = config;
    }

    /// Returns when `step` next wants to be called even if nothing happens, `NEVER` if it does
    /// not. Calling late, early or more often is harmless.
    pub fn deadline(&self) -> Time {
        self.timers.next()
    }

    /// Runs every deadline up to `now`, in order. A probe's next time lies after `now`, and a
    /// drain's next batch does too, so this ends.
    fn fire(&mut self, c: Option<&Config>, now: Time, out: &mut Vec<Decision>) {
        while let Some(t) = self.timers.first() {
            if t.at > now {
                return;
            }
            match (t.kind(), c) {
                (Some(TimerKind::Drain), _) => self.abort_batch(t.at, now, out),
                (Some(TimerKind::BreakerGuard), Some(c)) => self.breaker_guard(c, t.at, t.number(), out),
                (Some(TimerKind::HealthGuard), Some(c)) => self.health_guard(c, t.at, t.number(), out),
                (Some(TimerKind::Health), Some(c)) => self.start_probe(c, t.at, now, t.number(), out),
                (Some(TimerKind::Queue), Some(c)) => self.expire(c, t.at, t.number() as u32, out),
                (Some(TimerKind::Retry), Some(c)) => self.retry_due(c, t.at, t.number() as u32, out),
                (Some(TimerKind::Limit), Some(c)) => self.limit_window(c, t.at, now, t.number(), out),
                (Some(k), None) => self.timers.set(k, t.number(), NEVER), // of no configuration
                (None, _) => return,
            }
        }
    }

    /// Returns the epoch in force, zero before the first configuration.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Returns the configuration in force, none before the first.
    pub fn config(&self) -> Option<&Arc<Config>> {
        self.config.as_ref()
    }

    /// Returns the largest time that `step` has seen.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Returns the number of attempts in flight.
    pub fn in_flight(&self) -> usize {
        self.slots.live.saturating_sub(self.waiting) as usize
    }

    /// Reports whether a Drain has come (R14).
    pub fn draining(&self) -> bool {
        self.draining
    }

    /// Returns the counters so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Returns a generation or token that is not 0.
    pub(crate) fn next_serial(&mut self) -> u32 {
        self.serial = self.serial.checked_add(1).unwrap_or(1);
        self.serial
    }

    /// A note that concerns endpoint `n`.
    pub(crate) fn about(&self, kind: DecisionKind, rule: u8, at: Time, n: i32) -> Decision {
        Decision { endpoint: n, placement: self.endpoints[n as usize].placement, ..note(kind, rule, at) }
    }

    /// Notes an event, or a part of it, that changes nothing.
    pub(crate) fn ignore(&mut self, now: Time, rule: u8, cause: Cause, out: &mut Vec<Decision>) {
        self.counters.ignored += 1;
        out.push(Decision { cause, ..note(DecisionKind::NOTE_IGNORED, rule, now) });
    }

    /// Makes room for adopting `c` and for that many attempts in flight, so that later steps
    /// allocate nothing. It does not change the state. The driver calls it before an Adopt;
    /// without it a step makes the room itself. Left to the Adopt, which alone knows the placements
    /// that need them, are tables of tenants of another size than before (R5), and the comparison
    /// that a push guard asks for (R13) where the event has no change.
    pub fn reserve(&mut self, c: Option<&Config>, in_flight: usize) {
        while self.slots.chunks.len() < MAX_CHUNKS && self.slots.chunks.len() << CHUNK_BITS < in_flight {
            self.slots.grow();
        }
        let Some(c) = c else { return };
        let placements = self.placements.iter().filter(|p| p.id != 0).count() + c.placements.len();
        let endpoints = self.endpoints.iter().filter(|e| e.id != 0).count() + c.endpoints.len();
        grow_to(&mut self.placements, placements);
        grow_to(&mut self.endpoints, endpoints);
        grow_to(&mut self.touched_placements, placements);
        grow_to(&mut self.touched_endpoints, endpoints);
        self.reserve_extras(c, endpoints);
        grow_to(&mut self.admissible, MAX_ENDPOINTS);
        grow_to(&mut self.ids, endpoints);
        self.numbers.reserve(c);
        self.timers.reserve(endpoints.max(placements));
        if c.comes_again() {
            self.grow_journeys();
        }
    }
}

/// Gives `v` room for `n` elements in all.
pub(crate) fn grow_to<T>(v: &mut Vec<T>, n: usize) {
    v.reserve(n.saturating_sub(v.len()));
}

/// A decision that concerns nobody yet.
pub(crate) fn note(kind: DecisionKind, rule: u8, at: Time) -> Decision {
    Decision { kind, rule, at, placement: -1, endpoint: -1, ..Decision::default() }
}
