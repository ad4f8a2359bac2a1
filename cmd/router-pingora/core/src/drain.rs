//! Drain (R14): nothing new is admitted; at the deadline what is left is aborted.

use crate::class::Class;
use crate::deadlines::TimerKind;
use crate::decision::{Decision, DecisionKind};
use crate::event::{Event, Handle};
use crate::inflight::SlotState;
use crate::router::{Router, note};
use crate::time::{NEVER, Time};
use alloc::vec::Vec;

/// Bounds the aborts of one Step; the rest follow one nanosecond later.
const DRAIN_BATCH: usize = 256;

impl Router {
    pub(crate) fn drain(&mut self, now: Time, ev: &Event, out: &mut Vec<Decision>) {
        (self.draining, self.abort_from) = (true, 0);
        let deadline = ev.deadline.max(now);
        self.timers.set(TimerKind::Drain, 0, deadline);
        let mut d = note(DecisionKind::NOTE_DRAINING, 14, now);
        d.until = deadline;
        out.push(d);
    }

    /// Refuses what waits and tells the edge to cut attempts, lowest slot first. Each still ends
    /// with its Finish, so a slot that has been told is told again only if a second Drain comes.
    pub(crate) fn abort_batch(&mut self, at: Time, now: Time, out: &mut Vec<Decision>) {
        let (mut count, mut done) = (0, 0);
        let mut next = self.slots.next(self.abort_from);
        while let Some(n) = next {
            if done == DRAIN_BATCH {
                self.abort_from = n;
                self.timers.set(TimerKind::Drain, 0, now + 1);
                return;
            }
            done += 1;
            let s = *self.slots.at(n);
            if s.state == SlotState::Waiting {
                self.refuse(at, n, Class::DRAINING, out);
            } else {
                let mut d = self.about(DecisionKind::ABORT, 14, at, s.endpoint);
                (d.handle, d.class) = (Handle { slot: n, r#gen: s.r#gen }, Class::DRAINING);
                out.push(d);
                count += 1;
            }
            next = self.slots.next(n + 1);
        }
        self.abort_from = 0;
        self.timers.set(TimerKind::Drain, 0, NEVER);
        let mut d = note(DecisionKind::NOTE_DRAINED, 14, at);
        d.count = count;
        out.push(d);
    }
}
