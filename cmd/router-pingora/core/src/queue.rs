//! The queue of a full placement (R5): a list through the journeys that wait, bounded by the
//! placement's `queue` and each wait by its `wait`. Only requests whose home it is wait here.

use crate::arrive::Room;
use crate::class::Class;
use crate::config::{Config, PlacementConfig};
use crate::decision::{Decision, DecisionKind};
use crate::event::{Event, Handle};
use crate::journey::{Ask, WaitKind};
use crate::names::enumeration;
use crate::router::{Placement, Router, note};
use crate::spec::{LimitSpec, WhenFull};
use crate::time::{Time, add};
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

impl Placement {
    /// Says whether a request must let others have the room: those who wait, unless newest first
    /// makes it the next itself.
    pub(crate) fn behind(&self, l: &LimitSpec, ask: &Ask, guest: bool) -> bool {
        self.queue.count > 0 && (guest || !ask.turn && !l.newest_next(self.queue.count + 1))
    }
}

impl LimitSpec {
    /// Says whether of so many that wait the newest is next.
    pub(crate) fn newest_next(&self, count: i32) -> bool {
        self.order == QueueOrder::NEWEST_FIRST && count > self.queue / 2
    }
}

impl Router {
    /// Says what a placement without room for a request does with it: lets it wait, or refuses it
    /// for want of something; with Room::Yes it goes on. capped: its sound endpoints are at their caps.
    pub(crate) fn at_full(
        &self,
        p: &PlacementConfig,
        number: i32,
        ask: &Ask,
        guest: bool,
        want: Room,
        capped: bool,
    ) -> (bool, Room) {
        if p.limit.when_full == WhenFull::FAIL_OVER {
            return (false, Room::Yes);
        }
        if guest && (p.limit.when_full == WhenFull::QUEUE || want != Room::Full) {
            return (false, Room::Yes); // guests do not wait; one without a share goes on, as one over the cap does
        }
        if p.limit.when_full == WhenFull::QUEUE && want == Room::Full {
            let refusal = self.may_queue(p, number, ask, capped);
            return (refusal == Room::Yes, refusal);
        }
        (false, want)
    }

    /// Says whether a home request may wait at a full placement: Room::Yes, or for want of what it is
    /// refused.
    fn may_queue(&self, p: &PlacementConfig, number: i32, ask: &Ask, capped: bool) -> Room {
        let s = &self.placements[number as usize];
        if capped && p.sharded {
            return Room::Full; // a wait for one shard would hold up the keys of others
        }
        if ask.again {
            let j = self.journey_at(ask.slot);
            if j.kind == WaitKind::InQueue && j.queue == number {
                return Room::Yes; // its place is its own
            }
        }
        if s.queue.count >= p.limit.queue {
            return Room::Full;
        }
        if p.shares {
            return s.next_share(p, ask.ev); // what its share would refuse does not wait for it
        }
        Room::Yes
    }

