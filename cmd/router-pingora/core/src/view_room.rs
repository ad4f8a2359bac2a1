//! What R5 says of one request at one placement.

use crate::arrive::Room;
use crate::class::Class;
use crate::event::Event;
use crate::ration::{MAX_PRIORITIES, tenant_of};
use crate::router::Router;

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

impl Router {
    /// Asks R5 of an arrival at placement number `n`; `guest` says that it came by failover. It
    /// changes nothing. A number outside the range has room.
    pub fn room(&self, n: i32, ev: &Event, guest: bool) -> RoomView {
        let (Some(c), Some(s)) = (&self.config, self.placement_state(n).filter(|p| p.config >= 0)) else {
            return RoomView::default();
        };
        let p = &c.placements[s.config as usize];
        let (limit, guests) = s.bounds(&p.limit);
        let (pool, used) = s.pool(limit, guests, p.limit.guests != 0, guest);
        let held = s.tenants.held(tenant_of(&p.limit, &ev.route, guest));
        let share = match p.limit.priorities[usize::from(ev.priority).min(MAX_PRIORITIES - 1)] {
            0 => 100,
            share => share.into(),
        };
        let m = s.room(p, ev, guest);
        let class = if m == Room::Yes { Class::NONE } else { m.class() };
        RoomView { class, guests_full: m == Room::GuestsFull, limit, guests, pool, used, share, held }
    }
}
