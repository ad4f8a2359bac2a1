//! From the lock to the sinks. A slow sink loses notes, never commands, and never delays a request.

use lockstep_core::DecisionKind;

use super::Delivery;

/// Notes that wait for slow sinks at most. Commands are never dropped: each belongs to an endpoint or
/// an attempt in flight, which bounds them.
const MAX_NOTES: usize = 1 << 16;

/// What was decided and not yet handed to the sinks. It belongs to the lock.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Vec<Delivery>,
    dropped: u64,
    fresh: bool,
}

impl Queue {
    pub(crate) fn reserve(&mut self, n: usize) {
        self.waiting.reserve(n);
    }

    pub(crate) fn add(&mut self, d: Delivery) {
        if is_note(d.decision.kind) && self.waiting.len() >= MAX_NOTES {
            self.dropped += 1;
            return;
        }
        self.waiting.push(d);
        self.fresh = true;
    }

    /// Says once that something was added.
    pub(crate) fn take_fresh(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }

    pub(crate) fn swap(&mut self, batch: &mut Vec<Delivery>) {
        std::mem::swap(&mut self.waiting, batch);
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// QUEUED and RETRY, commands too, have larger numbers than the first note, but never come here.
fn is_note(kind: DecisionKind) -> bool {
    kind >= DecisionKind::NOTE_OPENED
}
