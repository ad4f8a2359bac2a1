//! Ketama (R10): nginx's `hash $key consistent` and Pingora's ring.

use crate::config::PlacementConfig;
use crate::journey::Ask;
use crate::router::Router;

/// One point; `at` is the endpoint's place in its placement.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct RingPoint {
    pub(crate) hash: u32,
    pub(crate) at: i32,
}

/// Bounds how far a step looks for an admissible point; past it rendezvous decides.
const MAX_RING_WALK: usize = 4096;

impl Router {
    /// Walks the ring from the key's point to the first of an admissible endpoint.
    pub(crate) fn pick_ketama(&mut self, p: &PlacementConfig, ask: &Ask) -> usize {
        let ring = &p.choice.ring;
        let mut lo = ring.partition_point(|point| point.hash < ask.ev.route.ring);
        self.mark_all();
        for _ in 0..ring.len().min(MAX_RING_WALK) {
            if lo == ring.len() {
                lo = 0;
            }
            if let Some(at) = self.marked(p, ring[lo].at) {
                return at;
            }
            lo += 1;
        }
        self.pick_rendezvous(p, ask.ev.route.key)
    }

    /// Notes which endpoints are on the list and where, for marked.
    pub(crate) fn mark_all(&mut self) {
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            // Come round: no old mark may look new.
            self.extras.iter_mut().for_each(|x| x.stamp = 0);
            self.stamp = 1;
        }
        for (i, &n) in self.admissible.iter().enumerate() {
            let x = &mut self.extras[n as usize];
            (x.stamp, x.at) = (self.stamp, i as i32);
        }
    }

    /// Returns the place on the list of the endpoint at a place of the placement.
    pub(crate) fn marked(&self, p: &PlacementConfig, at: i32) -> Option<usize> {
        let x = &self.extras[self.numbers.endpoint[(p.first + at) as usize] as usize];
        (x.stamp == self.stamp).then_some(x.at as usize)
    }
}
