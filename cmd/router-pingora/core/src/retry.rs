//! Retries (R11): whether a failed attempt is followed by another, when, and the budget that
//! bounds how many.

use crate::decision::Decision;
use crate::names::enumeration;
use crate::router::Router;
use crate::time::{Duration, Time};
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
    /// Budget: share of the requests in flight, 1..400; 0 means 20.
    pub percent: u32,
    /// Budget: retries allowed besides, at once and a second, 1..1000; 0 means 3.
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

impl BudgetState {
    /// The part of the digest; `h` is the placement's identity.
    pub(crate) fn mix(&self, h: u64) -> u64 {
        h
    }
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

impl Router {
    pub(crate) fn retry_due(&mut self, _at: Time, _n: u32, _out: &mut Vec<Decision>) {}
}
