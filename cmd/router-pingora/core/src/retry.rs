//! Retries (R11): whether a failed attempt is followed by another, when, and the budget that
//! bounds how many.

use crate::arrive::Survey;
use crate::class::Class;
use crate::config::Config;
use crate::deadlines::TimerKind;
use crate::decision::{Decision, DecisionKind};
use crate::digest::{Entity, mix_entity, mix_word};
use crate::event::{Event, EventKind, Handle};
use crate::journey::{Ask, JourneyState, WaitKind};
use crate::names::enumeration;
use crate::random::{Purpose, below, draw};
use crate::router::Router;
use crate::time::{Duration, NEVER, SECOND, Time, add, sub};
use alloc::vec::Vec;

enumeration! {
    /// A set of ways to fail that R11 may follow with a retry.
    RetryOn {
        /// dns, connect_refused, connect_timeout, tls: nothing reached the endpoint.
        ON_CONNECT = 1,
        /// reset_before_response.
        ON_RESET = 2,
        /// response_timeout.
        ON_TIMEOUT = 4,
        /// bad_response.
        ON_BAD_RESPONSE = 8,
        /// An upstream status of 502, 503 or 504.
        ON_GATEWAY = 16,
        /// An upstream status of 500 to 599.
        ON_5XX = 32,
    }
}

/// The first number that is no set of ways to fail.
pub(crate) const RETRY_ONS: u8 = 64;

enumeration! {
    /// R11: which methods are sent again although some of the request may have reached the
    /// endpoint. What was not sent at all may be sent again whatever its method.
    RetryMethods {
        /// Safe ones.
        SAFE = 0,
        /// Idempotent ones too.
        IDEMPOTENT = 1,
        /// All.
        ANY = 2,
    }
}

/// R11, of the requests whose home a placement is. The zero value: no retries.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct RetrySpec {
    /// Retries of one request, at most `MAX_RETRIES`; 0 means none.
    pub max: u32,
    /// 0 means connect, reset and gateway.
    pub on: RetryOn,
    /// 0 means safe.
    pub methods: RetryMethods,
    /// The first pause is hashed below this, each later one below the double; 0 means 25 ms.
    pub back_off: Duration,
    /// Cap on that bound; 0 means 10 x `back_off`.
    pub back_off_max: Duration,
    /// Longest Retry-After that is waited for; beyond it there is no retry; 0 means 1 s.
    pub retry_after: Duration,
    /// BudgetState: share of the requests in flight, 1..400; 0 means 20.
    pub percent: u32,
    /// BudgetState: retries allowed besides, at once and a second, 1..1000; 0 means 3.
    pub floor: u32,
    /// No budget at all: a failing placement gets up to 1 + `max` times its traffic.
    pub no_budget: bool,
    /// The edge keeps bodies up to this many bytes to send them again; 0 means 64 KiB.
    pub body_max: i64,
}

/// What a placement's requests may spend on retries (R11). `own` and `retrying` count journeys;
/// `debt` is what was granted and is not yet earned.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct BudgetState {
    /// Requests in flight or waiting whose home it was when they came.
    pub(crate) own: i32,
    /// Of those, the ones that were granted a retry.
    pub(crate) retrying: i32,
    /// In millionths of a retry, as of `at` less what own requests earned since.
    pub(crate) debt: i64,
    /// Of the last grant.
    pub(crate) at: Time,
}

/// Why an attempt is not followed by a retry, the first reason that applies (R11).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum RetryWhy {
    /// None: a retry follows.
    Granted,
    /// The request has no retries.
    Off,
    /// The way it failed is not one to retry.
    Class,
    /// Some of it may have been processed, and its method must not be repeated.
    Unsafe,
    /// Its body cannot be sent again.
    Body,
    /// It has had all its retries.
    Spent,
    /// The drain's deadline comes first.
    Drain,
    /// The request's own time ends first, or Retry-After asks for too long.
    TooLate,
    /// The budget is spent.
    OutOfBudget,
}

