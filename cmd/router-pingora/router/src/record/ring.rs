//! The newest finished blocks, in memory of a fixed size. It is also the queue to the disk: a block
//! that is pushed out before it was written is lost to the disk, and nobody waited.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lockstep_core::Config;
use lockstep_trace::{Block, MIN_BLOCK};

/// A finished block and what a file needs beside it.
pub struct Entry {
    /// The block; sealed by whoever writes it, off the driver's lock.
    pub block: Mutex<Block>,
    /// In force at its start; None for none.
    pub config: Option<Arc<Config>>,
    /// Offered by its adopts.
    pub offered: Vec<Arc<Config>>,
    /// Counts blocks from 0.
    pub number: u64,
    /// Of its first fact.
    pub step: u64,
    /// How many facts it has.
    pub steps: u64,
    size: usize, // bytes that it takes in memory
}

impl Entry {
    /// Calls f with the sealed block.
    pub fn sealed<T>(&self, f: impl FnOnce(&[u8]) -> T) -> T {
        f(self.block.lock().unwrap_or_else(PoisonError::into_inner).seal())
    }
}

/// Counts what a recorder has done since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Recorded, up to the last finished block.
    pub steps: u64,
    /// Finished.
    pub blocks: u64,
    /// Written to segments.
    pub written_blocks: u64,
    /// Written to segments.
    pub written_bytes: u64,
    /// That should have been written and were not.
    pub lost_blocks: u64,
    /// In those.
    pub lost_steps: u64,
    /// Written.
    pub dumps: u64,
    /// Over the rate or the cap.
    pub dumps_skipped: u64,
    /// Failed writes.
    pub disk_errors: u64,
    /// "" for none.
    pub last_error: String,
}

/// Holds finished blocks; any thread may use it.
pub struct Ring {
    limit: usize, // bytes
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    entries: VecDeque<Arc<Entry>>, // oldest first
    bytes: usize,
    next: u64,              // number of the next entry
    spare: Option<Vec<u8>>, // a buffer for the next block, so that the lock's holder rarely allocates
    stats: Stats,
}

impl Ring {
    /// Holds at most that many bytes; the last block is kept whatever its size.
    pub fn new(limit: usize) -> Ring {
        Ring { limit, held: Mutex::default() }
    }

    /// Adds a finished block, drops the oldest ones past the limit, and returns a buffer for the next.
    pub fn push(
        &self,
        block: Block,
        config: Option<Arc<Config>>,
        offered: Vec<Arc<Config>>,
        step: u64,
        steps: u64,
    ) -> Vec<u8> {
        let mut held = self.lock();
        let (number, size) = (held.next, block.size());
        held.next += 1;
        held.bytes += size;
        let entry = Entry { block: Mutex::new(block), config, offered, number, step, steps, size };
        held.entries.push_back(Arc::new(entry));
        while held.bytes > self.limit && held.entries.len() > 1 {
            let Some(old) = held.entries.pop_front() else { break };
            held.bytes -= old.size;
            if let Some(old) = Arc::into_inner(old) {
                held.spare = Some(old.block.into_inner().unwrap_or_else(PoisonError::into_inner).into_buffer());
            }
        }
        held.stats.blocks += 1;
        held.stats.steps += steps;
        held.spare.take().unwrap_or_default()
    }

    /// Puts a buffer ready for the next push.
    pub fn refill(&self) {
        let size = {
            let held = self.lock();
            let size = held.entries.back().map_or(MIN_BLOCK, |e| e.size);
            // Past the limit the oldest entry is the buffer.
            if held.spare.is_some() || held.bytes + size > self.limit {
                return;
            }
            size
        };
        let buffer = Vec::with_capacity(size);
        self.lock().spare = Some(buffer);
    }

    /// Returns the oldest entry from that number on, None when there is none yet.
    pub fn get(&self, from: u64) -> Option<Arc<Entry>> {
        let held = self.lock();
        let oldest = held.entries.front()?.number;
        if held.next <= from {
            return None;
        }
        held.entries.get(from.saturating_sub(oldest) as usize).cloned()
    }

    /// Changes the statistics.
    pub fn count(&self, f: impl FnOnce(&mut Stats)) {
        f(&mut self.lock().stats);
    }

    /// Is what has been done so far.
    pub fn stats(&self) -> Stats {
        self.lock().stats.clone()
    }

    /// Is the number that the next entry will get.
    pub fn end(&self) -> u64 {
        self.lock().next
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
