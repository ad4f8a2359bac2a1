//! A journey is what the router keeps of a request that may come again (R5's queue, R11): as
//! long as it waits, and between its attempts. A request whose placement neither queues nor
//! retries has none, and costs nothing. Journeys lie beside the slots, in chunks that are made
//! only when one is needed; a waiting request holds a slot of the table, but no room at any
//! placement or endpoint.

use crate::config::Route;
use crate::event::{Epoch, Method};
use crate::inflight::{CHUNK_BITS, CHUNK_SIZE};
use crate::router::Router;
use crate::time::Time;
use alloc::boxed::Box;

/// Bounds the retries of one request.
pub const MAX_RETRIES: usize = 4;

/// What a journey is doing.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum WaitKind {
    /// Its attempt is in flight.
    #[default]
    NotWaiting = 0,
    /// In the queue of a full placement (R5).
    InQueue = 1,
    /// Until its retry is due (R11).
    InBackOff = 2,
    /// It must come again first: its retry is due and its match is old, or its queue is not its
    /// home's any more.
    Overdue = 3,
}

/// One request that may come again; its slot has the request and the handle.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct JourneyState {
    pub(crate) route: Route,
    /// Under which `route` was matched; another than the one in force: stale.
    pub(crate) epoch: Epoch,
    pub(crate) length: i64,
    /// Of the request as a whole: timeouts.request after it arrived.
    pub(crate) deadline: Time,
    /// Waiting: when the wait ends by itself.
    pub(crate) until: Time,
    /// Identities of the endpoints of its attempts.
    pub(crate) tried: [u64; MAX_RETRIES],
    /// Its part of the digest.
    pub(crate) mixed: u64,
    /// Number of the placement that was its home when it arrived.
    pub(crate) account: i32,
    /// InQueue: number of the placement.
    pub(crate) queue: i32,
    /// InQueue: its neighbours' slots plus 1, 0 for none.
    pub(crate) prev: u32,
    pub(crate) next: u32,
    /// InQueue: its place, growing from head to tail.
    pub(crate) ticket: u32,
    /// Identity of the endpoint that its sticky cookie names (R10).
    pub(crate) prefer: u64,
    pub(crate) priority: u8,
    /// Route by which it came, in the configuration of `epoch`.
    pub(crate) via: u16,
    pub(crate) kind: WaitKind,
    /// Forwarded so far.
    pub(crate) attempts: u8,
    pub(crate) method: Method,
    /// One of its attempts has counted as a failure (R7).
    pub(crate) failed: bool,
    /// A retry was granted.
    pub(crate) retrying: bool,
}

impl Router {
    #[inline]
    pub(crate) fn journey_at(&self, n: u32) -> &JourneyState {
        &self.journeys[(n >> CHUNK_BITS) as usize][n as usize & (CHUNK_SIZE - 1)]
    }

    #[inline]
    pub(crate) fn journey_at_mut(&mut self, n: u32) -> &mut JourneyState {
        &mut self.journeys[(n >> CHUNK_BITS) as usize][n as usize & (CHUNK_SIZE - 1)]
    }

    /// Makes room for the journeys of every slot there is.
    pub(crate) fn grow_journeys(&mut self) {
        while self.journeys.len() < self.slots.chunks.len() {
            self.journeys.push(Box::new([JourneyState::default(); CHUNK_SIZE]));
        }
        self.timers.reserve_slots(self.journeys.len() << CHUNK_BITS);
    }
}
