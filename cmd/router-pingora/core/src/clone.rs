//! Copies of a router.

use crate::inflight::{CHUNK_SIZE, SlotState};
use crate::journey::JourneyState;
use crate::router::Router;
use alloc::boxed::Box;

impl Router {
    /// Makes this router the same as `from` in everything: state, numbers, handles, deadlines,
    /// seed and strictness. Afterwards neither sees what the other does; only the immutable
    /// `Config` is shared.
    pub fn copy_from(&mut self, from: &Router) {
        self.seed = from.seed;
        self.strict = from.strict;
        self.draining = from.draining;
        self.now = from.now;
        self.epoch = from.epoch;
        self.config.clone_from(&from.config);
        self.serial = from.serial;
        self.placements.clone_from(&from.placements);
        self.endpoints.clone_from(&from.endpoints);
        self.numbers.placement.clone_from(&from.numbers.placement);
        self.numbers.endpoint.clone_from(&from.numbers.endpoint);
        self.slots.copy_from(&from.slots);
        self.timers.copy_from(&from.timers);
        self.abort_from = from.abort_from;
        self.copy_journeys(from);
        self.waiting = from.waiting;
        self.admissible.clear();
        self.ids.clear();
        self.sum = from.sum;
        self.touched_placements.clone_from(&from.touched_placements);
        self.touched_endpoints.clone_from(&from.touched_endpoints);
        self.counters = from.counters;
        self.extras.clone_from(&from.extras);
        self.stamp = from.stamp;
    }

    /// Copies the journeys of what `from` holds.
    fn copy_journeys(&mut self, from: &Router) {
        while self.journeys.len() < from.journeys.len() {
            self.journeys.push(Box::new([JourneyState::default(); CHUNK_SIZE]));
        }
        self.journeys.truncate(from.journeys.len());
        for (n, _) in from.slots.taken().filter(|(_, s)| s.state != SlotState::Plain) {
            *self.journey_at_mut(n) = *from.journey_at(n);
        }
    }
}
