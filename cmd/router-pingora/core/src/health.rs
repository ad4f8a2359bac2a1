//! Active health of one endpoint (R8): probes in a row decide, one way or the other. Health says
//! whom to prefer; it never blocks a request (R3).

/// The state; its settings are the placement's `HealthSpec`.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Health {
    pub(crate) unhealthy: bool,
    /// Probes in a row that contradict the present state.
    pub(crate) streak: u32,
    /// Of the probe in flight, 0 for none.
    pub(crate) token: u32,
}

impl Health {
    /// The part of the digest.
    pub(crate) fn mix(&self, h: u64) -> u64 {
        h
    }
}
