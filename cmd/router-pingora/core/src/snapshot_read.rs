//! Reading a snapshot. Any input is safe; one that `Router::snapshot` did not write gives an
//! error.

use crate::config::Config;
use crate::router::Router;
use alloc::sync::Arc;
use core::fmt;

/// Why a snapshot cannot be restored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestoreError(pub(crate) &'static str);

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "restoring a snapshot: {}", self.0)
    }
}

impl core::error::Error for RestoreError {}

/// Returns the digest of the configuration that a snapshot names, 0 when it names none, and the
/// seed that it was made under.
pub fn snapshot_config(_snapshot: &[u8]) -> Result<(u64, u64), RestoreError> {
    Err(RestoreError("not yet"))
}

impl Router {
    /// Returns a router in the state that `snapshot` wrote. `c` is the configuration that the
    /// snapshot names, none when it names none.
    pub fn restore(_snapshot: &[u8], _c: Option<Arc<Config>>, _strict: bool) -> Result<Router, RestoreError> {
        Err(RestoreError("not yet"))
    }
}
