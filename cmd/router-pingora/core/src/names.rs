//! Enumerations that travel (in traces, snapshots and configuration) and their names as
//! headers, logs and traces print them.

use crate::class::Class;
use crate::decision::{Cause, Circuit, DecisionKind, Failover, Reason, Trip};
use crate::event::{EventKind, Origin};
use crate::panic::PanicMode;
use crate::spec::Policy;

/// Makes an enumeration whose unknown values travel unharmed: a number with named constants.
macro_rules! enumeration {
    ($(#[$doc:meta])* $name:ident { $( $(#[$each:meta])* $value:ident = $number:literal ),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
        pub struct $name(pub u8);
        impl $name {
            $( $(#[$each])* pub const $value: $name = $name($number); )*
        }
    };
}
pub(crate) use enumeration;

/// Prints an enumeration by its name.
macro_rules! display {
    ($($name:ident),*) => {
        $( impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        } )*
    };
}
display!(Class, EventKind, DecisionKind, Reason, Failover, Circuit, Trip, Cause, Origin, Policy, PanicMode);

impl EventKind {
    /// The event's name; "none" for a number that is no event.
    pub const fn as_str(self) -> &'static str {
        match self {
            EventKind::ARRIVE => "arrive",
            EventKind::REPLY => "reply",
            EventKind::FINISH => "finish",
            EventKind::PROBED => "probed",
            EventKind::ADOPT => "adopt",
            EventKind::CONTROL => "control",
            EventKind::DRAIN => "drain",
            EventKind::TICK => "tick",
            _ => "none",
        }
    }
}

impl DecisionKind {
    /// The decision's name; "none" for a number that is no decision.
    pub const fn as_str(self) -> &'static str {
        match self {
            DecisionKind::FORWARD => "forward",
            DecisionKind::REJECT => "reject",
            DecisionKind::ABORT => "abort",
            DecisionKind::PROBE => "probe",
            DecisionKind::CLOSE_IDLE => "close_idle",
            DecisionKind::ACK => "ack",
            DecisionKind::NACK => "nack",
            DecisionKind::QUEUED => "queued",
            DecisionKind::RETRY => "retry",
            _ => self.note_name(),
        }
    }

    const fn note_name(self) -> &'static str {
        match self {
            DecisionKind::NOTE_OPENED => "opened",
            DecisionKind::NOTE_HALF_OPENED => "half_opened",
            DecisionKind::NOTE_CLOSED => "closed",
            DecisionKind::NOTE_TRIP_CAPPED => "trip_capped",
            DecisionKind::NOTE_HEALTHY => "healthy",
            DecisionKind::NOTE_UNHEALTHY => "unhealthy",
            DecisionKind::NOTE_ADOPTED => "adopted",
            DecisionKind::NOTE_RETIRED => "retired",
            DecisionKind::NOTE_CONTROL => "control",
            DecisionKind::NOTE_DRAINING => "draining",
            DecisionKind::NOTE_DRAINED => "drained",
            DecisionKind::NOTE_IGNORED => "ignored",
            DecisionKind::NOTE_BUG => "bug",
            DecisionKind::NOTE_PANIC_ENTERED => "panic_entered",
            DecisionKind::NOTE_PANIC_LEFT => "panic_left",
            DecisionKind::NOTE_LIMIT_CHANGED => "limit_changed",
            _ => "none",
        }
    }
}

impl Reason {
    /// The value of X-Route-Reason; "" for none.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::DEDICATED => "dedicated",
            Reason::TIER => "tier",
            Reason::DEFAULT => "default",
            _ => "",
        }
    }
}

impl Failover {
    /// The value of X-Failover-Reason; "" for none.
    pub const fn as_str(self) -> &'static str {
        match self {
            Failover::CIRCUIT_OPEN => "circuit_open",
            Failover::UNHEALTHY => "upstream_unhealthy",
            Failover::LIMIT => "concurrency_limit",
            _ => "",
        }
    }
}

impl Circuit {
    /// The value of X-Circuit-State; "" where the header is left out.
    pub const fn as_str(self) -> &'static str {
        match self {
            Circuit::CLOSED => "closed",
            Circuit::OPEN => "open",
            Circuit::HALF_OPEN => "half_open",
            _ => "",
        }
    }
}

impl Trip {
    /// The trip's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Trip::RATIO => "ratio",
            Trip::SLOW => "slow",
            _ => "consecutive",
        }
    }
}

impl Cause {
    /// The cause's name; "none" for none.
    pub const fn as_str(self) -> &'static str {
        match self {
            Cause::STALE => "stale",
            Cause::EPOCH_CONFLICT => "epoch_conflict",
            Cause::INVALID => "invalid",
            Cause::NOT_PERSISTED => "not_persisted",
            Cause::UNKNOWN_HANDLE => "unknown_handle",
            Cause::SECOND_REPLY => "second_reply",
            Cause::OLD_GENERATION => "old_generation",
            Cause::BAD_STATUS => "bad_status",
            Cause::LATE_PROBE => "late_probe",
            Cause::BAD_ROUTE => "bad_route",
            Cause::BAD_EVENT => "bad_event",
            Cause::TABLE_FULL => "table_full",
            Cause::INVARIANT => "invariant",
            Cause::KEYS_REROUTED => "keys_rerouted",
            Cause::KEYS_REMOVED => "keys_removed",
            Cause::ENDPOINTS_REMOVED => "endpoints_removed",
            Cause::LIMIT_LOWERED => "limit_lowered",
            _ => "none",
        }
    }
}

impl Origin {
    /// The origin's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Origin::CONTROL => "control_plane",
            Origin::DISK => "disk",
            Origin::BOOTSTRAP => "bootstrap",
            _ => "file",
        }
    }
}

#[cfg(test)]
#[path = "names_test.rs"]
mod tests;
