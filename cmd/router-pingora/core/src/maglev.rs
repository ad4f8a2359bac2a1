//! Maglev (R10; Eisenbud et al. 2016).

use crate::config::PlacementConfig;
use crate::random::{Purpose, below, draw};
use crate::router::Router;

/// The length of every table, whatever the number of endpoints: a table that grew with them would
/// move nearly every key when it does.
pub(crate) const MAGLEV_SIZE: usize = 65537;

/// Bounds how many places a step asks for an admissible endpoint; past it rendezvous decides.
const MAGLEV_TRIES: u64 = 32;

impl Router {
    /// Asks the key's place, and while an endpoint there is not admissible, the place of its next
    /// draw.
    pub(crate) fn pick_maglev(&mut self, p: &PlacementConfig, key: u64) -> usize {
        self.mark_all();
        for i in 0..MAGLEV_TRIES {
            let at = below(draw(0, key, i, Purpose::MaglevLookup), MAGLEV_SIZE as u64);
            if let Some(at) = self.marked(p, i32::from(p.choice.table[at as usize])) {
                return at;
            }
        }
        self.pick_rendezvous(p, key)
    }
}
