//! Selection inside a placement (R10): given the admissible endpoints, in the order of the
//! configuration, pick one. Picking changes nothing; commit does.

use crate::config::PlacementConfig;
use crate::router::Router;

impl Router {
    /// Highest random weight among the admissible endpoints.
    pub(crate) fn pick_rendezvous(&self, _p: &PlacementConfig, _key: u64) -> usize {
        0
    }
}
