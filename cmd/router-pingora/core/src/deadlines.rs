//! Deadlines: an indexed binary heap of what a step must do when time has come, ordered by
//! (time, kind, number), at most one entry per kind and number.

use crate::time::{NEVER, Time};
use alloc::vec::Vec;

/// Timer kinds, in the order in which they fire at equal times (SPEC, "Deadlines"). 6 is free.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum TimerKind {
    /// Half-open probe that never answered.
    BreakerGuard = 0,
    /// Active probe that never answered.
    HealthGuard = 1,
    /// Next active probe.
    Health = 2,
    /// Abort what is left.
    Drain = 3,
    /// A wait in a queue is over; by slot.
    Queue = 4,
    /// A back-off is over; by slot.
    Retry = 5,
    /// End of an adaptive limit's window.
    Limit = 7,
}

const KINDS: usize = 8;
const NUMBER_BITS: u32 = 24;
const NUMBER_MASK: u32 = (1 << NUMBER_BITS) - 1;

/// One armed timer: derived order is by time, then kind, then number.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Timer {
    pub(crate) at: Time,
    /// Kind in the high bits, number in the low.
    item: u32,
}

impl Timer {
    fn slot(self) -> (usize, usize) {
        ((self.item >> NUMBER_BITS) as usize, (self.item & NUMBER_MASK) as usize)
    }

    /// The timer's kind; none for the free one.
    pub(crate) fn kind(self) -> Option<TimerKind> {
        Some(match self.item >> NUMBER_BITS {
            0 => TimerKind::BreakerGuard,
            1 => TimerKind::HealthGuard,
            2 => TimerKind::Health,
            3 => TimerKind::Drain,
            4 => TimerKind::Queue,
            5 => TimerKind::Retry,
            7 => TimerKind::Limit,
            _ => return None,
        })
    }

    pub(crate) fn number(self) -> i32 {
        (self.item & NUMBER_MASK) as i32
    }
}

/// All armed timers of a router.
#[derive(Clone, Default)]
pub(crate) struct Timers {
    heap: Vec<Timer>,
    /// Position in `heap` plus 1, 0 for absent.
    pos: [Vec<i32>; KINDS],
}

impl Timers {
    /// Makes room for numbers below `n`, so that `set` never allocates.
    pub(crate) fn reserve(&mut self, n: usize) {
        for pos in &mut self.pos {
            if pos.len() < n {
                pos.resize(n, 0);
            }
        }
        self.heap.reserve((n * KINDS).saturating_sub(self.heap.len()));
    }

    /// Makes room for the waits of slots below `n`.
    pub(crate) fn reserve_slots(&mut self, n: usize) {
        for k in [TimerKind::Queue, TimerKind::Retry] {
            let pos = &mut self.pos[k as usize];
            if pos.len() < n {
                pos.resize(n, 0);
            }
        }
        self.heap.reserve(n.saturating_sub(self.heap.len()));
    }

    /// Returns when the next timer fires, `NEVER` without one.
    #[inline]
    pub(crate) fn next(&self) -> Time {
        self.heap.first().map_or(NEVER, |t| t.at)
    }

    /// Returns the timer that fires next.
    pub(crate) fn first(&self) -> Option<Timer> {
        self.heap.first().copied()
    }

    /// Arms or moves the timer; `NEVER` disarms it.
    pub(crate) fn set(&mut self, k: TimerKind, number: i32, at: Time) {
        let p = self.pos[k as usize][number as usize];
        if at == NEVER {
            if p != 0 {
                self.remove(p as usize - 1);
            }
            return;
        }
        let e = Timer { at, item: (k as u32) << NUMBER_BITS | number as u32 };
        if p == 0 {
            self.heap.push(e);
            self.up(self.heap.len() - 1, e);
        } else {
            self.fix(p as usize - 1, e);
        }
    }

    /// Returns when the timer fires, `NEVER` when it is not armed.
    pub(crate) fn get(&self, k: TimerKind, number: i32) -> Time {
        match self.pos[k as usize][number as usize] {
            0 => NEVER,
            p => self.heap[p as usize - 1].at,
        }
    }

    /// Makes these timers the same as others.
    pub(crate) fn copy_from(&mut self, from: &Timers) {
        self.heap.clone_from(&from.heap);
        for (own, pos) in self.pos.iter_mut().zip(&from.pos) {
            own.clone_from(pos);
        }
    }

    fn remove(&mut self, i: usize) {
        let (kind, number) = self.heap[i].slot();
        self.pos[kind][number] = 0;
        if let Some(last) = self.heap.pop()
            && i < self.heap.len()
        {
            self.fix(i, last);
        }
    }

    /// Puts `e` at `i` or where it belongs from there.
    fn fix(&mut self, i: usize, e: Timer) {
        if i > 0 && e < self.heap[(i - 1) / 2] { self.up(i, e) } else { self.down(i, e) }
    }

    fn place(&mut self, i: usize, e: Timer) {
        self.heap[i] = e;
        let (kind, number) = e.slot();
        self.pos[kind][number] = i as i32 + 1;
    }

    fn up(&mut self, mut i: usize, e: Timer) {
        while i > 0 {
            let parent = (i - 1) / 2;
            if e >= self.heap[parent] {
                break;
            }
            self.place(i, self.heap[parent]);
            i = parent;
        }
        self.place(i, e);
    }

    fn down(&mut self, mut i: usize, e: Timer) {
        loop {
            let mut child = 2 * i + 1;
            if child >= self.heap.len() {
                break;
            }
            if child + 1 < self.heap.len() && self.heap[child + 1] < self.heap[child] {
                child += 1;
            }
            if self.heap[child] >= e {
                break;
            }
            self.place(i, self.heap[child]);
            i = child;
        }
        self.place(i, e);
    }
}

#[cfg(test)]
#[path = "deadlines_test.rs"]
mod tests;