    /// Puts a new request into a queue.
    pub(crate) fn arrive_queued(&mut self, c: &Config, now: Time, ev: &Event, number: i32, out: &mut Vec<Decision>) {
        let Some(n) = self.slots.take() else {
            return self.table_full(now, ev, number, out);
        };
        let serial = self.next_serial();
        let s = self.slots.at_mut(n);
        (s.request, s.r#gen) = (ev.request, serial);
        self.begin(c, now, n, ev);
        self.enqueue(c, now, n, number, out);
    }

    /// Makes slot n wait at the end of a queue.
    pub(crate) fn enqueue(&mut self, c: &Config, now: Time, n: u32, number: i32, out: &mut Vec<Decision>) {
        let tail = self.placements[number as usize].queue.tail;
        let j = self.journey_at_mut(n);
        (j.queue, j.prev, j.next, j.ticket) = (number, tail, 0, 1);
        if tail != 0 {
            let last = self.journey_at_mut(tail - 1);
            last.next = n + 1;
            let ticket = last.ticket.wrapping_add(1);
            self.journey_at_mut(n).ticket = ticket;
        } else {
            self.placements[number as usize].queue.head = n + 1;
        }
        let p = &mut self.placements[number as usize];
        p.queue.tail = n + 1;
        p.queue.count += 1;
        let (config, count) = (p.config, p.queue.count as u32);
        if self.journey_at(n).ticket == 0 {
            self.renumber(number, n);
        }
        let j = self.journey_at(n);
        let (reason, deadline) = (j.route.reason, j.deadline);
        let until = add(now, c.placements[config as usize].limit.wait).min(deadline);
        self.hold(n, WaitKind::InQueue, until);
        let mut d = note(DecisionKind::QUEUED, 5, now);
        d.handle = Handle { slot: n, r#gen: self.slots.at(n).r#gen };
        (d.placement, d.reason, d.count, d.until) = (number, reason, count, until);
        out.push(d);
    }

    /// Gives a queue that has never been empty for 2^32 joins tickets from 1 on; last, at its tail, is
    /// not in the digest yet.
    fn renumber(&mut self, number: i32, last: u32) {
        let mut ticket = 0;
        let mut at = self.placements[number as usize].queue.head;
        while at != 0 {
            ticket += 1;
            if at - 1 != last {
                self.journey_at_mut(at - 1).ticket = ticket;
                self.touch_journey(at - 1);
            }
            at = self.journey_at(at - 1).next;
        }
        self.journey_at_mut(last).ticket = ticket;
    }

    /// Takes slot n out of the queue in which it waits.
    pub(crate) fn unlink(&mut self, n: u32) {
        let j = self.journey_at_mut(n);
        let (number, prev, next) = (j.queue, j.prev, j.next);
        if number < 0 {
            return;
        }
        (j.queue, j.prev, j.next, j.ticket) = (-1, 0, 0, 0);
        if prev != 0 {
            self.journey_at_mut(prev - 1).next = next;
        } else {
            self.placements[number as usize].queue.head = next;
        }
        if next != 0 {
            self.journey_at_mut(next - 1).prev = prev;
        } else {
            self.placements[number as usize].queue.tail = prev;
        }
        self.placements[number as usize].queue.count -= 1;
        self.free_placement(number);
    }

    /// Serves a queue as long as there is room: who is next is evaluated from the top. One that has
    /// not been matched under the epoch in force keeps the rest waiting until it is, or leaves. One
    /// whose wait is over now is about to be refused, which gives the others their turn.
    pub(crate) fn turn(&mut self, c: &Config, now: Time, number: i32, out: &mut Vec<Decision>) {
        while self.placements[number as usize].queue.count != 0 {
            let n = self.next_in_queue(c, number);
            let j = self.journey_at(n);
            if j.epoch != self.epoch || j.until <= now || self.decide_again(c, now, n, true, out) {
                return;
            }
        }
    }

    fn next_in_queue(&self, c: &Config, number: i32) -> u32 {
        let p = &self.placements[number as usize];
        if p.config >= 0 && c.placements[p.config as usize].limit.newest_next(p.queue.count) {
            return p.queue.tail - 1;
        }
        p.queue.head - 1
    }

    /// Ends a wait that nobody ended before. Whoever it kept waiting has its turn.
    pub(crate) fn expire(&mut self, c: &Config, at: Time, n: u32, out: &mut Vec<Decision>) {
        let number = self.journey_at(n).queue;
        self.refuse(at, n, Class::QUEUE_TIMEOUT, out);
        self.turn(c, at, number, out);
    }

    /// A Finish that names a waiting request: its client went away, or the edge wants no more of it.
    /// It frees the place, says nothing, and whoever it kept waiting has its turn.
    pub(crate) fn give_up(&mut self, c: &Config, now: Time, n: u32, out: &mut Vec<Decision>) {
        let number = self.journey_at(n).queue;
        self.end_wait(n);
        if number >= 0 {
            self.turn(c, now, number, out);
        }
    }

    /// Gives a queue its turn if the placement entered or left panic: what it ignores may now be room.
    pub(crate) fn reweighed(&mut self, c: &Config, now: Time, number: i32, was: bool, out: &mut Vec<Decision>) {
        let s = &self.placements[number as usize];
        if s.queue.count > 0 && s.panic != was {
            self.turn(c, now, number, out);
        }
    }
}
