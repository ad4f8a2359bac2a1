//! What Compile makes of R5's queue and of R11.

use crate::config::Config;
use crate::spec::WhenFull;

impl Config {
    /// Says whether any request may wait or be retried.
    pub(crate) fn comes_again(&self) -> bool {
        self.placements.iter().any(|p| p.retries.max > 0 || p.limit.when_full == WhenFull::QUEUE)
    }
}
