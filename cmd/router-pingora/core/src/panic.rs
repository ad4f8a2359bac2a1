//! Panic (R9): when too few endpoints of a placement are usable, their health says more about
//! the probes, or about the network, than about the servers. The placement then ignores health,
//! or fails, or hands its requests on, as it says.

use crate::names::enumeration;

enumeration! {
    /// R9: what a placement in panic does.
    PanicMode {
        /// Ignores health.
        ALL = 0,
        /// Refuses with 503.
        FAIL = 1,
        /// Hands requests on to the next candidate.
        FAIL_OVER = 2,
    }
}

/// Number of panic modes.
pub(crate) const PANIC_MODES: u8 = 3;

impl PanicMode {
    /// The name used in configuration; "unknown" for a number that is no mode.
    pub const fn as_str(self) -> &'static str {
        match self {
            PanicMode::ALL => "all",
            PanicMode::FAIL => "fail",
            PanicMode::FAIL_OVER => "fail_over",
            _ => "unknown",
        }
    }
}