/// One retry in the budget's unit.
const ONE_RETRY: i64 = 1_000_000;

impl RetrySpec {
    /// What one request earns.
    pub(crate) fn share(&self) -> i64 {
        i64::from(self.percent) * (ONE_RETRY / 100)
    }
}

impl BudgetState {
    /// The part of the digest; id is its placement's. Zeros add nothing.
    pub fn mix(&self, id: u64) -> u64 {
        if *self == BudgetState::default() {
            return 0;
        }
        let counts = (self.own as u64) << 32 | self.retrying as u64;
        mix_word(mix_word(mix_entity(Entity::Budget, id, counts), self.debt as u64), self.at as u64)
    }

    /// The debt at a time: the floor pays it off.
    pub fn owed(&self, now: Time, s: &RetrySpec) -> i64 {
        if self.debt == 0 {
            return 0;
        }
        let since = sub(now, self.at);
        let (seconds, rest) = ((since / SECOND).min(1_000_000_000), since % SECOND);
        let paid = i64::from(s.floor).wrapping_mul(seconds.wrapping_mul(ONE_RETRY).wrapping_add(rest / 1000));
        self.debt.wrapping_sub(paid).max(0)
    }

    /// What both retries under way and debt may reach.
    pub fn limit(&self, s: &RetrySpec) -> i64 {
        i64::from(s.floor) * ONE_RETRY + s.share() * i64::from(self.own)
    }

    /// Says whether the budget has room for one retry more of j.
    fn allows(&self, now: Time, s: &RetrySpec, j: &JourneyState) -> bool {
        if s.no_budget {
            return true;
        }
        let limit = self.limit(s);
        let more = i64::from(!j.retrying); // one that is being retried is counted already
        self.owed(now, s).saturating_add(ONE_RETRY) <= limit && (i64::from(self.retrying) + more) * ONE_RETRY <= limit
    }
}

impl Router {
    /// Decides whether the failed attempt in slot n is followed by another, and when; else why not.
    pub(crate) fn may_retry(&self, c: &Config, now: Time, n: u32, ev: &Event, class: Class) -> Result<Time, RetryWhy> {
        let (s, j) = (self.slots.at(n), self.journey_at(n));
        let p = &self.placements[j.account as usize];
        if p.config < 0 {
            return Err(RetryWhy::Off);
        }
        let spec = &c.placements[p.config as usize].retries;
        if spec.max == 0 {
            return Err(RetryWhy::Off);
        }
        if spec.on.0 & retry_bit(class, ev.status).0 == 0 {
            return Err(RetryWhy::Class);
        }
        if (ev.sent || ev.kind == EventKind::REPLY) && j.method.0 > spec.methods.0 {
            return Err(RetryWhy::Unsafe);
        }
        if !ev.replayable {
            return Err(RetryWhy::Body);
        }
        if u32::from(j.attempts) > spec.max {
            return Err(RetryWhy::Spent);
        }
        let due = add(now, self.pause(spec, s.request, j.attempts, ev.retry_after));
        let drained = self.timers.get(TimerKind::Drain, 0);
        if self.draining && (drained == NEVER || due >= drained) {
            return Err(RetryWhy::Drain);
        }
        if due >= j.deadline || ev.retry_after > spec.retry_after {
            return Err(RetryWhy::TooLate);
        }
        if !p.budget.allows(now, spec, j) {
            return Err(RetryWhy::OutOfBudget);
        }
        Ok(due)
    }
}

/// Maps the way an attempt failed to the settings that allow a retry.
fn retry_bit(c: Class, status: u16) -> RetryOn {
    match c {
        Class::DNS | Class::CONNECT_REFUSED | Class::CONNECT_TIMEOUT | Class::TLS => RetryOn::ON_CONNECT,
        Class::RESET_BEFORE_RESPONSE => RetryOn::ON_RESET,
        Class::RESPONSE_TIMEOUT => RetryOn::ON_TIMEOUT,
        Class::BAD_RESPONSE => RetryOn::ON_BAD_RESPONSE,
        Class::UPSTREAM_5XX if (502..=504).contains(&status) => RetryOn(RetryOn::ON_GATEWAY.0 | RetryOn::ON_5XX.0),
        Class::UPSTREAM_5XX => RetryOn::ON_5XX,
        _ => RetryOn::default(),
    }
}

