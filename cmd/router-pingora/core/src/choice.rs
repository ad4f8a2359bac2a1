//! Choosing among admissible endpoints beyond a plain policy (R10): the client's own endpoint,
//! slow start, bounded load, shards. Each narrows the list; then the policy picks. What Compile
//! makes of these settings is in compile_choice.rs.

use crate::ketama::RingPoint;
use crate::spec::StickySpec;
use crate::time::Duration;
use alloc::vec::Vec;

/// What a placement has set of it, and the tables that its policy reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    pub(crate) sticky: StickySpec,
    pub(crate) slow_start: Duration,
    pub(crate) decay: Duration,
    /// Percent.
    pub(crate) bound: u32,
    pub(crate) shards: u32,
    pub(crate) ring: Vec<RingPoint>,
    /// maglev: place of an endpoint in the placement.
    pub(crate) table: Vec<u16>,
}

/// The longest latency that ewma tells apart, 18 minutes.
pub(crate) const MAX_COST: i64 = 1 << 40;
