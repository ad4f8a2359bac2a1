//! Succession: the state that a successor begins with (SPEC, "Succession").

use crate::class::Class;
use crate::deadlines::TimerKind;
use crate::decision::Decision;
use crate::event::{Event, EventKind, Handle};
use crate::inflight::SlotState;
use crate::router::{Counters, Router};
use crate::time::NEVER;
use alloc::vec::Vec;

impl Router {
    /// Makes the router the state that a successor begins with, when one process hands it over to
    /// another: what was learnt stays (breakers, health, rotation, epoch), what belongs to the
    /// connections of the predecessor goes. Call it on a copy, or on what `restore` returned: the
    /// predecessor goes on with its own attempts until they end.
    ///
    /// Each attempt ends as drained (R14), which is excluded: it frees its slot, hands a half-open
    /// probe back and changes nothing else (R7). Endpoints that waited for their last attempt
    /// retire. A probe that is out is forgotten and not counted; the next one comes when it was due.
    pub fn succeed(&mut self) {
        let mut out = Vec::new();
        // Nothing that waits is admitted in place of what ends.
        let mut drain = Event { kind: EventKind::DRAIN, deadline: NEVER, ..Event::default() };
        self.step(self.now, &mut drain, &mut out);
        self.finish_all(true, &mut out); // first what waits, or it would have its turn
        self.finish_all(false, &mut out);
        (self.draining, self.abort_from) = (false, 0);
        self.timers.set(TimerKind::Drain, 0, NEVER);
        for n in 0..self.endpoints.len() {
            if core::mem::take(&mut self.endpoints[n].health.token) != 0 {
                self.timers.set(TimerKind::HealthGuard, n as i32, NEVER);
                self.touch_endpoint(n as i32);
            }
        }
        self.counters = Counters::default();
    }

    /// Ends what is in the table, or only what waits, lowest slot first.
    fn finish_all(&mut self, waiting: bool, out: &mut Vec<Decision>) {
        let mut next = self.slots.next(0);
        while let Some(n) = next {
            let s = self.slots.at(n);
            let handle = Handle { slot: n, r#gen: s.r#gen };
            if !waiting || s.state == SlotState::Waiting {
                out.clear();
                let mut end = Event { kind: EventKind::FINISH, class: Class::DRAINING, handle, ..Event::default() };
                self.step(self.now, &mut end, out);
            }
            next = self.slots.next(n + 1);
        }
    }
}
