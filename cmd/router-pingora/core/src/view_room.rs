//! What R5 says of one request at one placement.

use crate::class::Class;

/// What R5 says of one request at one placement, and the figures by which it says so.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct RoomView {
    /// `Class::NONE` where there is room; else with what the request is refused, or why it goes on.
    pub class: Class,
    /// Because of the cap on guests.
    pub guests_full: bool,
    /// In force, 0 for none.
    pub limit: i32,
    /// Cap on guests in force; only where there is one.
    pub guests: i32,
    /// Of the room that the request shares in.
    pub pool: i32,
    /// How much of that is taken.
    pub used: i32,
    /// Percent of `pool` up to which its priority is admitted.
    pub share: u32,
    /// Slots that its tenant holds, where tenants are told apart.
    pub held: i32,
}
