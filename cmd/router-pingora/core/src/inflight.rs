//! The in-flight table holds one slot per admitted attempt. A new attempt takes the lowest free
//! slot, so the handle follows from the state alone and a recording can be replayed from any
//! snapshot. Slots come in chunks: a growing table never moves what it holds, and admission
//! stays bounded work.

use crate::digest::Entity;
use crate::event::Handle;
use crate::random::{GOLDEN, finalise};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::vec::Vec;

pub(crate) const CHUNK_BITS: u32 = 10;
pub(crate) const CHUNK_SIZE: usize = 1 << CHUNK_BITS;
pub(crate) const MAX_CHUNKS: usize = 1024;

/// The size of the table; beyond it requests are refused as limit.
pub const MAX_IN_FLIGHT: usize = CHUNK_SIZE * MAX_CHUNKS;

/// States of a slot.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum SlotState {
    #[default]
    Plain,
    /// An attempt in flight, of a journey.
    Journey,
    /// A journey that waits: no attempt.
    Waiting,
}

/// One attempt in flight.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) request: u64,
    /// 1 + when it was admitted, if its placement times calls; 0 once its outcome is booked.
    pub(crate) began: Time,
    /// Of the handle; 0 for a free slot.
    pub(crate) r#gen: u32,
    /// Of the breaker at admission: the ticket of R6.
    pub(crate) generation: u32,
    /// Number of its endpoint, -1 while it waits.
    pub(crate) endpoint: i32,
    /// Came by failover (R5).
    pub(crate) guest: bool,
    /// Is a half-open probe (R6).
    pub(crate) probe: bool,
    /// Its outcome is booked (R7).
    pub(crate) replied: bool,
    pub(crate) state: SlotState,
    /// Whose share it takes, 0 when it is not counted (R5).
    pub(crate) tenant: u64,
}

/// An odd number by which the digest tells times of admission apart; one that is not timed adds 0.
const ADMITTED_AT: u64 = 0xbf58_476d_1ce4_e5b9;

impl Slot {
    /// The slot's part of the digest; `id` is its endpoint's identity. It is worked out twice for
    /// every request, so it is one finaliser, not a fold.
    #[inline]
    pub(crate) fn mix(&self, id: u64) -> u64 {
        let word = u64::from(self.generation) << 8
            | (Entity::Attempt as u64) << 3
            | u64::from(self.guest)
            | u64::from(self.probe) << 1
            | u64::from(self.replied) << 2;
        finalise(
            (id ^ self.request)
                .wrapping_add(GOLDEN.wrapping_mul(word))
                .wrapping_add(ADMITTED_AT.wrapping_mul(self.began as u64)),
        )
    }
}

/// The table of attempts in flight.
pub(crate) struct SlotTable {
    pub(crate) chunks: Vec<Box<[Slot; CHUNK_SIZE]>>,
    /// A bit per slot: taken.
    full0: Vec<u64>,
    /// A bit per word of `full0`: all taken.
    full1: [u64; MAX_CHUNKS / 4],
    /// A bit per word of `full1`: all taken.
    full2: [u64; MAX_CHUNKS / 4 / 64],
    pub(crate) live: u32,
}

impl Default for SlotTable {
    fn default() -> Self {
        SlotTable { chunks: Vec::new(), full0: Vec::new(), full1: [0; MAX_CHUNKS / 4], full2: [0; 4], live: 0 }
    }
}

impl SlotTable {
    /// Adds a chunk of free slots.
    pub(crate) fn grow(&mut self) {
        self.chunks.push(Box::new([Slot::default(); CHUNK_SIZE]));
        self.full0.resize(self.full0.len() + CHUNK_SIZE / 64, 0);
    }

    /// Returns the number of slots there are, taken or free.
    pub(crate) fn size(&self) -> u32 {
        (self.chunks.len() << CHUNK_BITS) as u32
    }

    /// Takes the lowest free slot; none when the table is at its limit.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let top = self.full2.iter().position(|w| *w != u64::MAX)?;
        let i1 = top << 6 | self.full2[top].trailing_ones() as usize;
        let i0 = i1 << 6 | self.full1[i1].trailing_ones() as usize;
        if i0 >= self.full0.len() {
            self.grow();
        }
        let n = (i0 << 6) as u32 | self.full0[i0].trailing_ones();
        self.mark(n);
        Some(n)
    }

    /// Records that slot `n`, which was free, is taken.
    pub(crate) fn mark(&mut self, n: u32) {
        self.live += 1;
        let w0 = &mut self.full0[n as usize >> 6];
        *w0 |= 1 << (n & 63);
        if *w0 != u64::MAX {
            return;
        }
        let w1 = &mut self.full1[n as usize >> 12];
        *w1 |= 1 << (n >> 6 & 63);
        if *w1 == u64::MAX {
            self.full2[n as usize >> 18] |= 1 << (n >> 12 & 63);
        }
    }

    /// Frees slot `n`.
    pub(crate) fn release(&mut self, n: u32) {
        *self.at_mut(n) = Slot::default();
        self.live -= 1;
        self.full0[n as usize >> 6] &= !(1 << (n & 63));
        self.full1[n as usize >> 12] &= !(1 << (n >> 6 & 63));
        self.full2[n as usize >> 18] &= !(1 << (n >> 12 & 63));
    }

    #[inline]
    pub(crate) fn at(&self, n: u32) -> &Slot {
        &self.chunks[(n >> CHUNK_BITS) as usize][n as usize & (CHUNK_SIZE - 1)]
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, n: u32) -> &mut Slot {
        &mut self.chunks[(n >> CHUNK_BITS) as usize][n as usize & (CHUNK_SIZE - 1)]
    }

    /// Returns the slot that `h` names, none when that attempt is not in flight.
    #[inline]
    pub(crate) fn find(&self, h: Handle) -> Option<&Slot> {
        if h.r#gen == 0 || h.slot >= self.size() {
            return None;
        }
        Some(self.at(h.slot)).filter(|s| s.r#gen == h.r#gen)
    }

    /// Returns the lowest taken slot that is at least `n`.
    pub(crate) fn next(&self, n: u32) -> Option<u32> {
        let first = (n >> 6) as usize;
        let mut mask = u64::MAX << (n & 63);
        for (w, word) in self.full0.iter().enumerate().skip(first) {
            let taken = word & mask;
            if taken != 0 {
                return Some((w << 6) as u32 | taken.trailing_zeros());
            }
            mask = u64::MAX;
        }
        None
    }

    /// Returns all taken slots in ascending order.
    pub(crate) fn taken(&self) -> impl Iterator<Item = (u32, &Slot)> {
        core::iter::successors(self.next(0), |n| self.next(n + 1)).map(|n| (n, self.at(n)))
    }

    /// Copies the attempts in flight, and of a chunk no more than those: a chunk is 48 kB and
    /// mostly empty.
    pub(crate) fn copy_from(&mut self, from: &SlotTable) {
        let mut at = self.next(0);
        while let Some(n) = at {
            *self.at_mut(n) = Slot::default();
            at = self.next(n + 1);
        }
        while self.chunks.len() < from.chunks.len() {
            self.grow();
        }
        self.chunks.truncate(from.chunks.len());
        self.full0.clone_from(&from.full0);
        (self.full1, self.full2, self.live) = (from.full1, from.full2, from.live);
        let mut at = from.next(0);
        while let Some(n) = at {
            *self.at_mut(n) = *from.at(n);
            at = from.next(n + 1);
        }
    }
}

#[cfg(test)]
#[path = "inflight_test.rs"]
mod tests;