impl Router {
    /// The full-jitter back-off before the attempt after so many, at least 1 ns, and never less than
    /// what the upstream asked for.
    fn pause(&self, s: &RetrySpec, request: u64, attempts: u8, asked: Duration) -> Duration {
        let mut bound = s.back_off;
        for _ in 1..attempts {
            if bound >= s.back_off_max {
                break;
            }
            bound *= 2;
        }
        bound = bound.min(s.back_off_max);
        let jitter = below(draw(self.seed, request, u64::from(attempts), Purpose::BackOff), bound as u64);
        asked.max(0).wrapping_add((jitter as Duration).max(1))
    }

    /// Grants a retry: the attempt in slot n is over, its room is free, and the request waits until due.
    /// It keeps its slot under a new handle.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn back_off(
        &mut self,
        c: &Config,
        now: Time,
        due: Time,
        n: u32,
        ev: &Event,
        class: Class,
        out: &mut Vec<Decision>,
    ) {
        let endpoint = self.slots.at(n).endpoint;
        let j = self.journey_at(n);
        let account = j.account;
        let mut d = self.about(DecisionKind::RETRY, 11, now, endpoint);
        (d.class, d.status, d.count, d.until) = (class, ev.status, u32::from(j.attempts) + 1, due);
        let retrying = core::mem::replace(&mut self.journey_at_mut(n).retrying, true);
        let p = &mut self.placements[account as usize];
        let spec = &c.placements[p.config as usize].retries;
        if !spec.no_budget {
            (p.budget.debt, p.budget.at) = (p.budget.owed(now, spec) + ONE_RETRY, now);
        }
        p.budget.retrying += i32::from(!retrying);
        self.touch_placement(account);
        let home = self.endpoints[endpoint as usize].placement;
        self.vacate(now, n, out);
        let serial = self.next_serial();
        let s = self.slots.at_mut(n);
        s.r#gen = serial;
        (s.generation, s.guest, s.probe, s.replied, s.began, s.tenant) = (0, false, false, false, 0, 0);
        self.hold(n, WaitKind::InBackOff, due);
        d.handle = Handle { slot: n, r#gen: serial };
        self.turn(c, now, home, out);
        out.push(d);
    }

    /// Ends a back-off: the request is evaluated from the top. One that has not been matched under the
    /// epoch in force waits for that, at most for its own time.
    pub(crate) fn retry_due(&mut self, c: &Config, at: Time, n: u32, out: &mut Vec<Decision>) {
        let j = self.journey_at(n);
        if j.epoch != self.epoch && j.kind == WaitKind::InBackOff && at < j.deadline {
            let deadline = j.deadline;
            self.stop_waiting(n);
            self.hold(n, WaitKind::Overdue, deadline);
            return;
        }
        self.timers.set(TimerKind::Retry, n as i32, NEVER);
        self.decide_again(c, at, n, false, out);
    }

    /// Takes the endpoints that a request has tried out of the admissible ones, and remembers that it
    /// did. A placement with no others is left, not full: those at their caps are no reason to wait when
    /// one that was tried could serve.
    pub(crate) fn skip_tried(&mut self, ask: &mut Ask, s: &mut Survey) {
        let (j, endpoints) = (*self.journey_at(ask.slot), &self.endpoints);
        self.admissible.retain(|&n| !j.tried().contains(&endpoints[n as usize].id));
        ask.skipped |= self.admissible.len() < s.admissible;
        if self.admissible.is_empty() && s.admissible > 0 {
            s.capped = false;
        }
        s.admissible = self.admissible.len();
    }
}

#[cfg(test)]
#[path = "retry_test.rs"]
mod tests;
