//! The queue of a full placement (R5): a list through the journeys that wait, bounded by the
//! placement's `queue` and each wait by its `wait`. Only requests whose home it is wait here.

use crate::decision::Decision;
use crate::names::enumeration;
use crate::router::Router;
use crate::time::Time;
use alloc::vec::Vec;

/// Bounds the places of one queue, so that one step stays bounded work.
pub const MAX_QUEUE: i32 = 1024;

enumeration! {
    /// R5: who is next when room appears. Newest first holds only while more than half of the
    /// places are taken.
    QueueOrder {
        /// The oldest.
        FIFO = 0,
        /// The newest.
        NEWEST_FIRST = 1,
    }
}

/// The queue of one placement.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct WaitList {
    /// Slots plus 1, 0 for none.
    pub(crate) head: u32,
    pub(crate) tail: u32,
    pub(crate) count: i32,
}

impl Router {
    pub(crate) fn expire(&mut self, _at: Time, _n: u32, _out: &mut Vec<Decision>) {}
}
