//! Views of requests that may come again.

use crate::config::Route;
use crate::event::{Epoch, Handle, Method};
use crate::journey::MAX_RETRIES;
use crate::time::Time;

/// A request that may come again: it waits, or R11 may retry it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Journey {
    /// Names it.
    pub handle: Handle,
    /// Of its Arrive.
    pub request: u64,
    /// What match said of it last.
    pub route: Route,
    /// It waits.
    pub waiting: bool,
    /// Waiting, and it must come again: see `Router::append_stale`.
    pub expected: bool,
    /// Waiting, in the queue of `placement`; else for its retry.
    pub in_queue: bool,
    /// `in_queue`: number of the placement, else -1.
    pub placement: i32,
    /// Number of the placement that was its home when it arrived: whose budget it is on.
    pub account: i32,
    /// Forwarded so far.
    pub attempts: u8,
    /// Identities of the endpoints of its attempts, as `Router::identity` gives them; 0 for none.
    pub tried: [u64; MAX_RETRIES],
    /// Under which it was matched.
    pub epoch: Epoch,
    /// The route by which it came, in the configuration of `epoch`.
    pub via: u16,
    /// Identity of the endpoint that its sticky cookie names.
    pub prefer: u64,
    /// Waiting: when the wait ends by itself.
    pub until: Time,
    /// Of the request as a whole.
    pub deadline: Time,
    /// One of its attempts has counted against an endpoint (R7).
    pub failed: bool,
    /// A retry was granted.
    pub retrying: bool,
    /// Class of its method.
    pub method: Method,
    /// Of its body, -1 unknown.
    pub length: i64,
}

/// What a placement's requests may spend on retries at a time, in millionths of a retry (R11).
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Budget {
    /// Requests in flight or waiting whose home it was when they came.
    pub own: i32,
    /// Of those, the ones that were granted a retry.
    pub retrying: i32,
    /// Granted and not yet earned.
    pub debt: i64,
    /// What `debt` and `retrying` may each reach; 0 without retries or a budget.
    pub limit: i64,
}
